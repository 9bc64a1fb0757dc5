"""Queue a message; claim, conclude, retry or leave it openly uncertain (D3, D6).

A message leaves in three steps, so that no crash can lose it or send it twice in silence:
claim (committed) → the call to Meta (no transaction) → conclude (committed). A claim that is
never concluded becomes uncertain: nobody can know whether Meta got it, so nobody resends it
but a person. A status with our callback id settles it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased, joinedload

from config import settings
from flows import callbacks, conversations, costs, live, outbox, statuses, templates
from flows.errors import N_, Refused
from flows.letters import Letter, Outcome, ReadLetter, Upload
from flows.verdicts import Verdict, verdict
from models import db
from models.channel import Channel, ChannelState
from models.conversation import Conversation
from models.message import (
    UNFINISHED,
    Attempt,
    Direction,
    Media,
    Message,
    Origin,
    ReadMark,
    Sending,
)
from models.order import Order
from models.template import MessageTemplate
from models.types import clean, new_id, utcnow
from models.user import Membership

MAX_TEXT = 4096
BATCH = 16
"""Letters of one claim; they are posted side by side, so this is also the thread pool's size."""
LEASE = timedelta(seconds=30)
"""How long a claim may stay open; more than twice the 10 s that a call to Meta may last."""
PATIENCE = timedelta(hours=24)
LONGEST_WAIT = 3600.0
READ_TRIES = 3
MEDIA_KINDS = ("image", "video", "audio", "document", "sticker")


# --- queueing -------------------------------------------------------------------------------------


def queue_text(
    conversation: Conversation,
    text: str,
    *,
    by: Membership | None = None,
    client_id: UUID | None = None,
    reply_to: str | None = None,
    origin: Origin = Origin.AGENT,
) -> Message:
    """A text on its way to the customer; refused outside the 24-hour window, empty or too long."""
    text = clean(text).strip()
    if not text:
        raise Refused("empty", N_("There is nothing to send."))
    if len(text) > MAX_TEXT:
        raise Refused("too_long", N_("WhatsApp takes at most {limit} characters."), limit=MAX_TEXT)
    window_must_be_open(conversation)
    return _queue(
        conversation,
        kind="text",
        text=text,
        payload={"preview_url": "https://" in text},
        category="service",
        client_id=client_id,
        reply_to_wamid=reply_to,
        sender_id=by.id if by else None,
        origin=origin,
    )


def queue_media(
    conversation: Conversation,
    kind: str,
    *,
    media: Media | None = None,
    link: str | None = None,
    caption: str = "",
    by: Membership | None = None,
    client_id: UUID | None = None,
    reply_to: str | None = None,
    origin: Origin = Origin.AGENT,
) -> Message:
    """A picture, film, sound or document, uploaded by us or fetched by Meta from `link`."""
    if kind not in MEDIA_KINDS or (media is None) == (link is None):
        raise ValueError("one of media or link, of a kind WhatsApp knows")
    window_must_be_open(conversation)
    return _queue(
        conversation,
        kind=kind,
        text=clean(caption).strip(),
        payload={"link": link} if link else {"filename": media.filename} if media else {},
        category="service",
        client_id=client_id,
        reply_to_wamid=reply_to,
        media_id=media.id if media else None,
        sender_id=by.id if by else None,
        origin=origin,
    )


def queue_buttons(
    conversation: Conversation,
    text: str,
    buttons: dict[str, str],
    *,
    by: Membership | None = None,
    client_id: UUID | None = None,
    origin: Origin = Origin.AGENT,
) -> Message:
    """A question with up to three reply buttons ({payload: title of at most 20 characters})."""
    if not 1 <= len(buttons) <= 3 or any(len(title) > 20 for title in buttons.values()):
        raise Refused("buttons", N_("WhatsApp takes one to three buttons of 20 characters."))
    window_must_be_open(conversation)
    return _queue(
        conversation,
        kind="interactive",
        text=clean(text).strip(),
        payload={"buttons": [{"id": id_, "title": title} for id_, title in buttons.items()]},
        category="service",
        client_id=client_id,
        sender_id=by.id if by else None,
        origin=origin,
    )


