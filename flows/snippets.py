"""The content library: texts and files kept under a short name, to be sent again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from flows import audit, turns
from flows.errors import N_, Invalid, NotFound, Refused
from models import db
from models.message import Media
from models.search import begins_like, words
from models.snippet import Snippet
from models.types import clean

NAME = re.compile(r"[^\W_][\w-]{0,39}")
LONGEST = 1024
"""Characters of a text that may stand under a file."""
PAGE = 50


def listed(text: str = "", *, limit: int = PAGE) -> Sequence[Snippet]:
    """Those whose name or text begins like what is typed, by name."""
    wanted = select(Snippet).options(joinedload(Snippet.media)).order_by(Snippet.name)
    if typed := words(text):
        wanted = wanted.where(begins_like(Snippet.search_text, typed))
    return db.session().scalars(wanted.limit(limit)).all()


def find(snippet_id: UUID) -> Snippet:
    """NotFound when there is none."""
    wanted = select(Snippet).where(Snippet.id == snippet_id).options(joinedload(Snippet.media))
    found = db.session().scalars(wanted).one_or_none()
    if found is None:
        raise NotFound
    return found


def save(snippet: Snippet | None, *, name: str, text: str, media: Media | None) -> Snippet:
    """Kept under this name; Invalid when the name is none or taken, or nothing is kept."""
    turns.take()
    name, text = clean(name).strip().lstrip("/").lower(), clean(text).strip()
    wrong: dict[str, Refused] = {}
    if not NAME.fullmatch(name):
        wrong["name"] = Refused("name", N_("One word: letters, digits, - and _, at most 40."))
    elif _taken(name, snippet):
        wrong["name"] = Refused("taken", N_("This name is taken."))
    if not text and media is None:
        wrong["text"] = Refused("empty", N_("Write a text or choose a file."))
    if len(text) > LONGEST:
        wrong["text"] = Refused(
            "too_long", N_("Too long: {limit} characters at most."), limit=LONGEST
        )
    if wrong:
        raise Invalid(wrong)
    kept, before = snippet or Snippet(), _told(snippet) if snippet else {}
    kept.name, kept.text, kept.media = name, text, media
    kept.index()
    db.session().add(kept)
    kind = "library.changed" if before else "library.added"
    audit.changed(kind, before, _told(kept), on=kept.name)
    return kept


def remove(snippet: Snippet) -> None:
    """It is gone; what was sent of it stays."""
    audit.note("library.deleted", on=snippet.name, before=_told(snippet))
    db.session().delete(snippet)


def _told(snippet: Snippet) -> dict[str, object]:
    file = snippet.media.filename if snippet.media else None
    return {"name": snippet.name, "text": snippet.text, "file": file}


def _taken(name: str, snippet: Snippet | None) -> bool:
    same = select(Snippet.id).where(Snippet.name == name)
    if snippet is not None:
        same = same.where(Snippet.id != snippet.id)
    return db.session().scalar(same) is not None
