"""Webhook bodies that were put aside: quarantined, or for a number nobody owns.

A merchant sees of a body only the part about its own numbers, and only while an event in it failed
for that merchant. What cannot be read at all belongs to nobody: the terminal alone shows it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, case, func, or_, select, update

from flows import audit, outbox
from flows.errors import NotFound
from flows.troubles.settling import reason_of
from models import db
from models.channel import Channel
from models.envelope import Envelope, EnvelopeState
from models.message import Message, MessageStatus
from models.types import Json, utcnow

PAGE = 50
ASIDE = (EnvelopeState.QUARANTINED, EnvelopeState.UNROUTED)


@dataclass(frozen=True, slots=True)
class Piece:
    """A message or status in a body; `kept`: it is stored, so this is not what failed.

    None where that cannot be told: news of accounts and templates.
    """

    kind: str
    """Meta's type of a message, its word for a status, else the field."""
    name: str
    """Its wamid, "" where it has none."""
    at: datetime | None
    kept: bool | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """A body as one merchant may see it."""

    id: int
    received_at: datetime
    attempts: int
    error: str
    part: Json
    """What is about this merchant's numbers, as Meta sent it."""


# --- as a merchant sees them ----------------------------------------------------------------------


def listed(*, before: int | None = None) -> list[Aside]:
    """Bodies in which an event for the current merchant fails, the newest first."""
    wanted = _mine().order_by(Envelope.id.desc()).limit(PAGE)
    if before is not None:
        wanted = wanted.where(Envelope.id < before)
    with db.house() as house:
        found = house.scalars(wanted).all()
    numbers, accounts = _own()
    return [_seen(envelope, numbers, accounts) for envelope in found]


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
    return _seen(found, *_own())


def pieces(aside: Aside) -> list[Piece]:
    """The events in the merchant's part, and which of them are stored."""
    found = list(_pieces(aside.part))
    names = {piece.name for piece in found if piece.name}
    session = db.session()
    messages = set(session.scalars(select(Message.wamid).where(Message.wamid.in_(names))))
    told = select(MessageStatus.wamid, MessageStatus.status)
    statuses = {(r.wamid, r.status) for r in session.execute(told.where(_of(names)))}
    return [_marked(piece, messages, statuses) for piece in found]


def read_again(envelope_id: int) -> None:
    """It is read once more, soon; what it had before changes nothing."""
    found = find(envelope_id)
    with db.house() as house:
        house.execute(_renewed(Envelope.id == found.id))
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


def _seen(envelope: Envelope, numbers: Collection[str], accounts: Collection[str]) -> Aside:
    part = _part(_parsed(envelope.body), numbers, accounts)
    # The lines below the first may hold a row's values, perhaps another merchant's.
    why = (envelope.error or "").partition("\n")[0]
    return Aside(envelope.id, envelope.received_at, envelope.attempts, why, part)


def _parsed(body: bytes) -> Json:
    try:
        root = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return root if isinstance(root, dict) else {}


def _part(root: Json, numbers: Collection[str], accounts: Collection[str]) -> Json:
    """The changes about these numbers, and those about these accounts that name no number."""
    entries = []
    for entry in _objects(root.get("entry")):
        changes = [
            change
            for change in _objects(entry.get("changes"))
            if _is_ours(entry, change, numbers, accounts)
        ]
        if changes:
            entries.append({"id": entry.get("id"), "time": entry.get("time"), "changes": changes})
    return {"object": root.get("object"), "entry": entries}


def _is_ours(
    entry: Json, change: Json, numbers: Collection[str], accounts: Collection[str]
) -> bool:
    value = change.get("value")
    metadata = value.get("metadata") if isinstance(value, dict) else None
    number = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
    return str(number) in numbers if number else str(entry.get("id")) in accounts


