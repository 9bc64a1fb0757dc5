"""What a person chose for an automation, not yet checked against the shop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time

from flows.errors import N_, Refused
from models.channel import Channel
from models.pipeline import Stage
from models.template import MessageTemplate

TIMEOUT_FROM = {"sent": N_("after it was sent"), "delivered": N_("after it was delivered")}

# Why a send can fail for good, and what may be done then.
CAUSES = {
    "not_on_whatsapp": N_("The customer is not on WhatsApp"),
    "marketing_limit": N_("Meta holds marketing back for this customer"),
    "template_paused": N_("Meta paused the template or took it back"),
    "other": N_("Any other reason"),
}
DEEDS = {
    "nothing": N_("Only show it"),
    "call": N_("Ask the team to call"),
    "wait": N_("Wait, then try again"),
    "template": N_("Send another template"),
}

DAY = 24 * 3600
LONGEST_WAIT = 30 * DAY
"""In seconds: no delay, no silence and no second try may take longer."""
MOST_RESENDS = 3
LIMITS = {"name": 80, "description": 200}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What to do about one cause of failure; `hours` with wait, the other two with template."""

    do: str = "nothing"
    hours: int | None = None
    template: MessageTemplate | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """An automation as chosen; None where nothing was. Durations are seconds.

    Error keys are these names; `variables.body.1`, `buttons.0`, `failure.other.hours` within.
    """

    name: str
    stage: Stage | None
    template: MessageTemplate | None
    description: str = ""
    channel: Channel | None = None
    """None: the number the customer writes to, else the merchant's first."""
    delay: int = 0
    at_time: time | None = None
    respects_quiet: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)
    buttons: Mapping[int, Stage | None] = field(default_factory=dict)
    timeout: int | None = None
    timeout_from: str = "sent"
    fallback: Stage | None = None
    resends: int = 0
    failure: Mapping[str, Deed] = field(default_factory=dict)
    active: bool = True
    retrigger: bool = False
    unread: Mapping[str, Refused] = field(default_factory=dict)
    """Fields the edge could not read; they are refused together with what is wrong besides."""
