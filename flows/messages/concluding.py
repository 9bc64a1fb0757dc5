"""Conclude: every letter's message knows how its call to Meta ended, in a transaction by itself."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, SmallInteger, Text, Uuid, func, select, update

from flows import channels, consents, live, silence, statuses, templates, watched
from flows.letters import Letter, Outcome
from flows.messages import recall
from flows.verdicts import Verdict, verdict
from models import db
from models.message import Attempt, Media, Message, MessageStatus, Sending
from models.rowsets import rowset
from models.types import utcnow

PATIENCE = timedelta(hours=24)
"""How long Meta is tried, from the first refusal."""
LONGEST_WAIT = 3600.0
NOT_TRIED = {"tries": 0, "tried_since": None}


def conclude(endings: Sequence[tuple[Letter, Outcome]]) -> None:
    """Every letter's message knows how its sending ended; a late conclusion changes nothing."""
    plain = [(letter, outcome) for letter, outcome in endings if _is_plain(letter, outcome)]
    others = [ending for ending in endings if ending not in plain]
    if plain and others:
        _lock(letter.message_id for letter, _ in endings)
    if plain:
        _accept(plain)
    if others:
        _conclude_one_by_one(others)


def give_up(lost: Sequence[Message]) -> None:
    """Of these, held by the caller, nobody knows whether Meta has them: their workers are gone."""
    with silence.listening(lost):
        for message in lost:
            _conclude(message, message.attempt, Outcome("unknown", detail="worker_lost"))


def _lock(ids: Iterable[UUID]) -> None:
    """In one order for everybody, before they are locked by parts."""
    mine = select(Message.id).where(Message.id.in_(list(ids))).order_by(Message.id)
    db.session().execute(mine.with_for_update()).all()


def _is_plain(letter: Letter, outcome: Outcome) -> bool:
    """Accepted, and there is no more to tell: nearly all are."""
    return outcome.ending == "accepted" and not (outcome.uploaded or outcome.cards)


def _accept(endings: Sequence[tuple[Letter, Outcome]]) -> None:
    """Meta has these: three statements for all of them."""
    session = db.session()
    said = {letter.message_id: (letter.attempt, outcome.wamid) for letter, outcome in endings}
    rows = session.execute(
        select(Message.id, Message.attempt, Message.sending, Message.run_id)
        .add_columns(Message.conversation_id, Message.channel_id, Message.kind)
        .add_columns(Message.wamid, Message.settled_at)
        .where(Message.id.in_(said))
        .order_by(Message.id)  # as statuses lock them: two workers cannot block each other
        .with_for_update()
    ).all()
    _record_all(endings)
    ended = [row for row in rows if _is_open(row) and row.attempt == said[row.id][0]]
    _write_accepted({row.id: said[row.id][1] for row in ended})
    silence.taken([row.id for row in ended if row.run_id is not None])
    _adopt({(row.channel_id, said[row.id][1]) for row in ended})
    for row in ended:
        watched.concluded(row.id, said[row.id][0], kind=row.kind, state=Sending.ACCEPTED, code=None)
    if any(row.sending is not Sending.CLAIMED for row in ended):
        live.changed("troubles")
    if ended:
        live.changed("inbox", "runs", *{f"conversation:{row.conversation_id}" for row in ended})


def _is_open(row: Row[Any] | Message) -> bool:
    """Whether an ending of its latest attempt still counts."""
    return row.sending in (Sending.CLAIMED, Sending.UNCERTAIN) or _is_decided(row)


def _is_decided(row: Row[Any] | Message) -> bool:
    """Whether a person has said meanwhile that it left, or is not to, and Meta has said nothing."""
    by_a_person = row.sending in (Sending.ACCEPTED, Sending.DISCARDED) and row.wamid is None
    return by_a_person and row.settled_at is not None


