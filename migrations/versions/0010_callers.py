"""Which orders somebody holds in the call centre is found without reading the whole queue."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_index(
        op.f("ix_orders_callers"),
        "orders",
        ["merchant_id", "caller_id"],
        postgresql_where=sa.text("caller_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_orders_callers"), table_name="orders")
