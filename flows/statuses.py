"""What Meta reports of our messages: the ladder climbs, the uncertain settle, charges are made.

Every message of ours brings three of these, so they are read and written by the thousand, in a few
statements whatever their number; what one of them changes is said in flows.ladder.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, SmallInteger, Text, Uuid, and_, case, func, select, update
from sqlalchemy.orm.util import identity_key

from flows import callbacks, costs, live, silence, watched
from flows.events import Person, Status
from flows.ladder import COLUMNS, DELIVERED, MOVED, Sent, Told, climb, outlived
from models import db
from models.automation import Run
from models.channel import Channel
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.message import Attempt, Message, MessageStatus
from models.rowsets import among, insertion, rowset, types_of
from models.types import Json, new_id, utcnow

Key = tuple[UUID, str]
"""(channel, wamid)"""


def apply(reported: Sequence[tuple[Channel, Status]]) -> None:
    """Every status is kept once; its message climbs and never falls; a delivery is charged once.

    Matched by our callback id first, then by wamid: a status may be faster than Meta's answer.
    """
    told = _once_each(reported)
    messages = _messages_of(told)
    news = _keep(told, messages)
    if not news:
        return
    nameless = {m.id: m for m in messages.values() if m.wamid is None}
    _climb(news, messages)
    # A failure without our callback id was nobody's until a status told the name.
    adopt([m for m in nameless.values() if m.wamid])
    _charge(news, messages)
    spoken_of = {messages[one.id].conversation_id for one in news if one.id in messages}
    live.changed("runs", *(f"conversation:{id_}" for id_ in spoken_of))


def adopt(messages: Sequence[Message] | Sequence[Sent]) -> None:
    """Statuses that came for these wamids before anybody knew whose they were."""
    ids = {(m.channel_id, m.wamid): m.id for m in messages if m.wamid}
    if not ids:
        return
    wamids = [wamid for _, wamid in ids]
    orphans = _told(and_(among(MessageStatus.wamid, wamids), MessageStatus.message_id.is_(None)))
    news = _called(one for one in orphans if (one.channel_id, one.wamid) in ids)
    if not news:
        return
    rows = _lock(ids.values())
    found = {one.id: rows[ids[one.channel_id, one.wamid]] for one in news}
    _link(news, found)
    _climb(news, found)
    _charge(news, found)


# --- keeping --------------------------------------------------------------------------------------


def _once_each(reported: Sequence[tuple[Channel, Status]]) -> list[Told]:
    """One for each status of the batch; Meta says it again word for word, or with the pricing that
    the first one did not have. In one order for everybody: two workers cannot block each other."""
    told: dict[tuple[UUID, str, str, str], Told] = {}
    for channel, status in reported:
        new = _read(channel, status)
        one = told.setdefault((new.channel_id, new.wamid, new.status, new.recipient), new)
        one.payload["pricing"] = one.payload["pricing"] or new.payload["pricing"]
    return sorted(told.values(), key=lambda one: (one.wamid, one.status, one.recipient))


def _read(channel: Channel, status: Status) -> Told:
    who = status.participant or status.recipient
    return Told(
        id=new_id(),
        channel_id=channel.id,
        message_id=None,
        wamid=status.wamid,
        status=status.status,
        recipient=who.wa_id or who.user_id or "",
        at=status.at or utcnow(),
        callback=status.callback,
        payload={
            "pricing": status.pricing,
            "conversation": status.conversation,
            "errors": list(status.errors),
            "person": _person(who),
        },
        called=callbacks.read(status.callback),
    )


def _person(who: Person) -> Json:
    return {"wa_id": who.wa_id, "user_id": who.user_id}


_KEPT = tuple(name for name in Told.__slots__ if name != "called")
_TOLD = tuple(getattr(MessageStatus, name) for name in _KEPT)
_ONCE = ("merchant_id", "channel_id", "wamid", "status", "recipient")


def _keep(told: Sequence[Told], messages: Mapping[UUID, Sent]) -> list[Told]:
    """The statuses that were not there yet, stored now; and those that now tell of money."""
    if not told:
        return []
    session = db.session()
    for one in told:
        one.message_id = messages[one.id].id if one.id in messages else None
    rows = [
        {"merchant_id": session.merchant_id} | {name: getattr(one, name) for name in _KEPT}
        for one in told
    ]
    fresh = insertion(MessageStatus, ("merchant_id", *_KEPT), rows)
    pricing = fresh.excluded.payload["pricing"]
    statement = fresh.on_conflict_do_update(
        index_elements=_ONCE,
        set_={"payload": MessageStatus.payload.concat(func.jsonb_build_object("pricing", pricing))},
        where=and_(
            MessageStatus.payload["pricing"].astext.is_(None),
            fresh.excluded.payload["pricing"].astext.is_not(None),
        ),
    ).returning(MessageStatus.id)
    ids = set(session.scalars(statement))
    news = [one for one in told if one.id in ids]
    return news + _priced_now(ids - {one.id for one in news}, told, messages)


def _priced_now(
    ids: Collection[UUID], told: Sequence[Told], messages: Mapping[UUID, Sent]
) -> list[Told]:
    """The statuses kept earlier that have their pricing only now, each under its own id.

    `messages` knows them from now on, too.
    """
    if not ids:
        return []
    said = {(one.channel_id, one.wamid, one.status, one.recipient): one.id for one in told}
    earlier = _called(_told(among(MessageStatus.id, ids)))
    for one in earlier:
        again = said[one.channel_id, one.wamid, one.status, one.recipient]
        if again in messages:
            messages[one.id] = messages[again]  # type: ignore[index]
    _link(earlier, messages)
    return earlier


def _told(which: ColumnElement[bool]) -> list[Told]:
    return [Told(*row) for row in db.session().execute(select(*_TOLD).where(which))]


def _called(told: Iterable[Told]) -> list[Told]:
    """The same, each with its callback read."""
    return [replace(one, called=callbacks.read(one.callback)) for one in told]


def _link(told: Iterable[Told], messages: Mapping[UUID, Sent]) -> None:
    """Statuses that were kept before their message was known now name it."""
    lost = [one for one in told if one.message_id is None and one.id in messages]
    for one in lost:
        one.message_id = messages[one.id].id
    if not lost:
        return
    rows = [{"id": one.id, "message_id": one.message_id} for one in lost]
    news = rowset("news", {"id": Uuid, "message_id": Uuid}, rows)
    statement = update(MessageStatus).where(MessageStatus.id == news.c.id)
    _write(statement.values(message_id=news.c.message_id))


# --- matching -------------------------------------------------------------------------------------


def _messages_of(told: Sequence[Told]) -> dict[UUID, Sent]:
    """Status id → message, locked."""
    called = {one.called[0] for one in told if one.called}
    named = _named({(one.channel_id, one.wamid) for one in told if not one.called})
    rows = _lock(called | set(named.values()))
    # A callback of ours whose message is not here, but its wamid is: a copy of the database.
    lost = {(o.channel_id, o.wamid) for o in told if o.called and o.called[0] not in rows}
    if lost:
        named |= _named(lost)
        rows |= _lock(set(named.values()) - rows.keys())
    matched = {}
    for one in told:
        found = rows.get(one.called[0]) if one.called else None
        found = found or rows.get(named.get((one.channel_id, one.wamid)))  # type: ignore[arg-type]
        if found is not None:
            matched[one.id] = found
    return matched


def _named(keys: Collection[Key]) -> dict[Key, UUID]:
    if not keys:
        return {}
    wanted = select(Message.channel_id, Message.wamid, Message.id).where(
        among(Message.channel_id, {channel_id for channel_id, _ in keys}),
        among(Message.wamid, [wamid for _, wamid in keys]),
    )
    found = {(row.channel_id, str(row.wamid)): row.id for row in db.session().execute(wanted)}
    return {key: found[key] for key in keys if key in found}


_NAME = case((Message.kind == "template", Message.payload["name"].astext))
_SENT = tuple(_NAME if name == "template" else getattr(Message, name) for name in COLUMNS)


def _lock(ids: Collection[UUID]) -> dict[UUID, Sent]:
    """These messages, locked in one order so that two workers cannot block each other."""
    if not ids:
        return {}
    wanted = select(*_SENT).where(among(Message.id, ids)).order_by(Message.id).with_for_update()
    return {row.id: Sent(*row) for row in db.session().execute(wanted)}


# --- climbing -------------------------------------------------------------------------------------


def _climb(news: Sequence[Told], messages: Mapping[UUID, Sent]) -> None:
    mine = {message.id: message for message in messages.values()}
    before = {id_: message.moved() for id_, message in mine.items()}
    troubled = {id_ for id_, message in mine.items() if message.troubled}
    with silence.listening(mine.values()):
        _note_attempts(news, messages)
        for one in sorted(news, key=lambda one: one.at):
            message = messages.get(one.id)
            if message is not None and not outlived(message, one):
                watched.heard(message, one.status, by_callback=one.called is not None)
                climb(message, one)
        _store([m for id_, m in mine.items() if m.moved() != before[id_]])
    if troubled != {id_ for id_, message in mine.items() if message.troubled}:
        live.changed("troubles")


def _store(messages: Sequence[Sent]) -> None:
    """These messages stand in the database as they stand here, and in what the session has read."""
    if not messages:
        return
    rows = [{"id": message.id} | message.moved() for message in messages]
    moved = rowset("moved", types_of(Message, ("id", *MOVED)), rows)
    statement = update(Message).where(Message.id == moved.c.id)
    _write(statement.values({name: moved.c[name] for name in MOVED}))
    session = db.session()
    read = [m.id for m in messages if _is_read(session, m.id)]
    if read:
        again = select(Message).where(among(Message.id, read))
        session.scalars(again, execution_options={"populate_existing": True}).all()


def _is_read(session: db.MerchantSession, message_id: UUID) -> bool:
    return identity_key(Message, (session.merchant_id, message_id)) in session.identity_map


def _note_attempts(news: Iterable[Told], messages: Mapping[UUID, Sent]) -> None:
    """The attempts that Meta accepted: two of a message with a wamid are a message sent twice."""
    accepted = {
        one.called: one.wamid
        for one in news
        # With this wamid, the message has come by it together with its attempt.
        if one.called and one.id in messages and messages[one.id].wamid != one.wamid
    }
    if not accepted:
        return
    rows = [{"message_id": id_, "number": n, "wamid": w} for (id_, n), w in accepted.items()]
    types = {"message_id": Uuid, "number": SmallInteger, "wamid": Text}
    noted = rowset("noted", types, rows)
    statement = update(Attempt).where(
        Attempt.message_id == noted.c.message_id, Attempt.number == noted.c.number
    )
    concluded_at = func.coalesce(Attempt.concluded_at, utcnow())
    _write(statement.values(wamid=noted.c.wamid, outcome="accepted", concluded_at=concluded_at))


def _write(statement: Any) -> None:
    db.session().execute(statement, execution_options={"synchronize_session": False})


# --- charging -------------------------------------------------------------------------------------


def _charge(news: Sequence[Told], messages: Mapping[UUID, Sent]) -> None:
    """Charge what these statuses prove delivered, by the pricing of all statuses of the wamid."""
    groups = _all_of({(o.channel_id, o.wamid) for o in news if _may_cost(o, messages.get(o.id))})
    delivered = [group for group in groups if any(one.arrived for one in group)]
    known = {message.id: message for message in messages.values()}
    known |= _others(
        {o.message_id for group in delivered for o in group if o.message_id} - set(known)
    )
    automations = _automations_of(known.values())
    costs.settle([_delivery(group, known, automations) for group in delivered])


def _may_cost(told: Told, message: Sent | None) -> bool:
    """Whether a status of its wamid may say that it was delivered: mostly "sent" comes first."""
    if told.arrived or message is None or outlived(message, told):
        return True
    return (message.rank or 0) >= DELIVERED


def _all_of(keys: Collection[Key]) -> list[list[Told]]:
    if not keys:
        return []
    groups: dict[Key, list[Told]] = {key: [] for key in sorted(keys)}
    numbers = among(MessageStatus.channel_id, {channel_id for channel_id, _ in keys})
    wamids = among(MessageStatus.wamid, [wamid for _, wamid in keys])
    for one in sorted(_told(and_(numbers, wamids)), key=lambda one: one.at):
        if (one.channel_id, one.wamid) in groups:
            groups[one.channel_id, one.wamid].append(one)
    return list(groups.values())


def _others(ids: Collection[UUID]) -> dict[UUID, Sent]:
    """Messages that earlier statuses of these wamids spoke of, and today's do not."""
    if not ids:
        return {}
    rows = db.session().execute(select(*_SENT).where(among(Message.id, ids)))
    return {row.id: Sent(*row) for row in rows}


