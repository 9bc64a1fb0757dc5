"""Templates: listed with pages and fields, created, reviewed, deleted."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pywa.client import WhatsApp
from pywa.errors import WhatsAppError
from werkzeug.test import Client

from bot.simulator import Simulator, demo
from tests.bot.simulator.business import FATIMA, Business, confirm, open_simulator

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


# --- reviews and changes of mind ------------------------------------------------------------------


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 24
PICTURE = {"type": "HEADER", "format": "IMAGE"}
YES, NO, BLANK = ({"type": "QUICK_REPLY", "text": text} for text in ("Oui", "Non", "{{1}}"))
CALL = {"type": "PHONE_NUMBER", "text": "Appeler", "phone_number": "+212520000001"}


@pytest.mark.parametrize(
    ("components", "subcode"),
    [
        ([{**BODY, "text": "Un {{2}} deux trois quatre {{1}} cinq six"}], 2388072),
        ([{**BODY, "text": "Oui {{1}} non"}], 2388293),
        ([BODY, {"type": "FOOTER", "text": "{{1}}"}], 2388073),
        ([BODY, {"type": "HEADER", "format": "TEXT", "text": "x" * 61}], 2388047),
        ([BODY, PICTURE], 2388043),
        ([BODY, {"type": "BUTTONS", "buttons": [BLANK]}], 2388060),
        ([BODY, {"type": "BUTTONS", "buttons": [YES, CALL, NO]}], 2388060),
    ],
)
def test_each_part_has_its_rules(
    atlas: WhatsApp, components: list[dict[str, Any]], subcode: int
) -> None:
    with pytest.raises(WhatsAppError) as refused:
        _create(atlas, SURVEY | {"components": components})

    assert refused.value.subcode == subcode


def test_the_same_words_are_taken_once(atlas: WhatsApp) -> None:
    _create(atlas, SURVEY)

    with pytest.raises(WhatsAppError) as refused:
        _create(atlas, SURVEY | {"name": "survey_again"})

    assert refused.value.user_title == "Duplicate content"


def test_an_offer_comes_back_as_marketing(atlas: WhatsApp) -> None:
    offer = {**BODY, "text": "Bonjour {{1}}, profitez de nos soldes demain."}

    assert _create(atlas, SURVEY | {"components": [offer]})["category"] == "MARKETING"


def test_a_picture_is_uploaded_in_a_session_before_its_template(
    sim: Simulator, atlas: WhatsApp
) -> None:
    app_id = _get(atlas, "/app", {"fields": "id"})["id"]
    session = atlas.api.create_upload_session(app_id, "a.png", len(PNG), "image/png")
    handle = atlas.api.upload_file(session["id"], PNG)["h"]

    made = _create(
        atlas, SURVEY | {"components": [PICTURE | {"example": {"header_handle": [handle]}}, BODY]}
    )

    assert sim.world.templates[made["id"]].components[0]["format"] == "IMAGE"


def test_an_approved_template_is_edited_once_a_day(sim: Simulator, atlas: WhatsApp) -> None:
    template = _create(atlas, SURVEY)
    with pytest.raises(WhatsAppError):
        _edit(atlas, template["id"], "Bonjour {{1}}, tout va bien chez vous ?")
    sim.judge()

    _edit(atlas, template["id"], "Bonjour {{1}}, tout va bien chez vous ?")
    sim.judge()
    with pytest.raises(WhatsAppError) as refused:
        _edit(atlas, template["id"], "Bonjour {{1}}, tout va mieux chez vous ?")
    sim.advance(86_401)
    _edit(atlas, template["id"], "Bonjour {{1}}, tout va mieux chez vous ?")

    assert "once a day" in str(refused.value.user_msg)
    assert sim.world.templates[template["id"]].status == "PENDING"


def test_a_deleted_name_is_blocked_for_thirty_days(sim: Simulator, atlas: WhatsApp) -> None:
    _create(atlas, SURVEY)
    atlas.delete_template(template_name="survey")

    with pytest.raises(WhatsAppError) as refused:
        _create(atlas, SURVEY)
    sim.advance(31 * 86_400)

    assert refused.value.subcode == 2388023
    assert _create(atlas, SURVEY)["status"] == "PENDING"


def test_a_hundred_templates_an_hour(sim: Simulator, atlas: WhatsApp) -> None:
    sim.world.created_at[demo.ATLAS] = [sim.clock.time()] * 100

    with pytest.raises(WhatsAppError) as refused:
        _create(atlas, SURVEY)

    assert refused.value.code == 80008


def test_another_category_is_announced_then_charged(sim: Simulator, business: Business) -> None:
    template = sim.world.template(demo.ATLAS, "order_shipped", "fr")
    assert template is not None

    sim.recategorise(template, "MARKETING", announce=True)
    announced = sim.world.templates[template.id]
    sim.recategorise(announced, "MARKETING")
    sim.deliver()

    before, after = business.values
    assert (before["correct_category"], before["new_category"]) == ("MARKETING", "UTILITY")
    assert before["category_update_timestamp"] > sim.clock.time() + 86_000
    assert (after["previous_category"], after["new_category"]) == ("UTILITY", "MARKETING")
    assert (announced.category, sim.world.templates[template.id].category) == (
        "UTILITY",
        "MARKETING",
    )


def test_what_happened_to_templates_is_there_after_a_restart(
    sim: Simulator, atlas: WhatsApp, business: Business, tmp_path: Any
) -> None:
    made = _create(atlas, SURVEY)
    sim.judge()
    _edit(atlas, made["id"], "Bonjour {{1}}, tout va bien chez vous ?")
    _create(atlas, SURVEY | {"name": "other"})
    atlas.delete_template(template_name="other")
    sim.stop()

    again = open_simulator(business, tmp_path)

    template = again.world.templates[made["id"]]
    assert (template.status, len(template.edited_at)) == ("PENDING", 1)
    assert again.world.deleted_at[demo.ATLAS, "other", "fr"]
    assert len(again.world.created_at[demo.ATLAS]) == 2
    again.stop()


def test_metas_desk_reviews_pauses_and_recategorises_over_http(
    sim: Simulator, atlas: WhatsApp
) -> None:
    made = _create(atlas, SURVEY)
    web = Client(sim.app)
    first = web.get("/_control/templates").get_json()[0]
    place = f"/_control/templates/{made['id']}"

    web.post(f"{place}/review", json={"event": "REJECTED", "reason": "PROMOTIONAL"})
    rejected = sim.world.templates[made["id"]].rejected_reason
    web.post(f"{place}/review", json={"event": "APPROVED"})
    web.post(f"{place}/category", json={"category": "MARKETING"})
    web.post(f"{place}/quality", json={"score": "RED"})

    template = sim.world.templates[made["id"]]
    assert first["status"] == "PENDING"
    assert rejected == "PROMOTIONAL"
    assert (template.status, template.category, template.quality) == (
        "APPROVED",
        "MARKETING",
        "RED",
    )


def test_a_running_simulator_approves_by_itself(sim: Simulator, atlas: WhatsApp) -> None:
    Client(sim.app).put("/_control/reviews", json={"after": 0.01})

    made = _create(atlas, SURVEY)

    for _ in range(500):
        if sim.world.templates[made["id"]].status == "APPROVED":
            break
        threading.Event().wait(0.01)
    assert sim.world.templates[made["id"]].status == "APPROVED"


def _edit(atlas: WhatsApp, template_id: str, text: str) -> None:
    components = [{**BODY, "text": text}]
    atlas.api.send_raw_request("POST", f"/{template_id}", json={"components": components})
