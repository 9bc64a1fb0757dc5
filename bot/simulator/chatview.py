"""What the phone page is told: people, chats and bubbles, ready to draw."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.simulator.compose import FILES
from bot.simulator.offers import cards_of, choices_of, products_of
from bot.simulator.world import LADDER, Bubble, Chat, Customer, Json, Template, World

if TYPE_CHECKING:
    from bot.simulator.simulator import Simulator


def people(sim: Simulator) -> Json:
    """{customers, numbers, count}: who can hold the phone, and whom they can write to."""
    numbers = sim.world.numbers.values()
    return {
        "customers": [_customer(sim, customer) for customer in sim.world.customers.values()],
        "numbers": [{"id": n.id, "name": n.name, "display": n.display} for n in numbers],
        "count": sim.feed.count,
    }


def chat_list(sim: Simulator, customer: Customer) -> Json:
    """{online, now, chats}: one chat per business number, latest first, untouched ones last."""
    chats = [_chat(sim, customer, number.id) for number in sim.world.numbers.values()]
    home = sim.world.numbers[customer.home].account
    chats.sort(key=lambda c: (-(c["last"] or {"at": 0})["at"], c["account"] != home))
    return {"online": customer.online, "now": sim.clock.time(), "chats": chats}


def bubble_view(sim: Simulator, wamid: str) -> Json | None:
    """One bubble as this phone sees it; None while it has not arrived here."""
    bubble = sim.world.bubbles[wamid]
    if not _on_phone(bubble):
        return None
    return {
        "wamid": wamid,
        "mine": bubble.from_customer,
        "type": bubble.type,
        "at": bubble.at,
        "status": bubble.status,
        "text": _text(bubble),
        "file": _file(sim, bubble.type, bubble.content),
        "header": _header(sim, bubble.shown.get("header")),
        "footer": bubble.shown.get("footer"),
        "menu": bubble.shown.get("menu"),
        "choices": choices_of(bubble),
        "tapped": bubble.tapped,
        "reactions": list(bubble.reactions.values()),
        "my_reaction": bubble.reactions.get("customer"),
        "quoted": _quoted(sim, bubble.quoted),
        "place": bubble.content if bubble.type == "location" else None,
        "voice": bubble.type == "audio" and bool((bubble.content or {}).get("voice")),
        "edited": bubble.edited,
        "revoked": bubble.revoked,
        "forwarded": bubble.forwarded,
        "echo": bubble.echo,
        "offer": bubble.shown.get("offer"),
        "cards": _cards(sim, bubble),
        "cart": _cart(sim, bubble),
        "people": _people(bubble),
        "call": bubble.content if bubble.type == "call" else None,
        "allowed": _allowed(bubble),
    }


def _cards(sim: Simulator, bubble: Bubble) -> list[Json]:
    return [card | {"header": _header(sim, card["header"])} for card in cards_of(bubble)]


def _cart(sim: Simulator, bubble: Bubble) -> list[Json] | None:
    """The products a message is about, or the lines of an order: {id, name, price, currency}."""
    products = sim.world.products_of(sim.world.numbers[bubble.number].account)
    known = {product["id"]: product for product in products}
    if bubble.type == "order":
        return [
            known.get(item["product_retailer_id"], {"name": item["product_retailer_id"]})
            | {"quantity": item["quantity"], "price": item["item_price"]}
            | {"currency": item["currency"]}
            for item in bubble.content.get("product_items") or []
        ]
    named = products_of(bubble)
    if named is None:
        return None
    return [known.get(i, {"id": i, "name": i}) for i in named] or products


def _people(bubble: Bubble) -> list[Json] | None:
    if bubble.type != "contacts":
        return None
    return [
        {
            "name": (contact.get("name") or {}).get("formatted_name") or "",
            "phones": [phone.get("phone") for phone in contact.get("phones") or []],
        }
        for contact in bubble.content
    ]


def _allowed(bubble: Bubble) -> bool | None:
    """Whether this person lets the business call, where that is what the message says."""
    content = bubble.content if isinstance(bubble.content, dict) else {}
    reply = content.get("call_permission_reply") if bubble.type == "interactive" else None
    return reply.get("response") == "accept" if isinstance(reply, dict) else None


def _customer(sim: Simulator, customer: Customer) -> Json:
    return {
        "id": customer.id,
        "name": customer.name,
        "phone": customer.phone,
        "username": customer.username,
        "language": customer.language,
        "online": customer.online,
        "home": customer.home,
        "suggestions": customer.suggestions,
        "receipts": customer.receipts,
        "arrivals": customer.arrivals,
        "blocked": customer.blocked,
        "shows_phone": customer.shows_phone,
        "unread": sum(b.status == "delivered" for b in sim.seen(customer)),
    }


def _chat(sim: Simulator, customer: Customer, number_id: str) -> Json:
    chat = sim.world.chats.get((number_id, customer.id)) or Chat(number_id, customer.id)
    bubbles = [b for b in map(sim.world.bubbles.__getitem__, list(chat.wamids)) if _on_phone(b)]
    number = sim.world.numbers[number_id]
    unread = [b for b in bubbles if not b.from_customer and b.status == "delivered"]
    return {
        "number": number.id,
        "account": number.account,
        "name": number.name,
        "display": number.display,
        "unread": len(unread),
        "typing": customer.online and sim.clock.time() < chat.typing_until,
        "last": _last(bubbles[-1]) if bubbles else None,
    }


def _last(bubble: Bubble) -> Json:
    return {
        "mine": bubble.from_customer,
        "type": bubble.type,
        "text": _text(bubble),
        "at": bubble.at,
        "status": bubble.status,
    }


def _on_phone(bubble: Bubble) -> bool:
    return bubble.from_customer or LADDER.get(bubble.status, 0) >= LADDER["delivered"]


def _text(bubble: Bubble) -> str:
    if bubble.shown.get("body"):
        return str(bubble.shown["body"])
    if bubble.type == "contacts":
        return ", ".join(contact["name"]["formatted_name"] for contact in bubble.content)
    content = bubble.content if isinstance(bubble.content, dict) else {}
    return TEXTS[bubble.type](content) if bubble.type in TEXTS else _caption(content)


def _caption(content: Json) -> str:
    return str(content.get("caption") or content.get("body") or "")


def _chosen(content: Json) -> str:
    reply = content.get(content.get("type", "")) or {}
    if "response_json" in reply:
        return _filled_in(str(reply["response_json"]))
    return str(reply.get("title") or "")


def _filled_in(said: str) -> str:
    """A form's fields, one a line; what is no JSON object stays as it came."""
    try:
        fields = json.loads(said)
    except ValueError:
        return said
    if not isinstance(fields, dict):
        return said
    return "\n".join(f"{name}: {value}" for name, value in fields.items() if name != "flow_token")


