"""Pipeline, Stage (the merchant's words), SystemState (their meaning), allowed transitions."""

from __future__ import annotations

import enum
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row, many, one, ref
from models.types import utcnow


class SystemState(enum.StrEnum):
    """What a stage means to stock, indicators and the API (spec: nine states, or none)."""

    NEW = "new"
    UNREACHABLE = "unreachable"
    TO_CONFIRM = "to_confirm"
    CONFIRMED = "confirmed"
    SHIPPED = "shipped"
    DELIVERY_FAILURE = "delivery_failure"
    DELIVERED = "delivered"
    RETURNED = "returned"
    CANCELLED = "cancelled"


REASONED = (SystemState.CANCELLED, SystemState.DELIVERY_FAILURE, SystemState.RETURNED)
"""The states that are entered for a reason (R53)."""


class Status(enum.StrEnum):
    """What machines are told of an order: seven public statuses, derived, never stored (§3.2)."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    RETURNED = "returned"
    CANCELLED = "cancelled"


STATUSES = {
    SystemState.NEW: Status.PENDING,
    SystemState.UNREACHABLE: Status.PENDING,
    SystemState.TO_CONFIRM: Status.PENDING,
    SystemState.CONFIRMED: Status.CONFIRMED,
    SystemState.SHIPPED: Status.SHIPPED,
    SystemState.DELIVERY_FAILURE: Status.SHIPPED,
    SystemState.DELIVERED: Status.DELIVERED,
    SystemState.RETURNED: Status.RETURNED,
    SystemState.CANCELLED: Status.CANCELLED,
}


def status_of(state: SystemState, stage_state: SystemState | None) -> Status:
    """The public status of an order whose last state is `state`, on a stage of `stage_state`.

    A stage without a state keeps the status, but after Confirmed it is `processing`.
    """
    if stage_state is None and state is SystemState.CONFIRMED:
        return Status.PROCESSING
    return STATUSES[state]


class Pipeline(Row):
    __tablename__ = "pipelines"

    name: Mapped[str]
    ships: Mapped[bool] = mapped_column(default=True)
    """Whether its orders are carried to an address; if not, no address is asked for."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    every_stage: Mapped[list[Stage]] = many(
        "Stage",
        back_populates="pipeline",
        cascade="all, delete-orphan",
        order_by="(Stage.position, Stage.id)",
    )
    """Deleted ones too: history points at them."""

    @property
    def stages(self) -> list[Stage]:
        return [stage for stage in self.every_stage if stage.deleted_at is None]

    @property
    def first_stage(self) -> Stage:
        return next(stage for stage in self.stages if stage.active)


class Stage(Row):
    __tablename__ = "stages"
    __table_args__ = (Index(None, "merchant_id", "pipeline_id", "position"),)

    pipeline_id: Mapped[UUID] = ref("pipelines", ondelete="CASCADE")
    position: Mapped[int]
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    color: Mapped[str]
    """green, orange, yellow, blue, purple, red or gray."""
    state: Mapped[SystemState | None]
    reasons: Mapped[list[str]] = mapped_column(default=list)
    """What people choose from when an order comes here; empty: any words, or none."""
    active: Mapped[bool] = mapped_column(default=True)
    deleted_at: Mapped[datetime | None]
    """A deleted stage is on no screen and holds no order; what happened on it stays told."""

    pipeline: Mapped[Pipeline] = one("Pipeline", back_populates="every_stage")


class Transition(Row):
    """A move this pipeline allows; a stage without any may go wherever the states allow."""

    __tablename__ = "transitions"
    __table_args__ = (UniqueConstraint("merchant_id", "from_stage_id", "to_stage_id"),)

    from_stage_id: Mapped[UUID] = ref("stages", ondelete="CASCADE")
    to_stage_id: Mapped[UUID] = ref("stages", ondelete="CASCADE")
