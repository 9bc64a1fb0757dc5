"""Bodies are foreign: nothing in them is sure to be what it should."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from models.message import Message
from models.types import Json


def body(message: Message) -> Json:
    return part(message.payload, "body")


def part(holder: Mapping[str, Any], name: str) -> Json:
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def parts(holder: Mapping[str, Any], name: str) -> Iterator[Json]:
    values = holder.get(name)
    found: Iterable[Any] = values if isinstance(values, list) else ()
    return (value for value in found if isinstance(value, dict))


def text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(plain, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
