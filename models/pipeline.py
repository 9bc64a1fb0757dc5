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


class Pipeline(Row):
    __tablename__ = "pipelines"

    name: Mapped[str]
    ships: Mapped[bool] = mapped_column(default=True)
    """Whether its orders are carried to an address; if not, no address is asked for."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    stages: Mapped[list[Stage]] = many(
        "Stage",
        back_populates="pipeline",
        cascade="all, delete-orphan",
        order_by="Stage.position",
    )

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
    active: Mapped[bool] = mapped_column(default=True)

    pipeline: Mapped[Pipeline] = one("Pipeline", back_populates="stages")


class Transition(Row):
    """A move this pipeline allows; a stage without any may go wherever the states allow."""

    __tablename__ = "transitions"
    __table_args__ = (UniqueConstraint("merchant_id", "from_stage_id", "to_stage_id"),)

    from_stage_id: Mapped[UUID] = ref("stages", ondelete="CASCADE")
    to_stage_id: Mapped[UUID] = ref("stages", ondelete="CASCADE")
