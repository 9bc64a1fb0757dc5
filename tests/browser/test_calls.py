"""A day at the call centre: orders taken and called without ever touching the mouse."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PICTURES, Demo
from tests.browser.test_story import SOON, sign_in

pytestmark = pytest.mark.browser

Window = Callable[..., Page]
TO_CONFIRM = "À confirmer par appel"


def tab_to(page: Page, name: str) -> None:
    """Tab on to the field of this name."""
    for _ in range(60):
        if page.evaluate("document.activeElement.name") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {name}")


def take_order(page: Page, name: str, phone: str, *, known: bool = False) -> str:
    """An order by telephone that wants a call, from `n` to Ctrl+Enter; its number."""
    page.keyboard.press("n")
    dialog = page.locator("dialog[open]")
    expect(dialog.locator("#f-name")).to_be_focused(timeout=SOON)
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(phone)
    if known:
        expect(dialog.locator("[name=address_id]").first).to_be_checked(timeout=SOON)
    else:
        tab_to(page, "address")
        page.keyboard.type("12 rue Ibn Aïcha")
        page.keyboard.press("Tab")
        page.keyboard.type("Marrakech")
    tab_to(page, "q")
    page.keyboard.type("ceinture")
    expect(dialog.locator("#order-found [role=option]").first).to_be_visible(timeout=SOON)
    page.keyboard.press("Enter")
    expect(dialog.locator("[data-line]")).to_have_count(1)
    variant = dialog.locator("[data-line] select")
    if variant.count() and not variant.input_value():
        expect(variant).to_be_focused(timeout=SOON)
        page.keyboard.press("ArrowDown")
    tab_to(page, "stage_id")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(dialog.locator("[name=stage_id] option:checked")).to_have_text(TO_CONFIRM)
    with page.expect_response(
        lambda r: r.request.method == "POST" and r.url.endswith("/orders")
    ) as told:
        page.keyboard.press("Control+Enter")
    assert told.value.status == 201, told.value.text()
    expect(dialog).to_have_count(0, timeout=SOON)
    number = re.search(r"/orders/(\d+)$", told.value.headers["location"])
    assert number
    return number[1]


def picture(page: Page, name: str) -> None:
    # Hiding the caret would leave style="" on fields, which htmx copies and our policy forbids.
    page.screenshot(path=PICTURES / f"{name}.png", caret="initial")


def make_urgent(page: Page, demo: Demo, number: str) -> None:
    base = demo["base_url"]
    page.request.post(f"{base}/orders/{number}/urgent", headers={"Origin": base})


def on_screen(page: Page, number: str) -> None:
    expect(page.locator("[data-call]")).to_have_attribute("data-call", number, timeout=SOON)
    expect(page.locator("#call-form[data-htmx-powered]")).to_be_attached(timeout=SOON)


def test_orders_are_taken_and_called_by_keyboard_alone(demo: Demo, window: Window) -> None:
    page = window()
    sign_in(page, demo, "owner", "fr")
    page.goto(f"{demo['base_url']}/board")
    first = take_order(page, "Hamza Ouazzani", "0661 00 00 01")
    second = take_order(page, "Imane Lahlou", "0661 00 00 02")
    twin = take_order(page, "Hamza", "+212 661 000 001", known=True)
    for number in (first, second, twin):  # before whatever else the demo has to call
        make_urgent(page, demo, number)

    # Nobody answers: a note, one key, and the next is there.
    page.goto(f"{demo['base_url']}/calls?order={first}")
    on_screen(page, first)
    page.keyboard.press("e")
    page.keyboard.type("Sonne dans le vide")
    page.keyboard.press("Escape")
    picture(page, "calls-1-screen")
    page.keyboard.press("1")
    on_screen(page, second)

    # Confirmed, taken back, and confirmed again; on a French keyboard 8 is the key of _.
    page.keyboard.press("8")
    on_screen(page, twin)
    page.keyboard.press("u")
    on_screen(page, second)
    page.evaluate(
        """document.body.dispatchEvent(
            new KeyboardEvent("keydown", { key: "_", code: "Digit8", bubbles: true }))"""
    )
    on_screen(page, twin)

    # It looks like the first: side by side, and cancelled in one key.
    page.keyboard.press("d")
    expect(page.locator("table.twins")).to_be_visible(timeout=SOON)
    picture(page, "calls-2-twins")
    page.keyboard.press("d")
    page.wait_for_url("**/calls", timeout=SOON)

    # Later: the first one again, asked for, to tomorrow at ten.
    page.goto(f"{demo['base_url']}/calls?order={first}")
    on_screen(page, first)
    page.keyboard.press("3")
    expect(page.locator("#call-later")).to_be_visible()
    page.keyboard.press("1")
    expect(page.locator(f'[data-call="{first}"]')).to_have_count(0, timeout=SOON)
    page.goto(f"{demo['base_url']}/orders/{second}")
    expect(page.locator("main")).to_contain_text("Confirmée", timeout=SOON)
    picture(page, "calls-3-confirmed")
