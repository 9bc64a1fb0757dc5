"""What stands beside a thread: the customer, their orders and consents, and the bot."""

from __future__ import annotations

from typing import Any

from flows import consents, orders
from flows.talks import beside
from flows.threads import Opened
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


def bot(opened: Opened) -> dict[str, Any]:
    """Who has the conversation, and the order of the bot that waits for whoever takes orders."""
    waiting = opened.draft if current.may("orders.create") else None
    return {
        "keeper": beside.keeper(opened.conversation, opened.bot, opened.talk),
        "waiting": proposing.of_draft(waiting) if waiting is not None else None,
    }
