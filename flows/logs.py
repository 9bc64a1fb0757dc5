"""What is logged, and how: JSON lines that say which envelope, job and message they are about.

No phone, no text of a message and no token: lines name things by our own ids.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import wraps
from typing import ParamSpec, TextIO, TypeVar

from config import settings

OURS = ("bot", "cli", "flows", "inbox", "models", "wsgi")
# httpx tells addresses with what is in them, pywa tells bodies, rq every job twice.
QUIET = {"httpx": logging.WARNING, "rq.worker": logging.WARNING, "alembic": logging.WARNING}
SILENT = {"pywa": logging.ERROR}
LONGEST = 500

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_about: ContextVar[Mapping[str, object]] = ContextVar("about")
_NOTHING: Mapping[str, object] = {}


# --- which envelope, job, message -----------------------------------------------------------------


@contextmanager
def about(**ids: object) -> Iterator[None]:
    """Every line inside is about these, besides what it was about already."""
    token = _about.set({**_about.get(_NOTHING), **ids})
    try:
        yield
    finally:
        _about.reset(token)


def note(**ids: object) -> None:
    """Every line from now on is about these, until the job or request ends."""
    _about.set({**_about.get(_NOTHING), **ids})


def forget() -> None:
    """Lines are about nothing any more: the thread goes on to somebody else's request."""
    _about.set(_NOTHING)


def about_first(
    **names: str,
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """For a function that works on one thing: its lines are about these attributes of it."""

    def wrap(work: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        @wraps(work)
        def told(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            with about(**{name: getattr(args[0], field) for name, field in names.items()}):
                return work(*args, **kwargs)

        return told

    return wrap


def fine(log: logging.Logger, said: str, **ids: object) -> None:
    """A line for who follows one message through (WASL_LOG_LEVEL=debug); else next to no cost."""
    if log.isEnabledFor(logging.DEBUG):
        log.debug(said, extra={"ids": ids}, stacklevel=2)


# --- how it is written ----------------------------------------------------------------------------


def begin() -> None:
    """This process logs to stderr: JSON lines, or plain ones where a person reads along."""
    handler = _Stderr()
    handler.setFormatter(Plain() if _is_read_by_a_person() else Lines())
    root = logging.getLogger()
    root.handlers = [
        *(other for other in root.handlers if not isinstance(other, _Stderr)),
        handler,
    ]
    root.setLevel(logging.INFO)
    for name in OURS:
        logging.getLogger(name).setLevel(settings().log_level.upper())
    for name, level in (QUIET | SILENT).items():
        logging.getLogger(name).setLevel(level)


def _is_read_by_a_person() -> bool:
    return settings().log == "plain" or (not settings().log and sys.stderr.isatty())


class _Stderr(logging.StreamHandler[TextIO]):
    """Whatever stderr is at the moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class Lines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "said": harmless(record.getMessage()),
            **_ids(record),
        }
        if record.exc_info and record.exc_info[1]:
            line["error"] = told(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


class Plain(logging.Formatter):
    """For a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        ids = " ".join(f"{name}={value}" for name, value in _ids(record).items())
        line = f"{record.levelname} {record.name}: {harmless(record.getMessage())}"
        line += f" [{ids}]" if ids else ""
        if record.exc_info and record.exc_info[1]:
            line += f"\n{told(record.exc_info[1])}"
        return line


def _ids(record: logging.LogRecord) -> dict[str, object]:
    return {**_about.get(_NOTHING), **getattr(record, "ids", {})}


# --- what must not be in it -----------------------------------------------------------------------

# A phone, with or without its plus; not a part of a UUID.
_PHONE = re.compile(r"(?<![\w-])\+?\d{6,13}(\d\d)(?![\w-])")
# Meta's name of a message holds the phone in base64.
_WAMID = re.compile(r"wamid\.[\w+/=-]+")
_TOKEN = re.compile(r"\bEAA\w{8,}")


def harmless(text: str) -> str:
    """The first line of it, without phones, tokens and Meta's names of messages.

    PostgreSQL may tell rows from the second line on ("DETAIL: Failing row contains …").
    """
    line = text.partition("\n")[0][:LONGEST]
    return _TOKEN.sub("EAA…", _WAMID.sub("wamid…", _PHONE.sub(r"…\1", line)))


def told(error: BaseException) -> str:
    """The traceback, with no more of what was said than is harmless."""
    parts = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        frames = "".join(traceback.format_tb(cause.__traceback__))
        parts.append(f"{frames}{type(cause).__name__}: {harmless(str(cause))}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\nbefore that:\n".join(parts)
