"""What did not go well is looked at by people: who dealt with it, when and why."""

import sqlalchemy as sa
from alembic import op

from migrations.protect import narrow, widen

revision = "0020"
down_revision = "0019"

OF_ORDER = "order_id IN (SELECT o.id FROM orders o)"
OF_MESSAGE = "message_id IN (SELECT m.id FROM messages m)"
OF_RUN = "run_id IN (SELECT r.id FROM runs r)"
STUCK = "sending IN ('uncertain', 'failed') AND settled_at IS NULL"


def upgrade() -> None:
    for table in ("messages", "runs"):
        op.add_column(table, sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
        op.add_column(table, sa.Column("settled_by_id", sa.Uuid(), nullable=True))
        op.add_column(table, sa.Column("settled_note", sa.Text(), nullable=True))
        _refer(table, "settled_by_id", "memberships", "SET NULL (settled_by_id)")
    op.create_index(
        "ix_messages_stuck",
        "messages",
        ["merchant_id", "sending", "reason", "at", "id"],
        postgresql_include=["channel_id", "template_id", "order_id"],
        postgresql_where=sa.text(STUCK),
    )
    op.create_index(
        "ix_runs_failed",
        "runs",
        ["merchant_id", "failure", "created_at", "id"],
        postgresql_include=["automation_id"],
        postgresql_where=sa.text("failure IS NOT NULL AND settled_at IS NULL AND trigger <> id"),
    )
    _envelopes()
    _bulk_items()


def _envelopes() -> None:
    op.add_column("envelopes", sa.Column("concerns", sa.ARRAY(sa.Uuid()), nullable=True))
    op.add_column("envelopes", sa.Column("note", sa.Text(), nullable=True))
    op.create_index(
        "ix_envelopes_aside",
        "envelopes",
        ["state", "id"],
        postgresql_where=sa.text("state IN ('unrouted', 'quarantined')"),
    )
    op.create_index(
        "ix_envelopes_concerns",
        "envelopes",
        ["concerns"],
        postgresql_using="gin",
        postgresql_where=sa.text("state = 'quarantined'"),
    )


def _bulk_items() -> None:
    op.alter_column("bulk_items", "order_id", nullable=True)
    for column, table in (("message_id", "messages"), ("run_id", "runs")):
        op.add_column("bulk_items", sa.Column(column, sa.Uuid(), nullable=True))
        _refer("bulk_items", column, table, "CASCADE")
    widen("bulk_items")
    narrow("bulk_items", f"{OF_ORDER} OR {OF_MESSAGE} OR {OF_RUN}")


def _refer(table: str, column: str, to: str, ondelete: str) -> None:
    op.create_foreign_key(
        op.f(f"fk_{table}_merchant_id_{column}"),
        table,
        to,
        ["merchant_id", column],
        ["merchant_id", "id"],
        ondelete=ondelete,
    )


def downgrade() -> None:
    op.execute("DELETE FROM bulk_items WHERE order_id IS NULL")
    widen("bulk_items")
    narrow("bulk_items", OF_ORDER)
    for column in ("run_id", "message_id"):
        op.drop_column("bulk_items", column)
    op.alter_column("bulk_items", "order_id", nullable=False)
    op.execute("UPDATE envelopes SET state = 'settled' WHERE state = 'dismissed'")
    op.drop_index("ix_envelopes_concerns", "envelopes")
    op.drop_index("ix_envelopes_aside", "envelopes")
    op.drop_column("envelopes", "note")
    op.drop_column("envelopes", "concerns")
    op.drop_index("ix_runs_failed", "runs")
    op.drop_index("ix_messages_stuck", "messages")
    for table in ("runs", "messages"):
        for column in ("settled_note", "settled_by_id", "settled_at"):
            op.drop_column(table, column)
