"""What is asked of Meta or told to it about a number: asked for, claimed, concluded (as D6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, exists, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from flows import leases, live, outbox
from flows.channels import facts, forms, pausing, proving
from flows.channels.facts import Facts
from flows.channels.forms import Published
from flows.errors import N_
from flows.letters import Ending, Upload
from flows.verdicts import verdict
from models import db
from models.channel import Channel
from models.errand import Errand
from models.message import Media, Sending
from models.types import Json, new_id, utcnow

"""Longer than the eight calls of one look, of which each may last 10 s."""
PATIENCE = timedelta(minutes=15)
"""How long Meta is asked again by ourselves, since a person or news asked last."""
EVERY = timedelta(hours=24)

# Why an errand did not end well → what to tell people.
PROBLEMS: dict[str, str] = {
    "token": N_("Meta does not take this access token: it is wrong, has expired or was revoked."),
    "permission": N_("The access token may not do this. It needs: {needed}."),
    "not_found": N_(
        "Meta does not show this number to this token. Check the phone number id, and that the"
        " token may use the number."
    ),
    "account_unknown": N_(
        "Meta does not show this account to this token. Check the account id (WABA)."
    ),
    "not_in_account": N_("The number does not belong to this account. Check both ids."),
    "taken": N_("This number is connected already."),
    "no_answer": N_("Meta did not answer clearly. It is tried again."),
    "no_connection": N_("Meta could not be reached. It is tried again."),
    "throttled": N_("Meta takes no more questions for now. It is tried again."),
    "temporary": N_("Meta has a temporary problem. It is tried again."),
    "refused": N_("Meta refused it."),
    "media": N_("The picture could not be read."),
    "form": N_("Meta found a mistake in the form."),
}
SHOWN_BY_A_LOOK = ("profile",)
AGAIN = ("no_answer", "no_connection", "throttled", "temporary")


@dataclass(frozen=True, slots=True)
class Task:
    """What the worker carries out: plain values."""

    errand_id: UUID
    attempt: int
    act: str
    phone_number_id: str
    waba_id: str
    token: str = field(repr=False)
    facts: Json
    upload: Upload | None


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended. `problem`: what the calls do not say by their code (not_in_account, …)."""

    ending: Ending
    found: Facts | None = None
    profile: Mapping[str, Any] | None = None
    form: Published | None = None
    problem: str | None = None
    code: int | None = None
    words: str | None = None


def ask(
    channel: Channel, act: str, told: Mapping[str, Any] | None = None, media: Media | None = None
) -> None:
    """It is on its way; one of the same kind that still waits becomes this one."""
    session, now = db.session(), utcnow()
    session.flush()
    row = insert(Errand).values(
        merchant_id=session.merchant_id,
        id=new_id(),
        channel_id=channel.id,
        act=act,
        facts=dict(told or {}),
        media_id=media.id if media else None,
        sending=Sending.QUEUED,
        due_at=now,
        attempt=0,
        created_at=now,
    )
    again = {
        "facts": row.excluded.facts,
        "media_id": row.excluded.media_id,
        "sending": Sending.QUEUED,
        "due_at": now,
        "attempt": Errand.attempt + 1,  # one that is under way concludes nothing any more
        "problem": None,
        "lease_until": None,
        "created_at": now,
    }
    session.execute(
        row.on_conflict_do_update(
            index_elements=["merchant_id", "channel_id", "act"],
            index_where=Errand.done_at.is_(None),
            set_=again,
        )
    )
    outbox.wake("numbers")
    live.changed("channels")


def last(channel: Channel, act: str) -> Errand | None:
    """The errand of this kind that is under way, else the last one."""
    mine = select(Errand).where(Errand.channel_id == channel.id, Errand.act == act)
    newest = mine.order_by(Errand.done_at.is_(None).desc(), Errand.created_at.desc()).limit(1)
    return db.session().scalars(newest).first()


def ask_daily() -> int:
    """Every proven number that Meta has not been asked about for a day is; how many."""
    lately = exists().where(
        Errand.merchant_id == Channel.merchant_id,
        Errand.channel_id == Channel.id,
        Errand.act == "look",
        or_(Errand.done_at.is_(None), Errand.done_at > utcnow() - EVERY),
    )
    old = select(Channel.merchant_id, Channel.id).where(Channel.proven_at.is_not(None), ~lately)
    with db.house() as house:
        due = house.execute(old).all()
    for merchant_id, channel_id in due:
        with db.merchant(merchant_id) as session:
            ask(session.get_one(Channel, (merchant_id, channel_id)), "look")
    return len(due)


