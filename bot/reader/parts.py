"""The small parts that many shapes share: a text, a time, a person, where a piece stands."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

from flows.events import Json, Person

# A country, a dot, up to 128 letters and digits; parents of linked portfolios have "ENT." between.
BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")


class Malformed(ValueError):
    """A piece lacks what it cannot be read without."""


def text(value: Any) -> str | None:
    """A string or number as text; None for what is absent, "" included, and for anything else."""
    if isinstance(value, str):
        return value.strip() or None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return str(int(value) if value == int(value) else value)


def need(item: Json, name: str) -> str:
    """The text under a name; Malformed without it."""
    value = text(item.get(name))
    if value is None:
        raise Malformed(f"no {name}")
    return value


def first(item: Json, *names: str) -> str | None:
    """The first of these names that holds text."""
    return next((value for name in names if (value := text(item.get(name)))), None)


def part(item: Json, name: str) -> Json:
    """The object under a name, empty when there is none."""
    value = item.get(name)
    return value if isinstance(value, dict) else {}


def parts(value: Any) -> tuple[Json, ...]:
    """A list's members as objects; what is no object is kept inside one."""
    members = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(boxed(member) for member in members)


def boxed(value: Any) -> Json:
    return value if isinstance(value, dict) else {"value": value}


def instant(value: Any) -> datetime | None:
    """Unix seconds, as a number or in a string, as aware UTC; None for anything else."""
    try:
        seconds = int(value)
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def person(number: Any, user_id: Any = None, parent: Any = None) -> Person:
    """Who these identify; a BSUID written where the number belongs is recognised."""
    wa_id, bsuid = text(number), text(user_id)
    if wa_id and BSUID.fullmatch(wa_id):
        wa_id, bsuid = None, bsuid or wa_id
    return Person(
        wa_id=wa_id.lstrip("+") or None if wa_id else None,
        user_id=bsuid,
        parent_user_id=text(parent),
    )


def identified(someone: Person) -> Person:
    """The same person; Malformed when nothing says who it is."""
    if not (someone.wa_id or someone.user_id):
        raise Malformed("nobody")
    return someone


class People:
    """The contacts of one change, found by what identifies them."""

    def __init__(self, contacts: Any) -> None:
        self.all = [_contact(contact) for contact in parts(contacts)]
        self.by_id = {
            key: one for one in reversed(self.all) for key in (one.wa_id, one.user_id) if key
        }

    def complete(self, someone: Person) -> Person:
        """The person with what their contact adds; what the item itself says stays."""
        contact = self.by_id.get(someone.user_id or "") or self.by_id.get(someone.wa_id or "")
        contact = contact or self._only(someone)
        if contact is None:
            return someone
        return Person(
            wa_id=someone.wa_id or contact.wa_id,
            user_id=someone.user_id or contact.user_id,
            parent_user_id=someone.parent_user_id or contact.parent_user_id,
            username=contact.username,
            profile_name=contact.profile_name,
        )

    def _only(self, someone: Person) -> Person | None:
        if len(self.all) != 1:
            return None
        (one,) = self.all
        # Not found by an identifier that both have: it is somebody else.
        stranger = (someone.wa_id and one.wa_id) or (someone.user_id and one.user_id)
        return None if stranger else one


def _contact(contact: Json) -> Person:
    profile = part(contact, "profile")
    named = person(contact.get("wa_id"), contact.get("user_id"), contact.get("parent_user_id"))
    return Person(
        wa_id=named.wa_id,
        user_id=named.user_id,
        parent_user_id=named.parent_user_id,
        username=(first(profile, "username") or "").lstrip("@") or None,
        profile_name=first(profile, "name"),
    )


class Place:
    """Where a piece stands: the account, the number and the field it came in."""

    def __init__(self, entry: Json, change: Json) -> None:
        self.value = part(change, "value")
        metadata = part(self.value, "metadata")
        self.field = text(change.get("field")) or ""
        self.time = entry.get("time")  # as sent
        self.at = instant(self.time)
        self.our_number = person(metadata.get("display_phone_number")).wa_id
        self.people = People(self.value.get("contacts"))
        self.address: dict[str, Any] = {  # the fields of every Event
            "phone_number_id": first(metadata, "phone_number_id"),
            "waba_id": text(entry.get("id")),
            "field": self.field,
        }

    def news(self, piece: Any) -> dict[str, Any]:
        """The fields of every News. Meta redelivers in other batches: the key is of the piece."""
        at = instant(boxed(piece).get("timestamp")) or self.at
        return self.address | {"key": self._key(piece), "at": at, "payload": boxed(piece)}

    def _key(self, piece: Any) -> str:
        whole = [*self.address.values(), self.time, piece]
        canonical = json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()
