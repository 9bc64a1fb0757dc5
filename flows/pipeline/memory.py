"""What a move wipes out of an order, kept in its entry so that the move can be undone exactly."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from models.order import Order, StockPosition
from models.timeline import Entry

INSTANTS = ("stage_entered_at", "confirmed_at", "shipped_at", "delivered_at", "call_due_at")
AWAY = (StockPosition.IN_RETURN, StockPosition.RESTOCKED)
"""Where goods are that neither count as promised nor as gone: a way back may not forget it."""


def remember(order: Order) -> dict[str, Any]:
    """What standing on another stage will change, as JSON; what is empty is left out."""
    kept: dict[str, Any] = {
        name: at.isoformat() for name in INSTANTS if (at := getattr(order, name)) is not None
    }
    kept["reason"], kept["flags"] = order.reason, order.flags
    kept["stock"] = {str(line.id): line.stock for line in order.lines if line.stock in AWAY}
    return {name: value for name, value in kept.items() if value}


def recall(order: Order, entry: Entry) -> None:
    """The order, back on its stage, is what it was before the entry moved it away.

    Where the stage has got another state since, the order has that state, and its milestones.
    """
    kept: dict[str, Any] = entry.facts.get("before", {})
    if not kept or order.state != entry.facts["from_state"]:
        return
    for name in INSTANTS:
        setattr(order, name, datetime.fromisoformat(kept[name]) if name in kept else None)
    order.reason, order.flags = kept.get("reason"), kept.get("flags", [])


def recall_stock(order: Order, entry: Entry) -> None:
    """Goods that were on their way back are so again, once `stock.follow` has released them."""
    kept: dict[str, str] = entry.facts.get("before", {}).get("stock", {})
    for line in order.lines:
        if line.stock is StockPosition.NONE and str(line.id) in kept:
            line.stock = StockPosition(kept[str(line.id)])
