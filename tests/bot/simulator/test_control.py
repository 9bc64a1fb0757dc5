"""The control API and the phone page, over HTTP as the page uses them."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pywa.client import WhatsApp
from werkzeug.test import Client

import bot.simulator
from bin.lib import ports
from bot.simulator import Simulator, demo, page
from tests.bot.simulator.business import FATIMA, Business, confirm, open_simulator

ROOT = Path(bot.simulator.__file__).parents[2]


@pytest.fixture
def web(sim: Simulator) -> Client:
    return Client(sim.app)


def test_a_person_writes_taps_and_reads_over_http(
    web: Client, atlas: WhatsApp, sim: Simulator, business: Business
) -> None:
    web.post("/_control/customers/fatima/messages", json={"text": "Salam"})
    wamid = confirm(atlas)
    web.post("/_control/customers/fatima/reads", json={"number": demo.ATLAS_ONE})
    web.post("/_control/customers/fatima/taps", json={"wamid": wamid, "index": 0})
    sim.deliver()

    chat = web.get(f"/_control/customers/fatima/chats/{demo.ATLAS_ONE}").get_json()
    assert [bubble["mine"] for bubble in chat] == [True, False, True]
    assert chat[1]["status"] == "read"
    assert chat[1]["tapped"] == [0]
    assert chat[2]["quoted"]["wamid"] == wamid
    assert business.messages[-1]["button"]["payload"] == "c:1"


def test_a_photo_goes_from_the_phone_to_the_business_and_back_to_the_screen(
    web: Client, sim: Simulator, business: Business
) -> None:
    form = {"file": (io.BytesIO(b"\xff\xd8 photo"), "photo.jpg", "image/jpeg")}
    media = web.post("/_control/media", data=form).get_json()
    body = {"type": "image", "text": "celui-ci", "image": {"id": media["id"]}}
    web.post("/_control/customers/fatima/messages", json=body)
    sim.deliver()

    (bubble,) = web.get(f"/_control/customers/fatima/chats/{demo.ATLAS_ONE}").get_json()
    assert business.messages[0]["image"]["caption"] == "celui-ci"
    shown = web.get("/" + bubble["file"]["source"])
    assert shown.data == b"\xff\xd8 photo"
    assert "sandbox" in shown.headers["Content-Security-Policy"]


def test_the_chat_list_shows_the_last_message_what_is_unread_and_who_types(
    web: Client, atlas: WhatsApp, sim: Simulator
) -> None:
    wamid = sim.write("fatima", "Salam")
    sim.deliver()
    atlas.send_text(FATIMA, "Bonjour")
    atlas.indicate_typing(wamid)

    listed = web.get("/_control/customers/fatima/chats").get_json()

    first = listed["chats"][0]
    assert (first["number"], first["unread"], first["typing"]) == (demo.ATLAS_ONE, 1, True)
    assert first["last"]["text"] == "Bonjour"
    assert len(listed["chats"]) == len(sim.world.numbers)


def test_what_has_not_arrived_on_the_phone_is_not_drawn(
    web: Client, atlas: WhatsApp, sim: Simulator
) -> None:
    sim.write("fatima", "Salam")
    web.put("/_control/customers/fatima/online", json={"online": False})
    atlas.send_text(FATIMA, "Bonjour")
    path = f"/_control/customers/fatima/chats/{demo.ATLAS_ONE}"

    assert len(web.get(path).get_json()) == 1
    web.put("/_control/customers/fatima/online", json={"online": True})
    assert len(web.get(path).get_json()) == 2


def test_failures_manners_limits_and_time_are_set_over_http(web: Client, sim: Simulator) -> None:
    web.post("/_control/faults", json={"what": "accept_then_close", "times": 3})
    web.put("/_control/webhooks", json={"duplicate": 2, "batch": 5})
    web.put("/_control/limits", json={"pair_burst": 45})
    web.put("/_control/clock", json={"now": "2026-09-30T23:00:00+00:00"})
    web.put("/_control/clock", json={"advance": 3600})

    assert web.get("/_control/faults").get_json()[0]["times"] == 3
    assert (sim.manner.duplicate, sim.manner.batch) == (2, 5)
    assert sim.brakes.limits.pair_burst == 45
    assert sim.clock.now().date() == datetime(2026, 10, 1, tzinfo=UTC).date()
    assert web.delete("/_control/faults").get_json() == []


def test_the_harness_makes_merchants_posts_raw_changes_and_reads_the_ledger(
    web: Client, sim: Simulator, business: Business
) -> None:
    number = {"id": "777", "display": "+212 520-000077", "name": "Autre"}
    account = {"id": "555", "name": "Autre", "country": "MA", "time_zone": "Africa/Casablanca"}
    web.post("/_control/accounts", json={**account, "numbers": [number]})
    web.post("/_control/customers/fatima/messages", json={"text": "Salam", "to": "777"})
    change = {"account": "555", "field": "account_alerts", "value": {"entity_id": "1"}}
    web.post("/_control/webhooks", json=change)

    assert web.post("/_control/drain", json={}).get_json() == {"drained": True, "waiting": 0}
    assert business.values[1] == {"entity_id": "1"}
    lines = web.get("/_control/ledger").text.splitlines()
    assert [json.loads(line)["kind"] for line in lines][-2:] == ["posted", "posted"]
    assert sim.world.template("555", "order_confirmation", "ar") is not None


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("customers/nobody/messages", {"text": "x"}, 404),
        ("customers/fatima/messages", {"txt": "x", "bogus": 1, "manner": {"speed": 9}}, 422),
        ("customers/fatima/taps", {"wamid": "wamid.none", "index": 0}, 404),
        ("faults", {"what": "earthquake"}, 422),
    ],
)
def test_what_cannot_be_done_is_said(
    web: Client, path: str, body: dict[str, Any], status: int
) -> None:
    answer = web.post(f"/_control/{path}", json=body)

    assert answer.status_code == status
    assert answer.get_json()["error"]["message"]


def test_another_site_may_not_reach_the_phone_through_the_visitors_browser(
    web: Client, sim: Simulator
) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}

    answer = web.post("/_control/reset", headers=headers)

    assert answer.status_code == 403
    assert sim.ledger.records("reset") == []


@pytest.mark.parametrize("address", ["/", "/phones", "/faults"])
def test_the_page_runs_only_its_own_code(web: Client, address: str) -> None:
    with web.get(address) as shell:
        assert shell.headers["Content-Security-Policy"] == page.POLICY
        html = shell.get_data(as_text=True)

    assert "unsafe" not in page.POLICY
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", html)
    for name in re.findall(r'"(static/[^"]+)"', html):
        with web.get("/" + name) as file:
            assert file.status_code == 200


@pytest.mark.parametrize("name", ["words.js", "gesture-words.js", "fault-words.js"])
def test_every_language_of_the_phone_has_every_word(name: str) -> None:
    source = (page.STATIC / name).read_text(encoding="utf-8").partition("export const NAMES")[0]
    blocks = re.findall(r"^  (fr|ar|en): \{\n(.*?)^  \},", source, re.S | re.M)
    keys = {code: re.findall(r"^    (\w+):", block, re.M) for code, block in blocks}

    assert set(keys) == {"fr", "ar", "en"}
    assert keys["fr"] == keys["ar"] == keys["en"]


def test_an_open_page_hears_whose_phone_changed(sim: Simulator, web: Client) -> None:
    chunks = web.get("/_control/events").iter_encoded()
    assert next(chunks).startswith(b"retry:")

    sim.write("khadija", "السلام")

    news = json.loads(next(chunks).removeprefix(b"data: "))
    assert news["customers"] == ["khadija"]


def test_the_process_stops_on_sigterm_and_what_it_could_not_deliver_waits(
    tmp_path: Path, business: Business
) -> None:
    process, base = _serve(tmp_path)
    written = {"text": "Salam"}
    httpx.post(f"{base}/_control/customers/fatima/messages", json=written, trust_env=False)
    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=10) == 0
    again = open_simulator(business, tmp_path / "simulator")
    again.deliver()
    assert [message["text"]["body"] for message in business.messages] == ["Salam"]
    again.stop()


def _serve(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    first = ports.free(3)
    environment = os.environ | {
        "WASL_VAR": str(folder),
        "WASL_PORT": str(first),
        "WASL_BASE_URL": "http://127.0.0.1:9",
        "DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:9/none",
        "REDIS_URL": "redis://127.0.0.1:9",
        "WASL_SECRET_KEY": "tests-only-0123456789-abcdefghijkl",
        "WASL_DATA_KEY": "dGVzdHMgb25seSwgbm90IGEgcmVhbCBzZWNyZXQhISE=",
        "META_APP_SECRET": "app-secret-of-the-tests",
        "META_VERIFY_TOKEN": "verify-token-of-the-tests",
    }
    code = "from bot.simulator import serve; serve()"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment)
    base = f"http://127.0.0.1:{first + 2}"
    deadline = time.monotonic() + 30
    while not _ready(base):
        assert process.poll() is None
        assert time.monotonic() < deadline
    return process, base


def _ready(base: str) -> bool:
    try:
        return httpx.get(f"{base}/readyz", trust_env=False).text == "ready\n"
    except httpx.ConnectError:
        time.sleep(0.05)
        return False
