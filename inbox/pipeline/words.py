"""What the nine states mean, in words; how stages are chosen from a list."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flows import presets
from flows.errors import Refused
from flows.stages import pipelines
from flows.stages.goods import Shortage
from inbox import languages
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.languages import N_, gettext
from inbox.pipeline import pages
from models.pipeline import Pipeline, SystemState

MEANINGS: dict[SystemState | None, str] = {
    SystemState.NEW: N_("Nobody has dealt with the order yet."),
    SystemState.UNREACHABLE: N_("The customer did not answer."),
    SystemState.TO_CONFIRM: N_("The order waits in the call centre."),
    SystemState.CONFIRMED: N_("The goods are reserved."),
    SystemState.SHIPPED: N_("The goods leave the stock."),
    SystemState.DELIVERED: N_("The order counts as revenue."),
    SystemState.DELIVERY_FAILURE: N_("It can be shipped again."),
    SystemState.RETURNED: N_("The goods count again once they are received."),
    SystemState.CANCELLED: N_("Reserved goods are free again."),
    None: N_("A step of your work only: stock and indicators stay as they are."),
}
STATES = tuple(MEANINGS)
COLORS = {
    "green": N_("Green"),
    "blue": N_("Blue"),
    "purple": N_("Purple"),
    "yellow": N_("Yellow"),
    "orange": N_("Orange"),
    "red": N_("Red"),
    "gray": N_("Gray"),
}


@pages.app_template_filter("state_name")
def state_name(state: SystemState | None) -> str:
    """As the trade calls it, in the reader's language; a stage may be called anything."""
    return presets.state_name(state, current.language) if state else gettext(N_("No state"))


@pages.app_template_filter("state_meaning")
def state_meaning(state: SystemState | None) -> str:
    return gettext(MEANINGS[state])


@pages.app_template_filter("shortage")
def shortage(short: Shortage) -> str:
    """A product that is not there in the quantity its orders need."""
    sentence = N_("%(name)s: %(needed)s needed, %(available)s available")
    facts = {"name": short.name, "needed": short.needed, "available": short.available}
    return gettext(sentence, **facts)


def read_state(text: str | None) -> SystemState | None:
    """The state a form chose; None for none, and for what is none."""
    return SystemState(text) if text in set(SystemState) else None


def told(fields: Mapping[str, Refused]) -> dict[str, str]:
    return {name: languages.told(why) for name, why in fields.items()}


def chosen(text: str | None) -> Pipeline:
    """The pipeline asked for, else the first."""
    wished: UUID | None = read_id(text)
    return pipelines.find(wished) if wished else pipelines.listed()[0]
