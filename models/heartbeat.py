"""Heartbeat: one process that works in the background, and when it was last heard of."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base


class Heartbeat(Base):
    """One life of one process: it writes its row every few seconds (flows/heartbeats.py) and takes
    it along when it is told to stop. All times are the database's."""

    __tablename__ = "heartbeats"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """ingest, deliver, chores, media, clock or live."""
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    doing: Mapped[str]
    """The job or chore it is at; "" while it waits for one."""
    since: Mapped[datetime]
    """When it began that; while it waits, when its main loop last came by."""
