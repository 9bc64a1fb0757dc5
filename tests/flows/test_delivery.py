"""What delivery costs: one fee for any spelling of a city; lists in and out, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.engine import Engine

from flows import delivery
from flows.errors import Invalid, NotFound, Refused
from models import db
from models.db import MerchantSession
from models.delivery import DeliveryCity, DeliveryZone
from tests import factories


def zone(name: str = "Nord", **changes: Any) -> DeliveryZone:
    values: dict[str, Any] = {
        "home": 3500,
        "desk": 2500,
        "free_above": None,
        "cities": ["Fès", "Meknès"],
        "unread": {},
    }
    return delivery.keep(delivery.NewZone(name=name, **values | changes)).zone


def usual(amount: int) -> None:
    delivery.set_usual_fee(amount)


def cities_of(zone: DeliveryZone) -> list[str]:
    return list(delivery.names_of(zone))


@contextmanager
def counted() -> Iterator[list[str]]:
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *more: Any) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


# --- what a city costs ----------------------------------------------------------------------------


@pytest.mark.parametrize("city", ["Fès", "Fes", "FEZ", "فاس", " fès "])
def test_any_spelling_of_a_city_has_its_zones_fee(session: MerchantSession, city: str) -> None:
    zone()

    assert delivery.fee(city) == 3500
    assert delivery.fee(city, "desk", 45000) == 2500


def test_a_city_no_zone_has_costs_the_usual_fee(session: MerchantSession) -> None:
    usual(4000)
    zone()

    quote = delivery.quote("Guelmim")

    assert (quote.fee, quote.known, quote.free) == (4000, False, False)


def test_from_an_amount_on_delivery_is_free(session: MerchantSession) -> None:
    zone(free_above=50000)

    assert delivery.fee("Fès", "home", 49999) == 3500
    assert delivery.fee("Fès", "home", 50000) == 0
    assert delivery.quote("Fès", "home", 50000).free


def test_a_way_that_is_not_offered_costs_the_usual_fee_and_says_so(
    session: MerchantSession,
) -> None:
    usual(4000)
    zone(desk=None, free_above=0)

    quote = delivery.quote("Fès", "desk", 100)

    assert (quote.fee, quote.offered, quote.known) == (4000, False, True)


def test_a_city_nobody_knows_can_have_a_fee_under_its_own_name(session: MerchantSession) -> None:
    zone(cities=["Douar Oulad Jdid"])

    assert delivery.fee("douar ouled jdid") == 3500


def test_a_commune_costs_what_its_wilaya_does_unless_it_is_listed_itself() -> None:
    algerian = factories.merchant("Boutique Oran", country="DZ", number="3")
    with db.merchant(algerian.id):
        zone("Ouest", home=40000, cities=["Oran"])
        zone("Port", home=45000, cities=["Arzew"])

        assert delivery.fee("Bir El Djir") == 40000
        assert delivery.fee("أرزيو") == 45000
        assert delivery.quote("Bir El Djir").city == "Oran"


def test_a_new_wilaya_costs_what_the_one_before_it_does() -> None:
    algerian = factories.merchant("Boutique Oran", country="DZ", number="3")
    with db.merchant(algerian.id):
        zone("Sud", home=60000, cities=["Laghouat"])

        assert delivery.fee("Aflou") == 60000


def test_asking_for_a_fee_is_two_questions_to_the_database(session: MerchantSession) -> None:
    zone()
    session.flush()  # the zone's line in the audit

    with counted() as asked:
        delivery.fee("فاس")

    assert len(asked) <= 2


# --- zones ----------------------------------------------------------------------------------------


def test_two_spellings_of_one_city_are_one(session: MerchantSession) -> None:
    made = zone(cities=["Fès", "فاس", "fez", "Meknès"])

    assert cities_of(made) == ["Fès", "Meknès"]


def test_a_city_leaves_its_zone_for_the_one_that_names_it(session: MerchantSession) -> None:
    nord = zone()

    kept = delivery.keep(
        delivery.NewZone(
            name="Fès", home=2000, desk=None, free_above=None, cities=["Fez"], unread={}
        )
    )

    assert kept.taken == {"Fès": "Nord"}
    assert cities_of(nord) == ["Meknès"]
    assert delivery.fee("Fès") == 2000


def test_changing_a_zone_changes_its_fees_and_cities(session: MerchantSession) -> None:
    nord = zone()
    form = delivery.NewZone(
        name="Nord 2", home=3000, desk=None, free_above=None, cities=["Taza"], unread={}
    )

    delivery.keep(form, nord)

    assert cities_of(nord) == ["Taza"]
    assert (nord.name, nord.home, nord.desk) == ("Nord 2", 3000, None)


def test_the_cities_of_a_deleted_zone_cost_the_usual_fee(session: MerchantSession) -> None:
    usual(4000)
    nord = zone()

    delivery.delete(nord)

    assert delivery.fee("Fès") == 4000
    with pytest.raises(NotFound):
        delivery.find(nord.id)


def test_every_wrong_field_of_a_zone_is_named_at_once(session: MerchantSession) -> None:
    with pytest.raises(Invalid) as refusal:
        zone("", home=None, desk=None, free_above=-1, cities=["x" * 81])

    assert set(refusal.value.fields) == {"name", "home", "free_above", "cities"}


def test_a_usual_fee_is_an_amount(session: MerchantSession) -> None:
    for amount in (None, -1):
        with pytest.raises(Invalid):
            delivery.set_usual_fee(amount)


def test_zones_are_listed_with_their_first_cities_and_how_many(session: MerchantSession) -> None:
    zone(cities=[f"Douar {number}" for number in range(30)])
    zone("Vide", cities=[])

    first, second = delivery.listed()

    assert (first.count, len(first.names)) == (30, 12)
    assert (second.count, list(second.names)) == (0, [])


# --- lists ----------------------------------------------------------------------------------------

LIST = """Ville;Domicile;Bureau
Fès;35;25
فاس;35;25
Meknès ; 35,00 DH ; 25
Rabat\t20\t
Tanger;trente;20
;35;25
Oujda;45;30;;Oriental;de trop
Salé
Fez;40;25
"""


def test_a_list_is_read_line_by_line_and_what_is_wrong_is_named(session: MerchantSession) -> None:
    reading = delivery.read(LIST)

    assert [(line.city, line.home, line.desk) for line in reading.lines] == [
        ("Fès", 3500, 2500),
        ("Meknès", 3500, 2500),
        ("Rabat", 2000, None),
    ]
    assert reading.twice == 1
    assert [(line.number, line.why.code) for line in reading.wrong] == [
        (6, "amount"),
        (7, "city"),
        (8, "columns"),
        (9, "columns"),
        (10, "twice"),
    ]
    assert reading.wrong[0].text == "Tanger;trente;20"


def test_no_line_of_a_list_is_lost(session: MerchantSession) -> None:
    reading = delivery.read(LIST)

    lines = [line for line in LIST.splitlines()[1:] if line.strip()]
    assert len(reading.lines) + len(reading.wrong) + reading.twice == len(lines)


def test_looking_at_a_list_changes_nothing(session: MerchantSession) -> None:
    plan = delivery.plan(delivery.read(LIST))

    assert (plan.new, plan.changed, plan.same) == (3, 0, 0)
    assert delivery.listed() == []


def test_cities_with_the_same_fees_come_into_one_zone(session: MerchantSession) -> None:
    delivery.bring_in(delivery.read(LIST))

    assert [(row.zone.home, row.zone.desk, row.count) for row in delivery.listed()] == [
        (3500, 2500, 2),
        (2000, None, 1),
    ]
    assert delivery.fee("Meknes") == 3500


def test_the_same_list_again_changes_nothing(session: MerchantSession) -> None:
    delivery.bring_in(delivery.read(LIST))

    plan = delivery.bring_in(delivery.read(LIST))

    assert (plan.new, plan.changed, plan.same) == (0, 0, 3)
    assert len(delivery.listed()) == 2


def test_new_fees_move_cities_and_leave_no_empty_zone(session: MerchantSession) -> None:
    delivery.bring_in(delivery.read("Fès;35;25\nRabat;20;15"))

    plan = delivery.bring_in(delivery.read("Fès;20;15"))

    assert (plan.new, plan.changed) == (0, 1)
    assert [(row.zone.home, row.count) for row in delivery.listed()] == [(2000, 2)]


def test_a_list_without_free_amounts_leaves_them_as_they_are(session: MerchantSession) -> None:
    zone(free_above=50000, cities=["Fès"])

    delivery.bring_in(delivery.read("Fès;30;20"))

    assert delivery.fee("Fès", "home", 40000) == 3000
    assert delivery.fee("Fès", "home", 50000) == 0


def test_a_city_stays_in_its_zone_when_another_has_the_same_fees(session: MerchantSession) -> None:
    zone("Nord", cities=["Fès"])
    zone("Sud", cities=["Tata"])

    plan = delivery.bring_in(delivery.read("Tata;35;25"))

    assert (plan.changed, plan.same) == (0, 1)
    assert [(row.zone.name, row.count) for row in delivery.listed()] == [("Nord", 1), ("Sud", 1)]


def test_what_is_given_out_can_be_brought_in_again(session: MerchantSession) -> None:
    zone(free_above=50050, cities=["Fès", "=Evil()", "Meknès"])
    zone("Sud; loin", desk=None, cities=["Tata"])
    given = "".join(delivery.export())

    reading = delivery.read(given)
    plan = delivery.bring_in(reading)

    assert reading.wrong == []
    assert (plan.new, plan.changed, plan.same) == (0, 0, 4)
    assert "'=Evil()" in given


def test_ten_thousand_cities_come_in_at_once(session: MerchantSession) -> None:
    text = "\n".join(f"Douar {number};{20 + number % 7};15" for number in range(10_000))
    reading = delivery.read(text)

    with counted() as asked:
        delivery.bring_in(reading)

    kept = session.scalar(select(func.count()).select_from(DeliveryCity))
    assert kept == 10_000
    assert len(asked) < 30
    assert delivery.fee("Douar 9999", "home") == (20 + 9999 % 7) * 100


def test_a_list_that_is_far_too_long_is_refused(session: MerchantSession) -> None:
    with pytest.raises(Refused, match="too_long"):
        delivery.read("Fès;35;25\n" * 300_000)


# --- names while typing ---------------------------------------------------------------------------


def test_cities_come_in_the_script_that_is_typed(session: MerchantSession) -> None:
    assert delivery.cities("fe")[0].name == "Fès"
    assert (delivery.cities("فا")[0].name, delivery.cities("فا")[0].other) == ("فاس", "Fès")
    assert delivery.cities("  ") == []


def test_cities_only_the_merchant_knows_are_offered_too(session: MerchantSession) -> None:
    zone(cities=["Douar Zitoun"])

    assert [city.name for city in delivery.cities("douar z")] == ["Douar Zitoun"]
