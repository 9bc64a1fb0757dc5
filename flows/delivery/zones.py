"""Zones as people keep them; thousands of cities cost a handful of statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, Uuid, any_, func, literal, select
from sqlalchemy import delete as delete_rows
from sqlalchemy.dialects.postgresql import insert

from flows import audit
from flows.delivery.quotes import merchant
from flows.errors import N_, Invalid, NotFound, Refused
from flows.places import known_as
from models import db
from models.delivery import DeliveryCity, DeliveryZone
from models.types import Json, clean, new_id

SHOWN = 12
MOST_CITIES = 20_000
LONGEST_NAME = 80
MOST = 10**12
"""No fee may be larger, like no amount of an order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewZone:
    """A zone as its form says it: fees in minor units, None where it does not deliver so."""

    name: str
    home: int | None
    desk: int | None
    free_above: int | None
    cities: Sequence[str]
    unread: Mapping[str, Refused]
    """Fields that could not be read, with why."""


@dataclass(frozen=True, slots=True)
class Kept:
    zone: DeliveryZone
    taken: Mapping[str, str]
    """Cities that were in another zone until now, and in which."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A zone with how many cities it has, and the first of them."""

    zone: DeliveryZone
    count: int
    names: Sequence[str]


def listed() -> list[Listed]:
    """All zones in their order, in two queries however many cities they have."""
    place = func.row_number().over(partition_by=DeliveryCity.zone_id, order_by=DeliveryCity.name)
    count = func.count().over(partition_by=DeliveryCity.zone_id)
    numbered = select(
        DeliveryCity.zone_id, DeliveryCity.name, place.label("place"), count.label("cities")
    ).subquery()
    first = select(numbered).where(numbered.c.place <= SHOWN).order_by(numbered.c.place)
    names: dict[UUID, list[str]] = {}
    counts: dict[UUID, int] = {}
    for row in db.session().execute(first):
        names.setdefault(row.zone_id, []).append(row.name)
        counts[row.zone_id] = row.cities
    return [Listed(zone, counts.get(zone.id, 0), names.get(zone.id, [])) for zone in every()]


def every() -> Sequence[DeliveryZone]:
    zones = select(DeliveryZone).order_by(DeliveryZone.position, DeliveryZone.id)
    return db.session().scalars(zones).all()


def find(zone_id: UUID) -> DeliveryZone:
    zone = db.session().scalars(select(DeliveryZone).where(DeliveryZone.id == zone_id)).first()
    if zone is None:
        raise NotFound
    return zone


def names_of(zone: DeliveryZone) -> Sequence[str]:
    """The zone's cities by name."""
    names = select(DeliveryCity.name).where(DeliveryCity.zone_id == zone.id)
    return db.session().scalars(names.order_by(DeliveryCity.name)).all()


def keep(form: NewZone, zone: DeliveryZone | None = None) -> Kept:
    """The zone is as the form says, new if there was none; its cities leave every other zone.

    Two spellings of one city are one. Raises Invalid with every wrong field.
    """
    _check(form)
    before = _facts(zone) if zone is not None else {}
    kind = "delivery.zone_changed" if zone is not None else "delivery.zone_added"
    if zone is None:
        zone = add(form.name, form.home, form.desk, form.free_above)
    zone.name, zone.home, zone.desk = form.name, form.home, form.desk
    zone.free_above = form.free_above
    db.session().flush()  # cities refer to its row
    names = keyed(form.cities)
    taken = _elsewhere(zone, names)
    gone = delete_rows(DeliveryCity).where(DeliveryCity.zone_id == zone.id, ~is_one_of(names))
    db.session().execute(gone.execution_options(synchronize_session=False))
    put(zone.id, names)
    audit.changed(kind, before, _facts(zone), on=zone.name, on_id=zone.id)
    return Kept(zone, taken)


def _facts(zone: DeliveryZone) -> Json:
    """For the audit: how many cities, and the first of them."""
    here = select(DeliveryCity.name).where(DeliveryCity.zone_id == zone.id)
    first = db.session().scalars(here.order_by(DeliveryCity.name).limit(SHOWN)).all()
    count = db.session().scalar(select(func.count()).select_from(here.subquery()))
    fees = {name: getattr(zone, name) for name in ("name", "home", "desk", "free_above")}
    return fees | {"cities": list(first), "count": count}


