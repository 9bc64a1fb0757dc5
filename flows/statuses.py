"""What Meta reports of our messages: the ladder climbs, the uncertain settle, charges are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from flows import callbacks, costs, live, silence, watched
from flows.events import Person, Status
from flows.verdicts import verdict
from models import db
from models.automation import Run
from models.channel import Channel
from models.message import RANKS, Attempt, Message, MessageStatus, Sending
from models.types import Json, clean, new_id, utcnow

DELIVERED = RANKS["delivered"]
_TIMES = {"sent": "sent_at", "delivered": "delivered_at", "read": "read_at", "played": "read_at"}


def apply(reported: Sequence[tuple[Channel, Status]]) -> None:
    """Every status is kept once; its message climbs and never falls; a delivery is charged once.

    Matched by our callback id first, then by wamid: a status may be faster than Meta's answer.
    """
    if not reported:
        return
    news = _keep(reported)
    if not news:
        return
    messages = _messages_of(news)
    nameless = {m.id: m for m in messages.values() if m.wamid is None}
    _link(news, messages)
    with silence.listening({m.id: m for m in messages.values()}.values()):
        _climb(news, messages)
        # A failure without our callback id was nobody's until a status told the name.
        adopt([m for m in nameless.values() if m.wamid])
    _charge(news)
    live.changed("runs", *{f"conversation:{m.conversation_id}" for m in messages.values()})


def adopt(messages: Sequence[Message]) -> None:
    """Statuses that came for these wamids before anybody knew whose they were."""
    by_wamid = {(m.channel_id, m.wamid): m for m in messages}
    if not by_wamid:
        return
    orphans = (
        db.session()
        .scalars(
            select(MessageStatus).where(
                MessageStatus.wamid.in_([wamid for _, wamid in by_wamid]),
                MessageStatus.message_id.is_(None),
            )
        )
        .all()
    )
    found = {
        s.id: by_wamid[s.channel_id, s.wamid]
        for s in orphans
        if (s.channel_id, s.wamid) in by_wamid
    }
    mine = [s for s in orphans if s.id in found]
    _link(mine, found)
    _climb(mine, found)
    _charge(mine)


# --- keeping --------------------------------------------------------------------------------------


def _keep(reported: Sequence[tuple[Channel, Status]]) -> list[MessageStatus]:
    """The statuses that were not there yet, stored now; and those that now tell of money."""
    session = db.session()
    rows: dict[tuple[object, ...], Json] = {}
    for channel, status in reported:
        row = _row(session.merchant_id, channel, status)
        rows.setdefault(tuple(row[name] for name in _ONCE), row)
        told = rows[tuple(row[name] for name in _ONCE)]["payload"]
        told["pricing"] = told["pricing"] or row["payload"]["pricing"]
    fresh = insert(MessageStatus).values(list(rows.values()))
    statement = fresh.on_conflict_do_update(
        index_elements=["merchant_id", *_ONCE],
        set_={
            "payload": MessageStatus.payload.concat(
                func.jsonb_build_object("pricing", fresh.excluded.payload["pricing"])
            )
        },
        where=and_(
            MessageStatus.payload["pricing"].astext.is_(None),
            fresh.excluded.payload["pricing"].astext.is_not(None),
        ),
    ).returning(MessageStatus.id)
    ids = list(session.scalars(statement))
    wanted = select(MessageStatus).where(MessageStatus.id.in_(ids))
    return list(session.scalars(wanted, execution_options={"populate_existing": True}))


# Meta repeats a status word for word, or with the pricing that the first one did not have.
_ONCE = ("channel_id", "wamid", "status", "recipient")


def _row(merchant_id: UUID, channel: Channel, status: Status) -> Json:
    who = status.participant or status.recipient
    return {
        "merchant_id": merchant_id,
        "id": new_id(),
        "channel_id": channel.id,
        "wamid": status.wamid,
        "status": status.status,
        "recipient": who.wa_id or who.user_id or "",
        "at": status.at or utcnow(),
        "callback": status.callback,
        "payload": {
            "pricing": status.pricing,
            "conversation": status.conversation,
            "errors": list(status.errors),
            "person": _person(who),
        },
        "received_at": utcnow(),
    }


def _person(who: Person) -> Json:
    return {"wa_id": who.wa_id, "user_id": who.user_id}


# --- matching -------------------------------------------------------------------------------------


def _messages_of(statuses: Iterable[MessageStatus]) -> dict[UUID, Message]:
    """Status id → message, locked in one order so that two workers cannot block each other."""
    statuses = list(statuses)
    called = {s.id: callbacks.read(s.callback) for s in statuses}
    ids = {found[0] for found in called.values() if found}
    wamids = {s.wamid for s in statuses}
    rows = (
        db.session()
        .scalars(
            select(Message)
            .where(or_(Message.id.in_(ids), Message.wamid.in_(wamids)))
            .order_by(Message.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        .all()
    )
    by_id = {m.id: m for m in rows}
    by_wamid = {(m.channel_id, m.wamid): m for m in rows}
    matched: dict[UUID, Message] = {}
    for s in statuses:
        found = called[s.id]
        message = by_id.get(found[0]) if found else None
        message = message or by_wamid.get((s.channel_id, s.wamid))
        if message is not None:
            matched[s.id] = message
    return matched


def _link(statuses: Iterable[MessageStatus], messages: dict[UUID, Message]) -> None:
    for status in statuses:
        message = messages.get(status.id)
        if message is None:
            continue
        status.message_id = message.id
        called = callbacks.read(status.callback)
        if called is not None:
            _note_attempt(message, called[1], status.wamid)
        if message.wamid is None and not _outlived(message, status):
            message.wamid = status.wamid


def _note_attempt(message: Message, number: int, wamid: str) -> None:
    """The attempt that Meta accepted: two attempts with a wamid are a message sent twice."""
    db.session().execute(
        update(Attempt)
        .where(Attempt.message_id == message.id, Attempt.number == number)
        .values(
            wamid=wamid,
            outcome="accepted",
            concluded_at=func.coalesce(Attempt.concluded_at, utcnow()),
        )
        .execution_options(synchronize_session=False)
    )


# --- climbing -------------------------------------------------------------------------------------


def _climb(statuses: Iterable[MessageStatus], messages: dict[UUID, Message]) -> None:
    for status in sorted(statuses, key=lambda s: s.at):
        message = messages.get(status.id)
        if message is None or _outlived(message, status):
            continue
        watched.heard(
            message, status.status, by_callback=callbacks.read(status.callback) is not None
        )
        if status.status == "failed":
            _fail(message, status)
        elif status.status in RANKS:
            _rise(message, status)
    db.session().flush()  # charges read the rows by SQL


def _outlived(message: Message, status: MessageStatus) -> bool:
    """Whether this speaks of an earlier attempt than the one under way: a person sent it again.

    It is kept and charged, but settles nothing, with one exception: when the earlier attempt has
    arrived after all, the one that still waits to leave need not.
    """
    called = callbacks.read(status.callback)
    if called is None:
        return False
    waits = message.sending in (Sending.QUEUED, Sending.WAITING)
    again = called[1] < message.attempt or message.sending is Sending.QUEUED
    return again and not (waits and RANKS.get(status.status, 0) >= DELIVERED)


def _rise(message: Message, status: MessageStatus) -> None:
    message.rank = max(message.rank or 0, RANKS[status.status])
    field = _TIMES[status.status]
    earlier: datetime | None = getattr(message, field)
    setattr(message, field, min(earlier, status.at) if earlier else status.at)
    if message.rank >= DELIVERED and message.failed_at is not None:
        message.failed_at = None  # it arrived after all; the failure stays among the statuses
    if message.troubled:
        live.changed("troubles")
    if message.failed_at is not None and status.at <= message.failed_at:
        return  # "sent", told late: the failure came after it
    if message.sending is not None and message.sending is not Sending.ACCEPTED:
        message.sending = Sending.ACCEPTED
        message.lease_until = None
        message.accepted_at = message.accepted_at or status.at
    if message.failed_at is None:
        message.reason = message.error_code = message.error_detail = None


def _fail(message: Message, status: MessageStatus) -> None:
    if (message.rank or 0) >= DELIVERED:
        return
    error: Json = next(iter(status.payload.get("errors") or []), {})
    code = error.get("code")
    message.error_code = code if isinstance(code, int) else None
    message.reason = verdict(message.error_code).reason if message.error_code else "unknown_error"
    message.error_detail = _words(error)
    message.failed_at = status.at
    message.lease_until = None
    if message.sending is Sending.ACCEPTED:
        message.unsettle()  # somebody said it had arrived: now somebody has to look again
    live.changed("troubles")
    if message.sending is not None:
        message.sending = Sending.FAILED


def _words(error: Json) -> str:
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else None
    return clean(str(details or error.get("message") or error.get("title") or ""))[:500]


# --- charging -------------------------------------------------------------------------------------


def _charge(news: Sequence[MessageStatus]) -> None:
    """Charge what these statuses prove delivered, by the pricing of all statuses of the wamid."""
    delivered = _all_of({(s.channel_id, s.wamid) for s in news})
    automations = _automations_of(status for group in delivered for status in group)
    found = (_delivery(group, automations) for group in delivered)
    costs.settle([delivery for delivery in found if delivery is not None])


def _automations_of(statuses: Iterable[MessageStatus]) -> dict[UUID, UUID]:
    """Run id → the automation it ran for, of the messages these speak of."""
    session = db.session()
    ids = {status.message_id for status in statuses if status.message_id}
    if not ids:
        return {}
    # Loaded together: what follows looks at each by its key.
    messages = session.scalars(select(Message).where(Message.id.in_(ids))).all()
    runs = {message.run_id for message in messages if message.run_id}
    if not runs:
        return {}
    rows = session.execute(select(Run.id, Run.automation_id).where(Run.id.in_(runs)))
    return {row.id: row.automation_id for row in rows}


def _all_of(keys: set[tuple[UUID, str]]) -> list[list[MessageStatus]]:
    rows = db.session().scalars(
        select(MessageStatus)
        .where(MessageStatus.wamid.in_([wamid for _, wamid in keys]))
        .order_by(MessageStatus.channel_id, MessageStatus.wamid, MessageStatus.at)
    )
    groups: dict[tuple[UUID, str], list[MessageStatus]] = {}
    for row in rows:
        if (row.channel_id, row.wamid) in keys:
            groups.setdefault((row.channel_id, row.wamid), []).append(row)
    return list(groups.values())


def _delivery(
    group: Sequence[MessageStatus], automations: Mapping[UUID, UUID]
) -> costs.Delivery | None:
    arrived = [s for s in group if RANKS.get(s.status, 0) >= DELIVERED]
    if not arrived:
        return None
    first = group[0]
    message_id = next((s.message_id for s in group if s.message_id), None)
    message = db.session().get(Message, (first.merchant_id, message_id)) if message_id else None
    phone, user_id = _customer(group, message)
    pricing, told_by = costs.merged((s.status, s.payload.get("pricing") or {}) for s in group)
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
        delivered_at=min(s.at for s in arrived),
        pricing=pricing or None,
        told_by=told_by,
        template=message.payload.get("name") if message and message.kind == "template" else None,
        automation_id=automations.get(message.run_id) if message and message.run_id else None,
    )


def _customer(
    group: Sequence[MessageStatus], message: Message | None
) -> tuple[str | None, str | None]:
    """Phone (E.164) and user id of who got it, as Meta names them, else as we know them."""
    people = (s.payload["person"] for s in group)
    named: Json = next((p for p in people if any(p.values())), {})
    if named:
        return (f"+{named['wa_id']}" if named.get("wa_id") else None, named.get("user_id"))
    if message is None:
        return None, None
    identity = message.conversation.identity
    return identity.phone, identity.user_id
