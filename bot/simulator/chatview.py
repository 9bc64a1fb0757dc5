"""What the phone page is told: people, chats and bubbles, ready to draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.simulator.compose import FILES
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
        "choices": bubble.shown.get("choices", []),
        "offer": bubble.shown.get("offer"),
        "cards": [_card(sim, card) for card in bubble.shown.get("cards", [])],
        "tapped": bubble.tapped,
        "reactions": list(bubble.reactions.values()),
        "my_reaction": bubble.reactions.get("customer"),
        "quoted": _quoted(sim, bubble.quoted),
        "place": bubble.content if bubble.type == "location" else None,
        "voice": bubble.type == "audio" and bool((bubble.content or {}).get("voice")),
    }


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
    return str(reply.get("title") or "")


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
    if kind == "location":
        return {"place": content}
    return {"file": _file(sim, kind, content)}


def _card(sim: Simulator, card: Json) -> Json:
    return {
        "text": card.get("body", ""),
        "header": _header(sim, card.get("header")),
        "choices": card["choices"],
    }


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
    }
