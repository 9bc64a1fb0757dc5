"""What a button of a run's message carries, hands back when it is tapped, and leads to."""

from __future__ import annotations

import re
from uuid import UUID

from flows import templates
from models.automation import Automation, Run
from models.template import MessageTemplate
from models.types import fold

_PAYLOAD = re.compile(r"w1\.([0-9a-f]{32})\.(\d{1,2})")


def payload(run: Run, index: int) -> str:
    """What Meta hands back when the customer taps the n-th button of this run's message."""
    return f"w1.{run.id.hex}.{index}"


def read_payload(text: str | None) -> tuple[UUID, int] | None:
    """The run and the button of a payload we wrote; None for anybody else's."""
    found = _PAYLOAD.fullmatch(text or "")
    return (UUID(found[1]), int(found[2])) if found else None


def leads(automation: Automation, template: MessageTemplate) -> dict[str, str | None]:
    """Where each answer of this template takes an order today: button → id of a stage, or None.

    By the words on the buttons: the other template of a failure may have them in another order.
    """
    goes = {button.index: button.stage_id for button in automation.buttons}
    said = {fold(tap.text): goes.get(tap.index) for tap in templates.taps(automation.template)}
    meant = {str(tap.index): said.get(fold(tap.text)) for tap in templates.taps(template)}
    return {index: str(stage_id) if stage_id else None for index, stage_id in meant.items()}
