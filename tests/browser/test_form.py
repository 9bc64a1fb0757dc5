"""The address form on the phone page: what is wrong is said, what is right comes to the shop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from bot.simulator import Simulator, demo, listen
from config import settings
from flows import forms
from models import db
from models.channel import Channel
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Direction, Message
from tests import factories
from tests.stories.steps import Work, settle

pytestmark = pytest.mark.browser

Window = Callable[..., Page]


@pytest.fixture
def shop(simulator: Simulator, work: Work, monkeypatch: pytest.MonkeyPatch) -> Iterator[Merchant]:
    """The demo's shop with its form published, and the phones on an address of their own."""
    monkeypatch.setenv("WASL_BASE_URL", "https://wasl.test")
    settings.cache_clear()
    found = factories.demo_shop()
    with db.merchant(found.id) as session:
        one = select(Channel).where(Channel.phone_number_id == demo.ATLAS_ONE)
        forms.request_publish(session.scalars(one).one())
    settle(simulator, work)
    server = listen(simulator)
    simulator.public_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.parametrize(
    ("who", "language", "dark"), [("nadia", "fr", False), ("khadija", "ar", True)]
)
def test_an_address_is_given_by_hand(
    shop: Merchant,
    simulator: Simulator,
    work: Work,
    window: Window,
    who: str,
    language: str,
    dark: bool,
) -> None:
    simulator.write(who, "Salam", to=demo.ATLAS_ONE)
    settle(simulator, work)
    with db.merchant(shop.id) as session:
        conversation = session.scalars(select(Conversation)).one()
        assert forms.ask(conversation, text="Où livrer ?", label="Adresse", language=language)
    settle(simulator, work)
    page = window(width=430, height=900, dark=dark)
    page.goto(f"{simulator.public_url}/#{who}/{demo.ATLAS_ONE}")

    page.get_by_role("button", name="Adresse").click()
    sheet = page.locator("dialog[open]")
    sheet.locator("input[name=name]").fill("Nadia B.")
    if who == "nadia":
        sheet.locator("input[name=phone]").fill("06")
    sheet.locator("input[name=city]").fill("Marrakk")
    sheet.locator("textarea[name=line]").fill("3 rue Patrice Lumumba")
    sheet.locator(".primary").click()
    expect(sheet.locator(".wrong-words")).to_have_count(2 if who == "nadia" else 1)
    if who == "nadia":
        sheet.locator("input[name=phone]").fill("06 64 56 78 90")
    sheet.locator(".pick", has_text="Marrakech").first.click()
    sheet.locator(".primary").click()
    expect(sheet).to_contain_text("3 rue Patrice Lumumba")
    sheet.locator(".back").click()
    expect(sheet.locator("input[name=name]")).to_have_value("Nadia B.")
    sheet.locator("input[name=city]").fill("Rabat")
    sheet.locator(".primary").click()
    sheet.locator(".primary").click()
    expect(page.locator(".bubble").last).to_contain_text("city: Rabat")

    settle(simulator, work)
    with db.merchant(shop.id) as session:
        came = select(Message).where(Message.direction == Direction.IN)
        filled = forms.read(session.scalars(came.where(Message.kind == "interactive")).one())
    assert filled is not None
    assert (filled.name, filled.city) == ("Nadia B.", "Rabat")
