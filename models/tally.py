"""Tally: what a board counts, kept as sums so that nobody has to count orders."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from models.db import Row, ref


class Tally(Row):
    """A difference to the sums of one stage and one day (the day the orders were created).

    Written by a trigger on `orders` (migration 0003), so that no statement can forget it, and
    only ever added: two people moving orders never wait for one another's sum. The sums of a
    stage are the sums over its rows; the clock folds many rows into one. Amounts are minor units.
    """

    __tablename__ = "tallies"
    __table_args__ = (Index(None, "merchant_id", "stage_id", "day"),)

    stage_id: Mapped[UUID] = ref("stages", ondelete="CASCADE")
    day: Mapped[date]
    """In UTC: the day an order was created."""
    orders: Mapped[int]
    due: Mapped[int]
    """What couriers collect for them."""
    confirmed: Mapped[int]
    shipped: Mapped[int]
    delivered: Mapped[int]
    """Of these orders: confirmed at some time, shipped at some time, delivered now."""
    revenue: Mapped[int]
    """Applied totals of those delivered now."""
