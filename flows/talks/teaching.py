"""What the bot did not understand, and what people taught it about that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Text, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert

from flows import audit
from flows.errors import N_, Invalid, NotFound, Refused
from models import db
from models.talk import Phrase, Turn
from models.types import clean, fold, new_id, utcnow
from models.user import Membership

WEEK = timedelta(days=7)
MOST = 50
LONGEST = 200
INTENTS = {
    "order": N_("Wants to order"),
    "price": N_("Asks for a price"),
    "availability": N_("Asks whether it is there"),
    "delivery_cost": N_("Asks what delivery costs"),
    "delivery_time": N_("Asks how long delivery takes"),
    "where_is_my_order": N_("Asks where the order is"),
    "confirm": N_("Confirms"),
    "refuse": N_("Refuses"),
    "later": N_("Not now, later"),
    "change_address": N_("Another address"),
    "change_order": N_("Changes the order"),
    "cancel": N_("Cancels"),
    "complaint": N_("Complains"),
    "human": N_("Wants a person"),
    "greeting": N_("Greets"),
    "thanks": N_("Thanks"),
}
"""What people may teach that a phrase means."""


@dataclass(frozen=True, slots=True)
class Missed:
    """The same words, however often they were not understood."""

    turn_id: UUID
    """The newest time."""
    text: str
    count: int
    at: datetime
    conversation_id: UUID


def missed(since: datetime | None = None) -> list[Missed]:
    """What was not understood in the last week and nobody has taught yet, most often first."""
    wanted = (
        select(
            func.max(cast(Turn.id, Text)),
            Turn.heard,
            func.count(),
            func.max(Turn.at),
            func.max(cast(Turn.conversation_id, Text)),
        )
        .where(
            Turn.did == "not_understood",
            Turn.taught_at.is_(None),
            Turn.at >= (since or utcnow() - WEEK),
        )
        .group_by(Turn.heard)
        .order_by(func.count().desc(), func.max(Turn.at).desc())
        .limit(MOST)
    )
    return [
        Missed(UUID(id_), text, count, at, UUID(talk))
        for id_, text, count, at, talk in db.session().execute(wanted)
    ]


def phrases() -> Sequence[Phrase]:
    wanted = select(Phrase).order_by(Phrase.created_at.desc(), Phrase.id)
    return db.session().scalars(wanted).all()


def teach(text: str, intent: str, *, by: Membership) -> Phrase:
    """From now on these words mean this; what was not understood because of them is settled."""
    text = " ".join(clean(text).split())
    wrong: dict[str, Refused] = {}
    if not fold(text):
        wrong["text"] = Refused("empty", N_("Write what customers write."))
    if len(text) > LONGEST:
        wrong["text"] = Refused("too_long", N_("At most {limit} characters."), limit=LONGEST)
    if intent not in INTENTS:
        wrong["intent"] = Refused("choice", N_("Choose one of the list."))
    if wrong:
        raise Invalid(wrong)
    session = db.session()
    values = {"text": text, "folded": fold(text), "intent": intent, "by_id": by.id}
    own = {"merchant_id": session.merchant_id, "id": new_id(), "created_at": utcnow()}
    fresh = insert(Phrase).values(values | own)
    known = fresh.on_conflict_do_update(
        index_elements=["merchant_id", "folded"],
        set_={"text": text, "intent": intent, "by_id": by.id},
    )
    phrase = session.scalars(known.returning(Phrase)).one()
    _settle(text)
    audit.note("bot.taught", on=text, after={"intent": intent})
    return phrase


def forget(phrase: Phrase) -> None:
    audit.note("bot.forgotten", on=phrase.text, before={"intent": phrase.intent})
    db.session().delete(phrase)


def find(phrase_id: UUID) -> Phrase:
    """NotFound when there is none."""
    found = db.session().scalars(select(Phrase).where(Phrase.id == phrase_id)).first()
    if found is None:
        raise NotFound
    return found


def dismiss(turn_id: UUID) -> None:
    """Nothing is to be learnt from these words."""
    text = db.session().scalar(select(Turn.heard).where(Turn.id == turn_id))
    if text is None:
        raise NotFound
    _settle(text)


def _settle(text: str) -> None:
    # A burst is heard line by line; what is taught is one line.
    heard = func.regexp_replace(func.lower(Turn.heard), r"\s+", " ", "g")
    settled = update(Turn).where(
        Turn.did == "not_understood",
        Turn.taught_at.is_(None),
        func.btrim(heard) == " ".join(text.lower().split()),
    )
    done = settled.values(taught_at=utcnow())
    db.session().execute(done.execution_options(synchronize_session=False))