def _write_accepted(wamids: Mapping[UUID, str | None]) -> None:
    if not wamids:
        return
    rows = [{"id": id_, "wamid": wamid} for id_, wamid in wamids.items()]
    told = rowset("told", {"id": Uuid, "wamid": Text}, rows)
    now = utcnow()
    db.session().execute(
        update(Message)
        .where(Message.id == told.c.id, Message.merchant_id == db.session().merchant_id)
        .values(
            sending=Sending.ACCEPTED,
            wamid=func.coalesce(Message.wamid, told.c.wamid),
            rank=func.coalesce(Message.rank, 0),
            accepted_at=func.coalesce(Message.accepted_at, now),
            **dict.fromkeys(("lease_until", "reason", "error_code", "error_detail")),
            **NOT_TRIED,
        )
        .execution_options(synchronize_session=False)
    )


def _record_all(endings: Sequence[tuple[Letter, Outcome]]) -> None:
    rows = [
        {"id": letter.message_id, "number": letter.attempt, "wamid": outcome.wamid}
        for letter, outcome in endings
    ]
    told = rowset("told", {"id": Uuid, "number": SmallInteger, "wamid": Text}, rows)
    db.session().execute(
        update(Attempt)
        .where(
            Attempt.merchant_id == db.session().merchant_id,
            Attempt.message_id == told.c.id,
            Attempt.number == told.c.number,
        )
        .values(concluded_at=utcnow(), outcome="accepted", wamid=told.c.wamid)
        .execution_options(synchronize_session=False)
    )


def _adopt(taken: set[tuple[UUID, str | None]]) -> None:
    """Statuses that came before this answer are matched by the wamid just written."""
    channels_, wamids = {channel for channel, _ in taken}, {wamid for _, wamid in taken}
    orphans = select(MessageStatus.wamid).where(
        MessageStatus.channel_id.in_(channels_),
        MessageStatus.wamid.in_(wamids),
        MessageStatus.message_id.is_(None),
    )
    known = set(db.session().scalars(orphans))
    if known:
        mine = select(Message).where(Message.channel_id.in_(channels_), Message.wamid.in_(known))
        statuses.adopt(db.session().scalars(mine).all())


