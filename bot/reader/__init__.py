"""One webhook body → every event in it, however Meta batched them. Pure: bytes in, facts out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from bot.reader import messages, news
from bot.reader.body import Unreadable, parse
from bot.reader.parts import Malformed, Place, parts
from flows.events import Event, Json

__all__ = ["Unreadable", "events"]

log = logging.getLogger(__name__)

Reader = Callable[[Place, Json], Iterator[Event]]

# What stands around the items of a value and is no item itself.
FRAME = {"messaging_product", "metadata", "contacts"}


def events(body: bytes) -> list[Event]:
    """Every event of a body in Meta's order; nothing is dropped: what we cannot read is Unknown.

    Raises Unreadable for what is no JSON object, or nested deeper than 100 levels.
    """
    root = parse(body)
    entries = root.get("entry")
    if not isinstance(entries, list) or not entries:
        return [news.unknown(Place({}, {}), root, "no entry")]
    return [event for entry in entries for event in _entry(entry)]


def _entry(entry: Any) -> Iterator[Event]:
    known = entry if isinstance(entry, dict) else {}
    changes = known.get("changes")
    if not isinstance(changes, list) or not changes:
        yield news.unknown(Place(known, {}), entry, "no changes")
    else:
        for change in changes:
            yield from _change(known, change)


def _change(entry: Json, change: Any) -> Iterator[Event]:
    known = change if isinstance(change, dict) else {}
    place = Place(entry, known)
    if not isinstance(known.get("value"), dict):
        yield news.unknown(place, change, "no value")
    elif place.field in news.TEMPLATE_FIELDS:
        yield news.template(place)
    elif place.field in news.ACCOUNT_FIELDS:
        yield news.account(place)
    else:
        yield from _value(place)


def _value(place: Place) -> Iterator[Event]:
    # By the names of the lists, not by the field: the field may be absent or new ("standby").
    lists = {name: items for name, items in place.value.items() if name in READERS}
    for name, items in lists.items():
        yield from _items(place, name, items)
    rest = place.value.keys() - lists.keys() - FRAME
    if not lists:
        yield news.unknown(place, place.value, "unknown field")
    elif rest:
        new = {name: place.value[name] for name in sorted(rest)}
        yield news.unknown(place, new, "unknown part")


def _items(place: Place, name: str, items: Any) -> Iterator[Event]:
    read = READERS_OF_FIELD.get((place.field, name)) or READERS[name]
    if isinstance(items, list):
        for item in items:
            yield from _read(read, place, item)
    elif items is not None:
        yield news.unknown(place, {name: items}, "not a list")


def _read(read: Reader, place: Place, item: Any) -> Iterator[Event]:
    try:
        if not isinstance(item, dict):
            raise Malformed("not an object")
        yield from read(place, item)
    except Malformed as lack:
        yield news.unknown(place, item, str(lack))
    except Exception as error:
        # Nobody foresaw this piece; the other 999 of its body are read all the same.
        log.exception("a piece of field %s could not be read", place.field)
        yield news.unknown(place, item, type(error).__name__)


def _history(place: Place, chunk: Json) -> Iterator[Event]:
    errors, threads = parts(chunk.get("errors")), chunk.get("threads")
    if not errors and not isinstance(threads, list):
        raise Malformed("no threads")
    for error in errors:  # the merchant declined to share the history
        yield from _read(news.fault, place, error)
    for thread in threads or []:
        yield from _read(_thread, place, thread)


def _thread(place: Place, thread: Json) -> Iterator[Event]:
    if not isinstance(thread.get("messages"), list):
        raise Malformed("no messages")
    for item in thread["messages"]:
        yield from _read(partial(messages.old_message, thread=thread), place, item)


READERS: dict[str, Reader] = {
    "messages": messages.inbound,
    "statuses": messages.status,
    "message_echoes": messages.echo,
    "history": _history,
    "user_preferences": news.preference,
    "calls": news.call,
    "errors": news.fault,
}
READERS_OF_FIELD: dict[tuple[str, str], Reader] = {
    ("history", "messages"): messages.old_message,  # the media of a placeholder, sent after it
    ("calls", "statuses"): news.call,
}
