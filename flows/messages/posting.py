"""claim, then (outside any transaction) the call to Meta, then conclude."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Integer,
    Row,
    Select,
    Text,
    Uuid,
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

from flows import callbacks, channels, consents, live, silence, statuses, templates, watched
from flows.letters import Letter, Outcome, Sender, Upload
from flows.messages import recall
from flows.verdicts import PACED, Verdict, verdict
from models import db
from models.channel import Channel, ChannelState
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.message import Attempt, Media, Message, MessageStatus, Sending
from models.types import Instant, Json, new_id, utcnow

BATCH = 40
"""Letters of one claim; they are posted side by side."""
CALL_SECONDS = 10
"""What a call to Meta may last (bot/client bounds it)."""
LEASE = timedelta(seconds=25)
"""How long a claim may stay open; more than twice a call."""
LEASE_WITH_FILE = timedelta(minutes=3)
"""The same where files have to be uploaded first."""
PATIENCE = timedelta(hours=24)
"""How long Meta is tried, from the first refusal."""
LONGEST_WAIT = 3600.0
WORTH_WAITING = timedelta(minutes=2)
"""A message that waits longer than this is overtaken by the next ones of its conversation, but not
where it waits for its turn."""
NOT_TRIED = {"tries": 0, "tried_since": None}


# --- claim ----------------------------------------------------------------------------------------


def sender(channel_id: UUID) -> Sender | None:
    """The number, as far as its pace goes; None while it is paused, and when it is gone.

    Claims of workers that died are given up here: whether Meta got those, nobody knows.
    """
    _give_up_lost_claims(channel_id)
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


# --- conclude -------------------------------------------------------------------------------------


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
    """Whether an ending of its latest attempt still counts: also where a person has said meanwhile
    that it left, or is not to, and Meta has not."""
    if row.sending in (Sending.CLAIMED, Sending.UNCERTAIN):
        return True
    decided = row.sending in (Sending.ACCEPTED, Sending.DISCARDED) and row.settled_at is not None
    return decided and row.wamid is None


def _write_accepted(wamids: Mapping[UUID, str | None]) -> None:
    if not wamids:
        return
    told = _table(id=(Uuid, list(wamids)), wamid=(Text, list(wamids.values())))
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
    told = _table(
        id=(Uuid, [letter.message_id for letter, _ in endings]),
        number=(Integer, [letter.attempt for letter, _ in endings]),
        wamid=(Text, [outcome.wamid for _, outcome in endings]),
    )
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


def _table(**columns: tuple[Any, list[Any]]) -> Any:
    """Lists of equal length as the columns of a table the database can join."""
    found = [
        func.unnest(cast(values, ARRAY(kind))).label(name)
        for name, (kind, values) in columns.items()
    ]
    return select(*found).subquery()


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
    message.lease_until = None
    if message.settled_at is not None and outcome.ending != "accepted":
        _contradict(message, outcome)
        return
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
