"""How webhooks travel: signed, in order, again until 200, and badly when asked."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from typing import Any

import httpx
import pytest
from pywa.client import WhatsApp

from bot.simulator import Simulator, demo
from tests.bot.simulator.business import FATIMA, SECRET, Business


def test_the_signature_is_over_the_raw_bytes(sim: Simulator, business: Business) -> None:
    sim.write("khadija", "السلام عليكم / salam")
    sim.deliver()

    raw = business.bodies[0]
    expected = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    assert business.headers[0]["X-Hub-Signature-256"] == f"sha256={expected}"
    assert raw.isascii()
    assert business.messages[0]["text"]["body"] == "السلام عليكم / salam"


def test_what_is_not_answered_with_200_is_posted_again_first(
    sim: Simulator, business: Business
) -> None:
    business.answers = [503, httpx.ReadTimeout("too slow")]
    sim.write("fatima", "un")
    sim.write("fatima", "deux")

    assert [posted.answer for posted in sim.deliver()] == [503]
    assert [posted.answer for posted in sim.deliver()] == [None]
    assert [posted.answer for posted in sim.deliver()] == [200, 200]

    assert business.bodies[0] == business.bodies[1] == business.bodies[2]
    assert business.messages[-1]["text"]["body"] == "deux"
    assert sim.drain()


def test_a_redelivery_of_one_chat_does_not_hold_up_another(
    sim: Simulator, business: Business
) -> None:
    business.answers = [500]
    sim.write("fatima", "refusé")
    sim.write("youssef", "Salam")

    sim.deliver()

    assert [m["text"]["body"] for m in business.messages] == ["refusé", "Salam"]
    assert sim.postman.waiting == 1


@pytest.mark.parametrize(
    ("shape", "entries", "changes", "messages"),
    [("merged", 2, 3, 5), ("changes", 2, 5, 5), ("entries", 5, 5, 5)],
)
def test_events_share_a_body_in_the_shape_asked_for(
    sim: Simulator, business: Business, shape: str, entries: int, changes: int, messages: int
) -> None:
    for number in (demo.ATLAS_ONE, demo.ATLAS_ONE, demo.ATLAS_TWO, demo.ALGIERS_ONE):
        sim.write("fatima", "Salam", to=number)
    sim.write("youssef", "Salam", to=demo.ATLAS_ONE)

    sim.deliver(batch=10, shape=shape)

    body = json.loads(business.bodies[0])
    assert len(business.bodies) == 1
    assert len(body["entry"]) == entries
    assert sum(len(entry["changes"]) for entry in body["entry"]) == changes
    assert len(business.messages) == messages


def test_a_merged_list_names_every_contact_once(sim: Simulator, business: Business) -> None:
    for who in ("fatima", "fatima", "youssef"):
        sim.write(who, "Salam")

    sim.deliver(batch=10)

    names = [contact["profile"]["name"] for contact in business.values[0]["contacts"]]
    assert names == ["Fatima Zahra El Idrissi", "Youssef Benali"]


def test_the_same_event_comes_twice_in_two_bodies(sim: Simulator, business: Business) -> None:
    with sim.manners(duplicate=2):
        wamid = sim.write("fatima", "Salam")
    sim.deliver()

    assert len(business.bodies) == 3
    assert {message["id"] for message in business.messages} == {wamid}


def test_shuffled_events_all_arrive(sim: Simulator, business: Business) -> None:
    wamids = [sim.write("fatima", str(n)) for n in range(20)]

    sim.deliver(shuffle=True)

    arrived = [message["id"] for message in business.messages]
    assert sorted(arrived) == sorted(wamids)
    assert arrived != wamids


def test_a_dropped_event_is_known_to_the_ledger_only(sim: Simulator, business: Business) -> None:
    sim.write("fatima", "perdu", manner=sim.manner.but(drop=True))
    sim.deliver()

    assert business.bodies == []
    assert sim.ledger.records("event")[0]["dropped"]


def test_a_status_may_come_before_graph_has_answered(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.write("fatima", "Salam")
    sim.deliver()

    with sim.manners(early=True):
        sent = atlas.send_text(FATIMA, "Bonjour")

    assert [(s["id"], s["status"]) for s in business.statuses] == [
        (sent.id, "sent"),
        (sent.id, "delivered"),
    ]


def test_statuses_may_come_without_contacts(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.write("fatima", "Salam")
    with sim.manners(contacts=False):
        atlas.send_text(FATIMA, "Bonjour")
    sim.deliver()

    assert all("contacts" not in value for value in business.values if "statuses" in value)


def test_an_account_that_is_not_subscribed_hears_nothing(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    atlas.api.send_raw_request("DELETE", f"/{demo.ATLAS}/subscribed_apps")
    sim.write("fatima", "Salam")
    atlas.api.send_raw_request("POST", f"/{demo.ATLAS}/subscribed_apps")
    sim.write("fatima", "Salam ?")
    sim.deliver()

    assert [message["text"]["body"] for message in business.messages] == ["Salam ?"]


def test_the_background_postman_delivers_in_order_through_a_weak_moment(
    sim: Simulator, business: Business
) -> None:
    sim.postman.scale = 0.001
    business.answers = [500, ConnectionError("refused"), 404]
    sim.start()

    for n in range(10):
        sim.write("fatima", str(n))

    assert sim.drain(timeout=10)
    taken = list(dict.fromkeys(message["text"]["body"] for message in business.messages))
    assert taken == [str(n) for n in range(10)]
    assert len(business.bodies) == 13


def test_what_we_post_is_what_pywa_understands(
    sim: Simulator, atlas: WhatsApp, business: Business, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[tuple[str, str]] = []
    reader: Any = atlas
    reader.on_message(lambda _, m: heard.append((m.type.value, m.from_user.name)))
    reader.on_message_status(lambda _, s: heard.append(("status", s.status.value)))
    reader.on_callback_button(lambda _, c: heard.append(("button", c.title)))
    photo = sim.keep_media(b"\xff\xd8\xff", "image/jpeg", "photo.jpg")
    sim.write("fatima", "Salam")
    sim.write("fatima", "le sac", type="image", image={"id": photo.id})
    atlas.send_message(FATIMA, "Oui ?")
    sim.read("fatima")
    sim.deliver()

    with caplog.at_level(logging.ERROR):
        for body in business.bodies:
            atlas.webhook_update_handler(body)

    assert [kind for kind, _ in heard] == ["text", "image", "status", "status", "status"]
    assert [state for kind, state in heard if kind == "status"] == ["sent", "delivered", "read"]
    assert not caplog.records
