"""Files customers send: expected when their message comes, fetched by a worker, or given up.

The row stands there with the message, so that what they wrote can be read at once; the file itself
comes later, and the open thread changes when it does.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import and_, delete, exists, func, not_, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from flows import formats, leases, live, outbox
from flows.errors import N_, NotFound
from models import db
from models.channel import Channel
from models.message import Media, MediaState, Message
from models.snippet import Snippet
from models.template import MessageTemplate
from models.types import Json, new_id, utcnow

KINDS = ("image", "video", "audio", "document", "sticker")
BATCH = 4
"""Files of one claim; they are fetched side by side."""
KEPT_BY_META = timedelta(days=7)
"""Meta keeps what came by a webhook so long (since 2025-10-09), then its id opens nothing."""
WAITS = (5, 20, 60, 300, 1800, 3600, 4 * 3600)
"""Seconds until the next try; the last one again and again while Meta keeps the file."""

# Why a file is not there, and what to do.
REASONS = {
    "no_answer": N_("WhatsApp did not hand the file over yet."),
    "refused": N_("WhatsApp refused the file: look at the number's settings."),
    "expired": N_("WhatsApp no longer has this file."),
    "too_large": N_("The file is too large to be kept."),
    "damaged": N_("The file arrived damaged."),
    "empty": N_("The file is empty."),
}


# --- expected -------------------------------------------------------------------------------------


def expect(rows: Sequence[Json]) -> None:
    """Each of these messages to be that speaks of a file names, as `media_id`, a row for it."""
    waiting = [made for row in rows if (made := _row(row)) is not None]
    for row in rows:
        row.setdefault("media_id", None)
    if waiting:
        db.session().execute(insert(Media).values(waiting))
        outbox.wake("media")


def forget(rows: Iterable[Json]) -> None:
    """The rows of messages that were there already are gone again."""
    ids = [row["media_id"] for row in rows if row["media_id"]]
    if ids:
        db.session().execute(delete(Media).where(Media.id.in_(ids)))


def _row(message: Json) -> Json | None:
    body = spoken_of(message["kind"], message["payload"].get("body"))
    meta_id = body.get("id")
    if not isinstance(meta_id, str | int) or not str(meta_id):
        return None
    message["media_id"] = new_id()
    now = utcnow()
    return {
        "merchant_id": db.session().merchant_id,
        "id": message["media_id"],
        "file": "",
        "filename": formats.tidy_name(_text(body.get("filename")), ""),
        "mime_type": _text(body.get("mime_type")).partition(";")[0].strip().lower(),
        "size": 0,
        "sha256": as_hex(body.get("sha256")),
        "meta_id": str(meta_id),
        "meta_id_expires_at": now + KEPT_BY_META,
        "created_at": now,
        "state": MediaState.WAITING,
        "channel_id": message["channel_id"],
        "due_at": now,
        "attempt": 0,
    }


def spoken_of(kind: str, body: Any) -> Json:
    """The part of a message's body that names its file: of an edit, of what it says now."""
    if kind == "edit":
        edited = body.get("message") if isinstance(body, dict) else None
        kind = _text(edited.get("type")) if isinstance(edited, dict) else ""
        body = edited.get(kind) if isinstance(edited, dict) else None
    return body if kind in KINDS and isinstance(body, dict) else {}


def as_hex(digest: Any) -> str:
    """A SHA-256 in hex, however Meta wrote it (base64 in webhooks, hex elsewhere); else ""."""
    text = _text(digest)
    try:
        raw = bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return ""
    return raw.hex() if len(raw) == 32 else ""


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


# --- claim, then (outside any transaction) the download, then conclude ----------------------------


