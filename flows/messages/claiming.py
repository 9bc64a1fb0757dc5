"""Claim: letters that may leave now, leased to one worker and committed before the call to Meta."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Row,
    Select,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from flows import callbacks, channels, live, templates
from flows.leases import LEASE
from flows.letters import Letter, Sender, Upload
from flows.messages import concluding, recall
from flows.verdicts import PACED
from models import db
from models.channel import Channel, ChannelState
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.message import Attempt, Media, Message, Sending
from models.types import Instant, Json, new_id, utcnow

BATCH = 40
"""Letters of one claim; they are posted side by side."""
CALL_SECONDS = 10
"""What a call to Meta may last (bot/client bounds it); a claim is open for more than twice that."""
LEASE_WITH_FILE = timedelta(minutes=3)
"""How long a claim may stay open where files have to be uploaded first."""
WORTH_WAITING = timedelta(minutes=2)
"""A message that waits longer than this is overtaken by the next ones of its conversation, but not
where it waits for its turn."""


def sender(channel_id: UUID) -> Sender | None:
    """The number, as far as its pace goes; None while it is paused, and when it is gone.

    Claims of workers that died are given up here: whether Meta got those, nobody knows.
    """
    _give_up_lost(channel_id)
    channel = channels.find(channel_id)
    if channel is None or channel.state is ChannelState.PAUSED:
        return None
    pace = channels.facts_of(channel).per_second
    return Sender(channel.phone_number_id, channel.waba_id, pace)


def claim(channel_id: UUID, *, limit: int = BATCH) -> list[Letter]:
    """Letters that nobody else has, leased to this worker; one per conversation, oldest first.

    A conversation's next message waits for the one before it, so order is kept.
    """
    channel = channels.find(channel_id)
    if channel is None or channel.state is ChannelState.PAUSED:
        return []
    now = utcnow()
    # An empty answer would end the worker's round: where all are kept back, the next are taken.
    while rows := db.session().execute(_ready(channel_id, now).limit(limit)).all():
        kept_back = recall.keep_back([row.id for row in rows if recall.is_late(row, now)])
        wanted = [row for row in rows if row.id not in kept_back]
        if wanted:
            return _claimed(channel, wanted, now)
    return []


def _ready(channel_id: UUID, now: datetime) -> Select[Any]:
    """What a letter needs of each message that may leave, locked. Columns: an object each would
    cost as much as the call to Meta."""
    earlier = aliased(Message)
    first_of_its_conversation = ~exists().where(
        earlier.conversation_id == Message.conversation_id,
        earlier.merchant_id == Message.merchant_id,
        or_(
            earlier.sending.in_((Sending.QUEUED, Sending.CLAIMED)),
            and_(
                earlier.sending == Sending.WAITING,
                or_(earlier.due_at < now + WORTH_WAITING, earlier.reason.in_(PACED)),
            ),
        ),
        earlier.seq < Message.seq,
    )
    return (
        select(*_NEEDED)
        .join(Conversation, Message.conversation_id == Conversation.id)
        .join(WhatsAppIdentity, Conversation.identity_id == WhatsAppIdentity.id)
        .where(
            Message.channel_id == channel_id,
            # What is queued is due: its time was read from a clock that may have been wrong.
            or_(
                Message.sending == Sending.QUEUED,
                and_(Message.sending == Sending.WAITING, Message.due_at <= now),
            ),
            first_of_its_conversation,
        )
        .order_by(Message.due_at, Message.seq)
        .with_for_update(skip_locked=True, of=Message)
    )


_NEEDED = (
    *(Message.id, Message.attempt, Message.created_at, Message.kind, Message.payload),
    *(Message.text, Message.reply_to_wamid, Message.media_id),
    *(WhatsAppIdentity.wa_id, WhatsAppIdentity.user_id),
)


def _claimed(channel: Channel, rows: Sequence[Row[Any]], now: datetime) -> list[Letter]:
    session = db.session()
    leases = {row.id: LEASE_WITH_FILE if _has_file(row) else LEASE for row in rows}
    with_file = [id_ for id_, lease in leases.items() if lease is LEASE_WITH_FILE]
    lease_until = case((Message.id.in_(with_file), now + LEASE_WITH_FILE), else_=now + LEASE)
    session.execute(
        update(Message)
        .where(Message.id.in_(leases))
        .values(sending=Sending.CLAIMED, lease_until=lease_until, attempt=Message.attempt + 1)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        insert(Attempt),
        [
            {
                "merchant_id": channel.merchant_id,
                "id": new_id(),
                "message_id": row.id,
                "number": row.attempt + 1,
                "claimed_at": now,
            }
            for row in rows
        ],
    )
    token, files = channel.token, _files(rows)
    return [_letter(row, channel, token, files, _post_until(leases[row.id])) for row in rows]


def _has_file(row: Row[Any]) -> bool:
    return row.media_id is not None or "card_media" in row.payload


def _post_until(lease: timedelta) -> float:
    """On this machine's clock, since both ends of it are here."""
    return time.monotonic() + lease.total_seconds() - 2 * CALL_SECONDS


