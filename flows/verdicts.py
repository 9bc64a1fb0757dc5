"""What Meta's error codes mean for a send, and what to tell people: tables, no logic.

Source: Meta's "Error codes" page (11 September 2026) and decision D6. Codes decide, not titles or
HTTP status.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flows.errors import N_

Action = Literal["retry", "hold", "fail"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`delay` is the first wait in seconds; it grows with every try, with jitter.

    `tries`: how often Meta may say so before it is over. hold: with all that wait for the template.
    """

    action: Action
    reason: str
    delay: float = 5.0
    tries: int = 8
    growth: float = 2.0


@dataclass(frozen=True, slots=True)
class Reason:
    """What happened, and what to do next, for people."""

    what: str
    advice: str
    ended: str | None = None
    """What to do once nothing is tried any more, where `advice` speaks of waiting."""

    def to_do(self, *, failed: bool) -> str:
        """The advice for a message that waits or is uncertain, or for one that failed."""
        return self.ended if failed and self.ended else self.advice


AGAIN = N_("Send it again if it still matters.")


_TOKEN = Verdict("retry", "token", delay=60, tries=40)
_PERMISSION = Verdict("retry", "permission", delay=300, tries=30)
_ACCOUNT = Verdict("retry", "account", delay=600, tries=30)
_THROTTLED = Verdict("retry", "throttled", delay=2, tries=12)
_TEMPORARY = Verdict("retry", "temporary")
_PARAMETERS = Verdict("fail", "template_parameters")

VERDICTS: dict[int, Verdict] = {
    0: _TOKEN,
    190: _TOKEN,
    3: _PERMISSION,
    10: _PERMISSION,
    131005: _PERMISSION,
    **dict.fromkeys(range(200, 300), _PERMISSION),
    368: _ACCOUNT,
    131031: _ACCOUNT,
    33: _ACCOUNT,
    133010: _ACCOUNT,
    131045: _ACCOUNT,
    131037: _ACCOUNT,
    131042: Verdict("retry", "payment", delay=600, tries=30),
    131048: Verdict("retry", "spam_limit", delay=3600, tries=10),
    131064: Verdict("retry", "spam_limit", delay=3600, tries=10),
    4: Verdict("retry", "throttled", delay=60, tries=12),
    80007: Verdict("retry", "throttled", delay=60, tries=12),
    80008: Verdict("retry", "throttled", delay=60, tries=12),
    130429: _THROTTLED,
    131056: Verdict("retry", "pair_limit", delay=1, tries=10, growth=4.0),
    1: Verdict("retry", "temporary", tries=3),
    2: _TEMPORARY,
    131000: Verdict("retry", "temporary", tries=5),
    131016: _TEMPORARY,
    133004: _TEMPORARY,
    131057: Verdict("retry", "temporary", delay=60),
    2494100: Verdict("retry", "temporary", delay=60),
    131049: Verdict("retry", "ecosystem", delay=86_400, tries=2),
    130497: Verdict("fail", "country"),
    130403: Verdict("fail", "blocked"),
    130472: Verdict("fail", "experiment"),
    131021: Verdict("fail", "own_number"),
    131026: Verdict("fail", "undeliverable"),
    131030: Verdict("fail", "test_number"),
    131047: Verdict("fail", "window_closed"),
    131050: Verdict("fail", "opted_out"),
    131051: Verdict("fail", "unsupported"),
    131053: Verdict("fail", "media"),
    131062: Verdict("fail", "phone_needed"),
    131008: Verdict("fail", "bad_request"),
    131009: Verdict("fail", "bad_request"),
    135000: Verdict("fail", "bad_request"),
    100: Verdict("fail", "bad_request"),
    132000: _PARAMETERS,
    132008: _PARAMETERS,
    132012: _PARAMETERS,
    132018: _PARAMETERS,
    132001: Verdict("fail", "template_missing"),
    132005: Verdict("fail", "template_too_long"),
    132007: Verdict("fail", "template_policy"),
    132015: Verdict("hold", "template_paused"),
    132016: Verdict("fail", "template_disabled"),
    137000: Verdict("fail", "identity_changed"),
}
# A code nobody wrote down yet: tried three times more, then failed, with Meta's own words.
UNHEARD = Verdict("retry", "unknown_error", tries=4)
NOT_SENT = Verdict("retry", "no_connection", delay=2, tries=20)

PACED = ("pace", "pair_limit", "throttled")
"""Reasons of what only waits for its turn: the next of its conversation waits behind it."""

