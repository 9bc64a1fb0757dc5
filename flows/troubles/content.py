"""What stands in a webhook body: whose it is, and which messages and statuses. Bytes in, facts out.

Not the reader: that one lives in bot/ and acts. This only shows people what they may see.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.types import Json, clean

LONGEST_TIME = 12
"""Digits of a time in seconds that still lies within our calendar, and one more."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A message or status in a body; `kept`: it is stored, so this is not what failed.

    None where that cannot be told: news of accounts and templates.
    """

    kind: str
    """Meta's type of a message, its word for a status, else the field."""
    name: str
    """Its wamid, "" where it has none."""
    at: datetime | None
    kept: bool | None = None


def parsed(body: bytes) -> Json:
    """The object in it, {} when it is none."""
    try:
        root = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return root if isinstance(root, dict) else {}


def part(root: Json, numbers: Collection[str], accounts: Collection[str]) -> Json:
    """The changes about these numbers, and those about these accounts that name no number."""
    entries = []
    for entry in _objects(root.get("entry")):
        changes = [
            change
            for change in _objects(entry.get("changes"))
            if _is_ours(entry, change, numbers, accounts)
        ]
        if changes:
            entries.append({"id": entry.get("id"), "time": entry.get("time"), "changes": changes})
    return {"object": root.get("object"), "entry": entries}


def _is_ours(
    entry: Json, change: Json, numbers: Collection[str], accounts: Collection[str]
) -> bool:
    value = change.get("value")
    metadata = value.get("metadata") if isinstance(value, dict) else None
    number = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
    return str(number) in numbers if number else str(entry.get("id")) in accounts


def _objects(value: Any) -> Iterator[Json]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def pieces(part: Json) -> Iterator[Piece]:
    """Every message and status in it, and a change that has neither by its field."""
    for entry in part["entry"]:
        for change in entry["changes"]:
            value = change.get("value")
            value = value if isinstance(value, dict) else {}
            found = [
                *(_piece(one, "type") for one in _objects(value.get("messages"))),
                *(_piece(one, "type") for one in _objects(value.get("message_echoes"))),
                *(_piece(one, "status") for one in _objects(value.get("statuses"))),
            ]
            yield from found or [Piece(_said(change, "field") or "?", "", None)]


def _piece(item: Json, kind: str) -> Piece:
    return Piece(_said(item, kind) or "?", _said(item, "id"), _instant(_said(item, "timestamp")))


def _said(item: Json, name: str) -> str:
    # Neither the database nor a page takes what Meta's JSON may hold (D5).
    return clean(str(item.get(name) or ""))[:200]


def _instant(seconds: str) -> datetime | None:
    known = seconds.isdecimal() and len(seconds) < LONGEST_TIME
    return datetime.fromtimestamp(int(seconds), UTC) if known else None
