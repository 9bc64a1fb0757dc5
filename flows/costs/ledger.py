"""The ledger of charges: one per message that Meta delivered, whatever its statuses' order."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import any_, literal, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm.attributes import set_committed_value

from flows import live
from flows.costs.cards import price
from flows.costs.markets import country_of
from flows.costs.rules import (
    AUTHORITY,
    UNKNOWN,
    Reason,
    category_of,
    guessed,
    spelled,
    told,
    uses_quota,
    worth,
)
from models import db
from models.channel import Channel
from models.cost import Charge
from models.merchant import Counter
from models.types import Json, new_id, utcnow

WEBHOOK = "webhook"
ESTIMATE = "estimate"

Key = tuple[UUID, str]
"""(channel, wamid)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What the statuses of one wamid say together, once one of them is delivered or read."""

    channel_id: UUID
    wamid: str
    delivered_at: datetime
    """The earliest of delivered and read."""
    message_id: UUID | None = None
    order_id: UUID | None = None
    phone: str | None = None
    """E.164."""
    user_id: str | None = None
    category_hint: str | None = None
    """What it was sent as: the template's category, or "service"."""
    window_open_hint: bool | None = None
    free_because_phone: bool = False
    """Typed in the WhatsApp Business app on the merchant's phone."""
    pricing: Json | None = None
    """Meta's pricing object, merged over all statuses of the wamid."""
    told_by: str | None = None
    """The status that decided how it is billed."""
    template: str | None = None
    automation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """How Meta bills the messaging account of a channel."""

    currency: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Bill:
    """The part of a Charge that follows from what is known of the delivery so far."""

    category: str
    told_by: str | None
    pricing_model: str | None
    pricing_type: str | None
    country: str | None
    market: str | None
    amount_micros: int | None
    currency: str
    reason: str
    source: str
    delivered_at: datetime
    local_date: date
    month: date


def settle(deliveries: Sequence[Delivery]) -> None:
    """Every delivered message has exactly one Charge of the current merchant, also a free one.

    Saying it again changes nothing, with one exception: a Charge is corrected in its own row when
    more is known than before (Meta's pricing came after an estimate, the recipient's country, the
    message it belongs to) or when an earlier day of delivery turns up, which may be on another
    price list. A service message takes the next number of its month once and keeps it.
    """
    if not deliveries:
        return
    pending = _once_each(deliveries)
    accounts = _accounts({channel_id for channel_id, _ in pending})
    there = _find(pending)
    fresh = _insert(_without(pending, there), accounts)
    said = {k for k, c in there.items() if not _news(c, pending[k], accounts[c.channel_id])}
    # What is left was said anew, or inserted by another worker since we looked.
    corrected = _correct(_without(pending, fresh, said), accounts)
    changed = [*fresh.values(), *corrected]
    _number(changed, pending, accounts)
    if changed:
        live.changed("costs")


def quota_counter(channel_id: UUID, month: date) -> str:
    """The name of the Counter of a number's service messages in a month."""
    return f"service:{channel_id}:{month:%Y-%m}"


def account_of(currency: str, time_zone: str) -> Account:
    return Account(currency, ZoneInfo(time_zone))


# --- what is known --------------------------------------------------------------------------------


def _once_each(deliveries: Iterable[Delivery]) -> dict[Key, Delivery]:
    """One delivery per wamid, in one order for everybody: two workers cannot block each other."""
    merged: dict[Key, Delivery] = {}
    for delivery in sorted(deliveries, key=lambda d: (str(d.channel_id), d.wamid, d.delivered_at)):
        key = (delivery.channel_id, delivery.wamid)
        merged[key] = _merge(merged[key], delivery) if key in merged else delivery
    return merged


def _merge(earlier: Delivery, later: Delivery) -> Delivery:
    facts = {f.name: getattr(earlier, f.name) or getattr(later, f.name) for f in fields(earlier)}
    facts["pricing"] = {**(earlier.pricing or {}), **(later.pricing or {})} or None
    return replace(earlier, **facts)


