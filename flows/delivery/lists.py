"""Fees as a list, the way couriers send them: city;home;desk, line by line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

from sqlalchemy import delete as delete_rows
from sqlalchemy import exists, select

from flows import audit
from flows.delivery import zones
from flows.delivery.quotes import merchant
from flows.errors import N_, Refused
from flows.places import known_as
from models import db
from models.delivery import DeliveryCity, DeliveryZone
from models.types import Money, clean, exponent, fold

COLUMNS = ("city", "home", "desk", "free_above", "zone")
LONGEST = 2_000_000
"""Characters of a list: more than the list of any courier."""
_TITLES = frozenset(map(fold, ("city", "ville", "villes", "commune", "wilaya", "المدينة", "مدينة")))
_NOTHING = frozenset(("", "-", "–", "—", "x", "/"))


@dataclass(frozen=True, slots=True)
class Line:
    """A line that was read; amounts in minor units, None where the list says nothing."""

    number: int
    text: str
    city: str
    key: str
    home: int | None
    desk: int | None
    free_above: int | None
    zone: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A line that could not be read, and why; it stays with whoever brought it."""

    number: int
    text: str
    why: Refused


@dataclass(slots=True)
class Reading:
    lines: list[Line] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)
    twice: int = 0
    """Lines that say again what an earlier one said."""


def read(text: str) -> Reading:
    """Every line is a city with its fees, named as wrong, or said before; none is lost.

    Columns: city, to the door, to the office, free above, zone; the last two may be missing.
    Between them semicolons or tabs, or commas where there is neither.
    """
    found, seen = Reading(), dict[str, Line]()
    shop = merchant()
    if len(text) > LONGEST:
        raise Refused("too_long", N_("This list is too long: bring it in in parts."))
    for number, raw in enumerate(clean(text).splitlines(), 1):
        line = raw.strip("\ufeff\u200e\u200f \r\n")
        if not line or (number == 1 and _is_title(line)):
            continue
        try:
            row = _line(number, line, shop.country, shop.currency)
            earlier = seen.setdefault(row.key, row)
            _must_agree(row, earlier)
        except Refused as why:
            found.wrong.append(Wrong(number, line, why))
            continue
        if earlier is row:
            found.lines.append(row)
        else:
            found.twice += 1
    return found


def _is_title(line: str) -> bool:
    return fold(_cells(line)[0]) in _TITLES


def _cells(line: str) -> list[str]:
    mark = next((mark for mark in (";", "؛", "\t") if mark in line), ",")
    cells = next(csv.reader([line], delimiter=mark), [""])
    # An apostrophe keeps a spreadsheet from calculating; it is no part of the name.
    return [" ".join(cell.split()).removeprefix("'") for cell in cells]


def _line(number: int, text: str, country: str, currency: str) -> Line:
    cells = _cells(text)
    while len(cells) > len(COLUMNS) and not cells[-1]:
        cells.pop()
    if len(cells) > len(COLUMNS):
        raise Refused("columns", N_("More than five columns."))
    if len(cells) < 2:
        raise Refused("columns", N_("No fee: city;home;desk."))
    city, home, desk, free, zone = cells + [""] * (len(COLUMNS) - len(cells))
    key, city = known_as(city, country)
    if not key:
        raise Refused("city", N_("No city."))
    if len(city) > zones.LONGEST_NAME:
        raise zones.too_long(zones.LONGEST_NAME)
    to_door, to_desk, free_above = (_amount(cell, currency) for cell in (home, desk, free))
    if to_door is None and to_desk is None:
        raise Refused("columns", N_("No fee: city;home;desk."))
    zone = zone[: zones.LONGEST_NAME]
    return Line(number, text, city, key, to_door, to_desk, free_above, zone)


@lru_cache(maxsize=1000)  # ten thousand cities share a few fees
def _amount(cell: str, currency: str) -> int | None:
    text = re.sub(rf"\s*({currency}|dhs?|da|dt|درهم|دج)\.?$", "", cell, flags=re.IGNORECASE)
    if text.casefold() in _NOTHING:
        return None
    try:
        amount = Money.parse(text, currency).minor
    except ValueError:
        raise Refused("amount", N_("“{text}” is not an amount."), text=cell) from None
    if not 0 <= amount <= zones.MOST:
        raise Refused("amount", N_("This amount is not possible."))
    return amount


def _must_agree(row: Line, earlier: Line) -> None:
    if (row.home, row.desk, row.free_above) != (earlier.home, earlier.desk, earlier.free_above):
        raise Refused(
            "twice", N_("Line {number} gives this city other fees."), number=earlier.number
        )


# --- bringing it in -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """What bringing a list in changes, counted in cities."""

    new: int
    changed: int
    same: int
    groups: Sequence[tuple[str, int | None, int | None, int | None, int]]
    """Zones it makes or fills: name, home, desk, free above, how many cities."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Lines that belong into one zone."""

    zone: DeliveryZone | None
    name: str
    fees: tuple[int | None, int | None, int | None]
    cities: dict[str, str]


