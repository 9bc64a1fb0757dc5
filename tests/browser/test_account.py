"""The second step in a browser: a delivery agent sets it up and loses the phone."""

from __future__ import annotations

from collections.abc import Callable

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo
from tests.browser.test_story import SOON

pytestmark = pytest.mark.browser

Window = Callable[..., Page]
# Whose second step stays on: the other stories sign in as the others.
COURIER = "delivery_agent"


def sign_in(page: Page, demo: Demo, role: str) -> None:
    user = next(user for user in demo["users"] if user["role"] == role)
    page.goto(f"{demo['base_url']}/sign-in")
    page.fill("#f-email", user["email"])
    page.fill("#f-password", user["password"])
    page.click("form.plain-card button[type=submit]")
    page.wait_for_load_state()


def require(page: Page, demo: Demo, *, on: bool) -> None:
    page.goto(f"{demo['base_url']}/security")
    page.set_checked(f"input[value={COURIER}]", on)
    page.click("form[action='/security'] button[type=submit]")
    expect(page.locator(".toast")).to_be_visible(timeout=SOON)


def test_an_agent_sets_the_second_step_up_and_gets_in_without_the_phone(
    demo: Demo, window: Window
) -> None:
    owner, agent = window(), window(width=360)
    sign_in(owner, demo, "owner")
    require(owner, demo, on=True)

    sign_in(agent, demo, COURIER)
    expect(agent).to_have_url(f"{demo['base_url']}/account/second-step", timeout=SOON)
    password = next(u["password"] for u in demo["users"] if u["role"] == COURIER)
    agent.fill("#f-password", password)
    agent.click("form.card button[type=submit]")
    key = agent.locator("code.key").inner_text(timeout=SOON).replace(" ", "")
    agent.fill("#f-code", pyotp.TOTP(key).now())
    agent.keyboard.press("Enter")
    expect(agent.locator("#codes code")).to_have_count(10, timeout=SOON)
    printed = agent.locator("#codes code").all_inner_texts()

    agent.context.clear_cookies()
    sign_in(agent, demo, COURIER)
    agent.click("details > summary")
    agent.fill("#f-recovery", printed[0].lower())
    agent.keyboard.press("Enter")
    expect(agent.locator(".rail")).to_be_visible(timeout=SOON)

    owner.goto(f"{demo['base_url']}/audit")
    expect(owner.locator(".audit-line")).not_to_have_count(0)
    assert "127.0.0.1" in owner.locator(".audit").inner_text()
    require(owner, demo, on=False)
