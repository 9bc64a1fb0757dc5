"""Calls over WhatsApp, as Meta tells of them: one line each in the thread, however they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from flows import conversations, customers, live
from flows.events import Call
from models import db
from models.channel import Channel
from models.conversation import Activity, Conversation
from models.types import Json, utcnow

# Meta's word → what it tells of the call; each comes by itself, in any order, more than once.
TOLD: dict[str, Json] = {
    "connect": {"rang": True},
    "RINGING": {"rang": True},
    "ACCEPTED": {"answered": True},
    "REJECTED": {"declined": True},
    "terminate": {"over": True},
}


def hear(calls: Sequence[tuple[Channel | None, Call]]) -> None:
    """Each call stands in its conversation with all that is known of it by now.

    A customer's call opens the 24-hour window as a message does (spec §3).
    """
    known = [(channel, call) for channel, call in calls if channel and _who(call)]
    if not known:
        return
    people = customers.identities_for([call.person for _, call in known])
    for (channel, call), who in zip(known, people, strict=True):
        conversation = conversations.open_with(channel, who)
        _write_down(conversation, channel.id, call)
        _bring_forward(conversation, channel.id, call)
        live.changed("inbox", f"conversation:{conversation.id}")


def _who(call: Call) -> str | None:
    return call.person.wa_id or call.person.user_id


def incoming(call: Call) -> bool:
    return call.direction == "USER_INITIATED"


def _line_id(channel_id: UUID, call: Call) -> UUID:
    """The same for all that Meta tells of one call."""
    return uuid5(channel_id, call.call_id)


def _write_down(conversation: Conversation, channel_id: UUID, call: Call) -> None:
    row = insert(Activity).values(
        merchant_id=conversation.merchant_id,
        id=_line_id(channel_id, call),
        conversation_id=conversation.id,
        kind="call",
        facts=_facts(call),
        at=call.at or utcnow(),
    )
    db.session().execute(
        row.on_conflict_do_update(
            index_elements=["merchant_id", "id"],
            set_={
                "facts": Activity.facts.op("||")(row.excluded.facts),
                "at": func.least(Activity.at, row.excluded.at),
            },
        )
    )


def _facts(call: Call) -> Json:
    told = dict(TOLD.get(call.event, {}))
    # A status names no direction: only calls of ours have statuses.
    if call.direction or call.event in ("RINGING", "ACCEPTED", "REJECTED"):
        told["by"] = "customer" if incoming(call) else "us"
    seconds = _whole(call.payload.get("duration"))
    if seconds:
        told["seconds"] = seconds
    return told


def _whole(value: Any) -> int:
    try:
        return max(int(value), 0)
    except (TypeError, ValueError, OverflowError):
        return 0


def _bring_forward(conversation: Conversation, channel_id: UUID, call: Call) -> None:
    line = select(Activity.facts).where(Activity.id == _line_id(channel_id, call))
    facts = db.session().scalars(line).one()
    theirs = facts.get("by") == "customer"
    missed = theirs and facts.get("over") and not facts.get("seconds")
    conversations.show_call(
        conversation,
        line_id=_line_id(channel_id, call),
        at=call.at or utcnow(),
        kind="missed_call" if missed else "call",
        theirs=theirs,
        opens=incoming(call) and call.event == "connect",
    )
