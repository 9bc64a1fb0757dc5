"""STOP and START: what customers write, and what Meta tells in their name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from flows import customers
from flows.consents.ledger import record
from flows.consents.words import said
from flows.conversations import Heard
from flows.events import Event, Preference, Status
from models import db
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.message import Message

SPOKEN = ("text", "button", "interactive")
"""Kinds whose words are the customer's own: typed, or on the button they chose."""
REFUSED = 131050
"""Meta's code for a marketing message to somebody who stopped them (spec: whatsapp.md §5)."""
ADVERTISING = "marketing_messages"


def may_mean(heard: Sequence[Heard]) -> set[UUID]:
    """Which of these messages have to be heard: those that are nothing but one of the words."""
    return {one.message_id for one in heard if one.kind in SPOKEN and said(one.words)}


def hear_all(written: Sequence[Message]) -> None:
    """Each of these messages has been heard; one that says nothing of this costs nothing."""
    for message in written:
        hear(message)


def hear(message: Message) -> None:
    """STOP as the whole message is recorded at once, START lifts it. Nothing is sent in return.

    Call once per new message, in the transaction that stores it, oldest first.
    """
    if message.kind not in SPOKEN:
        return
    words = str(message.payload.get("button_text") or message.text)
    meaning = said(words)
    if meaning is None:
        return
    identity = message.conversation.identity
    given = meaning != "stop"
    if _changes(identity, given=given, only_after_stop=meaning == "again"):
        record(identity=identity, given=given, source="whatsapp", wording=words, at=message.at)


def _changes(identity: WhatsAppIdentity, *, given: bool, only_after_stop: bool) -> bool:
    """Whether it is news: whoever writes STOP twice has said it once."""
    card = identity.customer
    stopped = identity.opted_out_at is not None
    if given and card is not None:
        stopped = stopped or any(who.opted_out_at for who in card.identities)
    if only_after_stop or not given:
        return stopped if given else not stopped
    return stopped or card is None or card.marketing_at is None


# --- what Meta tells ------------------------------------------------------------------------------


def hear_preference(news: Preference) -> None:
    """The customer stopped or resumed our advertising in WhatsApp itself."""
    if news.category not in (ADVERTISING, ""):
        return
    (identity,) = customers.identities_for([news.person])
    record(
        identity=identity,
        given=news.value.lower() != "stop",
        source="meta",
        wording=news.detail or news.value,
        at=news.at,
    )


def hear_statuses(events: Sequence[Event]) -> None:
    """Of these statuses, already applied, those that say: they want no advertising."""
    told = [
        event.wamid
        for event in events
        if isinstance(event, Status) and any(e.get("code") == REFUSED for e in event.errors)
    ]
    if told:
        refused_by_meta(db.session().scalars(_failed(told)).unique().all())


def refused_by_meta(messages: Sequence[Message]) -> None:
    """Meta sent none of these because the customer stopped advertising: so it is for us too."""
    for message in (message for message in messages if message.error_code == REFUSED):
        identity = message.conversation.identity
        if identity.opted_out_at is None:
            wording = message.error_detail or ""
            record(identity=identity, given=False, source="meta", wording=wording)


def _failed(wamids: Sequence[str]) -> Any:
    return (
        select(Message)
        .where(Message.wamid.in_(wamids), Message.error_code == REFUSED)
        .options(joinedload(Message.conversation).joinedload(Conversation.identity))
    )
