"""The board in two windows, and five hundred orders moved at once."""

from __future__ import annotations

import re
from collections.abc import Callable

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Demo
from tests.browser.test_story import SOON, picture, sign_in

pytestmark = pytest.mark.browser

Window = Callable[..., Page]
MANY = 500

# As many orders as one needs, like one that is there.
ORDERS = """
WITH one AS (
    SELECT o.* FROM orders o JOIN merchants m ON m.id = o.merchant_id
    WHERE m.name = %(merchant)s ORDER BY o.number LIMIT 1),
first AS (
    SELECT s.id, s.state FROM stages s JOIN one USING (merchant_id)
    WHERE s.state = 'new' AND s.deleted_at IS NULL ORDER BY s.position LIMIT 1),
made AS (
    INSERT INTO orders SELECT (jsonb_populate_record(NULL::orders,
        to_jsonb(one) || jsonb_build_object('id', gen_random_uuid(), 'client_id', NULL,
        'number', %(from)s + n, 'stage_id', first.id, 'state', first.state,
        'stage_entered_at', now(), 'created_at', now(), 'flags', '{}',
        'conversation_id', NULL, 'version', 1))).*
    FROM one, first, generate_series(1, %(count)s) n RETURNING merchant_id, id, stage_id)
INSERT INTO entries (merchant_id, id, order_id, kind, actor, to_stage_id, facts, at)
SELECT merchant_id, gen_random_uuid(), id, 'created', 'system', stage_id, '{}', now() FROM made
"""


# As when the column it came to is renewed first.
ARRIVES = """(cards, number) => {
    const arrived = document.querySelector(`.ticket[data-number="${number}"]`).cloneNode(true)
    arrived.classList.remove('ticket-busy')
    arrived.dataset.version = Number(arrived.dataset.version) + 1
    cards.append(arrived)
    document.dispatchEvent(new CustomEvent("htmx:after:swap"))
}"""


def take_orders(demo: Demo, start: int, count: int) -> None:
    """Orders start + 1 … start + count are on the first stage of the demo's first merchant."""
    address = demo["database_url"].replace("+psycopg", "")
    with psycopg.connect(address) as connection:
        about = {"merchant": demo["users"][0]["merchant"], "from": start, "count": count}
        connection.execute(ORDERS, about)


def column(page: Page, name: str) -> Locator:
    return page.locator(".column", has=page.get_by_role("heading", name=name, exact=True))


def card(page: Page, number: int) -> Locator:
    return page.locator(f'.ticket[data-number="{number}"]')


def drag(page: Page, what: Locator, to: Locator) -> None:
    """By hand: a pointer that goes down, travels and lets go."""
    what.scroll_into_view_if_needed()
    start, end = what.bounding_box(), to.locator(".column-cards").bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 90, start["y"] + 34)
    page.mouse.down()
    page.mouse.move(start["x"] + 110, start["y"] + 40, steps=3)
    page.mouse.move(end["x"] + 90, end["y"] + 30, steps=8)
    # A busy browser is late to show where the card would land: a hand waits for that, too.
    for nudge in range(100):
        if to.locator(".ticket-ghost").count():
            break
        page.mouse.move(end["x"] + 90 + nudge % 3, end["y"] + 30)
        page.wait_for_timeout(50)
    page.mouse.up()


def test_a_dragged_card_moves_on_both_screens_and_back_with_one_key(
    demo: Demo, window: Window
) -> None:
    take_orders(demo, 70_000, 1)
    mine, theirs = window(), window()
    for page, role in ((mine, "owner"), (theirs, "confirmation_agent")):
        sign_in(page, demo, role, "fr")
        page.goto(f"{demo['base_url']}/board")
    expect(mine.locator("#strip[data-live]")).to_be_visible(timeout=SOON)

    drag(mine, card(mine, 70_001), column(mine, "À confirmer par appel"))

    for page in (mine, theirs):
        there = column(page, "À confirmer par appel").locator('[data-number="70001"]')
        expect(there).to_be_visible(timeout=SOON)
        expect(card(page, 70_001)).to_have_count(1)
    expect(mine.locator(".toast-undo")).to_be_visible(timeout=SOON)
    picture(mine, "board-1-dragged")

    mine.keyboard.press("z")

    for page in (mine, theirs):
        expect(column(page, "Nouvelle").locator('[data-number="70001"]')).to_be_visible(
            timeout=SOON
        )

    # By keyboard: the card in focus, M, the first stage of the list.
    card(mine, 70_001).locator("a").focus()
    mine.keyboard.press("m")
    mine.locator("#moves [data-to]").filter(has_text="Annulée").click()
    expect(mine.locator("#why")).to_be_visible()
    mine.fill("#why [name=words]", "Adresse inconnue")
    picture(mine, "board-2-why")
    mine.keyboard.press("Enter")
    there = column(theirs, "Annulée").locator('[data-number="70001"]')
    expect(there).to_be_attached(timeout=SOON)


