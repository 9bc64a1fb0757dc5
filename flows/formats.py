"""What a file is: told by its first bytes, never by its name or by what somebody says of it."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from models.types import clean

UNKNOWN = "application/octet-stream"
"""What nobody vouches for: it can be downloaded, and no browser opens it."""
PICTURES = ("image/jpeg", "image/png", "image/webp")
PDF = "application/pdf"


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
FORMATS = (
    _format(rb"\xff\xd8\xff", "image/jpeg", "image", ".jpg"),
    _format(rb"\x89PNG\r\n\x1a\n", "image/png", "image", ".png"),
    _format(rb"RIFF.{4}WEBP", "image/webp", "sticker", ".webp"),
    _format(rb"%PDF-", PDF, "document", ".pdf"),
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


def recognised(stream: IO[bytes], filename: str) -> Format | None:
    """The format of what the stream holds; None for what is none of ours."""
    stream.seek(0)
    start = stream.read(4096)
    suffix = Path(filename).suffix.lower()
    if start.startswith(b"PK\x03\x04"):
        return _archive(stream)
    found = next((f for f in FORMATS if f.begins.match(start)), None)
    if found and found.extension == ".doc" and suffix in _OLD_OFFICE:
        return Format(found.begins, _OLD_OFFICE[suffix], "document", suffix)
    if found is None and suffix in (".txt", ".csv") and _is_text(start):
        return Format(re.compile(b""), "text/plain", "document", suffix)
    return found


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


def tidy_name(filename: str, fallback: str) -> str:
    """The name people read, without the path or marks that could mislead."""
    name = re.split(r"[\\/]", clean(filename))[-1]
    name = "".join(c for c in name if c.isprintable()).strip(". ")[:120]
    return name or fallback
