"""What Meta tells one merchant: messages to conversations, statuses to messages, news kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from flows import (
    answers,
    channels,
    consents,
    conversations,
    live,
    statuses,
    templates,
    voice,
)
from flows.events import (
    AccountNews,
    Call,
    Event,
    Fault,
    News,
    Preference,
    Status,
    TemplateNews,
    Written,
)
from flows.talks import hearing
from models import db
from models.channel import Channel, ChannelEvent
from models.message import Message
from models.types import Json, clean, new_id, utcnow


def owners(events: Sequence[Event]) -> list[list[UUID]]:
    """The merchants of each event: by its number, else by its account; none = unrouted."""
    numbers = {e.phone_number_id for e in events if e.phone_number_id}
    accounts = {e.waba_id for e in events if e.waba_id}
    wanted = select(Channel.merchant_id, Channel.phone_number_id, Channel.waba_id).where(
        or_(Channel.phone_number_id.in_(numbers), Channel.waba_id.in_(accounts)),
        Channel.proven_at.is_not(None),
    )
    by_number: dict[str, list[UUID]] = {}
    by_account: dict[str, list[UUID]] = {}
    with db.house() as house:
        for merchant_id, number, account in house.execute(wanted):
            by_number[number] = [merchant_id]
            if merchant_id not in by_account.setdefault(account, []):
                by_account[account].append(merchant_id)
    return [_owners_of(event, by_number, by_account) for event in events]


def _owners_of(
    event: Event, by_number: dict[str, list[UUID]], by_account: dict[str, list[UUID]]
) -> list[UUID]:
    if event.phone_number_id:
        return by_number.get(event.phone_number_id, [])
    return by_account.get(event.waba_id or "", [])


def take_in(events: Sequence[Event]) -> None:
    """Everything the current merchant is told is stored once and has had its effect."""
    numbers = _numbers(events)
    channels.first_heard(numbers, events)
    written = [(numbers[e.phone_number_id], e) for e in events if isinstance(e, Written)]
    new = conversations.receive(written)
    heard = _worth_hearing(new)
    consents.hear_all(heard)
    answers.hold_orders(heard)
    # Before the answers: they count for what has left, and messages are locked before runs.
    statuses.apply([(numbers[e.phone_number_id], e) for e in events if isinstance(e, Status)])
    answers.hear_all(heard)
    hearing.hear(new)
    consents.hear_statuses(events)
    failures = channels.late_failures(events)
    channels.hear_failures(numbers, failures)
    templates.hear_failures(numbers, failures)
    _keep([e for e in events if isinstance(e, News)], numbers)


def _worth_hearing(heard: Sequence[conversations.Heard]) -> list[Message]:
    """The few that may bring something about; reading each as a whole would be half the work."""
    return conversations.read_again(answers.may_answer(heard) | consents.may_mean(heard))


def _numbers(events: Sequence[Event]) -> dict[str | None, Channel]:
    numbers = {e.phone_number_id for e in events if e.phone_number_id}
    found = db.session().scalars(select(Channel).where(Channel.phone_number_id.in_(numbers)))
    return {channel.phone_number_id: channel for channel in found}


def _keep(news: Sequence[News], numbers: dict[str | None, Channel]) -> None:
    """News is kept as it was said; most of it also changes what we know."""
    if not news:
        return
    session = db.session()
    statement = (
        insert(ChannelEvent)
        .values([_row(session.merchant_id, event, numbers) for event in news])
        .on_conflict_do_nothing(index_elements=["merchant_id", "key"])
        .returning(ChannelEvent.key)
    )
    fresh = set(session.scalars(statement))
    for event in news:
        if event.key in fresh and isinstance(event, TemplateNews):
            templates.hear(event)
        elif event.key in fresh and isinstance(event, Preference):
            consents.hear_preference(event)
        elif event.key in fresh and isinstance(event, (AccountNews, Fault)):
            channels.hear(event)
    calls = [event for event in news if event.key in fresh and isinstance(event, Call)]
    voice.hear([(numbers.get(call.phone_number_id), call) for call in calls])
    live.changed("news")


def _row(merchant_id: UUID, event: News, numbers: dict[str | None, Channel]) -> Json:
    channel = numbers.get(event.phone_number_id)
    return {
        "merchant_id": merchant_id,
        "id": new_id(),
        "channel_id": channel.id if channel else None,
        "waba_id": event.waba_id,
        "field": clean(event.field),
        "kind": _kind(event),
        "key": event.key,
        "payload": event.payload,
        "at": event.at or utcnow(),
        "received_at": utcnow(),
    }


def _kind(event: News) -> str:
    """template_news, call, unknown, …; of account news Meta's own word."""
    if isinstance(event, AccountNews):
        return event.event.lower()
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
