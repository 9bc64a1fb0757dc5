"""What customers do besides writing, and what the business hears of it."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import httpx
import pytest
from pywa.client import WhatsApp

from bot.simulator import Simulator, demo
from bot.simulator.chatview import bubble_view
from tests.bot.simulator.business import FATIMA, NADIA, YOUSSEF, Business

Json = dict[str, Any]


def _last(sim: Simulator, business: Business) -> Json:
    sim.deliver()
    return business.messages[-1]


def test_a_message_is_edited_and_deleted_for_everyone(sim: Simulator, business: Business) -> None:
    wamid = sim.write("fatima", "2 sacs")

    sim.edit("fatima", wamid, "3 sacs")
    edit = _last(sim, business)
    sim.revoke("fatima", wamid)
    revoke = _last(sim, business)

    inner = {"type": "text", "text": {"body": "3 sacs"}}
    assert edit["edit"] == {"original_message_id": wamid, "message": inner}
    assert revoke["revoke"] == {"original_message_id": wamid}
    assert len({wamid, edit["id"], revoke["id"]}) == 3
    view = bubble_view(sim, wamid)
    assert view is not None
    assert (view["edited"], view["revoked"]) == (True, True)


def test_what_is_too_old_or_not_theirs_stays_as_it_is(sim: Simulator, atlas: WhatsApp) -> None:
    wamid = sim.write("fatima", "2 sacs")
    theirs = str(atlas.send_text(FATIMA, "Bonjour").id)

    with pytest.raises(ValueError, match="not theirs"):
        sim.revoke("fatima", theirs)
    with pytest.raises(ValueError, match="not theirs"):
        sim.edit("youssef", wamid, "10 sacs")
    sim.advance(16 * 60)
    with pytest.raises(ValueError, match="too late"):
        sim.edit("fatima", wamid, "3 sacs")
    sim.revoke("fatima", wamid)


def test_a_message_is_forwarded_without_saying_whose_it_was(
    sim: Simulator, business: Business
) -> None:
    photo, words = sim.send_sample("fatima", "image"), sim.write("fatima", "celui-ci")

    sim.forward("fatima", photo, often=True)
    picture = _last(sim, business)
    sim.forward("fatima", words)
    text = _last(sim, business)

    assert picture["context"] == {"frequently_forwarded": True}
    assert picture["image"]["mime_type"] == "image/jpeg"
    assert (text["context"], text["text"]) == ({"forwarded": True}, {"body": "celui-ci"})


@pytest.mark.parametrize("kind", ["image", "audio", "video", "sticker", "document"])
def test_a_sample_is_a_true_file_that_can_be_fetched(
    sim: Simulator, atlas: WhatsApp, business: Business, kind: str
) -> None:
    sim.send_sample("fatima", kind)

    file = _last(sim, business)[kind]
    facts = atlas.get_media_url(file["id"])
    http = httpx.Client(transport=httpx.WSGITransport(app=sim.app))
    headers = {"Authorization": f"Bearer {demo.TOKEN}{demo.ATLAS}"}
    data = http.get(facts.url, headers=headers).content
    assert len(data) == facts.file_size
    assert hashlib.sha256(data).hexdigest() == facts.sha256
    assert base64.b64decode(file["sha256"]).hex() == facts.sha256
    sim.advance(301)
    assert http.get(facts.url, headers=headers).status_code == 404


def test_a_cart_is_an_order_message(sim: Simulator, business: Business) -> None:
    sim.order("fatima", [{"id": "SAC", "quantity": 2}, {"id": "FOUL"}], text="svp")

    order = _last(sim, business)["order"]
    assert order["text"] == "svp"
    assert [(i["product_retailer_id"], i["quantity"]) for i in order["product_items"]] == [
        ("SAC", 2),
        ("FOUL", 1),
    ]
    assert order["product_items"][0]["item_price"] == 320
    with pytest.raises(ValueError, match="catalogue"):
        sim.order("fatima", [{"id": "MIEL"}])


def test_a_call_is_heard_twice_and_opens_the_window(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    call_id = sim.call("fatima", outcome="answered", seconds=60)
    sim.deliver()

    first, last = [value["calls"][0] for value in business.values]
    assert (first["id"], first["event"], last["event"]) == (call_id, "connect", "terminate")
    assert (last["status"], last["duration"], last["from"]) == ("COMPLETED", 60, FATIMA[1:])
    assert atlas.send_text(FATIMA, "Merci pour votre appel")
    sim.deliver()
    assert business.statuses[-1]["status"] == "delivered"


def test_a_number_changes_and_the_old_one_is_nobodys(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.write("fatima", "Salam")

    sim.change_number("fatima", "+212699000111")

    moved = _last(sim, business)
    assert (moved["type"], moved["from"]) == ("system", FATIMA[1:])
    assert moved["system"]["type"] == "user_changed_number"
    assert moved["system"]["wa_id"] == "212699000111"
    assert moved["system"]["previous_user_id"] == "MA.13491208655302741001"
    assert moved["system"]["user_id"] not in ("", "MA.13491208655302741001")
    assert "contacts" not in business.values[-1]
    atlas.send_text(FATIMA, "Bonjour")
    sim.deliver()
    assert business.statuses[-1]["errors"][0]["code"] == 131026
    sim.write("fatima", "c'est moi")
    assert _last(sim, business)["from"] == "212699000111"


def test_a_username_takes_the_place_of_the_number(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.adopt_username("youssef", "@youssef")
    sim.write("youssef", "Salam")
    sim.deliver()

    value = business.values[-1]
    assert value["contacts"][0]["profile"]["username"] == "@youssef"
    assert "wa_id" not in value["contacts"][0]
    assert "from" not in value["messages"][0]
    # Who knows the number may still write to it.
    assert atlas.send_text(YOUSSEF, "Bonjour")
    sim.adopt_username("youssef", None)
    sim.write("youssef", "re")
    assert _last(sim, business)["from"] == YOUSSEF[1:]


def test_a_new_user_id_and_a_new_phone_are_said_by_the_system(
    sim: Simulator, business: Business
) -> None:
    sim.write("nadia", "Salam")
    sim.change_user_id("nadia")
    changed = _last(sim, business)
    sim.reinstall("nadia")
    identity = _last(sim, business)

    assert changed["system"]["type"] == "user_changed_user_id"
    assert changed["system"]["previous_user_id"] == NADIA
    assert "wa_id" not in changed["system"]
    assert identity["system"]["type"] == "customer_identity_changed"
    assert identity["identity"]["hash"]


def test_what_is_blocked_never_arrives(sim: Simulator, atlas: WhatsApp, business: Business) -> None:
    sim.write("fatima", "Salam")
    sim.block("fatima", demo.ATLAS_ONE)
    atlas.send_text(FATIMA, "Bonjour")
    sim.deliver()

    assert [s["status"] for s in business.statuses] == ["sent"]
    with pytest.raises(ValueError, match="blocked"):
        sim.write("fatima", "ça va ?")
    sim.block("fatima", demo.ATLAS_ONE, blocked=False)
    atlas.send_text(FATIMA, "Rebonjour")
    sim.deliver()
    assert [s["status"] for s in business.statuses] == ["sent", "sent", "delivered"]


def test_receipts_can_be_kept_back(sim: Simulator, atlas: WhatsApp, business: Business) -> None:
    sim.write("fatima", "Salam")
    sim.keep_receipts("fatima", receipts=False, arrivals=False)
    quiet = str(atlas.send_text(FATIMA, "Bonjour").id)
    assert sim.read("fatima") == 1
    sim.deliver()
    assert [s["status"] for s in business.statuses] == ["sent"]
    assert sim.world.bubbles[quiet].status == "read"

    sim.keep_receipts("fatima", receipts=True)
    atlas.send_text(FATIMA, "Bonsoir")
    sim.read("fatima")
    sim.deliver()
    assert business.statuses[-1]["status"] == "read"
    assert business.statuses[-1]["pricing"]["category"] == "service"


def test_what_a_message_asks_for_is_answered(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    asked: list[tuple[str, Json, Json]] = [
        (
            "flow",
            {"parameters": {"flow_id": "7", "flow_cta": "Remplir", "flow_token": "t1"}},
            {"ville": "Fès"},
        ),
        ("request_contact_info", {"name": "request_contact_info"}, {}),
        ("location_request_message", {"name": "send_location"}, {"latitude": 1, "longitude": 2}),
        ("call_permission_request", {"name": "call_permission_request"}, {"response": "reject"}),
        ("product", {"catalog_id": "1", "product_retailer_id": "FOUL"}, {}),
    ]
    sim.write("fatima", "Salam")
    answers = [_asked(sim, business, *one) for one in asked]

    flow, contact, place, permission, order = answers
    reply = flow["interactive"]["nfm_reply"]
    assert json.loads(reply["response_json"]) == {"ville": "Fès", "flow_token": "t1"}
    assert contact["contacts"][0]["origin"] == "contact_request"
    assert contact["contacts"][0]["phones"][0]["phone"] == FATIMA
    assert place["location"] == {"latitude": 1, "longitude": 2}
    assert permission["interactive"]["call_permission_reply"]["response"] == "reject"
    assert order["order"]["product_items"][0]["product_retailer_id"] == "FOUL"
    assert all(answer["context"]["id"] for answer in answers)


def _asked(sim: Simulator, business: Business, kind: str, action: Json, given: Json) -> Json:
    interactive = {"type": kind, "body": {"text": "?"}, "action": action}
    body = {
        "messaging_product": "whatsapp",
        "to": FATIMA,
        "type": "interactive",
        "interactive": interactive,
    }
    answer = sim.accept(sim.number(demo.ATLAS_ONE), body)
    sim.tap("fatima", answer["messages"][0]["id"], given=given)
    return _last(sim, business)


def test_everything_is_there_again_after_a_restart(sim: Simulator) -> None:
    wamid = sim.write("fatima", "2 sacs")
    sim.edit("fatima", wamid, "3 sacs")
    sim.call("fatima")
    sim.echo("fatima", "Je vous rappelle")
    sim.keep_receipts("fatima", receipts=False)
    sim.block("youssef", demo.ATLAS_ONE)
    sim.change_number("khadija", "+212699000222")

    before = (sim.world.bubbles, sim.world.customers)
    again = Simulator(
        webhook_url="", app_secret="x", post=Business(), folder=sim.folder, latency=0.0
    )

    assert (again.world.bubbles, again.world.customers) == before
    again.stop()
