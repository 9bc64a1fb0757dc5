"""What the chores worker is called for, by name: load, call the flow, nothing else."""

from __future__ import annotations

from flows import outbox, runs


def work_timers(lane: str) -> None:
    """What automations put off is sent, and silences that lasted too long have their effect."""
    outbox.looking(lane)
    runs.go_off(outbox.merchant_of(lane))
