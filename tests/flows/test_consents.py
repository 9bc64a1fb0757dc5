"""Advertising only to who agreed and never said stop; what was said is kept, word for word."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from flows import arrivals, consents, customers
from flows.events import Person, Preference, Status
from models import db
from models.channel import Channel
from models.conversation import Activity, Conversation
from models.customer import Consent, Customer, WhatsAppIdentity
from models.db import MerchantSession
from models.message import Message, Sending
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop

FATIMA = Person(wa_id="212661234567", profile_name="Fatima Zahra El Idrissi")


def agreed(**changes: Any) -> Conversation:
    """The conversation of a customer who has a card and agreed to advertising with an order."""
    talk = shop.conversation(**changes)
    card = customers.card_for(talk.identity)
    consents.record(customer=card, given=True, source="order", wording="J'accepte les offres")
    return talk


def writes(text: str, **changes: Any) -> None:
    arrivals.take_in([factories.inbound(text, **changes)])


def card_of(talk: Conversation) -> Customer:
    assert talk.identity.customer is not None
    return talk.identity.customer


def ledger() -> list[Consent]:
    db.session().flush()
    return list(db.session().scalars(select(Consent).order_by(Consent.at, Consent.id)))


def activities(talk: Conversation) -> list[str]:
    db.session().flush()
    said = select(Activity.kind).where(Activity.conversation_id == talk.id)
    return list(db.session().scalars(said.order_by(Activity.at)))


def preference(value: str, **changes: Any) -> Preference:
    facts: dict[str, Any] = {
        "phone_number_id": "1" * 15,
        "waba_id": "9" + "1" * 14,
        "field": "user_preferences",
        "key": uuid4().hex,
        "at": utcnow(),
        "payload": {},
        "person": FATIMA,
        "category": "marketing_messages",
        "value": value,
        "detail": f"User requested to {value} marketing messages",
    }
    return Preference(**facts | changes)


# --- who may be advertised to ---------------------------------------------------------------------


def test_nobody_is_advertised_to_who_was_never_asked(session: MerchantSession) -> None:
    talk = shop.conversation()
    card = customers.card_for(talk.identity)

    assert not consents.may_advertise(card, talk.identity)
    assert consents.standing(card).given is None


def test_who_agreed_with_an_order_may_be_advertised_to(session: MerchantSession) -> None:
    talk = agreed()

    assert consents.may_advertise(card_of(talk), talk.identity)
    assert activities(talk) == ["opted_in"]


def test_the_history_tells_when_where_in_which_words_and_who(
    agent: Membership, session: MerchantSession
) -> None:
    talk = agreed()
    card = card_of(talk)

    consents.record(customer=card, given=False, source="person", wording="Au téléphone", by=agent)

    newest, first = consents.history(card)
    assert not newest.consent.given
    assert newest.by is not None
    assert newest.by.id == agent.id
    assert (first.consent.source, first.consent.wording) == ("order", "J'accepte les offres")
    assert not consents.may_advertise(card)


def test_a_stop_on_one_account_counts_for_the_whole_card(session: MerchantSession) -> None:
    talk = agreed()
    other = shop.conversation(sender=Person(wa_id="212662222222", profile_name="Fatima"))
    customers.link(other.identity, card_of(talk))

    writes("STOP", sender=Person(wa_id="212662222222", profile_name="Fatima"))

    session.refresh(card_of(talk), ["identities"])
    assert not consents.may_advertise(card_of(talk), talk.identity)


def test_an_import_of_consents_only_needs_the_wording_of_the_list(
    session: MerchantSession,
) -> None:
    card = customers.open_card("Hassan", number=customers.read_phone("0612345678", "MA"))

    consents.record(customer=card, given=True, source="import", wording="Salon 2025, liste B")

    assert consents.may_advertise(card)
    assert consents.history(card)[0].consent.source == "import"


# --- the words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "stop",
        "STOP !!!",
        "Arrêt.",
        "arreter svp",
        "Désabonner",
        "se désinscrire",
        "إيقاف",
        "ايقاف",
        "توقف",
        "الغاء الإشتراك",
        "baraka men l'offres",
        "safi, promos",
        "7bess les pubs",
        "unsubscribe",
        "Cancel promos",
        "Stop promotions",
    ],
)
def test_a_stop_word_alone_takes_advertising_back(session: MerchantSession, text: str) -> None:
    talk = agreed()

    writes(text)

    assert not consents.may_advertise(card_of(talk), talk.identity)
    assert talk.identity.opted_out_at is not None
    newest = ledger()[-1]
    assert (newest.given, newest.source, newest.wording) == (False, "whatsapp", text)
    assert activities(talk)[-1] == "opted_out"


@pytest.mark.parametrize(
    "text",
    [
        "stop le colis n'est pas arrivé",
        "je veux arrêter ma commande",
        "baraka",
        "sali",
        "annuler",
        "توقف الطلبية من فضلك",
        "Où est le stop ?",
        "",
        "stop " * 40,
    ],
)
def test_a_sentence_that_holds_the_word_takes_nothing_back(
    session: MerchantSession, text: str
) -> None:
    talk = agreed()

    writes(text)

    assert consents.may_advertise(card_of(talk), talk.identity)


def test_the_opt_out_button_of_a_marketing_template_is_a_stop(session: MerchantSession) -> None:
    talk = agreed()

    writes("Stop promotions", kind="button", button_text="Stop promotions", button_payload="x")

    assert not consents.may_advertise(card_of(talk))


def test_stop_twice_is_said_once(session: MerchantSession) -> None:
    talk = agreed()

    writes("stop")
    writes("STOP")

    assert [row.given for row in ledger()] == [True, False]
    assert activities(talk) == ["opted_in", "opted_out"]


@pytest.mark.parametrize("text", ["start", "Start!", "ابدأ", "oui offres"])
def test_start_lifts_a_stop(session: MerchantSession, text: str) -> None:
    talk = agreed()
    writes("stop")

    writes(text)

    assert consents.may_advertise(card_of(talk), talk.identity)
    assert activities(talk) == ["opted_in", "opted_out", "opted_in"]


def test_start_from_who_never_said_stop_is_only_a_beginning(session: MerchantSession) -> None:
    talk = shop.conversation()
    card = customers.card_for(talk.identity)

    writes("Start")

    assert not consents.may_advertise(card)
    assert ledger() == []


def test_asking_for_offers_is_consent_also_without_a_card(session: MerchantSession) -> None:
    talk = shop.conversation()
    writes("Oui offres")

    card = customers.card_for(talk.identity)

    assert consents.may_advertise(card, talk.identity)


def test_a_stop_without_a_card_stays_with_the_card_opened_later(session: MerchantSession) -> None:
    talk = shop.conversation()
    writes("stop")

    card = customers.card_for(talk.identity)

    assert not consents.may_advertise(card, talk.identity)
    assert consents.standing(card).given is False
    assert [said.consent.wording for said in consents.history(card)] == ["stop"]


def test_the_same_stop_brought_twice_by_meta_is_one(session: MerchantSession) -> None:
    agreed()
    event = factories.inbound("stop")

    arrivals.take_in([event])
    arrivals.take_in([event])

    assert len(ledger()) == 2


def test_a_late_start_does_not_lift_a_newer_stop(session: MerchantSession) -> None:
    talk = agreed()
    writes("stop")

    writes("start", at=utcnow() - timedelta(hours=2))

    assert not consents.may_advertise(card_of(talk))
    assert len(ledger()) == 3


def test_two_accounts_that_are_one_keep_what_both_said(session: MerchantSession) -> None:
    shop.conversation(sender=Person(wa_id="212661234567"))
    writes("stop", sender=Person(wa_id="212661234567"))
    shop.conversation(sender=Person(user_id="MA.1"))

    writes("Salam", sender=Person(user_id="MA.1", wa_id="212661234567"))

    session.expire_all()
    kept = session.scalars(select(WhatsAppIdentity)).one()
    assert kept.opted_out_at is not None
    assert [said.consent.wording for said in consents.history(customers.card_for(kept))] == ["stop"]


# --- what Meta tells ------------------------------------------------------------------------------


def test_who_stops_us_in_whatsapp_itself_has_said_so(session: MerchantSession) -> None:
    talk = agreed()

    arrivals.take_in([preference("stop")])
    stopped = consents.may_advertise(card_of(talk))
    arrivals.take_in([preference("resume")])

    assert not stopped
    assert consents.may_advertise(card_of(talk))
    assert [row.source for row in ledger()] == ["order", "meta", "meta"]


def test_the_same_preference_twice_is_one(session: MerchantSession) -> None:
    agreed()
    event = preference("stop")

    arrivals.take_in([event])
    arrivals.take_in([event])

    assert len(ledger()) == 2


def test_metas_refusal_131050_is_an_opt_out(session: MerchantSession) -> None:
    talk = agreed()
    sent = Message(
        conversation_id=talk.id,
        channel_id=talk.channel_id,
        direction="out",
        origin="automation",
        kind="template",
        text="Soldes",
        payload={},
        category="marketing",
        sending=Sending.ACCEPTED,
        rank=0,
        wamid="wamid.soldes",
        at=utcnow(),
    )
    session.add(sent)
    session.flush()

    arrivals.take_in([_refusal(talk.channel)])

    assert not consents.may_advertise(card_of(talk), talk.identity)
    assert ledger()[-1].source == "meta"


def _refusal(channel: Channel) -> Status:
    return Status(
        phone_number_id=channel.phone_number_id,
        waba_id=channel.waba_id,
        field="messages",
        wamid="wamid.soldes",
        status="failed",
        at=utcnow(),
        recipient=FATIMA,
        errors=({"code": 131050, "title": "Unable to deliver: stopped by the recipient"},),
    )