def _file(sim: Simulator, kind: str, content: Any) -> Json | None:
    if kind not in FILES or not content:
        return None
    media = sim.world.media.get(str(content.get("id")))
    name = content.get("filename") or (media.filename if media else content.get("link"))
    source = f"_control/media/{media.id}" if media else None
    return {"name": name, "source": source, "link": content.get("link"), "kind": kind}


def _header(sim: Simulator, header: Json | None) -> Json | None:
    if not header:
        return None
    kind, content = next(iter(header.items()))
    if kind == "text":
        return {"text": content}
    return {"file": _file(sim, kind, content)}


def _quoted(sim: Simulator, wamid: str | None) -> Json | None:
    bubble = sim.world.bubbles.get(wamid or "")
    if bubble is None:
        return None
    return {
        "wamid": bubble.wamid,
        "mine": bubble.from_customer,
        "type": bubble.type,
        "text": _text(bubble),
        "business": sim.world.numbers[bubble.number].name,
    }


TEXTS: dict[str, Callable[[Json], str]] = {
    "button": lambda content: str(content.get("text", "")),
    "interactive": _chosen,
    "location": lambda content: str(content.get("name") or content.get("address") or ""),
}


def template_view(world: World, template: Template) -> Json:
    """A template as Meta's desk lists it."""
    return {
        "id": template.id,
        "shop": world.accounts[template.account].name,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "status": template.status,
        "quality": template.quality,
        "reason": template.rejected_reason,
    }
