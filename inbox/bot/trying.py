"""The bot on trial: somebody of the team types as a customer would; nothing of it stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from flask import render_template, request

from flows import catalog
from flows.talks import bots
from flows.talks.trying import MOST, Said, try_out
from inbox import htmx, life
from inbox.auth import needs
from inbox.bot import pages
from inbox.current import current
from models.talk import Turn

LONGEST = 2000
# Said to the bot, not to the reader: these are in the customers' languages whoever reads.
EXAMPLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "fr": (
        "Français",
        (
            "Bonjour",
            "Je voudrais 2 {product}",
            "Combien la livraison à {city} ?",
            "Où est mon colis ?",
        ),
    ),
    "ar": (
        "العربية",
        ("السلام عليكم", "أريد {product}", "كم ثمن التوصيل إلى {arabic}؟", "أين طلبي؟"),
    ),
    "darija": (
        "Darija",
        (
            "Salam",
            "bghit jouj {product} 3afak",
            "bch7al tawsil l {city}",
            "fin wslat lcommande dyali",
        ),
    ),
    "en": (
        "English",
        ("Hello", "I want 2 {product}", "How much is delivery to {city}?", "Where is my order?"),
    ),
}
CITIES = {"DZ": ("Oran", "وهران")}
CITY = ("Fès", "فاس")


@dataclass(slots=True)
class Exchange:
    """What was typed or tapped, what the bot said to it, and its turn, where it took one."""

    line: Said
    replies: list[Said] = field(default_factory=list)
    turn: Turn | None = None


@pages.get("/bot/<uuid:channel_id>/try")
@needs("automations.read", "orders.all")
def try_it(channel_id: UUID) -> str:
    return _page(channel_id, [])


@pages.post("/bot/<uuid:channel_id>/try")
@needs("automations.read", "orders.all")
def say(channel_id: UUID) -> str:
    """The whole talk anew with the line that was typed, tapped or chosen; then it is undone."""
    named = (request.form.get(name, "").strip() for name in ("tapped", "example", "typed"))
    line = next(filter(None, named), "")
    lines = [*request.form.getlist("line"), *([line[:LONGEST]] if line else [])][:MOST]
    page = _page(channel_id, lines)
    life.undo()
    return page


def _page(channel_id: UUID, lines: Sequence[str]) -> str:
    bot = bots.of(channel_id)
    template = "bot/_chat.html" if htmx.asked() else "bot/try.html"
    talked = _exchanges(try_out(bot, lines) if lines else [])
    return render_template(
        template,
        bot=bot,
        lines=lines,
        talked=talked,
        full=len(lines) >= MOST,
        examples=_examples(),
        most=MOST,
    )


def _exchanges(said: Sequence[Said]) -> list[Exchange]:
    talked: list[Exchange] = []
    for bubble in said:
        if not bubble.mine:
            talked.append(Exchange(bubble))
            continue
        here = talked[-1]
        here.turn = here.turn or bubble.turn
        if bubble.text or bubble.buttons:
            here.replies.append(bubble)
    return talked


def _examples() -> list[tuple[str, str, list[str]]]:
    """(language, its name, what can be said), of this shop's own products."""
    first = next(iter(catalog.listed("", limit=1)), None)
    city, arabic = CITIES.get(current.country, CITY)
    facts = {"product": first.name.lower() if first else "sac", "city": city, "arabic": arabic}
    return [
        (language, name, [line.format_map(facts) for line in lines])
        for language, (name, lines) in EXAMPLES.items()
    ]
