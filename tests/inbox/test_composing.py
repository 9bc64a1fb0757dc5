"""The attach menu, reactions, passing on, typing: through the pages, to what waits to leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from flows import arrivals, outbox
from flows.events import Person
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Message, Sending
from models.types import utcnow
from models.user import Membership
from tests import factories

Browser = Callable[[Membership], FlaskClient]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def wrote(merchant: Merchant, number: str = "212661234567", *, hours: float = 1) -> UUID:
    """The conversation of a customer who wrote so many hours ago."""
    person = Person(wa_id=number, profile_name=f"Client {number[-2:]}")
    with db.merchant(merchant.id) as session:
        arrivals.take_in(
            [factories.inbound("Salam", sender=person, at=utcnow() - timedelta(hours=hours))]
        )
        wanted = select(Conversation.id).join(Conversation.identity).filter_by(wa_id=number)
        return session.scalars(wanted).one()


@pytest.fixture
def open_(merchant: Merchant) -> UUID:
    return wrote(merchant)


@pytest.fixture
def page(signed_in: Browser, agent: Membership) -> FlaskClient:
    client = signed_in(agent)
    client.set_cookie("language", "en")
    return client


def ours(merchant: Merchant) -> list[Message]:
    wanted = select(Message).where(Message.direction == "out").order_by(Message.seq)
    with db.merchant(merchant.id) as session:
        return list(session.scalars(wanted))


def theirs(merchant: Merchant) -> Message:
    with db.merchant(merchant.id) as session:
        return session.scalars(select(Message).where(Message.direction == "in")).one()


def pass_on(client: FlaskClient, message: Message, to: UUID) -> Any:
    form = {"conversation": str(to), "client_id": str(uuid4())}
    return client.post(f"/messages/{message.id}/forward", data=form, headers=HTMX)


def compose(client: FlaskClient, talk: UUID, kind: str, **form: Any) -> Any:
    form = {"client_id": str(uuid4())} | form
    return client.post(f"/inbox/{talk}/compose/{kind}", data=form, headers=HTMX)


# --- every form -----------------------------------------------------------------------------------

FILLED: dict[str, dict[str, Any]] = {
    "location": {"place": "33.5731, -7.5898", "name": "Boutique", "address": "Maârif"},
    "contact": {"name": "Yassine", "phone": "0661 22 33 44", "organisation": "Cathedis"},
    "buttons": {"text": "Quelle taille ?", "buttons[0].title": "M", "buttons[1].title": "L"},
    "list": {
        "text": "Quelle couleur ?",
        "button": "Choisir",
        "rows[0].title": "Noir",
        "rows[0].description": "En stock",
        "rows[4].title": "Rouge",
    },
    "link": {"text": "Suivez-le", "button": "Suivi", "url": "https://shop.example/t/1"},
    "location_request": {"text": "Où livrer ?"},
}
POSTED: dict[str, tuple[str, Any]] = {
    "location": (
        "location",
        {"latitude": 33.5731, "longitude": -7.5898, "name": "Boutique", "address": "Maârif"},
    ),
    "contact": (
        "contacts",
        {
            "contacts": [
                {
                    "name": {"formatted_name": "Yassine", "first_name": "Yassine"},
                    "phones": [{"phone": "+212661223344", "type": "CELL", "wa_id": "212661223344"}],
                    "org": {"company": "Cathedis"},
                }
            ]
        },
    ),
    "buttons": (
        "interactive",
        {
            "type": "button",
            "body": {"text": "Quelle taille ?"},
            "action": {
                "buttons": [
                    {"type": "reply", "reply": {"id": "1", "title": "M"}},
                    {"type": "reply", "reply": {"id": "2", "title": "L"}},
                ]
            },
        },
    ),
    "list": (
        "interactive",
        {
            "type": "list",
            "body": {"text": "Quelle couleur ?"},
            "action": {
                "button": "Choisir",
                "sections": [
                    {
                        "rows": [
                            {"id": "1", "title": "Noir", "description": "En stock"},
                            {"id": "2", "title": "Rouge"},
                        ]
                    }
                ],
            },
        },
    ),
    "link": (
        "interactive",
        {
            "type": "cta_url",
            "body": {"text": "Suivez-le"},
            "action": {
                "name": "cta_url",
                "parameters": {"display_text": "Suivi", "url": "https://shop.example/t/1"},
            },
        },
    ),
    "location_request": (
        "interactive",
        {
            "type": "location_request_message",
            "body": {"text": "Où livrer ?"},
            "action": {"name": "send_location"},
        },
    ),
}


@pytest.mark.parametrize("kind", FILLED)
def test_a_form_becomes_a_message_with_metas_body(
    page: FlaskClient, merchant: Merchant, open_: UUID, kind: str
) -> None:
    asked = page.get(f"/inbox/{open_}/compose/{kind}", headers=HTMX)

    answer = compose(page, open_, kind, **FILLED[kind], reply_to="wamid.theirs")

    assert asked.status_code == answer.status_code == 200
    [message] = ours(merchant)
    assert (message.kind, message.payload["body"]) == POSTED[kind]
    assert (message.sending, message.reply_to_wamid) == (Sending.QUEUED, "wamid.theirs")
    assert f'id="m-{message.id}"' in answer.text


@pytest.mark.parametrize("kind", FILLED)
def test_a_form_sent_twice_is_one_message(
    page: FlaskClient, merchant: Merchant, open_: UUID, kind: str
) -> None:
    client_id = str(uuid4())

    for _ in range(2):
        assert compose(page, open_, kind, **FILLED[kind], client_id=client_id).status_code == 200

    assert len(ours(merchant)) == 1


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("location", {"place": "Casablanca"}, "Paste coordinates"),
    ("location", {"place": "91, 12"}, "Paste coordinates"),
    ("location", {"place": "https://maps.app.goo.gl/abc"}, "Paste coordinates"),
    ("contact", {"name": "", "phone": "12"}, "This is not a phone number."),
    ("buttons", {"text": "?"}, "Fill this in."),
    ("buttons", {"text": "?", "buttons[0].title": "x" * 21}, "20 characters at most"),
    (
        "buttons",
        {"text": "?", "buttons[0].title": "Oui", "buttons[1].title": "Oui"},
        "Twice the same.",
    ),
    ("buttons", {"text": "", "buttons[0].title": "Oui"}, "Fill this in."),
    ("list", {"text": "?", "button": "", "rows[0].title": "A"}, "Fill this in."),
    ("list", {"text": "?", "button": "b", "rows[0].title": "x" * 25}, "24 characters at most"),
    ("link", {"text": "?", "button": "b", "url": "javascript:alert(1)"}, "A link starts with"),
    ("location_request", {"text": "x" * 1025}, "1024 characters at most"),
]


@pytest.mark.parametrize(("kind", "form", "sentence"), WRONG)
def test_what_meta_would_refuse_is_said_beside_its_field_and_nothing_leaves(
    page: FlaskClient, merchant: Merchant, open_: UUID, kind: str, form: Any, sentence: str
) -> None:
    answer = compose(page, open_, kind, **form)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert ours(merchant) == []


def test_outside_the_window_no_form_opens_and_none_is_sent(
    page: FlaskClient, merchant: Merchant
) -> None:
    closed = wrote(merchant, hours=25)

    for kind, form in FILLED.items():
        assert page.get(f"/inbox/{closed}/compose/{kind}", headers=HTMX).status_code == 409
        assert compose(page, closed, kind, **form).status_code == 409
    assert ours(merchant) == []


PLACES = [
    ("33.5731, -7.5898", (33.5731, -7.5898)),
    ("(33.5731;-7.5898)", (33.5731, -7.5898)),
    ("https://www.google.com/maps/place/X/@33.58,-7.60,17z/data=!3d33.5731!4d-7.5898", None),
    ("https://maps.google.com/?q=33.5731,-7.5898", None),
    ("https://www.openstreetmap.org/#map=15/33.5731/-7.5898", None),
    ("https://www.openstreetmap.org/?mlat=33.5731&mlon=-7.5898", None),
    ("https://maps.apple.com/?ll=33.5731,-7.5898", None),
    ("geo:33.5731,-7.5898?z=15", None),
]


@pytest.mark.parametrize("typed", [typed for typed, _ in PLACES])
def test_a_place_is_read_from_coordinates_and_links(
    page: FlaskClient, merchant: Merchant, open_: UUID, typed: str
) -> None:
    compose(page, open_, "location", place=typed)

    [message] = ours(merchant)
    body = message.payload["body"]
    assert (body["latitude"], body["longitude"]) == (33.5731, -7.5898)


def test_the_shops_place_is_kept_by_a_manager_and_offered_to_everybody(
    signed_in: Browser, page: FlaskClient, manager: Membership, open_: UUID
) -> None:
    compose(page, open_, "location", place="1, 2", keep="1")
    assert "data-fill-place" not in page.get(f"/inbox/{open_}/compose/location").text

    compose(signed_in(manager), open_, "location", **FILLED["location"], keep="1")

    assert 'data-place="33.5731, -7.5898"' in page.get(f"/inbox/{open_}/compose/location").text


def test_products_are_a_list_with_their_prices_or_buttons(
    page: FlaskClient, merchant: Merchant, open_: UUID
) -> None:
    with db.merchant(merchant.id):
        product = factories.product()
        variant = product.variants[0]
        chosen = f"{product.id}:{variant.id}"
        name = product.name

    found = page.get(f"/inbox/{open_}/compose/products/found?q={name[:4]}", headers=HTMX)
    compose(page, open_, "products", text="Voilà", chosen=chosen, shown_as="list")
    compose(page, open_, "products", text="Voilà", chosen=chosen, shown_as="buttons")

    assert chosen in found.text
    listed, buttons = (message.payload["body"] for message in ours(merchant))
    [row] = listed["action"]["sections"][0]["rows"]
    assert row["id"] == f"sku:{variant.sku}"
    assert row["title"] == name[:24]
    assert "MAD" in row["description"]
    assert buttons["action"]["buttons"][0]["reply"]["id"] == f"sku:{variant.sku}"


def test_variants_of_a_product_with_a_long_name_stay_apart_on_their_buttons(
    page: FlaskClient, merchant: Merchant, open_: UUID
) -> None:
    with db.merchant(merchant.id):
        long = "Sac en cuir de Marrakech cousu main " * 3
        product = factories.product(long, couleur=["Noir mat", "Noir brillant et très doux"])
        chosen = [f"{product.id}:{variant.id}" for variant in product.variants]

    compose(page, open_, "products", text="Voilà", chosen=chosen, shown_as="buttons")

    [message] = ours(merchant)
    titles = [b["reply"]["title"] for b in message.payload["body"]["action"]["buttons"]]
    assert titles == ["Sac en c… (Noir mat)", "Noir brillant et tr…"]


def test_asking_for_a_phone_is_offered_only_where_it_is_switched_on(
    page: FlaskClient, open_: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    import config

    assert page.get(f"/inbox/{open_}/compose/contact_request").status_code == 404
    monkeypatch.setenv("WASL_CONTACT_REQUEST", "1")
    config.settings.cache_clear()

    answer = compose(page, open_, "contact_request", text="Votre numéro ?")

    config.settings.cache_clear()
    assert answer.status_code == 200


# --- reactions ------------------------------------------------------------------------------------


def test_a_reaction_leaves_without_answering_and_sits_on_its_message(
    page: FlaskClient, merchant: Merchant, open_: UUID
) -> None:
    target = theirs(merchant)

    answer = page.post(f"/messages/{target.id}/reaction", data={"emoji": "❤️"}, headers=HTMX)

    [reaction] = ours(merchant)
    assert reaction.payload["body"] == {"message_id": target.wamid, "emoji": "❤️"}
    assert "❤️" in answer.text
    with db.merchant(merchant.id) as session:
        assert session.get_one(Conversation, (merchant.id, open_)).last_direction == "in"


def test_a_reaction_taken_back_is_an_empty_one(
    page: FlaskClient, merchant: Merchant, open_: UUID
) -> None:
    url = f"/messages/{theirs(merchant).id}/reaction"
    page.post(url, data={"emoji": "👍"}, headers=HTMX)

    answer = page.post(url, data={"emoji": ""}, headers=HTMX)

    assert [message.text for message in ours(merchant)] == ["👍", ""]
    assert "bubble-reactions" not in answer.text


@pytest.mark.parametrize("emoji", ["ok", "👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍", "<b>"])
def test_only_an_emoji_is_a_reaction(
    page: FlaskClient, merchant: Merchant, open_: UUID, emoji: str
) -> None:
    url = f"/messages/{theirs(merchant).id}/reaction"

    assert page.post(url, data={"emoji": emoji}, headers=HTMX).status_code == 422
    assert ours(merchant) == []


# --- passing on -----------------------------------------------------------------------------------


def test_a_message_is_passed_on_once_to_a_customer_who_may_be_written_to(
    page: FlaskClient, merchant: Merchant, open_: UUID
) -> None:
    other, closed = wrote(merchant, "212661111111"), wrote(merchant, "212662222222", hours=30)
    compose(page, open_, "location", **FILLED["location"])
    [place] = ours(merchant)
    form = {"conversation": str(other), "client_id": str(uuid4())}
    url = f"/messages/{place.id}/forward"

    dialog = page.get(url, headers=HTMX)
    answers = [page.post(url, data=form, headers=HTMX).status_code for _ in range(2)]
    refused = page.post(url, data=form | {"conversation": str(closed)}, headers=HTMX)

    assert str(other) in dialog.text
    assert answers == [200, 200]
    assert refused.status_code == 409
    _, copy = ours(merchant)
    assert (copy.conversation_id, copy.kind) == (other, "location")
    assert copy.payload == place.payload


def test_a_message_that_its_customer_deleted_is_not_passed_on(
    page: FlaskClient, merchant: Merchant, open_: UUID
) -> None:
    said, other = theirs(merchant), wrote(merchant, "212661111111")
    with db.merchant(merchant.id):
        arrivals.take_in([factories.inbound("", kind="revoke", target_wamid=said.wamid)])

    answer = pass_on(page, said, other)

    assert answer.status_code == 409
    assert ours(merchant) == []


def test_a_picture_that_is_not_here_yet_is_not_passed_on(
    page: FlaskClient, merchant: Merchant, open_: UUID
) -> None:
    other = wrote(merchant, "212661111111")
    sent = {"id": "1", "mime_type": "image/jpeg", "caption": "Le même ?"}
    with db.merchant(merchant.id) as session:
        arrivals.take_in([factories.inbound("Le même ?", kind="image", payload=sent)])
        picture = session.scalars(select(Message).where(Message.kind == "image")).one()

    answer = pass_on(page, picture, other)

    assert answer.status_code == 409
    assert ours(merchant) == []


# --- typing ---------------------------------------------------------------------------------------


def test_typing_reaches_the_phone_once_in_a_while_and_reads_the_message(
    signed_in: Browser, simulator: Any, work: Callable[[], None]
) -> None:
    shop = factories.demo_shop()
    page = signed_in(factories.member(shop, "confirmation_agent"))
    simulator.write("fatima", text="Salam")
    simulator.deliver()
    work()
    with db.merchant(shop.id) as session:
        talk = session.scalars(select(Conversation)).one()
        number = talk.channel.phone_number_id

    statuses = [page.post(f"/inbox/{talk.id}/typing").status_code for _ in range(3)]
    waiting = outbox.queue("deliver").count
    work()

    assert (statuses, waiting) == ([204] * 3, 1)
    chat = simulator.world.chat(number, "fatima")
    assert chat.typing_until > simulator.clock.time()
