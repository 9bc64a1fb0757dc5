"""What stands beside a thread: the customer, their orders and consents, and the bot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from flows import consents, orders
from flows.talks import beside, drafts
from flows.talks.beside import Mark
from inbox.current import current
from inbox.orders import proposing
from models.conversation import Conversation


def facts(conversation: Conversation) -> dict[str, Any]:
    """What orders/_panel.html shows."""
    who = conversation.identity
    return {
        "panel": orders.panel(conversation, money=current.sees_money),
        "standing": consents.standing(who.customer, who),
        "sources": consents.SOURCES,
    }


def bot(conversation: Conversation) -> dict[str, Any]:
    """Who has the conversation, and the order of the bot that waits for whoever takes orders."""
    waiting = drafts.waiting(conversation) if current.may("orders.create") else None
    return {
        "keeper": beside.keeper(conversation),
        "waiting": proposing.of_draft(waiting) if waiting is not None else None,
    }


def marks(conversations: Sequence[Conversation]) -> Mapping[UUID, Mark]:
    """What the rows of the list tell of the bot."""
    return beside.marks([conversation.id for conversation in conversations])
