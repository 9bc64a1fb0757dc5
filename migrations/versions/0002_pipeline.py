"""What a merchant shapes: stages with reasons; orders to call, to look at, moved in bulk."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import LEDGER, protect

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "bulks",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column(
            "facts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "working",
                "done",
                "stopped",
                name="bulkstate",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "by_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_bulks_merchant_id_by_id"),
            ondelete="SET NULL (by_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_bulks_merchant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_bulks")),
        sa.UniqueConstraint(
            "merchant_id", "client_id", name=op.f("uq_bulks_merchant_id_client_id")
        ),
    )
    op.create_index(
        "ix_bulks_open",
        "bulks",
        ["merchant_id", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'working')"),
    )
    op.create_table(
        "views",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "filters", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("columns", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "member_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_views_merchant_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_views_merchant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_views")),
    )
    op.create_index(
        op.f("ix_views_merchant_id_member_id_name"),
        "views",
        ["merchant_id", "member_id", "name"],
        unique=False,
    )
    op.create_table(
        "bulk_items",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bulk_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column(
            "facts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "bulk_id"],
            ["bulks.merchant_id", "bulks.id"],
            name=op.f("fk_bulk_items_merchant_id_bulk_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["orders.merchant_id", "orders.id"],
            name=op.f("fk_bulk_items_merchant_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_bulk_items_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_bulk_items")),
        sa.UniqueConstraint(
            "merchant_id",
            "bulk_id",
            "order_id",
            name=op.f("uq_bulk_items_merchant_id_bulk_id_order_id"),
        ),
    )
    op.create_index(
        "ix_bulk_items_open",
        "bulk_items",
        ["merchant_id", "bulk_id", "id"],
        unique=False,
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "call_attempts",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("again_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "by_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_call_attempts_merchant_id_by_id"),
            ondelete="SET NULL (by_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["orders.merchant_id", "orders.id"],
            name=op.f("fk_call_attempts_merchant_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_call_attempts_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_call_attempts")),
    )
    op.create_index(
        op.f("ix_call_attempts_merchant_id_order_id_at"),
        "call_attempts",
        ["merchant_id", "order_id", "at"],
        unique=False,
    )
    op.add_column("merchants", sa.Column("quiet_from", sa.Time(), nullable=True))
    op.add_column("merchants", sa.Column("quiet_until", sa.Time(), nullable=True))
    op.add_column(
        "merchants",
        sa.Column("call_limit", sa.SmallInteger(), server_default=sa.text("3"), nullable=False),
    )
    op.add_column(
        "merchants",
        sa.Column(
            "call_again_minutes", sa.BigInteger(), server_default=sa.text("60"), nullable=False
        ),
    )
    op.add_column("orders", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column(
        "orders",
        sa.Column("flags", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("orders", sa.Column("duplicate_of_id", sa.Uuid(), nullable=True))
    op.add_column(
        "orders",
        sa.Column("delivery_kind", sa.Text(), server_default=sa.text("'home'"), nullable=False),
    )
    op.add_column(
        "orders", sa.Column("carrier", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.add_column(
        "orders", sa.Column("tracking", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.add_column("orders", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("orders", sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("orders", sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("orders", sa.Column("call_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "orders", sa.Column("urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column(
        "orders",
        sa.Column("call_attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("orders", sa.Column("caller_id", sa.Uuid(), nullable=True))
    op.add_column("orders", sa.Column("caller_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_orders_flagged",
        "orders",
        ["merchant_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("flags <> '{}'"),
    )
    op.create_index(
        op.f("ix_orders_merchant_id_duplicate_of_id"),
        "orders",
        ["merchant_id", "duplicate_of_id"],
        unique=False,
    )
    op.create_index(
        "ix_orders_newest",
        "orders",
        ["merchant_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_orders_open",
        "orders",
        ["merchant_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('delivered', 'returned', 'cancelled')"),
    )
    op.create_index(
        "ix_orders_to_call",
        "orders",
        ["merchant_id", sa.literal_column("urgent DESC"), "call_due_at", "id"],
        unique=False,
        postgresql_where=sa.text("call_due_at IS NOT NULL"),
    )
    op.create_foreign_key(
        op.f("fk_orders_merchant_id_caller_id"),
        "orders",
        "memberships",
        ["merchant_id", "caller_id"],
        ["merchant_id", "id"],
        ondelete="SET NULL (caller_id)",
    )
    op.create_foreign_key(
        op.f("fk_orders_merchant_id_duplicate_of_id"),
        "orders",
        "orders",
        ["merchant_id", "duplicate_of_id"],
        ["merchant_id", "id"],
        ondelete="SET NULL (duplicate_of_id)",
    )
    op.execute("UPDATE orders SET flags = ARRAY[flag] WHERE flag IS NOT NULL")
    op.drop_column("orders", "flag")
    op.add_column(
        "stages",
        sa.Column("reasons", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("stages", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    protect("bulks")
    protect("views")
    protect("bulk_items")
    protect("call_attempts", allowed=LEDGER)


def downgrade() -> None:
    op.drop_column("stages", "deleted_at")
    op.drop_column("stages", "reasons")
    op.add_column("orders", sa.Column("flag", sa.TEXT(), autoincrement=False, nullable=True))
    op.drop_constraint(op.f("fk_orders_merchant_id_duplicate_of_id"), "orders", type_="foreignkey")
    op.drop_constraint(op.f("fk_orders_merchant_id_caller_id"), "orders", type_="foreignkey")
    op.drop_index(
        "ix_orders_to_call",
        table_name="orders",
        postgresql_where=sa.text("call_due_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_orders_open",
        table_name="orders",
        postgresql_where=sa.text("state NOT IN ('delivered', 'returned', 'cancelled')"),
    )
    op.drop_index("ix_orders_newest", table_name="orders")
    op.drop_index(op.f("ix_orders_merchant_id_duplicate_of_id"), table_name="orders")
    op.drop_index(
        "ix_orders_flagged", table_name="orders", postgresql_where=sa.text("flags <> '{}'")
    )
    op.drop_column("orders", "caller_until")
    op.drop_column("orders", "caller_id")
    op.drop_column("orders", "call_attempts")
    op.drop_column("orders", "urgent")
    op.drop_column("orders", "call_due_at")
    op.drop_column("orders", "delivered_at")
    op.drop_column("orders", "shipped_at")
    op.drop_column("orders", "confirmed_at")
    op.drop_column("orders", "tracking")
    op.drop_column("orders", "carrier")
    op.drop_column("orders", "delivery_kind")
    op.drop_column("orders", "duplicate_of_id")
    op.drop_column("orders", "flags")
    op.drop_column("orders", "reason")
    op.drop_column("merchants", "call_again_minutes")
    op.drop_column("merchants", "call_limit")
    op.drop_column("merchants", "quiet_until")
    op.drop_column("merchants", "quiet_from")
    op.drop_index(op.f("ix_call_attempts_merchant_id_order_id_at"), table_name="call_attempts")
    op.drop_table("call_attempts")
    op.drop_index(
        "ix_bulk_items_open", table_name="bulk_items", postgresql_where=sa.text("outcome IS NULL")
    )
    op.drop_table("bulk_items")
    op.drop_index(op.f("ix_views_merchant_id_member_id_name"), table_name="views")
    op.drop_table("views")
    op.drop_index(
        "ix_bulks_open",
        table_name="bulks",
        postgresql_where=sa.text("state IN ('queued', 'working')"),
    )
    op.drop_table("bulks")