def _objects(value: Any) -> Iterator[Json]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def _pieces(part: Json) -> Iterator[Piece]:
    for entry in part["entry"]:
        for change in entry["changes"]:
            value = change.get("value")
            value = value if isinstance(value, dict) else {}
            found = [
                *(_piece(one, "type") for one in _objects(value.get("messages"))),
                *(_piece(one, "type") for one in _objects(value.get("message_echoes"))),
                *(_piece(one, "status") for one in _objects(value.get("statuses"))),
            ]
            yield from found or [Piece(str(change.get("field") or "?"), "", None)]


def _piece(item: Json, kind: str) -> Piece:
    seconds = str(item.get("timestamp") or "")
    at = (
        datetime.fromtimestamp(int(seconds), UTC)
        if seconds.isdecimal() and _near(seconds)
        else None
    )
    return Piece(str(item.get(kind) or "?"), str(item.get("id") or ""), at)


def _near(seconds: str) -> bool:
    return len(seconds) < 12


def _of(names: Collection[str]) -> Any:
    return MessageStatus.wamid.in_(names)


def _marked(piece: Piece, messages: set[str | None], statuses: set[tuple[str, str]]) -> Piece:
    if not piece.name:
        return piece
    kept = piece.name in messages or (piece.name, piece.kind.lower()) in statuses
    return Piece(piece.kind, piece.name, piece.at, kept)


# --- as the terminal sees them --------------------------------------------------------------------


def all_aside(state: EnvelopeState | None = None, limit: int = 100) -> Sequence[Envelope]:
    """What lies aside in the whole install, the oldest first."""
    states = ASIDE if state is None else (state,)
    wanted = select(Envelope).where(Envelope.state.in_(states)).order_by(Envelope.id).limit(limit)
    with db.house() as house:
        return house.scalars(wanted).all()


def one_of_all(envelope_id: int) -> Envelope:
    """Any body that was not read in full, or NotFound."""
    with db.house() as house:
        found = house.get(Envelope, envelope_id)
    if found is None or found.state is EnvelopeState.SETTLED:
        raise NotFound
    return found


def read_all_again(ids: Collection[int] = ()) -> int:
    """These, or all that lie aside, are read once more; how many."""
    which = Envelope.id.in_(ids) if ids else Envelope.state.in_(ASIDE)
    with db.house() as house:
        renewed = house.scalars(_renewed(which).returning(Envelope.id)).all()
    outbox.nudge("ingest")
    return len(renewed)


def discard_all(ids: Collection[int], note: str) -> int:
    """These are put aside for good, with the reason; how many."""
    why = reason_of(note)
    put_aside = (
        update(Envelope)
        .where(Envelope.id.in_(ids), Envelope.state.in_(ASIDE))
        .values(state=EnvelopeState.DISMISSED, settled_at=utcnow(), note=why)
    )
    with db.house() as house:
        return len(house.scalars(put_aside.returning(Envelope.id)).all())


def holding(name: str) -> Sequence[Envelope]:
    """Bodies that were not read in full in which this name (a wamid) stands."""
    # Meta's JSON may write a slash as \/.
    spelled = {name.encode(), name.replace("/", "\\/").encode()}
    stands_in = or_(*(func.strpos(_latin(Envelope.body), _latin(word)) > 0 for word in spelled))
    unread = (*ASIDE, EnvelopeState.NEW, EnvelopeState.DISMISSED)
    wanted = select(Envelope).where(Envelope.state.in_(unread), stands_in).order_by(Envelope.id)
    with db.house() as house:
        return house.scalars(wanted.limit(PAGE)).all()


def _latin(octets: Any) -> Any:
    """Bytes as text, whatever they are: encode() finds no letter it does not know."""
    return func.encode(octets, "escape")


def _renewed(which: Any) -> Any:
    aside = Envelope.state.in_((*ASIDE, EnvelopeState.DISMISSED))
    anew = {"state": EnvelopeState.NEW, "attempts": 0, "settled_at": None, "note": None}
    return update(Envelope).where(which, aside).values(anew)