def queue_template(
    conversation: Conversation,
    template: MessageTemplate,
    values: dict[str, str],
    *,
    origin: Origin,
    by: Membership | None = None,
    order: Order | None = None,
    payloads: dict[int, str] | None = None,
    client_id: UUID | None = None,
) -> Message:
    """An approved template, every blank filled ({"body.1": "Fatima"}); allowed at any time."""
    if not template.approved:
        raise Refused("template_state", N_("Meta has not approved this template (yet)."))
    if template.waba_id != conversation.channel.waba_id:
        raise Refused("template_account", N_("This template belongs to another WhatsApp account."))
    rendered = templates.render(template, values)
    return _queue(
        conversation,
        kind="template",
        text=rendered.text,
        payload={
            "name": template.name,
            "language": template.language,
            "named": template.named,
            "values": values,
            "payloads": {str(index): payload for index, payload in (payloads or {}).items()},
            "header": rendered.header,
            "body": rendered.body,
            "footer": rendered.footer,
            "buttons": [button.text for button in rendered.buttons],
        },
        category=template.category,
        client_id=client_id,
        template_id=template.id,
        order_id=order.id if order else None,
        sender_id=by.id if by else None,
        origin=origin,
    )


def window_must_be_open(conversation: Conversation) -> None:
    """Refused when only templates may be sent: the customer has been silent for 24 hours."""
    if not conversation.window_open:
        raise Refused(
            "window_closed",
            N_("More than 24 hours have passed since the customer last wrote. Send a template."),
        )


def _queue(conversation: Conversation, *, category: str, **values: Any) -> Message:
    """The row that will leave; the same client_id twice is the same message."""
    session = db.session()
    estimate = costs.estimate(
        conversation.channel,
        phone=conversation.identity.phone,
        user_id=conversation.identity.user_id,
        category=category,
        window_open=conversation.window_open,
    )
    now = utcnow()
    statement = (
        insert(Message)
        .values(
            merchant_id=session.merchant_id,
            id=new_id(),
            conversation_id=conversation.id,
            channel_id=conversation.channel_id,
            direction=Direction.OUT,
            sending=Sending.QUEUED,
            due_at=now,
            at=now,
            created_at=now,
            attempt=0,
            category=category,
            estimate_micros=estimate.micros,
            estimate_currency=estimate.currency,
            **values,
        )
        .on_conflict_do_nothing(index_elements=["merchant_id", "conversation_id", "client_id"])
        .returning(Message.id)
    )
    message_id = session.scalar(statement)
    if message_id is None:
        return session.scalars(
            select(Message).where(
                Message.conversation_id == conversation.id,
                Message.client_id == values["client_id"],
            )
        ).one()
    message = session.scalars(select(Message).where(Message.id == message_id)).one()
    conversations.show_last(message)
    outbox.deliver(conversation.channel_id)
    live.changed("inbox", f"conversation:{conversation.id}")
    return message


def send_again(message: Message) -> None:
    """A person decided: a failed or uncertain message goes out once more, knowing the risk."""
    if message.sending not in (Sending.FAILED, Sending.UNCERTAIN):
        raise Refused("not_ended", N_("This message is still on its way."))
    if message.kind != "template":
        window_must_be_open(message.conversation)
    message.sending = Sending.QUEUED
    message.due_at = utcnow()
    message.reason = message.error_code = message.error_detail = message.failed_at = None
    outbox.deliver(message.channel_id)
    live.changed(f"conversation:{message.conversation_id}", "runs")


# --- claim ----------------------------------------------------------------------------------------