def test_a_card_let_go_where_it_may_not_be_goes_back_and_is_told_why(
    demo: Demo, window: Window
) -> None:
    take_orders(demo, 75_000, 1)
    page = window(width=2800)
    sign_in(page, demo, "owner", "fr")
    page.goto(f"{demo['base_url']}/board")

    # On the way the card passes over stages it may enter.
    drag(page, card(page, 75_001), column(page, "Livrée"))

    expect(page.locator(".toast", has_text="ne peut pas aller à « Livrée »")).to_be_visible(
        timeout=SOON
    )
    expect(column(page, "Nouvelle").locator('[data-number="75001"]')).to_be_attached()


def test_a_card_is_shown_where_it_came_to_before_its_old_column_is_renewed(
    demo: Demo, window: Window
) -> None:
    take_orders(demo, 76_000, 1)
    page = window()
    sign_in(page, demo, "owner", "fr")
    page.goto(f"{demo['base_url']}/board")
    there = column(page, "Confirmée")

    here = column(page, "Nouvelle").locator('[data-number="76001"]')
    here.evaluate("card => card.classList.add('ticket-busy')")
    there.locator(".column-cards").evaluate(ARRIVES, "76001")
    expect(here).to_be_attached()  # one that is on its way to the server stays where it is
    expect(card(page, 76_001)).to_have_count(1)

    here.evaluate("card => card.classList.remove('ticket-busy')")
    there.locator(".column-cards").evaluate(ARRIVES, "76001")
    expect(there.locator('[data-number="76001"]')).to_be_attached()
    expect(card(page, 76_001)).to_have_count(1)


def test_five_hundred_orders_move_while_one_watches(demo: Demo, window: Window) -> None:
    take_orders(demo, 80_000, MANY)
    page = window()
    sign_in(page, demo, "owner", "fr")
    page.goto(f"{demo['base_url']}/board")
    from_, to = column(page, "Nouvelle"), column(page, "Injoignable")
    before = int(re.sub(r"\D", "", to.locator(".column-count").inner_text()))

    # Everything the column has comes as one scrolls; then one box, Shift and another.
    cards = from_.locator(".ticket")
    page.wait_for_function(
        """([id, n]) => {
            document.querySelector(`#${id} .column-more`)?.scrollIntoView()
            return document.querySelectorAll(`#${id} .ticket`).length >= n
        }""",
        arg=[from_.get_attribute("id"), MANY],
        polling=100,
    )
    from_.locator(".column-cards").evaluate("list => list.scrollTo(0, 0)")
    cards.first.hover()
    cards.first.locator(".ticket-pick").check()
    cards.nth(MANY - 1).locator(".ticket-pick").click(modifiers=["Shift"])
    expect(page.locator("#picked-count")).to_contain_text(str(MANY))
    picture(page, "bulk-1-picked")
    page.keyboard.press("m")
    page.locator("#moves [data-to]").filter(has_text="Injoignable").click()

    dialog = page.locator("dialog#dialog[open]")
    progress = dialog.get_by_role("progressbar")
    expect(progress).to_have_attribute("aria-valuemax", str(MANY), timeout=SOON)
    expect(progress).not_to_have_attribute("aria-valuenow", "0", timeout=SOON)
    picture(page, "bulk-2-progress")
    expect(progress).to_have_attribute("data-state", "done", timeout=12 * SOON)
    expect(progress).to_have_attribute("aria-valuenow", str(MANY))
    page.keyboard.press("Escape")
    moved = re.compile(rf"^{before + MANY}$")
    expect(to.locator(".column-count")).to_have_text(moved, timeout=SOON)
    picture(page, "bulk-3-done")
