"""Webhooks on Meta's bad days: late, old, nameless, without phones, falsely signed, unheard of."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pywa.client import WhatsApp

from bot.simulator import Simulator, demo, events
from bot.simulator.webhook_samples import kinds
from tests.bot.simulator.business import FATIMA, SECRET, Business, open_simulator
from tests.recorded import OFFICIAL


def test_nobody_has_a_phone(sim: Simulator, atlas: WhatsApp, business: Business) -> None:
    with sim.manners(phones=False):
        sim.write("fatima", "Salam")
        atlas.send_text(FATIMA, "Bonjour")
        sim.echo("fatima", "Je vous appelle")
        sim.deliver()

    raw = b"".join(business.bodies)
    assert FATIMA.encode().lstrip(b"+") not in raw
    assert business.messages[0]["from_user_id"] == "MA.13491208655302741001"
    assert business.statuses[0]["recipient_user_id"] == "MA.13491208655302741001"


def test_messages_and_statuses_come_without_contacts(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    with sim.manners(contacts=False, senders=False):
        sim.write("fatima", "Salam")
        atlas.send_text(FATIMA, "Bonjour")
        sim.deliver()

    assert not any("contacts" in value for value in business.values)


def test_an_event_waits_for_its_day_on_the_simulators_clock(
    sim: Simulator, business: Business
) -> None:
    week = timedelta(days=7)
    sim.set_date(datetime.now(UTC) - week)
    with sim.manners(late=week.total_seconds()):
        sim.write("fatima", "Salam")
    sim.deliver()
    assert business.bodies == []

    sim.set_date(None)
    sim.advance(5)
    sim.deliver()

    written = int(business.messages[0]["timestamp"])
    assert abs(written - (datetime.now(UTC) - week).timestamp()) < 60


def test_a_late_event_survives_a_restart(business: Business, tmp_path: Path) -> None:
    before = open_simulator(business, tmp_path)
    with before.manners(late=3600.0):
        before.write("fatima", "Salam")
    before.stop()

    after = open_simulator(business, tmp_path)
    after.deliver()
    assert business.bodies == []
    after.advance(3601)
    after.deliver()
    after.stop()
    assert business.messages[0]["text"]["body"] == "Salam"


def test_a_started_simulator_lets_late_events_go_by_itself(
    sim: Simulator, business: Business
) -> None:
    sim.tick_seconds = 0.02
    sim.start()
    with sim.manners(late=0.05):
        sim.write("fatima", "Salam")

    until = time.monotonic() + 5
    while not business.bodies and time.monotonic() < until:
        time.sleep(0.01)

    assert [message["text"]["body"] for message in business.messages] == ["Salam"]


def test_only_a_share_is_lost_and_always_the_same_for_a_seed(tmp_path: Path) -> None:
    heard = [_heard(tmp_path / str(n), seed) for n, seed in enumerate((3, 3, 4))]

    assert heard[0] == heard[1] != heard[2]
    assert 20 < len(heard[0]) < 40


def _heard(folder: Path, seed: int) -> list[str]:
    business = Business()
    sim = open_simulator(business, folder)
    with sim.scenario("webhooks get lost", seed=seed):
        for n in range(40):
            sim.write("fatima", f"message {n}")
        sim.deliver()
    sim.stop()
    return [message["text"]["body"] for message in business.messages]


def test_disorder_is_the_same_again_for_the_same_seed(tmp_path: Path) -> None:
    def order(folder: Path) -> list[str]:
        business = Business()
        sim = open_simulator(business, folder)
        for n in range(20):
            sim.write("fatima", f"message {n}")
        sim.postman.seed(9)
        sim.deliver(shuffle=True)
        sim.stop()
        return [message["text"]["body"] for message in business.messages]

    first, again = order(tmp_path / "a"), order(tmp_path / "b")

    assert first == again
    assert first != sorted(first, key=lambda text: int(text.split()[1]))


def test_an_event_may_say_it_is_old(sim: Simulator, business: Business) -> None:
    with sim.manners(aged=86_400.0):
        sim.write("fatima", "Salam")
        sim.deliver()

    age = datetime.now(UTC).timestamp() - int(business.messages[0]["timestamp"])
    assert 86_400 <= age < 86_460


@pytest.mark.parametrize("manner", ["wrong", "missing", "truncated", "not ascii"])
def test_the_signature_may_be_false(sim: Simulator, business: Business, manner: str) -> None:
    with sim.manners(signature=manner):
        sim.write("fatima", "Salam")
        sim.deliver()

    true = events.signature(business.bodies[0], SECRET)
    assert business.headers[0].get("X-Hub-Signature-256") != true


def test_a_newer_meta_says_things_unheard_of(sim: Simulator, business: Business) -> None:
    with sim.manners(strange=True):
        sim.write("fatima", "Salam")
        sim.deliver()

    assert [m["type"] for m in business.messages] == ["text", "hologram"]
    assert "x_added_last_week" in business.messages[0]


def test_one_body_mixes_entries_changes_messages_and_statuses(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    for n in range(12):
        sim.write("fatima", f"message {n}")
        sim.write("amine", f"message {n}")
    atlas.send_text(FATIMA, "Bonjour")

    sim.deliver(batch=100, shape="mixed")

    (body,) = business.bodies
    entries = json.loads(body)["entry"]
    assert len(entries) > 2
    assert max(len(entry["changes"]) for entry in entries) > 1
    assert len(business.messages) == 24
    assert max(len(value.get("messages", [])) for value in business.values) > 1
    assert len(business.statuses) == 2


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("who", ["fatima", "nadia"])
def test_every_documented_kind_can_be_posted(
    sim: Simulator, business: Business, kind: str, who: str
) -> None:
    sim.send_webhook(kind, who=who)
    sim.deliver()

    (body,) = business.bodies
    assert b"<now" not in body
    assert b"<wa_id>" not in body
    if who == "nadia":
        assert b'"wa_id":"+' not in body
    assert json.loads(body)["entry"][0]["id"] == demo.ATLAS


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="the recorded webhooks are not beside us")
def test_no_documented_field_is_left_out() -> None:
    recorded = [json.loads(path.read_text()) for path in OFFICIAL.glob("[0-9]*.json")]
    entries = [e for body in recorded if isinstance(body, dict) for e in body.get("entry") or []]
    fields = {change.get("field") for entry in entries for change in entry.get("changes", [])}

    assert fields - {line["field"] for line in kinds().values()} <= {None}