# --- claim ----------------------------------------------------------------------------------------


def claim(*, limit: int = 4) -> list[Task]:
    """What is due and nobody else has, leased to this worker. All of it may be done twice."""
    session, now = db.session(), utcnow()
    ready = and_(Errand.sending.in_((Sending.QUEUED, Sending.WAITING)), Errand.due_at <= now)
    lost = and_(Errand.sending == Sending.CLAIMED, Errand.lease_until < now)
    due = (
        select(Errand)
        .where(Errand.done_at.is_(None), or_(ready, lost))
        .order_by(Errand.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Errand)
        .options(joinedload(Errand.channel, innerjoin=True))
    )
    return [_take(errand) for errand in session.scalars(due).all()]


def _take(errand: Errand) -> Task:
    errand.sending, errand.attempt = Sending.CLAIMED, errand.attempt + 1
    errand.lease_until = utcnow() + leases.LEASE
    live.changed("channels")
    channel = errand.channel
    return Task(
        errand_id=errand.id,
        attempt=errand.attempt,
        act=errand.act,
        phone_number_id=channel.phone_number_id,
        waba_id=channel.waba_id,
        token=channel.token,
        facts=errand.facts,
        upload=_upload(errand.media_id),
    )


def _upload(media_id: UUID | None) -> Upload | None:
    if media_id is None:
        return None
    media = db.session().scalars(select(Media).where(Media.id == media_id)).one()
    return Upload(media.id, media.file, media.mime_type, media.filename)


# --- conclude -------------------------------------------------------------------------------------


def conclude(task: Task, done: Done) -> None:
    """The number knows how its errand ended; a late conclusion changes nothing."""
    wanted = select(Errand).where(Errand.id == task.errand_id).with_for_update()
    errand = db.session().scalars(wanted).one_or_none()
    if errand is None or errand.attempt != task.attempt or errand.sending is not Sending.CLAIMED:
        return
    errand.lease_until, errand.words = None, done.words
    channel = (
        db.session()
        .scalars(
            select(Channel).where(Channel.id == errand.channel_id).with_for_update(key_share=True)
        )
        .one()
    )
    if done.found is not None:
        facts.keep(channel, done.found)
    if done.profile is not None:
        channel.profile = dict(done.profile)
    problem = problem_of(done)
    if problem is None:
        problem = _ended_well(errand, channel)
    if errand.act == "form":
        forms.keep(channel, done.form, problem, done.words)
    if problem in AGAIN and utcnow() < errand.created_at + PATIENCE:
        errand.sending, errand.problem = Sending.WAITING, problem
        errand.due_at = utcnow() + timedelta(seconds=10 * 2 ** min(errand.attempt, 5))
    else:
        _end(errand, channel, problem)
    live.changed("channels")


def problem_of(done: Done) -> str | None:
    """A word of PROBLEMS; None when it ended well."""
    if done.problem:
        return done.problem
    if done.ending == "accepted":
        return None
    if done.ending != "refused":
        return "no_answer" if done.ending == "unknown" else "no_connection"
    said = verdict(done.code).reason
    return said if said in PROBLEMS else "refused"


def _ended_well(errand: Errand, channel: Channel) -> str | None:
    """What follows from it; what still stands in the way."""
    if errand.act != "look":
        if errand.act in SHOWN_BY_A_LOOK:
            ask(channel, "look")
        return None
    channel.looked_at = utcnow()
    if not proving.prove(channel):
        return "taken"
    if facts.of(channel).missing:
        return "permission"
    if channel.pause_reason in pausing.STOPS and facts.of(channel).mends(channel.pause_reason):
        pausing.resume(channel)
    if channel.templates_problem:
        proving.ask_for_templates(channel)
    return None


def _end(errand: Errand, channel: Channel, problem: str | None) -> None:
    errand.sending = Sending.FAILED if problem else Sending.ACCEPTED
    errand.problem, errand.done_at = problem, utcnow()
    # A token that may not publish forms may send all the same.
    stops = errand.act != "form" and problem in pausing.STOPS
    if stops and problem and channel.proven_at is not None:
        pausing.pause(channel, problem, errand.words)
    db.session().execute(  # the last one tells enough
        delete(Errand).where(
            Errand.channel_id == channel.id,
            Errand.act == errand.act,
            Errand.id != errand.id,
            Errand.done_at.is_not(None),
        )
    )
