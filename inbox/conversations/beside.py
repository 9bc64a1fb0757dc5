"""What stands beside a thread: the customer, their orders, how they stand to advertising."""

from __future__ import annotations

from typing import Any

from flows import consents, orders
from inbox.current import current
from models.conversation import Conversation


def facts(conversation: Conversation) -> dict[str, Any]:
    """What orders/_panel.html shows."""
    who = conversation.identity
    return {
        "panel": orders.panel(conversation, money=current.sees_money),
        "standing": consents.standing(who.customer, who),
        "sources": consents.SOURCES,
    }
