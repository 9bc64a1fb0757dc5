"""An order is changed by somebody: what was, what is, who and when stand on its timeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from flows import live, pipeline, search, stock
from flows.errors import N_, Refused
from flows.orders.cards import keep_address
from flows.orders.revision import Checked, Revision, check
from models import db
from models.order import Order, OrderLine, PriceAdjustment
from models.timeline import By, Entry
from models.types import Json
from models.user import Membership

# Fields of the form → the order's own; what they held and hold is told as it is.
PLAIN = {
    "name": "ship_name",
    "address": "ship_line",
    "city": "ship_city",
    "delivery_kind": "delivery_kind",
    "carrier": "carrier",
    "tracking": "tracking",
    "payment_method": "payment_method",
    "payment_status": "payment_status",
    "note": "note",
}


def edit(order: Order, form: Revision, *, by: Membership) -> Entry | None:
    """The order is what the form says, its stock and totals with it; None if nothing differs.

    One line of the timeline holds every change, from and to. Raises Invalid with every wrong
    field, OutOfStock when more goods are promised than there are, and Refused (409) when somebody
    changed the order since the person saw it. Once the goods have left their lines stay as they
    are, and where they go is for those who may correct orders.
    """
    pipeline.hold(order)
    db.session().refresh(order)
    _check_seen(order, form.seen)
    checked = check(order, form, by)
    changes = list(_differences(order, form, checked))
    if not changes:
        return None
    entry = _entry(
        order, by, {"changes": changes} | ({"reason": form.reason} if form.reason else {})
    )
    _trace_discount(order, checked, form.reason, by)
    _take(order, form, checked)
    _take_lines(order, checked, entry)
    _tell(order)
    return entry


def last_change(order: Order) -> int:
    """The place on the timeline of the last change by `edit`; 0 when there was none."""
    newest = select(func.max(Entry.seq)).where(Entry.order_id == order.id, Entry.kind == "edited")
    return db.session().scalar(newest) or 0


def changed_since(order: Order, seen: int) -> list[Entry]:
    """What others changed meanwhile, oldest first."""
    changes = select(Entry).where(
        Entry.order_id == order.id, Entry.kind == "edited", Entry.seq > seen
    )
    changes = changes.order_by(Entry.seq).options(joinedload(Entry.member))
    return list(db.session().scalars(changes))


def _check_seen(order: Order, seen: int) -> None:
    meanwhile = changed_since(order, seen)
    if meanwhile:
        member = meanwhile[-1].member
        raise Refused(
            "changed_meanwhile",
            N_("{who} changed this order meanwhile. Look at what is different, then save again."),
            who=member.name if member else "?",
        )


# --- what is different ----------------------------------------------------------------------------


def _differences(order: Order, form: Revision, checked: Checked) -> Iterator[Json]:
    for name, own in PLAIN.items():
        yield from _if_other(name, getattr(order, own), getattr(form, name))
    yield from _if_other("phone", order.ship_phone, checked.phone)
    yield from _other_assignee(order.assignee, checked.assignee)
    yield from _other_lines(order, checked)
    yield from _if_other("discount", order.discount, checked.amounts.discount)
    yield from _if_other("delivery_fee", order.delivery_fee, checked.amounts.delivery_fee)


def _if_other(field: str, was: Any, now: Any) -> Iterator[Json]:
    if was != now:
        yield {"field": field, "from": was, "to": now}


def _other_assignee(was: Membership | None, now: Membership | None) -> Iterator[Json]:
    """By name, as they were called that day; and who they are, for a form that was open then."""
    if was is not now:
        names = {"from": was.name if was else None, "to": now.name if now else None}
        ids = [str(one.id) if one else "" for one in (was, now)]
        yield {"field": "assignee"} | names | {"ids": ids}


def _other_lines(order: Order, checked: Checked) -> Iterator[Json]:
    """Pieces of each product before and after: 0 is "was not there", or "is no more"."""
    known = {line.id for line in order.lines}
    wanted = {line.id: quantity for line, quantity in checked.lines}
    for line in order.lines:
        yield from _if_pieces(line, line.quantity, wanted.get(line.id, 0))
    for line, quantity in checked.lines:
        if line.id not in known:
            yield from _if_pieces(line, 0, quantity)


def _if_pieces(line: OrderLine, was: int, now: int) -> Iterator[Json]:
    for change in _if_other("line", was, now):
        yield change | {"name": line.name, "line": str(line.id)}


# --- it becomes so --------------------------------------------------------------------------------


def _entry(order: Order, by: Membership, facts: Json) -> Entry:
    entry = Entry(
        order_id=order.id, kind="edited", actor=By.user(by).actor, actor_id=by.id, facts=facts
    )
    db.session().add(entry)
    db.session().flush()  # ledger lines point at the entry
    return entry


def _trace_discount(order: Order, checked: Checked, reason: str, by: Membership) -> None:
    totals = checked.amounts
    if totals.discount == order.discount:
        return
    db.session().add(
        PriceAdjustment(
            order_id=order.id,
            catalog_total=totals.catalog_total,
            applied_total=totals.applied_total,
            reason=reason,
            by_id=by.id,
        )
    )


def _take(order: Order, form: Revision, checked: Checked) -> None:
    moved = (form.address, form.city) != (order.ship_line, order.ship_city)
    for name, own in PLAIN.items():
        setattr(order, own, getattr(form, name))
    order.ship_phone = checked.phone
    order.assignee = checked.assignee
    totals = checked.amounts
    order.catalog_total, order.applied_total = totals.catalog_total, totals.applied_total
    order.delivery_fee = totals.delivery_fee
    if moved and (form.address or form.city):
        keep_address(order.customer, form.address, form.city)


def _take_lines(order: Order, checked: Checked, entry: Entry) -> None:
    """Stock first: what is short refuses before anything is given up."""
    wanted = {line.id: quantity for line, quantity in checked.lines}
    gone = [line for line in order.lines if line.id not in wanted]
    for place, (line, _quantity) in enumerate(checked.lines):
        line.position = place
        if line not in order.lines:
            order.lines.append(line)
    db.session().flush()  # ledger lines point at the order's lines
    stock.recount(order, wanted | {line.id: 0 for line in gone}, entry)
    for line in gone:
        order.lines.remove(line)
    order.lines.sort(key=lambda line: line.position)


def _tell(order: Order) -> None:
    db.session().flush()  # the search reads what the order says now
    search.index(order)
    live.changed(f"order:{order.number}", f"stage:{order.stage_id}")
    if order.conversation_id is not None:
        live.changed(f"conversation:{order.conversation_id}")
