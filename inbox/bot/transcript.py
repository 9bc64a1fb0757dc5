"""What the bot heard and did, newest first, and of each turn why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import render_template, request

from flows import channels
from flows.talks import transcripts as past
from inbox.auth import needs
from inbox.bot import pages, words
from inbox.conversations.asked import read_id, read_place
from inbox.current import current
from models.conversation import Conversation
from models.talk import Turn


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters, in the address of the page: they survive a reload and can be sent on."""

    show: str = "all"
    number: UUID | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Asked:
        """What stands in the query string; what cannot be read narrows nothing."""
        show = query.get("show", "all")
        return cls(show if show in words.SHOWS else "all", read_id(query.get("number")))

    def query(self, **changes: str | None) -> dict[str, str]:
        """The same as parameters of a URL; what is as usual is left out."""
        number = str(self.number) if self.number else None
        all_ = {"show": self.show, "number": number} | changes
        return {name: value for name, value in all_.items() if value and value != "all"}


@dataclass(frozen=True, slots=True)
class Talked:
    """Turns of one conversation, in the order they were had."""

    conversation: Conversation
    turns: Sequence[Turn]


@pages.get("/bot/transcripts")
@needs("automations.read", "inbox.read", "orders.read")
def transcripts() -> str:
    """The newest turns that fit, by conversation; those below `before`."""
    asked, before = Asked.read(request.args), read_place(request.args.get("before"))
    did = words.SHOWS[asked.show][1]
    turns = past.listed(channel_id=asked.number, did=did, before=before)
    facts: dict[str, Any] = {
        "asked": asked,
        "talks": _by_conversation(turns),
        "last": turns[-1] if len(turns) >= past.PAGE else None,
        **_beside(turns),
    }
    if before is not None:
        return render_template("bot/_talks.html", **facts)
    numbers = channels.all_of_merchant()
    return render_template("bot/transcripts.html", shows=words.SHOWS, numbers=numbers, **facts)


@pages.get("/bot/turns/<uuid:turn_id>")
@needs("automations.read", "inbox.read", "orders.read")
def turn(turn_id: UUID) -> str:
    """Why it said this."""
    found = past.find(turn_id)
    template = "bot/_turn.html" if current.wants_fragment else "bot/turn.html"
    return render_template(template, turn=found, **_beside([found]))


def _beside(turns: Sequence[Turn]) -> dict[str, Any]:
    return {"answers": past.answers(turns), "orders": past.orders(turns)}


def _by_conversation(turns: Sequence[Turn]) -> list[Talked]:
    """The conversation that was answered last first."""
    grouped: dict[UUID, list[Turn]] = {}
    for one in turns:
        grouped.setdefault(one.conversation_id, []).append(one)
    return [Talked(had[0].conversation, had[::-1]) for had in grouped.values()]
