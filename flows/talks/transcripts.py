"""Looking back at the bot's turns: what it heard, what it did, and what it said to that."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.interfaces import ORMOption

from flows.errors import NotFound
from models import db
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.message import Message, Origin
from models.order import Order
from models.talk import Turn

PAGE = 40

Place = tuple[datetime, UUID]
"""Where a turn stands in the list: (at, id)."""


def find(turn_id: UUID) -> Turn:
    """The merchant's turn with its conversation, or NotFound."""
    wanted = select(Turn).where(Turn.id == turn_id).options(_named())
    found = db.session().scalars(wanted).first()
    if found is None:
        raise NotFound
    return found


def listed(
    *,
    channel_id: UUID | None = None,
    did: Collection[str] = (),
    before: Place | None = None,
    limit: int = PAGE,
) -> Sequence[Turn]:
    """Turns newest first: of this number, those that did one of these, those below this place."""
    wanted = select(Turn).options(_named()).order_by(Turn.at.desc(), Turn.id.desc())
    if channel_id is not None:
        wanted = wanted.where(Turn.channel_id == channel_id)
    if did:
        wanted = wanted.where(Turn.did.in_(did))
    if before is not None:
        wanted = wanted.where(tuple_(Turn.at, Turn.id) < before)
    return db.session().scalars(wanted.limit(limit)).all()


def answers(turns: Collection[Turn]) -> Mapping[UUID, Sequence[Message]]:
    """What was said in each of these turns; a turn that said nothing is left out."""
    if not turns:
        return {}
    wanted = select(Message).where(
        Message.origin == Origin.BOT,
        # Said with the turn: the index of what the bot says goes by time.
        Message.at >= min(turn.at for turn in turns),
        Message.turn_id.in_([turn.id for turn in turns]),
    )
    said: dict[UUID, list[Message]] = {}
    for message in db.session().scalars(wanted.order_by(Message.seq)):
        if message.turn_id is not None:
            said.setdefault(message.turn_id, []).append(message)
    return said


def orders(turns: Collection[Turn]) -> Mapping[UUID, int]:
    """The number of each order that these turns took or moved, by its id."""
    ids = {turn.order_id for turn in turns} - {None}
    wanted = select(Order.id, Order.number).where(Order.id.in_(ids))
    return dict(db.session().execute(wanted).all()) if ids else {}


def _named() -> ORMOption:
    """With whom it was."""
    with_identity = joinedload(Turn.conversation).joinedload(Conversation.identity)
    return with_identity.joinedload(WhatsAppIdentity.customer)
