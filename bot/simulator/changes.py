"""How each kind of ledger record changes the world: replaying them all rebuilds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from bot.simulator.phone_changes import PHONE_CHANGES
from bot.simulator.world import (
    LADDER,
    Account,
    Bubble,
    Chat,
    Customer,
    Flow,
    Json,
    Media,
    Number,
    Template,
    World,
)

DAY = 24 * 3600
FREE_ENTRY = 72 * 3600


def apply(world: World, record: Json) -> None:
    """The world is as it was after this record; a kind it does not know changes nothing."""
    change = CHANGES.get(record["kind"])
    if change:
        change(world, record)


def _keep(kind: type[Any], shelf: str) -> Callable[[World, Json], None]:
    known = {f.name for f in fields(kind)}

    def put(world: World, record: Json) -> None:
        facts = {k: v for k, v in record.items() if k in known}
        getattr(world, shelf)[facts["id"]] = kind(**facts)

    return put


def _accepted(world: World, record: Json) -> None:
    bubble = Bubble(
        wamid=record["wamid"],
        number=record["number"],
        customer=record["customer"],
        from_customer=False,
        type=record["type"],
        content=record["body"].get(record["type"]),
        at=record["time"],
        status="accepted",
        quoted=(record["body"].get("context") or {}).get("message_id"),
        recipient=record["recipient"],
        category=record["category"],
        callback=record["callback"],
        shown=record["shown"],
        held_until=record.get("held_until"),
    )
    _place(world, bubble)
    if bubble.customer:
        chat = world.chat(bubble.number, bubble.customer)
        chat.typing_until = 0.0
        _open_free_entry(chat, bubble.at)


def _open_free_entry(chat: Chat, at: float) -> None:
    # Meta: answering an ad click within 24 h opens 72 h free of charge.
    if chat.ad_at is not None and at <= chat.ad_at + DAY:
        chat.free_until = at + FREE_ENTRY
    chat.ad_at = None


def _written(world: World, record: Json) -> None:
    bubble = Bubble(
        wamid=record["wamid"],
        number=record["number"],
        customer=record["customer"],
        from_customer=True,
        type=record["type"],
        content=record["content"],
        at=record["time"],
        status="waiting" if record["waiting"] else "sent",
        quoted=(record.get("context") or {}).get("id"),
        shown=record["shown"],
    )
    _place(world, bubble)
    if not record["waiting"]:
        _opens_window(world, bubble, record["time"], record.get("referral"))


def _left_phone(world: World, record: Json) -> None:
    bubble = world.bubbles[record["wamid"]]
    bubble.status, bubble.at = "sent", record["time"]
    _opens_window(world, bubble, record["time"], None)


def _opens_window(world: World, bubble: Bubble, at: float, referral: Json | None) -> None:
    assert bubble.customer is not None  # noqa: S101 (only customers write)
    chat = world.chat(bubble.number, bubble.customer)
    chat.written_at = at
    if referral:
        chat.ad_at = at


def _place(world: World, bubble: Bubble) -> None:
    world.bubbles[bubble.wamid] = bubble
    if bubble.customer and bubble.type == "reaction":
        _react(world, bubble)
    elif bubble.customer:
        world.chat(bubble.number, bubble.customer).wamids.append(bubble.wamid)


def _react(world: World, bubble: Bubble) -> None:
    target = world.bubbles.get(bubble.content["message_id"])
    if target is None:
        return
    who = "customer" if bubble.from_customer else "business"
    if emoji := bubble.content.get("emoji"):
        target.reactions[who] = emoji
    else:
        target.reactions.pop(who, None)


def _tapped(world: World, record: Json) -> None:
    world.bubbles[record["wamid"]].tapped.append(record["index"])


def _status(world: World, record: Json) -> None:
    bubble = world.bubbles[record["wamid"]]
    status, at = record["status"], record["time"]
    first_arrival = (
        LADDER.get(status, 0) >= LADDER["delivered"] and "delivered" not in bubble.reached
    )
    if first_arrival:
        _count_service(world, bubble, record)
    bubble.reached.setdefault(status, at)
    bubble.error = record.get("error") or bubble.error
    bubble.pricing = record.get("pricing") or bubble.pricing
    if status == "failed" or LADDER[status] > LADDER.get(bubble.status, 99):
        bubble.status = status
    _keep_conversation(world, bubble, record.get("conversation"))


def _count_service(world: World, bubble: Bubble, record: Json) -> None:
    pricing = record.get("pricing") or {}
    bubble.reached["delivered"] = record["time"]
    if pricing.get("category") == "service" and bubble.type != "reaction":
        month = world.local(world.account_of(bubble.number), record["time"]).strftime("%Y-%m")
        world.services_delivered[bubble.number, month] += 1


def _keep_conversation(world: World, bubble: Bubble, conversation: Json | None) -> None:
    if conversation and bubble.customer and "ends" in conversation:
        chat = world.chat(bubble.number, bubble.customer)
        chat.conversations[bubble.category] = (conversation["id"], conversation["ends"])


def _business_read(world: World, record: Json) -> None:
    upto = world.bubbles[record["wamid"]]
    if upto.customer is None:
        return
    for wamid in world.chat(upto.number, upto.customer).wamids:
        bubble = world.bubbles[wamid]
        if bubble.from_customer and bubble.at <= upto.at and bubble.status != "waiting":
            bubble.status = "read"


def _posted(world: World, record: Json) -> None:
    if record["answer"] != 200:
        return
    for wamid in record["wamids"]:
        bubble = world.bubbles.get(wamid)
        if bubble and bubble.status == "sent":
            bubble.status = "delivered"


def _online(world: World, record: Json) -> None:
    world.customers[record["customer"]].online = record["online"]


def _marketing(world: World, record: Json) -> None:
    customer = world.customers[record["customer"]]
    others = [a for a in customer.stopped if a != record["account"]]
    customer.stopped = [*others, record["account"]] if record["value"] == "stop" else others


def _subscribed(world: World, record: Json) -> None:
    world.accounts[record["account"]].subscribed = record["subscribed"]


def _account_changed(world: World, record: Json) -> None:
    for name, value in record["facts"].items():
        setattr(world.accounts[record["account"]], name, value)


def _number_changed(world: World, record: Json) -> None:
    for name, value in record["facts"].items():
        setattr(world.numbers[record["number"]], name, value)


def _template(world: World, record: Json) -> None:
    if record["id"] not in world.templates and record.get("submitted_at"):
        world.created_at.setdefault(record["account"], []).append(record["submitted_at"])
    _keep_template(world, record)


def _template_gone(world: World, record: Json) -> None:
    gone = world.templates.pop(record["template"], None)
    if gone and "time" in record:
        world.deleted_at[gone.account, gone.name, gone.language] = record["time"]


def _sample(world: World, record: Json) -> None:
    world.samples[record["handle"]] = record["mime_type"]


def _media_gone(world: World, record: Json) -> None:
    world.media.pop(record["media"], None)


def _flow_gone(world: World, record: Json) -> None:
    world.flows.pop(record["flow"], None)


_keep_template = _keep(Template, "templates")

CHANGES: dict[str, Callable[[World, Json], None]] = {
    "account": _keep(Account, "accounts"),
    "number": _keep(Number, "numbers"),
    "account_changed": _account_changed,
    "number_changed": _number_changed,
    "customer": _keep(Customer, "customers"),
    "template": _template,
    "sample": _sample,
    "media": _keep(Media, "media"),
    "flow": _keep(Flow, "flows"),
    "flow_gone": _flow_gone,
    "accepted": _accepted,
    "written": _written,
    "left_phone": _left_phone,
    "tapped": _tapped,
    "status": _status,
    "business_read": _business_read,
    "posted": _posted,
    "online": _online,
    "marketing": _marketing,
    "subscribed": _subscribed,
    "template_gone": _template_gone,
    "media_gone": _media_gone,
    **PHONE_CHANGES,
}
