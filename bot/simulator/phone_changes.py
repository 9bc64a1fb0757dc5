"""How the world changes by what phones do besides writing: edits, calls, blocks, new numbers."""

from __future__ import annotations

from collections.abc import Callable

from bot.simulator.world import LADDER, Bubble, Json, World


def _edited(world: World, record: Json) -> None:
    bubble = world.bubbles[record["wamid"]]
    bubble.content, bubble.edited = record["content"], True


def _revoked(world: World, record: Json) -> None:
    world.bubbles[record["wamid"]].revoked = True


def _forwarded(world: World, record: Json) -> None:
    world.bubbles[record["wamid"]].forwarded = True


def _unsaid(world: World, record: Json) -> None:
    """It got this far and the business is not told."""
    bubble = world.bubbles[record["wamid"]]
    if LADDER[record["status"]] > LADDER.get(bubble.status, 99):
        bubble.status = record["status"]


def _blocked(world: World, record: Json) -> None:
    customer = world.customers[record["customer"]]
    others = [number for number in customer.blocked if number != record["number"]]
    customer.blocked = [*others, record["number"]] if record["blocked"] else others


def _receipts(world: World, record: Json) -> None:
    customer = world.customers[record["customer"]]
    customer.receipts, customer.arrivals = record["receipts"], record["arrivals"]


def _known_as(world: World, record: Json) -> None:
    customer = world.customers[record["customer"]]
    customer.phone, customer.user_id = record["phone"], record["user_id"]
    customer.username, customer.shows_phone = record["username"], record["shows_phone"]


def _called(world: World, record: Json) -> None:
    _place(world, record, from_customer=record["from_customer"], kind="call")
    if record["from_customer"]:
        # Meta: a call opens the customer service window like a message.
        world.chat(record["number"], record["customer"]).written_at = record["time"]


def _echoed(world: World, record: Json) -> None:
    bubble = _place(world, record, from_customer=False, kind=record["type"])
    bubble.status, bubble.echo = "delivered", True


def _products(world: World, record: Json) -> None:
    world.products[record["account"]] = record["products"]


def _place(world: World, record: Json, *, from_customer: bool, kind: str) -> Bubble:
    bubble = Bubble(
        wamid=record["wamid"],
        number=record["number"],
        customer=record["customer"],
        from_customer=from_customer,
        type=kind,
        content=record["content"],
        at=record["time"],
        status="sent",
    )
    world.bubbles[bubble.wamid] = bubble
    world.chat(bubble.number, record["customer"]).wamids.append(bubble.wamid)
    return bubble


PHONE_CHANGES: dict[str, Callable[[World, Json], None]] = {
    "edited": _edited,
    "revoked": _revoked,
    "forwarded": _forwarded,
    "unsaid": _unsaid,
    "blocked": _blocked,
    "receipts": _receipts,
    "known_as": _known_as,
    "called": _called,
    "echoed": _echoed,
    "products": _products,
}
