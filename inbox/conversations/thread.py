"""A stretch of a thread as people see it: days, bubbles with what belongs to them, small lines."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any, ClassVar
from uuid import UUID

from markupsafe import Markup

from flows import costs
from flows.messages import PASSED_ON
from flows.threads import PARTS, Part, Stretch
from flows.verdicts import REASONS, Reason
from inbox.conversations import activities, asides, kinds, prices
from inbox.conversations.known import Known
from inbox.current import current
from models.conversation import Conversation
from models.message import Direction, Message, Origin

# A picture, its colour or shape, pictures joined to one, flags.
_EMOJI = re.compile(
    r"(?:[\u231a-\u2bff\u3030\u303d\U0001f000-\U0001faff]"
    r"[\ufe0f\u200d\U0001f3fb-\U0001f3ff]*\s?){1,6}"
)

# What came with it and stands above its words.
TOLD_ABOVE = {"forwarded", "referral", "product", "historic", "group_id"}

# Not written by the customer nor by the agent whose name stands below.
_NAMED = (Origin.AUTOMATION, Origin.BOT, Origin.PHONE)


@dataclass(frozen=True, slots=True)
class Quote:
    """What a bubble answers, or speaks of, in one line."""

    ours: bool
    icon: str
    words: str
    anchor: str | None
    """Id of the quoted bubble; None when we do not know that message."""


@dataclass(slots=True)
class Bubble:
    """A message with all that its template shows of it."""

    type: ClassVar[str] = "bubble"

    message: Message
    shape: str
    content: Any
    quote: Quote | None = None
    price: tuple[Markup, str] | None = None
    known: Known = field(default_factory=Known)
    reactions: dict[Direction, str] = field(default_factory=dict)
    tapped: set[str] = field(default_factory=set)
    """The words of its buttons that the customer tapped."""
    before: list[str] = field(default_factory=list)
    """What it said before each of its edits."""
    now: str | None = None
    """What it says since its last edit."""
    deleted_by: Direction | None = None
    """Who took it back; its words and its file are then for those who look after the numbers."""

    @property
    def edited(self) -> bool:
        return self.now is not None

    @property
    def text(self) -> str:
        return self.message.text if self.now is None else self.now

    @property
    def taken_back(self) -> bool:
        return self.deleted_by is not None

    @property
    def ours(self) -> bool:
        return self.message.direction is Direction.OUT

    @property
    def at(self) -> datetime:
        return self.message.at

    @property
    def state(self) -> str | None:
        return self.message.progress

    @property
    def headed(self) -> bool:
        """Whether more than its own words stands in it: who sent it, where it came from."""
        known = self.message.payload.keys() & TOLD_ABOVE
        return self.shape == "template" or self.message.origin in _NAMED or bool(known)

    @property
    def advertisement(self) -> kinds.Advertisement | None:
        return kinds.advertisement(self.message)

    @property
    def product(self) -> str:
        return kinds.product(self.message)

    @property
    def buttons(self) -> list[str]:
        """The words on the buttons that we sent with it."""
        return kinds.buttons(self.message) if self.shape in ("template", "buttons") else []

    @property
    def forwardable(self) -> bool:
        """Whether its words or its file can be passed on."""
        return self.message.kind in PASSED_ON or bool(self.message.text)

    @property
    def why_url(self) -> str | None:
        """Where it is told why the bot said this."""
        return asides.why_url(self.message.turn_id)

    @property
    def big(self) -> bool:
        """Whether the text is nothing but a few emoji."""
        return _EMOJI.fullmatch(self.text) is not None

    @property
    def reason(self) -> Reason | None:
        """What happened and what to do, for a message that waits, failed or is uncertain."""
        known = self.message.reason or ("unknown_error" if self.state == "failed" else "")
        return REASONS.get(known)


@dataclass(frozen=True, slots=True)
class Small:
    """A line between the bubbles."""

    type: ClassVar[str] = "activity"

    line: activities.Line

    @property
    def at(self) -> datetime:
        return self.line.activity.at


@dataclass(frozen=True, slots=True)
class Unread:
    """Where somebody stopped reading."""

    type: ClassVar[str] = "unread"

    at: datetime


@dataclass(frozen=True, slots=True)
class Day:
    on: date
    items: list[Any]

    @property
    def at(self) -> datetime:
        found: datetime = self.items[0].at
        return found


def days(stretch: Stretch, *, unread_from: UUID | None = None) -> list[Day]:
    """Bubbles and lines in the order of their times, day by day in the merchant's time zone."""
    items: list[Any] = [
        *_bubbles(stretch),
        *map(Small, activities.lines(stretch.activities)),
    ]
    items.sort(key=lambda item: item.at)  # stable: messages of one second keep their order
    _divide(items, unread_from)
    by_day = groupby(items, key=lambda item: item.at.astimezone(current.zone).date())
    return [Day(on, list(group)) for on, group in by_day]


