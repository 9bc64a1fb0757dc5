"""Troubled messages by cause, and one by one: asked of ix_messages_stuck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import joinedload

from flows.errors import NotFound
from models import db
from models.automation import Run
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.message import TROUBLED, Message, Sending
from models.order import Order

AnyRow = TypeVar("AnyRow", Order, Run)

PAGE = 50
MOST = 100
"""As far as a badge counts."""

Place = tuple[datetime, UUID]
"""Where a trouble stands in its list: (at, id)."""


# --- messages, by cause ---------------------------------------------------------------------------


@dataclass(slots=True)
class Group:
    """Messages that ended alike: which, how many, since when."""

    sending: Sending
    cause: str
    """A key of flows.verdicts.REASONS."""
    count: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    channels: Counter[UUID] = field(default_factory=Counter)
    templates: Counter[UUID | None] = field(default_factory=Counter)
    """None: texts, files and all else that is no template."""

    def add(self, row: Any) -> None:
        self.count += row.many
        self.oldest = min(filter(None, (self.oldest, row.oldest)))
        self.newest = max(filter(None, (self.newest, row.newest)))
        self.channels[row.channel_id] += row.many
        self.templates[row.template_id] += row.many


def groups() -> list[Group]:
    """Uncertain ones first, then by how many."""
    found = _grouped(_TROUBLED)
    return sorted(found, key=lambda g: (g.sending is not Sending.UNCERTAIN, -g.count))


def group_of(which: Narrow) -> Group:
    """The messages of one cause, perhaps none any more."""
    return next(iter(_grouped(which._where())), Group(which.sending, which.cause))


def _grouped(which: ColumnElement[bool]) -> list[Group]:
    kind = (Message.sending, Message.reason, Message.channel_id, Message.template_id)
    found: dict[tuple[Sending, str], Group] = {}
    counted = select(*kind, *span(Message.at)).where(which).group_by(*kind)
    for row in db.session().execute(counted):
        key = (row.sending, row.reason or "")
        found.setdefault(key, Group(*key)).add(row)
    return list(found.values())


def span(at: Any) -> tuple[Any, Any, Any]:
    return func.count().label("many"), func.min(at).label("oldest"), func.max(at).label("newest")


# Both parts as the index has them.
_TROUBLED: ColumnElement[bool] = Message.sending.in_(TROUBLED) & Message.settled_at.is_(None)


@dataclass(frozen=True, slots=True)
class Narrow:
    """Which messages of a cause."""

    sending: Sending
    cause: str
    channel_id: UUID | None = None
    template_id: UUID | None = None
    plain: bool = False
    """Only what is no template."""
    stage_id: UUID | None = None
    """Only those about an order that is on this stage now."""

    def _where(self) -> ColumnElement[bool]:
        wanted = _TROUBLED & (Message.sending == self.sending)
        wanted &= Message.reason == self.cause if self.cause else Message.reason.is_(None)
        if self.channel_id is not None:
            wanted &= Message.channel_id == self.channel_id
        if self.template_id is not None or self.plain:
            wanted &= Message.template_id == self.template_id
        if self.stage_id is not None:
            here = select(Order.id).where(Order.stage_id == self.stage_id)
            wanted &= Message.order_id.in_(here)
        return wanted


@dataclass(frozen=True, slots=True)
class Told:
    """A message with the order and the run it belongs to, where there are such."""

    message: Message
    order: Order | None
    run: Run | None

    @property
    def place(self) -> Place:
        return self.message.at, self.message.id


def listed(which: Narrow, *, before: Place | None = None, limit: int) -> list[Told]:
    """The newest first, with all that a page shows of them; those below `before`."""
    wanted = (
        select(Message)
        .where(which._where())
        .order_by(Message.at.desc(), Message.id.desc())
        .options(
            joinedload(Message.conversation)
            .joinedload(Conversation.identity)
            .joinedload(WhatsAppIdentity.customer),
        )
    )
    if before is not None:
        wanted = wanted.where(tuple_(Message.at, Message.id) < before)
    return _told(db.session().scalars(wanted.limit(limit)).all())


def _told(messages: Sequence[Message]) -> list[Told]:
    session = db.session()
    order_ids = {m.order_id for m in messages if m.order_id}
    run_ids = {m.run_id for m in messages if m.run_id}
    about = select(Order).where(Order.id.in_(order_ids)).options(joinedload(Order.stage))
    orders = {order.id: order for order in session.scalars(about)} if order_ids else {}
    by = select(Run).where(Run.id.in_(run_ids)).options(joinedload(Run.automation))
    runs = {run.id: run for run in session.scalars(by)} if run_ids else {}
    return [Told(m, _at(orders, m.order_id), _at(runs, m.run_id)) for m in messages]


def _at(rows: Mapping[UUID, AnyRow], id_: UUID | None) -> AnyRow | None:
    return rows.get(id_) if id_ is not None else None


def stages_of(which: Narrow) -> dict[UUID, int]:
    """On which stages the orders are now that these messages are about, and how many on each."""
    counted = (
        select(Order.stage_id, func.count().label("many"))
        .join(Message, (Message.merchant_id == Order.merchant_id) & (Message.order_id == Order.id))
        .where(which._where())
        .group_by(Order.stage_id)
    )
    return {row.stage_id: row.many for row in db.session().execute(counted)}


def pick_messages(which: Narrow | Collection[UUID]) -> Select[UUID]:
    """Their ids, for a bulk: of a cause, or those of these that are still troubled."""
    if isinstance(which, Narrow):
        return select(Message.id).where(which._where())
    return select(Message.id).where(Message.id.in_(which), _TROUBLED)


def find_message(message_id: UUID) -> Message:
    """The merchant's message, or NotFound."""
    found = db.session().scalars(select(Message).where(Message.id == message_id)).first()
    if found is None:
        raise NotFound
    return found


def total(which: Narrow) -> int:
    """How many there are of these."""
    counted = select(func.count()).select_from(Message).where(which._where())
    return db.session().scalar(counted) or 0


def count() -> int:
    """How many wait for somebody, up to MOST."""
    some = select(Message.id).where(_TROUBLED).limit(MOST).subquery()
    return db.session().scalar(select(func.count()).select_from(some)) or 0
