"""What a button of a run's message carries, and hands back when the customer taps it."""

from __future__ import annotations

import re
from uuid import UUID

from models.automation import Run

_PAYLOAD = re.compile(r"w1\.([0-9a-f]{32})\.(\d{1,2})")


def payload(run: Run, index: int) -> str:
    """What Meta hands back when the customer taps the n-th button of this run's message."""
    return f"w1.{run.id.hex}.{index}"


def read_payload(text: str | None) -> tuple[UUID, int] | None:
    """The run and the button of a payload we wrote; None for anybody else's."""
    found = _PAYLOAD.fullmatch(text or "")
    return (UUID(found[1]), int(found[2])) if found else None
