from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from flows import catalog, stock
from flows.catalog import NewVariant
from models import db
from models.catalog import Product
from models.db import MerchantSession
from models.stock import Warehouse
from models.types import new_id
from tests import factories

pytestmark = pytest.mark.usefixtures("session")


def made(name: str, sku: str, *variants: NewVariant, **values: Any) -> Product:
    product = catalog.create(name, sku=sku, price=32000, variants=variants, **values)
    db.session().flush()
    return product


def names(typed: str) -> list[str]:
    return [found.product.name for found in catalog.search(typed)]


@pytest.fixture
def bag(session: MerchantSession) -> Product:
    return made(
        "Sac en cuir d'Essaouira",
        "SAC-01",
        NewVariant("SAC-01-N", {"couleur": "Noir", "taille": "L"}),
        NewVariant("SAC-01-R", {"couleur": "Rouge", "taille": "L"}, 35000),
    )


def test_a_product_without_versions_is_its_own_only_one() -> None:
    belt = made("Ceinture", "CEI")

    (only,) = belt.variants
    assert (only.sku, only.name, only.unit_price) == ("CEI", "Ceinture", 32000)


def test_a_version_says_its_options_and_its_own_price(bag: Product) -> None:
    red = bag.variants[1]

    assert (red.label, red.unit_price) == ("Rouge / L", 35000)


def test_a_reference_is_taken_once() -> None:
    made("Ceinture", "CEI")

    with pytest.raises(IntegrityError):
        made("Ceinture brodée", "CEI")


@pytest.mark.parametrize(
    "typed",
    ["sac", "SAC", "cuir sac", "essaou", "sac-01", "sac-01-r", "01", "rouge", "sac roug", "s c e"],
)
def test_a_product_is_found_by_how_its_words_or_references_begin(typed: str, bag: Product) -> None:
    made("Ceinture", "CEI")

    assert names(typed) == [bag.name]


@pytest.mark.parametrize("typed", ["ac", "cuirs", "sac vert", "%", "_", "'", "'; --", "\x00zz"])
def test_what_begins_nothing_finds_nothing_or_everything_but_never_fails(
    typed: str, bag: Product
) -> None:
    wordless = not any(c.isalnum() for c in typed)

    assert names(typed) == ([bag.name] if wordless else [])


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("قفطان تقليدي", "قفط"),
        ("أحذية جلدية", "احذيه"),
        ("حقيبة", "حقيبه"),
        ("Théière ciselée", "theiere"),
        ("Theiere", "thé"),
        ("٢ أكواب", "٢"),
    ],
)
def test_accents_and_arabic_spellings_do_not_matter(name: str, typed: str) -> None:
    made(name, "X")

    assert names(typed) == [name]


def test_a_reference_comes_before_names_and_the_whole_one_first() -> None:
    made("Robe B12", "ROB")
    made("Zellige", "B12")
    made("Amphore", "B123")

    assert names("b12") == ["Zellige", "Amphore", "Robe B12"]


def test_what_is_left_is_summed_over_the_warehouses(bag: Product) -> None:
    stock.adjust(bag.variants[0], 5, reason="")
    depot = Warehouse(name="Dépôt")
    db.session().add(depot)
    db.session().flush()
    level = text(
        "INSERT INTO stock_levels (merchant_id, id, variant_id, warehouse_id, available, reserved)"
        " VALUES (:merchant, :id, :variant, :warehouse, 7, 2)"
    )
    db.session().execute(
        level,
        {
            "merchant": db.session().merchant_id,
            "id": new_id(),
            "variant": bag.variants[0].id,
            "warehouse": depot.id,
        },
    )

    (found,) = catalog.search("sac")

    assert [(o.variant.sku, o.left) for o in found.offers] == [("SAC-01-N", 12), ("SAC-01-R", 0)]


def test_where_stock_is_not_counted_nothing_is_said_of_it() -> None:
    made("Emballage", "EMB", track_stock=False)

    (found,) = catalog.search("emb")

    assert [offer.left for offer in found.offers] == [None]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("sac", None), ("sac rou", "SAC-01-R"), ("sac-01-n", "SAC-01-N"), ("noir", "SAC-01-N")],
)
def test_a_version_is_chosen_when_only_one_can_be_meant(
    typed: str, meant: str | None, bag: Product
) -> None:
    (found,) = catalog.search(typed)

    offer = found.meant(typed)

    assert (offer.variant.sku if offer else None) == meant


def test_what_is_no_longer_sold_is_not_offered(bag: Product) -> None:
    bag.active = False
    db.session().flush()

    assert names("sac") == []
    assert list(catalog.offered([bag.id])) == [bag.id]


def test_nobody_finds_another_merchants_products(bag: Product, session: MerchantSession) -> None:
    session.commit()
    db.close()
    other = factories.member(factories.merchant(name="Somebody else", number="2"), "owner")
    with db.merchant(other.merchant_id):
        assert names("sac") == []
        assert catalog.offered([bag.id]) == {}


def test_ten_thousand_products_are_one_question_that_reads_by_index() -> None:
    _fill(10_000)

    for typed in ("sac", "sac 7", "P-00012", "s", ""):
        asked, plan = _explained(typed)
        assert asked == 1
        assert "Seq Scan" not in plan
    assert names("p-00012") == ["Sac cuir 12"]


def _explained(typed: str) -> tuple[int, str]:
    """How many statements the search takes, and how PostgreSQL runs the last of them."""
    current, asked = db.session(), []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    # A merchant who owns nearly the whole table is read whole: here we ask what the index can do.
    current.execute(text("SET LOCAL enable_seqscan = off"))
    engine: Any = current.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    assert catalog.search(typed)
    event.remove(engine, "before_cursor_execute", note)
    statement, values = asked[-1]
    explained = current.connection().exec_driver_sql(f"EXPLAIN {statement}", values)
    return len(asked), "\n".join(explained.scalars())


def _fill(number: int) -> None:
    """Plain SQL: objects would take ten times as long as what the test is about."""
    values = {"merchant": db.session().merchant_id, "number": number}
    for statement in (_PRODUCTS, _VARIANTS):
        db.session().execute(text(statement), values)


_PRODUCTS = """
    INSERT INTO products
        (merchant_id, id, name, sku, price, track_stock, active, aliases, search_text, created_at)
    SELECT :merchant, gen_random_uuid(), word || ' cuir ' || n, 'P-' || lpad(n::text, 5, '0'),
           1000, true, true, '{}',
           lower(word) || ' cuir ' || n || ' p ' || lpad(n::text, 5, '0'), now()
    FROM (SELECT n, (ARRAY['Sac', 'Robe', 'Tapis', 'Sandale'])[n % 4 + 1] AS word
          FROM generate_series(1, :number) AS n) AS made
"""
_VARIANTS = """
    INSERT INTO variants (merchant_id, id, product_id, position, sku, options)
    SELECT merchant_id, gen_random_uuid(), id, 0, sku, '{}' FROM products
"""
