"""A whole order in Darija, on the customer's phone, and what the agent has of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo
from tests.browser.test_story import SOON, picture, sign_in

pytestmark = pytest.mark.browser

Window = Callable[..., Page]


def _say(phone: Page, text: str) -> None:
    phone.locator(".composer textarea").fill(text)
    phone.locator(".composer textarea").press("Enter")


def _hear(phone: Page, words: str) -> None:
    expect(phone.locator(".bubble", has_text=words).last).to_be_visible(timeout=SOON)


def test_a_whole_order_is_taken_in_darija_and_waits_for_the_agent(
    demo: Demo, window: Window
) -> None:
    phone, inbox = window(width=430, height=900), window()
    sign_in(inbox, demo, "owner", "fr")
    inbox.goto(f"{demo['base_url']}/inbox")
    phone.goto(f"{demo['simulator_url']}/#youssef/{demo['phone_number_id']}")

    _say(phone, "salam, bghit jouj sacat kuir k7lin l casa 3afak")
    _hear(phone, "adresse b dbt")
    _say(phone, "45 bd Anfa, tab9 3")
    _hear(phone, "2 × Sac en cuir (Noir)")
    _hear(phone, "660,00 MAD")
    picture(phone, "bot-1-summary")
    phone.get_by_role("button", name="Bghit nbeddel").last.click()
    _hear(phone, "chno ytbeddel")
    _say(phone, "zidni smta L")
    _hear(phone, "1 × Ceinture en cuir (L)")
    phone.get_by_role("button", name="Ah, kan2akked").last.click()
    _hear(phone, "tsejlat")

    row = inbox.locator("a.row", has_text="Youssef Benali")
    expect(row).to_be_visible(timeout=SOON)
    row.click()
    expect(inbox.locator(".bubble", has_text="tsejlat").last).to_be_visible(timeout=SOON)
    picture(inbox, "bot-2-inbox")
    _say(phone, "chokran")
    _hear(phone, "Bla jmil")
