"""The pywa client of a channel: posts letters, and says of each how it ended. Never raises."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache, partial
from typing import Any
from uuid import UUID

import httpx
from pywa.client import WhatsApp
from pywa.errors import WhatsAppError

from bot import bodies
from bot.timing import Timed
from bot.wire import Wire, within
from config import settings
from flows import crashpoints, files, logs, workers
from flows.letters import Ending, Letter, Outcome, ReadLetter, Upload

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(10.0, connect=3.0)
CALL_SECONDS = 10.0
"""A whole call to Meta, from the connection to the last byte of the answer (D7)."""
UPLOAD_SECONDS = 60.0
"""A whole upload: a film has 16 MB, and nothing depends on its answer but the next try."""
CLIENTS = 2_000
TOO_MANY = 130429
"""Meta's code for throughput, also meant by a bare 429 of something in front of Graph."""

# No byte of the request left this machine: certain, and harmless to repeat.
_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


def reach(through: Callable[[], httpx.BaseTransport]) -> None:
    """From now on every call goes through this transport (a simulator in the same process)."""
    global _reach
    _reach = cache(through)
    client.cache_clear()
    plain.cache_clear()


def _to_meta() -> httpx.BaseTransport:
    """The connections to Meta, or to where META_GRAPH_URL points."""
    return Wire(settings().graph_url)


# One for the process, made on first use: so after any fork.
_reach = cache(_to_meta)


@lru_cache(maxsize=CLIENTS)
def client(token: str) -> WhatsApp:
    """The client of one token; thousands are cheap, they share the transport."""
    session = httpx.Client(transport=Timed(_reach()), timeout=TIMEOUT)
    return WhatsApp(token=token, session=session)


@cache
def plain() -> httpx.Client:
    """A client without a token of its own; it goes nowhere it was not sent (no redirects)."""
    return httpx.Client(transport=Timed(_reach()), timeout=TIMEOUT, follow_redirects=False)


@logs.about_first(message="message_id", attempt="attempt")
def send(letter: Letter) -> Outcome:
    """Post a message once. Uploading its file first costs nothing when the post then fails."""
    if letter.kind not in bodies.KINDS:
        return Outcome("refused", code=131051, detail=letter.kind)
    uploaded = letter.uploaded
    if letter.upload is not None and uploaded is None:
        outcome = call(lambda: _upload(letter, letter.upload), seconds=UPLOAD_SECONDS)
        if outcome.ending != "accepted":
            return _nothing_sent(outcome)
        uploaded = outcome.wamid
    new = uploaded if uploaded != letter.uploaded else None
    cards, fresh, trouble = _card_files(letter)
    if trouble is not None:
        return replace(trouble, uploaded=new, cards=fresh)
    try:
        body = bodies.body(letter, uploaded, cards)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        # A template whose blanks changed under a queued message: its neighbours must not suffer.
        log.exception("message %s cannot be written", letter.message_id)
        return Outcome("refused", code=132012, detail=f"{type(error).__name__}: {error}")
    late = time.monotonic() > letter.post_until
    if late or (letter.needs_upload and workers.stopping()):
        # Uploading took so long that the claim may be another's before Meta answers (W10), or that
        # whoever stops this process may lose patience: sent later, it is certainly sent once.
        return Outcome("not_sent", detail="slow_upload", uploaded=new, cards=fresh)
    outcome = call(lambda: _post(letter, body), accepted=_wamid)
    return replace(outcome, uploaded=new, cards=fresh)


def _nothing_sent(outcome: Outcome) -> Outcome:
    """The end of a letter whose file could not be uploaded, whatever became of the file."""
    ending: Ending = "refused" if outcome.ending == "refused" else "not_sent"
    return replace(outcome, ending=ending, wamid=None)


def _card_files(
    letter: Letter,
) -> tuple[list[str], tuple[tuple[UUID, str], ...], Outcome | None]:
    """Meta's ids of the cards' files, which of them are new, or why some are missing."""
    ids: list[str] = []
    fresh: list[tuple[UUID, str]] = []
    for upload, known in letter.cards:
        if known is None:
            outcome = call(partial(_upload, letter, upload), seconds=UPLOAD_SECONDS)
            if outcome.ending != "accepted":
                return [], tuple(fresh), _nothing_sent(outcome)
            known = str(outcome.wamid)
            fresh.append((upload.media_id, known))
        ids.append(known)
    return ids, tuple(fresh), None


