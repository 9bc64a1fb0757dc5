"""A blocked customer: what they write is kept and rings for nobody, no order is taken."""

from __future__ import annotations

from typing import Any

import pytest

from flows import arrivals, customers, threads
from flows.errors import Invalid, Refused
from flows.events import Person
from models.conversation import Conversation
from models.db import MerchantSession
from models.user import Membership
from tests import factories
from tests.flows import shop

OTHER = Person(wa_id="212662222222", profile_name="Fatima")


def blocked(by: Membership, **changes: Any) -> Conversation:
    talk = shop.conversation(**changes)
    customers.block(customers.card_for(talk.identity), reason="Trois colis refusés", by=by)
    return talk


def listed(show: str, member: Membership) -> list[Conversation]:
    return [row.conversation for row in threads.listed(show=show, member=member)]


def test_what_a_blocked_customer_writes_is_kept_and_rings_for_nobody(
    agent: Membership, session: MerchantSession
) -> None:
    talk = blocked(agent)

    arrivals.take_in([factories.inbound("Répondez !")])

    session.refresh(talk)
    assert talk.muted
    assert talk.unread == 0
    assert talk.last_preview == "Répondez !"
    assert threads.unread_count() == 0


def test_a_blocked_conversation_is_in_no_filter_that_calls_for_work(
    agent: Membership, session: MerchantSession
) -> None:
    talk = blocked(agent)
    arrivals.take_in([factories.inbound("Répondez !")])

    assert listed("all", agent) == [talk]
    assert listed("blocked", agent) == [talk]
    assert listed("unread", agent) == []
    assert listed("unanswered", agent) == []


def test_a_later_conversation_of_a_blocked_customer_is_muted_from_its_birth(
    agent: Membership, session: MerchantSession
) -> None:
    card = customers.open_card("Fatima", number=customers.read_phone("0662222222", "MA"))
    customers.block(card, reason="Insultes", by=agent)

    talk = shop.conversation(sender=OTHER)

    assert talk.identity.customer_id == card.id
    assert talk.muted
    assert talk.unread == 0


def test_an_account_found_to_be_a_blocked_customers_is_muted(
    agent: Membership, session: MerchantSession
) -> None:
    card = customers.card_for(blocked(agent).identity)
    other = shop.conversation(sender=OTHER)

    customers.link(other.identity, card)

    session.refresh(other)
    assert other.muted
    assert other.unread == 0


def test_blocking_needs_a_reason(agent: Membership, session: MerchantSession) -> None:
    card = customers.card_for(shop.conversation().identity)

    with pytest.raises(Invalid) as refusal:
        customers.block(card, reason="  ", by=agent)

    assert set(refusal.value.fields) == {"reason"}
    assert card.blocked_at is None


def test_somebody_without_a_card_gets_one_to_be_blocked(
    agent: Membership, session: MerchantSession
) -> None:
    talk = blocked(agent)

    card = talk.identity.customer

    assert card is not None
    assert card.blocked_reason == "Trois colis refusés"
    assert [phone.e164 for phone in card.phones] == ["+212661234567"]


def test_an_unblocked_customer_rings_again(manager: Membership, session: MerchantSession) -> None:
    talk = blocked(manager)

    customers.unblock(customers.card_for(talk.identity), manager)
    arrivals.take_in([factories.inbound("Merci")])

    session.refresh(talk)
    assert not talk.muted
    assert talk.unread == 1


def test_blocking_twice_is_once(agent: Membership, session: MerchantSession) -> None:
    talk = blocked(agent)
    card = customers.card_for(talk.identity)

    customers.block(card, reason="Encore", by=agent)

    assert card.blocked_reason == "Trois colis refusés"


def test_nothing_is_done_for_a_blocked_customer_but_by_a_manager_who_insists(
    agent: Membership, manager: Membership, session: MerchantSession
) -> None:
    card = customers.card_for(blocked(agent).identity)

    for by, override in ((None, False), (None, True), (agent, True), (manager, False)):
        with pytest.raises(Refused, match="blocked"):
            customers.check_not_blocked(card, by=by, override=override)
    customers.check_not_blocked(card, by=manager, override=True)


def test_who_is_not_blocked_is_not_refused(session: MerchantSession) -> None:
    customers.check_not_blocked(None)
    customers.check_not_blocked(customers.open_card("Hassan"))
