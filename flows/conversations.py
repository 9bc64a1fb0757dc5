"""receive, reply, assign, read: what happens in the shared inbox."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Text,
    Uuid,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from flows import customers, live, media, outbox
from flows.events import Echo, Inbound, Written
from models import db
from models.channel import Channel
from models.conversation import Activity, Conversation
from models.customer import WhatsAppIdentity
from models.message import RANKS, Direction, Message, Origin, ReadMark, Sending
from models.order import Order
from models.rowsets import among, insertion, rowset
from models.team import Team
from models.types import Instant, Json, new_id, utcnow
from models.user import Membership

PREVIEW_LENGTH = 160
SILENT = ("system", "edit", "revoke")
"""Kinds that nobody wrote just now: they open no window and wait for no answer."""
PLACEHOLDER = "media_placeholder"
"""What history says first of a file; the file comes after it, under the same wamid."""


# --- what customers write -------------------------------------------------------------------------


class Heard(NamedTuple):
    """What a customer wrote just now: enough to know whether anybody must listen."""

    message_id: UUID
    conversation_id: UUID
    kind: str
    words: str
    """Typed, or on the button that was touched."""


def receive(written: Sequence[tuple[Channel, Written]]) -> list[Heard]:
    """Every message of the batch is in its conversation, once, whatever Meta repeats.

    Returns what customers wrote just now that was not there before.

    Conversations show Meta's time and order; unread counts and the 24-hour window follow what
    customers wrote just now, not echoes of the merchant's phone nor old history.
    """
    if not written:
        return []
    identities = customers.identities_for([_person(event) for _, event in written])
    pairs = [(channel, who) for (channel, _), who in zip(written, identities, strict=True)]
    conversations = _conversations(pairs)
    rows = [
        _row(channel, conversations[channel.id, who.id], event)
        for (channel, event), who in zip(written, identities, strict=True)
    ]
    media.expect(rows)
    fresh = _insert(rows)
    known = [row for row in rows if row["id"] not in fresh]
    filled = _fill_placeholders([row for row in known if row["_fills"]])
    media.forget([row for row in known if row["id"] not in filled])
    _bring_forward([row for row in rows if row["id"] in fresh])
    for (_, event), who, row in zip(written, identities, rows, strict=True):
        if row["id"] in fresh and isinstance(event, Inbound) and event.became is not None:
            customers.repoint(who, event.became)
    live.changed("inbox", *{f"conversation:{row['conversation_id']}" for row in rows})
    # History is told, not heard: a tap of last month moves nothing today.
    return [_heard(row) for row in rows if row["_new"] and row["id"] in fresh]


def _heard(row: Json) -> Heard:
    words = str(row["payload"].get("button_text") or row["text"])
    return Heard(row["id"], row["conversation_id"], row["kind"], words)


def read_again(ids: Collection[UUID]) -> list[Message]:
    """These messages with their conversations, in Meta's order."""
    if not ids:
        return []
    wanted = (
        select(Message)
        .where(among(Message.id, ids), Message.origin == Origin.CUSTOMER)
        .options(joinedload(Message.conversation))
        .order_by(Message.at, Message.seq)
    )
    return list(db.session().scalars(wanted))


def _person(event: Written) -> Any:
    return event.sender if isinstance(event, Inbound) else event.person  # type: ignore[attr-defined]


def _conversations(
    pairs: Iterable[tuple[Channel, WhatsAppIdentity]],
) -> dict[tuple[UUID, UUID], UUID]:
    """The conversation of each channel and identity, opened where there is none yet."""
    wanted = {(channel.id, who.id): who for channel, who in pairs}
    found = _find(wanted)
    missing = {pair: who for pair, who in wanted.items() if pair not in found}
    if missing:
        session = db.session()
        session.execute(
            insert(Conversation)
            .values(
                [
                    {
                        "merchant_id": session.merchant_id,
                        "id": new_id(),
                        "channel_id": channel_id,
                        "identity_id": identity_id,
                        "search_text": customers.search_text(who),
                        "muted": customers.is_blocked(who),
                    }
                    for (channel_id, identity_id), who in sorted(missing.items(), key=_pair)
                ]
            )
            .on_conflict_do_nothing()
        )
        found = _find(wanted)
    return found


def open_with(channel: Channel, identity: WhatsAppIdentity) -> Conversation:
    """Where this number and this person talk, or will: who writes first opens it empty.

    Only a template may be sent there until the customer has written.
    """
    opened = _conversations([(channel, identity)])[channel.id, identity.id]
    return db.session().scalars(select(Conversation).where(Conversation.id == opened)).one()


def close_unused(conversation_id: UUID) -> None:
    """A conversation that was opened to write first, and where nothing was written, is gone."""
    session = db.session()
    session.flush()
    used = (
        select(Message.id).where(Message.conversation_id == Conversation.id).exists(),
        select(Activity.id).where(Activity.conversation_id == Conversation.id).exists(),
        select(Order.id).where(Order.conversation_id == Conversation.id).exists(),
    )
    unused = delete(Conversation).where(Conversation.id == conversation_id, ~or_(*used))
    session.execute(unused.execution_options(synchronize_session=False))


