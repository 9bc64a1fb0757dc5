"""Automations in full: numbers, delays, time-outs, what to do when a send fails."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("automations", sa.Column("channel_id", sa.Uuid(), nullable=True))
    op.add_column(
        "automations",
        sa.Column("delay", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("automations", sa.Column("at_time", sa.Time(), nullable=True))
    op.add_column(
        "automations",
        sa.Column("respects_quiet", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    op.add_column("automations", sa.Column("timeout", sa.BigInteger(), nullable=True))
    op.add_column(
        "automations",
        sa.Column("timeout_from", sa.Text(), server_default=sa.text("'sent'"), nullable=False),
    )
    op.add_column("automations", sa.Column("fallback_stage_id", sa.Uuid(), nullable=True))
    op.add_column(
        "automations",
        sa.Column("resends", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column(
        "automations",
        sa.Column(
            "on_failure",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.create_foreign_key(
        op.f("fk_automations_merchant_id_fallback_stage_id"),
        "automations",
        "stages",
        ["merchant_id", "fallback_stage_id"],
        ["merchant_id", "id"],
        ondelete="SET NULL (fallback_stage_id)",
    )
    op.create_foreign_key(
        op.f("fk_automations_merchant_id_channel_id"),
        "automations",
        "channels",
        ["merchant_id", "channel_id"],
        ["merchant_id", "id"],
        ondelete="SET NULL (channel_id)",
    )
    op.add_column("messages", sa.Column("run_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_messages_run",
        "messages",
        ["merchant_id", "run_id"],
        unique=False,
        postgresql_where=sa.text("run_id IS NOT NULL"),
    )
    op.add_column("runs", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("runs", sa.Column("timeout_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "runs",
        sa.Column("sent_count", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("runs", sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("runs", sa.Column("cancel_reason", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("expired_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_runs_due",
        "runs",
        ["merchant_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_runs_timeout",
        "runs",
        ["merchant_id", "timeout_at"],
        unique=False,
        postgresql_where=sa.text("timeout_at IS NOT NULL"),
    )
    # Messages of before know their run, so that a tap and a status find it the same way.
    op.execute(
        "UPDATE messages m SET run_id = r.id FROM runs r"
        " WHERE r.merchant_id = m.merchant_id AND r.message_id = m.id"
    )


def downgrade() -> None:
    op.drop_index(
        "ix_runs_timeout", table_name="runs", postgresql_where=sa.text("timeout_at IS NOT NULL")
    )
    op.drop_index("ix_runs_due", table_name="runs", postgresql_where=sa.text("due_at IS NOT NULL"))
    op.drop_column("runs", "expired_at")
    op.drop_column("runs", "cancel_reason")
    op.drop_column("runs", "cancelled_at")
    op.drop_column("runs", "sent_count")
    op.drop_column("runs", "timeout_at")
    op.drop_column("runs", "due_at")
    op.drop_index(
        "ix_messages_run", table_name="messages", postgresql_where=sa.text("run_id IS NOT NULL")
    )
    op.drop_column("messages", "run_id")
    op.drop_constraint(
        op.f("fk_automations_merchant_id_channel_id"), "automations", type_="foreignkey"
    )
    op.drop_constraint(
        op.f("fk_automations_merchant_id_fallback_stage_id"), "automations", type_="foreignkey"
    )
    op.drop_column("automations", "on_failure")
    op.drop_column("automations", "resends")
    op.drop_column("automations", "fallback_stage_id")
    op.drop_column("automations", "timeout_from")
    op.drop_column("automations", "timeout")
    op.drop_column("automations", "respects_quiet")
    op.drop_column("automations", "at_time")
    op.drop_column("automations", "delay")
    op.drop_column("automations", "channel_id")
