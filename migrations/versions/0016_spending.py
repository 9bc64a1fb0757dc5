"""What charges add up to, kept by triggers; merchants' own price lists; Meta's own count."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import LEDGER, protect

revision = "0016"
down_revision = "0015"

ALIKE = "channel_id, local_date, currency, category, reason, template, automation_id, country"
SUMS = "messages, free, billed, estimated, amount, guessed"
# Of a kind of billing that nobody knows no list tells the price: its country would promise one.
FACTS = """
    SELECT merchant_id, channel_id, local_date, currency, category, reason, template,
        automation_id,
        CASE WHEN amount_micros IS NOT NULL OR coalesce(pricing_type, 'regular') = 'regular'
            THEN country END AS country,
        {sign} 1 AS messages, {sign} coalesce((amount_micros = 0)::int, 0) AS free,
        {sign} coalesce((amount_micros > 0)::int, 0) AS billed,
        {sign} (source = 'estimate')::int AS estimated, {sign} coalesce(amount_micros, 0) AS amount,
        {sign} CASE WHEN source = 'estimate' THEN coalesce(amount_micros, 0) ELSE 0 END AS guessed
    FROM {table}"""
# One row for each kind of charge that a statement touched, however many charges it was.
ADDS = f"""
    INSERT INTO spendings (merchant_id, id, {ALIKE}, {SUMS})
    SELECT merchant_id, gen_random_uuid(), {ALIKE},
        {", ".join(f"sum({name})" for name in SUMS.split(", "))}
    FROM ({{facts}}) facts {{where}} GROUP BY merchant_id, {ALIKE}
    HAVING {" OR ".join(f"sum({name}) <> 0" for name in SUMS.split(", "))}"""  # noqa: S608
AFTER = FACTS.format(sign="+", table="fresh")
BEFORE = FACTS.format(sign="-", table="old")
# When a merchant goes, its sums go with it: there is nothing left to correct.
STILL_THERE = "WHERE EXISTS (SELECT FROM merchants m WHERE m.id = merchant_id)"
EVENTS = {
    "insert": ("REFERENCING NEW TABLE AS fresh", ADDS.format(facts=AFTER, where="")),
    "update": (
        "REFERENCING OLD TABLE AS old NEW TABLE AS fresh",
        ADDS.format(facts=f"{BEFORE} UNION ALL {AFTER}", where=""),
    ),
    "delete": (
        "REFERENCING OLD TABLE AS old",
        ADDS.format(facts=BEFORE, where=STILL_THERE),
    ),
}
FROM_MESSAGES = """
UPDATE charges c SET template = m.payload ->> 'name',
    automation_id = (SELECT r.automation_id FROM runs r
        WHERE r.merchant_id = m.merchant_id AND r.id = m.run_id)
