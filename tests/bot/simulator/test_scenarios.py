"""Fault scripts: rules with a chance, a turn or a time, the same for the same seed."""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest
from pywa.client import WhatsApp
from pywa.errors import WhatsAppError

from bot.simulator import Simulator, demo
from bot.simulator.errors import PROBLEMS
from bot.simulator.scenarios import SCENARIOS, Scenario
from tests.bot.simulator.business import FATIMA, YOUSSEF, Business, confirm


@pytest.fixture(autouse=True)
def _open_windows(sim: Simulator) -> None:
    sim.write("fatima", "Salam")
    sim.write("youssef", "Salam")


def _outcomes(whatsapp: WhatsApp, to: list[str]) -> list[str]:
    return [_outcome(whatsapp, address) for address in to]


def _outcome(whatsapp: WhatsApp, to: str) -> str:
    try:
        whatsapp.send_text(to, "Bonjour")
    except WhatsAppError as error:
        return str(error.code)
    except httpx.TransportError as error:
        return type(error).__name__
    return "sent"


def test_the_same_seed_and_requests_fail_the_same_way(sim: Simulator, atlas: WhatsApp) -> None:
    with sim.scenario("bad afternoon", seed=7):
        first = _outcomes(atlas, [FATIMA] * 30)
    with sim.scenario("bad afternoon", seed=7):
        again = _outcomes(atlas, [FATIMA] * 30)
    with sim.scenario("bad afternoon", seed=8):
        other = _outcomes(atlas, [FATIMA] * 30)

    assert first == again != other
    assert {"sent", "500", "ReadTimeout"} <= set(first)
    assert _outcome(atlas, FATIMA) == "sent"


def test_what_a_recipient_meets_does_not_depend_on_who_comes_between(
    sim: Simulator, atlas: WhatsApp
) -> None:
    rules = Scenario.of("coin", [{"what": 131000, "chance": 0.5}])
    with sim.scenario(rules, seed=3):
        alone = _outcomes(atlas, [FATIMA] * 12)
    with sim.scenario(rules, seed=3):
        mixed = _outcomes(atlas, [FATIMA, YOUSSEF] * 12)

    assert mixed[::2] == alone
    assert mixed[1::2] != alone


def test_only_the_nth_or_every_nth_call_fails(sim: Simulator, atlas: WhatsApp) -> None:
    sim.fail(131000, nth=3, times=None)
    assert _outcomes(atlas, [FATIMA] * 5) == ["sent", "sent", "131000", "sent", "sent"]

    sim.faults.clear()
    sim.fail(131016, every=2, times=None)
    assert _outcomes(atlas, [FATIMA] * 4) == ["sent", "131016"] * 2


def test_a_fault_begins_and_ends_by_the_simulators_clock(sim: Simulator, atlas: WhatsApp) -> None:
    sim.fail(131000, times=None, after=60, lasts=600)

    assert _outcome(atlas, FATIMA) == "sent"
    sim.advance(61)
    assert _outcome(atlas, FATIMA) == "131000"
    sim.advance(600)
    assert _outcome(atlas, FATIMA) == "sent"


def test_the_ledger_says_which_fault_hit_which_request(sim: Simulator, atlas: WhatsApp) -> None:
    with sim.scenario(Scenario.of("one", [{"what": 131056, "nth": 2}]), seed=5):
        atlas.send_text(FATIMA, "un", tracker="v1.a")
        with pytest.raises(WhatsAppError):
            atlas.send_text(FATIMA, "deux", tracker="v1.b")

    fine, hit = sim.ledger.records("request")[-2:]
    assert (fine["fault"], fine["answer"], fine["about"]["callback"]) == (None, 200, "v1.a")
    assert fine["about"]["wamid"].startswith("wamid.")
    assert hit["fault"] == {"what": 131056, "hit": 1, "scenario": "one", "place": 0, "seed": 5}
    assert (hit["code"], hit["about"]) == (131056, {"to": "fatima", "callback": "v1.b"})


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_can_be_run_and_leaves_nothing_behind(
    sim: Simulator, atlas: WhatsApp, name: str
) -> None:
    with sim.scenario(name, seed=1):
        _outcomes(atlas, [FATIMA] * 4)
        assert sim.running == {"name": name, "seed": 1}

    assert sim.running is None
    assert sim.faults.listed() == []
    assert _outcome(atlas, FATIMA) == "sent"