def plan(reading: Reading) -> Plan:
    """What `bring_in` would do; nothing changes."""
    now = _current(reading)
    return _plan(reading, now, _groups(reading, now))


def _plan(reading: Reading, now: dict[str, DeliveryZone], groups: list[_Group]) -> Plan:
    changed = sum(
        1
        for group in groups
        for key in group.cities
        if key in now and (group.zone is None or now[key].id != group.zone.id)
    )
    total = len(reading.lines)
    known = sum(line.key in now for line in reading.lines)
    listed = [(group.name, *group.fees, len(group.cities)) for group in groups]
    return Plan(total - known, changed, known - changed, listed)


def bring_in(reading: Reading) -> Plan:
    """Every line that was read is a city with these fees; zones it leaves empty are gone.

    Cities with the same fees share a zone: one that has them, else a new one. A list that says
    nothing of an amount from which delivery is free leaves it as it is for each city.
    """
    now = _current(reading)
    groups = _groups(reading, now)
    done, before = _plan(reading, now, groups), {zone.id for zone in now.values()}
    for group in groups:
        zone = group.zone or zones.add(group.name, *group.fees)
        db.session().flush()  # cities refer to its row
        zones.put(zone.id, group.cities)
    _forget_empty(before)
    counts = {"number": len(reading.lines), "new": done.new, "changed": done.changed}
    audit.note("delivery.imported", after=counts)
    return done


def _current(reading: Reading) -> dict[str, DeliveryZone]:
    """City key → its zone today, of the cities of the list that have one."""
    wanted = select(DeliveryCity.key, DeliveryZone).join(DeliveryCity.zone)
    wanted = wanted.where(zones.is_one_of(line.key for line in reading.lines))
    return dict(db.session().execute(wanted).all())


def _groups(reading: Reading, now: dict[str, DeliveryZone]) -> list[_Group]:
    existing, currency = zones.every(), merchant().currency
    groups: dict[tuple[object, ...], _Group] = {}
    for line in reading.lines:
        today = now.get(line.key)
        fees = (line.home, line.desk, line.free_above)
        if line.free_above is None and today is not None:
            fees = (line.home, line.desk, today.free_above)
        # A city whose zone has these fees stays there, although another may have them too.
        candidates = existing if today is None else [today, *existing]
        zone = next((each for each in candidates if _fits(each, line.zone, fees)), None)
        key = (zone.id,) if zone else (fold(line.zone), *fees)
        if key not in groups:
            name = zone.name if zone else line.zone or _name(fees, currency)
            groups[key] = _Group(zone, name, fees, {})
        groups[key].cities[line.key] = line.city
    return list(groups.values())


def _fits(zone: DeliveryZone, name: str, fees: tuple[int | None, int | None, int | None]) -> bool:
    same_fees = (zone.home, zone.desk, zone.free_above) == fees
    return same_fees and (not name or fold(zone.name) == fold(name))


def _name(fees: tuple[int | None, int | None, int | None], currency: str) -> str:
    shown = [_plain(fee, currency) or "–" for fee in fees[:2]]
    return f"{' / '.join(shown)} {currency}"


def _forget_empty(zone_ids: set[UUID]) -> None:
    has_cities = exists().where(
        DeliveryCity.zone_id == DeliveryZone.id,
        DeliveryCity.merchant_id == DeliveryZone.merchant_id,
    )
    empty = delete_rows(DeliveryZone).where(DeliveryZone.id.in_(zone_ids), ~has_cities)
    db.session().execute(empty.execution_options(synchronize_session=False))


# --- giving it out --------------------------------------------------------------------------------


def export() -> Iterator[str]:
    """The zones as a list that `read` reads: a title, then a line a city."""
    currency = merchant().currency
    audit.note("exports.delivery")
    yield _written(list(COLUMNS))
    rows = select(DeliveryCity.name, DeliveryZone).join(DeliveryCity.zone)
    rows = rows.order_by(DeliveryZone.position, DeliveryZone.id, DeliveryCity.name)
    for city, zone in db.session().execute(rows):
        fees = [_plain(fee, currency) for fee in (zone.home, zone.desk, zone.free_above)]
        yield _written([city, *fees, zone.name])


def _plain(amount: int | None, currency: str) -> str:
    """An amount a program reads: 35, 35.50"""
    if amount is None:
        return ""
    whole, rest = divmod(amount, 10 ** exponent(currency))
    return f"{whole}.{rest:0{exponent(currency)}d}" if rest else str(whole)


def _written(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=";", lineterminator="\r\n").writerow(map(_harmless, cells))
    return line.getvalue()


def _harmless(cell: str) -> str:
    """A spreadsheet calculates what begins like a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
