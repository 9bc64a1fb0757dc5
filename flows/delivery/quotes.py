"""What delivery to a city costs the customer, and which cities begin like what is typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from flows import places
from models import db
from models.delivery import DeliveryCity, DeliveryZone
from models.merchant import Merchant

KINDS = ("home", "desk")
"""To the door, to the carrier's office."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A fee in minor units of the merchant's currency, and why it is this one."""

    fee: int
    free: bool
    """The order is worth so much that delivery costs nothing."""
    known: bool
    """Whether a zone has the city; else the fee is the merchant's usual one."""
    offered: bool
    """False: the zone does not deliver in this way, the fee is the merchant's usual one."""
    zone: str
    city: str
    """As the zone lists it: the commune's wilaya, where only that one has a fee."""
    free_above: int | None = None
    """From this applied total on the zone delivers for nothing."""


@dataclass(frozen=True, slots=True)
class City:
    """A suggestion while somebody types: in the script they type, and in the other."""

    name: str
    other: str
    region: str


def fee(city: str, kind: str = "home", applied_total: int = 0) -> int:
    """What delivery to this city costs the customer, in minor units like the total of the order.

    Cities in any spelling of either script; where no zone says otherwise the merchant's usual fee.
    """
    return quote(city, kind, applied_total).fee


def quote(city: str, kind: str = "home", applied_total: int = 0) -> Quote:
    """The same with its reason. `kind` is one of KINDS."""
    shop = merchant()
    usual, found = shop.delivery_fee, _listed(city, shop.country)
    if found is None:
        return Quote(usual, False, False, True, "", "")
    zone: DeliveryZone = found.zone
    own = zone.home if kind == "home" else zone.desk
    if own is None:
        return Quote(usual, False, True, False, zone.name, found.name)
    free = zone.free_above is not None and applied_total >= zone.free_above
    fee = 0 if free else own
    return Quote(fee, free, True, True, zone.name, found.name, zone.free_above)


def cities(text: str, country: str | None = None, limit: int = 8) -> list[City]:
    """Cities of a country (the merchant's) whose name begins so, largest first; "" finds none.

    After those we know come those that only the merchant's own zones name.
    """
    if not places.key(text):
        return []
    known = places.search(text, country or merchant().country, limit)
    found = [City(*place.called(text), place.region) for place in known]
    own = _own_names(text, limit) if len(found) < limit else []
    same = {place.key for place in known}
    return [*found, *(City(name, "", "") for key, name in own if key not in same)][:limit]


def _own_names(text: str, limit: int) -> Sequence[tuple[str, str]]:
    begins = DeliveryCity.key.startswith(places.key(text), autoescape=True)
    names = select(DeliveryCity.key, DeliveryCity.name).where(begins)
    return db.session().execute(names.order_by(DeliveryCity.key).limit(limit)).all()


def merchant() -> Merchant:
    session = db.session()
    return session.get_one(Merchant, session.merchant_id)


def _listed(city: str, country: str) -> DeliveryCity | None:
    """The city of a zone that is meant: itself, else the wilaya or region it lies, or lay, in."""
    place = places.find(city, country)
    typed = places.key(city)
    around = (
        [places.key_of(name, country) for name in (place.region, place.before)] if place else []
    )
    keys = [place.key, typed, *filter(None, around)] if place else [typed]
    wanted = select(DeliveryCity).where(DeliveryCity.key.in_(keys))
    wanted = wanted.options(joinedload(DeliveryCity.zone))
    found = {city.key: city for city in db.session().scalars(wanted)}
    return next((found[key] for key in keys if key in found), None)
