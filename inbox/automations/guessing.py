"""What most likely fills a blank and where a button leads, by the words; a person may say else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flows import templates
from inbox.conversations.composer import GREETING, NAMES
from models.pipeline import Stage, SystemState
from models.template import MessageTemplate, Variable

# The name somebody gave a blank → the fact.
NAMED = {
    "order": "order.number",
    "order_id": "order.number",
    "order_number": "order.number",
    "number": "order.number",
    "numero": "order.number",
    "amount": "order.amount",
    "total": "order.amount",
    "montant": "order.amount",
    "city": "order.city",
    "ville": "order.city",
    "address": "order.address",
    "adresse": "order.address",
    "items": "order.items",
    "products": "order.items",
    "produits": "order.items",
    "tracking": "order.tracking",
    "tracking_number": "order.tracking",
    "suivi": "order.tracking",
    "carrier": "order.carrier",
    "transporteur": "order.carrier",
    "date": "order.date",
    "shop": "merchant.name",
    "boutique": "merchant.name",
}
# The words a blank follows → the fact; the first that fits. French, English, Arabic.
_AFTER = (
    (r"(?:suivi|tracking|التتبع|تتبع)(?: number)?", "order.tracking"),
    (r"(?:transporteur|livreur|carrier|courier|شركة التوصيل|شركة الشحن)", "order.carrier"),
    (r"(?:commande|order|colis|الطلب|طلبك|طلبكم|طلبية|طلبيتك)(?: number)?", "order.number"),
    (r"(?:adresse|address|العنوان|عنوانك)", "order.address"),
    (r"(?:ville|city|المدينة|مدينة|à)", "order.city"),
    (r"(?:produits?|articles?|items?|المنتجات|المنتج)", "order.items"),
    (r"(?:montant|total|prix|amount|price|de|of|المبلغ|بمبلغ|مبلغ|الثمن|بثمن)", "order.amount"),
    (r"(?:chez|boutique|shop|from|متجر)", "merchant.name"),
)
AFTER = [
    (re.compile(rf"(?:^|\W){words}\s*(?:n[°ºo]|num[ée]ro|رقم)?[\s:#«“\"*_]*$", re.IGNORECASE), fact)
    for words, fact in _AFTER
]


def guessed(template: MessageTemplate) -> dict[str, str]:
    """Blank → fact, where it is plain; each fact once."""
    found: dict[str, str] = {}
    for variable in template.variables:
        fact = _fact(template, variable)
        if fact in templates.FACTS and fact not in found.values():
            found[variable.key] = fact
    return found


# What a button says → the state of the stage its order goes to.
LEADS = (
    (
        re.compile(r"\b(?:confirm|oui\b|yes\b|ok\b|d'accord)|تأكيد|أؤكد|نعم", re.IGNORECASE),
        SystemState.CONFIRMED,
    ),
    (
        re.compile(r"\b(?:annul|cancel|non\b|no\b)|إلغاء|الغاء|^لا\b", re.IGNORECASE),
        SystemState.CANCELLED,
    ),
    (
        re.compile(r"\b(?:modifi|chang|appel|call\b)|تعديل|تغيير|اتصل", re.IGNORECASE),
        SystemState.TO_CONFIRM,
    ),
)


def leading(template: MessageTemplate, stages: Sequence[Stage]) -> dict[int, Stage]:
    """Button → the first of these stages it most likely means."""
    found: dict[int, Stage] = {}
    for tap in templates.taps(template):
        state = next((state for words, state in LEADS if words.search(tap.text)), None)
        stage = next((stage for stage in stages if state and stage.state is state), None)
        if stage is not None:
            found[tap.index] = stage
    return found


def _fact(template: MessageTemplate, variable: Variable) -> str:
    name = variable.name.lower()
    if name in NAMES:
        return "customer.first_name"
    if name in NAMED:
        return NAMED[name]
    before = _before(template, variable)
    if GREETING.search(before):
        return "customer.first_name"
    return next((fact for pattern, fact in AFTER if pattern.search(before)), "")


def _before(template: MessageTemplate, variable: Variable) -> str:
    """The words just before the blank; nothing for a link's end."""
    text = {"header": template.header, "body": template.body}.get(variable.part, "")
    whole, found, _after = text.partition(f"{{{{{variable.name}}}}}")
    return whole[-60:] if found else ""