@pytest.mark.parametrize("code", sorted(code for code in PROBLEMS if not 400 <= code < 600))
def test_every_error_of_graph_has_the_body_meta_gives_it(
    sim: Simulator, atlas: WhatsApp, code: int
) -> None:
    sim.fail(code)
    http = httpx.Client(transport=httpx.WSGITransport(app=sim.app))
    body = {"messaging_product": "whatsapp", "to": FATIMA, "text": {"body": "x"}}
    headers = {"Authorization": f"Bearer {demo.TOKEN}{demo.ATLAS}"}
    address = f"https://graph.facebook.com/v26.0/{demo.ATLAS_ONE}/messages"

    answer = http.post(address, json=body, headers=headers)

    error: dict[str, Any] = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (PROBLEMS[code].http, code)
    assert error["fbtrace_id"]
    assert error["error_data"]["details"]


@pytest.mark.parametrize(
    ("subcode", "words"), [(None, "expired"), (458, "not authorized"), (460, "password")]
)
def test_a_token_is_expired_or_revoked(
    sim: Simulator, atlas: WhatsApp, subcode: int | None, words: str
) -> None:
    sim.fail(190, on="any", subcode=subcode)

    with pytest.raises(WhatsAppError, match=words):
        atlas.get_business_account()


def test_an_error_may_come_without_any_body(sim: Simulator, atlas: WhatsApp) -> None:
    sim.fail(503, empty=True)

    with pytest.raises(WhatsAppError) as failed:
        atlas.send_text(FATIMA, "Bonjour")

    assert failed.value.raw_response is not None
    assert failed.value.raw_response.content == b""


def test_a_hanging_call_accepts_nothing_and_a_slow_one_does(
    sim: Simulator, atlas: WhatsApp
) -> None:
    sim.fail("hang")
    sim.fail("slow")

    assert _outcomes(atlas, [FATIMA] * 2) == ["ReadTimeout", "sent"]
    assert len(sim.ledger.records("accepted")) == 1


def test_what_is_held_for_quality_goes_on_or_is_dropped(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.fail("held", times=2)
    first = confirm(atlas)
    sim.deliver()
    assert business.statuses == []

    assert sim.release() == 1
    second = confirm(atlas, YOUSSEF)
    sim.release(drop=True)
    sim.deliver()

    told = [(s["id"], s["status"]) for s in business.statuses]
    assert told == [(first, "sent"), (first, "delivered"), (second, "failed")]
    assert business.statuses[-1]["errors"][0]["code"] == 132015


def test_what_is_held_goes_on_by_itself_in_the_end(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.fail("held", seconds=3600)
    confirm(atlas)
    sim.advance(3500)
    sim.deliver()
    assert business.statuses == []

    sim.advance(101)
    sim.deliver()

    assert [s["status"] for s in business.statuses] == ["sent", "delivered"]


@pytest.mark.parametrize(
    ("what", "code"), [("template_paused", 132015), ("template_disabled", 132016)]
)
def test_a_template_goes_away_under_a_send(
    sim: Simulator, atlas: WhatsApp, business: Business, what: str, code: int
) -> None:
    sim.fail(what)

    with pytest.raises(WhatsAppError) as refused:
        confirm(atlas)
    sim.deliver()

    assert refused.value.code == code
    assert business.values[-1]["event"] == what.removeprefix("template_").upper()


def test_a_template_becomes_marketing_under_a_send(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.fail("template_recategorised")

    confirm(atlas)
    sim.deliver()

    assert [v["new_category"] for v in business.values if "new_category" in v] == ["MARKETING"]
    assert business.statuses[-1]["pricing"]["category"] == "marketing"


def test_a_file_expires_before_it_is_fetched(sim: Simulator, atlas: WhatsApp) -> None:
    sim.send_sample("fatima", "image")
    media = next(iter(sim.world.media))
    sim.fail("media_expired", on="look_up")

    with pytest.raises(WhatsAppError) as gone:
        atlas.get_media_url(media)

    assert gone.value.code == 100
    assert media not in sim.world.media


def test_calls_without_faults_of_their_own_fail_too(sim: Simulator, atlas: WhatsApp) -> None:
    sim.fail(80008, on="other")
    sim.fail(131000, on="look_up")
    failed = []
    for ask in (atlas.get_business_phone_numbers, atlas.get_business_account):
        with pytest.raises(WhatsAppError) as refused:
            ask()
        failed.append(refused.value.code)

    assert failed == [80008, 131000]


def test_a_rule_that_cannot_be_is_refused(sim: Simulator) -> None:
    for wrong in ({"chance": 1.5}, {"nth": 0}, {"on": "telepathy"}):
        with pytest.raises(ValueError, match=r"between|count|unknown"):
            sim.fail(131000, **wrong)


def test_draws_are_fair_enough(sim: Simulator, atlas: WhatsApp) -> None:
    with sim.scenario(Scenario.of("third", [{"what": 131000, "chance": 0.3}]), seed=11):
        outcomes = list(itertools.chain(_outcomes(atlas, [FATIMA] * 200)))

    assert 40 <= outcomes.count("131000") <= 80
