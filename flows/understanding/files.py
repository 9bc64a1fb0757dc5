"""A catalogue as a file: what `wasl understand --catalogue` and the benches read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from flows.understanding.goods import Catalogue
from flows.understanding.meaning import Item


def catalogue_of_file(path: Path) -> Catalogue:
    """The catalogue of `{"products": [{"sku", "name", "options", "price"}]}`.

    An option may list several values: each combination is then a variant under the entry's sku.
    """
    read = json.loads(path.read_text(encoding="utf-8"))
    entries = read["products"] if isinstance(read, dict) else read
    return Catalogue.of(item for entry in entries for item in _items(entry))


def _items(entry: dict[str, Any]) -> Iterator[Item]:
    options = {
        axis: [str(value) for value in values] if isinstance(values, list) else [str(values)]
        for axis, values in (entry.get("options") or {}).items()
        if values not in (None, "", [])
    }
    for combination in product(*options.values()):
        chosen = dict(zip(options, combination, strict=True))
        yield Item(str(entry["sku"]), str(entry["name"]), chosen, entry.get("price"))
