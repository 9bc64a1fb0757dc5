"""A line taken off an order leaves its movements in the ledger of stock."""

from alembic import op

revision = "0009"
down_revision = "0008"

KEY = "fk_movements_merchant_id_order_line_id"


def upgrade() -> None:
    _point_at_lines(ondelete="SET NULL (order_line_id)")


def downgrade() -> None:
    _point_at_lines(ondelete=None)


def _point_at_lines(ondelete: str | None) -> None:
    op.drop_constraint(op.f(KEY), "movements", type_="foreignkey")
    op.create_foreign_key(
        op.f(KEY),
        "movements",
        "order_lines",
        ["merchant_id", "order_line_id"],
        ["merchant_id", "id"],
        ondelete=ondelete,
    )
