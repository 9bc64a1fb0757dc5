"""Rules a merchant chose: how often to call, when no automatic message leaves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time

from flows import audit
from flows.errors import N_, Invalid, Refused
from models.merchant import Merchant

MOST_CALLS = 20
LONGEST_WAIT = 24 * 60
NO_TIME = Refused("unreadable", N_("This is not a time of day."))


def change(
    merchant: Merchant,
    *,
    call_limit: int | None,
    call_again_minutes: int | None,
    quiet_from: time | None,
    quiet_until: time | None,
    unread: Mapping[str, Refused],
) -> None:
    """These rules hold from now on; quiet hours are on the merchant's clock, both or neither.

    Raises Invalid with every wrong field, those the edge could not read (`unread`) among them.
    """
    wrong = dict(unread)
    _between("call_limit", call_limit, 1, MOST_CALLS, wrong)
    _between("call_again_minutes", call_again_minutes, 5, LONGEST_WAIT, wrong)
    if not wrong:
        _quiet(quiet_from, quiet_until, wrong)
    if wrong or call_limit is None or call_again_minutes is None:
        raise Invalid(wrong)
    with audit.watching("rules.changed", audit.plain(merchant, *_RULES)):
        merchant.call_limit, merchant.call_again_minutes = call_limit, call_again_minutes
        merchant.quiet_from, merchant.quiet_until = quiet_from, quiet_until


_RULES = ("call_limit", "call_again_minutes", "quiet_from", "quiet_until")


def keep_place(
    merchant: Merchant, latitude: float, longitude: float, *, name: str, address: str
) -> None:
    """This is where the shop is: agents send it as a pin with one click."""
    merchant.place = {
        "latitude": latitude,
        "longitude": longitude,
        "name": name,
        "address": address,
    }


def _between(
    name: str, number: int | None, least: int, most: int, wrong: dict[str, Refused]
) -> None:
    if name not in wrong and (number is None or not least <= number <= most):
        sentence = N_("From {least} to {most}.")
        wrong[name] = Refused("number", sentence, least=least, most=most)


def _quiet(quiet_from: time | None, quiet_until: time | None, wrong: dict[str, Refused]) -> None:
    both = N_("Enter both hours, or neither.")
    if quiet_from is None and quiet_until is not None:
        wrong["quiet_from"] = Refused("both", both)
    elif quiet_until is None and quiet_from is not None:
        wrong["quiet_until"] = Refused("both", both)
    elif quiet_from is not None and quiet_from == quiet_until:
        wrong["quiet_until"] = Refused("same", N_("The quiet hours begin and end at once."))
