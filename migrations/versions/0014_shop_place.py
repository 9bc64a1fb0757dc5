"""Where a shop is, what it keeps to send again, and the pictures of a carousel's cards."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import protect

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("merchants", sa.Column("place", postgresql.JSONB(), nullable=True))
    op.add_column("message_templates", sa.Column("card_media", postgresql.JSONB(), nullable=True))
    op.create_table(
        "snippets",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "media_id"],
            ["media.merchant_id", "media.id"],
            name=op.f("fk_snippets_merchant_id_media_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_snippets_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_snippets")),
        sa.UniqueConstraint("merchant_id", "name", name=op.f("uq_snippets_merchant_id_name")),
    )
    op.create_index(
        op.f("ix_snippets_merchant_id_media_id"), "snippets", ["merchant_id", "media_id"]
    )
    protect("snippets")


def downgrade() -> None:
    op.drop_table("snippets")
    op.drop_column("message_templates", "card_media")
    op.drop_column("merchants", "place")