def mark_read(letter: ReadLetter) -> Outcome:
    """Blue ticks for the customer."""
    whatsapp = client(letter.token)
    return call(
        lambda: whatsapp.mark_message_as_read(letter.wamid, sender=letter.phone_number_id),
        accepted=lambda _: None,
    )


def show_typing(letter: ReadLetter) -> Outcome:
    """The customer sees "typing…" for 25 seconds or until we answer, and that theirs was read."""
    whatsapp = client(letter.token)
    return call(
        lambda: whatsapp.api.set_indicator(letter.phone_number_id, letter.wamid, "text"),
        accepted=lambda _: None,
    )


# --- one call and its ending ----------------------------------------------------------------------


def _post(letter: Letter, body: bodies.Body) -> Any:
    crashpoints.reached("send.claimed")
    answered = client(letter.token).api.send_message(
        sender=letter.phone_number_id,
        to=letter.to,
        recipient=letter.recipient,
        recipient_type="individual",
        typ=letter.kind,
        msg=body,  # type: ignore[arg-type]  # contacts are a list
        reply_to_message_id=letter.reply_to,
        biz_opaque_callback_data=letter.callback,
    )
    crashpoints.reached("send.accepted")
    return answered


def _upload(letter: Letter, upload: Upload | None) -> Any:
    assert upload is not None  # noqa: S101 - the caller looked
    return client(letter.token).api.upload_media(
        phone_id=letter.phone_number_id,
        media=files.read(upload.path),
        mime_type=upload.mime_type,
        filename=upload.filename,
    )


def _wamid(answer: Any) -> str | None:
    return str(answer["messages"][0]["id"])


def _media_id(answer: Any) -> str | None:
    return str(answer["id"])


def call(
    ask: Callable[[], Any],
    accepted: Callable[[Any], str | None] = _media_id,
    *,
    seconds: float = CALL_SECONDS,
) -> Outcome:
    """How the call ended, whatever it raised; `accepted` reads the name Meta gave."""
    try:
        with within(seconds):
            answered = ask()
        return Outcome("accepted", wamid=accepted(answered))
    except WhatsAppError as error:
        return _said_no(error)
    except _NEVER_LEFT as error:
        return Outcome("not_sent", detail=type(error).__name__)
    except FileNotFoundError as error:  # our own file is not there: nothing left
        return Outcome("refused", code=131053, detail=str(error))
    except OSError as error:  # it cannot be read just now: nothing left either
        return Outcome("not_sent", detail=type(error).__name__)
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        return Outcome("unknown", detail=type(error).__name__)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        # A 2xx whose body is cut or strange: Meta has it, but did not tell its name (W8).
        log.warning("unreadable answer from Meta: %s", error)
        return Outcome("unknown", detail="unreadable_answer")


def answer(ask: Callable[[], Any]) -> tuple[Outcome, Any]:
    """How the call ended, and what Meta answered: None unless it was accepted."""
    kept: list[Any] = []
    ended = call(lambda: kept.append(ask()), accepted=lambda _: None)
    return ended, kept[0] if ended.ending == "accepted" else None


def _said_no(error: WhatsAppError) -> Outcome:
    """A Graph error body is a no; a 5xx without one says nothing (W5)."""
    response = error.raw_response
    if response is not None and response.status_code >= 500 and not _is_graph(error):
        return Outcome("unknown", code=response.status_code, detail=error.message[:500])
    throttled = response is not None and response.status_code == 429 and not _is_graph(error)
    return Outcome(
        "refused",
        code=TOO_MANY if throttled else error.code,
        subcode=error.subcode,
        detail=str(error.details or error.user_msg or error.message)[:500],
        retry_after=_retry_after(response),
    )


def _is_graph(error: WhatsAppError) -> bool:
    # pywa makes up {"code", "message"} when there was no Graph error in the body.
    return "fbtrace_id" in error.raw or "type" in error.raw


def _retry_after(response: httpx.Response | None) -> float | None:
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    return max(1.0, float(asked)) if asked.isdigit() else None
