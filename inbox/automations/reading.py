"""An automation as its form posts it, and the durations and hours of that form read back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time

from flows import templates
from flows.errors import N_, Refused
from inbox.forms import Fields
from models.automation import Automation

UNITS = {"minutes": 60, "hours": 3600}
DELAYS = (0, 300, 3600, 23 * 3600)
"""Seconds people choose most; any other is their own."""


def as_posted(automation: Automation) -> dict[str, str]:
    """The automation as the form would post it."""
    posted = {
        "name": automation.name,
        "description": automation.description,
        "stage": str(automation.stage_id),
        "template": str(automation.template_id),
        "channel": str(automation.channel_id or ""),
        "delay": str(automation.delay) if automation.delay in DELAYS else "own",
        "at_time": f"{automation.at_time:%H:%M}" if automation.at_time else "",
        "fallback": str(automation.fallback_stage_id or ""),
        "timeout_from": automation.timeout_from,
        "resends": str(automation.resends),
    }
    if automation.delay not in DELAYS:
        posted |= _amount("delay", automation.delay)
    if automation.timeout is not None:
        posted |= {"silence": "1"} | _amount("timeout", automation.timeout)
    posted |= {f"variables.{key}": str(fact) for key, fact in automation.variables.items()}
    posted |= {f"buttons.{tap.index}": "" for tap in templates.taps(automation.template)}
    posted |= {f"buttons.{b.index}": str(b.stage_id or "") for b in automation.buttons}
    for cause, deed in automation.on_failure.items():
        posted |= _deed_as_posted(f"failure.{cause}", deed)
    ticked = ("active", "retrigger", "respects_quiet")
    return posted | {name: "1" for name in ticked if getattr(automation, name)}


def _amount(name: str, seconds: int) -> dict[str, str]:
    unit = "hours" if seconds % UNITS["hours"] == 0 else "minutes"
    return {f"{name}_number": str(seconds // UNITS[unit]), f"{name}_unit": unit}


def _deed_as_posted(name: str, deed: Mapping[str, object]) -> dict[str, str]:
    posted = {f"{name}.do": str(deed.get("do", "nothing"))}
    posted |= {f"{name}.hours": str(deed["hours"])} if "hours" in deed else {}
    posted |= {f"{name}.template": str(deed["template_id"])} if "template_id" in deed else {}
    variables = deed.get("variables")
    if isinstance(variables, Mapping):
        posted |= {f"{name}.variables.{key}": str(fact) for key, fact in variables.items()}
    return posted


def seconds(fields: Fields, name: str) -> int:
    """A number and its unit; what cannot be read is named by the field's own name."""
    number = fields.whole(f"{name}_number")
    if number is None:
        fields.wrong.pop(f"{name}_number", None)
        fields.wrong[name] = Refused("unreadable", N_("Enter a whole number."))
    return (number or 0) * UNITS.get(fields.text(f"{name}_unit"), UNITS["minutes"])


def clock(fields: Fields) -> time | None:
    typed = fields.text("at_time")
    try:
        return time.fromisoformat(typed).replace(second=0, microsecond=0) if typed else None
    except ValueError:
        fields.wrong["at_time"] = Refused("unreadable", N_("Enter a time like 09:30."))
        return None
