"""What one turn knows: who writes, what they wrote, what was asked; and what is said in return."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from flows import forms
from flows.messages import interactives, queue_interactive, queue_media, queue_text
from flows.talks import saying
from flows.talks.cart import Cart, Source
from flows.understanding import Catalogue, Understood
from flows.understanding.catalogues import catalogue_of_merchant
from models import db
from models.channel import Channel
from models.conversation import Conversation
from models.customer import Customer
from models.merchant import Merchant
from models.message import Media, Message, Origin
from models.order import Order
from models.talk import Bot, Talk, Turn
from models.types import Json, Money, clean, utcnow

BUTTONS, ROWS = 3, 10
SPOKEN = ("text", "reaction")
"""Kinds whose words are heard, one message a line."""
TITLE, ROW_TITLE, ROW_DETAIL, BUTTON_BODY = 20, 24, 72, 1024
"""What WhatsApp takes (spec: whatsapp.md §2)."""
_PAYLOAD = re.compile(r"b1\.([a-z_]+)(?:\.(.*))?", re.DOTALL)


def payload(verb: str, argument: object = "") -> str:
    """What a button of the bot carries and hands back when it is tapped."""
    return f"b1.{verb}.{argument}" if argument != "" else f"b1.{verb}"


def read_payload(text: str | None) -> tuple[str, str] | None:
    """Verb and argument of a payload of ours; None for anybody else's."""
    found = _PAYLOAD.fullmatch(text or "")
    return (found[1], found[2] or "") if found else None


def choices(message: Message) -> list[tuple[str, str]]:
    """(payload, title) of what can be tapped below a message of ours."""
    shown = action(message)
    buttons = [(b["reply"]["id"], b["reply"]["title"]) for b in shown.get("buttons", ())]
    return buttons or [(row["id"], row["title"]) for row in rows(shown)]


def action(message: Message) -> Json:
    """The part of Meta's body that holds what can be tapped; {} where nothing can."""
    body = (message.payload or {}).get("body") or {}
    return body.get("action") or {}


def rows(shown: Json) -> list[Json]:
    """The rows of a list."""
    return [row for section in shown.get("sections", ()) for row in section.get("rows", ())]


@dataclass(slots=True)
class Reply:
    """What is said at the end of a turn: a text, and perhaps what can be tapped below it."""

    text: str
    buttons: Mapping[str, str] = field(default_factory=dict)
    """{payload: title}; up to three are buttons, more are a list."""
    details: Mapping[str, str] = field(default_factory=dict)
    """{payload: what stands below the title in a list}"""
    opens: str = ""
    """The words on the button that opens the list."""
    picture: Media | None = None
    wants: str = ""
    """ "location": the customer is offered to share where they are."""
    body: Json | None = None
    """Meta's own body, for what is none of these: product messages."""
    form: forms.Known | None = None
    """The address form, with what it begins with; where it cannot be sent the text stands alone."""


