"""What the true pywa client may send, and what Graph refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pywa.client import WhatsApp
from pywa.errors import WhatsAppError
from pywa.types.callback import Button, Section, SectionList, SectionRow
from pywa.types.callback import URLButton as LinkButton
from pywa.types.templates import TemplateLanguage

from bot.simulator import Simulator, demo
from tests.bot.simulator.business import (
    BODY,
    FATIMA,
    LINK,
    NADIA,
    Business,
    client,
    confirm,
    offer,
    send_template,
)


def _body(parameter: dict[str, str]) -> dict[str, Any]:
    return {"components": [{"type": "body", "parameters": [parameter] * 3}]}


def test_a_text_is_accepted_and_echoes_its_callback(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.write("fatima", "Salam")

    sent = atlas.send_text(FATIMA, "Bonjour Fatima", tracker="v1.abc")
    sim.deliver()

    assert sent.id.startswith("wamid.")
    assert [s["status"] for s in business.statuses] == ["sent", "delivered"]
    assert {s["biz_opaque_callback_data"] for s in business.statuses} == {"v1.abc"}
    assert all(isinstance(s["timestamp"], str) for s in business.statuses)


def test_free_text_outside_the_window_is_accepted_and_fails_later(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.write("fatima", "Salam")
    sim.advance(timedelta(hours=24).total_seconds() + 1)

    atlas.send_text(FATIMA, "Toujours là ?")
    sim.deliver()

    failed = business.statuses[-1]
    assert failed["status"] == "failed"
    assert failed["errors"][0]["code"] == 131047
    assert "contacts" not in business.values[-1]


def test_a_template_goes_through_the_closed_window_and_is_drawn_with_its_parameters(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    wamid = confirm(atlas)
    sim.deliver()

    drawn = sim.world.bubbles[wamid].shown
    assert "commande n° *1042*, d'un montant de *835,00 MAD*" in drawn["body"]
    assert [c["text"] for c in drawn["choices"]] == ["Confirmer", "Modifier", "Annuler"]
    assert [s["status"] for s in business.statuses] == ["sent", "delivered"]


def test_a_tap_on_a_quick_reply_brings_back_its_payload(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    wamid = confirm(atlas)

    sim.tap("fatima", wamid, 2)
    sim.deliver()

    tapped = business.messages[-1]
    assert tapped["type"] == "button"
    assert tapped["button"] == {"payload": "x:1", "text": "Annuler"}
    assert tapped["context"] == {"from": "212520000001", "id": wamid}


def test_a_named_template_in_arabic_fills_its_link(sim: Simulator, atlas: WhatsApp) -> None:
    params = [
        BODY.params(customer_name="خديجة", order_number="7", tracking_number="MA9"),
        LINK.params(url_variable="MA9", index=0),
    ]
    wamid = send_template(atlas, "+212662345678", "order_shipped", params, TemplateLanguage.ARABIC)

    drawn = sim.world.bubbles[wamid].shown
    assert "مرحبا خديجة" in drawn["body"]
    assert drawn["choices"][0]["url"] == "https://boutique-atlas.example/suivi/MA9"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "no_such_template"}, 132001),
        ({"name": "new_collection"}, 132001),
        ({"name": "flash_sale"}, 132001),
        ({"language": {"code": "en"}}, 132001),
        ({"components": []}, 132000),
        (_body({"type": "image"}), 132012),
        (_body({"type": "text", "text": "a\nb"}), 132018),
        (_body({"type": "text", "text": ""}), 131008),
        (_body({"type": "text", "text": "x" * 400}), 132005),
    ],
)
def test_a_template_that_does_not_fit_is_refused(
    atlas: WhatsApp, change: dict[str, Any], code: int
) -> None:
    template = {"name": "order_confirmation", "language": {"code": "fr"}, "components": []} | change
    body = {"messaging_product": "whatsapp", "to": FATIMA, "type": "template", "template": template}

    with pytest.raises(WhatsAppError) as refused:
        atlas.api.send_raw_request("POST", f"/{demo.ATLAS_ONE}/messages", json=body)

    assert refused.value.code == code


def test_a_link_button_without_its_parameter_is_refused_in_metas_words(atlas: WhatsApp) -> None:
    params = [BODY.params(customer_name="F", order_number="1", tracking_number="M")]

    with pytest.raises(WhatsAppError) as refused:
        send_template(atlas, FATIMA, "order_shipped", params)

    assert refused.value.code == 131008
    assert refused.value.details == "buttons: Button at index 0 of type Url requires a parameter"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"messaging_product": None}, 100),
        ({"to": None}, 100),
        ({"to": "nobody"}, 131009),
        ({"type": "fax"}, 100),
        ({"text": None}, 100),
        ({"text": {"body": " "}}, 100),
        ({"text": {"body": "x" * 4097}}, 100),
        ({"to": "+212520000001"}, 131021),
        ({"type": "image", "image": {"id": "1"}}, 131009),
        ({"type": "image", "image": {}}, 131008),
        ({"type": "location", "location": {"latitude": 120, "longitude": 0}}, 131009),
        ({"type": "interactive", "interactive": {"type": "list"}}, 131008),
        ({"type": "template", "template": {"name": "thank_you", "language": "fr"}}, 100),
        ({"type": "contacts", "contacts": ["Omar"]}, 100),
    ],
)
def test_a_wrong_body_is_refused_with_graphs_error(
    sim: Simulator, body: dict[str, Any], code: int
) -> None:
    right = {"messaging_product": "whatsapp", "to": FATIMA, "text": {"body": "x"}}

    answer = _post(sim, f"/v26.0/{demo.ATLAS_ONE}/messages", right | body)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert error["type"] == "OAuthException"
    assert error["fbtrace_id"]
    assert sim.ledger.records("accepted") == []


@pytest.mark.parametrize(
    ("token", "number", "status", "code"),
    [
        ("EAA-somebody-else", demo.ATLAS_ONE, 401, 190),
        ("EAA-demo-999", demo.ATLAS_ONE, 401, 190),
        (demo.TOKEN + demo.ATLAS, demo.ALGIERS_ONE, 400, 100),
        (demo.TOKEN + demo.ATLAS, "12345", 400, 100),
    ],
)
def test_a_token_opens_only_the_numbers_of_its_account(
    sim: Simulator, token: str, number: str, status: int, code: int
) -> None:
    body = {"messaging_product": "whatsapp", "to": FATIMA, "text": {"body": "x"}}

    answer = _post(sim, f"/{number}/messages", body, token=token)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_somebody_without_whatsapp_is_undeliverable(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    confirm(atlas, "+212699999999")
    sim.deliver()

    assert business.statuses[0]["errors"][0]["code"] == 131026
    assert business.statuses[0]["recipient_id"] == "212699999999"


def test_a_person_without_a_phone_is_written_to_by_user_id(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.write("nadia", "Bonjour !")

    sent = atlas.send_text(NADIA, "Bonjour Nadia")
    sim.deliver()

    assert sent.to == NADIA
    assert "wa_id" not in business.values[0]["contacts"][0]
    assert "from" not in business.messages[0]
    assert business.values[0]["contacts"][0]["profile"]["username"] == "@nadia.style"
    assert business.statuses[0]["recipient_user_id"] == NADIA
    assert "recipient_id" not in business.statuses[0]


def test_a_user_id_nobody_has_is_undeliverable(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    confirm(atlas, "MA.1")
    sim.deliver()

    (failed,) = business.statuses
    assert failed["errors"][0]["code"] == 131026
    assert (failed.get("recipient_id"), failed["recipient_user_id"]) == (None, "MA.1")


def test_an_image_goes_up_is_sent_and_comes_down_again(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.write("fatima", "Vous avez une photo ?")
    media = atlas.upload_media(b"\x89PNG one pixel", mime_type="image/png", filename="sac.png")
    assert media is not None

    sent = atlas.send_image(FATIMA, media, caption="Le sac noir")
    found = atlas.get_media_url(media.id)

    assert atlas.get_media_bytes(found.url) == b"\x89PNG one pixel"
    assert sim.world.bubbles[sent.id].content["caption"] == "Le sac noir"
    assert atlas.delete_media(media.id)
    with pytest.raises(WhatsAppError) as gone:
        atlas.get_media_url(media.id)
    assert gone.value.code == 100


def test_a_media_link_needs_the_token_and_dies_after_five_minutes(
    sim: Simulator, atlas: WhatsApp
) -> None:
    media = atlas.upload_media(b"%PDF-", mime_type="application/pdf", filename="bon.pdf")
    assert media is not None
    url = atlas.get_media_url(media.id).url
    http = httpx.Client(transport=httpx.WSGITransport(app=sim.app))

    assert http.get(url).status_code == 401
    sim.advance(301)
    bearer = {"Authorization": f"Bearer {demo.TOKEN}{demo.ATLAS}"}
    assert http.get(url, headers=bearer).status_code == 404


def test_a_program_is_not_a_file_whatsapp_takes(atlas: WhatsApp) -> None:
    with pytest.raises(WhatsAppError) as refused:
        atlas.upload_media(b"MZ", mime_type="application/x-msdownload", filename="a.exe")

    assert refused.value.code == 100


def test_marking_as_read_turns_the_customers_ticks_blue_and_typing_shows(
    sim: Simulator, atlas: WhatsApp
) -> None:
    first, second = sim.write("fatima", "Salam"), sim.write("fatima", "Vous êtes là ?")
    sim.deliver()

    atlas.mark_message_as_read(second)
    atlas.indicate_typing(second)

    assert [sim.world.bubbles[w].status for w in (first, second)] == ["read", "read"]
    assert sim.world.chat(demo.ATLAS_ONE, "fatima").typing_until > sim.clock.time()


def test_buttons_and_lists_come_back_with_their_ids(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.write("fatima", "Salam")
    buttons = atlas.send_message(FATIMA, "Taille ?", buttons=[Button("M", "size:m")])
    rows = [
        SectionRow(title="Noir", callback_data="c:1"),
        SectionRow(title="Rouge", callback_data="c:2"),
    ]
    menu = SectionList(button_title="Couleurs", sections=[Section(title="Cuir", rows=rows)])
    listed = atlas.send_message(FATIMA, "Couleur ?", buttons=menu)

    sim.tap("fatima", buttons.id, 0)
    sim.tap("fatima", listed.id, 1)
    sim.deliver()

    replies = [m["interactive"] for m in business.messages if m["type"] == "interactive"]
    assert replies[0] == {"type": "button_reply", "button_reply": {"id": "size:m", "title": "M"}}
    assert replies[1]["list_reply"] == {"id": "c:2", "title": "Rouge"}


def test_a_link_button_sends_nothing_when_it_is_tapped(sim: Simulator, atlas: WhatsApp) -> None:
    sim.write("fatima", "Salam")
    sent = atlas.send_message(FATIMA, "Voir", buttons=LinkButton("Voir", "https://shop.example/"))

    with pytest.raises(ValueError, match="url"):
        sim.tap("fatima", sent.id, 0)


def test_the_business_reacts_to_a_message(sim: Simulator, atlas: WhatsApp) -> None:
    wamid = sim.write("fatima", "Merci !")

    atlas.send_reaction(FATIMA, "❤️", wamid)
    assert sim.world.bubbles[wamid].reactions == {"business": "❤️"}

    atlas.remove_reaction(FATIMA, wamid)
    assert sim.world.bubbles[wamid].reactions == {}


def test_the_limits_of_a_number_and_of_a_pair_are_metas(
    sim: Simulator, atlas: WhatsApp, on: Callable[[int, int, int], None]
) -> None:
    sim.write("fatima", "Salam")
    sim.limit(pair_burst=2, pair_every=6.0)
    atlas.send_text(FATIMA, "1")
    atlas.send_text(FATIMA, "2")

    with pytest.raises(WhatsAppError) as refused:
        atlas.send_text(FATIMA, "3")
    sim.advance(12.5)

    assert refused.value.code == 131056
    assert atlas.send_text(FATIMA, "3")


def test_someone_who_stopped_marketing_still_gets_order_updates(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.prefer("fatima", sim.world.accounts[demo.ATLAS], "stop")
    offer(atlas)
    confirm(atlas)
    sim.deliver()

    assert business.values[0]["user_preferences"][0]["value"] == "stop"
    assert business.statuses[0]["errors"][0]["code"] == 131050
    assert [s["status"] for s in business.statuses[1:]] == ["sent", "delivered"]


def test_both_merchants_see_the_same_person_under_different_user_ids(
    sim: Simulator, business: Business
) -> None:
    sim.write("fatima", "Salam", to=demo.ATLAS_ONE)
    sim.write("fatima", "Salam", to=demo.ALGIERS_ONE)
    sim.deliver()

    first, second = (value["contacts"][0] for value in business.values)
    assert first["wa_id"] == second["wa_id"]
    assert first["user_id"] != second["user_id"]
    assert client(sim, demo.ALGIERS, demo.ALGIERS_ONE).send_text(second["user_id"], "Salam")


def _post(
    sim: Simulator, path: str, body: Any, token: str = demo.TOKEN + demo.ATLAS
) -> httpx.Response:
    http = httpx.Client(
        transport=httpx.WSGITransport(app=sim.app), base_url="https://graph.facebook.com"
    )
    return http.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
