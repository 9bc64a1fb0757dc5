"""What Meta refuses at once when a template is created."""

from __future__ import annotations

import re
from typing import Any

from bot.simulator.errors import GraphError, missing
from bot.simulator.filled import VARIABLE
from bot.simulator.world import Account, Json, World

NAME = re.compile(r"[a-z0-9_]{1,512}")
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
EDGE = re.compile(r"^\s*\{\{|\}\}\s*$")


def check_new(world: World, account: Account, body: Any) -> Json:
    """The facts of a template that goes to review, or GraphError as Meta words it."""
    facts = body if isinstance(body, dict) else {}
    for field in ("name", "language", "category", "components"):
        if not facts.get(field):
            raise missing(field)
    if not NAME.fullmatch(facts["name"]):
        raise _refusal(2388044, "Invalid name", "Only a-z, 0-9 and _ are allowed in the name.")
    if str(facts["category"]).upper() not in CATEGORIES:
        raise GraphError(100, message=f"(#100) Param category must be one of {CATEGORIES}")
    if world.template(account.id, facts["name"], facts["language"]):
        text = "There is already content in this language for this template."
        raise _refusal(2388024, "Content in this language already exists", text)
    _check_components(facts["components"])
    return {
        "name": facts["name"],
        "language": facts["language"],
        "category": str(facts["category"]).upper(),
        "status": "PENDING",
        "parameter_format": str(facts.get("parameter_format") or "POSITIONAL").upper(),
        "components": [_plain(component) for component in facts["components"]],
    }


def _check_components(components: list[Json]) -> None:
    parts = {str(component.get("type")).upper(): component for component in components}
    body = (parts.get("BODY") or {}).get("text")
    if not body:
        raise missing("components[BODY]['text']")
    if len(body) > 1024:
        raise _refusal(2388040, "Too long", "The body has more than 1024 characters.")
    if EDGE.search(body):
        text = "Variables can't be at the start or end of the template."
        raise _refusal(2388299, "Leading or trailing params not allowed", text)
    if VARIABLE.search(body) and not parts["BODY"].get("example"):
        raise _refusal(2388043, "Missing example", "Every variable needs an example.")
    _check_buttons((parts.get("BUTTONS") or {}).get("buttons") or [])


def _check_buttons(buttons: list[Json]) -> None:
    if len(buttons) > 10:
        raise _refusal(2388040, "Too many buttons", "A template has at most 10 buttons.")
    for button in buttons:
        if not 1 <= len(str(button.get("text") or "")) <= 25:
            raise _refusal(2388040, "Too long", "A button has 1 to 25 characters.")


def _plain(component: Json) -> Json:
    return {**component, "type": str(component["type"]).upper()}


def _refusal(subcode: int, title: str, text: str) -> GraphError:
    message = "Invalid parameter"
    return GraphError(100, text, subcode=subcode, message=message, user_title=title)