@dataclass
class Scene:
    bot: Bot
    talk: Talk
    conversation: Conversation
    merchant: Merchant
    turn: Turn
    heard: Sequence[Message] = ()
    notes: list[str] = field(default_factory=list)
    reply: Reply | None = None
    understood: Understood | None = None
    leaves: str = ""
    """Why it steps aside after this turn."""
    calls: str = ""
    """Why somebody shall look, while it goes on answering."""

    # --- what is known ----------------------------------------------------------------------------

    @property
    def language(self) -> str:
        return self.talk.language or self._usual

    @property
    def _usual(self) -> str:
        card = self.card
        known = (card.language if card else None) or self.merchant.language
        return known if known in saying.LANGUAGES else saying.FIRST

    @property
    def card(self) -> Customer | None:
        return self.conversation.identity.customer

    @property
    def channel(self) -> Channel:
        return self.conversation.channel

    @cached_property
    def catalogue(self) -> Catalogue:
        return catalogue_of_merchant()

    @cached_property
    def cart(self) -> Cart:
        return Cart.of(self.talk.facts)

    @property
    def first_name(self) -> str:
        name = self.card.name if self.card else self.conversation.identity.profile_name
        first = name.split()[0] if name.split() else ""
        return first if any(letter.isalpha() for letter in first) else ""

    @cached_property
    def taken_at(self) -> datetime | None:
        """When somebody of the team last took an order of this customer by hand."""
        by_hand = select(func.max(Order.created_at)).where(
            Order.conversation_id == self.conversation.id, Order.source != "bot"
        )
        return db.session().scalar(by_hand)

    def amount(self, minor: int) -> str:
        return saying.amount(Money(minor, self.merchant.currency), self.language)

    def source(self, start: int, end: int) -> Source | None:
        """Where in the customer's messages these letters of all they typed stand."""
        place = 0
        for message in self.heard:
            if message.kind not in SPOKEN:
                continue
            length = len(clean(message.text))
            if place <= start and end <= place + length:
                words = message.text[start - place : end - place]
                return Source(str(message.id), start - place, end - place, words)
            place += length + 1
        return None

    # --- what is said -----------------------------------------------------------------------------

    def words(self, key: str, **facts: Any) -> str:
        return saying.say(self.bot, self.language, key, **facts)

    def note(self, key: str, **facts: Any) -> None:
        """Said before the reply, in the same message."""
        self.notes.append(self.words(key, **facts))

    def tell(self, key: str, **facts: Any) -> Reply:
        """The reply; it asks for nothing."""
        self.reply = Reply(self.words(key, **facts))
        self.talk.step = ""
        return self.reply

    def ask(self, step: str, key: str, **facts: Any) -> Reply:
        """The reply, which asks: what comes next is an answer to `step`."""
        self.reply = Reply(self.words(key, **facts))
        self.talk.step = step
        return self.reply

    def did(self, deed: str, **facts: Any) -> None:
        """What this turn is remembered by."""
        self.turn.did = deed
        self.turn.facts = self.turn.facts | facts

    def keep(self, **facts: Any) -> None:
        """What the next turn needs to know."""
        self.talk.facts = self.talk.facts | facts
        self.talk.facts_at = utcnow()

    def keep_cart(self) -> None:
        self.keep(cart=self.cart.to_json())

    def drop_cart(self) -> None:
        kept = {"given_back_at"} & self.talk.facts.keys()
        self.talk.facts = {name: self.talk.facts[name] for name in kept}
        self.talk.step = ""
        self.__dict__.pop("cart", None)

    # --- and leaves -------------------------------------------------------------------------------

    def send(self) -> list[Message]:
        """What was to be said is on its way, in one message where WhatsApp allows it."""
        if self.reply is None and not self.notes:
            return []
        reply = self.reply or Reply("")
        before = "\n".join(self.notes)
        whole = "\n\n".join(filter(None, [before, reply.text]))
        tapped = reply.buttons or reply.body or reply.wants or reply.picture or reply.form
        limit = BUTTON_BODY if tapped else 4096
        sent = []
        if len(whole) > limit:
            sent.append(self._text(before or whole[: len(whole) - len(reply.text)] or whole))
            whole = reply.text
        sent.append(self._last(reply, whole[:4096]))
        for message in sent:
            message.turn_id = self.turn.id
        db.session().flush()
        return sent

    def _text(self, text: str) -> Message:
        return queue_text(self.conversation, text[:4096], origin=Origin.BOT)

    def _last(self, reply: Reply, text: str) -> Message:
        if reply.form is not None and (form := self._form(reply, text)):
            return form
        body = _body(reply, text[:BUTTON_BODY] if reply.body or reply.wants else text)
        if body is None:
            if reply.picture is None:
                return self._text(text)
            return queue_media(
                self.conversation,
                "image",
                media=reply.picture,
                caption=text[:1024],
                origin=Origin.BOT,
            )
        media = reply.picture if body["type"] == "button" else None
        return queue_interactive(self.conversation, body, media=media, origin=Origin.BOT)

    def _form(self, reply: Reply, text: str) -> Message | None:
        return forms.ask(
            self.conversation,
            text=text[:BUTTON_BODY],
            label=reply.opens,
            language=self.language,
            known=reply.form,
            origin=Origin.BOT,
        )


def _body(reply: Reply, text: str) -> Json | None:
    if reply.body is not None:
        return reply.body | ({"body": {"text": text}} if text else {})
    if reply.wants == "location":
        return interactives.ask_location(text)
    if not reply.buttons:
        return None
    titles = {key: _short(title, TITLE) for key, title in reply.buttons.items()}
    if len(titles) <= BUTTONS and not reply.details and len(set(titles.values())) == len(titles):
        return interactives.reply_buttons(text[:BUTTON_BODY], titles)
    rows = [
        interactives.Row(
            key,
            _short(title, ROW_TITLE),
            _short(_detail(title, reply.details.get(key, "")), ROW_DETAIL),
        )
        for key, title in list(reply.buttons.items())[:ROWS]
    ]
    return interactives.menu(text, _short(reply.opens, TITLE), [interactives.Section("", rows)])


def _detail(title: str, detail: str) -> str:
    """A title that had to be cut is told whole below it."""
    if len(title) <= ROW_TITLE:
        return detail
    return f"{title} · {detail}" if detail else title


def _short(text: str, limit: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def uuid_of(argument: str) -> UUID | None:
    """Of a payload; None where somebody else wrote it."""
    try:
        return UUID(argument)
    except ValueError:
        return None
