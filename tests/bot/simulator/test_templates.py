"""Templates: listed with pages and fields, created, reviewed, deleted."""

from __future__ import annotations

from typing import Any

import pytest
from pywa.client import WhatsApp
from pywa.errors import WhatsAppError

from bot.simulator import Simulator, demo
from tests.bot.simulator.business import FATIMA, Business, confirm

NEEDED = {"order_confirmation", "order_shipped", "out_for_delivery", "delivery_failed", "thank_you"}
BODY: dict[str, Any] = {
    "type": "BODY",
    "text": "Bonjour {{1}}, êtes-vous content ?",
    "example": {"body_text": [["Fatima"]]},
}
SURVEY: dict[str, Any] = {
    "name": "survey",
    "language": "fr",
    "category": "UTILITY",
    "components": [BODY],
}


@pytest.mark.parametrize("account", [demo.ATLAS, demo.ALGIERS])
def test_both_merchants_have_the_approved_set_in_french_and_arabic(
    sim: Simulator, account: str
) -> None:
    approved = {
        (template.name, template.language)
        for template in sim.world.templates.values()
        if template.account == account and template.status == "APPROVED"
    }

    assert approved >= {(name, language) for name in NEEDED for language in ("fr", "ar")}
    states = {t.status for t in sim.world.templates.values() if t.account == account}
    assert states == {"APPROVED", "PENDING", "REJECTED"}


def test_pages_follow_one_another_until_the_last(sim: Simulator, atlas: WhatsApp) -> None:
    seen, query = [], {"fields": "name,status", "limit": "5"}
    while True:
        page = _get(atlas, f"/{demo.ATLAS}/message_templates", query)
        seen += page["data"]
        if "next" not in page["paging"]:
            break
        query["after"] = page["paging"]["cursors"]["after"]

    mine = [t for t in sim.world.templates.values() if t.account == demo.ATLAS]
    assert [row["id"] for row in seen] == [template.id for template in mine]
    assert set(seen[0]) == {"id", "name", "status"}


def test_a_list_is_filtered(atlas: WhatsApp) -> None:
    query = {"status": "REJECTED", "fields": "name,rejected_reason"}
    page = _get(atlas, f"/{demo.ATLAS}/message_templates", query)

    assert [(t["name"], t["rejected_reason"]) for t in page["data"]] == [
        ("flash_sale", "PROMOTIONAL")
    ]


def test_a_new_template_waits_for_its_review_and_then_sends(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    created = _create(atlas, SURVEY)
    assert created["status"] == "PENDING"

    sim.review(sim.world.templates[created["id"]], "APPROVED", category="MARKETING")
    sim.deliver()
    sent = atlas.api.send_raw_request("POST", f"/{demo.ATLAS_ONE}/messages", json=_survey())

    news = business.values[0]
    assert (news["event"], news["message_template_id"]) == ("APPROVED", int(created["id"]))
    assert news["message_template_category"] == "MARKETING"
    assert sim.world.bubbles[sent["messages"][0]["id"]].category == "marketing"


@pytest.mark.parametrize(
    ("change", "subcode"),
    [
        ({"name": "Bad Name"}, 2388044),
        ({"name": "order_confirmation"}, 2388024),
        ({"components": [{**BODY, "text": "{{1}} bonjour"}]}, 2388299),
        ({"components": [{**BODY, "example": None}]}, 2388043),
        ({"components": [{**BODY, "text": "x" * 1025}]}, 2388040),
        ({"components": []}, None),
        ({"category": None}, None),
    ],
)
def test_a_template_meta_would_not_even_review_is_refused(
    atlas: WhatsApp, change: dict[str, Any], subcode: int | None
) -> None:
    with pytest.raises(WhatsAppError) as refused:
        _create(atlas, SURVEY | change)

    assert (refused.value.code, refused.value.subcode) == (100, subcode)


def test_a_paused_template_is_not_sent(sim: Simulator, atlas: WhatsApp) -> None:
    template = sim.world.template(demo.ATLAS, "order_confirmation", "fr")
    assert template is not None
    sim.review(template, "PAUSED")

    with pytest.raises(WhatsAppError) as refused:
        confirm(atlas)

    assert refused.value.code == 132015


def test_a_deleted_template_is_gone_in_every_language(sim: Simulator, atlas: WhatsApp) -> None:
    atlas.delete_template(template_name="thank_you")

    assert sim.world.template(demo.ATLAS, "thank_you", "fr") is None
    assert sim.world.template(demo.ATLAS, "thank_you", "ar") is None
    assert sim.world.template(demo.ALGIERS, "thank_you", "fr") is not None


def _get(atlas: WhatsApp, path: str, query: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = atlas.api.send_raw_request("GET", path, params=query)
    return found


def _create(atlas: WhatsApp, template: dict[str, Any]) -> dict[str, Any]:
    path = f"/{demo.ATLAS}/message_templates"
    made: dict[str, Any] = atlas.api.send_raw_request("POST", path, json=template)
    return made


def _survey() -> dict[str, Any]:
    parameters = [{"type": "text", "text": "Fatima"}]
    return {
        "messaging_product": "whatsapp",
        "to": FATIMA,
        "type": "template",
        "template": {
            "name": "survey",
            "language": {"code": "fr"},
            "components": [{"type": "body", "parameters": parameters}],
        },
    }
