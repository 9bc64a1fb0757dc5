"""What a status says about money, by date, category, window and country."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pywa.client import WhatsApp

from bot.simulator import Simulator, demo
from tests.bot.simulator.business import AMINE, FATIMA, Business, confirm, offer, prices

On = Callable[[int, int, int], None]

FREE = "free_customer_service"


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ((2026, 9, 30), [(FREE, "service"), (FREE, "utility"), ("regular", "marketing")]),
        ((2026, 10, 1), [(FREE, "service"), ("regular", "utility"), ("regular", "marketing")]),
    ],
)
@pytest.mark.parametrize("country", ["Morocco", "Algeria"])
def test_inside_the_window(
    sim: Simulator,
    atlas: WhatsApp,
    algiers: WhatsApp,
    business: Business,
    on: On,
    country: str,
    date: tuple[int, int, int],
    expected: list[tuple[str, str]],
) -> None:
    on(*date)
    client, who, phone = {
        "Morocco": (atlas, "fatima", FATIMA),
        "Algeria": (algiers, "amine", AMINE),
    }[country]
    sim.write(who, "Salam")

    client.send_text(phone, "Bonjour")
    confirm(client, phone)
    offer(client, phone)
    sim.deliver()

    assert prices(business, "sent") == prices(business, "delivered") == expected
    assert all("conversation" not in status for status in business.statuses)
    assert {s["pricing"]["pricing_model"] for s in business.statuses} == {"PMP"}


@pytest.mark.parametrize("date", [(2026, 9, 30), (2026, 10, 1)])
def test_a_utility_template_outside_the_window_always_costs(
    sim: Simulator, atlas: WhatsApp, business: Business, on: On, date: tuple[int, int, int]
) -> None:
    on(*date)

    confirm(atlas, FATIMA)
    sim.deliver()

    assert prices(business) == [("regular", "utility")]
    assert business.statuses[-1]["pricing"]["billable"] is True


def test_the_thousand_and_first_service_message_of_a_number_costs(
    sim: Simulator, atlas: WhatsApp, business: Business, on: On
) -> None:
    on(2026, 10, 5)
    sim.write("fatima", "Salam")
    sim.world.services_delivered[demo.ATLAS_ONE, "2026-10"] = 999

    atlas.send_text(FATIMA, "la millième")
    atlas.send_text(FATIMA, "une de trop")
    sim.write("fatima", "Salam", to=demo.ATLAS_TWO)
    atlas.send_text(FATIMA, "l'autre numéro", sender=demo.ATLAS_TWO)
    sim.deliver()

    assert prices(business) == [(FREE, "service"), ("regular", "service"), (FREE, "service")]


def test_a_new_month_brings_a_thousand_free_ones_again(
    sim: Simulator, atlas: WhatsApp, business: Business, on: On
) -> None:
    on(2026, 11, 1)
    sim.world.services_delivered[demo.ATLAS_ONE, "2026-10"] = 1000
    sim.write("fatima", "Salam")

    atlas.send_text(FATIMA, "Bonjour")
    sim.deliver()

    assert prices(business) == [(FREE, "service")]


def test_the_day_of_delivery_in_the_accounts_time_zone_decides(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.go_offline("fatima")
    sim.set_date(datetime(2026, 9, 30, 22, 30, tzinfo=UTC))
    sim.go_online("fatima")
    sim.write("fatima", "Salam")
    sim.go_offline("fatima")
    confirm(atlas, FATIMA)
    sim.advance(45 * 60)  # 23:15 UTC is already October in Casablanca

    sim.go_online("fatima")
    sim.deliver()

    assert prices(business, "sent") == [(FREE, "utility")]
    assert prices(business, "delivered") == [("regular", "utility")]


def test_the_answer_to_an_ad_is_free_and_brings_its_conversation(
    sim: Simulator, atlas: WhatsApp, business: Business, on: On
) -> None:
    on(2026, 10, 5)
    sim.write("fatima", "J'ai vu votre annonce", referral={"source_type": "ad", "ctwa_clid": "A"})

    atlas.send_text(FATIMA, "Bienvenue")
    offer(atlas, FATIMA)
    sim.deliver()

    assert prices(business) == [("free_entry_point", "referral_conversion")] * 2
    sent = next(s for s in business.statuses if s["status"] == "sent")
    assert sent["conversation"]["origin"] == {"type": "referral_conversion"}
    assert sent["conversation"]["expiration_timestamp"].isdigit()


def test_before_july_2025_a_conversation_is_priced_and_shared(
    sim: Simulator, atlas: WhatsApp, business: Business, on: On
) -> None:
    on(2025, 6, 30)

    confirm(atlas, FATIMA)
    confirm(atlas, FATIMA)
    sim.deliver()

    assert {s["pricing"]["pricing_model"] for s in business.statuses} == {"CBP"}
    assert len({s["conversation"]["id"] for s in business.statuses}) == 1


def test_webhooks_of_graph_23_still_carry_a_conversation_of_their_own(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.webhook_version = 23

    confirm(atlas)
    confirm(atlas)
    sim.deliver()

    sent = [s["conversation"] for s in business.statuses if s["status"] == "sent"]
    assert len({conversation["id"] for conversation in sent}) == 2
    assert {conversation["origin"]["type"] for conversation in sent} == {"utility"}


def test_a_price_may_ride_on_only_one_of_the_statuses(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    with sim.manners(pricing="delivered"):
        confirm(atlas, FATIMA)
    with sim.manners(pricing="sent"):
        confirm(atlas, FATIMA)
    sim.deliver()

    priced = [status["status"] for status in business.statuses if "pricing" in status]
    assert priced == ["delivered", "sent"]


def test_the_invoice_has_one_line_for_each_message_that_arrived(
    sim: Simulator, atlas: WhatsApp
) -> None:
    confirm(atlas, FATIMA)
    confirm(atlas, "+212699999999")

    (line,) = sim.invoice()

    assert line["to"] == FATIMA
    assert line["pricing"]["category"] == "utility"
