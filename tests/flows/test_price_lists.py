"""Newer price lists: read as Meta publishes them, compared, taken once; charges priced later."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import select

from cli import wasl
from flows import costs
from flows.costs.markets import RATES, market_called
from flows.errors import Refused
from models import db
from models.channel import Channel
from models.cost import Charge, PriceList, Repricing
from models.merchant import Merchant
from models.user import Membership
from tests import factories
from tests.flows import shop

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
JANUARY = date(2027, 1, 1)

META = """Rates effective from January 1, 2027,,,,,,
Prices in USD per delivered message,,,,,,
Market,Currency,Marketing,Utility,Authentication,Authentication-International,Service
Morocco,$US,$0.0500,0.0230,0.0230,0.0811,0.0230
Algeria,$US,0.0225,0.0060,0.0060,n/a,0.0060
United Arab Emirates,$US,0.0576,0.0157,0.0157,0.0510,0.0157
Rest of Africa,$US,0.0200,0.0040,0.0040,n/a,0.0040
Other,$US,0.0604,0.0077,,n/a,0.0077

"Prices before tax."
"""
EUROS = """Marché;x
Market;Marketing;Utility;Service
France;0,1186 €;0,0248 €;0,0248 €
Morocco;0,0400 €;0,0200 €;n/a
Other;0,0500 €;0,0100 €;0,0100 €
"""


@pytest.fixture
def merchants_session(
    owner: Membership, session: db.MerchantSession
) -> Iterator[db.MerchantSession]:
    yield session
    costs.forget_rate_cards()


@pytest.fixture
def channel(merchants_session: db.MerchantSession) -> Channel:
    return merchants_session.scalars(select(Channel)).one()


def settle(channel: Channel, *categories: str, phone: str = "+212661234567", **facts: Any) -> None:
    costs.settle(
        [
            costs.Delivery(
                channel_id=channel.id,
                wamid=f"wamid.{channel.currency}.{phone}.{n}.{facts.get('at', NOON):%m%d}",
                delivered_at=facts.get("at", NOON),
                phone=phone,
                pricing={"type": facts.get("kind", "regular"), "category": category},
            )
            for n, category in enumerate(categories)
        ]
    )


def in_euros(session: db.MerchantSession) -> Channel:
    made = Channel(
        name="Euro",
        phone_number_id="77",
        waba_id="78",
        display_phone_number="+33 1 00 00 00 00",
        country="FR",
        currency="EUR",
        time_zone="Europe/Paris",
    )
    session.add(made)
    session.flush()
    return made


# --- reading --------------------------------------------------------------------------------------


def test_metas_list_is_read_as_published() -> None:
    card = costs.read(META.encode(), "usd.csv").card()

    assert (card.currency, card.effective_from) == ("USD", JANUARY)
    assert card.lines["MA"] == {
        "marketing": 50_000,
        "utility": 23_000,
        "authentication": 23_000,
        "authentication_international": 81_100,
        "service": 23_000,
    }
    assert card.lines["DZ"]["authentication_international"] is None
    assert card.lines["Other"]["authentication"] is None
    assert set(card.lines) == {"MA", "DZ", "AE", "Rest of Africa", "Other"}


def test_decimal_commas_and_a_currency_given_by_hand_are_read() -> None:
    read = costs.read(("\ufeff" + EUROS).encode(), "prix.csv")
    card = read.card("EUR", JANUARY)

    assert card.lines["FR"]["marketing"] == 118_600
    assert card.lines["MA"]["service"] is None


def test_our_own_files_are_read_back_the_same() -> None:
    path = RATES / "usd-2026-10-01.json"

    card = costs.read(path.read_bytes(), path.name).card()

    assert (card.currency, card.effective_from) == ("USD", date(2026, 10, 1))
    assert card.lines["MA"]["utility"] == 23_000
    assert card.lines["AR"]["authentication_international"] is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "no_heads"),
        (b"hello", "no_heads"),
        (b"PK\x03\x04 a workbook", "spreadsheet"),
        (b"{not json", "not_a_list"),
        (b'{"micros": {"Morocco": {"marketing": -1}}}', "not_a_price"),
        (b'{"micros": {"Morocco": {"marketing": 1.5}}}', "not_a_price"),
        (b'{"micros": {"Morocco": {"marketing": true}}}', "not_a_price"),
        (b'{"micros": {"Morocco": {"gifts": 1}}}', "unknown_category"),
        (b"[" * 100_000, "no_heads"),
        (b'{"micros": ' + b"[" * 100_000, "not_a_list"),
        (b"Market,Marketing\nAtlantis,0.01", "unknown_market"),
        (b"Market,Marketing\nMorocco,cheap", "not_a_price"),
        (b"Market,Marketing\nMorocco,-0.01", "not_a_price"),
        (b"Market,Marketing\nMorocco,0.00000001", "not_a_price"),
        (b"Market,Marketing\nMorocco,NaN", "not_a_price"),
        (b"Market,Marketing\nMorocco,0.01\nMaroc,0.02", "unknown_market"),
        (b"Market,Marketing\nMorocco,0.01\nMA,0.02", "twice"),
        (b"Market,Marketing\nMorocco,n/a", "no_prices"),
        (b"Market,Currency,Marketing\nMorocco,USD,0.01\nFrance,EUR,0.02", "currencies"),
        (b"x" * 1_000_001, "too_large"),
    ],
)
def test_what_is_no_price_list_is_refused_with_the_reason(data: bytes, code: str) -> None:
    with pytest.raises(Refused) as no:
        costs.read(data)

    assert no.value.code == code


@pytest.mark.parametrize(
    ("currency", "day", "code"),
    [
        (None, JANUARY, "currency_missing"),
        ("euro", JANUARY, "not_a_currency"),
        ("EUR", None, "date_missing"),
    ],
)
def test_a_list_needs_a_currency_and_a_day(currency: Any, day: Any, code: str) -> None:
    with pytest.raises(Refused) as no:
        costs.read(EUROS.encode(), "prix").card(currency, day)

    assert no.value.code == code


def test_every_market_of_our_lists_is_known_by_metas_name() -> None:
    names = ["Turkey", "Türkiye", "Hong Kong", "United Kingdom", "Rest of Central & Eastern Europe"]

    assert [market_called(name) for name in names] == ["TR", "TR", "HK", "GB", names[-1]]
    assert market_called("ma") == "MA"
    assert market_called("") is None


# --- comparing ------------------------------------------------------------------------------------


def test_a_new_list_says_what_rises_falls_appears_and_vanishes(channel: Channel) -> None:
    comparison = costs.compare(costs.read(META.encode()).card())
    changes = {(c.market, c.category): c for c in comparison.changes}

    risen = changes["MA", "marketing"]
    assert (risen.kind, risen.before, risen.after) == ("rises", 41_400, 50_000)
    assert risen.percent == Decimal("20.8")
    # Algeria had no line of its own: it paid its region's price.
    assert (changes["DZ", "utility"].kind, changes["DZ", "utility"].before) == ("rises", 4_000)
    assert changes["Rest of Africa", "marketing"].kind == "falls"
    assert changes["Other", "authentication"].kind == "vanishes"
    # France left the list: it is among the others now.
    assert (changes["FR", "marketing"].before, changes["FR", "marketing"].after) == (85_900, 60_400)
    assert ("MA", "utility") not in changes


def test_the_first_list_of_a_currency_only_has_prices_that_appear(channel: Channel) -> None:
    comparison = costs.compare(costs.read(EUROS.encode()).card("EUR", JANUARY))

    assert comparison.against is None
    assert {change.kind for change in comparison.changes} == {"appears"}


# --- taking ---------------------------------------------------------------------------------------


def test_a_taken_list_applies_from_its_day_on_and_only_to_its_merchant(
    merchant: Merchant, owner: Membership, stranger: Membership
) -> None:
    card = costs.read(META.encode()).card()
    with db.merchant(merchant.id):
        costs.take(card, file="usd.csv", sha256="0", by=owner)

    with db.merchant(merchant.id):
        ours = [
            costs.price("USD", "MA", "marketing", day).micros
            for day in (date(2026, 12, 31), JANUARY)
        ]
    with db.merchant(stranger.merchant_id):
        theirs = costs.price("USD", "MA", "marketing", JANUARY).micros

    assert ours == [41_400, 50_000]
    assert theirs == 41_400


def test_who_sees_only_their_own_orders_does_not_empty_the_list_for_all(
    merchant: Merchant, owner: Membership, signed_in: Callable[[Membership], FlaskClient]
) -> None:
    courier = factories.member(merchant, "delivery_agent")
    with db.merchant(merchant.id):
        costs.take(costs.read(META.encode()).card(), file="usd.csv", sha256="0", by=owner)
        talk = shop.conversation()
        theirs = shop.order((None, 1), talk=talk, assignee_id=courier.id)
        talk.identity.customer = theirs.customer
    costs.forget_rate_cards()

    said = {"text": "J'arrive", "client_id": str(factories.some_id())}
    answer = signed_in(courier).post(f"/inbox/{talk.id}/messages", data=said)  # with its estimate

    assert answer.status_code < 400
    with db.merchant(merchant.id):
        assert costs.price("USD", "MA", "marketing", JANUARY).micros == 50_000


def test_a_list_of_a_day_that_has_one_is_refused(
    merchants_session: db.MerchantSession, owner: Membership
) -> None:
    card = costs.read(META.encode()).card()
    costs.take(card, file="usd.csv", sha256="0", by=owner)
    merchants_session.commit()
    costs.forget_rate_cards()

    for again in (card, costs.read(META.encode()).card(None, date(2026, 10, 1))):
        with pytest.raises(Refused) as no:
            costs.take(again, file="usd.csv", sha256="0", by=owner)
        assert no.value.code == "list_is_there"


def test_a_taken_list_cannot_be_changed_or_deleted(
    merchants_session: db.MerchantSession, owner: Membership
) -> None:
    costs.take(costs.read(META.encode()).card(), file="usd.csv", sha256="0", by=owner)
    row = merchants_session.scalars(select(PriceList)).one()
    row.lines = {}

    with pytest.raises(Exception, match="permission denied"):
        merchants_session.flush()


def test_settled_charges_keep_their_price_when_a_list_comes_late(
    channel: Channel, owner: Membership
) -> None:
    settle(channel, "marketing")
    card = costs.read(META.encode()).card()
    comparison = costs.compare(card)

    costs.take(card, file="usd.csv", sha256="0", by=owner)
    costs.forget_rate_cards()
    settle(channel, "marketing")

    assert comparison.priced == 1
    assert costs.priceable().charges == 0
    assert db.session().scalars(select(Charge.amount_micros)).all() == [41_400]


# --- pricing what was unpriced --------------------------------------------------------------------


def test_what_was_unpriced_can_be_priced_once_a_list_has_it(
    merchants_session: db.MerchantSession, owner: Membership
) -> None:
    euro = in_euros(merchants_session)
    settle(euro, "marketing", "utility", "service")  # the last one is n/a in Morocco
    settle(euro, "marketing", phone="+33612345678")
    before = costs.month(JANUARY).total
    costs.take(costs.read(EUROS.encode()).card("EUR", JANUARY), file="x", sha256="0", by=owner)
    costs.forget_rate_cards()

    found = costs.priceable()
    done = costs.price_now(by=owner)
    again = costs.price_now(by=owner)

    assert (before.unpriced, before.amounts) == (4, {})
    assert (found.charges, found.amounts) == (3, {"EUR": 178_600})
    assert (done.charges, again.charges) == (3, 0)
    after = costs.month(JANUARY).total
    assert (after.unpriced, after.amounts) == (1, {"EUR": 178_600})
    log = merchants_session.scalars(select(Repricing)).one()
    assert (log.by_id, log.charges, log.amounts) == (owner.id, 3, {"EUR": 178_600})
    assert [c.category for c in costs.unpriced(JANUARY)] == ["service"]


def test_a_kind_of_billing_we_do_not_know_is_not_priced_later(
    merchants_session: db.MerchantSession, owner: Membership
) -> None:
    settle(in_euros(merchants_session), "marketing", kind="by_the_moon")
    costs.take(costs.read(EUROS.encode()).card("EUR", JANUARY), file="x", sha256="0", by=owner)
    costs.forget_rate_cards()

    assert costs.priceable().charges == 0


def test_conversations_of_before_july_2025_have_no_price_whatever_list_is_brought_in(
    merchants_session: db.MerchantSession, owner: Membership
) -> None:
    long_ago = date(2025, 1, 1)
    channel = merchants_session.scalars(select(Channel)).one()
    costs.take(costs.read(META.encode()).card(None, long_ago), file="x", sha256="0", by=owner)
    costs.forget_rate_cards()

    settle(channel, "marketing", at=datetime(2025, 6, 30, 12, tzinfo=UTC))
    settle(channel, "marketing", at=datetime(2025, 7, 1, 12, tzinfo=UTC))

    amounts = merchants_session.scalars(select(Charge.amount_micros).order_by(Charge.local_date))
    assert amounts.all() == [None, 50_000]
    assert costs.priceable().charges == 0


# --- the terminal ---------------------------------------------------------------------------------


@pytest.fixture
def _no_lists_left(owner_connection: psycopg.Connection) -> Iterator[None]:
    yield
    owner_connection.execute("DELETE FROM rate_cards WHERE effective_from > '2026-12-31'")
    costs.forget_rate_cards()


@pytest.mark.usefixtures("_no_lists_left", "merchant")
def test_wasl_rates_import_shows_what_changes_and_takes_it_for_everybody(tmp_path: Any) -> None:
    file = tmp_path / "usd.csv"
    file.write_text(META, encoding="utf-8")
    runner = CliRunner()

    declined = runner.invoke(wasl, ["rates", "import", str(file)], input="n\n")
    taken = runner.invoke(wasl, ["rates", "import", str(file), "--yes"])
    again = runner.invoke(wasl, ["rates", "import", str(file), "--yes"])
    file.write_text(META.replace("0.0500", "0.0600"), encoding="utf-8")
    changed = runner.invoke(wasl, ["rates", "import", str(file), "--yes"])
    listed = runner.invoke(wasl, ["rates", "list"])

    assert "MA, marketing: 0.041400 → 0.050000  +20.8%" in declined.output
    assert declined.exit_code == 1
    assert (taken.exit_code, "taken" in taken.output) == (0, True)
    assert "there already" in again.output
    assert (changed.exit_code, "a changed list a new date" in changed.output) == (1, True)
    assert "USD  2027-01-01  5 markets" in listed.output


@pytest.mark.usefixtures("_no_lists_left")
def test_a_list_in_json_is_imported_under_a_currency_and_day_of_ones_own(
    merchant: Merchant, tmp_path: Any
) -> None:
    file = tmp_path / "list.json"
    file.write_text(json.dumps({"micros": {"Morocco": {"marketing": 410_000}}}))

    told = CliRunner().invoke(
        wasl, ["rates", "import", str(file), "--currency", "MAD", "--from", "2027-01-01", "--yes"]
    )

    assert told.exit_code == 0, told.output
    with db.merchant(merchant.id):
        assert costs.price("MAD", "MA", "marketing", JANUARY).micros == 410_000
