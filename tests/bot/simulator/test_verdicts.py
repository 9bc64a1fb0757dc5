"""Reviews by rules, pauses that end, categories that change on their day."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pywa.client import WhatsApp
from werkzeug.test import Client

from bot.simulator import Simulator, demo
from tests.bot.simulator.business import Business, confirm

Json = dict[str, Any]


def _submit(sim: Simulator, text: str, category: str = "UTILITY", language: str = "fr") -> str:
    body = {
        "name": "essai",
        "language": language,
        "category": category,
        "components": [{"type": "BODY", "text": text}],
    }
    return sim.take_template(sim.world.accounts[demo.ATLAS], body).id


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        ("Envoyez votre mot de passe pour livrer.", "fr", "SCAM"),
        ("Payez sinon nous viendrons chez vous.", "fr", "ABUSIVE_CONTENT"),
        ("Votre colis est parti ce matin.", "ar", "TAG_CONTENT_MISMATCH"),
        ("طلبك في الطريق إليك اليوم", "fr", "TAG_CONTENT_MISMATCH"),
        ("Suivez votre colis sur bit.ly/3abc aujourd'hui.", "fr", "INVALID_FORMAT"),
    ],
)
def test_a_template_is_rejected_with_a_reason_and_advice(
    sim: Simulator, business: Business, text: str, language: str, reason: str
) -> None:
    template_id = _submit(sim, text, language=language)

    assert sim.decide() == 1
    sim.deliver()

    (news,) = business.values
    assert (news["event"], news["reason"]) == ("REJECTED", reason)
    assert news["rejection_info"]["recommendation"]
    assert sim.world.templates[template_id].rejected_reason == reason


def test_a_plain_template_is_approved_and_an_easy_reviewer_says_yes_to_all(
    sim: Simulator, business: Business
) -> None:
    _submit(sim, "Votre colis est parti ce matin.")
    sim.decide()
    sim.reviewer = "yes"
    first = next(t for t in sim.world.templates.values() if t.name == "essai")
    sim.change_template(first, {"components": [{"type": "BODY", "text": "Le code PIN svp"}]})
    sim.decide()
    sim.deliver()

    assert [v["event"] for v in business.values] == ["APPROVED", "APPROVED"]


def test_complaints_pause_for_three_hours_then_six_then_disable(
    sim: Simulator, business: Business
) -> None:
    template = next(t for t in sim.world.templates.values() if t.name == "order_confirmation")

    states = []
    for hours in (3, 6, 0):
        states.append(sim.complain(sim.world.templates[template.id]))
        sim.advance(hours * 3600 + 1)
        states.append(sim.world.templates[template.id].status)
    sim.deliver()

    assert states == ["PAUSED", "APPROVED", "PAUSED", "APPROVED", "DISABLED", "DISABLED"]
    titles = [v["other_info"]["title"] for v in business.values if "other_info" in v]
    assert titles == ["FIRST_PAUSE", "SECOND_PAUSE"]
    assert business.values[-1]["disable_info"]["disable_date"]


def test_a_paused_template_is_unpaused_over_graph(sim: Simulator, atlas: WhatsApp) -> None:
    template = next(t for t in sim.world.templates.values() if t.name == "order_confirmation")
    sim.complain(template)
    http = httpx.Client(transport=httpx.WSGITransport(app=sim.app))
    headers = {"Authorization": f"Bearer {demo.TOKEN}{demo.ATLAS}"}
    address = f"https://graph.facebook.com/v26.0/{template.id}/unpause"

    first = http.post(address, headers=headers)
    again = http.post(address, headers=headers)

    assert (first.json(), again.status_code) == ({"success": True}, 400)
    assert confirm(atlas)


def test_an_announced_category_holds_from_its_day_on(sim: Simulator, business: Business) -> None:
    template = next(t for t in sim.world.templates.values() if t.category == "UTILITY")
    sim.recategorise(template, "MARKETING", announce=True)
    sim.advance(86_401)
    sim.deliver()

    notice, done = business.values
    assert (notice["correct_category"], notice["new_category"]) == ("MARKETING", "UTILITY")
    assert (done["previous_category"], done["new_category"]) == ("UTILITY", "MARKETING")
    assert sim.world.templates[template.id].category == "MARKETING"


def test_reviews_are_set_and_held_over_http(sim: Simulator) -> None:
    web = Client(sim.app)
    _submit(sim, "Votre colis est parti ce matin.")

    kept = web.put("/_control/reviews", json={"after": None, "reviewer": "rules"}).get_json()

    assert kept == {"after": None, "reviewer": "rules"}
    assert web.put("/_control/reviews", json={"reviewer": "dice"}).status_code == 422
    assert web.post("/_control/reviews").get_json() == {"judged": 1}
