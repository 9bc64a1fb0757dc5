"""The templates' pages: the list, the form with its preview, submitting, deleting, prices."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from bot.simulator import Simulator
from flows import templates
from models import db
from models.channel import Channel
from models.cost import Charge
from models.merchant import Merchant
from models.message import Message, Sending
from models.template import MessageTemplate
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop

Browse = Callable[[Membership], FlaskClient]
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
BODY = "Bonjour {{1}}, votre commande {{2}} arrivera un jour plus tard que prévu."
TYPED = {
    "name": "Retard de livraison",
    "language": "fr",
    "category": "utility",
    "header": "none",
    "body": BODY,
    "examples.body.1": "Fatima",
    "examples.body.2": "1042",
    "footer": "Boutique Atlas",
    "buttons[0].kind": "quick_reply",
    "buttons[0].text": "C'est noté",
}


def typed(**changes: Any) -> dict[str, Any]:
    return TYPED | {name.replace("__", "."): value for name, value in changes.items()}


def kept(merchant: Merchant) -> list[MessageTemplate]:
    with db.merchant(merchant.id) as session:
        return list(session.scalars(select(MessageTemplate).order_by(MessageTemplate.name)))


def made(merchant: Merchant, body: str = BODY, **values: Any) -> MessageTemplate:
    facts = {"name": "retard", "meta_id": "4711", "components": [{"type": "BODY", "text": body}]}
    with db.merchant(merchant.id):
        return shop.template(**(facts | values))


@pytest.fixture
def mina(english: Browse, manager: Membership) -> FlaskClient:
    return english(manager)


@pytest.fixture
def salma(english: Browse, agent: Membership) -> FlaskClient:
    return english(agent)


# --- the list -------------------------------------------------------------------------------------


def test_without_templates_the_page_says_what_they_are_for(mina: FlaskClient) -> None:
    page = mina.get("/templates").text

    assert "No template yet" in page
    assert 'href="/templates/new"' in page


def test_a_template_stands_there_once_with_all_its_languages(
    mina: FlaskClient, merchant: Merchant
) -> None:
    made(merchant)
    made(
        merchant,
        "مرحبا {{1}}، طلبك {{2}} سيتأخر يوما واحدا",
        language="ar",
        state="rejected",
        reason="PROMOTIONAL",
        meta_id="4712",
    )

    page = mina.get("/templates").text

    assert page.count(">retard<") == 1
    assert "Approved" in page
    assert "Refused" in page
    assert "It advertises something." in page
    assert "0.0230" in page


def test_the_list_is_searched_and_filtered(mina: FlaskClient, merchant: Merchant) -> None:
    made(merchant)
    made(
        merchant,
        "Profitez de {{1}} remises",
        name="soldes",
        meta_id="5",
        category="marketing",
        state="paused",
    )

    assert ">soldes<" not in mina.get("/templates?q=commande").text
    assert ">retard<" not in mina.get("/templates?state=paused").text
    assert ">retard<" not in mina.get("/templates?category=marketing").text
    assert "No template fits" in mina.get("/templates?q=zzz").text


def test_who_may_not_see_money_sees_no_price_and_no_button(
    salma: FlaskClient, merchant: Merchant
) -> None:
    template = made(merchant, recategorised_from="utility", category="marketing")

    pages = salma.get("/templates").text + salma.get(f"/templates/{template.id}").text

    assert "0.0414" not in pages
    assert "I have seen it" not in pages
    assert "/templates/new" not in pages


def test_templates_of_another_merchant_are_not_there(
    signed_in: Browse, stranger: Membership, merchant: Merchant
) -> None:
    template = made(merchant)
    foreign = signed_in(stranger)

    assert ">retard<" not in foreign.get("/templates").text
    assert foreign.get(f"/templates/{template.id}").status_code == 404


# --- writing --------------------------------------------------------------------------------------


def test_a_title_becomes_a_name_and_the_draft_is_kept(
    mina: FlaskClient, merchant: Merchant
) -> None:
    answer = mina.post("/templates", data=typed(then="draft"))

    (template,) = kept(merchant)
    assert answer.status_code == 303
    assert (template.name, template.state) == ("retard_de_livraison", "draft")
    assert template.sending is None
    page = mina.get(answer.location).text
    assert "Bonjour Fatima, votre commande 1042" in page


def test_submitted_it_is_on_its_way(mina: FlaskClient, merchant: Merchant) -> None:
    mina.post("/templates", data=typed(then="submit"))

    (template,) = kept(merchant)
    assert template.sending is Sending.QUEUED
    assert "Being submitted" in mina.get("/templates").text


def test_every_wrong_field_is_told_at_once_and_nothing_is_kept(
    mina: FlaskClient, merchant: Merchant
) -> None:
    wrong = typed(
        then="submit",
        header="text",
        header_text="Bonjour *{{1}}* 🎉",
        body="{{1}} commande {{3}}",
        footer="{{1}}",
        **{
            "buttons[0].text": "x" * 26,
            "buttons[1].kind": "url",
            "buttons[1].text": "Suivre",
            "buttons[1].value": "pas une adresse",
            "buttons[2].kind": "phone_number",
            "buttons[2].text": "Appeler",
            "buttons[2].value": "12",
        },
    )

    answer = mina.post("/templates", data=wrong)

    assert answer.status_code == 422
    assert kept(merchant) == []
    for sentence in (
        "No line breaks, emoji",
        "A variable cannot be the first or the last word",
        "WhatsApp wants an example here.",
        "No variables here.",
        "Too long: 25 characters at most.",
        "A link starts with https://",
        "This is not a phone number.",
    ):
        assert sentence in answer.text, sentence


def test_a_draft_may_be_wrong_and_says_so_when_it_is_submitted(
    mina: FlaskClient, merchant: Merchant
) -> None:
    mina.post("/templates", data=typed(then="draft", body="{{1}}"))
    (template,) = kept(merchant)

    answer = mina.post(f"/templates/{template.id}/submit")

    assert answer.status_code == 422
    assert "A variable cannot be the first or the last word" in answer.text


def test_a_name_is_taken_once_in_each_language(mina: FlaskClient, merchant: Merchant) -> None:
    mina.post("/templates", data=typed(then="draft"))
    again = mina.post("/templates", data=typed(then="draft"))
    arabic = mina.post("/templates", data=typed(then="draft", language="ar"))

    assert "This name is taken in this language." in again.text
    assert arabic.status_code == 303
    assert len(kept(merchant)) == 2


def test_a_copy_starts_with_the_same_words(mina: FlaskClient, merchant: Merchant) -> None:
    template = made(merchant)

    page = mina.get(f"/templates/new?copy={template.id}&language=ar").text

    assert re.search(r'<option value="ar"[^>]*selected', page)
    assert 'value="retard"' in page
    assert "arrivera un jour plus tard" in page


def test_the_phone_shows_what_is_typed(mina: FlaskClient) -> None:
    shown = mina.post(
        "/templates/preview", data=typed(body="*Salut* {{1}} {{2}}", language="ar")
    ).text

    assert "<strong>Salut</strong> Fatima 1042" in shown
    assert 'dir="rtl"' in shown
    assert "C&#39;est noté" in shown
    assert "0.0230" in shown


@pytest.mark.parametrize(
    "body",
    [
        "Bonjour {{1}}, -20 % sur tout",
        "Profitez de nos soldes {{1}} !",
        "مرحبا {{1}} عندنا تخفيضات اليوم",
    ],
)
def test_what_sounds_like_an_offer_is_told_before_meta_does(mina: FlaskClient, body: str) -> None:
    shown = mina.post("/templates/preview", data=typed(body=body)).text
    honest = mina.post("/templates/preview", data=typed(body=body, category="marketing")).text

    assert "sounds like an offer" in shown
    assert "0.0414" in shown
    assert "sounds like an offer" not in honest


def test_what_meta_has_keeps_its_name_language_and_category(
    mina: FlaskClient, merchant: Merchant
) -> None:
    template = made(merchant)

    mina.post(
        f"/templates/{template.id}",
        data=typed(then="draft", name="autre", language="en", category="marketing"),
    )

    (same,) = kept(merchant)
    assert (same.name, same.language, same.category) == ("retard", "fr", "utility")
    assert same.draft is not None
    assert same.draft["category"] == "utility"
    assert same.footer == ""


def test_a_template_in_review_is_not_edited(mina: FlaskClient, merchant: Merchant) -> None:
    template = made(merchant, state="pending")

    assert mina.get(f"/templates/{template.id}/edit").status_code == 409
    assert mina.post(f"/templates/{template.id}", data=typed(then="draft")).status_code == 409


# --- files ----------------------------------------------------------------------------------------


def upload(browser: FlaskClient, data: bytes, name: str, header: str = "image") -> Any:
    form = {"file": (io.BytesIO(data), name), "header": header}
    return browser.post("/templates/files", data=form)


def test_a_picture_is_kept_and_shown_above_the_text(mina: FlaskClient, merchant: Merchant) -> None:
    stored = upload(mina, PNG, "sac.png")
    media = re.search(r'name="media" value="([^"]+)"', stored.text)
    assert media is not None

    mina.post("/templates", data=typed(then="submit", header="image", media=media[1]))

    (template,) = kept(merchant)
    assert str(template.media_id) == media[1]
    assert template.components[0] == {"type": "HEADER", "format": "IMAGE"}
    assert f"/media/{media[1]}" in mina.get(f"/templates/{template.id}").text


@pytest.mark.parametrize(
    ("data", "name", "header"),
    [(PNG, "sac.png", "video"), (b"%PDF-1.7", "a.pdf", "image"), (b"GIF89a", "a.gif", "image")],
)
def test_another_type_of_file_is_refused(
    mina: FlaskClient, data: bytes, name: str, header: str
) -> None:
    answer = upload(mina, data, name, header)

    assert answer.status_code == 422
    assert "WhatsApp" in answer.text


def test_a_template_that_came_with_a_picture_of_metas_gets_one_of_ours(
    mina: FlaskClient, merchant: Merchant
) -> None:
    parts = [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Regardez"}]
    template = made(merchant, components=parts)
    assert "cannot be sent without" in mina.get(f"/templates/{template.id}").text

    form = {"file": (io.BytesIO(PNG), "sac.png")}
    mina.post(f"/templates/{template.id}/file", data=form)

    with db.merchant(merchant.id):
        assert [t.id for t in templates.sendable()] == [template.id]


# --- what becomes of it ---------------------------------------------------------------------------


def test_the_whole_way_from_the_form_to_an_approved_template(
    english: Browse, simulator: Simulator, work: Callable[[], None]
) -> None:
    atlas = factories.demo_shop()
    browser = english(factories.member(atlas, "owner"))

    place = browser.post("/templates", data=typed(then="submit")).location
    work()
    waiting = browser.get(place).text
    simulator.judge()
    simulator.deliver()
    work()

    assert "In review" in waiting
    assert "Approved" in browser.get(place).text


def test_what_meta_refused_is_said_beside_the_draft(mina: FlaskClient, merchant: Merchant) -> None:
    draft = {"category": "utility", "components": [], "said": "Meta's own words."}
    template = made(merchant, state="draft", meta_id=None, problem="2388024", draft=draft)

    page = mina.get(f"/templates/{template.id}").text

    assert "This name is taken in this language." in page
    assert "Meta&#39;s own words." in page
    assert "Not submitted" in page


def test_before_deleting_it_says_which_automations_send_it(
    mina: FlaskClient, merchant: Merchant
) -> None:
    template = made(merchant)
    with db.merchant(merchant.id) as session:
        found = session.get_one(MessageTemplate, (merchant.id, template.id))
        shop.automation(template=found, buttons={})

    dialog = mina.get(f"/templates/{template.id}/delete").text
    answer = mina.post(f"/templates/{template.id}/delete")

    assert "Demande de confirmation" in dialog
    assert answer.status_code == 409
    assert kept(merchant)[0].sending is None


def test_a_draft_that_meta_never_saw_is_simply_gone(mina: FlaskClient, merchant: Merchant) -> None:
    mina.post("/templates", data=typed(then="draft"))
    (template,) = kept(merchant)

    mina.post(f"/templates/{template.id}/delete")

    assert kept(merchant) == []


def test_changes_are_discarded_and_the_approved_text_stays(
    mina: FlaskClient, merchant: Merchant
) -> None:
    template = made(merchant)
    mina.post(f"/templates/{template.id}", data=typed(then="draft"))

    mina.post(f"/templates/{template.id}/discard")

    (same,) = kept(merchant)
    assert (same.draft, same.body) == (None, BODY)


def test_refreshing_asks_meta_at_once(mina: FlaskClient, merchant: Merchant) -> None:
    with db.merchant(merchant.id) as session:
        channel = session.scalars(select(Channel)).one()
        channel.templates_due_at = utcnow() + timedelta(minutes=40)

    mina.post("/templates/refresh")

    assert "Asking WhatsApp for its list" in mina.get("/templates").text


def test_a_dearer_category_is_said_in_money_until_somebody_has_seen_it(
    mina: FlaskClient, merchant: Merchant
) -> None:
    template = made(merchant, recategorised_from="utility", category="marketing")
    with db.merchant(merchant.id) as session:
        talk = shop.conversation()
        for n in range(3):
            message = Message(
                conversation_id=talk.id,
                channel_id=talk.channel_id,
                direction="out",
                origin="automation",
                kind="template",
                template_id=template.id,
            )
            session.add(message)
            session.flush()
            session.add(charge(message, n))

    before = mina.get("/templates").text
    mina.post(f"/templates/{template.id}/acknowledge", data={"back": "list"})

    assert "0.0414" in before
    assert "0.0230" in before
    assert "+0.06" in before
    assert "I have seen it" not in mina.get("/templates").text


def charge(message: Message, n: int) -> Charge:
    today = utcnow().date()
    return Charge(
        channel_id=message.channel_id,
        message_id=message.id,
        wamid=f"wamid.{n}",
        category="marketing",
        amount_micros=41_400,
        currency="USD",
        reason="priced",
        source="webhook",
        delivered_at=utcnow(),
        local_date=today,
        month=today.replace(day=1),
    )


def test_a_template_with_a_picture_is_seen_with_it_before_and_after_it_is_sent(
    mina: FlaskClient, merchant: Merchant
) -> None:
    parts = [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Regardez"}]
    template = made(merchant, components=parts)
    mina.post(f"/templates/{template.id}/file", data={"file": (io.BytesIO(PNG), "sac.png")})
    with db.merchant(merchant.id):
        talk = shop.conversation()

    filled = mina.get(f"/inbox/{talk.id}/templates/{template.id}").text
    sent = mina.post(
        f"/inbox/{talk.id}/templates/{template.id}", data={"client_id": str(factories.some_id())}
    )

    picture = re.search(r'<img src="(/media/[^"]+)"', filled)
    assert picture is not None
    assert sent.status_code == 200
    assert f'<img src="{picture[1]}"' in sent.text
