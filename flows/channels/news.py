"""What Meta tells about numbers and accounts: the facts change, and who may act is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from flows import live
from flows.channels import errands, facts, forms, notices, pausing
from flows.events import AccountNews, Event, Fault, Status
from flows.verdicts import verdict
from models import db
from models.channel import Channel, ChannelEvent
from models.types import utcnow

FIELDS = (
    "account_update",
    "account_alerts",
    "account_review_update",
    "account_settings_update",
    "business_capability_update",
    "business_username_update",
    "payment_configuration_update",
    "phone_number_name_update",
    "phone_number_quality_update",
    "security",
)
LATELY = 12
FRESH = timedelta(hours=1)


def first_heard(channels: Mapping[str | None, Channel], events: Sequence[Event]) -> None:
    """The first webhook about a number has come: its connection works in both directions."""
    silent = [c.id for c in channels.values() if c.heard_at is None]
    accounts = {e.waba_id for e in events if e.waba_id and not e.phone_number_id}
    if not silent and not accounts:
        return
    heard = (Channel.id.in_(silent)) | (Channel.waba_id.in_(accounts))
    fresh = (
        update(Channel)
        .where(heard, Channel.heard_at.is_(None))
        .values(heard_at=utcnow())
        .returning(Channel.id)
    )
    if db.session().execute(fresh).all():
        live.changed("channels")


def hear(event: AccountNews | Fault) -> None:
    """Its word holds until Meta itself, asked at once, says how things are."""
    concerned = _concerned(event)
    if isinstance(event, Fault):
        for channel in concerned:
            pausing.trouble(channel.id, verdict(event.code).reason, event.title or None)
        return
    said = HEARD.get(event.field)
    if said is not None and concerned:
        said(event, concerned)
    for channel in concerned:
        errands.ask(channel, "look")


def late_failures(events: Sequence[Event]) -> list[tuple[Status, int]]:
    """What Meta took and then failed, and its code; not what is repeated later: the number may go
    on since, the template be approved."""
    lately_ = utcnow() - FRESH
    return [
        (event, event.errors[0]["code"])
        for event in events
        if isinstance(event, Status) and event.errors and event.at and event.at > lately_
        if isinstance(event.errors[0].get("code"), int)
    ]


def hear_failures(
    channels: Mapping[str | None, Channel], failures: Iterable[tuple[Status, int]]
) -> None:
    """A message that Meta took and then failed for what stops a number tells of it, too."""
    for status, code in failures:
        channel = channels.get(status.phone_number_id)
        if channel is not None:
            title = str(status.errors[0].get("title") or "")
            pausing.trouble(channel.id, verdict(code).reason, title or None)


def lately(channel: Channel) -> Sequence[ChannelEvent]:
    """What Meta told of this number and its account, the newest first."""
    mine = (ChannelEvent.channel_id == channel.id) | (ChannelEvent.waba_id == channel.waba_id)
    newest = select(ChannelEvent).where(mine, ChannelEvent.field.in_(FIELDS))
    newest = newest.order_by(ChannelEvent.at.desc(), ChannelEvent.id.desc()).limit(LATELY)
    return [event for event in db.session().scalars(newest) if _is_about(event, channel)]


def _is_about(event: ChannelEvent, channel: Channel) -> bool:
    number = _digits(event.payload.get("display_phone_number"))
    return not number or number == channel.digits


def _concerned(event: AccountNews | Fault) -> Sequence[Channel]:
    """The number it names, else every number of the account."""
    if event.phone_number_id:
        mine = Channel.phone_number_id == event.phone_number_id
    else:
        mine = Channel.waba_id == event.waba_id
    of_account = db.session().scalars(select(Channel).where(mine).order_by(Channel.id)).all()
    number = _digits(event.display_phone_number) if isinstance(event, AccountNews) else ""
    return [c for c in of_account if not number or c.digits == number]


def _digits(text: Any) -> str:
    return "".join(filter(str.isdecimal, str(text or "")))


# --- one number -----------------------------------------------------------------------------------


def _quality(event: AccountNews, concerned: Sequence[Channel]) -> None:
    word = event.event.upper()
    limit = event.payload.get("current_limit")
    for channel in concerned:
        if limit:
            facts.change(channel, {"limit": str(limit)})
        if word == "FLAGGED":
            facts.change(channel, {"quality": "RED"})
            _say("quality", channel, ring=True)
        elif word == "UNFLAGGED":
            notices.take_down("quality", about=channel.phone_number_id)
        elif word == "DOWNGRADE":
            _say(
                "limit_down", channel, ring=True, limit=limit, before=event.payload.get("old_limit")
            )
        elif word == "UPGRADE":
            notices.take_down("limit_down", about=channel.phone_number_id)
            _say("limit_up", channel, limit=limit)
        elif word == "THROUGHPUT_UPGRADE":
            facts.change(channel, {"throughput": "HIGH"})


def _name(event: AccountNews, concerned: Sequence[Channel]) -> None:
    decision = event.event.upper()
    asked = event.payload.get("requested_verified_name")
    for channel in concerned:
        facts.change(channel, {"name_status": decision})
        notices.take_down("name_approved", "name_refused", about=channel.phone_number_id)
        if decision == "APPROVED":
            facts.change(channel, {"verified_name": asked} if asked else {})
            _say("name_approved", channel, asked=asked)
        elif decision in ("REJECTED", "DECLINED"):
            why = event.payload.get("rejection_reason")
            _say("name_refused", channel, ring=True, asked=asked, why=why)


def _security(event: AccountNews, concerned: Sequence[Channel]) -> None:
    for channel in concerned:
        _say("security", channel, ring=True, event=event.event)


# --- the account ----------------------------------------------------------------------------------

# Meta's word → the notice it raises; None raises none. Every word is kept and shown in any case.
ACCOUNT: dict[str, str] = {
    "ACCOUNT_VIOLATION": "violation",
    "ACCOUNT_RESTRICTION": "restriction",
    "ACCOUNT_DELETED": "deleted",
    "ACCOUNT_OFFBOARDED": "offboarded",
    "PARTNER_REMOVED": "unsubscribed",
    "PARTNER_APP_UNINSTALLED": "unsubscribed",
}
MENDED: dict[str, tuple[str, ...]] = {
    "ACCOUNT_RECONNECTED": ("offboarded",),
    "PARTNER_ADDED": ("unsubscribed",),
    "PARTNER_APP_INSTALLED": ("unsubscribed",),
}


def _account(event: AccountNews, concerned: Sequence[Channel]) -> None:
    word, channel = event.event.upper(), concerned[0]
    if word == "DISABLED_UPDATE":
        _ban(event, channel)
    elif kind := ACCOUNT.get(word):
        _say(kind, channel, about=channel.waba_id, ring=True, **_restrictions(event))
    notices.take_down(*MENDED.get(word, ()), about=channel.waba_id)


def _ban(event: AccountNews, channel: Channel) -> None:
    ban: Mapping[str, Any] = event.payload.get("ban_info") or {}
    state = str(ban.get("waba_ban_state") or "").upper()
    notices.take_down("ban_soon", "banned", about=channel.waba_id)
    if state != "REINSTATE":
        kind = "ban_soon" if state == "SCHEDULE_FOR_DISABLE" else "banned"
        day = ban.get("waba_ban_date")
        _say(kind, channel, about=channel.waba_id, ring=True, day=str(day) if day else None)


def _restrictions(event: AccountNews) -> dict[str, Any]:
    violation = event.payload.get("violation_info") or {}
    listed = event.payload.get("restriction_info") or []
    kinds = [str(r.get("restriction_type")) for r in listed if isinstance(r, Mapping)]
    return {"word": str(violation.get("violation_type") or ", ".join(kinds)) or None}


def _alert(event: AccountNews, concerned: Sequence[Channel]) -> None:
    info = event.payload.get("alert_info")
    info = info if isinstance(info, Mapping) else event.payload
    severity = str(info.get("alert_severity") or "").upper()
    channel = concerned[0]
    if str(info.get("alert_status") or "").upper() in ("RESOLVED", "INACTIVE"):
        notices.take_down("alert", about=channel.waba_id)
        return
    text = str(info.get("alert_description") or info.get("alert_type") or "")
    urgent = severity in ("CRITICAL", "WARNING")
    _say("alert", channel, about=channel.waba_id, ring=urgent, text=text[:500])


def _review(event: AccountNews, concerned: Sequence[Channel]) -> None:
    decision, channel = event.event.upper(), concerned[0]
    for one in concerned:
        facts.change(one, {"review": decision})
    notices.take_down("review_refused", about=channel.waba_id)
    if decision not in ("APPROVED", "PENDING", "DEFERRED"):
        _say("review_refused", channel, about=channel.waba_id, ring=True)


def _capability(event: AccountNews, concerned: Sequence[Channel]) -> None:
    most = event.payload.get("max_daily_conversations_per_business")
    known = str(most or "")
    if known in facts.LIMITS:
        for channel in concerned:
            facts.change(channel, {"limit": known})


def _form(event: AccountNews, _: Sequence[Channel]) -> None:
    told = event.payload
    if told.get("flow_id") and told.get("new_status"):
        forms.hear(str(told["flow_id"]), str(told["new_status"]).upper())


HEARD: dict[str, Callable[[AccountNews, Sequence[Channel]], None]] = {
    "flows": _form,
    "phone_number_quality_update": _quality,
    "phone_number_name_update": _name,
    "security": _security,
    "account_update": _account,
    "account_alerts": _alert,
    "account_review_update": _review,
    "business_capability_update": _capability,
}


def _say(
    kind: str, channel: Channel, *, about: str | None = None, ring: bool = False, **told: Any
) -> None:
    """A notice, and the bell where somebody must act."""
    known = {name: value for name, value in told.items() if value}
    place = about or channel.phone_number_id
    fresh = notices.put_up(kind, about=place, channel=channel, name=channel.name, **known)
    if fresh and ring:
        pausing.ring(channel, kind, **known)
