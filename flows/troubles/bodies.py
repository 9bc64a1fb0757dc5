"""Quarantined webhook bodies as a merchant sees them: its own part, while an event in it fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Select, case, func, select, update
from sqlalchemy.orm import defer

from flows import audit, outbox
from flows.errors import NotFound
from flows.troubles import content
from flows.troubles.aside import renewed
from flows.troubles.content import Piece
from flows.troubles.settling import reason_of
from models import db
from models.channel import Channel
from models.envelope import Envelope, EnvelopeState
from models.message import Message, MessageStatus
from models.types import Json, utcnow

PAGE = 50


@dataclass(frozen=True, slots=True)
class Aside:
    """A body as one merchant may see it."""

    id: int
    received_at: datetime
    attempts: int
    error: str
    part: Json = field(default_factory=dict)
    """What is about this merchant's numbers, as Meta sent it; {} in a list."""


def listed(*, before: int | None = None) -> list[Aside]:
    """Bodies in which an event for the current merchant fails, the newest first."""
    wanted = _mine().order_by(Envelope.id.desc()).limit(PAGE).options(defer(Envelope.body))
    if before is not None:
        wanted = wanted.where(Envelope.id < before)
    with db.house() as house:
        found = house.scalars(wanted).all()
    return [_seen(envelope) for envelope in found]


def waiting(most: int = 100) -> int:
    """How many there are for the current merchant, counted up to `most`."""
    some = _mine().with_only_columns(Envelope.id).limit(most).subquery()
    with db.house() as house:
        return house.scalar(select(func.count()).select_from(some)) or 0


def find(envelope_id: int) -> Aside:
    """One of them, or NotFound."""
    with db.house() as house:
        found = house.scalars(_mine().where(Envelope.id == envelope_id)).first()
    if found is None:
        raise NotFound
    return replace(_seen(found), part=content.part(content.parsed(found.body), *_own()))


def pieces(aside: Aside) -> list[Piece]:
    """The events in the merchant's part, and which of them are stored."""
    found = list(content.pieces(aside.part))
    names = {piece.name for piece in found if piece.name}
    session = db.session()
    messages = set(session.scalars(select(Message.wamid).where(Message.wamid.in_(names))))
    told = select(MessageStatus.wamid, MessageStatus.status)
    rows = session.execute(told.where(MessageStatus.wamid.in_(names)))
    return list(_marked(found, messages, {(row.wamid, row.status) for row in rows}))


def _marked(
    found: Iterable[Piece], messages: set[str | None], statuses: set[tuple[str, str]]
) -> Iterator[Piece]:
    for piece in found:
        kept = piece.name in messages or (piece.name, piece.kind.lower()) in statuses
        yield replace(piece, kept=kept if piece.name else None)


def read_again(envelope_id: int) -> None:
    """It is read once more, soon; what it had before changes nothing."""
    found = find(envelope_id)
    with db.house() as house:
        house.execute(renewed(Envelope.id == found.id))
    outbox.nudge("ingest")
    audit.note("troubles.body_again", on=str(found.id))


def dismiss(envelope_id: int, note: str) -> None:
    """The current merchant need not look at it any more; others it concerns still do."""
    found, why = find(envelope_id), reason_of(note)
    rest = func.array_remove(Envelope.concerns, db.session().merchant_id)
    last = func.cardinality(rest) == 0
    with db.house() as house:
        house.execute(
            update(Envelope)
            .where(Envelope.id == found.id, Envelope.state == EnvelopeState.QUARANTINED)
            .values(
                concerns=rest,
                state=case((last, EnvelopeState.DISMISSED.value), else_=Envelope.state),
                settled_at=case((last, utcnow()), else_=None),
                note=why,
            )
        )
    audit.note("troubles.body_discard", on=str(found.id), after={"reason": why})


def _mine() -> Select[Envelope]:
    me = db.session().merchant_id
    return select(Envelope).where(
        Envelope.state == EnvelopeState.QUARANTINED,
        Envelope.concerns.contains([me]),
        Envelope.signed_for.is_(None) | Envelope.signed_for.contains([me]),
    )


def _own() -> tuple[set[str], set[str]]:
    """The proven numbers and accounts of the current merchant, by Meta's ids."""
    proven = select(Channel.phone_number_id, Channel.waba_id).where(Channel.proven_at.is_not(None))
    rows = db.session().execute(proven).all()
    return {row.phone_number_id for row in rows}, {row.waba_id for row in rows}


def _seen(envelope: Envelope) -> Aside:
    # What the error says may hold a value of another merchant's event in the same body.
    why = (envelope.error or "").partition(":")[0]
    return Aside(envelope.id, envelope.received_at, envelope.attempts, why)
