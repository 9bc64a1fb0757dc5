"""A file a customer sent: its id becomes an address, the address a file, and what it truly is."""

from __future__ import annotations

import hashlib
import logging
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

import httpx

from bot.client import answer, client, plain
from config import settings
from flows import files, formats, pictures
from flows.formats import Format
from flows.letters import Outcome
from flows.media import Errand, Found, Missed, as_hex
from models.types import Json

log = logging.getLogger(__name__)

MEGABYTE = 1 << 20
# What one may *send* is less (a picture 5 MB): customers' phones send more, and Meta hands it over.
LIMITS = {"image": 16 * MEGABYTE}
LARGEST = 100 * MEGABYTE
"""Meta hands over nothing larger (131052)."""
PATIENCE = 90.0
"""Seconds for one download in all, however slowly it drips."""
HOPS = 3
HOSTS = ("facebook.com", "fbsbx.com", "fbcdn.net", "whatsapp.net")
UNKNOWN_OBJECT = (100, 33)
NO_DOWNLOAD = 131052
DOUBTS = 3
"""How often a file may arrive damaged before we believe it."""


def fetch(errand: Errand) -> Found | Missed:
    """The file is kept, checked and looked at; or what is in the way. Never raises."""
    try:
        with tempfile.TemporaryFile() as file:
            return _fetched(errand, file)
    except _Missing as missing:
        return missing.missed
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
        log.warning("media %s not fetched: %s", errand.media_id, type(error).__name__)
        return Missed("no_answer")
    except Exception:
        log.exception("media %s could not be fetched", errand.media_id)
        return Missed("no_answer")


class _Missing(Exception):
    def __init__(self, *said: Any) -> None:
        super().__init__(*said)
        self.missed = Missed(*said)


class _Stale(Exception):
    """The address is over: it lives five minutes."""


def _fetched(errand: Errand, file: IO[bytes]) -> Found:
    try:
        facts = _facts(errand)
        size, digest = _download(errand, str(facts.get("url", "")), file)
    except _Stale:
        # The id is asked anew, once: then it is the id that opens nothing.
        try:
            facts = _facts(errand)
            size, digest = _download(errand, str(facts.get("url", "")), file)
        except _Stale:
            raise _Missing("expired", "gone") from None
    _check(errand, size, digest, facts)
    return _kept(errand, file, size, digest)


def _facts(errand: Errand) -> Json:
    """What Meta says of the id: an address for five minutes, a hash."""
    whatsapp = client(errand.token)
    outcome, facts = answer(lambda: whatsapp.api.get_media_url(errand.meta_id))
    if outcome.ending != "accepted":
        raise _no(outcome)
    return facts if isinstance(facts, dict) else {}


def _no(outcome: Outcome) -> _Missing:
    if outcome.ending != "refused":
        return _Missing("no_answer")
    if (outcome.code, outcome.subcode) == UNKNOWN_OBJECT or outcome.code == 404:
        return _Missing("expired", "gone")
    if outcome.code == NO_DOWNLOAD:
        return _Missing("too_large", "failed")
    return _Missing("refused")


def _download(errand: Errand, url: str, file: IO[bytes]) -> tuple[int, str]:
    """Size and SHA-256 of what now stands in the file; never more than may be."""
    file.seek(0)
    file.truncate()
    size, digest, until = 0, hashlib.sha256(), time.monotonic() + PATIENCE
    largest = LIMITS.get(errand.mime_type.partition("/")[0], LARGEST)
    with _opened(errand, url) as response:
        if int(response.headers.get("Content-Length") or 0) > largest:
            raise _Missing("too_large", "failed")
        for block in response.iter_bytes():  # as they come: a drip is seen drop by drop
            size += len(block)
            if size > largest:
                raise _Missing("too_large", "failed")
            if time.monotonic() > until:
                raise _Missing("no_answer")
            digest.update(block)
            file.write(block)
    return size, digest.hexdigest()


@contextmanager
def _opened(errand: Errand, url: str) -> Iterator[httpx.Response]:
    """The answer that holds the bytes; only Meta's own machines are asked, and get the token."""
    for _ in range(HOPS):
        if not _is_metas(url):
            raise _Missing("refused")
        headers = {"Authorization": f"Bearer {errand.token}"}
        with plain().stream("GET", url, headers=headers) as answer:
            if answer.is_redirect:
                url = urljoin(url, answer.headers["Location"])
                continue
            _look_at_status(answer.status_code)
            yield answer
            return
    raise _Missing("refused")


def _is_metas(url: str) -> bool:
    there, simulator = urlsplit(url), settings().graph_url
    if simulator and there.netloc == urlsplit(simulator).netloc:
        return True
    host = there.hostname or ""
    known = any(host == name or host.endswith(f".{name}") for name in HOSTS)
    return known and there.scheme == "https" and there.port in (None, 443)


def _look_at_status(status: int) -> None:
    if status in (403, 404, 410):
        raise _Stale
    if status != httpx.codes.OK:
        raise _Missing("refused" if status == httpx.codes.UNAUTHORIZED else "no_answer")


def _check(errand: Errand, size: int, digest: str, facts: Json) -> None:
    if not size:
        raise _Missing("empty", "again" if errand.attempt < DOUBTS else "failed")
    said = errand.sha256 or as_hex(facts.get("sha256"))
    if said and said != digest:
        raise _Missing("damaged", "again" if errand.attempt < DOUBTS else "failed")


# --- what it truly is -----------------------------------------------------------------------------


def _kept(errand: Errand, file: IO[bytes], size: int, digest: str) -> Found:
    told = formats.recognised(file, errand.filename)
    mime_type = _believed(told, errand.mime_type)
    key = f"{errand.merchant_id}/{errand.media_id}"
    seen: dict[str, Any] = {}
    if mime_type in formats.PICTURES:
        seen = _picture(file, f"{key}.small.webp")
        mime_type = seen.pop("mime_type", mime_type)
    elif mime_type == formats.PDF:
        seen = {"pages": _pages(file)}
    extension = told.extension if told and mime_type != formats.UNKNOWN else ".bin"
    files.put(f"{key}{extension}", file)
    return Found(
        file=f"{key}{extension}",
        filename=errand.filename or f"whatsapp{extension}",
        mime_type=mime_type,
        size=size,
        sha256=digest,
        **seen,
    )


def _believed(told: Format | None, said: str) -> str:
    """What its bytes say; what they contradict in its very nature is nothing we open."""
    if told is None:
        return formats.UNKNOWN
    family = said.partition("/")[0]
    if family == "audio" and told.mime_type == "video/mp4":
        return "audio/mp4"  # the same container; its first bytes need not say which
    real = told.mime_type.partition("/")[0]
    lies = family in ("image", "video", "audio") and family != real
    return formats.UNKNOWN if lies else told.mime_type


def _picture(file: IO[bytes], small: str) -> dict[str, Any]:
    try:
        looked = pictures.look(file)
    except pictures.TooManyPixels:
        return {"mime_type": formats.UNKNOWN}
    if looked is None:
        return {}
    files.put(small, looked.small)
    return {"thumbnail": small, "width": looked.width, "height": looked.height}


def _pages(file: IO[bytes]) -> int | None:
    """How many pages a PDF says it has, where it says so without being unpacked."""
    file.seek(0)
    start = file.read(8 * MEGABYTE)
    counts = re.findall(rb"/Type\s*/Pages\b[^>]{0,400}?/Count\s+(\d{1,5})", start)
    counts += re.findall(rb"/Count\s+(\d{1,5})\b[^>]{0,400}?/Type\s*/Pages\b", start)
    return max(map(int, counts), default=0) or None
