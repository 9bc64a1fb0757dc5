"""The ledger is the truth: what was answered survives, what was not is posted again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pywa.client import WhatsApp

from bot.simulator import Simulator, demo
from tests.bot.simulator.business import FATIMA, Business, client, open_simulator


def test_chats_media_and_prices_survive_a_restart(
    sim: Simulator, atlas: WhatsApp, business: Business, tmp_path: Path
) -> None:
    sim.write("fatima", "Salam")
    media = atlas.upload_media(b"\x89PNG", mime_type="image/png", filename="a.png")
    sent = atlas.send_text(FATIMA, "Bonjour", tracker="v1.x")
    sim.read("fatima")
    sim.go_offline("youssef")
    sim.set_date(datetime(2026, 10, 1, tzinfo=UTC))
    sim.deliver()
    before = sim.world
    sim.stop()

    again = open_simulator(business, tmp_path)

    assert again.world.bubbles == before.bubbles
    assert again.world.chats == before.chats
    assert again.world.customers == before.customers
    assert again.world.services_delivered == before.services_delivered
    assert again.world.bubbles[sent.id].status == "read"
    assert again.clock.now().year == 2026
    assert again.postman.waiting == 0
    assert (
        client(again, demo.ATLAS, demo.ATLAS_ONE).get_media_bytes(
            again.media_link(media.id if media else "")
        )
        == b"\x89PNG"
    )
    again.stop()


def test_what_no_one_has_answered_is_posted_after_a_restart(
    sim: Simulator, business: Business, tmp_path: Path
) -> None:
    sim.write("fatima", "avant la panne")
    sim.deliver()
    business.answers = [503]
    wamid = sim.write("fatima", "pendant")
    sim.deliver()
    sim.stop()

    again = open_simulator(business, tmp_path)
    again.deliver()

    assert [m["id"] for m in business.messages].count(wamid) == 2
    assert again.drain()
    again.stop()


def test_a_line_cut_in_the_middle_by_a_kill_is_forgotten(
    sim: Simulator, business: Business, tmp_path: Path
) -> None:
    wamid = sim.write("fatima", "Salam")
    sim.stop()
    with (tmp_path / "ledger.jsonl").open("a") as file:
        file.write('{"kind":"written","wamid":"wamid.ha')

    again = open_simulator(business, tmp_path)
    again.write("fatima", "encore là")

    assert next(iter(again.world.bubbles)) == wamid
    assert len(again.ledger.records("written")) == 2
    again.stop()


def test_an_accepted_send_is_recorded_whole_with_its_events_and_answers(
    sim: Simulator, atlas: WhatsApp, tmp_path: Path
) -> None:
    sim.write("fatima", "Salam")
    sent = atlas.send_text(FATIMA, "Bonjour", tracker="v1.x")
    sim.deliver()

    (accepted,) = sim.ledger.records("accepted")
    events = sim.ledger.records("event")
    posted = sim.ledger.records("posted")
    assert (accepted["wamid"], accepted["callback"]) == (sent.id, "v1.x")
    assert accepted["body"]["text"]["body"] == "Bonjour"
    assert [record["event"]["id"] for record in events] == ["e1", "e2", "e3"]
    assert [(record["events"], record["answer"]) for record in posted] == [
        (["e1"], 200),
        (["e2"], 200),
        (["e3"], 200),
    ]


def test_a_reset_brings_back_the_demos_world_and_keeps_the_history(
    sim: Simulator, business: Business, tmp_path: Path
) -> None:
    sim.write("fatima", "Salam")
    sim.new_customer("Omar", phone="+212661000000")

    sim.reset()
    sim.deliver()

    assert sim.world.bubbles == {}
    assert len(sim.world.customers) == 5
    assert business.bodies == []
    assert len(sim.ledger.records("written")) == 1
    sim.stop()
    again = open_simulator(business, tmp_path)
    assert again.world.bubbles == {}
    assert again.postman.waiting == 0
    again.stop()
