"""A number pauses and goes on: by a person, or because Meta takes nothing from it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from flows import audit, live, notifications, outbox
from flows.channels import notices
from models import db
from models.channel import BY_A_PERSON, Channel, ChannelState
from models.message import Message, Sending
from models.types import utcnow

STOPS = ("token", "permission", "account", "payment")
"""Reasons of flows/verdicts for which every message of the number would be refused alike."""
WARNS = ("spam_limit",)
"""Reasons somebody must mend with Meta, while each message waits by itself."""


def pause(channel: Channel, reason: str = BY_A_PERSON, words: str | None = None) -> None:
    """Nothing leaves through this number; its messages wait. Who may act is told once."""
    if channel.state is ChannelState.PAUSED:
        return
    channel.state, channel.pause_reason = ChannelState.PAUSED, reason
    _tell(channel, reason, words)
    kind = "channels.paused" if reason == BY_A_PERSON else "channels.stopped"
    audit.note(kind, on=channel.name, on_id=channel.id)
    live.changed("channels", "notices", "inbox")


def resume(channel: Channel) -> None:
    """What waited leaves now."""
    if channel.state is not ChannelState.ACTIVE:
        audit.note("channels.resumed", on=channel.name, on_id=channel.id)
    channel.state, channel.pause_reason = ChannelState.ACTIVE, None
    notices.take_down(*STOPS, BY_A_PERSON, about=channel.phone_number_id)
    db.session().execute(
        update(Message)
        .where(
            Message.channel_id == channel.id,
            Message.sending == Sending.WAITING,
            Message.reason.in_(STOPS),
        )
        .values(due_at=utcnow())
        .execution_options(synchronize_session=False)
    )
    outbox.deliver(channel.id)
    live.changed("channels", "notices", "inbox")


def trouble(channel_id: UUID, reason: str, words: str | None) -> None:
    """Meta refused something of this number for one of STOPS or WARNS; others say nothing."""
    if reason not in (*STOPS, *WARNS):
        return
    wanted = select(Channel).where(Channel.id == channel_id)
    channel = db.session().scalars(wanted.with_for_update(key_share=True)).one()
    if reason in STOPS:
        pause(channel, reason, words)
    else:
        _tell(channel, reason, words)


def _tell(channel: Channel, reason: str, words: str | None) -> None:
    fresh = notices.put_up(
        reason, about=channel.phone_number_id, channel=channel, name=channel.name, said=words
    )
    if fresh and reason != BY_A_PERSON:
        ring(channel, reason)


def ring(channel: Channel, what: str, **facts: Any) -> None:
    """The bell of everybody who may look after numbers."""
    told = {"what": what, "name": channel.name, "channel": str(channel.id)}
    notifications.tell("number", facts=facts | told)
