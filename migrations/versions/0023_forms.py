"""Address forms of numbers: keys, and how far they are at Meta."""

import sqlalchemy as sa
from alembic import op

from migrations.protect import narrow, protect

revision = "0023"
down_revision = "0022"

INSTANT = sa.DateTime(timezone=True)
STATES = ("none", "drafted", "published", "throttled", "blocked", "deprecated")


def upgrade() -> None:
    op.create_table(
        "forms",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_private_key", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("key_taken_at", INSTANT, nullable=True),
        sa.Column("flow_id", sa.Text(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(*STATES, name="formstate", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("endpoint", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("published_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["channels.merchant_id", "channels.id"],
            name=op.f("fk_forms_merchant_id_channel_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_forms_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_forms")),
        sa.UniqueConstraint(
            "merchant_id", "channel_id", name=op.f("uq_forms_merchant_id_channel_id")
        ),
    )
    protect("forms")
    # Whoever sees only their own orders may write an address down, and never a key.
    narrow("forms", "false")


def downgrade() -> None:
    op.drop_table("forms")
