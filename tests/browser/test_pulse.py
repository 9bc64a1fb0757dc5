"""A worker dies while people work: the line in the foot of the menu says so."""

from __future__ import annotations

import os
import signal
from typing import Any

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Demo
from tests.browser.test_account import sign_in

pytestmark = pytest.mark.browser


def pid_of(demo: Demo, kind: str) -> int:
    address = demo["database_url"].replace("+psycopg", "")
    with psycopg.connect(address) as connection:
        wanted = "SELECT pid FROM heartbeats WHERE kind = %s ORDER BY beat_at DESC"
        found = connection.execute(wanted, (kind,)).fetchone()
    assert found is not None
    return int(found[0])


def test_the_line_turns_red_within_half_a_minute_of_a_dead_worker(demo: Demo, window: Any) -> None:
    page = window()
    sign_in(page, demo, "owner")
    line = page.locator("#pulse")
    expect(line).to_have_attribute("data-color", "green", timeout=30_000)
    # Stopped, not killed: bin/dev would start it again within a second.
    worker = pid_of(demo, "media")

    os.kill(worker, signal.SIGSTOP)
    try:
        expect(line).to_have_attribute("data-color", "red", timeout=30_000)
        line.locator("summary").click()
        expect(line).to_contain_text("wasl worker media")
    finally:
        os.kill(worker, signal.SIGCONT)

    expect(line).to_have_attribute("data-color", "green", timeout=30_000)