def _accounts(channel_ids: set[UUID]) -> dict[UUID, Account]:
    wanted = select(Channel.id, Channel.currency, Channel.time_zone)
    rows = db.session().execute(wanted.where(Channel.id.in_(channel_ids)))
    return {row.id: account_of(row.currency, row.time_zone) for row in rows}


def _bill(
    delivery: Delivery, account: Account, *, known: Charge | None = None, nth: int | None = None
) -> Bill:
    pricing = delivery.pricing or {}
    at = min(delivery.delivered_at, known.delivered_at) if known else delivery.delivered_at
    day = at.astimezone(account.zone).date()
    country = country_of(delivery.phone, delivery.user_id) or (known.country if known else None)
    category = category_of(pricing, delivery.category_hint or (known.category if known else None))
    reason = Reason.PHONE if delivery.free_because_phone else told(pricing, category, day)
    source = WEBHOOK if reason else ESTIMATE
    reason = reason or guessed(category, day, window_open=delivery.window_open_hint, nth=nth)
    listed = price(account.currency, country, category, day)
    amount, reason = worth(reason, listed)
    return Bill(
        category=category,
        told_by=delivery.told_by if source == WEBHOOK else None,
        pricing_model=str(pricing.get("pricing_model") or "") or None,
        pricing_type=spelled(pricing.get("type")) or None,
        country=country,
        market=listed.market,
        amount_micros=amount,
        currency=account.currency,
        reason=reason,
        source=source,
        delivered_at=at,
        local_date=day,
        month=day.replace(day=1),
    )


# --- rows -----------------------------------------------------------------------------------------


def _find(pending: Collection[Key], *, lock: bool = False) -> dict[Key, Charge]:
    """The charges of these that are there, in one order for every worker."""
    wanted = (
        select(Charge)
        .where(
            Charge.channel_id.in_({channel_id for channel_id, _ in pending}),
            Charge.wamid == any_(literal([wamid for _, wamid in pending])),
        )
        .order_by(Charge.channel_id, Charge.wamid)
        .execution_options(populate_existing=True)
    )
    if lock:
        wanted = wanted.with_for_update()
    found = {_key(charge): charge for charge in db.session().scalars(wanted)}
    return {key: charge for key, charge in found.items() if key in pending}


def _without(pending: dict[Key, Delivery], *done: Collection[Key]) -> dict[Key, Delivery]:
    return {key: d for key, d in pending.items() if not any(key in keys for keys in done)}


def _insert(pending: dict[Key, Delivery], accounts: dict[UUID, Account]) -> dict[Key, Charge]:
    """The charges that nobody else made meanwhile."""
    if not pending:
        return {}
    session = db.session()
    rows = [
        {
            "merchant_id": session.merchant_id,
            "id": new_id(),
            "channel_id": delivery.channel_id,
            "wamid": delivery.wamid,
            "message_id": delivery.message_id,
            "order_id": delivery.order_id,
            "template": delivery.template,
            "automation_id": delivery.automation_id,
            "created_at": utcnow(),
            **_columns(_bill(delivery, accounts[delivery.channel_id])),
        }
        for delivery in pending.values()
    ]
    # One statement with one parameter, so that the sums of the batch are added once.
    session.connection().execute(_INSERT, {"rows": json.dumps(rows, default=str)})
    made = select(Charge).where(Charge.id == any_(literal([row["id"] for row in rows])))
    return {_key(charge): charge for charge in session.scalars(made)}


def _correct(pending: dict[Key, Delivery], accounts: dict[UUID, Account]) -> list[Charge]:
    """The charges about which these deliveries tell something new; locked and corrected.

    Every worker inserts first, then locks, then counts: so none waits for one that waits for it.
    """
    if not pending:
        return []
    changed = []
    for key, charge in _find(pending, lock=True).items():
        news = _news(charge, pending[key], accounts[charge.channel_id])
        _write(charge, news)
        if news:
            changed.append(charge)
    return changed


