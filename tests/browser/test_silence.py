"""An automation made on its form, a customer who stays silent, and why it was sent."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo
from tests.browser.test_calls import TO_CONFIRM, take_order
from tests.browser.test_story import SOON, picture, sign_in

pytestmark = pytest.mark.browser

Window = Callable[..., Page]
NAME, SILENT = "Relance avant appel", "Injoignable"
FACTS = ("customer.first_name", "order.number", "order.amount")


def test_silence_moves_the_order_on_and_two_clicks_say_why(demo: Demo, window: Window) -> None:
    page, phone = window(), window(width=430, height=900)
    sign_in(page, demo, "owner", "fr")
    _automate(page, demo)

    # An order of somebody who never wrote: the message itself opens the conversation.
    phone.goto(f"{demo['simulator_url']}/#youssef/{demo['phone_number_id']}")
    page.goto(f"{demo['base_url']}/board")
    number = take_order(page, "Youssef Benali", "0663 45 67 89")
    expect(phone.locator(".bubble", has_text=number).last).to_be_visible(timeout=SOON)

    # An hour of silence, which lasts two seconds here, and the order has moved on by itself.
    page.goto(f"{demo['base_url']}/orders/{number}")
    expect(page.locator("main")).to_contain_text(
        re.compile(rf"{TO_CONFIRM}.+{SILENT}"), timeout=3 * SOON
    )
    picture(page, "silence-1-order")

    # Why did this customer get this message? Two clicks from their conversation.
    page.goto(f"{demo['base_url']}/inbox")
    page.locator("a.row", has_text="Youssef").first.click()
    page.locator("a[href^='/runs/']").last.click()
    expect(page).to_have_url(re.compile(r"/runs/[0-9a-f-]+"))
    expect(page.locator("main")).to_contain_text(NAME)
    expect(page.locator("main")).to_contain_text(SILENT)
    picture(page, "silence-2-why")
    _switch_off(page, demo)


def _switch_off(page: Page, demo: Demo) -> None:
    """Other stories have orders on that stage, too."""
    page.goto(f"{demo['base_url']}/automations")
    address = page.get_by_role("link", name=NAME, exact=True).get_attribute("href")
    said = page.request.post(
        f"{demo['base_url']}{address}/active",
        form={"active": ""},
        headers={"Origin": demo["base_url"]},
    )
    assert said.ok


def _automate(page: Page, demo: Demo) -> None:
    """On the form: out_for_delivery to whoever is to be called; an hour later, Unreachable."""
    page.goto(f"{demo['base_url']}/automations/new")
    page.fill("[name=name]", NAME)
    page.select_option("[name=stage]", label=TO_CONFIRM)
    templates = page.locator("[name=template] option")
    wanted = templates.filter(has_text=re.compile("out_for_delivery · français"))
    page.select_option("[name=template]", value=wanted.get_attribute("value"))
    for blank, fact in enumerate(FACTS, start=1):
        page.select_option(f"[name='variables.body.{blank}']", value=fact)
    page.check("[name=silence]")
    page.fill("[name=timeout_number]", "1")
    page.select_option("[name=timeout_unit]", value="hours")
    page.select_option("[name=timeout_from]", value="delivered")
    page.select_option("[name=fallback]", label=SILENT)
    picture(page, "silence-0-form")
    page.click("button[type=submit].button-primary")
    expect(page).to_have_url(re.compile(r"/automations$"), timeout=SOON)
