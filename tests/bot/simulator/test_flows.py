"""Meta's side of Flows: what it takes, what it refuses, and what a phone does with answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pywa.client import WhatsApp
from pywa.errors import WhatsAppError
from pywa.utils import default_flow_request_decryptor, default_flow_response_encryptor

from bot.simulator import Simulator, demo, flow_checks, flow_line
from bot.simulator.errors import GraphError
from flows.forms import screens
from flows.forms.publishing import new_keys
from tests.bot.simulator.business import FATIMA, Business

Json = dict[str, Any]
WHERE = "https://business.test/forms"


def made(sim: Simulator, atlas: WhatsApp, name: str = "address", status: str = "DRAFT") -> str:
    """A form with screens and an endpoint, as if Meta had judged it so."""
    flow = str(atlas.api.create_flow(demo.ATLAS, name, ("OTHER",), endpoint_uri=WHERE)["id"])
    atlas.api.update_flow_json(flow, screens.flow_json("Boutique Atlas"))
    if status != "DRAFT":
        sim.judge_flow(flow, status)
    return flow


def offered(sim: Simulator, flow: str, **more: Any) -> str:
    """The form in Fatima's chat."""
    parameters = {"flow_id": flow, "flow_cta": "Adresse", "flow_token": "t", **more}
    action = {"name": "flow", "parameters": {"flow_action": "data_exchange"} | parameters}
    interactive = {"type": "flow", "body": {"text": "?"}, "action": action}
    body = {"messaging_product": "whatsapp", "to": FATIMA, "type": "interactive"}
    answer = sim.accept(sim.number(demo.ATLAS_ONE), body | {"interactive": interactive})
    return str(answer["messages"][0]["id"])


def code(call: Any) -> int:
    with pytest.raises(WhatsAppError) as no:
        call()
    return int(no.value.code)


def test_only_drafts_can_be_changed_and_deleted(sim: Simulator, atlas: WhatsApp) -> None:
    flow = made(sim, atlas, status="PUBLISHED")

    assert code(lambda: atlas.api.update_flow_json(flow, "{}")) == 139001
    assert code(lambda: atlas.api.publish_flow(flow)) == 139002
    assert code(lambda: atlas.api.delete_flow(flow)) == 139004
    assert code(lambda: atlas.api.create_flow(demo.ATLAS, "address", ("OTHER",))) == 100
    atlas.api.deprecate_flow(flow)
    assert code(lambda: atlas.api.deprecate_flow(flow)) == 139003
    draft = made(sim, atlas, "another")
    atlas.api.delete_flow(draft)
    assert [one["id"] for one in atlas.api.get_flows(demo.ATLAS)["data"]] == [flow]


def test_a_form_is_its_accounts_alone(sim: Simulator, atlas: WhatsApp, algiers: WhatsApp) -> None:
    flow = made(sim, atlas)

    assert code(lambda: algiers.api.get_flow(flow)) == 100
    assert code(lambda: algiers.api.publish_flow(flow)) == 100
    assert algiers.api.get_flows(demo.ALGIERS)["data"] == []


def test_nothing_is_published_before_its_endpoint_answers(sim: Simulator, atlas: WhatsApp) -> None:
    flow = made(sim, atlas)

    assert "public key" in str(sim.unpublishable(sim.world.flows[flow]))
    sim.exchange = lambda *_: (200, b"active")
    assert code(lambda: atlas.api.set_business_public_key(demo.ATLAS_ONE, "no key")) == 100
    assert code(lambda: atlas.api.publish_flow(flow)) == 139002


def test_what_is_not_published_cannot_be_sent(sim: Simulator, atlas: WhatsApp) -> None:
    sim.write("fatima", "Salam")
    for flow in ("404", made(sim, atlas), made(sim, atlas, "blocked", "BLOCKED")):
        with pytest.raises(GraphError) as no:
            offered(sim, flow)
        assert no.value.code == 131009
    assert offered(sim, made(sim, atlas, "slow", "THROTTLED"))


def test_the_business_hears_what_becomes_of_a_form(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    flow = made(sim, atlas, status="BLOCKED")

    sim.deliver()

    told = business.values[-1]
    assert (told["flow_id"], told["old_status"], told["new_status"]) == (flow, "DRAFT", "BLOCKED")


def test_forms_and_keys_are_there_after_a_restart(sim: Simulator, atlas: WhatsApp) -> None:
    made(sim, atlas, status="PUBLISHED")
    again = Simulator(
        webhook_url="", app_secret="x", post=Business(), folder=sim.folder, latency=0.0
    )

    assert again.world.flows == sim.world.flows
    again.stop()


def test_an_answer_that_no_phone_could_show_is_told_to_the_endpoint(
    sim: Simulator, atlas: WhatsApp
) -> None:
    private, public, _ = new_keys()
    heard: list[Json] = []

    def endpoint(_: str, body: bytes, __: dict[str, str]) -> tuple[int, bytes]:
        parts = json.loads(body)
        asked, key, vector = default_flow_request_decryptor(
            parts["encrypted_flow_data"],
            parts["encrypted_aes_key"],
            parts["initial_vector"],
            private,
        )
        heard.append(asked)
        told = {"screen": "ADDRESS", "data": {"intro": "?"}}
        return 200, default_flow_response_encryptor(told, key, vector).encode()

    sim.exchange = endpoint
    atlas.api.set_business_public_key(demo.ATLAS_ONE, public)
    sim.write("fatima", "Salam")
    wamid = offered(sim, made(sim, atlas, status="PUBLISHED"))

    sheet = sim.open_form("fatima", wamid)

    assert sheet["trouble"]
    assert [one["action"] for one in heard] == ["INIT", "INIT"]
    assert heard[1]["data"]["error"] == "missing-data"
    assert "label_city" in heard[1]["data"]["error_message"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": "2.1"}, "Invalid Flow JSON version '2.1'."),
        ({"routing_model": {}}, "routing_model must name every screen."),
        ({"screens": []}, "A Flow needs screens, each with an id of its own."),
        ({"screens": [{"id": "A"}]}, "Unexpected shape: 'layout'"),
    ],
)
def test_mistakes_of_a_form_are_named(change: Json, said: str) -> None:
    whole = json.loads(screens.flow_json("Boutique Atlas")) | change

    _, errors = flow_checks.read(json.dumps(whole).encode())

    assert said in [error["message"] for error in errors]


def test_no_two_questions_share_a_key() -> None:
    public = new_keys()[1]
    one, other = (flow_line.sealed({"action": "ping"}, public) for _ in range(2))

    assert (one.key, one.vector) != (other.key, other.vector)