def claim(channel_id: UUID, *, limit: int = BATCH) -> list[Letter]:
    """Letters that nobody else has, leased to this worker; one per conversation, oldest first.

    A conversation's next message waits for the one before it, so order is kept.
    """
    session = db.session()
    channel = session.scalars(select(Channel).where(Channel.id == channel_id)).one()
    if channel.state is ChannelState.PAUSED:
        return []
    _give_up_lost_claims(channel_id)
    now = utcnow()
    rows = session.scalars(
        select(Message)
        .where(_ready(channel_id, now))
        .order_by(Message.due_at, Message.seq)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Message)
    ).all()
    for message in rows:
        message.sending = Sending.CLAIMED
        message.lease_until = now + LEASE
        message.attempt += 1
        session.add(Attempt(message_id=message.id, number=message.attempt, claimed_at=now))
    return [_letter(message, channel) for message in rows]


def _ready(channel_id: UUID, now: datetime) -> Any:
    earlier = aliased(Message)
    first_of_its_conversation = ~exists().where(
        earlier.conversation_id == Message.conversation_id,
        earlier.merchant_id == Message.merchant_id,
        earlier.sending.in_((Sending.QUEUED, Sending.CLAIMED, Sending.WAITING)),
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
        upload=_upload(message),
    )


def _upload(message: Message) -> Upload | None:
    media = message.media
    if media is None:
        return None
    path = settings().var / "media" / media.file
    return Upload(media.id, str(path), media.mime_type, media.filename)


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
    for letter, outcome in endings:
        message = messages[letter.message_id]
        if outcome.uploaded and message.media:
            message.media.meta_id = outcome.uploaded
            message.media.meta_id_expires_at = utcnow() + timedelta(days=29)
        _conclude(message, letter.attempt, outcome)
    session.flush()  # statuses that came before this answer are matched by the wamid just written
    statuses.adopt([m for m in messages.values() if m.wamid])


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
    live.changed(f"conversation:{message.conversation_id}", "inbox", "runs")


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
    if said.action == "fail" or message.attempt >= said.tries:
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


# --- read marks -----------------------------------------------------------------------------------


def claim_read_marks(channel_id: UUID, *, limit: int = BATCH) -> list[ReadLetter]:
    """Read marks to tell Meta of; telling twice does no harm, so a lost claim is simply retried."""
    session = db.session()
    channel = session.scalars(select(Channel).where(Channel.id == channel_id)).one()
    now = utcnow()
    marks = session.scalars(
        select(ReadMark)
        .where(
            ReadMark.channel_id == channel_id,
            ReadMark.sending.in_((Sending.QUEUED, Sending.WAITING, Sending.CLAIMED)),
            ReadMark.due_at <= now,
        )
        .order_by(ReadMark.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for mark in marks:
        mark.sending, mark.due_at, mark.attempt = Sending.CLAIMED, now + LEASE, mark.attempt + 1
    return [
        ReadLetter(m.id, m.attempt, channel.phone_number_id, channel.token, m.wamid) for m in marks
    ]


def conclude_read_marks(endings: Sequence[tuple[ReadLetter, Outcome]]) -> None:
    """Told, or to be told again; after a few tries it is left: blue ticks are a courtesy."""
    session = db.session()
    outcomes = {letter.mark_id: outcome for letter, outcome in endings}
    for mark in session.scalars(select(ReadMark).where(ReadMark.id.in_(outcomes))):
        outcome = outcomes[mark.id]
        mark.error_code = outcome.code
        if outcome.ending == "accepted":
            mark.sending = Sending.ACCEPTED
        elif mark.attempt >= READ_TRIES:
            mark.sending = Sending.FAILED
        else:
            mark.sending, mark.due_at = Sending.WAITING, utcnow() + timedelta(seconds=5)


# --- what a thread needs --------------------------------------------------------------------------


def find(message_id: UUID) -> Message | None:
    return (
        db.session()
        .scalars(
            select(Message)
            .where(Message.id == message_id)
            .options(joinedload(Message.conversation))
        )
        .first()
    )


def unfinished(conversation: Conversation) -> int:
    """How many messages of the conversation are still on their way to Meta."""
    wanted = select(func.count()).where(
        Message.conversation_id == conversation.id, Message.sending.in_(UNFINISHED)
    )
    return db.session().scalar(wanted) or 0
