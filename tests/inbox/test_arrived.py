"""What customers send besides words, as people see it and what they can do with it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from flows import arrivals, customers
from flows.events import Inbound, Person
from models import db
from models.conversation import Conversation
from models.customer import Customer, WhatsAppIdentity
from models.merchant import Merchant
from models.message import Message
from models.types import Json, utcnow
from models.user import Membership
from tests import factories

Browser = Callable[[Membership], FlaskClient]
FATIMA = Person(wa_id="212661234567", profile_name="Fatima Zahra")
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def signed_in(english: Browser) -> Browser:
    return english


def of(text: str = "", **changes: Any) -> Inbound:
    return factories.inbound(text, sender=FATIMA, **changes)


def wrote(merchant: Merchant, *events: Any) -> UUID:
    for event in events:
        with db.merchant(merchant.id):
            arrivals.take_in([event])
    with db.merchant(merchant.id) as session:
        return session.scalars(select(Conversation.id).order_by(Conversation.id)).first() or UUID(
            int=0
        )


def message(merchant: Merchant, kind: str) -> Message:
    with db.merchant(merchant.id) as session:
        return session.scalars(select(Message).where(Message.kind == kind)).one()


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def bubbles(page: str) -> list[str]:
    return [
        words(b) for b in re.findall(r'<article class="bubble [^>]*id="m-.*?</article>', page, re.S)
    ]


# --- what became of a message since ---------------------------------------------------------------


def test_a_deleted_message_says_so_and_what_it_said_is_for_owners(
    signed_in: Browser, merchant: Merchant, agent: Membership, owner: Membership
) -> None:
    first = of("Mon numéro secret")
    answer = of("Alors ?", context_wamid=first.wamid)
    revoke = of(kind="revoke", payload={}, target_wamid=first.wamid)
    conversation = wrote(merchant, first, answer, revoke)

    seen = signed_in(agent).get(f"/inbox/{conversation}").text
    whole = signed_in(owner).get(f"/inbox/{conversation}").text

    assert "Mon numéro secret" not in seen
    assert bubbles(seen)[0].startswith("Deleted by the customer")
    assert "Deleted message Alors ?" in bubbles(seen)[1]
    assert "What it said Mon numéro secret" in bubbles(whole)[0]


def test_what_is_deleted_on_the_phone_of_the_shop_says_whose_it_was(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    typed = factories.echo("Trop cher", person=FATIMA)
    gone = factories.echo(kind="revoke", payload={}, target_wamid=typed.wamid, person=FATIMA)
    conversation = wrote(merchant, typed, gone)

    page = signed_in(agent).get(f"/inbox/{conversation}").text

    assert "Deleted from the phone" in bubbles(page)[0]
    assert "Trop cher" not in page


def test_a_message_and_its_parts_meet_whichever_comes_first_and_however_far_apart(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    first = of("12 rue X", at=utcnow() - timedelta(days=2))
    parts = [
        of("14 rue Y", kind="edit", target_wamid=first.wamid),
        of("15 rue Z", kind="edit", target_wamid=first.wamid),
        of("👍", kind="reaction", target_wamid=first.wamid),
    ]
    between = [of(f"n° {n}", at=utcnow() - timedelta(days=1)) for n in range(60)]
    conversation = wrote(merchant, *parts, first)
    with db.merchant(merchant.id):
        arrivals.take_in(between)
    browser = signed_in(agent)

    newest = browser.get(f"/inbox/{conversation}").text
    before = re.search(r'hx-get="(/inbox/[^"]*before=[^"]*)"', newest)
    assert before is not None
    oldest = browser.get(html.unescape(before[1]), headers=HTMX).text

    assert bubbles(oldest)[0].startswith("15 rue Z What it said before 12 rue X 14 rue Y Edited")
    assert "👍" in bubbles(oldest)[0]


def test_a_reaction_that_was_taken_back_is_gone(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    first = of("Le rouge")
    love = of("❤️", kind="reaction", target_wamid=first.wamid)
    back = of("", kind="reaction", target_wamid=first.wamid)
    conversation = wrote(merchant, first, love, back)

    page = signed_in(agent).get(f"/inbox/{conversation}").text

    assert "❤️" not in bubbles(page)[0]
    assert "bubble-reactions" not in page


def test_nobody_edits_what_somebody_else_wrote(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    ours = factories.echo(
        "320 MAD", wamid="w.ours", at=utcnow() - timedelta(minutes=1), person=FATIMA
    )
    conversation = wrote(merchant, ours, of("20 MAD", kind="edit", target_wamid="w.ours"))

    page = signed_in(agent).get(f"/inbox/{conversation}").text

    assert bubbles(page)[0].startswith("Sent from the phone 320 MAD")
    assert "Edited message 20 MAD" in bubbles(page)[1]


# --- a cart becomes an order ----------------------------------------------------------------------


def a_cart(*items: Json) -> Inbound:
    return of("Demain svp", kind="order", payload={"text": "Demain svp", "product_items": items})


def test_a_carts_lines_have_our_names_and_become_an_order(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        bag = factories.product("Sac cuir", price=32000, couleur=["Noir", "Rouge"])
        reference, chosen = bag.variants[1].sku, bag.variants[1].id
    known = {"product_retailer_id": reference.lower(), "quantity": "2", "item_price": 300}
    strange = {"product_retailer_id": "XX-9", "quantity": 1, "item_price": "49.5"}
    cart = a_cart(known | {"currency": "MAD"}, strange | {"currency": "MAD"})
    conversation = wrote(merchant, cart)
    browser = signed_in(agent)

    page = browser.get(f"/inbox/{conversation}").text
    link = re.search(r'hx-get="([^"]*/orders/new\?cart=[^"]*)"', page)
    assert link is not None
    dialog = browser.get(link[1], headers=HTMX).text

    assert "2 × Sac cuir (Rouge) 600.00 MAD" in bubbles(page)[0]
    assert "1 × XX-9 49.50 MAD Total 649.50 MAD" in bubbles(page)[0]
    assert re.search(rf'<option value="{chosen}"[^>]* selected', dialog)
    assert 'name="lines[0].quantity" value="2"' in dialog
    assert 'name="lines[1].name" value="XX-9"' in dialog
    assert 'name="lines[1].unit_price" value="49.50"' in dialog


def test_a_cart_in_another_currency_or_of_nonsense_leaves_prices_to_people(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    items = [
        {"product_retailer_id": "A", "quantity": 3, "item_price": 30, "currency": "ILS"},
        {"product_retailer_id": ["x"], "quantity": -4, "item_price": {}, "currency": None},
    ]
    conversation = wrote(merchant, a_cart(*items))
    cart = message(merchant, "order").id
    address = f"/conversations/{conversation}/orders/new?cart={cart}"

    dialog = signed_in(agent).get(address, headers=HTMX).text

    assert 'name="lines[0].name" value="A"' in dialog
    assert 'name="lines[0].unit_price" value=""' in dialog
    assert 'name="lines[1].quantity" value="1"' in dialog


def test_a_cart_of_another_conversation_fills_nothing(
    signed_in: Browser, merchant: Merchant, agent: Membership, stranger: Membership
) -> None:
    conversation = wrote(merchant, a_cart({"product_retailer_id": "A", "quantity": 1}))
    address = f"/conversations/{conversation}/orders/new?cart="

    assert signed_in(agent).get(f"{address}{factories.some_id()}").status_code == 404
    assert signed_in(agent).get(f"{address}nonsense").status_code == 200
    cart = message(merchant, "order").id
    assert signed_in(stranger).get(f"{address}{cart}").status_code == 404


def test_a_cart_that_was_deleted_fills_nothing(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    cart = a_cart({"product_retailer_id": "A", "quantity": 1})
    conversation = wrote(merchant, cart, of(kind="revoke", target_wamid=cart.wamid))
    address = f"/conversations/{conversation}/orders/new?cart={message(merchant, 'order').id}"

    answer = signed_in(agent).get(address, headers=HTMX)

    assert answer.status_code == 409
    assert "lines[0].name" not in answer.text


def test_a_question_about_a_product_names_it(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        sku = factories.product("Théière").sku
    about = of("Combien ?", product={"catalog_id": "1", "product_retailer_id": sku})
    conversation = wrote(merchant, about)

    page = signed_in(agent).get(f"/inbox/{conversation}").text

    assert f"Asks about a product Théière {sku} Combien ?" in bubbles(page)[0]


# --- contacts -------------------------------------------------------------------------------------


YOUSSEF = {
    "name": {"formatted_name": "Youssef"},
    "phones": [{"phone": "06 63 45 67 89", "wa_id": "212663456789"}, {"phone": "nonsense"}],
    "emails": [{"email": "y@example.com"}],
}


def shared(merchant: Merchant, card: Json) -> str:
    wrote(merchant, of(kind="contacts", payload={"contacts": [card]}))
    return f"/inbox/messages/{message(merchant, 'contacts').id}/contacts"


def test_a_shared_contact_becomes_a_card_once(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    address, browser = shared(merchant, YOUSSEF), signed_in(agent)

    answers = [browser.post(f"{address}/0/card", headers=HTMX).status_code for _ in range(2)]

    assert answers == [204, 204]
    with db.merchant(merchant.id) as session:
        card = session.scalars(select(Customer)).one()
        assert (card.name, card.email) == ("Youssef", "y@example.com")
        assert [phone.e164 for phone in card.phones] == ["+212663456789", None]
        conversation = session.scalars(select(Conversation.id)).one()
    assert f'href="/customers/{card.id}"' in browser.get(f"/inbox/{conversation}").text


def test_a_number_somebody_was_asked_for_is_on_their_card(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    vcard = "BEGIN:VCARD\nVERSION:3.0\nTEL;type=CELL;waid=212661000111:+212 661-000111\nEND:VCARD"
    own = {"origin": "contact_request", "vcard": vcard}
    address, browser = shared(merchant, own), signed_in(agent)

    assert browser.post(f"{address}/0/number", headers=HTMX).status_code == 204

    with db.merchant(merchant.id) as session:
        card = session.scalars(select(Customer)).one()
        assert "+212661000111" in [phone.e164 for phone in card.phones]
        assert session.scalars(select(WhatsAppIdentity)).one().customer_id == card.id


def test_somebody_whose_contact_was_shared_can_be_written_to(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    address, browser = shared(merchant, YOUSSEF), signed_in(agent)

    answer = browser.post(f"{address}/0/conversation", headers=HTMX)

    opened = answer.headers["HX-Redirect"]
    page = browser.get(opened).text
    assert "Youssef" in page
    assert "No message yet" in page


@pytest.mark.parametrize("deed", ["card", "number", "conversation"])
def test_a_contact_whose_message_was_deleted_is_kept_nowhere_and_not_written_to(
    signed_in: Browser, merchant: Merchant, agent: Membership, deed: str
) -> None:
    address = shared(merchant, YOUSSEF)
    deleted = message(merchant, "contacts").wamid
    wrote(merchant, of(kind="revoke", target_wamid=deleted))

    answer = signed_in(agent).post(f"{address}/0/{deed}", headers=HTMX)

    assert answer.status_code == 409
    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Customer)).all() == []
        assert len(session.scalars(select(Conversation)).all()) == 1


def test_contacts_of_others_and_beyond_the_last_are_not_found(
    signed_in: Browser, merchant: Merchant, agent: Membership, stranger: Membership
) -> None:
    address = shared(merchant, {"name": {"formatted_name": "Sans numéro"}})

    for deed in ("card", "number", "conversation"):
        assert signed_in(stranger).post(f"{address}/0/{deed}").status_code == 404
        assert signed_in(agent).post(f"{address}/7/{deed}").status_code == 404
    assert signed_in(agent).post(f"{address}/0/conversation").status_code == 404


# --- where it came from, and what WhatsApp says ---------------------------------------------------


def test_history_groups_and_posts_are_named(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    old = factories.echo(
        "Bonjour",
        field="history",
        at=utcnow() - timedelta(days=90),
        person=FATIMA,
        outgoing=False,
        historic=True,
    )
    referral = {"source_type": "post", "headline": "Le cuir", "source_url": "https://fb.me/1"}
    conversation = wrote(merchant, old, of("Ici ?", group_id="G1"), of("Salam", referral=referral))

    first, group, post = bubbles(signed_in(agent).get(f"/inbox/{conversation}").text)

    assert first.startswith("From the phone's history Bonjour")
    assert group.startswith("Written in a group Ici ?")
    assert post.startswith("Came from a post Le cuir https://fb.me/1 Salam")


def test_what_is_written_in_a_group_opens_no_window(merchant: Merchant) -> None:
    wrote(merchant, of("Ici ?", group_id="G1"))

    with db.merchant(merchant.id) as session:
        conversation = session.scalars(select(Conversation)).one()
        assert (conversation.unread, conversation.last_inbound_at) == (1, None)


def system(kind: str, **body: Any) -> Inbound:
    became = Person(wa_id=body.get("wa_id"), user_id=body.get("user_id"))
    known = became if became.wa_id or became.user_id else None
    return of("User changed", kind="system", payload={"type": kind} | body, became=known)


NOTICES = [
    (system("user_changed_number", wa_id="212677777777"), "number is now ⁦+212677777777⁩."),
    (system("user_changed_user_id", user_id="MA.2"), "gave the customer a new identity"),
    (system("customer_identity_changed"), "The customer has WhatsApp on a new device."),
    (system("something_new"), "User changed"),
]


@pytest.mark.parametrize(("event", "said"), NOTICES, ids=[said for _, said in NOTICES])
def test_what_whatsapp_says_is_said_in_the_readers_words(
    signed_in: Browser, merchant: Merchant, agent: Membership, event: Inbound, said: str
) -> None:
    conversation = wrote(merchant, of("Salam"), event)

    assert said in words(signed_in(agent).get(f"/inbox/{conversation}").text)


def test_who_changes_number_keeps_their_talk_and_their_card_has_both(merchant: Merchant) -> None:
    wrote(merchant, of("Salam"))
    with db.merchant(merchant.id) as session:
        customers.card_for(session.scalars(select(WhatsAppIdentity)).one())
    wrote(merchant, system("user_changed_number", wa_id="212677777777", user_id="MA.2"))
    new = Person(wa_id="212677777777", user_id="MA.2")
    wrote(merchant, factories.inbound("C'est moi", sender=new))

    with db.merchant(merchant.id) as session:
        identity = session.scalars(select(WhatsAppIdentity)).one()
        assert (identity.wa_id, identity.user_id) == ("212677777777", "MA.2")
        assert len(session.scalars(select(Conversation)).all()) == 1
        numbers = [phone.e164 for phone in session.scalars(select(Customer)).one().phones]
        assert numbers == ["+212661234567", "+212677777777"]


UNSUPPORTED = [("poll", "Poll"), ("view_once", "seen once"), ("xyz", "does not hand over")]


@pytest.mark.parametrize(("kind", "said"), UNSUPPORTED)
def test_what_whatsapp_does_not_hand_over_is_named_as_far_as_it_goes(
    signed_in: Browser,
    merchant: Merchant,
    agent: Membership,
    owner: Membership,
    kind: str,
    said: str,
) -> None:
    conversation = wrote(merchant, of(kind="unsupported", payload={"type": kind}))

    seen = signed_in(agent).get(f"/inbox/{conversation}").text
    whole = signed_in(owner).get(f"/inbox/{conversation}").text

    assert said in bubbles(seen)[0]
    assert "As Meta sent it" not in seen
    assert "As Meta sent it (unsupported)" in bubbles(whole)[0]
