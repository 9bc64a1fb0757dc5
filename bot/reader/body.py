"""From the bytes of a webhook to JSON that PostgreSQL can keep."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from flows.events import Json
from models.types import clean

# Meta nests a dozen levels. A fixed limit, so that the same bytes are read alike on every stack.
DEEPEST = 100


class Unreadable(ValueError):
    """These bytes are no JSON object, or one nested too deeply: put the envelope aside."""


def parse(body: bytes) -> Json:
    """The object in a body, its NULs and lone surrogates made U+FFFD; raises Unreadable."""
    try:
        root = json.loads(body, parse_float=_number, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {error}"[:200]) from None
    if not isinstance(root, dict):
        raise Unreadable("not a JSON object")
    tidy: Json = _tidy(root, DEEPEST)
    return tidy


def _number(digits: str) -> float | str:
    # 1e999 becomes infinity, which jsonb refuses: keep what was written.
    number = float(digits)
    return number if math.isfinite(number) else digits


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _tidy(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _storable(value)
    if not isinstance(value, dict | list):
        return value
    if not depth:
        raise Unreadable("nested too deeply")
    if isinstance(value, list):
        return [_tidy(item, depth - 1) for item in value]
    return {_storable(name): _tidy(item, depth - 1) for name, item in value.items()}


def _storable(words: str) -> str:
    # NUL and surrogates are not printable; asking is ten times cheaper than looking for them.
    return words if words.isprintable() else clean(words)
