"""The bot beside a conversation: who has it, the order that waits, and what the customer wrote."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.engine import Engine
from werkzeug.test import TestResponse

from flows import arrivals, conversations, messages, notifications, pipeline
from flows.talks import drafts
from flows.talks.cart import Cart, Line, Source
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Message, Origin
from models.order import Order
from models.pipeline import SystemState
from models.talk import Bot, DraftState, OrderDraft, Talk
from models.timeline import CUSTOMER
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop
from tests.inbox.test_orders import errors, value

Browser = Callable[[Membership], FlaskClient]
HTMX = {"HX-Request": "true"}
WROTE = "Salam, bghit 2 sacs noirs f Fès"


@dataclass(frozen=True)
class Place:
    """A shop with a bot on its number, and a customer who wrote."""

    merchant: Merchant
    talk: UUID
    message: UUID
    black: UUID
    brown: UUID
    bag: UUID

    @contextmanager
    def inside(self) -> Iterator[Conversation]:
        with db.merchant(self.merchant.id) as session:
            yield session.get_one(Conversation, (self.merchant.id, self.talk))

    def says(self, *texts: str) -> None:
        with db.merchant(self.merchant.id):
            arrivals.take_in([factories.inbound(text) for text in texts])

    def source(self, words: str) -> Source:
        start = WROTE.index(words)
        return Source(str(self.message), start, start + len(words), words)

    def waits(self, **changes: Any) -> UUID:
        """An order that the bot put together of what was written."""
        cart = Cart(
            lines=[Line(str(self.black), 2, source=self.source("2 sacs noirs"))],
            name="Fatima Zahra El Idrissi",
            phone="+212661234567",
            city="Fès",
            address="3 derb Sidi Bouafia",
            sources={"city": self.source("Fès")},
        )
        for name, changed in changes.items():
            setattr(cart, name, changed)
        with self.inside() as conversation:
            drafts.keep(conversation, cart)
            found = drafts.waiting(conversation)
            assert found is not None
            return found.id

    def draft(self, draft_id: UUID) -> OrderDraft:
        with db.merchant(self.merchant.id):
            return drafts.find(draft_id)

    def orders(self) -> list[Order]:
        with db.merchant(self.merchant.id) as session:
            found = list(session.scalars(select(Order).order_by(Order.number)))
            for order in found:
                assert order.lines
            return found


@pytest.fixture
def place(merchant: Merchant) -> Place:
    with db.merchant(merchant.id) as session:
        bag = factories.product("Sac en cuir", couleur=["Noir", "Marron"])
        talk = shop.conversation(text=WROTE)
        session.add(Bot(channel_id=talk.channel_id, active=True))
        message = session.scalars(select(Message.id)).one()
        black, brown = (variant.id for variant in bag.variants)
        return Place(merchant, talk.id, message, black, brown, bag.id)


@pytest.fixture
def salma(agent: Membership, english: Browser) -> FlaskClient:
    return english(agent)


def plain(page: TestResponse) -> str:
    """Its words, without tags."""
    text = html.unescape(re.sub(r"<[^>]+>", "", page.text))
    return " ".join(text.split())


def happened(answer: TestResponse) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(answer.headers["HX-Trigger"])
    return told


# --- an order that waits --------------------------------------------------------------------------


def test_an_order_of_the_bot_waits_above_the_composer(place: Place, salma: FlaskClient) -> None:
    place.waits()

    page = salma.get(f"/inbox/{place.talk}")

    assert "Order from the bot 640.00 MAD 2 × Sac en cuir (Noir) · Fès" in plain(page)
    assert 'data-key="y"' in page.text


def test_one_key_makes_the_order_that_was_shown(place: Place, salma: FlaskClient) -> None:
    draft_id = place.waits()

    answer = salma.post(f"/drafts/{draft_id}/accept", data={"amount_due": "64000"}, headers=HTMX)

    assert answer.status_code == 201
    assert happened(answer)["order:created"]["number"] == 1001
    (order,) = place.orders()
    assert (order.source, order.ship_city, order.ship_line) == ("bot", "Fès", "3 derb Sidi Bouafia")
    assert [(line.variant_id, line.quantity) for line in order.lines] == [(place.black, 2)]
    assert order.conversation_id == place.talk
    settled = place.draft(draft_id)
    assert (settled.state, settled.order_id) == (DraftState.ACCEPTED, order.id)


def test_accepted_twice_it_is_one_order(place: Place, salma: FlaskClient) -> None:
    draft_id = place.waits()

    answers = [salma.post(f"/drafts/{draft_id}/accept", headers=HTMX) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert len(place.orders()) == 1


def test_with_something_missing_the_dialog_opens_and_says_what(
    place: Place, salma: FlaskClient
) -> None:
    draft_id = place.waits(address="")

    page = salma.post(f"/drafts/{draft_id}/accept", headers=HTMX)

    assert page.status_code == 422
    assert errors(page) == {"address": "Enter the delivery address."}
    assert value(page, "city") == "Fès"
    assert value(page, "draft") == str(draft_id)
    assert place.orders() == []
    assert place.draft(draft_id).state is DraftState.WAITING


def test_a_price_that_changed_since_is_looked_at_first(place: Place, salma: FlaskClient) -> None:
    draft_id = place.waits()

    page = salma.post(f"/drafts/{draft_id}/accept", data={"amount_due": "100"}, headers=HTMX)

    assert page.status_code == 422
    assert "Prices changed meanwhile" in page.text
    assert place.orders() == []


def test_what_the_dialog_creates_of_it_settles_it(place: Place, salma: FlaskClient) -> None:
    draft_id = place.waits()
    opened = salma.get(f"/conversations/{place.talk}/orders/new", headers=HTMX)
    form = {
        "draft": value(opened, "draft"),
        "client_id": value(opened, "client_id"),
        "name": "Fatima Zahra El Idrissi",
        "phone": "0661234567",
        "address": "4 derb Jdid",
        "city": "Fès",
        "source": "bot",
        "lines[0].product_id": str(place.bag),
        "lines[0].variant_id": str(place.brown),
        "lines[0].quantity": "1",
        "delivery_fee": "35",
        "payment_method": "cod",
        "payment_status": "pending",
    }

    answer = salma.post(f"/conversations/{place.talk}/orders", data=form, headers=HTMX)

    assert answer.status_code == 201
    (order,) = place.orders()
    assert (order.source, order.ship_line) == ("bot", "4 derb Jdid")
    assert place.draft(draft_id).order_id == order.id


def test_put_away_by_mistake_it_is_taken_back(place: Place, salma: FlaskClient) -> None:
    draft_id = place.waits()

    answer = salma.post(f"/drafts/{draft_id}/dismiss", headers=HTMX)

    assert "Order from the bot" not in plain(salma.get(f"/inbox/{place.talk}"))
    assert salma.post(f"/drafts/{draft_id}/accept", headers=HTMX).status_code == 409
    assert salma.post(happened(answer)["undoable"]["url"], headers=HTMX).status_code == 204
    assert "Order from the bot" in plain(salma.get(f"/inbox/{place.talk}"))


def test_a_newer_order_of_theirs_is_not_put_aside_for_an_old_one(
    place: Place, salma: FlaskClient
) -> None:
    old = place.waits()
    salma.post(f"/drafts/{old}/dismiss", headers=HTMX)
    newer = place.waits()

    answer = salma.post(f"/drafts/{old}/take-back", headers=HTMX)

    assert answer.status_code == 409
    assert place.draft(newer).state is DraftState.WAITING


# --- where the fields were read -------------------------------------------------------------------


def marks(page: TestResponse) -> dict[str, str]:
    """Field → the words it is marked with."""
    found = re.findall(
        r'(?:for="f-(\w+)"[^\n]*?|order-line-name"><bdi>([^<]+)</bdi>) <span class="source-mark"'
        r'[^>]*data-source="m-[^"]+" data-words="([^"]*)"',
        page.text,
    )
    return {html.unescape(field or name): html.unescape(words) for field, name, words in found}


def test_the_dialog_marks_the_fields_that_came_from_a_message(
    place: Place, salma: FlaskClient
) -> None:
    place.waits()

    page = salma.get(f"/conversations/{place.talk}/orders/new", headers=HTMX)

    assert marks(page) == {"city": "Fès", "Sac en cuir": "2 sacs noirs"}
    assert f'data-source="m-{place.message}"' in page.text
    assert value(page, "address") == "3 derb Sidi Bouafia"
    assert value(page, "lines[0].quantity") == "2"
    assert "<mark>2 sacs noirs</mark> f Fès" in page.text


def test_without_a_bot_the_dialog_reads_what_was_written(place: Place, salma: FlaskClient) -> None:
    with place.inside():
        db.session().scalars(select(Bot)).one().active = False

    page = salma.get(f"/conversations/{place.talk}/orders/new", headers=HTMX)

    assert marks(page) == {"city": "Fès", "Sac en cuir": "2 sacs noirs"}
    assert 'value="whatsapp" checked' in page.text
    assert 'name="draft"' not in page.text


def test_later_sentences_change_earlier_ones(place: Place, salma: FlaskClient) -> None:
    place.says("non 3 sacs noirs", "ana f Casablanca", "12 rue des Fleurs, Maârif, 0677123456")

    page = salma.get(f"/conversations/{place.talk}/orders/new", headers=HTMX)

    assert value(page, "lines[0].quantity") == "3"
    assert value(page, "city") == "Casablanca"
    assert "rue des Fleurs" in str(value(page, "address"))
    assert value(page, "phone") == "+212 6 77 12 34 56"


def test_a_version_that_is_not_clear_is_asked_and_not_guessed(
    merchant: Merchant, salma: FlaskClient
) -> None:
    with db.merchant(merchant.id):
        factories.product("Sac en cuir", couleur=["Noir", "Marron"])
        talk = shop.conversation(text="bghit sac").id

    page = salma.get(f"/conversations/{talk}/orders/new", headers=HTMX)

    assert "“sac”: which couleur?" in plain(page)
    assert 'name="lines[0].quantity"' not in page.text


def test_what_was_edited_taken_back_or_called_off_does_not_count(
    place: Place, salma: FlaskClient
) -> None:
    first = factories.inbound("bghit 5 sacs marrons")
    with db.merchant(place.merchant.id):
        edit = factories.inbound("bghit 4 sacs marrons", kind="edit", target_wamid=first.wamid)
        gone = factories.inbound("w 9 sacs noirs")
        revoke = factories.inbound("", kind="revoke", payload={}, target_wamid=gone.wamid)
        arrivals.take_in([first, edit, gone, revoke])
    dialog = f"/conversations/{place.talk}/orders/new"

    page = salma.get(dialog, headers=HTMX)
    quantities = [value(page, f"lines[{n}].quantity") for n in range(2)]
    place.says("annulez ma commande")
    called_off = salma.get(dialog, headers=HTMX)

    assert quantities == ["2", "4"]
    assert 'name="lines[0].quantity"' not in called_off.text


def test_a_cart_and_a_place_are_read_as_well(merchant: Merchant, salma: FlaskClient) -> None:
    with db.merchant(merchant.id):
        belt = factories.product("Ceinture")
        items = [{"product_retailer_id": belt.sku, "quantity": 3}]
        spot = {"name": "Café Clock", "address": "Derb el Magana, Fès", "latitude": 34.0}
        arrivals.take_in(
            [
                factories.inbound("", kind="order", payload={"product_items": items}),
                factories.inbound("", kind="location", payload=spot | {"longitude": -5.0}),
            ]
        )
        talk = db.session().scalars(select(Conversation.id)).one()

    page = salma.get(f"/conversations/{talk}/orders/new", headers=HTMX)

    assert value(page, "lines[0].quantity") == "3"
    assert value(page, "address") == "Café Clock, Derb el Magana, Fès (34.0, -5.0)"
    assert value(page, "city") == "Fès"
    assert "Sent by the customer" in page.text


def test_who_only_said_hello_gets_the_usual_dialog(merchant: Merchant, salma: FlaskClient) -> None:
    with db.merchant(merchant.id):
        talk = shop.conversation(text="Salam").id

    page = salma.get(f"/conversations/{talk}/orders/new", headers=HTMX)

    assert page.status_code == 200
    assert "order-beside" not in page.text


def test_what_was_ordered_already_is_not_proposed_again(place: Place, salma: FlaskClient) -> None:
    salma.post(f"/drafts/{place.waits()}/accept", headers=HTMX)

    page = salma.get(f"/conversations/{place.talk}/orders/new", headers=HTMX)

    assert marks(page) == {}


# --- who has the conversation ---------------------------------------------------------------------


def test_the_head_says_who_has_the_conversation(place: Place, salma: FlaskClient) -> None:
    def keeper() -> str:
        page = salma.get(f"/inbox/{place.talk}")
        found = re.search(r'id="keeper".*?</div>', page.text, re.DOTALL)
        assert found is not None
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[0].partition(">")[2])).split())

    assert keeper() == "The bot answers here. Take over b"

    salma.post(f"/inbox/{place.talk}/bot/take-over", headers=HTMX)
    taken = keeper()

    assert re.fullmatch(
        r"The bot is silent until .+\. Your team has the conversation\. Give back to the bot b",
        taken,
    )

    salma.post(f"/inbox/{place.talk}/bot/give-back", headers=HTMX)

    assert keeper() == "The bot answers here. Take over b"


def test_whoever_writes_keeps_the_bot_out(
    place: Place, agent: Membership, salma: FlaskClient
) -> None:
    with place.inside() as conversation:
        messages.queue_text(conversation, "Bonjour", by=agent)

    assert "Your team has the conversation" in plain(salma.get(f"/inbox/{place.talk}"))


def test_without_a_bot_nobody_is_told_of_one(merchant: Merchant, salma: FlaskClient) -> None:
    with db.merchant(merchant.id):
        talk = shop.conversation().id

    page = salma.get(f"/inbox/{talk}")

    assert '<div class="keeper" id="keeper"></div>' in page.text
    assert salma.post(f"/inbox/{talk}/bot/take-over", headers=HTMX).status_code == 409


def test_the_list_marks_what_the_bot_left_and_what_waits(place: Place, salma: FlaskClient) -> None:
    place.waits()
    left(place, "human")

    page = salma.get("/inbox/list")

    assert "The customer asks for a person" in page.text
    assert "An order from the bot waits" in page.text


def test_the_marks_of_a_page_are_one_question(place: Place, salma: FlaskClient) -> None:
    def asked() -> int:
        with statements() as sent:
            salma.get("/inbox/list")
        return sum("order_drafts" in one for one in sent)

    place.waits()
    assert asked() == 1

    with db.merchant(place.merchant.id):
        people = [factories.person(f"P{n}", wa_id=f"21266100000{n}") for n in range(5)]
        arrivals.take_in([factories.inbound("Salam", sender=who) for who in people])

    assert asked() == 1


@contextmanager
def statements() -> Iterator[list[str]]:
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def left(place: Place, why: str, **facts: Any) -> None:
    """The bot stepped aside, as it does in its own turn."""
    with place.inside() as conversation:
        talk = Talk(conversation_id=conversation.id, left_because=why)
        talk.silent_until = utcnow().replace(year=utcnow().year + 1)
        db.session().add(talk)
        conversations.note_activity(conversation, "bot_left", {"why": why} | facts)
        told = {"why": why, "conversation": str(conversation.id), "name": "Fatima"}
        notifications.tell("bot_left", facts=told)


# --- what happened, in words ----------------------------------------------------------------------


def test_the_thread_sums_up_why_the_bot_called_a_person(place: Place, salma: FlaskClient) -> None:
    left(place, "misses", said="wach 3ndkom <b>chi</b>", intent="order", items=2, city="Fès")

    page = salma.get(f"/inbox/{place.talk}")

    assert (
        "The bot did not understand the customer · “wach 3ndkom <b>chi</b>” · Wants to order"
        " · 2 products · Fès"
    ) in plain(page)
    assert "<b>chi" not in page.text


def test_the_bell_leads_to_the_conversation_and_rings_no_more_once_it_is_read(
    place: Place, agent: Membership, salma: FlaskClient
) -> None:
    left(place, "complaint")

    page = salma.get("/notifications", headers=HTMX)
    assert "Fatima: The customer complains" in plain(page)
    link = re.search(r'href="(/notifications/[0-9a-f-]+)"', page.text)
    assert link is not None

    assert salma.get("/notifications/unread").text == "1"
    salma.post(f"/inbox/{place.talk}/read")

    assert salma.get("/notifications/unread").text == ""
    assert salma.get(link[1]).headers["Location"] == f"/inbox/{place.talk}"


@pytest.fixture
def understood(place: Place, agent: Membership) -> int:
    """An order that "wakha" moved; its number."""
    with place.inside() as conversation:
        order = shop.order((None, 1), talk=conversation)
        because = {"button": "Confirmer", "spoken": "wakha", "confidence": 0.96}
        pipeline.move(order, shop.stage(SystemState.CONFIRMED), by=CUSTOMER, because=because)
        return order.number


def test_the_timeline_shows_the_sentence_that_moved_the_order(
    understood: int, salma: FlaskClient
) -> None:
    page = salma.get(f"/orders/{understood}")

    assert "Because the customer wrote “wakha”, 96% sure" in plain(page)
    assert "Undo the move" in plain(page)


def test_what_was_understood_wrongly_is_taken_back_in_the_thread(
    place: Place, understood: int, salma: FlaskClient
) -> None:
    page = salma.get(f"/inbox/{place.talk}")
    wrote = f"The customer wrote “wakha” (96% sure): order #{understood} moved from"
    assert wrote in plain(page)
    undo = re.search(r'hx-post="(/orders/\d+/undo)" hx-vals=\'({[^\']+})\'', page.text)
    assert undo is not None

    answer = salma.post(undo[1], data=json.loads(undo[2]), headers=HTMX)

    assert answer.status_code == 200
    again = salma.get(f"/inbox/{place.talk}")
    assert wrote in plain(again)
    assert "/undo" not in again.text


def test_what_the_bot_says_is_signed_with_its_name(place: Place, salma: FlaskClient) -> None:
    with place.inside() as conversation:
        messages.queue_text(conversation, "Marhba", origin=Origin.BOT)

    page = salma.get(f"/inbox/{place.talk}")

    assert re.search(r'class="bubble bubble-out"[^>]*aria-label="Bot"', page.text)


def test_orders_of_the_bot_can_be_filtered(place: Place, salma: FlaskClient) -> None:
    salma.post(f"/drafts/{place.waits()}/accept", headers=HTMX)

    assert "#1001" in plain(salma.get("/orders?source=bot"))
    assert "#1001" not in plain(salma.get("/orders?source=phone"))
