"""Meta's prices by country, category, day and window, to the micro-dollar."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import phonenumbers
import pytest
from sqlalchemy import event, select, update

from flows import costs
from flows.costs.markets import RATES, lines_for
from flows.costs.rules import category_of
from models import db
from models.channel import Channel
from models.cost import Charge, RateCard
from models.merchant import Counter

Who = dict[str, Any]

MOROCCO: Who = {"phone": "+212661234567"}
SAHARA: Who = {"phone": "+212528812345"}
ALGERIA: Who = {"phone": "+213551234567"}
FRANCE: Who = {"phone": "+33612345678"}
SPAIN: Who = {"phone": "+34612345678"}
MOROCCO_UNNAMED: Who = {"user_id": "MA.13491208655302741918"}
ALGERIA_UNNAMED: Who = {"user_id": "DZ.13491208655302741918"}
NOWHERE: Who = {"user_id": "13491208655302741918"}

BEFORE = datetime(2026, 9, 30, 12, tzinfo=UTC)
AFTER = datetime(2026, 10, 1, 12, tzinfo=UTC)

FREE = 0
NONE = None

# Per message, before and since 2026-10-01: marketing, utility outside the window, utility inside
# it, authentication, authentication from abroad, service beyond the free ones.
PRICES: list[tuple[Who, list[int | None], list[int | None]]] = [
    (
        MOROCCO,
        [22_500, 4_000, FREE, 4_000, NONE, FREE],
        [41_400, 23_000, 23_000, 23_000, 81_100, 23_000],
    ),
    (
        SAHARA,
        [22_500, 4_000, FREE, 4_000, NONE, FREE],
        [41_400, 23_000, 23_000, 23_000, 81_100, 23_000],
    ),
    (
        MOROCCO_UNNAMED,
        [22_500, 4_000, FREE, 4_000, NONE, FREE],
        [41_400, 23_000, 23_000, 23_000, 81_100, 23_000],
    ),
    (
        ALGERIA,
        [22_500, 4_000, FREE, 4_000, NONE, FREE],
        [22_500, 4_000, 4_000, 4_000, NONE, 4_000],
    ),
    (
        ALGERIA_UNNAMED,
        [22_500, 4_000, FREE, 4_000, NONE, FREE],
        [22_500, 4_000, 4_000, 4_000, NONE, 4_000],
    ),
    (
        FRANCE,
        [85_900, 30_000, FREE, 30_000, NONE, FREE],
        [85_900, 30_000, 30_000, 30_000, NONE, 30_000],
    ),
    (
        SPAIN,
        [70_700, 20_000, FREE, 20_000, NONE, FREE],
        [70_700, 20_000, 20_000, 20_000, NONE, 20_000],
    ),
    (
        {"phone": "+201001234567"},  # Egypt
        [64_400, 3_600, FREE, 3_600, 65_000, FREE],
        [64_400, 3_600, 3_600, 3_600, 65_000, 3_600],
    ),
    (
        {"phone": "+966512345678"},  # Saudi Arabia
        [50_100, 10_700, FREE, 10_700, 59_800, FREE],
        [57_600, 10_700, 10_700, 10_700, 59_800, 10_700],
    ),
    (
        {"phone": "+32470123456"},  # Belgium: no line of its own
        [59_200, 17_100, FREE, 17_100, NONE, FREE],
        [59_200, 17_100, 17_100, 17_100, NONE, 17_100],
    ),
    (
        {"phone": "+262692123456"},  # Réunion: in no region
        [60_400, 7_700, FREE, 7_700, NONE, FREE],
        [60_400, 7_700, 7_700, 7_700, NONE, 7_700],
    ),
    (
        NOWHERE,
        [NONE, NONE, FREE, NONE, NONE, FREE],
        [NONE, NONE, NONE, NONE, NONE, NONE],
    ),
]
COLUMNS = [
    ("marketing", True),
    ("utility", False),
    ("utility", True),
    ("authentication", False),
    ("authentication-international", False),
    ("service", True),
]
ROWS = pytest.mark.parametrize(
    ("who", "at", "amounts"),
    [
        pytest.param(who, at, amounts, id=f"{next(iter(who.values()))}-{at:%Y-%m}")
        for who, before, after in PRICES
        for at, amounts in ((BEFORE, before), (AFTER, after))
    ],
)


@pytest.fixture
def channel(session: db.MerchantSession) -> Channel:
    return session.scalars(select(Channel)).one()


@pytest.fixture
def statements(session: Any) -> Iterator[list[str]]:
    """The SQL of this session from now on."""
    seen: list[str] = []

    def see(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", see)
    yield seen
    event.remove(engine, "before_cursor_execute", see)


def a_delivery(channel: Channel, at: datetime, n: int = 0, **facts: Any) -> costs.Delivery:
    return costs.Delivery(channel_id=channel.id, wamid=f"wamid.{n}", delivered_at=at, **facts)


def charged(delivery: costs.Delivery) -> Charge:
    costs.settle([delivery])
    return all_charges()[0]


def all_charges() -> Sequence[Charge]:
    return db.session().scalars(select(Charge).order_by(Charge.wamid)).all()


def meta_says(category: str, *, free: bool) -> dict[str, Any]:
    kind = "free_customer_service" if free else "regular"
    return {"pricing_model": "PMP", "type": kind, "category": category}


def use_up(channel: Channel, count: int, month: date = date(2026, 10, 1)) -> None:
    Counter.take(costs.quota_counter(channel.id, month), count)


# --- prices ---------------------------------------------------------------------------------------


@ROWS
def test_a_delivered_message_costs_what_the_card_of_its_day_says(
    channel: Channel, who: Who, at: datetime, amounts: list[int | None]
) -> None:
    pricings = [
        meta_says(category, free=amount == FREE)
        for (category, _), amount in zip(COLUMNS, amounts, strict=True)
    ]

    costs.settle([a_delivery(channel, at, n, pricing=p, **who) for n, p in enumerate(pricings)])

    charges = all_charges()
    assert [charge.amount_micros for charge in charges] == amounts
    assert [charge.reason == "unpriced" for charge in charges] == [a is None for a in amounts]
    assert {charge.source for charge in charges} == {"webhook"}


@ROWS
def test_what_is_told_before_sending_is_what_meta_charges(
    channel: Channel, who: Who, at: datetime, amounts: list[int | None]
) -> None:
    use_up(channel, 1000)

    told = [
        costs.estimate(
            channel,
            phone=who.get("phone"),
            user_id=who.get("user_id"),
            category=category,
            window_open=window,
            at=at,
        )
        for category, window in COLUMNS
    ]

    assert [estimate.micros for estimate in told] == amounts
    assert [estimate.reason == "unpriced" for estimate in told] == [a is None for a in amounts]
    assert {estimate.currency for estimate in told} == {"USD"}


@ROWS
def test_without_pricing_a_delivery_is_charged_as_was_told_before_sending(
    channel: Channel, who: Who, at: datetime, amounts: list[int | None]
) -> None:
    use_up(channel, 1000)

    costs.settle(
        [
            a_delivery(channel, at, n, category_hint=category, window_open_hint=window, **who)
            for n, (category, window) in enumerate(COLUMNS)
        ]
    )

    assert [charge.amount_micros for charge in all_charges()] == amounts
    assert {charge.source for charge in all_charges()} == {"estimate"}


@pytest.mark.parametrize(
    ("phone", "country", "line"),
    [
        ("+12125550123", "US", "North America"),
        ("+14165550123", "CA", "North America"),
        ("+18095550123", "DO", "Rest of Latin America"),
        ("+18765550123", "JM", "Rest of Latin America"),
        ("+17875550123", "PR", "Rest of Latin America"),
        ("+12425550123", "BS", "Other"),
        ("+77012345678", "KZ", "KZ"),
        ("+79161234567", "RU", "RU"),
        ("+447700900123", "GB", "GB"),
        ("+390669812345", "VA", "IT"),
        ("+21699123456", "TN", "Rest of Africa"),
        ("+2250701234567", "CI", "Rest of Africa"),
        ("+212000000000", "MA", "MA"),
        ("212661234567", "MA", "MA"),
        ("+35799123456", "CY", "Other"),
    ],
)
def test_a_calling_code_of_several_countries_is_told_apart(
    session: Any, phone: str, country: str, line: str
) -> None:
    assert costs.country_of(phone, None) == country
    assert costs.price("USD", country, "utility", AFTER.date()).market == line


@pytest.mark.parametrize(
    ("phone", "user_id", "country"),
    [
        (None, "MA.13491208655302741918", "MA"),
        ("+213551234567", "MA.13491208655302741918", "DZ"),
        ("nonsense", "TN.1", "TN"),
        (None, "ma.1349", None),
        (None, "ZZ.1349", None),
        (None, "MAR.1349", None),
        ("+999123456", None, None),
        ("+88312345678", None, None),
        ("", "", None),
        (None, None, None),
    ],
)
def test_the_country_is_read_from_the_phone_and_else_from_the_user_id(
    phone: str | None, user_id: str | None, country: str | None
) -> None:
    assert costs.country_of(phone, user_id) == country


def test_a_country_with_a_line_of_its_own_has_left_its_region(session: Any) -> None:
    september, october = date(2026, 9, 30), date(2026, 10, 1)

    assert costs.price("USD", "MA", "utility", september) == costs.Price(4_000, "Rest of Africa")
    assert costs.price("USD", "MA", "utility", october) == costs.Price(23_000, "MA")
    assert costs.price("USD", "KZ", "marketing", september) == costs.Price(60_400, "Other")
    assert costs.price("USD", "KZ", "marketing", october) == costs.Price(60_400, "KZ")


def test_not_applicable_is_not_zero_and_not_the_regions_price(session: Any) -> None:
    found = costs.price("USD", "FR", "authentication_international", AFTER.date())

    assert found == costs.Price(None, "FR")


@pytest.mark.parametrize(
    ("currency", "day"),
    [("EUR", date(2026, 10, 15)), ("USD", date(2026, 6, 30)), ("MAD", date(2026, 10, 15))],
)
def test_without_a_card_of_that_currency_and_day_there_is_no_price(
    session: Any, currency: str, day: date
) -> None:
    assert costs.price(currency, "MA", "marketing", day).micros is None


# --- the periods, on the messaging account's calendar ---------------------------------------------


@pytest.mark.parametrize(
    ("zone", "at", "day", "amount"),
    [
        # Casablanca is an hour ahead of UTC ...
        ("Africa/Casablanca", datetime(2026, 9, 30, 22, 59, 59, tzinfo=UTC), "2026-09-30", 4_000),
        ("Africa/Casablanca", datetime(2026, 9, 30, 23, 0, 0, tzinfo=UTC), "2026-10-01", 23_000),
        # ... but not during Ramadan.
        ("Africa/Casablanca", datetime(2027, 2, 28, 23, 59, 59, tzinfo=UTC), "2027-02-28", 23_000),
        ("Africa/Casablanca", datetime(2027, 3, 1, 0, 0, 0, tzinfo=UTC), "2027-03-01", 23_000),
        ("America/Los_Angeles", datetime(2026, 10, 1, 6, 59, 59, tzinfo=UTC), "2026-09-30", 4_000),
        ("America/Los_Angeles", datetime(2026, 10, 1, 7, 0, 0, tzinfo=UTC), "2026-10-01", 23_000),
        ("Asia/Kolkata", datetime(2026, 9, 30, 18, 30, 0, tzinfo=UTC), "2026-10-01", 23_000),
    ],
)
def test_the_price_list_changes_at_midnight_of_the_messaging_account(
    channel: Channel, zone: str, at: datetime, day: str, amount: int
) -> None:
    channel.time_zone = zone

    charge = charged(a_delivery(channel, at, pricing=meta_says("utility", free=False), **MOROCCO))

    assert charge.amount_micros == amount
    assert charge.local_date == date.fromisoformat(day)
    assert charge.month == charge.local_date.replace(day=1)


@pytest.mark.parametrize(
    ("pricing", "amount", "reason"),
    [
        ({"pricing_model": "CBP", "billable": False, "category": "service"}, 0, "free_window"),
        (
            {"pricing_model": "CBP", "billable": False, "category": "referral_conversion"},
            0,
            "free_entry_point",
        ),
        ({"pricing_model": "CBP", "billable": True, "category": "utility"}, None, "unpriced"),
        (None, None, "unpriced"),
    ],
)
def test_in_the_days_of_conversations_only_free_is_known(
    channel: Channel, pricing: Any, amount: int | None, reason: str
) -> None:
    at = datetime(2025, 6, 30, 22, 0, tzinfo=UTC)

    charge = charged(a_delivery(channel, at, pricing=pricing, category_hint="marketing", **MOROCCO))

    assert (charge.amount_micros, charge.reason) == (amount, reason)


# --- what Meta says -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pricing", "amount", "reason"),
    [
        ({"type": "REGULAR", "category": "MARKETING"}, 41_400, "priced"),
        ({"type": "regular", "category": "marketing_lite"}, 41_400, "priced"),
        ({"type": "regular", "category": "authentication-international"}, 81_100, "priced"),
        ({"type": "regular", "category": "authentication_international"}, 81_100, "priced"),
        ({"type": "free-entry-point", "category": "marketing"}, 0, "free_entry_point"),
        ({"type": "free_entry_point", "category": "referral_conversion"}, 0, "free_entry_point"),
        ({"type": "free_customer_service", "category": "utility"}, 0, "free_window"),
        ({"type": "free_customer_service", "category": "service"}, 0, "free_tier"),
        ({"billable": True, "category": "utility"}, 23_000, "priced"),
        ({"billable": False, "category": "service"}, 0, "free_tier"),
        ({"billable": False, "type": "regular", "category": "utility"}, 23_000, "priced"),
        ({"type": "regular", "category": "group_marketing"}, None, "unpriced"),
        ({"type": "regular", "category": "general_purpose_ai"}, None, "unpriced"),
        ({"type": "something_new", "category": "utility"}, None, "unpriced"),
        ({"type": "regular", "category": None}, None, "unpriced"),
    ],
)
def test_meta_is_trusted_in_every_spelling_and_the_unknown_is_never_free(
    channel: Channel, pricing: dict[str, Any], amount: int | None, reason: str
) -> None:
    charge = charged(a_delivery(channel, AFTER, pricing=pricing, **MOROCCO))

    assert (charge.amount_micros, charge.reason) == (amount, reason)
    assert charge.source == "webhook"


def test_a_category_that_meta_names_beats_the_one_it_was_sent_as(channel: Channel) -> None:
    pricing = meta_says("marketing", free=False)

    charge = charged(
        a_delivery(channel, AFTER, pricing=pricing, category_hint="utility", **MOROCCO)
    )

    assert (charge.category, charge.amount_micros) == ("marketing", 41_400)


def test_pricing_that_names_only_the_category_is_an_estimate_in_that_category(
    channel: Channel,
) -> None:
    charge = charged(
        a_delivery(
            channel, AFTER, pricing={"category": "marketing"}, category_hint="utility", **MOROCCO
        )
    )

    assert (charge.amount_micros, charge.source) == (41_400, "estimate")


def test_an_account_billed_in_a_currency_without_a_card_is_counted_unpriced(
    channel: Channel,
) -> None:
    channel.currency = "EUR"

    charge = charged(a_delivery(channel, AFTER, pricing=meta_says("utility", free=False), **FRANCE))

    assert (charge.amount_micros, charge.currency, charge.reason) == (None, "EUR", "unpriced")


def test_a_message_typed_on_the_phone_is_never_charged(channel: Channel) -> None:
    pricing = meta_says("service", free=False)

    charge = charged(
        a_delivery(channel, AFTER, pricing=pricing, free_because_phone=True, **MOROCCO)
    )

    assert (charge.amount_micros, charge.reason, charge.quota_index) == (0, "phone", None)


# --- the month's free service messages ------------------------------------------------------------


def test_the_thousandth_service_message_is_free_and_the_next_one_is_not(channel: Channel) -> None:
    use_up(channel, 999)
    replies = [a_delivery(channel, AFTER, n, category_hint="service", **MOROCCO) for n in (1, 2)]

    costs.settle(replies)

    assert [(c.quota_index, c.amount_micros, c.reason) for c in all_charges()] == [
        (1000, 0, "free_tier"),
        (1001, 23_000, "priced"),
    ]


@pytest.mark.parametrize(
    ("used", "micros", "left"), [(0, 0, 1000), (999, 0, 1), (1000, 23_000, None)]
)
def test_the_composer_knows_how_many_free_replies_are_left(
    channel: Channel, used: int, micros: int, left: int | None
) -> None:
    use_up(channel, used)

    told = costs.estimate(
        channel,
        phone=MOROCCO["phone"],
        user_id=None,
        category="service",
        window_open=True,
        at=AFTER,
    )

    assert (told.micros, told.free_left) == (micros, left)


def test_every_month_and_every_number_has_its_own_free_messages(channel: Channel) -> None:
    use_up(channel, 1000)
    november = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)  # 1 November in Casablanca

    charge = charged(a_delivery(channel, november, category_hint="service", **MOROCCO))

    assert (charge.quota_index, charge.amount_micros) == (1, 0)


@pytest.mark.parametrize(
    ("at", "pricing"),
    [
        (AFTER, {"type": "free_entry_point", "category": "service"}),
        (AFTER, {"type": "regular", "category": "utility"}),
        (BEFORE, {"type": "free_customer_service", "category": "service"}),
    ],
)
def test_only_service_messages_since_october_take_from_the_free_ones(
    channel: Channel, at: datetime, pricing: dict[str, Any]
) -> None:
    charge = charged(a_delivery(channel, at, pricing=pricing, **MOROCCO))

    assert charge.quota_index is None


def test_meta_is_believed_against_our_own_count(channel: Channel) -> None:
    use_up(channel, 1000)
    free = a_delivery(channel, AFTER, pricing=meta_says("service", free=True), **MOROCCO)

    charge = charged(free)

    assert (charge.quota_index, charge.amount_micros, charge.reason) == (1001, 0, "free_tier")


def test_several_estimates_ask_the_database_once(channel: Channel, statements: list[str]) -> None:
    costs.price("USD", "MA", "utility", AFTER.date())  # the card is read once per process
    statements.clear()

    told = costs.estimates_for(
        channel,
        phone=MOROCCO["phone"],
        user_id=None,
        categories=["marketing", "utility", "service"],
        window_open=True,
        at=AFTER,
    )

    assert {name: found.micros for name, found in told.items()} == {
        "marketing": 41_400,
        "utility": 23_000,
        "service": 0,
    }
    assert len(statements) == 1


# --- rate cards -----------------------------------------------------------------------------------


def test_loading_the_cards_again_adds_nothing(merchant: Any) -> None:
    assert costs.load_rate_cards() == 0


@pytest.fixture
def a_price_somebody_changed() -> Iterator[None]:
    line = (
        RateCard.market == "MA",
        RateCard.category == "utility",
        RateCard.effective_from == date(2026, 10, 1),
    )
    with db.house() as house:
        house.execute(update(RateCard).where(*line).values(micros=23_001))
    yield
    with db.house() as house:
        house.execute(update(RateCard).where(*line).values(micros=23_000))
    costs.forget_rate_cards()


@pytest.mark.usefixtures("a_price_somebody_changed")
def test_another_price_under_a_published_date_is_refused_loudly() -> None:
    with pytest.raises(costs.RateCardChanged, match="usd-2026-10-01"):
        costs.load_rate_cards()


def test_the_countries_of_a_region_are_those_of_its_calling_codes() -> None:
    markets = json.loads((RATES / "markets.json").read_text(encoding="utf-8"))

    for region, described in markets["regions"].items():
        for country in described["countries"]:
            code = phonenumbers.country_code_for_region(country)
            assert code in described["calling_codes"], (region, country)
    for country, owner in markets["shares"].items():
        assert phonenumbers.country_code_for_region(
            country
        ) == phonenumbers.country_code_for_region(owner)


def test_every_country_has_a_line_on_every_card(session: Any) -> None:
    for country in phonenumbers.SUPPORTED_REGIONS:
        assert lines_for(country)[-1] == "Other"
        for day in (date(2026, 7, 1), date(2026, 10, 1)):
            assert costs.price("USD", country, "marketing", day).micros is not None


def test_a_missing_category_is_unknown_and_marketing_lite_is_marketing() -> None:
    assert category_of({}, None) == "unknown"
    assert category_of({"category": ""}, "Utility") == "utility"
    assert category_of({"category": "marketing-lite"}, "utility") == "marketing"


def test_the_counter_of_free_messages_is_named_by_number_and_month() -> None:
    number = UUID(int=7)

    assert costs.quota_counter(number, date(2026, 10, 1)) == f"service:{number}:2026-10"
