"""Refused and its kinds: the only exceptions that cross a floor."""

from __future__ import annotations

from typing import Any


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark a sentence for translation; the edge translates it when a person reads it."""
    return message


class Refused(Exception):
    """The shop says no. `message` is an English sentence of the catalogue with {facts} in it."""

    status = 409

    def __init__(self, code: str, message: str, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.facts = facts


class Invalid(Refused):
    """Fields that cannot be right: `fields` maps each name to its sentence, all at once."""

    status = 422

    def __init__(self, fields: dict[str, Refused]) -> None:
        super().__init__("invalid", N_("Some fields need a look."), fields=sorted(fields))
        self.fields = fields


class NotFound(Refused):
    """Not there, or another merchant's: the answer is the same."""

    status = 404

    def __init__(self) -> None:
        super().__init__("not_found", N_("This does not exist."))
