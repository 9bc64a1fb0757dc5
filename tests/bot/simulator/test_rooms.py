"""The control API's verbs for faults, scenarios, webhooks by hand and everything phones do."""

from __future__ import annotations

import re

import pytest
from pywa.client import WhatsApp
from pywa.errors import WhatsAppError
from werkzeug.test import Client

from bot.simulator import Simulator, demo, page
from bot.simulator.faults import BREAKS, STRIKES
from bot.simulator.scenarios import SCENARIOS
from tests.bot.simulator.business import FATIMA, Business


@pytest.fixture
def web(sim: Simulator) -> Client:
    return Client(sim.app)


def test_a_scenario_is_run_watched_and_ended_over_http(
    web: Client, sim: Simulator, atlas: WhatsApp
) -> None:
    sim.write("fatima", "Salam")
    asked = {"name": "mine", "seed": 4, "rules": [{"what": 131056}], "manner": {"duplicate": 1}}
    ran = web.post("/_control/scenarios", json=asked).get_json()
    with pytest.raises(WhatsAppError):
        atlas.send_text(FATIMA, "Bonjour")

    assert ran["running"] == {"name": "mine", "seed": 4}
    assert len(ran["scenarios"]) == len(SCENARIOS)
    assert web.get("/_control/webhooks").get_json()["duplicate"] == 1
    (latest,) = web.get("/_control/requests?last=1").get_json()["requests"]
    assert (latest["code"], latest["fault"]["scenario"]) == (131056, "mine")
    assert web.delete("/_control/scenarios").get_json()["running"] is None
    assert atlas.send_text(FATIMA, "Bonjour")


def test_unknown_scenarios_and_rules_are_refused(web: Client, sim: Simulator) -> None:
    assert web.post("/_control/scenarios", json={"name": "apocalypse"}).status_code == 404
    for wrong in ({"rules": [{"what": "earthquake"}]}, {"manner": {"speed": 3}}):
        answer = web.post("/_control/scenarios", json={"name": "x", **wrong})
        assert answer.status_code == 422
    assert (sim.running, sim.faults.listed()) == (None, [])


def test_one_fault_of_several_is_switched_off(web: Client) -> None:
    for what in (131056, "slow", 502):
        web.post("/_control/faults", json={"what": what, "times": None})

    left = web.delete("/_control/faults/1").get_json()

    assert [fault["what"] for fault in left] == [131056, 502]
    assert web.delete("/_control/faults/9").status_code == 422


def test_the_page_knows_every_fault_by_name(web: Client) -> None:
    told = web.get("/_control/faults/kinds").get_json()
    names = (page.STATIC / "fault-words.js").read_text(encoding="utf-8").partition("NAMES")[2]
    english = names.partition("  en: {")[2]

    assert set(told["breaks"]) == set(BREAKS)
    for what in (*BREAKS, *STRIKES):
        assert f"    {what}:" in english
    french = names.partition("  ar: {")[0]
    named = set(re.findall(r"^    '([^']+)':", french, re.M))
    assert named == set(SCENARIOS)


def test_a_webhook_of_a_kind_is_sent_by_hand(
    web: Client, sim: Simulator, business: Business
) -> None:
    kinds = [one["kind"] for one in web.get("/_control/webhooks/kinds").get_json()]
    asked = {"kind": "message text", "who": "fatima", "number": demo.ATLAS_TWO}
    value = web.post("/_control/webhooks/kinds", json=asked).get_json()
    sim.deliver()

    assert "account_update account_restriction" in kinds
    assert business.values == [value]
    assert value["metadata"]["phone_number_id"] == demo.ATLAS_TWO
    asked["kind"] = "telepathy"
    assert web.post("/_control/webhooks/kinds", json=asked).status_code == 404


def test_everything_phones_do_is_done_over_http(
    web: Client, sim: Simulator, business: Business
) -> None:
    person = "/_control/customers/fatima"
    wamid = web.post(f"{person}/messages", json={"text": "2 sacs"}).get_json()["wamid"]
    done = [
        web.post(f"{person}/samples", json={"kind": "audio"}),
        web.post(f"{person}/forwards", json={"wamid": wamid}),
        web.post(f"{person}/edits", json={"wamid": wamid, "text": "3 sacs"}),
        web.post(f"{person}/revokes", json={"wamid": wamid}),
        web.post(f"{person}/orders", json={"items": [{"id": "SAC", "quantity": 2}]}),
        web.post(f"{person}/calls", json={"outcome": "missed"}),
        web.put(f"{person}/receipts", json={"receipts": False}),
        web.put(f"{person}/identity", json={"username": "@fz"}),
        web.put(f"{person}/identity", json={"username": None}),
        web.put(f"{person}/identity", json={"user_id": "new"}),
        web.put(f"{person}/identity", json={"reinstalled": True}),
        web.put(f"{person}/identity", json={"phone": "+212699000333"}),
        web.post("/_control/echoes", json={"to": "fatima", "text": "Bonjour"}),
        web.post(f"/_control/numbers/{demo.ATLAS_ONE}/history", json={}),
        web.post(f"/_control/numbers/{demo.ATLAS_ONE}/contacts", json={}),
        web.put(f"{person}/blocks", json={"number": demo.ATLAS_ONE, "blocked": True}),
    ]
    sim.deliver()

    assert [answer.status_code for answer in done] == [200] * len(done)
    kinds = [message["type"] for message in business.messages]
    assert kinds == ["text", "audio", "text", "edit", "revoke", "order", *["system"] * 3]
    chat = web.get(f"{person}/chats/{demo.ATLAS_ONE}").get_json()
    assert [one["type"] for one in chat] == ["text", "audio", "text", "order", "call", "text"]
    assert [line["name"] for line in chat[3]["cart"]] == ["Sac en cuir"]


def test_another_catalogue_can_be_set(web: Client, sim: Simulator) -> None:
    products = [{"id": "TAPIS", "name": "Tapis", "price": 900, "currency": "MAD"}]
    web.put(f"/_control/accounts/{demo.ATLAS}/products", json={"products": products})

    assert web.get(f"/_control/numbers/{demo.ATLAS_TWO}/products").get_json() == products
    assert sim.order("fatima", [{"id": "TAPIS"}])


def test_what_is_held_is_released_over_http(web: Client, sim: Simulator, atlas: WhatsApp) -> None:
    sim.write("fatima", "Salam")
    sim.fail("held")
    atlas.send_text(FATIMA, "Bonjour")

    assert web.get("/_control/requests").get_json()["held"] == 1
    assert web.post("/_control/held", json={}).get_json() == {"released": 1}
    assert web.get("/_control/requests").get_json()["held"] == 0
