"""Whose name stands on the parcel: "au nom de Karim Alaoui", "smiti Karim", "باسم كريم"."""

from __future__ import annotations

import re

_SAYS = re.compile(
    r"(?:\bau nom de|\b(?:le |mon )?nom\s*(?:est|c.?est|:)?|\bje m.appelle|\bmoi c.est"
    r"|\b(?:my |the )?name\s*(?:is|:)|\bi am called"
    r"|\bsmi?y?ti|\bsmiyt[iy]|\bb ?smiyt|\bismi|باسم|اسمي|الاسم|سميتي)\s*:?\s+"
    r"(?P<name>[^\W\d_][^\n,.;:?!0-9،؛؟]{1,39})",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"\s+(?:et|w|tel|tél|telephone|téléphone|numero|numéro|adresse|ville|a|à|merci|svp|3afak|l|f"
    r"|and|phone|in|to|هاتف|العنوان|شكرا|من|في)\b.*$",
    re.IGNORECASE,
)
WORDS = 4
"""A name has so many at most."""


def name_in(text: str) -> tuple[str, int, int] | None:
    """The name and where it stands; None where nobody says one."""
    found = _SAYS.search(text)
    if found is None:
        return None
    name = _ENDS.sub("", found["name"]).rstrip()
    if not name or len(name.split()) > WORDS or name.casefold().startswith(("de ", "du ", "la ")):
        return None
    start = found.start("name")
    return name, start, start + len(name)
