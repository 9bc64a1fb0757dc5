"""The bell: who is told of what, and what each of them still has to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from flows import live, permissions
from flows.errors import N_, NotFound
from models import db
from models.automation import Run
from models.notification import Notification, Preference
from models.order import Order
from models.template import MessageTemplate
from models.types import new_id, utcnow
from models.user import Membership

KINDS: dict[str, tuple[str, str, bool]] = {
    # kind → its name for people, the permissions of those it is for, whether it rings unless
    # somebody says otherwise
    "new_order": (N_("New order"), "orders.read", False),
    "stock_blocked": (N_("A confirmation waits for stock"), "orders.move", True),
    "late_tap": (N_("A customer tapped too late"), "orders.move", True),
    "failed_action": (N_("Something a stage should do failed"), "orders.move", True),
    "template_paused": (
        N_("A template was paused, refused or will cost more"),
        "templates.edit",
        True,
    ),
    "number": (N_("A WhatsApp number or account needs somebody"), "channels.edit", True),
    "budget": (N_("The budget of WhatsApp messages nears its end"), "costs.read money.see", True),
    "bot_left": (N_("The bot calls a person"), "inbox.reply", True),
    "review": (N_("An order needs a look"), "orders.move", True),
    "bulk_done": (N_("Many orders or messages at once are done"), "orders.move", True),
}
PAGE = 30


def tell(
    kind: str,
    *,
    order: Order | None = None,
    run: Run | None = None,
    template: MessageTemplate | None = None,
    facts: Mapping[str, Any] | None = None,
    but: Membership | None = None,
    only: Membership | None = None,
) -> None:
    """Everybody this kind is for has one more thing on their bell; not `but`, who did it.

    `only`: nobody but this person.

    `facts` are what its sentence needs besides the order's number and customer.
    """
    listening = _listening(kind, but, order)
    told = [id_ for id_ in listening if only is None or id_ == only.id]
    if not told:
        return
    row = {
        "merchant_id": db.session().merchant_id,
        "kind": kind,
        "order_id": order.id if order else None,
        "run_id": run.id if run else None,
        "template_id": template.id if template else None,
        "facts": dict(facts or {}),
        "at": utcnow(),
    }
    db.session().execute(
        insert(Notification), [row | {"id": new_id(), "member_id": id_} for id_ in told]
    )
    live.changed(*(f"bell:{id_}" for id_ in told))


def _listening(kind: str, but: Membership | None, order: Order | None) -> Iterable[UUID]:
    """Who sees only their own orders is told of no other."""
    by_default = KINDS[kind][2]
    chosen = (Preference.member_id == Membership.id) & (Preference.kind == kind)
    rings = func.coalesce(Preference.on, by_default)
    people = select(Membership).outerjoin(Preference, chosen).where(rings)
    for member in db.session().scalars(people):
        theirs = order is not None and order.assignee_id == member.id
        may = _is_for(kind, member) and (theirs or permissions.sees_all(member))
        if may and (but is None or member.id != but.id):
            yield member.id


def _is_for(kind: str, member: Membership) -> bool:
    return all(permissions.may(member, one) for one in KINDS[kind][1].split())


def unread(member: Membership) -> int:
    """How many things wait on this person's bell."""
    waiting = select(func.count()).where(
        Notification.member_id == member.id, Notification.read_at.is_(None)
    )
    return db.session().scalar(waiting) or 0


def listed(member: Membership, *, before: UUID | None = None) -> Sequence[Notification]:
    """What rang this person's bell, newest first; those below the one with this id."""
    newest = (
        select(Notification)
        .where(Notification.member_id == member.id)
        .order_by(Notification.id.desc())
        .limit(PAGE)
        .options(joinedload(Notification.order))
    )
    if before is not None:
        newest = newest.where(Notification.id < before)
    return db.session().scalars(newest).all()


def find(member: Membership, notification_id: UUID) -> Notification:
    """One of this person's own, or NotFound."""
    own = select(Notification).where(
        Notification.member_id == member.id, Notification.id == notification_id
    )
    found = db.session().scalars(own.options(joinedload(Notification.order))).first()
    if found is None:
        raise NotFound
    return found


def mark_read(member: Membership, ids: Sequence[UUID] | None = None) -> None:
    """These, or all, are no longer new to this person."""
    mine = update(Notification).where(
        Notification.member_id == member.id, Notification.read_at.is_(None)
    )
    if ids is not None:
        mine = mine.where(Notification.id.in_(ids))
    db.session().execute(mine.values(read_at=utcnow()))
    live.changed(f"bell:{member.id}")


def seen(member: Membership, kind: str, **facts: str) -> None:
    """What this person looks at rings no more: those of this kind with these facts."""
    about = [Notification.facts[name].astext == value for name, value in facts.items()]
    new = select(Notification.id).where(
        Notification.member_id == member.id,
        Notification.read_at.is_(None),
        Notification.kind == kind,
        *about,
    )
    if ids := db.session().scalars(new).all():
        mark_read(member, ids)


def chosen(member: Membership) -> dict[str, bool]:
    """Which kinds ring for this person, of those meant for them."""
    said = select(Preference.kind, Preference.on).where(Preference.member_id == member.id)
    own = {kind: bool(on) for kind, on in db.session().execute(said)}
    return {
        kind: own.get(kind, by_default)
        for kind, (_, _, by_default) in KINDS.items()
        if _is_for(kind, member)
    }


def choose(member: Membership, wanted: Mapping[str, bool]) -> None:
    """From now on these kinds ring for this person, or do not."""
    session = db.session()
    for kind, on in wanted.items():
        row = insert(Preference).values(
            merchant_id=session.merchant_id, id=new_id(), member_id=member.id, kind=kind, on=on
        )
        session.execute(
            row.on_conflict_do_update(
                index_elements=["merchant_id", "member_id", "kind"], set_={"on": on}
            )
        )
