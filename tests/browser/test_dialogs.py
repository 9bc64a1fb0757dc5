"""The one dialog: it goes when it is left, and only then."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Demo
from tests.browser.test_story import SOON, sign_in

pytestmark = pytest.mark.browser

Window = Callable[..., Page]

# Other stories leave orders without a line on the board: this one takes one with products.
EDITABLE = """
SELECT o.number FROM orders o JOIN merchants m ON m.id = o.merchant_id
WHERE m.name = %s AND o.state = 'new'
  AND EXISTS (SELECT FROM order_lines l WHERE l.order_id = o.id)
ORDER BY o.number LIMIT 1
"""


def editable(demo: Demo) -> int:
    with psycopg.connect(demo["database_url"].replace("+psycopg", "")) as connection:
        found = connection.execute(EDITABLE, (demo["users"][0]["merchant"],)).fetchone()
    assert found is not None
    return int(found[0])


def changing(page: Page, demo: Demo) -> Locator:
    """The page of an order, the form that changes it open; its note."""
    sign_in(page, demo, "owner", "fr")
    page.goto(f"{demo['base_url']}/orders/{editable(demo)}")
    expect(page.locator("html")).to_have_attribute("data-live", "on", timeout=SOON)
    page.keyboard.press("e")
    note = page.locator("#dialog[open] [name=note]")
    expect(note).to_be_visible(timeout=SOON)
    return note


def test_a_saved_order_stands_uncovered_after_its_page_was_renewed(
    demo: Demo, window: Window
) -> None:
    page = window()
    changing(page, demo).fill("Sonner deux fois")
    with page.expect_response(lambda answer: answer.request.method == "GET"):
        page.keyboard.press("Control+Enter")

    expect(page.locator("main")).to_contain_text("Sonner deux fois", timeout=SOON)
    expect(page.locator("#dialog")).not_to_have_attribute("open", "", timeout=SOON)
    expect(page.locator("#dialog > *")).to_have_count(0)


def test_what_is_renewed_behind_a_form_that_goes_does_not_bring_it_back(
    demo: Demo, window: Window
) -> None:
    page = window()
    changing(page, demo)

    page.evaluate("""["dialog:close", "htmx:after:swap"].forEach(name =>
        document.dispatchEvent(new CustomEvent(name)))""")

    expect(page.locator("#dialog > *")).to_have_count(0)
    assert not page.locator("#dialog").evaluate("dialog => dialog.open")


def test_leaving_the_picker_of_a_file_leaves_the_form_open(demo: Demo, window: Window) -> None:
    page = window()
    sign_in(page, demo, "owner", "fr")
    page.goto(f"{demo['base_url']}/costs/lists")
    page.locator("[hx-get='/costs/lists/new']").click()
    file = page.locator("#dialog[open] [name=file]")
    expect(file).to_be_visible(timeout=SOON)

    file.evaluate("field => field.dispatchEvent(new Event('cancel', { bubbles: true }))")

    expect(file).to_be_visible()
