"""What guards an account besides its password, and what its owner can do about it.

guesses: how many wrong answers an account bears. proving: password and code, asked once more.
second_step: the authenticator and its recovery codes. browsers: where somebody is signed in.
account: name, e-mail, password. rules: which roles must have a second step; the owner's hand.
taking, codes: the codes themselves. tidying: what nobody needs any more.
"""

from flows.security.account import change_email, change_password, read_name, rename
from flows.security.browsers import end, end_others, end_sessions, listed
from flows.security.guesses import TooManyGuesses
from flows.security.proving import prove
from flows.security.rules import (
    Guard,
    guards,
    owes,
    require,
    required,
    reset,
    reset_for,
)
from flows.security.second_step import (
    SetUp,
    codes_left,
    confirm,
    on,
    pending,
    renew_codes,
    start,
    turn_off,
)
from flows.security.tidying import prune

__all__ = [
    "Guard",
    "SetUp",
    "TooManyGuesses",
    "change_email",
    "change_password",
    "codes_left",
    "confirm",
    "end",
    "end_others",
    "end_sessions",
    "guards",
    "listed",
    "on",
    "owes",
    "pending",
    "prove",
    "prune",
    "read_name",
    "rename",
    "renew_codes",
    "require",
    "required",
    "reset",
    "reset_for",
    "start",
    "turn_off",
]