def _pair(item: tuple[tuple[UUID, UUID], WhatsAppIdentity]) -> tuple[UUID, UUID]:
    return item[0]


def _find(wanted: Iterable[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], UUID]:
    pairs = set(wanted)
    found = select(Conversation.channel_id, Conversation.identity_id, Conversation.id).where(
        among(Conversation.channel_id, {channel_id for channel_id, _ in pairs}),
        among(Conversation.identity_id, {identity_id for _, identity_id in pairs}),
    )
    rows = db.session().execute(found)
    return {(channel, who): id_ for channel, who, id_ in rows if (channel, who) in pairs}


def _row(channel: Channel, conversation_id: UUID, event: Written) -> Json:
    incoming = isinstance(event, Inbound) or (isinstance(event, Echo) and not event.outgoing)
    return {
        "merchant_id": db.session().merchant_id,
        "id": new_id(),
        "conversation_id": conversation_id,
        "channel_id": channel.id,
        "direction": Direction.IN if incoming else Direction.OUT,
        "origin": Origin.CUSTOMER if incoming else Origin.PHONE,
        "kind": event.kind,
        "text": event.text,
        "payload": _payload(event),
        "wamid": event.wamid,
        "reply_to_wamid": event.context_wamid,
        "target_wamid": event.target_wamid,
        "at": event.at or utcnow(),
        "rank": RANKS.get(event.status or "sent", 1) if isinstance(event, Echo) else None,
        # Not columns: whether this is news for the agents, opens the window, fills a placeholder.
        "_new": isinstance(event, Inbound) and event.kind not in SILENT,
        "_opens": event.group_id is None,
        "_fills": isinstance(event, Echo) and event.historic and event.kind != PLACEHOLDER,
    }


def _payload(event: Written) -> Json:
    """The typed body, and beside it what else a page or an automation may want to know."""
    beside = {
        "button_payload": event.button_payload,
        "button_text": event.button_text,
        "target_wamid": event.target_wamid,
        "forwarded": event.forwarded or event.often_forwarded,
        "errors": list(event.errors),
        "extra": event.extra,
        "group_id": event.group_id,
        "historic": getattr(event, "historic", False),
        "referral": getattr(event, "referral", None),
        "product": getattr(event, "product", None),
    }
    return {"body": event.payload} | {key: value for key, value in beside.items() if value}


def _insert(rows: Sequence[Json]) -> set[UUID]:
    """The ids of the messages that were not there yet, stored now in Meta's order."""
    in_order = sorted(rows, key=lambda row: row["at"])
    columns = [name for name in rows[0] if not name.startswith("_")]
    statement = (
        insertion(Message, columns, in_order)
        .on_conflict_do_nothing(index_elements=["merchant_id", "channel_id", "wamid"])
        .returning(Message.id)
    )
    return set(db.session().scalars(statement))


def _fill_placeholders(rows: Sequence[Json]) -> set[UUID]:
    """What history brings after its placeholder stands in the placeholder's place; which rows."""
    return {row["id"] for row in rows if _fill(row)}


