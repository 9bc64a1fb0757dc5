"""The kept sums of charges stay few: the rows that batches leave are folded into one."""

from __future__ import annotations

from sqlalchemy import func, select, text

from models import db
from models.cost import Spending

_ALIKE = (
    *("channel_id", "local_date", "currency", "category", "reason", "template"),
    *("automation_id", "country"),
)
_SUMS = ("messages", "free", "billed", "estimated", "amount", "guessed")
_SAME = " AND ".join(f"t.{name} IS NOT DISTINCT FROM s.{name}" for name in _ALIKE)
_FOLD = text(
    f"""
WITH scattered AS (
    SELECT {", ".join(_ALIKE)} FROM spendings WHERE merchant_id = :merchant_id
    GROUP BY {", ".join(_ALIKE)} HAVING count(*) > 1),
taken AS (
    DELETE FROM spendings t USING scattered s
    WHERE t.merchant_id = :merchant_id AND t.local_date = s.local_date AND {_SAME}
    RETURNING t.*)
INSERT INTO spendings (merchant_id, id, {", ".join((*_ALIKE, *_SUMS))})
SELECT merchant_id, gen_random_uuid(), {", ".join((*_ALIKE, *(f"sum({s})" for s in _SUMS)))}
FROM taken GROUP BY merchant_id, {", ".join(_ALIKE)}
HAVING {" OR ".join(f"sum({s}) <> 0" for s in _SUMS)}"""  # noqa: S608 - our own names
)


def fold() -> None:
    """Charges that are alike have one row of sums again, and none where all of them are nothing.

    In one statement for each merchant, so nobody ever reads another sum; what is added meanwhile
    is not seen and waits for the next time.
    """
    alike = [getattr(Spending, name) for name in _ALIKE]
    scattered = (
        select(Spending.merchant_id).group_by(Spending.merchant_id, *alike).having(func.count() > 1)
    )
    with db.house() as house:
        merchants = set(house.scalars(scattered))
    for merchant_id in merchants:
        with db.house() as house:
            house.execute(_FOLD, {"merchant_id": merchant_id})