@dataclass(frozen=True, slots=True)
class Errand:
    """A file to fetch: plain values, no row."""

    merchant_id: UUID
    media_id: UUID
    attempt: int
    meta_id: str
    phone_number_id: str
    token: str = field(repr=False)
    mime_type: str
    filename: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The file is in flows/files; what it truly is."""

    file: str
    filename: str
    mime_type: str
    size: int
    sha256: str
    thumbnail: str | None = None
    width: int | None = None
    height: int | None = None
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class Missed:
    """It is not: `then` says whether another try may help."""

    reason: str
    then: Literal["again", "failed", "gone"] = "again"


def claim(*, limit: int = BATCH) -> list[Errand]:
    """Files that nobody else fetches, leased to this worker, the longest due first."""
    now = utcnow()
    wanted = (
        select(Media, Channel)
        .join(
            Channel, and_(Channel.merchant_id == Media.merchant_id, Channel.id == Media.channel_id)
        )
        .where(Media.to_fetch(now))
        .order_by(Media.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Media)
    )
    errands = []
    for media, channel in db.session().execute(wanted):
        media.lease_until = now + leases.LEASE
        media.attempt += 1
        errands.append(
            Errand(
                merchant_id=media.merchant_id,
                media_id=media.id,
                attempt=media.attempt,
                meta_id=media.meta_id or "",
                phone_number_id=channel.phone_number_id,
                token=channel.token,
                mime_type=media.mime_type,
                filename=media.filename,
                sha256=media.sha256,
            )
        )
    return errands


def conclude(errand: Errand, ending: Found | Missed) -> None:
    """The row says where its file is or why it is not there; open threads show it."""
    wanted = select(Media).where(Media.id == errand.media_id).with_for_update()
    media = db.session().scalars(wanted).one_or_none()
    if media is None or media.attempt != errand.attempt or media.state is not MediaState.WAITING:
        return  # the lease was over, and somebody else was faster
    media.lease_until = None
    if isinstance(ending, Found):
        _keep(media, ending)
    else:
        _put_off(media, ending)
    _tell(media)


def _keep(media: Media, found: Found) -> None:
    for name in Found.__slots__:
        setattr(media, name, getattr(found, name))
    media.state = MediaState.FETCHED
    media.due_at = media.reason = None


def _put_off(media: Media, missed: Missed) -> None:
    media.reason = missed.reason
    if missed.then == "again" and utcnow() < media.created_at + KEPT_BY_META:
        seconds = WAITS[min(media.attempt, len(WAITS)) - 1]
        media.due_at = utcnow() + timedelta(seconds=seconds)
        return
    media.state = MediaState.FAILED if missed.then == "failed" else MediaState.GONE
    media.due_at = None
    if missed.then == "again":
        media.reason = "expired"


def _tell(media: Media) -> None:
    showing = select(Message.conversation_id).where(Message.media_id == media.id)
    live.changed(*(f"conversation:{id_}" for id_ in db.session().scalars(showing)))


# --- what people do -------------------------------------------------------------------------------


def find(media_id: UUID, *, may_see_deleted: bool) -> Media:
    """The file, or NotFound: also when the message that showed it was taken back."""
    media = db.session().scalars(select(Media).where(Media.id == media_id)).one_or_none()
    if media is None or not (may_see_deleted or not _taken_back(media)):
        raise NotFound
    return media


def fetch_again(media: Media) -> None:
    """A file that failed, is gone or is put off is asked for now."""
    if media.state is MediaState.FETCHED or media.channel_id is None:
        return
    media.state, media.due_at, media.lease_until = MediaState.WAITING, utcnow(), None
    outbox.wake("media")
    _tell(media)


def _taken_back(media: Media) -> bool:
    """Whether every message that showed it was deleted, and no saved answer or template has it."""
    shown, revoke = aliased(Message), aliased(Message)
    deleted = exists().where(
        revoke.merchant_id == shown.merchant_id,
        revoke.channel_id == shown.channel_id,
        revoke.target_wamid == shown.wamid,
        revoke.kind == "revoke",
    )
    told = select(func.bool_and(deleted)).where(shown.media_id == media.id)
    kept = or_(
        exists().where(Snippet.media_id == media.id),
        exists().where(MessageTemplate.media_id == media.id),
    )
    return db.session().scalar(select(and_(told.scalar_subquery(), not_(kept)))) is True
