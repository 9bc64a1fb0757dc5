"""Consent, blocking and what delivery costs."""

import sqlalchemy as sa
from alembic import op

from migrations.protect import LEDGER, protect

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "delivery_zones",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("home", sa.BigInteger(), nullable=True),
        sa.Column("desk", sa.BigInteger(), nullable=True),
        sa.Column("free_above", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_delivery_zones_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_delivery_zones")),
    )
    op.create_index(
        op.f("ix_delivery_zones_merchant_id_position"),
        "delivery_zones",
        ["merchant_id", "position"],
        unique=False,
    )
    op.create_table(
        "delivery_cities",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("zone_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "zone_id"],
            ["delivery_zones.merchant_id", "delivery_zones.id"],
            name=op.f("fk_delivery_cities_merchant_id_zone_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_delivery_cities_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_delivery_cities")),
        sa.UniqueConstraint("merchant_id", "key", name=op.f("uq_delivery_cities_merchant_id_key")),
    )
    op.create_table(
        "consents",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("identity_id", sa.Uuid(), nullable=True),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "by_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_consents_merchant_id_by_id"),
            ondelete="SET NULL (by_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customers.merchant_id", "customers.id"],
            name=op.f("fk_consents_merchant_id_customer_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "identity_id"],
            ["whatsapp_identities.merchant_id", "whatsapp_identities.id"],
            name=op.f("fk_consents_merchant_id_identity_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_consents_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_consents")),
    )
    op.create_index(
        op.f("ix_consents_merchant_id_customer_id_at"),
        "consents",
        ["merchant_id", "customer_id", "at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_consents_merchant_id_identity_id_at"),
        "consents",
        ["merchant_id", "identity_id", "at"],
        unique=False,
    )
    op.add_column(
        "conversations",
        sa.Column("muted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("customers", sa.Column("marketing_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("customers", sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "customers",
        sa.Column("blocked_reason", sa.Text(), server_default=sa.text("''"), nullable=False),
    )
    op.add_column(
        "whatsapp_identities", sa.Column("opted_out_at", sa.DateTime(timezone=True), nullable=True)
    )
    protect("delivery_zones")
    protect("delivery_cities")
    protect("consents", allowed=LEDGER)


def downgrade() -> None:
    op.drop_column("whatsapp_identities", "opted_out_at")
    op.drop_column("customers", "blocked_reason")
    op.drop_column("customers", "blocked_at")
    op.drop_column("customers", "marketing_at")
    op.drop_column("conversations", "muted")
    op.drop_index(op.f("ix_consents_merchant_id_identity_id_at"), table_name="consents")
    op.drop_index(op.f("ix_consents_merchant_id_customer_id_at"), table_name="consents")
    op.drop_table("consents")
    op.drop_table("delivery_cities")
    op.drop_index(op.f("ix_delivery_zones_merchant_id_position"), table_name="delivery_zones")
    op.drop_table("delivery_zones")
