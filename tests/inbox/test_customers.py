"""A customer's card, blocking and consent, on its own page and beside a thread."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from flows import arrivals, consents, customers
from models import db
from models.conversation import Conversation
from models.customer import Customer
from models.merchant import Merchant
from models.pipeline import SystemState
from models.user import Membership
from tests import factories
from tests.flows import shop

Browser = Callable[[Membership], FlaskClient]
BODY_ONLY = [{"type": "BODY", "text": "Soldes"}]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def signed_in(english: Browser) -> Browser:
    return english


def wrote(merchant: Merchant) -> UUID:
    """The conversation of Fatima, of whom there is no card."""
    with db.merchant(merchant.id):
        return shop.conversation().id


def card(merchant: Merchant, talk: UUID) -> UUID:
    with db.merchant(merchant.id) as session:
        conversation = session.get_one(Conversation, (merchant.id, talk))
        return customers.card_for(conversation.identity).id


def blocked(merchant: Merchant, talk: UUID, by: Membership) -> UUID:
    id_ = card(merchant, talk)
    with db.merchant(merchant.id):
        customers.block(customers.find(id_), reason="Trois colis refusés", by=by)
    return id_


def of(merchant: Merchant, id_: UUID) -> Customer:
    with db.merchant(merchant.id):
        return customers.find(id_)


# --- beside a thread ------------------------------------------------------------------------------


def test_the_panel_says_that_nobody_was_asked(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    talk = wrote(merchant)

    panel = signed_in(agent).get(f"/inbox/{talk}/panel").text

    assert "Advertising: never asked" in panel
    assert f"/inbox/{talk}/block" in panel


def test_an_agent_blocks_somebody_without_a_card(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    talk, client = wrote(merchant), signed_in(agent)

    answer = client.post(f"/inbox/{talk}/block", data={"reason": "Insultes"}, headers=HTMX)

    assert answer.status_code == 200
    assert "Insultes" in answer.text
    assert "dialog:close" in answer.headers["HX-Trigger"]
    customer = of(merchant, card(merchant, talk))
    assert customer.blocked_reason == "Insultes"


def test_blocking_without_a_reason_comes_back(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    talk = wrote(merchant)

    answer = signed_in(agent).post(f"/inbox/{talk}/block", data={"reason": " "}, headers=HTMX)

    assert answer.status_code == 422
    assert "Say why, for whoever asks later." in answer.text


def test_only_a_manager_unblocks(
    merchant: Merchant, agent: Membership, manager: Membership, signed_in: Browser
) -> None:
    talk = wrote(merchant)
    id_ = blocked(merchant, talk, agent)

    refused = signed_in(agent).post(f"/inbox/{talk}/unblock", headers=HTMX)
    done = signed_in(manager).post(f"/inbox/{talk}/unblock", headers=HTMX)

    assert (refused.status_code, done.status_code) == (403, 200)
    assert of(merchant, id_).blocked_at is None


def test_nobody_writes_to_a_blocked_customer(
    merchant: Merchant, manager: Membership, signed_in: Browser
) -> None:
    talk, client = wrote(merchant), signed_in(manager)
    blocked(merchant, talk, manager)

    answer = client.post(
        f"/inbox/{talk}/messages",
        data={"text": "Bonjour", "client_id": str(uuid4())},
        headers={"Accept": "application/json"},
    )

    assert answer.status_code == 409
    assert answer.json is not None
    assert answer.json["error"]["code"] == "blocked"
    assert "Unblock first" in answer.json["error"]["message"]


def test_an_agent_sends_advertising_only_to_who_agreed(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    talk, client = wrote(merchant), signed_in(agent)
    with db.merchant(merchant.id):
        offer = shop.template("Soldes", category="marketing", components=BODY_ONLY).id
    path, form = f"/inbox/{talk}/templates/{offer}", {"client_id": str(uuid4())}

    refused = client.post(path, data=form, headers={"Accept": "application/json"})
    client.post(f"/inbox/{talk}/consent", data={"given": "1", "wording": "Oui aux offres"})
    sent = client.post(path, data=form, headers=HTMX)

    assert refused.json is not None
    assert refused.json["error"]["code"] == "no_consent"
    assert sent.status_code == 200


def test_the_thread_of_a_blocked_customer_says_so_instead_of_a_text_box(
    merchant: Merchant, manager: Membership, signed_in: Browser
) -> None:
    talk = wrote(merchant)
    blocked(merchant, talk, manager)

    page = signed_in(manager).get(f"/inbox/{talk}").text

    assert "Unblock first to write to them." in page
    assert 'id="writer"' not in page
    assert "Trois colis refusés" in page  # the line in the thread


def test_the_list_shows_who_is_blocked_and_can_show_only_them(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    talk, client = wrote(merchant), signed_in(agent)
    blocked(merchant, talk, agent)
    with db.merchant(merchant.id):
        arrivals.take_in([factories.inbound("Répondez !")])

    assert f"c-{talk}" in client.get("/inbox/list?show=blocked").text
    assert f"c-{talk}" in client.get("/inbox/list").text
    assert f"c-{talk}" not in client.get("/inbox/list?show=unanswered").text
    assert client.get("/inbox/unread").text == ""


def test_somebody_of_the_team_records_an_agreement(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    talk, client = wrote(merchant), signed_in(agent)
    form = {"given": "1", "wording": "Au téléphone : oui aux offres"}

    answer = client.post(f"/inbox/{talk}/consent", data=form, headers=HTMX)

    assert "Advertising: yes" in answer.text
    id_ = card(merchant, talk)
    with db.merchant(merchant.id):
        (said,) = consents.history(customers.find(id_))
        assert (said.consent.source, said.consent.wording) == ("person", form["wording"])
        assert said.by is not None
        assert said.by.id == agent.id


def test_an_agreement_without_its_words_comes_back(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    talk = wrote(merchant)

    answer = signed_in(agent).post(
        f"/inbox/{talk}/consent", data={"given": "1", "wording": ""}, headers=HTMX
    )

    assert answer.status_code == 422
    assert "Say what they agreed to, and how." in answer.text


def test_a_stop_is_told_in_the_thread_in_their_own_words(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    talk = wrote(merchant)
    with db.merchant(merchant.id):
        arrivals.take_in([factories.inbound("Désabonner")])

    page = signed_in(agent).get(f"/inbox/{talk}").text

    assert "no more advertising" in page
    assert "Advertising: no" in signed_in(agent).get(f"/inbox/{talk}/panel").text


# --- the card's page ------------------------------------------------------------------------------


def test_the_card_shows_all_there_is(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    talk = wrote(merchant)
    id_ = card(merchant, talk)
    with db.merchant(merchant.id) as session:
        customer = customers.find(id_)
        customers.put_address(customer, "12 rue des Orangers", "Marrakech")
        consents.record(customer=customer, given=True, source="order", wording="Oui aux offres")
        conversation = session.get_one(Conversation, (merchant.id, talk))
        order = shop.order((None, 2), customer=customer, talk=conversation)
        number = order.number

    page = signed_in(agent).get(f"/customers/{id_}").text

    for text in ("12 rue des Orangers", "Oui aux offres", "With an order", f"#{number}"):
        assert text in page
    assert f"/inbox/{talk}" in page


def test_what_a_customer_spent_is_for_who_may_see_money(
    merchant: Merchant, agent: Membership, manager: Membership, signed_in: Browser
) -> None:
    id_ = card(merchant, wrote(merchant))
    with db.merchant(merchant.id):
        shop.order((None, 3), on=SystemState.DELIVERED, customer=customers.find(id_))

    assert "300.00" in signed_in(manager).get(f"/customers/{id_}").text.split("card-title")[1]
    assert "300.00" not in signed_in(agent).get(f"/customers/{id_}").text.split("card-title")[1]


def test_a_card_is_corrected(merchant: Merchant, agent: Membership, signed_in: Browser) -> None:
    talk, client = wrote(merchant), signed_in(agent)
    id_ = card(merchant, talk)
    form = {"name": "Fatima Z.", "email": "fatima@example.com", "note": "Appeler le soir"}

    answer = client.post(f"/customers/{id_}", data=form, headers=HTMX)

    assert "Appeler le soir" in answer.text
    customer = of(merchant, id_)
    assert (customer.name, customer.email) == ("Fatima Z.", "fatima@example.com")
    assert "Fatima Z." in client.get("/inbox/list?q=fatima z").text


def test_wrong_fields_of_a_card_come_back(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    id_ = card(merchant, wrote(merchant))

    answer = signed_in(agent).post(
        f"/customers/{id_}", data={"name": "", "email": "nowhere"}, headers=HTMX
    )

    assert answer.status_code == 422
    assert "Enter the customer&#39;s name." in answer.text
    assert "This is not an e-mail address." in answer.text


def test_numbers_come_and_go(merchant: Merchant, agent: Membership, signed_in: Browser) -> None:
    id_, client = card(merchant, wrote(merchant)), signed_in(agent)
    path = f"/customers/{id_}/phones"

    bad = client.post(path, data={"phone": "12"}, headers=HTMX)
    client.post(path, data={"phone": "06 12 34 56 78"}, headers=HTMX)
    added = of(merchant, id_).phones[-1]
    client.post(f"{path}/{added.id}/delete", headers=HTMX)

    assert bad.status_code == 422
    assert added.e164 == "+212612345678"
    assert [phone.e164 for phone in of(merchant, id_).phones] == ["+212661234567"]


def test_addresses_come_change_and_go(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    id_, client = card(merchant, wrote(merchant)), signed_in(agent)
    path = f"/customers/{id_}/addresses"

    bad = client.post(path, data={"line": "", "city": ""}, headers=HTMX)
    client.post(path, data={"line": "1 rue A", "city": "Fès"}, headers=HTMX)
    (address,) = of(merchant, id_).addresses
    client.post(f"{path}/{address.id}", data={"line": "2 rue B", "city": "Taza"}, headers=HTMX)
    (changed,) = of(merchant, id_).addresses
    client.post(f"{path}/{address.id}/delete", headers=HTMX)

    assert bad.status_code == 422
    assert (changed.line, changed.city) == ("2 rue B", "Taza")
    assert of(merchant, id_).addresses == []


def test_a_number_on_two_cards_is_shown_on_both(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    id_ = card(merchant, wrote(merchant))
    with db.merchant(merchant.id):
        customers.open_card("Hassan", number=customers.read_phone("0661234567", "MA"))

    page = signed_in(agent).get(f"/customers/{id_}").text

    assert "Other cards carry the same number" in page
    assert "Hassan" in page


def test_blocking_and_unblocking_from_the_card(
    merchant: Merchant, manager: Membership, signed_in: Browser
) -> None:
    id_, client = card(merchant, wrote(merchant)), signed_in(manager)

    shut = client.post(f"/customers/{id_}/block", data={"reason": "Spam"}, headers=HTMX).text
    opened = client.post(f"/customers/{id_}/unblock", headers=HTMX).text

    assert "Blocked since" in shut
    assert "Blocked since" not in opened


def test_a_strangers_card_is_not_there(
    merchant: Merchant, stranger: Membership, signed_in: Browser
) -> None:
    id_ = card(merchant, wrote(merchant))
    client = signed_in(stranger)

    assert client.get(f"/customers/{id_}").status_code == 404
    assert client.post(f"/customers/{id_}/block", data={"reason": "x"}).status_code == 404
    assert client.post(f"/customers/{id_}", data={"name": "x"}).status_code == 404
