"""The kept sums of a board stay few: the many rows that moves leave are folded into one."""

from __future__ import annotations

from sqlalchemy import func, select, text

from models import db
from models.tally import Tally

_SUMS = ("orders", "due", "confirmed", "shipped", "delivered", "revenue")
_FOLD = text(
    f"""
WITH scattered AS (
    SELECT stage_id, day FROM tallies WHERE merchant_id = :merchant_id
    GROUP BY stage_id, day HAVING count(*) > 1),
taken AS (
    DELETE FROM tallies t USING scattered s
    WHERE t.merchant_id = :merchant_id AND t.stage_id = s.stage_id AND t.day = s.day
    RETURNING t.*)
INSERT INTO tallies (merchant_id, id, stage_id, day, {", ".join(_SUMS)})
SELECT merchant_id, gen_random_uuid(), stage_id, day, {", ".join(f"sum({s})" for s in _SUMS)}
FROM taken GROUP BY merchant_id, stage_id, day
HAVING {" OR ".join(f"sum({s}) <> 0" for s in _SUMS)}"""  # noqa: S608 - our own names
)


def fold() -> None:
    """Each stage and day has one row of sums again, and none where all of them are nothing.

    A merchant at a time, each in one statement: it adds exactly what it takes away, so nobody
    ever reads another sum. Rows that orders add meanwhile are not seen and wait for the next time.
    """
    per_day = (Tally.merchant_id, Tally.stage_id, Tally.day)
    scattered = select(Tally.merchant_id).group_by(*per_day).having(func.count() > 1)
    with db.house() as house:
        merchants = set(house.scalars(scattered))
    for merchant_id in merchants:
        with db.house() as house:
            house.execute(_FOLD, {"merchant_id": merchant_id})
