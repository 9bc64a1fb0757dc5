"""Newer price lists: what they change against the one in force, taken by a merchant or by all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from flows import audit, live
from flows.costs.cards import Card, add, cards, forget_rate_cards, in_force
from flows.costs.files import CATEGORIES
from flows.costs.markets import is_country
from flows.errors import N_, Refused
from models import db
from models.channel import Channel
from models.cost import PriceList, Spending
from models.types import clean, new_id, utcnow
from models.user import Membership

Kind = Literal["rises", "falls", "appears", "vanishes"]
KINDS: tuple[Kind, ...] = ("rises", "falls", "appears", "vanishes")


@dataclass(frozen=True, slots=True)
class Change:
    """One price that the new list changes; micro-units, None = no price."""

    kind: Kind
    market: str
    category: str
    before: int | None
    after: int | None

    @property
    def percent(self) -> Decimal | None:
        """How much more or less, in per cent; None where there is nothing to compare."""
        if not self.before or self.after is None:
            return None
        return (Decimal(self.after - self.before) * 100 / self.before).quantize(Decimal("0.1"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """A new list beside the one in force on its first day."""

    card: Card
    against: Card | None
    """None: the first list of this currency."""
    changes: list[Change]
    same: int
    priced: int
    """Messages from its first day on that keep their price of another list."""

    def count(self, kind: Kind) -> int:
        return sum(change.kind == kind for change in self.changes)


def compare(card: Card) -> Comparison:
    """What would change, market by market: also where a country leaves its region or returns.

    Refused when a list of this currency and date is there already.
    """
    _refuse_another(card)
    against = in_force(card.currency, card.effective_from)
    changes, same = changes_between(against, card)
    return Comparison(card, against, changes, same, _priced_since(card))


def changes_between(before: Card | None, after: Card) -> tuple[list[Change], int]:
    """The prices that differ between two lists, the largest rise first; how many do not."""
    markets = [*after.lines, *(m for m in (before.lines if before else {}) if m not in after.lines)]
    found, same = [], 0
    for market in markets:
        for category in CATEGORIES:
            old, new = _at(before, market, category), _at(after, market, category)
            if old == new:
                same += old is not None
            else:
                found.append(Change(_kind(old, new), market, category, old, new))
    return sorted(found, key=_weight), same


def take(card: Card, *, file: str, sha256: str, by: Membership) -> None:
    """The current merchant is charged by this list from its first day on; what is settled stays."""
    _refuse_another(card)
    session = db.session()
    row = {
        "merchant_id": session.merchant_id,
        "id": new_id(),
        "currency": card.currency,
        "effective_from": card.effective_from,
        "lines": card.lines,
        "file": clean(file)[:200],
        "sha256": sha256,
        "by_id": by.id,
        "at": utcnow(),
    }
    made = insert(PriceList).values(row).on_conflict_do_nothing().returning(PriceList.id)
    if session.scalar(made) is None:  # somebody was faster
        raise _there(card)
    told = _facts(card) | {"file": clean(file)[:200]}
    audit.note("costs.list_taken", on=card.currency, after=told)
    db.after_commit(forget_rate_cards)
    live.changed("costs")


def take_for_all(card: Card) -> bool:
    """Every merchant of this install has the list; whether it is new (RateCardChanged: another)."""
    new = add(card)
    if new:
        billed = select(Channel.merchant_id).where(Channel.currency == card.currency).distinct()
        with db.house() as house:
            for merchant_id in house.scalars(billed).all():
                on, after = card.currency, _facts(card)
                audit.note_at(house, merchant_id, "costs.list_for_all", on=on, after=after)
    return new


def _facts(card: Card) -> dict[str, object]:
    return {"from_day": card.effective_from, "markets": len(card.lines)}


def told(card: Card, against: Card | None) -> Iterator[str]:
    """What a list changes, in lines for the terminal."""
    changes, same = changes_between(against, card)
    other = f"the list of {against.effective_from}" if against else "nothing: it is the first"
    yield f"{card.currency} from {card.effective_from} on, beside {other}"
    for change in changes:
        before, after = _written(change.before), _written(change.after)
        percent = f"  {change.percent:+}%" if change.percent is not None else ""
        yield f"  {change.kind:8}  {change.market}, {change.category}: {before} → {after}{percent}"
    yield f"  {same} prices stay"


def _written(micros: int | None) -> str:
    return "none" if micros is None else f"{Decimal(micros) / 1_000_000:.6f}"


# --- comparing ------------------------------------------------------------------------------------


def _at(card: Card | None, market: str, category: str) -> int | None:
    """The price of a line, for a country also where only its region has one."""
    if card is None:
        return None
    if is_country(market):
        return card.price(market, category).micros
    return card.lines.get(market, {}).get(category)


def _kind(before: int | None, after: int | None) -> Kind:
    if before is None:
        return "appears"
    if after is None:
        return "vanishes"
    return "rises" if after > before else "falls"


def _weight(change: Change) -> tuple[int, Decimal, str]:
    return KINDS.index(change.kind), -abs(change.percent or Decimal(0)), change.market


def _priced_since(card: Card) -> int:
    priced = func.coalesce(func.sum(Spending.free + Spending.billed), 0)
    since = (Spending.currency == card.currency, Spending.local_date >= card.effective_from)
    return int(db.session().scalar(select(priced).where(*since)) or 0)


def _refuse_another(card: Card) -> None:
    there: set[tuple[str, date]] = {(c.currency, c.effective_from) for c in cards(card.currency)}
    if (card.currency, card.effective_from) in there:
        raise _there(card)


def _there(card: Card) -> Refused:
    return Refused(
        "list_is_there",
        N_("There is a list in {currency} from {day} on already: a changed list needs a new date."),
        currency=card.currency,
        day=card.effective_from.isoformat(),
    )
