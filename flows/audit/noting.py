"""note(): one line of the audit, true with the transaction that did what it tells."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, time
from typing import Any
from uuid import UUID

from sqlalchemy import select

from models import db
from models.audit import AuditEntry
from models.types import Json, clean
from models.user import Membership

LONGEST = 500
"""Letters kept of a name or a note; the audit tells of a change, it is no second copy of it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who acts, and from where. A job and the terminal have no browser, and nobody's name."""

    member_id: UUID | None = None
    name: str = ""
    ip: str = ""
    agent: str = ""


_NOBODY = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=_NOBODY)


def arrive(origin: Origin) -> None:
    """What is noted from now on was done by this person; the edge says so once a request."""
    _origin.set(origin)


def leave() -> None:
    _origin.set(_NOBODY)


# --- noting ---------------------------------------------------------------------------------------


def note(
    kind: str,
    *,
    on: str = "",
    on_id: UUID | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """The current merchant's audit has a line more, if the transaction ends well.

    `kind` is room.what, and inbox/audit/words.py has its sentence; `on` the name of the thing.
    Facts are plain values by field: never a secret, never what somebody wrote in a message.
    """
    session = db.session()
    session.add(_entry(session.merchant_id, kind, on, on_id, before, after))


def note_in(
    house: db.HouseSession,
    member: Membership,
    kind: str,
    *,
    after: Mapping[str, Any] | None = None,
) -> None:
    """The same in a house's transaction: something was done to this member of a team."""
    house.add(_entry(member.merchant_id, kind, member.name, member.id, None, after))


def note_at(
    house: db.HouseSession,
    merchant_id: UUID,
    kind: str,
    *,
    on: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """The same, of something done to a whole merchant, by whoever runs the install."""
    house.add(_entry(merchant_id, kind, on, None, before, after))


def note_of(
    house: db.HouseSession,
    user_id: UUID,
    kind: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    myself: bool = True,
    only: UUID | None = None,
) -> None:
    """Something about a person's account, told to every merchant they work for, or to this one.

    `myself`: they did it. Else nobody knows who did: somebody who tried their door.
    """
    working = select(Membership).where(
        Membership.user_id == user_id, Membership.disabled_at.is_(None)
    )
    if only is not None:
        working = working.where(Membership.merchant_id == only)
    for member in house.scalars(working):
        entry = _entry(member.merchant_id, kind, member.name, member.id, before, after)
        entry.by_id, entry.by_name = (member.id, member.name) if myself else (None, "")
        house.add(entry)


def changed(
    kind: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    on: str = "",
    on_id: UUID | None = None,
) -> None:
    """Noted with the fields that differ; not at all when none does.

    No `before`: the thing is new, and told by what it has.
    """
    was, is_ = facts(before), facts(after)
    if not was:
        has = {name: value for name, value in is_.items() if value not in (None, "", [], {})}
        note(kind, on=on, on_id=on_id, after=has)
        return
    fields = [name for name in {**was, **is_} if was.get(name) != is_.get(name)]
    if fields:
        note(
            kind,
            on=on,
            on_id=on_id,
            before={name: was.get(name) for name in fields},
            after={name: is_.get(name) for name in fields},
        )


@contextmanager
def watching(
    kind: str, read: Callable[[], Mapping[str, Any]], *, on: str = "", on_id: UUID | None = None
) -> Iterator[None]:
    """What `read` says otherwise after the block is noted; nothing when the block is refused."""
    before = facts(read())
    yield
    changed(kind, before, read(), on=on, on_id=on_id)


# --- facts ----------------------------------------------------------------------------------------


def plain(row: object, *fields: str) -> Callable[[], Json]:
    """Reads these fields of a row, for `watching`."""
    return lambda: {name: getattr(row, name) for name in fields}


def facts(found: Mapping[str, Any]) -> Json:
    """As the audit keeps them: what JSON knows, texts not endless."""
    return {name: _fact(value) for name, value in found.items()}


def _fact(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, str):
        return clean(value)[:LONGEST]
    if isinstance(value, Mapping):
        return facts(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_fact(one) for one in value]
    return value


def _entry(
    merchant_id: UUID,
    kind: str,
    on: str,
    on_id: UUID | None,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> AuditEntry:
    origin = _origin.get()
    return AuditEntry(
        merchant_id=merchant_id,
        room=kind.partition(".")[0],
        kind=kind,
        by_id=origin.member_id,
        by_name=origin.name,
        ip=origin.ip,
        agent=clean(origin.agent)[:LONGEST],
        on=clean(on)[:LONGEST],
        on_id=on_id,
        before=None if before is None else facts(before),
        after=None if after is None else facts(after),
    )
