"""The simulator's own pages: a customer does everything by hand, and faults are switched on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from bot.simulator import Simulator, create_simulator, demo, listen

pytestmark = pytest.mark.browser

Window = Callable[..., Page]
CHAT = f"#fatima/{demo.ATLAS_ONE}"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    simulator = create_simulator(
        webhook_url="http://127.0.0.1:9", app_secret="x", post=lambda *_: 200
    )
    server = listen(simulator)
    simulator.public_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    simulator.start()
    yield simulator
    server.shutdown()
    thread.join()
    server.server_close()
    simulator.stop()


def test_a_customer_sends_a_cart_edits_deletes_and_answers_a_form(
    sim: Simulator, window: Window
) -> None:
    page = window(width=430, height=900)
    wamid = sim.write("fatima", "2 sacs")
    page.goto(f"{sim.public_url}/{CHAT}")

    page.get_by_role("button", name="Joindre ou appeler").click()
    page.get_by_role("button", name="Un panier du catalogue").click()
    page.locator("dialog[open] .primary").click()
    expect(page.locator(".cart")).to_contain_text("320 MAD")
    _deed(page, "2 sacs", "Modifier")
    page.locator("dialog[open] textarea").fill("3 sacs")
    page.locator("dialog[open] .primary").click()
    expect(page.locator(".bubble", has_text="3 sacs")).to_contain_text("modifié")
    _deed(page, "3 sacs", "Supprimer pour tous")
    expect(page.locator(".bubble").first).to_contain_text("a été supprimé")
    assert sim.world.bubbles[wamid].revoked

    _ask_for_a_form(sim)
    page.get_by_role("button", name="Votre adresse").click()
    page.locator("dialog[open] input[name=city]").fill("Fès")
    page.locator("dialog[open] .primary").click()
    expect(page.locator(".bubble").last).to_contain_text("city: Fès")


def test_a_scenario_and_a_switch_are_set_by_hand(sim: Simulator, window: Window) -> None:
    page = window()
    page.goto(f"{sim.public_url}/faults")

    page.locator(".scenarios li", has_text="Meta est en panne").get_by_role("button").click()
    expect(page.locator(".running")).to_contain_text("Meta est en panne")
    page.get_by_role("searchbox").fill("131056")
    page.get_by_role("switch").click()
    expect(page.get_by_role("switch")).to_have_attribute("aria-checked", "true")
    assert [fault["what"] for fault in sim.faults.listed()] == [503, 131056]

    page.get_by_role("switch").click()
    expect(page.get_by_role("switch")).to_have_attribute("aria-checked", "false")
    page.locator("select[name=kind]").select_option("message reaction")
    page.get_by_role("button", name="Envoyer").click()
    expect(page.locator(".sent")).to_contain_text("message_id")
    page.get_by_role("button", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")


def test_phones_stand_side_by_side(sim: Simulator, window: Window) -> None:
    page = window()
    page.goto(f"{sim.public_url}/phones#fatima,khadija")

    expect(page.locator("iframe")).to_have_count(2)
    expect(page.frame_locator("iframe").last.locator("html")).to_have_attribute("dir", "rtl")
    page.get_by_role("button", name="Un téléphone de plus").click()
    expect(page.locator("iframe")).to_have_count(3)


def _deed(page: Page, text: str, name: str) -> None:
    bubble = page.locator(".bubble", has_text=text).first
    bubble.hover()
    bubble.get_by_role("button", name="Réagir ou répondre").click()
    page.locator(".actions").get_by_role("button", name=name).click()


def _ask_for_a_form(sim: Simulator) -> None:
    flow = {"flow_id": "7", "flow_cta": "Votre adresse", "flow_token": "t1"}
    interactive = {
        "type": "flow",
        "body": {"text": "Où livrer ?"},
        "action": {"name": "flow", "parameters": flow},
    }
    body = {"messaging_product": "whatsapp", "to": "+212661234567", "type": "interactive"}
    sim.accept(sim.number(demo.ATLAS_ONE), body | {"interactive": interactive})
