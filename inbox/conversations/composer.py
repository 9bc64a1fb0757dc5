"""What stands under the thread: a text box while the window is open, else ready messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from babel import Locale, UnknownLocaleError
from markupsafe import Markup

from flows import consents, costs, templates, threads
from flows.errors import Refused
from flows.messages import MAX_TEXT
from inbox import languages
from inbox.conversations import prices
from inbox.current import current
from inbox.languages import N_, gettext
from inbox.media import ACCEPTED
from models.conversation import Conversation
from models.template import Button, MessageTemplate, Variable, card_buttons
from models.types import utcnow

SERVICE = "service"
SOON = timedelta(hours=2)
CATEGORIES = {
    "marketing": N_("Marketing"),
    "utility": N_("Utility"),
    "authentication": N_("Authentication"),
    "service": N_("Service"),
}
GREETING = re.compile(
    r"(?:bonjour|bonsoir|salut|coucou|salam|salaam|merci|hello|hi|hey|dear|thanks|thank you|"
    r"ch[eè]re?|شكرا|شكرًا|مرحبا|مرحبًا|أهلا|أهلاً|اهلا|سلام|السلام عليكم|عزيزي|عزيزتي)[\s,،*_]*$",
    re.IGNORECASE,
)
NAMES = {"name", "customer", "customer_name", "client", "nom", "prenom", "first_name", "fullname"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A ready message in the picker; `refusal` says why this one cannot be sent from here."""

    template: MessageTemplate
    price: Markup | None
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Composer:
    conversation: Conversation
    closes_at: datetime | None
    """When the window closes; None when it is closed."""
    price: Markup | None
    """Of a text; None for who may not see what Meta charges."""
    choices: list[Choice] | None
    """The ready messages, where they are asked for or nothing else can be sent."""

    limit: ClassVar[int] = MAX_TEXT
    accepted: ClassVar[str] = ACCEPTED

    @property
    def languages(self) -> list[str]:
        return sorted({choice.template.language for choice in self.choices or ()})

    @property
    def categories(self) -> list[str]:
        return sorted({choice.template.category for choice in self.choices or ()})

    @property
    def preferred_language(self) -> str | None:
        """The customer's own, where there is a ready message in it."""
        card = self.conversation.identity.customer
        wish = card.language if card else None
        return next((name for name in self.languages if wish and name[:2] == wish[:2]), None)


def compose(conversation: Conversation, *, ready: bool = False) -> Composer:
    """The composer of a conversation; `ready` shows ready messages inside the window too."""
    open_ = conversation.window_open
    return Composer(
        conversation,
        closes_at=conversation.window_closes_at if open_ else None,
        price=_price_of_text(conversation) if open_ else None,
        choices=_choices(conversation) if ready or not open_ else None,
    )


def estimates(conversation: Conversation, *categories: str) -> dict[str, costs.Estimate]:
    """Category → what such a message to this customer would cost now."""
    return costs.estimates_for(
        conversation.channel,
        phone=conversation.identity.phone,
        user_id=conversation.identity.user_id,
        categories=categories,
        window_open=conversation.window_open,
    )


def guessed(template: MessageTemplate, conversation: Conversation) -> dict[str, str]:
    """Blank → value, where it is plain: the customer's name after a greeting or by its name."""
    name = templates.clean_value(conversation.identity.name).partition(" ")[0]
    return {v.key: name for v in template.variables if name and _is_name(template, v)}


def labels(template: MessageTemplate) -> dict[str, str]:
    """Blank → what its field is called: {{1}} in the text, a link's end in a button, a code."""
    return {v.key: _label(template, v) for v in template.variables}


def optional(variable: Variable) -> bool:
    """Whether it may stay empty: a pin needs neither name nor address."""
    return variable.beside and variable.name in ("name", "address")


# What Meta wants beside the words → what its field is called.
BESIDE = {
    "latitude": N_("Latitude of the place"),
    "longitude": N_("Longitude of the place"),
    "name": N_("Name of the place"),
    "address": N_("Address"),
    "until": N_("End of the offer, like %(example)s"),
    "code": N_("Code of the offer"),
    "products": N_("References of the products"),
    "link": N_("Link of the picture or film"),
}


def _label(template: MessageTemplate, variable: Variable) -> str:
    card, _, part = variable.part.rpartition(".")
    shown = f"{{{{{variable.name}}}}}"
    if variable.beside:
        shown = gettext(BESIDE[variable.name], example=templates.EXAMPLE)
    elif part.startswith("button:"):
        words = {b.index: b.text for b in buttons_of(template, card)}
        name = words.get(int(part.partition(":")[2]), "")
        shown = gettext(N_("Link of “%(button)s”"), button=name)
    if card:
        number = int(card.partition(":")[2]) + 1
        return gettext(N_("Card %(number)s: %(what)s"), number=number, what=shown)
    return shown


def buttons_of(template: MessageTemplate, card: str) -> list[Button]:
    """The buttons of the template, or of one of its cards ("card:0")."""
    if not card:
        return template.buttons
    return card_buttons(template.cards[int(card.partition(":")[2])])


def examples(template: MessageTemplate) -> dict[str, str]:
    """Blank → the example Meta approved the template with, as far as it keeps them."""
    found: dict[str, str] = {}
    for kind, part in (("HEADER", "header"), ("BODY", "body")):
        example = template.part(kind).get("example")
        example = example if isinstance(example, dict) else {}
        named = example.get(f"{part}_text_named_params") or ()
        listed = example.get(f"{part}_text") or ()
        listed = listed[0] if listed and isinstance(listed[0], list) else listed
        found |= {f"{part}.{e['param_name']}": str(e["example"]) for e in named if len(e) > 1}
        found |= {f"{part}.{n}": str(text) for n, text in enumerate(listed, 1)}
    return found


def window(conversation: Conversation) -> tuple[str, datetime | None]:
    """The colour of the window and when it closes: green, orange under two hours, gray closed."""
    closes = conversation.window_closes_at
    if closes is None or not conversation.window_open:
        return "gray", None
    return "orange" if closes - utcnow() < SOON else "green", closes


def category_name(category: str) -> str:
    return gettext(CATEGORIES[category]) if category in CATEGORIES else category


def language_name(code: str) -> str:
    """The language of a template as the reader calls it; Meta's code where Babel has none."""
    try:
        named = Locale.parse(code).get_display_name(current.language)
    except (ValueError, UnknownLocaleError):
        named = None
    return named or code


def _is_name(template: MessageTemplate, variable: Variable) -> bool:
    if variable.beside:
        return False
    if variable.name.lower() in NAMES:
        return True
    before = template.body.partition(f"{{{{{variable.name}}}}}")[0]
    return variable.part == "body" and GREETING.search(before) is not None


def _price_of_text(conversation: Conversation) -> Markup | None:
    if not current.sees_money:
        return None
    return prices.expected(estimates(conversation, SERVICE)[SERVICE])


def _choices(conversation: Conversation) -> list[Choice]:
    ready = threads.ready_templates(conversation)
    known = estimates(conversation, *{t.category for t in ready}) if current.sees_money else {}
    return [
        Choice(
            template,
            prices.expected(known[template.category]) if known else None,
            _refusal(template, conversation),
        )
        for template in ready
    ]


def _refusal(template: MessageTemplate, conversation: Conversation) -> str | None:
    who = conversation.identity
    try:
        templates.check_sendable(template)
        consents.check_may_send(template, who.customer, who)
    except Refused as refusal:
        return languages.told(refusal)
    return None
