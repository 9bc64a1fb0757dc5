"""What the chores worker is called for, by name: load, call the flow, nothing else."""

from __future__ import annotations

from flows import bulk, mail, outbox, runs
from flows.talks import turning


def work_timers(lane: str) -> None:
    """What automations put off is sent, and silences that lasted too long have their effect."""
    outbox.looking(lane)
    runs.go_off(outbox.merchant_of(lane))


def work_bulk(lane: str) -> None:
    """Orders that people move by the hundred are moved, a stretch at a time."""
    outbox.looking(lane)
    bulk.drain(outbox.merchant_of(lane))


def send_mail(lane: str) -> None:
    """Invitations and links for new passwords leave."""
    outbox.looking(lane)
    mail.drain(outbox.merchant_of(lane))


def answer_customers(lane: str) -> None:
    """Customers who have stopped typing are answered by the bot, or left to people."""
    outbox.looking(lane)
    turning.work(outbox.merchant_of(lane))
