"""The main job with two windows: the customer's phone and the agent's inbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PICTURES, Demo

pytestmark = pytest.mark.browser

Window = Callable[..., Page]
SOON = 10_000  # milliseconds; one second is the promise, CI's machine is not always quick


@dataclass(frozen=True)
class Story:
    """One telling: who writes, and the interface's language."""

    language: str
    customer: str
    name: str
    words: str
    order: re.Pattern[str]
    create: str
    tap: str
    confirmed: str


TELLINGS = [
    Story(
        language="fr",
        customer="fatima",
        name="Fatima Zahra El Idrissi",
        words="Salam, je veux 2 sacs en cuir noir",
        order=re.compile("Créer une commande"),
        create="Créer la commande",
        tap="Confirmer",
        confirmed="Confirmée",
    ),
    Story(
        language="ar",
        customer="khadija",
        name="خديجة العلوي",
        words="السلام عليكم، بغيت حقيبة جلد سوداء",
        order=re.compile("إنشاء طلب"),
        create="إنشاء الطلب",
        tap="Confirmer",
        confirmed="Confirmée",
    ),
]


def sign_in(page: Page, demo: Demo, role: str, language: str) -> None:
    user = next(user for user in demo["users"] if user["role"] == role)
    page.goto(demo["base_url"])
    page.fill("[name=email]", user["email"])
    page.fill("[name=password]", user["password"])
    page.press("[name=password]", "Enter")
    page.wait_for_selector(".rail")
    if page.locator("html").get_attribute("lang") != language:
        page.request.post(
            f"{demo['base_url']}/language",
            form={"language": language},
            headers={"Origin": demo["base_url"]},
        )
        page.reload()
    expect(page.locator("html")).to_have_attribute("lang", language)


def picture(page: Page, name: str) -> None:
    page.screenshot(path=PICTURES / f"{name}.png")


@pytest.mark.parametrize("story", TELLINGS, ids=lambda story: story.language)
def test_a_message_becomes_an_order_that_sends_its_template(
    demo: Demo, window: Window, story: Story
) -> None:
    phone, inbox = window(width=430, height=900), window()
    sign_in(inbox, demo, "owner", story.language)
    inbox.goto(f"{demo['base_url']}/inbox")

    # The customer writes; the message appears without a reload.
    phone.goto(f"{demo['simulator_url']}/#{story.customer}/{demo['phone_number_id']}")
    phone.locator(".composer textarea").fill(story.words)
    phone.locator(".composer textarea").press("Enter")
    row = inbox.locator("a.row", has_text=story.name)
    expect(row).to_be_visible(timeout=SOON)
    row.click()
    expect(inbox.locator(".bubble-in", has_text=story.words).last).to_be_visible(timeout=SOON)
    picture(inbox, f"{story.language}-1-inbox")

    # The phone's ticks turn blue.
    mine = phone.locator(".bubble", has_text=story.words).last
    expect(mine.locator(".meta .blue")).to_be_visible(timeout=SOON)

    # The agent makes the order, by keyboard: what was written stands in it already.
    inbox.keyboard.press("o")
    dialog = inbox.locator("dialog[open]")
    expect(dialog.locator("[name=name]")).to_have_value(story.name)
    expect(dialog.locator("[data-line]")).to_have_count(1)
    expect(dialog.locator("[data-line] option:checked")).to_have_text("Noir")
    picture(inbox, f"{story.language}-2-order")
    dialog.get_by_text(story.create, exact=True).click()
    expect(dialog).to_have_count(0, timeout=SOON)

    # The template arrives on the phone, with its price in the thread.
    tap = phone.get_by_role("button", name=story.tap, exact=True).last
    expect(tap).to_be_visible(timeout=SOON)
    picture(phone, f"{story.language}-3-phone")
    expect(inbox.locator(".bubble-out .bubble-cost").last).to_be_visible(timeout=SOON)

    # The customer taps; the card moves on the board.
    board = inbox.context.new_page()
    board.goto(f"{demo['base_url']}/board")
    tap.click()
    column = board.locator(".column", has=board.locator(".column-name", has_text=story.confirmed))
    expect(column.locator(".ticket", has_text=story.name)).to_be_visible(timeout=SOON)
    picture(board, f"{story.language}-4-board")
    picture(inbox, f"{story.language}-5-thread")


def test_the_pages_fit_a_telephone_and_the_dark(demo: Demo, window: Window) -> None:
    for name, page in (("dark", window(dark=True)), ("360", window(width=360, height=780))):
        sign_in(page, demo, "owner", "fr")
        for path in ("inbox", "board", "automations", "runs", "costs"):
            page.goto(f"{demo['base_url']}/{path}")
            picture(page, f"{name}-{path}")
            assert _overflow(page) <= 0, path


def _overflow(page: Page) -> Any:
    """Pixels by which the page is wider than its window: nobody scrolls sideways to read."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
