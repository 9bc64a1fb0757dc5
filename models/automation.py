"""Automation: one stage and one template, its buttons; Run: once per order (or per entry)."""

from __future__ import annotations

import enum
from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.channel import Channel
from models.db import Row, many, one, ref
from models.message import Message, Sending, Settled
from models.order import Order
from models.pipeline import Stage
from models.template import MessageTemplate
from models.types import utcnow


class Automation(Row):
    """When an order enters `stage`, send `template`; a tap on a button moves the order on."""

    __tablename__ = "automations"
    __table_args__ = (Index(None, "merchant_id", "stage_id"),)

    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    stage_id: Mapped[UUID] = ref("stages", ondelete="CASCADE")
    template_id: Mapped[UUID] = ref("message_templates")
    variables: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Which fact of the order fills each blank: {"body.1": "customer.name", …}."""
    active: Mapped[bool] = mapped_column(default=True)
    retrigger: Mapped[bool] = mapped_column(default=False)
    """Whether coming back to the stage sends again."""
    channel_id: Mapped[UUID | None] = ref("channels", nullable=True, ondelete="SET NULL")
    """The number it writes from; None: the one the customer writes to, else the first."""
    delay: Mapped[int] = mapped_column(default=0)
    """Seconds between the entry and the message."""
    at_time: Mapped[time | None]
    """After the delay, wait for this hour of the merchant's clock."""
    respects_quiet: Mapped[bool] = mapped_column(default=True)
    """Whether it waits for the end of the merchant's quiet hours."""
    timeout: Mapped[int | None]
    """Seconds without an answer until the order goes to `fallback_stage`, or the next re-send."""
    timeout_from: Mapped[str] = mapped_column(default="sent")
    """sent or delivered: what the time-out is counted from."""
    fallback_stage_id: Mapped[UUID | None] = ref("stages", nullable=True, ondelete="SET NULL")
    resends: Mapped[int] = mapped_column(SmallInteger, default=0)
    """How often it is sent again for want of an answer before the order falls back."""
    on_failure: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What to do when a send fails for good, by cause: {"not_on_whatsapp": {"do": "call"}, …}.

    Causes: not_on_whatsapp, marketing_limit, template_paused, other. Deeds: wait ("hours"),
    template ("template_id", "variables"), call, nothing (also when the cause is not there).
    """
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    stage: Mapped[Stage] = one("Stage", via="stage_id")
    fallback_stage: Mapped[Stage | None] = one("Stage", via="fallback_stage_id")
    template: Mapped[MessageTemplate] = one("MessageTemplate", via="template_id")
    channel: Mapped[Channel | None] = one("Channel")
    buttons: Mapped[list[AutomationButton]] = many(
        "AutomationButton",
        back_populates="automation",
        cascade="all, delete-orphan",
        order_by="AutomationButton.index",
    )


class AutomationButton(Row):
    """Where a tap on the n-th button of the template takes the order; unmapped = only noted."""

    __tablename__ = "automation_buttons"
    __table_args__ = (UniqueConstraint("merchant_id", "automation_id", "index"),)

    automation_id: Mapped[UUID] = ref("automations", ondelete="CASCADE")
    index: Mapped[int]
    stage_id: Mapped[UUID | None] = ref("stages", nullable=True, ondelete="SET NULL")

    automation: Mapped[Automation] = one("Automation", back_populates="buttons")
    stage: Mapped[Stage | None] = one("Stage")


class RunState(enum.StrEnum):
    """What people see of an automation's send."""

    SCHEDULED = "scheduled"
    SENT = "sent"
    DELIVERED = "delivered"
    REPLIED = "replied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Run(Settled, Row):
    """One automation for one order. `trigger` is the entry when sending again is allowed,
    else the order itself: the unique key makes "once" true under any race."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("merchant_id", "order_id", "automation_id", "trigger"),
        Index(None, "merchant_id", "message_id"),
        Index(None, "merchant_id", "created_at", "id"),
        Index(
            "ix_runs_due",
            "merchant_id",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "ix_runs_failed",
            "merchant_id",
            "failure",
            "created_at",
            "id",
            postgresql_include=["automation_id"],
            postgresql_where=text("failure IS NOT NULL AND settled_at IS NULL AND trigger <> id"),
        ),
        Index(
            "ix_runs_timeout",
            "merchant_id",
            "timeout_at",
            postgresql_where=text("timeout_at IS NOT NULL"),
        ),
    )

    automation_id: Mapped[UUID] = ref("automations", ondelete="CASCADE")
    order_id: Mapped[UUID] = ref("orders", ondelete="CASCADE")
    entry_id: Mapped[UUID] = ref("entries", ondelete="CASCADE")
    trigger: Mapped[UUID]
    message_id: Mapped[UUID | None] = ref("messages", nullable=True, ondelete="SET NULL")
    failure: Mapped[str | None]
    """Why nothing was queued (missing_variable, no_conversation, …); None when a message was."""
    detail: Mapped[str | None]
    due_at: Mapped[datetime | None]
    """A timer: when to send. None once it has gone off or was cancelled."""
    timeout_at: Mapped[datetime | None]
    """A timer: when silence has lasted too long. None while nothing counts."""
    sent_count: Mapped[int] = mapped_column(SmallInteger, default=0)
    """Messages made so far: the first, its re-sends, the other template after a failure."""
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]
    """left_stage, blocked, no_consent, undone, switched_off, …"""
    expired_at: Mapped[datetime | None]
    """When nobody had answered in time; of Replied and Expired the first wins."""
    replied_at: Mapped[datetime | None]
    reply: Mapped[str | None]
    """What the customer tapped or wrote first."""
    settled_by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    automation: Mapped[Automation] = one("Automation")
    order: Mapped[Order] = one("Order")
    message: Mapped[Message | None] = one("Message")

    @property
    def state(self) -> RunState:
        """Failing and giving up come first; of an answer and the end of waiting only one is set."""
        ended = next((state for field, state in _ENDED if getattr(self, field) is not None), None)
        return ended or self._on_its_way

    @property
    def _on_its_way(self) -> RunState:
        seen = _SEEN_AS.get(self._ladder, RunState.SCHEDULED)
        if seen in (RunState.FAILED, RunState.CANCELLED) and self.due_at is not None:
            return RunState.SCHEDULED  # it will be tried (again)
        return seen

    @property
    def _ladder(self) -> str:
        message = self.message
        if message is None:
            return "discarded"
        if message.rank is not None and message.rank >= 2:
            return "delivered"
        if message.failed_at is not None and message.sending is not Sending.DISCARDED:
            return "failed"
        return message.sending.value if message.sending else "accepted"


_ENDED = (
    ("failure", RunState.FAILED),
    ("cancelled_at", RunState.CANCELLED),
    ("replied_at", RunState.REPLIED),
    ("expired_at", RunState.EXPIRED),
)
_SEEN_AS = {
    "accepted": RunState.SENT,
    "delivered": RunState.DELIVERED,
    "failed": RunState.FAILED,
    "discarded": RunState.CANCELLED,
}
