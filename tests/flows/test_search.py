"""Finding orders: numbers, names in any order, every spelling of a phone, tracking, cities."""

from typing import Any

from sqlalchemy import func, select

from flows import customers, search
from models import db, schema
from models.customer import Customer
from models.merchant import Merchant
from models.order import Order
from models.word import Word
from tests import factories
from tests.flows import shop


def taken(name: str = "Fatima Zahra El Idrissi", **values: Any) -> Order:
    """An order that can be found."""
    card = Customer()
    card.rename(name)
    made = shop.order(ship_name=name, customer=card, **values)
    search.index(made)
    return made


def numbers(text: str) -> list[int]:
    return [order.number for order in search.found(text)]


SPELLINGS = (
    *("Fatima", "fati", "ZAHRA", "idrissi fatima", "el  zah", "Fatima Zahra El Idrissi"),
    *("0661234567", "06 61 23", "+212 6 61-23 45 67", "00212661", "212661234567", "661234"),
    *("+212 (0)6 61 23", "+212 0661", "٠٦٦١٢٣", "4567", "23 45 67", "fatima 0661 23"),
    *("1777", "#1777", "177", "am123", "AM-1234 56 MA", "am123456ma"),
)


def test_an_order_is_found_by_what_people_type_of_it(session: Any) -> None:
    taken(number=1777, ship_phone="+212661234567", tracking="AM-1234 56 MA")
    taken("Hamza Ouazzani", number=9000, ship_phone="+212699887766")

    assert {text: numbers(text) for text in SPELLINGS} == {text: [1777] for text in SPELLINGS}


def test_arabic_names_are_found_in_any_spelling(session: Any) -> None:
    found = taken("فاطمة إدريسي الإدريسي", number=1500)

    for typed in ("الادريسي", "فاطمه", "الإدْريسي فاطمة", "ادر"):
        assert numbers(typed) == [found.number], typed


def test_what_no_order_says_finds_none(session: Any) -> None:
    taken(number=1777)

    for typed in ("", "   ", "--", "%", "karim", "fatima karim", "991", "67 45"):
        assert numbers(typed) == [], typed


def test_the_newest_come_first_and_the_order_of_this_number_before_them(session: Any) -> None:
    meant = taken("Amine", number=1200, ship_phone="+212600000001")
    others = [taken("Bilal", number=n, ship_phone="+212600001200") for n in (2001, 2002)]

    assert numbers("1200") == [meant.number, 2002, 2001]
    assert numbers("bilal") == [order.number for order in reversed(others)]


def test_no_more_than_a_handful_is_proposed(session: Any) -> None:
    for n in range(search.FOUND + 2):
        taken("Mohamed Mohammedi", number=3000 + n)

    assert len(numbers("moh")) == search.FOUND
    assert search.hits("moh", 5) is not None
    assert search.hits("moh", 5).more  # type: ignore[union-attr]


def test_a_changed_order_is_found_by_what_it_says_now_only(session: Any) -> None:
    order = taken("Fatima Zahra", number=1777)

    order.ship_name, order.customer.name = "Khadija", "Khadija"
    order.tracking = "XY99"
    search.index(order)

    assert numbers("fatima") == []
    assert numbers("khadija xy99") == [1777]


def test_orders_are_found_by_the_new_name_of_their_card(session: Any) -> None:
    order = taken(number=1777)

    customers.edit(order.customer, name="Lalla Aïcha", email=None, note=None)

    assert numbers("aicha") == [1777]


def test_indexing_again_writes_nothing_new(session: Any) -> None:
    order = taken()
    session.flush()
    before = session.scalar(select(func.count()).select_from(Word))

    search.index(order, order)

    assert session.scalar(select(func.count()).select_from(Word)) == before


def test_another_merchants_orders_are_never_found(merchant: Merchant) -> None:
    with db.merchant(merchant.id):
        taken(number=1777)

    other = factories.merchant(name="Somebody else", number="2")
    with db.merchant(other.id):
        assert numbers("fatima") == []
        assert numbers("1777") == []


def test_orders_of_before_are_found_once_the_migration_has_run(
    merchant: Merchant, owner_connection: Any
) -> None:
    with db.merchant(merchant.id):
        shop.order(number=1777, ship_city="فاس")
    owner_connection.execute("DELETE FROM order_words")

    backfill(owner_connection)

    with db.merchant(merchant.id) as session:
        assert numbers("fatima") == [1777]
        assert session.scalars(select(Order.number).where(search.in_cities(["Fès"]))).all() == [
            1777
        ]


def backfill(owner_connection: Any) -> None:
    """What migration 0008 does with the orders that are there."""
    from sqlalchemy import create_engine

    from config import settings

    migration = schema_module("0008_search")
    engine = create_engine(settings().database_url)
    with engine.begin() as connection:
        migration._fill(connection)
    engine.dispose()


def schema_module(name: str) -> Any:
    import importlib.util

    place = schema.MIGRATIONS / "versions" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_city_is_the_same_in_every_spelling_and_script(session: Any) -> None:
    for number, city in enumerate(["Fès", "فاس", "Fes", "Rabat", ""], 1001):
        taken(number=number, ship_city=city)

    for asked in ("Fès", "fes", "FEZ", "فاس"):
        there = select(Order.number).where(search.in_cities([asked]))
        assert sorted(session.scalars(there)) == [1001, 1002, 1003], asked


def test_a_prefix_is_read_from_the_index_alone_under_row_level_security(session: Any) -> None:
    taken()
    session.flush()
    session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")
    session.connection().exec_driver_sql("SET LOCAL enable_bitmapscan = off")

    plan = session.connection().exec_driver_sql(
        "EXPLAIN SELECT id FROM order_words WHERE merchant_id = %s AND word >= 'moh'"
        " AND word < 'moi'",
        (str(session.merchant_id),),
    )
    text = "\n".join(line for (line,) in plan)

    assert "Index Only Scan" in text
    assert "word >= 'moh'" in text.partition("Index Cond:")[2].partition("\n")[0]
