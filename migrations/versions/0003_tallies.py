"""What a board counts, kept as sums by a trigger."""

import sqlalchemy as sa
from alembic import op

from migrations.protect import protect

revision = "0003"
down_revision = "0002"

# What one order adds to the sums of its stage and day. Taken away before, added after, whatever
# statement changed it: no code path can forget it, and nobody waits for another's sum.
ADDS = """
    INSERT INTO tallies
        (merchant_id, id, stage_id, day, orders, due, confirmed, shipped, delivered, revenue)
    SELECT {o}.merchant_id, gen_random_uuid(), {o}.stage_id,
        ({o}.created_at AT TIME ZONE 'UTC')::date, {sign} 1,
        {sign} ({o}.applied_total + {o}.delivery_fee), {sign} ({o}.confirmed_at IS NOT NULL)::int,
        {sign} ({o}.shipped_at IS NOT NULL)::int, {sign} ({o}.state = 'delivered')::int,
        {sign} CASE WHEN {o}.state = 'delivered' THEN {o}.applied_total ELSE 0 END
    """
TALLY = f"""
CREATE FUNCTION tally_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        -- When a merchant goes, its sums go with it: there is nothing left to correct.
        {ADDS.format(o="OLD", sign="-")}
        FROM merchants WHERE id = OLD.merchant_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        {ADDS.format(o="NEW", sign="+")};
    END IF;
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE TRIGGER tally_order AFTER INSERT OR DELETE OR UPDATE OF stage_id, state, applied_total,
    delivery_fee, confirmed_at, shipped_at, created_at
    ON orders FOR EACH ROW EXECUTE FUNCTION tally_order()
"""

# Orders of before: how far they got is read from where they are and have been.
MILESTONES = """
UPDATE orders o SET
    confirmed_at = CASE WHEN state IN ('confirmed', 'shipped', 'delivery_failure', 'delivered',
        'returned') OR first.confirmed IS NOT NULL AND state = 'cancelled'
        THEN coalesce(first.confirmed, stage_entered_at) END,
    shipped_at = CASE WHEN state IN ('shipped', 'delivery_failure', 'delivered', 'returned')
        OR first.shipped IS NOT NULL AND state = 'cancelled'
        THEN coalesce(first.shipped, stage_entered_at) END,
    delivered_at = CASE WHEN state = 'delivered' OR first.delivered IS NOT NULL
        AND state = 'returned' THEN coalesce(first.delivered, stage_entered_at) END
FROM (
    SELECT merchant_id, order_id,
        min(at) FILTER (WHERE facts ->> 'to_state' = 'confirmed') AS confirmed,
        min(at) FILTER (WHERE facts ->> 'to_state' = 'shipped') AS shipped,
        min(at) FILTER (WHERE facts ->> 'to_state' = 'delivered') AS delivered
    FROM entries GROUP BY 1, 2) first
WHERE first.merchant_id = o.merchant_id AND first.order_id = o.id
"""


def upgrade() -> None:
    op.create_table(
        "tallies",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("stage_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("confirmed", sa.BigInteger(), nullable=False),
        sa.Column("shipped", sa.BigInteger(), nullable=False),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column("revenue", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "stage_id"],
            ["stages.merchant_id", "stages.id"],
            name=op.f("fk_tallies_merchant_id_stage_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_tallies_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_tallies")),
    )
    op.create_index(
        op.f("ix_tallies_merchant_id_stage_id_day"),
        "tallies",
        ["merchant_id", "stage_id", "day"],
        unique=False,
    )
    protect("tallies")
    op.execute(TALLY)
    op.execute(MILESTONES)
    op.execute(ADDS.format(o="o", sign="+") + " FROM orders o")
    op.execute(TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER tally_order ON orders")
    op.execute("DROP FUNCTION tally_order")
    op.drop_index(op.f("ix_tallies_merchant_id_stage_id_day"), table_name="tallies")
    op.drop_table("tallies")