def _fill(row: Json) -> bool:
    # One statement each: history comes once in the life of a number, and files are few.
    filled = (
        update(Message)
        .where(
            Message.channel_id == row["channel_id"],
            Message.wamid == row["wamid"],
            Message.kind == PLACEHOLDER,
        )
        .values({name: row[name] for name in ("kind", "text", "payload", "media_id")})
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    return db.session().scalar(filled) is not None


def _bring_forward(rows: Sequence[Json]) -> None:
    """What the list shows of each conversation: its newest message, unread, the window."""
    by_conversation: dict[UUID, list[Json]] = {}
    for row in rows:
        by_conversation.setdefault(row["conversation_id"], []).append(row)
    if by_conversation:
        _update_shown([_news(id_, rows) for id_, rows in sorted(by_conversation.items())])


def _news(conversation_id: UUID, rows: Sequence[Json]) -> Json:
    """The columns of `_NEWS` for one conversation."""
    written = [row["at"] for row in rows if row["_new"]]
    newest = max(rows, key=lambda row: row["at"])
    return {
        "conversation_id": conversation_id,
        "unread": len(written),
        "inbound_at": max((r["at"] for r in rows if r["_new"] and r["_opens"]), default=None),
        "at": newest["at"],
        "message_id": newest["id"],
        "direction": newest["direction"],
        "kind": newest["kind"],
        "preview": _preview(newest["text"]),
    }


_NEWS = {
    "conversation_id": Uuid,
    "unread": BigInteger,
    "inbound_at": Instant,
    "at": Instant,
    "message_id": Uuid,
    "direction": Text,
    "kind": Text,
    "preview": Text,
}


def _update_shown(news: Sequence[Json]) -> None:
    """One statement for the whole batch; an older message never covers a newer one."""
    c = rowset("news", _NEWS, news).c
    newer = or_(Conversation.last_message_id.is_(None), Conversation.last_message_at <= c.at)
    shown = {
        Conversation.last_message_at: c.at,
        Conversation.last_message_id: c.message_id,
        Conversation.last_direction: c.direction,
        Conversation.last_kind: c.kind,
        Conversation.last_preview: c.preview,
    }
    changes: dict[Any, Any] = {old: case((newer, new), else_=old) for old, new in shown.items()}
    changes[Conversation.unread] = case(
        (Conversation.muted, Conversation.unread), else_=Conversation.unread + c.unread
    )
    changes[Conversation.last_inbound_at] = func.greatest(
        Conversation.last_inbound_at, c.inbound_at
    )
    session = db.session()
    if len(news) > 1:
        # Locked in one order first: two batches that meet in two conversations must not block.
        # Not against KEY SHARE, which each of them holds since it inserted its messages.
        ids = [row["conversation_id"] for row in news]
        locked = select(Conversation.id).where(among(Conversation.id, ids))
        session.execute(locked.order_by(Conversation.id).with_for_update(key_share=True))
    session.execute(
        update(Conversation)
        .where(
            Conversation.merchant_id == session.merchant_id,
            Conversation.id == c.conversation_id,
        )
        .values(changes)
        .execution_options(synchronize_session=False)
    )


def _preview(text: str) -> str:
    return " ".join(text.split())[:PREVIEW_LENGTH]


def show_last(message: Message) -> None:
    """The list shows this message of ours for its conversation, unless it shows a newer one."""
    row = {
        "id": message.id,
        "at": message.at,
        "direction": message.direction,
        "kind": message.kind,
        "text": message.text,
        "_new": False,
        "_opens": False,
    }
    _update_shown([_news(message.conversation_id, [row])])


def show_call(
    conversation: Conversation,
    *,
    line_id: UUID,
    at: datetime,
    kind: str,
    theirs: bool,
    opens: bool,
) -> None:
    """The list shows this call for its conversation, unless it shows something newer."""
    direction = Direction.IN if theirs else Direction.OUT
    opened_at = at if opens else None
    shown = {"id": line_id, "at": at, "direction": direction, "kind": kind, "text": ""}
    news = _news(conversation.id, [shown | {"_new": False, "_opens": False}])
    _update_shown([news | {"inbound_at": opened_at}])


# --- what agents do -------------------------------------------------------------------------------


def assign(conversation: Conversation, member: Membership | None, *, by: Membership) -> None:
    """The conversation is `member`'s (or nobody's); the thread says who gave it to whom."""
    if member is None and conversation.team_id is not None:
        conversation.team = None
    elif conversation.assignee_id == (member.id if member else None):
        return
    conversation.assignee = member
    note_activity(conversation, "assigned", {"to": member.name if member else None}, actor=by)
    live.changed("inbox")


def give_to_team(conversation: Conversation, team: Team, *, by: Membership) -> None:
    """The conversation is the team's, whoever of them takes it; the thread says who gave it."""
    if conversation.team_id == team.id and conversation.assignee_id is None:
        return
    conversation.team, conversation.assignee = team, None
    note_activity(conversation, "assigned_team", {"to": team.name}, actor=by)
    live.changed("inbox")


def mark_read(conversation: Conversation) -> None:
    """Nobody has to read it any more, and the customer will see blue ticks."""
    if conversation.unread == 0:
        return
    conversation.unread = 0
    session = db.session()
    newest = session.scalar(
        select(Message.wamid)
        .where(Message.conversation_id == conversation.id, Message.direction == Direction.IN)
        .order_by(Message.at.desc(), Message.seq.desc())
        .limit(1)
    )
    if newest:
        _tell_meta_read(conversation, newest)
    live.changed("inbox")


def _tell_meta_read(conversation: Conversation, wamid: str) -> None:
    session = db.session()
    session.execute(
        insert(ReadMark)
        .values(
            merchant_id=session.merchant_id,
            id=new_id(),
            channel_id=conversation.channel_id,
            conversation_id=conversation.id,
            wamid=wamid,
            sending=Sending.QUEUED,
            due_at=utcnow(),
            attempt=0,
            created_at=utcnow(),
        )
        .on_conflict_do_nothing()
    )
    outbox.deliver(conversation.channel_id)


def note_activity(
    conversation: Conversation, kind: str, facts: Json, *, actor: Membership | None = None
) -> Activity:
    """A small line in the thread; `facts` are plain values, put into words when shown."""
    activity = Activity(
        conversation_id=conversation.id,
        kind=kind,
        facts=facts,
        actor_id=actor.id if actor else None,
    )
    db.session().add(activity)
    live.changed(f"conversation:{conversation.id}")
    return activity
