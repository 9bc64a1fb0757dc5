"""Templates beyond header, body and plain buttons: codes, offers with an end, carousels, forms."""

from __future__ import annotations

from typing import Any

import pytest

from bot.simulator import Simulator, demo
from bot.simulator.chatview import bubble_view
from bot.simulator.errors import GraphError
from tests.bot.simulator.business import FATIMA, Business

Json = dict[str, Any]
PHOTO: Json = {"type": "image", "image": {"link": "https://shop.example/sac.jpg"}}


def _template(sim: Simulator, *components: Json) -> None:
    facts = {
        "name": "special",
        "language": "fr",
        "category": "MARKETING",
        "status": "APPROVED",
        "components": list(components),
    }
    sim.keep_template(sim.world.accounts[demo.ATLAS], facts)
    sim.write("fatima", "Salam")


def _send(sim: Simulator, *components: Json) -> Json:
    template = {"name": "special", "language": {"code": "fr"}, "components": list(components)}
    body = {
        "messaging_product": "whatsapp",
        "to": FATIMA,
        "type": "template",
        "template": template,
    }
    answer = sim.accept(sim.number(demo.ATLAS_ONE), body)
    view = bubble_view(sim, answer["messages"][0]["id"])
    assert view is not None
    return view


def test_an_offer_has_an_end_and_a_code_to_copy(sim: Simulator) -> None:
    _template(
        sim,
        {"type": "LIMITED_TIME_OFFER",
         "limited_time_offer": {"text": "Vite !", "has_expiration": True}},
        {"type": "BODY", "text": "Les sacs sont en promotion."},
        {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "example": "SAC10"}]},
    )  # fmt: skip
    code = {"type": "coupon_code", "coupon_code": "SAC25"}
    ends = {"type": "limited_time_offer",
            "limited_time_offer": {"expiration_time_ms": 1990000000000}}  # fmt: skip
    button = {"type": "button", "sub_type": "copy_code", "index": "0", "parameters": [code]}

    view = _send(sim, {"type": "limited_time_offer", "parameters": [ends]}, button)

    assert view["offer"] == {"text": "Vite !", "ends": 1990000000000}
    assert view["choices"][0]["code"] == "SAC25"
    with pytest.raises(ValueError, match="sends no message"):
        sim.tap("fatima", view["wamid"])
    with pytest.raises(GraphError, match="131008"):
        _send(sim, button)


def test_a_carousel_shows_its_cards_and_answers_from_them(
    sim: Simulator, business: Business
) -> None:
    card = {
        "components": [
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "Sac {{1}} en cuir"},
            {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Je le veux"}]},
        ]
    }
    _template(sim, {"type": "BODY", "text": "Nouveautés"},
              {"type": "CAROUSEL", "cards": [card, card]})  # fmt: skip

    view = _send(sim, {"type": "carousel", "cards": [_card(1, "rouge"), _card(0, "noir")]})
    sim.tap("fatima", view["wamid"], 1)
    sim.deliver()

    assert [one["body"] for one in view["cards"]] == ["Sac noir en cuir", "Sac rouge en cuir"]
    assert view["cards"][0]["header"]["file"]["link"] == PHOTO["image"]["link"]
    assert [(one["first"], one["count"]) for one in view["cards"]] == [(0, 1), (1, 1)]
    assert business.messages[-1]["button"]["payload"] == "want:rouge"
    with pytest.raises(GraphError, match="132000"):
        _send(sim, {"type": "carousel", "cards": [_card(0, "noir")]})


def test_buttons_ask_for_a_form_a_cart_or_the_number(sim: Simulator, business: Business) -> None:
    kinds = [{"type": kind, "text": kind.title()} for kind in ("FLOW", "CATALOG")]
    kinds.append({"type": "REQUEST_CONTACT_INFO"})
    _template(sim, {"type": "BODY", "text": "Bonjour"}, {"type": "BUTTONS", "buttons": kinds})

    view = _send(sim)
    for index in range(3):
        sim.tap("fatima", view["wamid"], index, given={})
    sim.deliver()

    assert [choice["kind"] for choice in view["choices"]] == ["flow", "cart", "contact"]
    assert [m["type"] for m in business.messages[1:]] == ["interactive", "order", "contacts"]


def _card(index: int, colour: str) -> Json:
    payload = {"type": "payload", "payload": f"want:{colour}"}
    return {
        "card_index": index,
        "components": [
            {"type": "header", "parameters": [PHOTO]},
            {"type": "body", "parameters": [{"type": "text", "text": colour}]},
            {"type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [payload]},
        ],
    }
