"""The words orders are found by; all that the table filters by stands in one index."""

import sqlalchemy as sa
from alembic import op

from flows import search
from migrations.protect import protect

revision = "0008"
down_revision = "0007"

ORDERS = """
SELECT o.merchant_id, o.id, o.number, o.ship_phone, o.tracking, o.ship_city, m.country,
    o.ship_name, c.name
FROM orders o JOIN customers c ON c.merchant_id = o.merchant_id AND c.id = o.customer_id
JOIN merchants m ON m.id = o.merchant_id
"""
WORDS = """
INSERT INTO order_words (merchant_id, id, word)
SELECT * FROM unnest(CAST(:merchants AS uuid[]), CAST(:orders AS uuid[]), CAST(:words AS text[]))
"""
BATCH = 2000
FILTERED = [
    *("stage_id", "state", "assignee_id", "carrier"),
    *("payment_method", "payment_status", "source", "flags"),
]


def upgrade() -> None:
    op.create_table(
        "order_words",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("word", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "id"],
            ["orders.merchant_id", "orders.id"],
            name=op.f("fk_order_words_merchant_id_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_order_words_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", "word", name=op.f("pk_order_words")),
    )
    _fill(op.get_bind())
    op.create_index("ix_order_words_word", "order_words", ["merchant_id", "word", "id"])
    protect("order_words")
    op.drop_index("ix_orders_newest", table_name="orders")
    _newest(postgresql_include=FILTERED)


def _fill(connection: sa.Connection) -> None:
    for some in connection.execute(sa.text(ORDERS)).partitions(BATCH):
        rows = [
            (order.merchant_id, order.id, word)
            for order in some
            for word in search.words_of(
                number=order.number,
                phone=order.ship_phone,
                tracking=order.tracking,
                city=order.ship_city,
                country=order.country,
                names=(order.ship_name, order.name),
            )
        ]
        merchants, orders, words = zip(*rows, strict=True)
        facts = {"merchants": list(merchants), "orders": list(orders), "words": list(words)}
        connection.execute(sa.text(WORDS), facts)


def _newest(**options: object) -> None:
    columns = ["merchant_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")]
    op.create_index("ix_orders_newest", "orders", columns, **options)


def downgrade() -> None:
    op.drop_index("ix_orders_newest", table_name="orders")
    _newest()
    op.drop_table("order_words")
