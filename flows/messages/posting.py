"""claim, then (outside any transaction) the call to Meta, then conclude."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from flows import callbacks, channels, consents, live, silence, statuses, templates, watched
from flows.letters import Letter, Outcome, Upload
from flows.messages import recall
from flows.verdicts import Verdict, verdict
from models import db
from models.channel import Channel, ChannelState
from models.message import Attempt, Media, Message, Sending
from models.types import utcnow

BATCH = 16
"""Letters of one claim; they are posted side by side, so this is also the thread pool's size."""
LEASE = timedelta(seconds=25)
"""How long a claim may stay open; more than twice the 10 s that a call to Meta may last."""
PATIENCE = timedelta(hours=24)
LONGEST_WAIT = 3600.0
WORTH_WAITING = timedelta(minutes=2)
"""A message that waits longer than this is overtaken by the next ones of its conversation."""


# --- claim ----------------------------------------------------------------------------------------


def claim(channel_id: UUID, *, limit: int = BATCH) -> list[Letter]:
    """Letters that nobody else has, leased to this worker; one per conversation, oldest first.

    A conversation's next message waits for the one before it, so order is kept.
    """
    session = db.session()
    channel = session.scalars(select(Channel).where(Channel.id == channel_id)).one()
    _give_up_lost_claims(channel_id)
    if channel.state is ChannelState.PAUSED:
        return []
    now = utcnow()
    ready = (
        select(Message)
        .where(_ready(channel_id, now))
        .order_by(Message.due_at, Message.seq)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Message)
    )
    wanted: list[Message] = []
    # An empty answer would end the worker's round: where all are kept back, the next are taken.
    while not wanted and (rows := session.scalars(ready).all()):
        wanted = recall.still_wanted(rows)
    for message in wanted:
        message.sending = Sending.CLAIMED
        message.lease_until = now + LEASE
        message.attempt += 1
        session.add(Attempt(message_id=message.id, number=message.attempt, claimed_at=now))
    return [_letter(message, channel) for message in wanted]


def _ready(channel_id: UUID, now: datetime) -> Any:
    earlier = aliased(Message)
    first_of_its_conversation = ~exists().where(
        earlier.conversation_id == Message.conversation_id,
        earlier.merchant_id == Message.merchant_id,
        or_(
            earlier.sending.in_((Sending.QUEUED, Sending.CLAIMED)),
            and_(earlier.sending == Sending.WAITING, earlier.due_at < now + WORTH_WAITING),
        ),
        earlier.seq < Message.seq,
    )
    return and_(
        Message.channel_id == channel_id,
        Message.sending.in_((Sending.QUEUED, Sending.WAITING)),
        Message.due_at <= now,
        first_of_its_conversation,
    )


def _letter(message: Message, channel: Channel) -> Letter:
    identity = message.conversation.identity
    return Letter(
        message_id=message.id,
        attempt=message.attempt,
        phone_number_id=channel.phone_number_id,
        token=channel.token,
        to=f"+{identity.wa_id}" if identity.wa_id else None,
        recipient=None if identity.wa_id else identity.user_id,
        kind=message.kind,
        payload=message.payload,
        text=message.text,
        reply_to=message.reply_to_wamid,
        callback=callbacks.write(message.id, message.attempt),
        upload=_upload(message.media),
        uploaded=_uploaded(message.media),
        cards=_cards(message),
    )


def _cards(message: Message) -> tuple[tuple[Upload, str | None], ...]:
    files = templates.files_of(message.payload.get("card_media") or ())
    pairs = [(_upload(media), _uploaded(media)) for media in files]
    return tuple((upload, known) for upload, known in pairs if upload)


def _upload(media: Media | None) -> Upload | None:
    if media is None:
        return None
    return Upload(media.id, media.file, media.mime_type, media.filename)


def _uploaded(media: Media | None) -> str | None:
    """Meta's id of a file sent before: a template's picture goes to hundreds of people.

    Only where the merchant has one number: Meta keeps a file for the number it came through. Never
    the id of a file a customer sent (it has a channel): that is where theirs is fetched.
    """
    if media is None or media.meta_id is None or media.meta_id_expires_at is None:
        return None
    if media.channel_id is not None:
        return None
    numbers = db.session().scalar(select(func.count()).select_from(Channel))
    fresh = media.meta_id_expires_at > utcnow() + timedelta(hours=1)
    return media.meta_id if fresh and numbers == 1 else None


def _give_up_lost_claims(channel_id: UUID) -> None:
    """A worker died between claim and conclude: whether Meta got it, nobody knows (W3, W4)."""
    session = db.session()
    lost = session.scalars(
        select(Message)
        .where(
            Message.channel_id == channel_id,
            Message.sending == Sending.CLAIMED,
            Message.lease_until < utcnow(),
        )
        .with_for_update(skip_locked=True)
    ).all()
    with silence.listening(lost):
        for message in lost:
            _conclude(message, message.attempt, Outcome("unknown", detail="worker_lost"))


# --- conclude -------------------------------------------------------------------------------------


def conclude(endings: Sequence[tuple[Letter, Outcome]]) -> None:
    """Every letter's message knows how its sending ended; a late conclusion changes nothing."""
    session = db.session()
    ids = sorted(letter.message_id for letter, _ in endings)
    rows = session.scalars(
        select(Message).where(Message.id.in_(ids)).order_by(Message.id).with_for_update()
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
    if message.attempt != attempt or message.sending not in (Sending.CLAIMED, Sending.UNCERTAIN):
        return  # a status was faster, or a person has already decided
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


def _refused(message: Message, outcome: Outcome) -> None:
    said = verdict(outcome.code if outcome.ending == "refused" else None)
    message.error_code, message.error_detail = outcome.code, outcome.detail
    message.reason = said.reason
    now = utcnow()
    if said.reason in channels.STOPS:
        # The number pauses: its messages wait for a new token, however long that takes.
        message.sending, message.due_at = Sending.WAITING, now
    elif said.action == "fail" or message.attempt >= said.tries:
        message.sending, message.failed_at = Sending.FAILED, now
    elif now > message.created_at + PATIENCE and said.delay < PATIENCE.total_seconds():
        message.sending, message.failed_at, message.reason = Sending.FAILED, now, "too_late"
    else:
        message.sending = Sending.WAITING
        message.due_at = now + _wait(said, message.attempt, outcome.retry_after)


def _wait(said: Verdict, attempt: int, asked: float | None) -> timedelta:
    """The delay Meta asked for, else the table's, doubled with each try; never all at once."""
    seconds = asked if asked is not None else said.delay * 2 ** (attempt - 1)
    seconds = min(seconds, max(said.delay, LONGEST_WAIT))
    return timedelta(seconds=seconds * random.uniform(1.0, 1.25))  # noqa: S311 - jitter, no secret