FROM messages m
WHERE m.merchant_id = c.merchant_id AND m.id = c.message_id AND m.kind = 'template'
"""


def _row(*columns: sa.Column) -> list[sa.Column]:
    return [
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *columns,
    ]


def _keys(table: str, **references: tuple[str, str | None]) -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f(f"fk_{table}_merchant_id"),
            ondelete="CASCADE",
        ),
        *(
            sa.ForeignKeyConstraint(
                ["merchant_id", column],
                [f"{there}.merchant_id", f"{there}.id"],
                name=op.f(f"fk_{table}_merchant_id_{column}"),
                ondelete=ondelete,
            )
            for column, (there, ondelete) in references.items()
        ),
    ]


def upgrade() -> None:
    op.add_column("channels", sa.Column("reckoning_due_at", sa.DateTime(timezone=True)))
    for name, kind in (
        ("template", sa.Text()),
        ("automation_id", sa.Uuid()),
        ("told_by", sa.Text()),
    ):
        op.add_column("charges", sa.Column(name, kind))
    op.drop_index(op.f("ix_charges_merchant_id_month"), table_name="charges")
    op.create_index(
        op.f("ix_charges_merchant_id_month_id"), "charges", ["merchant_id", "month", "id"]
    )
    op.create_index(
        "ix_charges_unpriced",
        "charges",
        ["merchant_id", "month", "id"],
        postgresql_where=sa.text("amount_micros IS NULL"),
    )
    _tables()
    op.execute(FROM_MESSAGES)
    op.execute(ADDS.format(facts=FACTS.format(sign="+", table="charges"), where=""))
    for event, (tables, adds) in EVENTS.items():
        op.execute(
            f"CREATE FUNCTION add_up_{event} () RETURNS trigger LANGUAGE plpgsql AS $$"
            f" BEGIN {adds}; RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER add_up_{event} AFTER {event} ON charges {tables}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION add_up_{event} ()"
        )


def _tables() -> None:
    op.create_table(
        "spendings",
        *_row(
            sa.Column("channel_id", sa.Uuid(), nullable=False),
            sa.Column("local_date", sa.Date(), nullable=False),
            sa.Column("currency", sa.Text(), nullable=False),
            sa.Column("category", sa.Text(), nullable=False),
            sa.Column("reason", sa.Text(), nullable=False),
            sa.Column("template", sa.Text(), nullable=True),
            sa.Column("automation_id", sa.Uuid(), nullable=True),
            sa.Column("country", sa.Text(), nullable=True),
            sa.Column("messages", sa.BigInteger(), nullable=False),
            sa.Column("free", sa.BigInteger(), nullable=False),
            sa.Column("billed", sa.BigInteger(), nullable=False),
            sa.Column("estimated", sa.BigInteger(), nullable=False),
            sa.Column("amount", sa.BigInteger(), nullable=False),
            sa.Column("guessed", sa.BigInteger(), nullable=False),
        ),
        *_keys("spendings", channel_id=("channels", None)),
    )
    op.create_index(
        op.f("ix_spendings_merchant_id_local_date"), "spendings", ["merchant_id", "local_date"]
    )
    op.create_index(
        "ix_spendings_unpriced",
        "spendings",
        ["merchant_id"],
        postgresql_where=sa.text("reason = 'unpriced'"),
    )
    protect("spendings")
    op.create_table(
        "price_lists",
        *_row(
            sa.Column("currency", sa.Text(), nullable=False),
            sa.Column("effective_from", sa.Date(), nullable=False),
            sa.Column("lines", postgresql.JSONB(none_as_null=True), nullable=False),
            sa.Column("file", sa.Text(), nullable=False),
            sa.Column("sha256", sa.Text(), nullable=False),
            sa.Column("by_id", sa.Uuid(), nullable=True),
            sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        ),
        sa.UniqueConstraint(
            "merchant_id",
            "currency",
            "effective_from",
            name=op.f("uq_price_lists_merchant_id_currency_effective_from"),
        ),
        *_keys("price_lists", by_id=("memberships", "SET NULL (by_id)")),
    )
    protect("price_lists", allowed=LEDGER)
    op.create_table(
        "repricings",
        *_row(
            sa.Column("by_id", sa.Uuid(), nullable=True),
            sa.Column("at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("charges", sa.BigInteger(), nullable=False),
            sa.Column("amounts", postgresql.JSONB(none_as_null=True), nullable=False),
        ),
        *_keys("repricings", by_id=("memberships", "SET NULL (by_id)")),
    )
    op.create_index(op.f("ix_repricings_merchant_id_at"), "repricings", ["merchant_id", "at"])
    protect("repricings", allowed=LEDGER)
    op.create_table(
        "reckonings",
        *_row(
            sa.Column("channel_id", sa.Uuid(), nullable=False),
            sa.Column("day", sa.Date(), nullable=False),
            sa.Column("volume", sa.BigInteger(), nullable=False),
            sa.Column("micros", sa.BigInteger(), nullable=True),
            sa.Column("parts", postgresql.JSONB(none_as_null=True), nullable=False),
            sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        ),
        sa.UniqueConstraint(
            "merchant_id",
            "channel_id",
            "day",
            name=op.f("uq_reckonings_merchant_id_channel_id_day"),
        ),
        *_keys("reckonings", channel_id=("channels", "CASCADE")),
    )
    protect("reckonings")
    op.create_table(
        "budgets",
        *_row(
            sa.Column("currency", sa.Text(), nullable=False),
            sa.Column("micros", sa.BigInteger(), nullable=False),
            sa.Column("month", sa.Date(), nullable=True),
            sa.Column("told", sa.BigInteger(), nullable=False),
        ),
        sa.UniqueConstraint(
            "merchant_id", "currency", name=op.f("uq_budgets_merchant_id_currency")
        ),
        *_keys("budgets"),
    )
    protect("budgets")


def downgrade() -> None:
    for event in EVENTS:
        op.execute(f"DROP TRIGGER add_up_{event} ON charges")
        op.execute(f"DROP FUNCTION add_up_{event}")
    for table in ("budgets", "reckonings", "repricings", "price_lists", "spendings"):
        op.drop_table(table)
    op.drop_index("ix_charges_unpriced", table_name="charges")
    op.drop_index(op.f("ix_charges_merchant_id_month_id"), table_name="charges")
    op.create_index(op.f("ix_charges_merchant_id_month"), "charges", ["merchant_id", "month"])
    for name in ("told_by", "automation_id", "template"):
        op.drop_column("charges", name)
    op.drop_column("channels", "reckoning_due_at")
