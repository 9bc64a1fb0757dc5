"""Understanding what customers write: French, Arabic, Darija and English, without a network.

Deterministic: the same text, catalogue and context give the same answer. How it decides, and how
its word lists are extended: docs/understanding.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from flows.consents import words as consents
from flows.understanding.answers import says_only
from flows.understanding.goods import Catalogue
from flows.understanding.heard import Heard
from flows.understanding.hedges import reconsidered
from flows.understanding.intents import Weighed, weigh
from flows.understanding.languages import language_of
from flows.understanding.meaning import SURE, Entity, Item, Line, Taught, Understood
from flows.understanding.writing import keys_of

__all__ = ["SURE", "Catalogue", "Entity", "Item", "Line", "Taught", "Understood", "understand"]

ASKED_CONFIRM = "asked_confirm"
WITH_LINES = frozenset(("order", "change_order"))


def understand(
    text: str,
    catalogue: Catalogue,
    *,
    country: str = "MA",
    context: str | None = None,
    taught: Sequence[Taught] = (),
) -> Understood:
    """What a customer's message means; nothing is refused, what is unclear is "other".

    `country` (ISO 3166) says whose cities and phone numbers come first; `context` is
    "asked_confirm" when the last message from the business asked to confirm an order.
    """
    heard = Heard(text, catalogue, country)
    language = language_of(heard.message)
    asked = context == ASKED_CONFIRM
    weighed = _whole(heard, taught) or weigh(heard.evidence(asked=asked))
    weighed = reconsidered(weighed, text, asked=asked, goods=bool(heard.products))
    return _understood(heard, language, weighed)


def _understood(heard: Heard, language: str, weighed: Weighed) -> Understood:
    intent = weighed.intent if weighed.confidence >= SURE else "other"
    about_the_shop = weighed.rule.startswith("shop: ")  # "vous êtes où à Casablanca ?"
    return Understood(
        language=language,
        intent=intent,
        confidence=weighed.confidence,
        rule=weighed.rule,
        entities=heard.entities,
        lines=heard.ordered.lines if intent in WITH_LINES else (),
        city=None if about_the_shop else heard.city,
        products=heard.products,
        missing=dict(heard.ordered.missing),
        quantity=heard.ordered.quantity,
        quantities=dict(heard.ordered.amounts),
        removed=heard.removed,
        negated=heard.negated,
    )


def _whole(heard: Heard, taught: Sequence[Taught]) -> Weighed | None:
    """What the whole message is: taught by the merchant, or one of the words of consents."""
    for each in taught:
        if says_only(heard.message, keys_of(each.phrase)):
            return Weighed(each.intent, 0.95, f"taught: {each.phrase}")
    said = consents.said(heard.message.text)
    if said:
        return Weighed("stop" if said == "stop" else "start", 0.97, f"consents: {said}")
    return None
