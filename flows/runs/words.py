"""Why a run sent nothing, and why it gave up: codes, and a sentence for people each."""

from __future__ import annotations

from flows.errors import N_
from flows.verdicts import REASONS

# Why nothing was queued, for people; what Meta refused afterwards is told by flows.verdicts.
FAILURES: dict[str, str] = {
    "no_conversation": N_("The order comes from no conversation: there is nobody to write to."),
    "no_phone": N_("The order has no phone number that WhatsApp could know."),
    "no_channel": N_("There is no WhatsApp number to write from."),
    "missing_variable": N_("The order does not say: {missing}."),
    "template_state": N_("WhatsApp has not approved this template, or took it back."),
    "template_account": N_("This template belongs to another WhatsApp account."),
    "template_unsupported": N_("This template needs a picture, a file or a special button."),
    "restored": N_("It was due before all this was restored from a backup: it may have been sent."),
    "internal": N_("Something went wrong on our side. The order moved on; the message did not."),
}

# Why a message that was to be sent no longer made sense: nobody did anything wrong.
CANCELLATIONS: dict[str, str] = {
    "left_stage": N_("The order had left the stage before the message was due."),
    "switched_off": N_("The automation was switched off before the message was due."),
    "blocked": N_("The customer is blocked."),
    "no_consent": N_("The customer has not agreed to advertising, or no longer does."),
    "undone": N_("The move was undone before the message left."),
    "answered": N_("The customer answered before it left."),
    "by_hand": N_("Somebody cancelled it before it left."),
}


def explain(code: str) -> tuple[str, str]:
    """What happened and what to do about it, as sentences to translate; ("", "") when unknown.

    For a run's failure or cancel_reason and for its message's reason; {missing} is in one of them.
    """
    if code in REASONS:
        return REASONS[code].what, REASONS[code].advice
    return FAILURES.get(code) or CANCELLATIONS.get(code, ""), ""