REASONS: dict[str, Reason] = {
    "pace": Reason(
        N_("This number sends as fast as Meta lets it."),
        N_("It leaves when its turn comes."),
        AGAIN,
    ),
    "token": Reason(
        N_("The access token of this number has expired or was revoked."),
        N_("Put in a new token; messages wait until then."),
        N_("Put in a new token, then send it again."),
    ),
    "permission": Reason(
        N_("Meta does not let this token send for this number."),
        N_("Check the token's permissions; messages wait until then."),
        N_("Check the token's permissions, then send it again."),
    ),
    "account": Reason(
        N_("Meta has restricted or locked this WhatsApp account."),
        N_("Look at the account's status with Meta; messages wait until then."),
        N_("Look at the account's status with Meta, then send it again."),
    ),
    "payment": Reason(
        N_("Meta has no valid payment method for this account."),
        N_("Add a payment method with Meta; messages wait until then."),
        N_("Add a payment method with Meta, then send it again."),
    ),
    "spam_limit": Reason(
        N_("Meta slows this number down because customers reported its messages."),
        N_("Send less and only what customers expect; this one waits."),
        N_("Send less and only what customers expect."),
    ),
    "throttled": Reason(
        N_("Too many messages at once for Meta."), N_("It will be sent in a moment."), AGAIN
    ),
    "pair_limit": Reason(
        N_("Too many messages to this customer within seconds."),
        N_("It will be sent in a moment."),
        AGAIN,
    ),
    "temporary": Reason(
        N_("Meta has a temporary problem."), N_("It is tried again by itself."), AGAIN
    ),
    "no_connection": Reason(
        N_("Meta could not be reached; nothing was sent."),
        N_("It is tried again by itself."),
        AGAIN,
    ),
    "ecosystem": Reason(
        N_("Meta holds marketing messages to this customer back for now."),
        N_("It is tried once more in a day."),
        N_("Wait a day before you send it again, or call the customer."),
    ),
    "country": Reason(
        N_("This account may not write to this country."), N_("Call the customer instead.")
    ),
    "blocked": Reason(
        N_("This number has blocked the customer."), N_("Unblock the customer first.")
    ),
    "experiment": Reason(
        N_("Meta does not deliver marketing messages to this customer (an experiment)."),
        N_("Nothing was charged; write when the customer writes."),
    ),
    "own_number": Reason(
        N_("The message was to the business's own number."), N_("Check the customer's phone.")
    ),
    "undeliverable": Reason(
        N_("WhatsApp could not deliver it: no WhatsApp, an old version, or terms not accepted."),
        N_("Call the customer or send an SMS."),
    ),
    "test_number": Reason(
        N_("A test number only writes to numbers on its list."),
        N_("Add the customer to the list with Meta."),
    ),
    "window_closed": Reason(
        N_("More than 24 hours have passed since the customer last wrote."),
        N_("Send a template instead."),
    ),
    "opted_out": Reason(
        N_("The customer does not want marketing messages."), N_("Do not send it again.")
    ),
    "unsupported": Reason(
        N_("WhatsApp does not support this kind of message here."), N_("Send a text instead.")
    ),
    "media": Reason(N_("The file could not be uploaded."), N_("Check its type and size.")),
    "phone_needed": Reason(
        N_("This message needs the customer's phone number, which WhatsApp hides."),
        N_("Ask the customer for the number."),
    ),
    "bad_request": Reason(
        N_("Meta refused the message as wrongly formed."),
        N_("Tell whoever runs Wasl; the details are below."),
    ),
    "template_parameters": Reason(
        N_("The template's variables do not fit what Meta approved."),
        N_("Check the automation's variables."),
    ),
    "template_missing": Reason(
        N_("This template does not exist in this language, or is not approved."),
        N_("Choose an approved template."),
    ),
    "template_too_long": Reason(
        N_("The template is too long once its variables are filled in."),
        N_("Shorten what is filled in."),
    ),
    "template_policy": Reason(
        N_("The template breaks a rule of Meta."), N_("Change the template with Meta.")
    ),
    "template_paused": Reason(
        N_("Meta has paused this template, or looks at a change of it."),
        N_("It is held until the template is approved again."),
        N_("Use another template, or send it again once this one is approved."),
    ),
    "template_disabled": Reason(
        N_("Meta has disabled this template."), N_("Use another template.")
    ),
    "identity_changed": Reason(
        N_("The customer's WhatsApp identity has changed."),
        N_("Make sure who it is before you write again."),
    ),
    "unknown_error": Reason(N_("Meta refused the message."), N_("Meta's own words are below.")),
    "worker_lost": Reason(
        N_("The program stopped while it was sending: it may have been sent."),
        N_("Ask the customer, or send it again knowing it may arrive twice."),
    ),
    "restored": Reason(
        N_("It was on its way when the backup was taken from which all this was restored."),
        N_("Ask the customer, or send it again knowing it may arrive twice."),
    ),
    "no_answer": Reason(
        N_("Meta did not answer clearly: it may have been sent."),
        N_("Ask the customer, or send it again knowing it may arrive twice."),
    ),
    "too_late": Reason(N_("It waited for more than a day."), AGAIN),
}


def verdict(code: int | None) -> Verdict:
    """What to do about Meta's code; None is a call that never reached Meta."""
    return NOT_SENT if code is None else VERDICTS.get(code, UNHEARD)
