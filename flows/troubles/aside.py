"""Every webhook body that lies aside, for the terminal: quarantined, or for a number nobody owns.

What cannot be read at all belongs to no merchant: nobody else sees it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, or_, select, update

from flows import outbox
from flows.errors import NotFound
from flows.troubles.settling import reason_of
from models import db
from models.envelope import Envelope, EnvelopeState
from models.types import utcnow

ASIDE = (EnvelopeState.QUARANTINED, EnvelopeState.UNROUTED)
MOST = 50


def listed(state: EnvelopeState | None = None, limit: int = 100) -> Sequence[Envelope]:
    """What lies aside in the whole install, the oldest first."""
    states = ASIDE if state is None else (state,)
    wanted = select(Envelope).where(Envelope.state.in_(states)).order_by(Envelope.id).limit(limit)
    with db.house() as house:
        return house.scalars(wanted).all()


def find(envelope_id: int) -> Envelope:
    """Any body that was not read in full, or NotFound."""
    with db.house() as house:
        found = house.get(Envelope, envelope_id)
    if found is None or found.state is EnvelopeState.SETTLED:
        raise NotFound
    return found


def read_again(ids: Collection[int] = ()) -> int:
    """These, or all that lie aside, are read once more; how many."""
    which = Envelope.id.in_(ids) if ids else Envelope.state.in_(ASIDE)
    with db.house() as house:
        again = house.scalars(renewed(which).returning(Envelope.id)).all()
    outbox.nudge("ingest")
    return len(again)


def discard(ids: Collection[int], note: str) -> int:
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
        return house.scalars(wanted.limit(MOST)).all()


def _latin(octets: Any) -> Any:
    """Bytes as text, whatever they are: encode() finds no letter it does not know."""
    return func.encode(octets, "escape")


def renewed(which: Any) -> Any:
    """The statement that has these read once more."""
    aside = Envelope.state.in_((*ASIDE, EnvelopeState.DISMISSED))
    anew = {"state": EnvelopeState.NEW, "attempts": 0, "settled_at": None, "note": None}
    return update(Envelope).where(which, aside).values(anew)
