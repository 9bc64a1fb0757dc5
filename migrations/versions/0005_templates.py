"""Templates that people write, and when to ask Meta for them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column(
        "channels", sa.Column("templates_due_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("message_templates", sa.Column("media_id", sa.Uuid(), nullable=True))
    op.add_column("message_templates", sa.Column("next_category", sa.Text(), nullable=True))
    op.add_column("message_templates", sa.Column("recategorised_from", sa.Text(), nullable=True))
    op.add_column(
        "message_templates",
        sa.Column(
            "draft", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
    )
    op.add_column(
        "message_templates",
        sa.Column(
            "sending",
            sa.Enum(
                "queued",
                "claimed",
                "waiting",
                "held",
                "accepted",
                "failed",
                "uncertain",
                "discarded",
                name="sending",
                native_enum=False,
                length=24,
            ),
            nullable=True,
        ),
    )
    op.add_column(
        "message_templates", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "message_templates", sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "message_templates",
        sa.Column("attempt", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("message_templates", sa.Column("problem", sa.Text(), nullable=True))
    op.create_index(
        "ix_message_templates_outbox",
        "message_templates",
        ["merchant_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("sending IN ('queued', 'claimed', 'waiting')"),
    )
    op.create_foreign_key(
        op.f("fk_message_templates_merchant_id_media_id"),
        "message_templates",
        "media",
        ["merchant_id", "media_id"],
        ["merchant_id", "id"],
        ondelete="SET NULL (media_id)",
    )


def downgrade() -> None:
    op.drop_constraint(
        op.f("fk_message_templates_merchant_id_media_id"), "message_templates", type_="foreignkey"
    )
    op.drop_index(
        "ix_message_templates_outbox",
        table_name="message_templates",
        postgresql_where=sa.text("sending IN ('queued', 'claimed', 'waiting')"),
    )
    op.drop_column("message_templates", "problem")
    op.drop_column("message_templates", "attempt")
    op.drop_column("message_templates", "lease_until")
    op.drop_column("message_templates", "due_at")
    op.drop_column("message_templates", "sending")
    op.drop_column("message_templates", "draft")
    op.drop_column("message_templates", "recategorised_from")
    op.drop_column("message_templates", "next_category")
    op.drop_column("message_templates", "media_id")
    op.drop_column("channels", "templates_due_at")