def _automations_of(messages: Iterable[Sent]) -> dict[UUID, UUID]:
    """Run id → the automation it ran for."""
    runs = {message.run_id for message in messages if message.run_id}
    if not runs:
        return {}
    rows = db.session().execute(select(Run.id, Run.automation_id).where(among(Run.id, runs)))
    return {row.id: row.automation_id for row in rows}


def _delivery(
    group: Sequence[Told], messages: Mapping[UUID, Sent], automations: Mapping[UUID, UUID]
) -> costs.Delivery:
    first = group[0]
    message_id = next((one.message_id for one in group if one.message_id), None)
    message = messages.get(message_id) if message_id else None
    phone, user_id = _customer(group, message)
    pricing, told_by = costs.merged((o.status, o.payload.get("pricing") or {}) for o in group)
    return costs.Delivery(
        channel_id=first.channel_id,
        wamid=first.wamid,
        message_id=message_id,
        order_id=message.order_id if message else None,
        phone=phone,
        user_id=user_id,
        category_hint=message.category if message else None,
        window_open_hint=None,
        free_because_phone=message is not None and message.sending is None,
        delivered_at=min(one.at for one in group if one.arrived),
        pricing=pricing or None,
        told_by=told_by,
        template=message.template if message else None,
        automation_id=automations.get(message.run_id) if message and message.run_id else None,
    )


def _customer(group: Sequence[Told], message: Sent | None) -> tuple[str | None, str | None]:
    """Phone (E.164) and user id of who got it, as Meta names them, else as we know them."""
    people = (one.payload["person"] for one in group)
    named: Json = next((p for p in people if any(p.values())), {})
    if named:
        return (f"+{named['wa_id']}" if named.get("wa_id") else None, named.get("user_id"))
    if message is None:
        return None, None
    known = select(WhatsAppIdentity.phone, WhatsAppIdentity.user_id).join(
        Conversation, Conversation.identity_id == WhatsAppIdentity.id
    )
    row = db.session().execute(known.where(Conversation.id == message.conversation_id)).one()
    return row.phone, row.user_id
