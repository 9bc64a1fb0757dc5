"""Files people attach, and files customers send: kept, shown, served so that none can do harm."""

from __future__ import annotations

import hashlib
import io
from typing import IO
from uuid import UUID

from flask import Blueprint, abort, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import HTTPException
from werkzeug.utils import send_file
from werkzeug.wrappers import Response
from werkzeug.wsgi import wrap_file

from flows import files, formats
from flows import media as incoming
from flows.errors import N_, Refused
from inbox import voice
from inbox.auth import needs
from inbox.current import current
from inbox.filters import number
from models import db
from models.message import Media
from models.types import new_id

MEGABYTE = 1024 * 1024
# WhatsApp takes documents of 100 MB; ours travel through a form of at most 32.
LIMITS = {"image": 5, "video": 16, "audio": 16, "document": 30, "sticker": 0.5}
STILL = 100 * 1024
"""Bytes of a sticker that does not move."""
PICTURES = formats.PICTURES
ACCEPTED = (
    "image/jpeg,image/png,video/mp4,video/3gpp,.pdf,.doc,.docx,.xls,.xlsx,.ppt,.pptx,.txt,.csv,"
    ".mp3,.m4a,.ogg,.amr,.aac"
)
# What a browser may open; everything else is downloaded. Never HTML, SVG or what nobody knows.
INLINE = (
    *formats.PICTURES,
    formats.PDF,
    *("audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg", "video/3gpp", "video/mp4"),
)
HARMLESS = "default-src 'none'; sandbox"
# Chrome draws a PDF in a plugin of its own, which a sandbox forbids.
HARMLESS_PDF = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'"

pages = Blueprint("media", __name__)


# --- keeping --------------------------------------------------------------------------------------


def keep(upload: FileStorage) -> tuple[Media, str]:
    """The file is kept and its Media row with it; and the kind of message it makes.

    Refused when WhatsApp would not take it: what a file is says its content, not its name.
    """
    found = formats.recognised(upload.stream, upload.filename or "")
    if found is None or found.kind not in LIMITS:
        raise Refused("file_type", N_("WhatsApp does not take this type of file."))
    size = upload.stream.seek(0, 2)
    if found.kind == "sticker" and size > STILL and not _moves(upload.stream):
        raise Refused("file_size", N_("A sticker that does not move has 100 KB at most."))
    if not 0 < size <= LIMITS[found.kind] * MEGABYTE:
        raise Refused(
            "file_size",
            N_("This file is empty or too large: WhatsApp takes at most {limit} MB of it."),
            limit=LIMITS[found.kind],
        )
    media = Media(
        id=new_id(),
        merchant_id=db.session().merchant_id,
        filename=formats.tidy_name(upload.filename or "", f"file{found.extension}"),
        mime_type=found.mime_type,
        size=size,
        sha256=_digest(upload.stream),
    )
    media.file = f"{media.merchant_id}/{media.id}{found.extension}"
    files.put(media.file, upload.stream)
    db.session().add(media)
    return media, found.kind


def kind_of(stored: Media) -> str:
    """As what a file that is kept is sent."""
    if stored.mime_type == "image/webp":
        return "sticker"
    first = stored.mime_type.partition("/")[0]
    return first if first in LIMITS else "document"


def keep_voice(upload: FileStorage) -> tuple[Media, str]:
    """The same for a recording of the browser: WebM becomes the Ogg that WhatsApp plays."""
    if voice.is_webm(upload.stream.read(4)):
        ogg = voice.to_ogg(upload.stream)
        upload.stream.close()
        upload.stream = io.BytesIO(ogg)
    upload.filename = "voice.ogg"
    return keep(upload)


def _moves(stream: IO[bytes]) -> bool:
    """Whether a WebP picture is an animation: a bit of its extended header."""
    stream.seek(0)
    start = stream.read(21)
    return start[12:16] == b"VP8X" and bool(start[20] & 0x02)


def _digest(stream: IO[bytes]) -> str:
    stream.seek(0)
    return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def size(count: int) -> str:
    """340 KB, 2.4 MB"""
    if count < MEGABYTE:
        return f"{max(1, round(count / 1024))}\u00a0KB"
    return f"{number(round(count / MEGABYTE, 1))}\u00a0MB"


pages.add_app_template_filter(size, "bytes")


# --- showing --------------------------------------------------------------------------------------


@pages.get("/media/<uuid:media_id>")
@needs("inbox.read")
def show(media_id: UUID) -> Response:
    """A file of this merchant, whole or the range that was asked for."""
    media = _found(media_id)
    inline = media.mime_type in INLINE and "download" not in request.args
    return _served(media.file, media, media.mime_type, inline=inline)


@pages.get("/media/<uuid:media_id>/small")
@needs("inbox.read")
def small(media_id: UUID) -> Response:
    """The small picture of a picture."""
    media = _found(media_id)
    return _served(media.thumbnail or abort(404), media, "image/webp", inline=True)


@pages.post("/media/<uuid:media_id>/fetch")
@needs("inbox.read")
def fetch(media_id: UUID) -> tuple[str, int]:
    """The file is asked of Meta once more; the thread shows it when it comes."""
    incoming.fetch_again(_found(media_id))
    return "", 204


def _found(media_id: UUID) -> Media:
    return incoming.find(media_id, may_see_deleted=current.may("channels.edit"))


def _served(key: str, media: Media, mime_type: str, *, inline: bool) -> Response:
    try:
        file, length = files.open(key)
    except FileNotFoundError:
        abort(404)
    response = send_file(
        file,
        request.environ,
        mimetype=mime_type,
        as_attachment=not inline,
        download_name=media.filename,
        conditional=False,
        response_class=Response,
    )
    response.response = wrap_file(request.environ, file)
    response.content_length = length
    response.set_etag(media.sha256 if key == media.file else f"{media.sha256}-small")
    pdf = inline and mime_type == formats.PDF
    response.headers["Content-Security-Policy"] = HARMLESS_PDF if pdf else HARMLESS
    response.call_on_close(file.close)
    try:
        response.make_conditional(request, accept_ranges=True, complete_length=length)
    except HTTPException:  # a range beyond its end
        file.close()
        raise
    return response
