"""What a merchant means to spend in a month, and who is told when it nears: it stops nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import BigInteger, cast, func, select

from flows import audit, live, notifications, turns
from flows.costs.rules import last_day
from models import db
from models.cost import Budget, Spending
from models.merchant import Merchant
from models.types import utcnow

WARNINGS = (100, 80)
"""Per cent of the budget that people are told of, once a month each."""


@dataclass(frozen=True, slots=True)
class Spent:
    """A budget and what the month has cost so far, in millionths of its currency."""

    currency: str
    micros: int
    spent: int

    @property
    def percent(self) -> int:
        return self.spent * 100 // self.micros


def of_month(first_day: date) -> list[Spent]:
    """The merchant's budgets beside what this month cost."""
    budgets = db.session().scalars(select(Budget).order_by(Budget.currency)).all()
    spent = _spent(first_day) if budgets else {}
    return [Spent(b.currency, b.micros, spent.get(b.currency, 0)) for b in budgets]


def mean_to_spend(currency: str, micros: int | None) -> None:
    """From now on that is the month's budget in this currency; None or 0: there is none."""
    session = db.session()
    turns.take()
    found = session.scalars(select(Budget).where(Budget.currency == currency)).one_or_none()
    before, after = _told(found.micros if found else None), _told(micros)
    audit.changed("costs.budget", before, after, on=currency)
    if not micros:
        if found:
            session.delete(found)
    elif found:
        if found.micros != micros:  # the same sum again tells nobody again
            found.micros, found.month = micros, None
    else:
        session.add(Budget(currency=currency, micros=micros))
    session.flush()  # the page asks by SQL
    live.changed("costs")


def _told(micros: int | None) -> dict[str, str | None]:
    return {"budget": f"{Decimal(micros).scaleb(-6).normalize():f}" if micros else None}


def warn() -> None:
    """Everybody who sees costs hears once a month that 80 % and that all of a budget is spent."""
    with db.house() as house:
        merchants = set(house.scalars(select(Budget.merchant_id)))
    for merchant_id in merchants:
        with db.merchant(merchant_id) as session:
            today = utcnow().astimezone(session.get_one(Merchant, merchant_id).zone).date()
            _warn(today.replace(day=1))


def _warn(first_day: date) -> None:
    spent = _spent(first_day)
    wanted = select(Budget).order_by(Budget.id).with_for_update()
    for budget in db.session().scalars(wanted).all():
        percent = spent.get(budget.currency, 0) * 100 // budget.micros
        reached = next((step for step in WARNINGS if percent >= step), 0)
        told = budget.told if budget.month == first_day else 0
        if reached > told:
            budget.month, budget.told = first_day, reached
            facts = {"percent": percent, "currency": budget.currency}
            what = "gone" if reached == 100 else "nearing"
            notifications.tell("budget", facts=facts | {"what": what})


def _spent(first_day: date) -> dict[str, int]:
    wanted = (
        select(Spending.currency, cast(func.sum(Spending.amount), BigInteger))
        .where(Spending.local_date.between(first_day, last_day(first_day)))
        .group_by(Spending.currency)
    )
    return {row[0]: row[1] for row in db.session().execute(wanted)}
