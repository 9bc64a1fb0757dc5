"""An order that the bot took: its words are lit in the thread, and one key accepts it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo
from tests.browser.test_story import SOON, Window, picture, sign_in

pytestmark = pytest.mark.browser

LIT = """[...CSS.highlights].filter(([name]) => name.startsWith("source-now-"))
    .map(([_, words]) => [...words].join())"""


def test_the_words_of_a_field_are_lit_and_one_key_accepts(demo: Demo, window: Window) -> None:
    phone, inbox = window(width=430, height=900), window(width=1440, height=900)
    sign_in(inbox, demo, "confirmation_agent", "fr")
    order_from_the_bot(phone, demo)

    inbox.goto(f"{demo['base_url']}/inbox")
    inbox.locator("a.row", has_text="Nadia").click()
    waiting = inbox.locator("#draft")
    expect(waiting).to_contain_text("2 × Sac en cuir (Noir)", timeout=SOON)

    # The field somebody is in lights its very words in the bubble.
    inbox.keyboard.press("o")
    city = inbox.locator("dialog[open] [name=city]")
    expect(city).to_have_value("Fès", timeout=SOON)
    city.focus()
    assert inbox.evaluate(LIT) == ["Fès"]
    picture(inbox, "draft-1-lit")
    inbox.keyboard.press("Shift+Tab")
    assert inbox.evaluate(LIT) == ["12 rue des Fleurs"]
    inbox.keyboard.press("Escape")
    expect(inbox.locator("dialog[open]")).to_have_count(0)
    assert inbox.evaluate(LIT) == []

    # One key, and it is an order.
    inbox.keyboard.press("y")
    expect(waiting).to_be_empty(timeout=SOON)
    expect(inbox.locator("#panel .slip").first).to_contain_text("2 × Sac en cuir", timeout=SOON)
    picture(inbox, "draft-2-accepted")


def order_from_the_bot(phone: Page, demo: Demo) -> None:
    phone.goto(f"{demo['simulator_url']}/#nadia/{demo['phone_number_id']}")
    say = phone.locator(".composer textarea")
    say.fill("Bonjour, je veux 2 sacs en cuir noir à Fès")
    say.press("Enter")
    expect(phone.locator(".bubble", has_text=re.compile("adresse"))).to_be_visible(timeout=20_000)
    say.fill("12 rue des Fleurs")
    say.press("Enter")
    # WhatsApp keeps her number to itself.
    expect(phone.locator(".bubble", has_text=re.compile("téléphone"))).to_be_visible(timeout=20_000)
    say.fill("0612345678")
    say.press("Enter")
    confirm = phone.get_by_role("button", name="Je confirme", exact=True)
    expect(confirm).to_be_visible(timeout=20_000)
    confirm.click()
