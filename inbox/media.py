"""Files people attach: what WhatsApp takes, told by their first bytes; kept, and shown again."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import UUID

from flask import Blueprint, Response, abort, send_from_directory
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from config import settings
from flows.errors import N_, Refused
from inbox import voice
from inbox.auth import needs
from inbox.filters import number
from models import db
from models.message import Media
from models.types import clean, new_id

MEGABYTE = 1024 * 1024
# WhatsApp takes documents of 100 MB; ours travel through a form of at most 32.
LIMITS = {"image": 5, "video": 16, "audio": 16, "document": 30, "sticker": 0.5}
STILL = 100 * 1024
"""Bytes of a sticker that does not move."""
PICTURES = ("image/jpeg", "image/png", "image/webp")

pages = Blueprint("media", __name__)


@dataclass(frozen=True, slots=True)
class Format:
    """A type of file WhatsApp takes: how it begins, how Meta calls it, as what it is sent."""

    begins: re.Pattern[bytes]
    mime_type: str
    kind: str
    extension: str


def _format(begins: bytes, mime_type: str, kind: str, extension: str) -> Format:
    return Format(re.compile(begins, re.DOTALL), mime_type, kind, extension)


_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_FORMATS = (
    _format(rb"\xff\xd8\xff", "image/jpeg", "image", ".jpg"),
    _format(rb"\x89PNG\r\n\x1a\n", "image/png", "image", ".png"),
    _format(rb"RIFF.{4}WEBPVP8", "image/webp", "sticker", ".webp"),
    _format(rb"%PDF-", "application/pdf", "document", ".pdf"),
    _format(rb".{4}ftyp3g", "video/3gpp", "video", ".3gp"),
    _format(rb".{4}ftypM4A", "audio/mp4", "audio", ".m4a"),
    _format(rb".{4}ftyp(?:isom|iso\d|mp4\d|avc1|MSNV|dash|M4V)", "video/mp4", "video", ".mp4"),
    _format(rb"OggS.{20,40}OpusHead", "audio/ogg", "audio", ".ogg"),
    _format(rb"#!AMR", "audio/amr", "audio", ".amr"),
    _format(rb"ID3|\xff[\xfb\xf3\xf2]", "audio/mpeg", "audio", ".mp3"),
    _format(rb"\xff[\xf1\xf9]", "audio/aac", "audio", ".aac"),
    _format(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword", "document", ".doc"),
)
# Office files are archives: the folder inside tells which.
_ARCHIVES = {
    "word/": (f"{_OPEN_XML}.wordprocessingml.document", ".docx"),
    "xl/": (f"{_OPEN_XML}.spreadsheetml.sheet", ".xlsx"),
    "ppt/": (f"{_OPEN_XML}.presentationml.presentation", ".pptx"),
}
_OLD_OFFICE = {".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint"}
ACCEPTED = (
    "image/jpeg,image/png,video/mp4,video/3gpp,.pdf,.doc,.docx,.xls,.xlsx,.ppt,.pptx,.txt,.csv,"
    ".mp3,.m4a,.ogg,.amr,.aac"
)


# --- keeping --------------------------------------------------------------------------------------


def keep(upload: FileStorage) -> tuple[Media, str]:
    """The file is in the data folder and its Media row with it; and the kind of message it makes.

    Refused when WhatsApp would not take it: what a file is says its content, not its name.
    """
    found = _recognised(upload.stream, upload.filename or "")
    if found is None:
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
        filename=_name(upload.filename or "", found),
        mime_type=found.mime_type,
        size=size,
    )
    media.file = f"{media.merchant_id}/{media.id}{found.extension}"
    media.sha256 = _write(upload.stream, folder() / media.file)
    db.session().add(media)
    return media, found.kind


def kind_of(stored: Media) -> str:
    """As what a file that is kept is sent."""
    if stored.mime_type == "image/webp":
        return "sticker"
    first = stored.mime_type.partition("/")[0]
    return first if first in LIMITS else "document"


def folder() -> Path:
    return settings().var / "media"


def _recognised(stream: IO[bytes], filename: str) -> Format | None:
    stream.seek(0)
    start = stream.read(4096)
    suffix = Path(filename).suffix.lower()
    if start.startswith(b"PK\x03\x04"):
        return _archive(stream)
    found = next((f for f in _FORMATS if f.begins.match(start)), None)
    if found and found.extension == ".doc" and suffix in _OLD_OFFICE:
        return Format(found.begins, _OLD_OFFICE[suffix], "document", suffix)
    if found is None and suffix in (".txt", ".csv") and _is_text(start):
        return Format(re.compile(b""), "text/plain", "document", suffix)
    return found


def _moves(stream: IO[bytes]) -> bool:
    """Whether a WebP picture is an animation: a bit of its extended header."""
    stream.seek(0)
    start = stream.read(21)
    return start[12:16] == b"VP8X" and bool(start[20] & 0x02)


def keep_voice(upload: FileStorage) -> tuple[Media, str]:
    """The same for a recording of the browser: WebM becomes the Ogg that WhatsApp plays."""
    if voice.is_webm(upload.stream.read(4)):
        ogg = voice.to_ogg(upload.stream)
        upload.stream.close()
        upload.stream = io.BytesIO(ogg)
    upload.filename = "voice.ogg"
    return keep(upload)


def _archive(stream: IO[bytes]) -> Format | None:
    try:
        names = zipfile.ZipFile(stream).namelist()
    except zipfile.BadZipFile:
        return None
    for inside, (mime_type, extension) in _ARCHIVES.items():
        if any(name.startswith(inside) for name in names):
            return Format(re.compile(b"PK"), mime_type, "document", extension)
    return None


def _is_text(start: bytes) -> bool:
    try:
        # The last letter may be cut in two.
        return "\x00" not in start.decode("utf-8", "strict" if len(start) < 4096 else "ignore")
    except UnicodeDecodeError:
        return False


def _name(filename: str, found: Format) -> str:
    """The name the customer reads, without the path or marks that could mislead."""
    name = re.split(r"[\\/]", clean(filename))[-1]
    name = "".join(c for c in name if c.isprintable()).strip(". ")[:120]
    return name or f"file{found.extension}"


def _write(stream: IO[bytes], path: Path) -> str:
    """Written beside its place and moved there whole; its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part, digest = path.with_suffix(".part"), hashlib.sha256()
    stream.seek(0)
    with part.open("wb") as copy:
        while block := stream.read(MEGABYTE):
            digest.update(block)
            copy.write(block)
    part.replace(path)
    return digest.hexdigest()


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
    """A file of this merchant; only pictures open in the browser, all else is downloaded."""
    media = db.session().scalars(select(Media).where(Media.id == media_id)).one_or_none()
    if media is None:
        abort(404)
    response = send_from_directory(
        folder(),
        media.file,
        mimetype=media.mime_type,
        as_attachment=media.mime_type not in PICTURES,
        download_name=media.filename,
    )
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