def _news(charge: Charge, delivery: Delivery, account: Account) -> dict[str, object]:
    """The columns of a charge that this delivery knows better; none when it is old news."""
    news: dict[str, object] = {}
    if charge.message_id is None and delivery.message_id is not None:
        news = {
            "message_id": delivery.message_id,
            "order_id": delivery.order_id,
            "template": delivery.template,
            "automation_id": delivery.automation_id,
        }
    bill = _bill(delivery, account, known=charge, nth=charge.quota_index)
    gain = _certainty(bill) - _certainty(charge)
    if gain > 0 or (gain == 0 and bill.local_date < charge.local_date):
        news |= _columns(bill)
        if bill.month != charge.month:
            news["quota_index"] = None
    return news


def _certainty(bill: Bill | Charge) -> int:
    """How much the amount rests on, the weightiest first: the truth is never guessed over."""
    facts = (
        bill.reason == Reason.PHONE,
        bill.source == WEBHOOK,
        bill.country is not None,
        bill.category != UNKNOWN,
    )
    known = int("".join(str(int(fact)) for fact in facts), 2)
    return known * len(AUTHORITY) + AUTHORITY.index(bill.told_by or "")


def _number(
    charges: Iterable[Charge], pending: dict[Key, Delivery], accounts: dict[UUID, Account]
) -> None:
    """The service messages among these know their number in the month, without a gap.

    Only rows that are really there are numbered: a delivery told twice takes no number.
    """
    waiting: dict[str, list[Charge]] = defaultdict(list)
    numbers: dict[UUID, int] = {}
    for charge in sorted(charges, key=lambda c: (c.delivered_at, c.wamid)):
        counted = uses_quota(charge.category, charge.local_date, charge.reason)
        if counted and charge.quota_index is None:
            waiting[quota_counter(charge.channel_id, charge.month)].append(charge)
    for name, group in sorted(waiting.items()):
        last = Counter.take(name, len(group))
        for number, charge in enumerate(group, last - len(group) + 1):
            numbers[charge.id] = number
            set_committed_value(charge, "quota_index", number)
            if charge.source == ESTIMATE:  # only now is it known whether it is among the 1,000
                delivery, account = pending[_key(charge)], accounts[charge.channel_id]
                _write(charge, _columns(_bill(delivery, account, known=charge, nth=number)))

    if numbers:
        session = db.session()
        session.flush()  # the rows as they are known so far, then their numbers at once
        told = json.dumps([{"id": str(id_), "nth": nth} for id_, nth in numbers.items()])
        session.connection().execute(_NUMBER, {"numbers": told})


def _write(charge: Charge, columns: dict[str, object]) -> None:
    for name, value in columns.items():
        setattr(charge, name, value)


_COLUMNS = [column for column in Charge.__table__.columns if column.name != "quota_index"]
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_INSERT = text(
    f"INSERT INTO charges ({', '.join(c.name for c in _COLUMNS)})"  # noqa: S608 - our own names
    f" SELECT {', '.join(c.name for c in _COLUMNS)} FROM jsonb_to_recordset(CAST(:rows AS jsonb))"
    f" AS r({', '.join(f'{c.name} {c.type.compile(_DIALECT)}' for c in _COLUMNS)})"
    " ON CONFLICT DO NOTHING"
)

_NUMBER = text(
    "UPDATE charges c SET quota_index = n.nth"
    " FROM jsonb_to_recordset(CAST(:numbers AS jsonb)) AS n(id uuid, nth bigint)"
    " WHERE c.id = n.id AND c.merchant_id ="
    " CAST(nullif(current_setting('wasl.merchant', true), '') AS uuid)"
)


def _columns(bill: Bill) -> dict[str, object]:
    return {name: getattr(bill, name) for name in Bill.__slots__}


def _key(charge: Charge) -> Key:
    return charge.channel_id, charge.wamid