def _files(rows: Sequence[Row[Any]]) -> dict[UUID, Media]:
    ids = {row.media_id for row in rows if row.media_id is not None}
    if not ids:
        return {}
    found = db.session().scalars(select(Media).where(Media.id.in_(ids)))
    return {media.id: media for media in found}


def _letter(
    row: Row[Any], channel: Channel, token: str, files: Mapping[UUID, Media], post_until: float
) -> Letter:
    media = files.get(row.media_id)
    return Letter(
        message_id=row.id,
        attempt=row.attempt + 1,
        phone_number_id=channel.phone_number_id,
        token=token,
        to=f"+{row.wa_id}" if row.wa_id else None,
        recipient=None if row.wa_id else row.user_id,
        kind=row.kind,
        payload=row.payload,
        text=row.text,
        reply_to=row.reply_to_wamid,
        callback=callbacks.write(row.id, row.attempt + 1),
        upload=_upload(media),
        uploaded=_uploaded(media),
        cards=_cards(row.payload),
        post_until=post_until,
    )


def _cards(payload: Json) -> tuple[tuple[Upload, str | None], ...]:
    files = templates.files_of(payload.get("card_media") or ())
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


def _give_up_lost(channel_id: UUID) -> None:
    """A worker died between claim and conclude: whether Meta got it, nobody knows (W3, W4)."""
    lost = (
        select(Message)
        .where(
            Message.channel_id == channel_id,
            Message.sending == Sending.CLAIMED,
            Message.lease_until < utcnow(),
        )
        .with_for_update(skip_locked=True)
    )
    concluding.give_up(db.session().scalars(lost).all())


# --- not yet --------------------------------------------------------------------------------------


def give_back(letter: Letter, until: datetime, reason: str) -> None:
    """The letter was claimed and never posted: its message waits as if it had not been claimed."""
    mine = (Message.id == letter.message_id) & (Message.attempt == letter.attempt)
    put_back = (
        update(Message)
        .where(mine, Message.sending == Sending.CLAIMED)
        .values(
            sending=Sending.WAITING,
            reason=reason,
            due_at=until,
            lease_until=None,
            attempt=Message.attempt - 1,
        )
        .returning(Message.conversation_id)
        .execution_options(synchronize_session=False)
    )
    conversation = db.session().scalar(put_back)
    if conversation is None:
        return
    db.session().execute(
        delete(Attempt)
        .where(Attempt.message_id == letter.message_id, Attempt.number == letter.attempt)
        .execution_options(synchronize_session=False)
    )
    live.changed(f"conversation:{conversation}", "runs")


def hold_up(
    channel_id: UUID, reason: str, *, from_: datetime, per_second: int, beyond: int = 0
) -> None:
    """What is due of this number, but for the first `beyond`, waits for its turn and says so.

    The turns begin at `from_`; nothing changes its place.
    """
    due = (
        select(Message.id, Message.due_at, Message.seq)
        .where(
            Message.channel_id == channel_id,
            Message.sending == Sending.QUEUED,
        )
        .order_by(Message.due_at, Message.seq)
        .offset(beyond)
        .with_for_update(skip_locked=True)
        .subquery()
    )
    place = func.row_number().over(order_by=(due.c.due_at, due.c.seq))
    turns = select(due.c.id, place.label("place")).subquery()
    seconds = (beyond + turns.c.place) / float(per_second)
    held = db.session().execute(
        update(Message)
        .where(Message.id == turns.c.id, Message.merchant_id == db.session().merchant_id)
        .values(
            sending=Sending.WAITING,
            reason=reason,
            due_at=cast(from_, Instant) + func.make_interval(0, 0, 0, 0, 0, 0, seconds),
        )
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    if held.first():
        live.changed("inbox", "runs")