def _conclude_one_by_one(endings: Sequence[tuple[Letter, Outcome]]) -> None:
    session = db.session()
    ids = sorted(letter.message_id for letter, _ in endings)
    rows = session.scalars(
        select(Message)
        .where(Message.id.in_(ids))
        .order_by(Message.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    messages = {message.id: message for message in rows}
    with silence.listening(messages.values()):
        for letter, outcome in endings:
            _end(messages[letter.message_id], letter, outcome)
        _stop_numbers(list(messages.values()))
        session.flush()  # statuses that came before this answer are matched by the wamid written
        statuses.adopt([m for m in messages.values() if m.wamid])
        consents.refused_by_meta(list(messages.values()))


def _stop_numbers(messages: Sequence[Message]) -> None:
    """A number whose token Meta no longer takes pauses: what waits would be refused alike."""
    refused = {(m.channel_id, m.reason): m for m in messages if m.sending is Sending.WAITING}
    for (channel_id, reason), message in refused.items():
        channels.trouble(channel_id, reason or "", message.error_detail)


def _end(message: Message, letter: Letter, outcome: Outcome) -> None:
    if outcome.cards:
        known = dict(outcome.cards)
        for media in db.session().scalars(select(Media).where(Media.id.in_(known))):
            media.meta_id = known[media.id]
            media.meta_id_expires_at = utcnow() + timedelta(days=29)
    if outcome.uploaded and message.media:
        message.media.meta_id = outcome.uploaded
        message.media.meta_id_expires_at = utcnow() + timedelta(days=29)
    elif letter.uploaded and outcome.ending == "refused" and message.media:
        message.media.meta_id = None  # perhaps Meta no longer has it: the next one uploads
    if outcome.ending == "refused":
        _forget_cards(letter)
    _conclude(message, letter.attempt, outcome)


def _forget_cards(letter: Letter) -> None:
    """Perhaps Meta no longer has the files it was told to show: the next letter uploads them."""
    shown = [upload.media_id for upload, known in letter.cards if known]
    for media in db.session().scalars(select(Media).where(Media.id.in_(shown))) if shown else ():
        media.meta_id = None


def _conclude(message: Message, attempt: int, outcome: Outcome) -> None:
    _record(message, attempt, outcome)
    if message.attempt != attempt or not _is_open(message):
        return  # a status was faster, or it was sent again
    if _is_decided(message) and outcome.ending != "accepted":
        _contradict(message, outcome)
        return
    message.lease_until = None
    if outcome.ending == "accepted":
        _accepted(message, outcome)
    elif outcome.ending == "unknown":
        message.sending = Sending.UNCERTAIN
        message.reason = "worker_lost" if outcome.detail == "worker_lost" else "no_answer"
        message.error_detail = outcome.detail
    else:
        _refused(message, outcome)
    watched.concluded(
        message.id, attempt, kind=message.kind, state=message.sending, code=message.error_code
    )
    live.changed(f"conversation:{message.conversation_id}", "inbox", "runs")
    if message.troubled:
        live.changed("troubles")


def _contradict(message: Message, outcome: Outcome) -> None:
    """A person has dealt with it, and this comes late. That it certainly never left is told to who
    believes it did; nothing leaves by itself that a person has decided about."""
    if outcome.ending == "unknown" or message.sending is not Sending.ACCEPTED:
        return
    said = verdict(outcome.code if outcome.ending == "refused" else None)
    message.error_code, message.error_detail = outcome.code, outcome.detail
    message.unsettle()
    _fail(message, said.reason)
    live.changed(f"conversation:{message.conversation_id}", "inbox", "runs", "troubles")


def _record(message: Message, attempt: int, outcome: Outcome) -> None:
    db.session().execute(
        update(Attempt)
        .where(Attempt.message_id == message.id, Attempt.number == attempt)
        .values(
            concluded_at=utcnow(),
            outcome=outcome.ending,
            wamid=outcome.wamid,
            error_code=outcome.code,
            detail=outcome.detail,
        )
        .execution_options(synchronize_session=False)
    )


def _accepted(message: Message, outcome: Outcome) -> None:
    message.sending = Sending.ACCEPTED
    message.wamid = message.wamid or outcome.wamid
    message.rank = max(message.rank or 0, 0)
    message.accepted_at = message.accepted_at or utcnow()
    message.reason = message.error_code = message.error_detail = None
    message.tries, message.tried_since = 0, None


def _refused(message: Message, outcome: Outcome) -> None:
    said = verdict(outcome.code if outcome.ending == "refused" else None)
    message.error_code, message.error_detail = outcome.code, outcome.detail
    if said.reason in channels.STOPS:
        # The number pauses: its messages wait until it goes on, however long that takes.
        _wait_until(message, said.reason, utcnow())
        message.tries, message.tried_since = 0, None
        return
    _count(message, said)
    if said.action == "hold" and not recall.has_another_way(message):
        templates.hear_refused(message)
    elif said.action != "retry" or message.tries >= said.tries:
        _fail(message, said.reason)
    elif said.delay < PATIENCE.total_seconds() and _waited_enough(message):
        _fail(message, "too_late")
    else:
        delay = _delay(said, message.tries, outcome.retry_after)
        _wait_until(message, said.reason, utcnow() + delay)


def _count(message: Message, said: Verdict) -> None:
    """Tries are counted for each reason anew: waiting for one must not use up another's."""
    message.tries = message.tries + 1 if message.reason == said.reason else 1
    message.tried_since = message.tried_since or utcnow()


def _waited_enough(message: Message) -> bool:
    return message.tried_since is not None and utcnow() > message.tried_since + PATIENCE


def _wait_until(message: Message, reason: str, due_at: datetime) -> None:
    message.sending, message.reason, message.due_at = Sending.WAITING, reason, due_at


def _fail(message: Message, reason: str) -> None:
    message.sending, message.reason, message.failed_at = Sending.FAILED, reason, utcnow()


def _delay(said: Verdict, tries: int, asked: float | None) -> timedelta:
    """The delay Meta asked for, else the table's, longer with each try; never all at once."""
    seconds = max(asked, said.delay) if asked else said.delay * said.growth ** (tries - 1)
    seconds = min(seconds, max(said.delay, LONGEST_WAIT))
    return timedelta(seconds=seconds * random.uniform(1.0, 1.25))  # noqa: S311 - jitter, no secret