def add(name: str, home: int | None, desk: int | None, free_above: int | None) -> DeliveryZone:
    """A new zone below the others."""
    last = db.session().scalar(select(func.max(DeliveryZone.position)))
    zone = DeliveryZone(
        name=name,
        home=home,
        desk=desk,
        free_above=free_above,
        position=0 if last is None else last + 1,
    )
    db.session().add(zone)
    return zone


def delete(zone: DeliveryZone) -> None:
    """Its cities cost the usual fee from now on."""
    audit.note("delivery.zone_deleted", on=zone.name, on_id=zone.id, before=_facts(zone))
    gone = delete_rows(DeliveryZone).where(DeliveryZone.id == zone.id)
    db.session().execute(gone.execution_options(synchronize_session=False))


def set_usual_fee(amount: int | None) -> None:
    """What delivery costs where no zone says otherwise, in minor units."""
    if amount is None:
        raise Invalid({"usual": Refused("missing", N_("Enter an amount; 0 is a free delivery."))})
    if not 0 <= amount <= MOST:
        raise Invalid({"usual": _impossible()})
    shop = merchant()
    audit.changed("delivery.usual", {"usual": shop.delivery_fee}, {"usual": amount})
    shop.delivery_fee = amount


def keyed(names: Iterable[str]) -> dict[str, str]:
    """Key → name as it is properly written, of names that are cities at all."""
    country = merchant().country
    found: dict[str, str] = {}
    for name in names:
        text = " ".join(clean(name).split())
        key, proper = known_as(text, country)
        if key:
            found.setdefault(key, proper)
    return found


def put(zone_id: UUID, names: Mapping[str, str]) -> None:
    """These cities (key → name) are in this zone and in no other."""
    session = db.session()
    # Three arrays instead of thousands of rows: one short statement, whatever the list is.
    in_order = sorted(names.items())
    columns = (
        literal([new_id() for _ in in_order], ARRAY(Uuid)),
        literal([key for key, _ in in_order], ARRAY(Text)),
        literal([name for _, name in in_order], ARRAY(Text)),
    )
    city = func.unnest(*columns).table_valued("id", "key", "name").render_derived()
    fresh = insert(DeliveryCity).from_select(
        ["merchant_id", "zone_id", "id", "key", "name"],
        select(literal(session.merchant_id), literal(zone_id), city.c.id, city.c.key, city.c.name),
    )
    session.execute(
        fresh.on_conflict_do_update(
            index_elements=["merchant_id", "key"],
            set_={"zone_id": fresh.excluded.zone_id, "name": fresh.excluded.name},
        )
    )


def is_one_of(keys: Iterable[str]) -> ColumnElement[bool]:
    """The city has one of these keys, as one parameter however many they are."""
    return DeliveryCity.key == any_(literal(list(keys), ARRAY(Text)))


def _check(form: NewZone) -> None:
    wrong = dict(form.unread)
    if not form.name:
        wrong["name"] = Refused("missing", N_("Give the zone a name."))
    elif len(form.name) > LONGEST_NAME:
        wrong["name"] = too_long(LONGEST_NAME)
    for field in ("home", "desk", "free_above"):
        amount = getattr(form, field)
        if amount is not None and not 0 <= amount <= MOST:
            wrong[field] = _impossible()
    if form.home is None and form.desk is None and not {"home", "desk"} & set(wrong):
        wrong["home"] = Refused("missing", N_("Enter at least one of the two fees."))
    if len(form.cities) > MOST_CITIES:
        wrong["cities"] = Refused(
            "too_many", N_("At most {limit} cities in a zone."), limit=MOST_CITIES
        )
    elif any(len(name) > LONGEST_NAME for name in form.cities):
        wrong["cities"] = too_long(LONGEST_NAME)
    if wrong:
        raise Invalid(wrong)


def too_long(limit: int) -> Refused:
    return Refused("too_long", N_("At most {limit} characters."), limit=limit)


def _impossible() -> Refused:
    return Refused("amount", N_("This amount is not possible."))


def _elsewhere(zone: DeliveryZone, names: Mapping[str, str]) -> dict[str, str]:
    if not names:
        return {}
    others = (
        select(DeliveryCity.name, DeliveryZone.name)
        .join(DeliveryCity.zone)
        .where(is_one_of(names), DeliveryCity.zone_id != zone.id)
        .order_by(DeliveryCity.name)
    )
    return dict(db.session().execute(others).all())