def bubble(stretch: Stretch) -> Bubble:
    """The only bubble of a stretch of one message."""
    return _bubbles(stretch)[0]


def first_unread(stretch: Stretch, conversation: Conversation) -> UUID | None:
    """The oldest of the messages that nobody has read yet, as far as they are in the stretch."""
    theirs = [m.id for m in stretch.messages if m.direction is Direction.IN]
    unread = theirs[-conversation.unread :] if conversation.unread else []
    return unread[0] if unread else None


def _bubbles(stretch: Stretch) -> list[Bubble]:
    by_wamid = {m.wamid: m for m in stretch.messages if m.wamid}
    about: dict[str | None, list[Part]] = defaultdict(list, stretch.about.items())
    settled = _settled(stretch.messages)
    taps = _taps(stretch.messages)
    known = Known.of(stretch.messages)
    bubbles = []
    for message in stretch.messages:
        there = by_wamid.get(kinds.target(message) or "")
        if there is not None and _is_part(message, there):
            continue
        bubble = Bubble(
            message,
            kinds.shape(message),
            kinds.content(message),
            quote=_quote(message, stretch.quoted.get(message.id) or there, about),
            price=_price(message, settled),
            known=known,
            tapped=taps[message.wamid],
        )
        for part in about[message.wamid]:
            if _is_part(part, message):
                _attach(part, bubble)
        bubbles.append(bubble)
    return bubbles


def _is_part(part: Part | Message, whole: Message) -> bool:
    if isinstance(part, Message) and part.progress == "failed":
        return False  # nobody has seen it: a line of its own says so
    # Nobody edits or takes back what somebody else wrote: that stands by itself.
    own = part.direction is whole.direction
    return part.kind == "reaction" or (part.kind in PARTS and own)


def _taps(messages: Iterable[Message]) -> dict[str | None, set[str]]:
    """Wamid of a message of ours → the words of its buttons that were tapped."""
    taps: dict[str | None, set[str]] = defaultdict(set)
    for message in messages:
        if message.kind in ("button", "interactive") and message.reply_to_wamid:
            taps[message.reply_to_wamid].add(message.text)
    return taps


def _settled(messages: Iterable[Message]) -> dict[UUID, costs.Cost]:
    ours = [m.id for m in messages if m.direction is Direction.OUT]
    return costs.of_messages(ours) if ours and current.sees_money else {}


def _price(message: Message, settled: dict[UUID, costs.Cost]) -> tuple[Markup, str] | None:
    if message.direction is Direction.IN or not current.sees_money:
        return None
    return prices.of(message, settled.get(message.id))


def _attach(part: Part, bubble: Bubble) -> None:
    if part.kind == "reaction":
        bubble.reactions[part.direction] = part.text  # without an emoji it is taken back
    elif part.kind == "revoke":
        bubble.deleted_by = part.direction
    else:
        bubble.before.append(bubble.text)
        bubble.now = part.text


def _quote(
    message: Message, answered: Message | None, about: dict[str | None, list[Part]]
) -> Quote | None:
    if answered is None:
        unknown = message.reply_to_wamid or kinds.target(message)
        return Quote(False, "", "", None) if unknown else None
    parts = about[answered.wamid]
    if any(part.kind == "revoke" for part in parts):
        icon, words = kinds.icon("revoke"), kinds.label("revoke")
    else:
        edits = [part.text for part in parts if part.kind == "edit"]
        icon, words = kinds.words(answered.kind, edits[-1] if edits else answered.text)
    return Quote(answered.direction is Direction.OUT, icon, words, f"m-{answered.id}")


def _divide(items: list[Any], unread_from: UUID | None) -> None:
    """Put the unread line before its message, unless somebody has answered since."""
    for position, item in enumerate(items):
        if item.type == "bubble" and item.message.id == unread_from:
            if not any(_is_answer(later) for later in items[position:]):
                items.insert(position, Unread(item.at))
            return


def _is_answer(item: Any) -> bool:
    return item.type == "bubble" and item.message.origin is Origin.AGENT
