"""Carousels, offers, codes and places: written, submitted, approved, sent, and on the phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select

from bot.simulator import Simulator
from config import settings
from flows import messages, templates
from flows.errors import Invalid
from flows.templates import CardButton, FormButton, FormCard
from models import db
from models.channel import Channel
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Media, Message, Origin, Sending
from models.template import MessageTemplate
from models.types import utcnow
from tests import factories

Work = Callable[[], None]
DEMO = "102290129340398"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


@pytest.fixture
def shop(simulator: Simulator, work: Work) -> Merchant:
    """The demo's shop; Fatima has written and may have anything."""
    found = factories.demo_shop()
    simulator.write("fatima", "Salam")
    simulator.deliver()
    work()
    return found


def picture(name: str) -> Media:
    session = db.session()
    media = Media(
        file=f"{session.merchant_id}/{name}",
        filename=name,
        mime_type="image/png",
        size=len(PNG),
        sha256="0",
    )
    session.add(media)
    path = settings().var / "media" / media.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PNG)
    return media


def approved(
    shop: Merchant, simulator: Simulator, work: Work, make: Callable[[], dict[str, Any]]
) -> MessageTemplate:
    """A template of this form, submitted by a person and approved by Meta."""
    with db.merchant(shop.id):
        facts = {
            "account": DEMO,
            "name": "nouveautes",
            "language": "fr",
            "category": "marketing",
            "body": "Nos nouveautés de la semaine sont là.",
        }
        template = templates.save(templates.Form(**(facts | make())))
        templates.submit(template)
    work()
    simulator.judge()
    simulator.deliver()
    work()
    with db.merchant(shop.id) as session:
        found = session.get_one(MessageTemplate, (shop.id, template.id))
        assert (found.state, found.problem) == ("approved", None)
        return found


def sent(
    shop: Merchant, simulator: Simulator, work: Work, template: MessageTemplate, **values: str
) -> dict[str, Any]:
    """What stands on Fatima's phone of it."""
    filled = {key.replace("__", "."): value for key, value in values.items()}
    with db.merchant(shop.id) as session:
        talk = session.scalars(select(Conversation)).one()
        again = session.get_one(MessageTemplate, (shop.id, template.id))
        queued = messages.queue_template(talk, again, filled, origin=Origin.AGENT).id
    work()
    message = now(shop, queued)
    assert (message.sending, message.error_detail) == (Sending.ACCEPTED, None)
    return simulator.world.bubbles[message.wamid or ""].shown


def now(shop: Merchant, message_id: UUID) -> Message:
    with db.merchant(shop.id) as session:
        return session.get_one(Message, (shop.id, message_id))


def test_a_carousel_is_written_approved_sent_with_its_pictures_and_shown(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    def cards() -> dict[str, Any]:
        tap = CardButton("url", "Voir", "https://atlas.example/sac")
        return {
            "cards": [
                FormCard(picture("sac.png"), "Sac cuir", (tap,)),
                FormCard(picture("foulard.png"), "Foulard", (tap,)),
            ]
        }

    template = approved(shop, simulator, work, cards)
    first = sent(shop, simulator, work, template)
    uploads = len(simulator.world.media)
    sent(shop, simulator, work, template)

    assert [card["body"] for card in first["cards"]] == ["Sac cuir", "Foulard"]
    assert all(card["header"]["image"]["id"] in simulator.world.media for card in first["cards"])
    with db.merchant(shop.id) as session:
        kept = session.scalars(select(Media).where(Media.mime_type == "image/png")).all()
    assert len(template.card_media or []) == 2
    assert all(media.meta_id for media in kept)
    assert len(simulator.world.media) == uploads + 2  # two numbers: Meta keeps a file for each


def test_a_card_keeps_its_picture_at_meta_and_brings_it_anew_once_meta_lost_it(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    def cards() -> dict[str, Any]:
        tap = CardButton("url", "Voir", "https://atlas.example/sac")
        both = (picture("sac.png"), picture("foulard.png"))
        return {"cards": [FormCard(file, "Sac cuir", (tap,)) for file in both]}

    with db.merchant(shop.id) as session:  # one number: what it uploaded once serves everybody
        used = session.scalars(select(Conversation.channel_id)).one()
        session.execute(delete(Channel).where(Channel.id != used))
    template = approved(shop, simulator, work, cards)
    first = sent(shop, simulator, work, template)
    again = sent(shop, simulator, work, template)
    lost = [card["header"]["image"]["id"] for card in first["cards"]]
    for id_ in lost:
        del simulator.world.media[id_]
    with db.merchant(shop.id) as session:
        talk = session.scalars(select(Conversation)).one()
        same = session.get_one(MessageTemplate, (shop.id, template.id))
        refused = messages.queue_template(talk, same, {}, origin=Origin.AGENT).id
    work()
    anew = sent(shop, simulator, work, template)

    assert [card["header"]["image"]["id"] for card in again["cards"]] == lost
    assert now(shop, refused).sending is Sending.FAILED
    assert not {card["header"]["image"]["id"] for card in anew["cards"]} & set(lost)


def test_an_offer_ends_when_it_was_said_and_its_code_can_be_copied(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    def offer() -> dict[str, Any]:
        return {"offer": "Ce soir !", "buttons": [FormButton("copy_code", "", "SOLDE20")]}

    template = approved(shop, simulator, work, offer)
    ends = (utcnow() + timedelta(hours=5)).isoformat()
    shown = sent(
        shop, simulator, work, template, **{"offer__until": ends, "button:0__code": "ATLAS20"}
    )

    assert shown["offer"]["text"] == "Ce soir !"
    assert [(one["kind"], one["code"]) for one in shown["choices"]] == [("copy_code", "ATLAS20")]


@pytest.mark.parametrize(
    "values",
    [
        {"offer.until": "2020-01-01T10:00+00:00", "button:0.code": "A"},
        {"offer.until": "demain", "button:0.code": "A"},
        {"offer.until": "2099-01-01T10:00+00:00", "button:0.code": "20 %"},
        {},
    ],
)
def test_an_offer_that_has_ended_or_has_no_code_is_refused_before_it_leaves(
    shop: Merchant, simulator: Simulator, work: Work, values: dict[str, str]
) -> None:
    def offer() -> dict[str, Any]:
        return {"offer": "Ce soir !", "buttons": [FormButton("copy_code", "", "SOLDE20")]}

    template = approved(shop, simulator, work, offer)

    with pytest.raises(Invalid):
        sent(shop, simulator, work, template, **values)


def test_a_place_stands_above_a_template(shop: Merchant, simulator: Simulator, work: Work) -> None:
    template = approved(shop, simulator, work, lambda: {"header": "location"})

    shown = sent(
        shop,
        simulator,
        work,
        template,
        **{"header__latitude": "33.57", "header__longitude": "-7.58", "header__name": "Atlas"},
    )

    assert shown["header"]["location"] == {
        "latitude": "33.57",
        "longitude": "-7.58",
        "name": "Atlas",
    }


def test_an_automation_does_not_offer_what_an_order_cannot_fill(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template = approved(shop, simulator, work, lambda: {"header": "location"})

    with db.merchant(shop.id):
        assert template.name not in [offered.name for offered in templates.sendable()]
