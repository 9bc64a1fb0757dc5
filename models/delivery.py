"""DeliveryZone, DeliveryCity: what delivery costs the customer, by city."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from models.db import Row, many, one, ref


class DeliveryZone(Row):
    """Cities with the same fees, in minor units of the merchant's currency; one city is a zone."""

    __tablename__ = "delivery_zones"
    __table_args__ = (Index(None, "merchant_id", "position"),)

    name: Mapped[str]
    position: Mapped[int]
    home: Mapped[int | None]
    desk: Mapped[int | None]
    """To the door, to the carrier's office; None: not offered there."""
    free_above: Mapped[int | None]
    """From this applied total on, delivery is free."""

    cities: Mapped[list[DeliveryCity]] = many(
        "DeliveryCity",
        via="zone_id",
        back_populates="zone",
        cascade="all, delete-orphan",
        order_by="DeliveryCity.name",
    )


class DeliveryCity(Row):
    """A city of a zone; `key` is its name folded, so that any spelling of it is found."""

    __tablename__ = "delivery_cities"
    __table_args__ = (UniqueConstraint("merchant_id", "key"),)

    zone_id: Mapped[UUID] = ref("delivery_zones", ondelete="CASCADE")
    name: Mapped[str]
    key: Mapped[str]

    zone: Mapped[DeliveryZone] = one("DeliveryZone", back_populates="cities")
