"""What the inbox shows: the list of conversations, and a thread stretch by stretch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, exists, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased, joinedload, load_only

from flows import customers
from flows.errors import NotFound
from flows.team.groups import conversations_of, mine
from models import db
from models.channel import Channel
from models.conversation import Activity, Conversation
from models.customer import WhatsAppIdentity
from models.message import Direction, Message, Sending
from models.talk import BY_PEOPLE, Bot, DraftState, OrderDraft, Talk
from models.team import TeamMember
from models.template import MessageTemplate
from models.user import Membership

FILTERS = ("all", "mine", "team", "unread", "unanswered", "blocked")
PAGE = 50
LONGEST = 300
"""How many rows a screen may ask again at once, however far somebody has scrolled."""
MOST_UNREAD = 100
PARTS = ("reaction", "edit", "revoke")
"""Kinds that become a part of the message they are about."""

_LEFT = (
    Talk.conversation_id == Conversation.id,
    Talk.silent_until > func.now(),
    Talk.left_because != BY_PEOPLE,
)
_WAITS = (OrderDraft.conversation_id == Conversation.id, OrderDraft.state == DraftState.WAITING)

Place = tuple[datetime, UUID]
"""Where a conversation stands in the list: (last_message_at, id)."""
Point = tuple[datetime, int]
"""Where a message stands in its thread: (at, seq)."""


# --- the list -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the list; `last` is loaded only as far as its ticks need."""

    conversation: Conversation
    last: Message | None
    left_because: str | None = None
    """Why the bot has left it to people; None: it has not."""
    draft_id: UUID | None = None
    """An order of the bot that waits there."""

    @property
    def place(self) -> Place:
        return self.conversation.last_message_at, self.conversation.id


def listed(
    *,
    show: str = "all",
    member: Membership | None = None,
    search: str = "",
    channel_id: UUID | None = None,
    before: Place | None = None,
    until: Place | None = None,
    limit: int = PAGE,
) -> list[Listed]:
    """Conversations newest first, identity, card, channel and assignee loaded with them, and what
    the bot left there.

    `before` is the place of the last row of the previous page. `until` asks again for all that is
    above this place, and the place itself: LONGEST rows at most.
    """
    wanted = (
        select(Conversation, Message, Talk.left_because, OrderDraft.id)
        .outerjoin(Message, Message.id == Conversation.last_message_id)
        .outerjoin(Talk, and_(*_LEFT))
        .outerjoin(OrderDraft, and_(*_WAITS))
        .options(
            joinedload(Conversation.identity).joinedload(WhatsAppIdentity.customer),
            joinedload(Conversation.channel),
            joinedload(Conversation.assignee),
            load_only(Message.direction, Message.sending, Message.rank, Message.failed_at),
        )
        .order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
    )
    if show == "mine" and member is not None:
        wanted = wanted.where(Conversation.assignee_id == member.id)
    elif show == "team" and member is not None:
        wanted = wanted.where(conversations_of(mine(member)))
    elif show == "unread":
        wanted = wanted.where(Conversation.unread > 0)
    elif show == "unanswered":
        wanted = wanted.where(Conversation.last_direction == "in", ~Conversation.muted)
    elif show == "blocked":
        wanted = wanted.where(Conversation.muted)
    if channel_id is not None:
        wanted = wanted.where(Conversation.channel_id == channel_id)
    if search.strip():
        wanted = wanted.where(customers.matches(Conversation.search_text, search))
    place = tuple_(Conversation.last_message_at, Conversation.id)
    if before is not None:
        wanted = wanted.where(place < before)
    if until is not None:
        wanted, limit = wanted.where(place >= until), LONGEST
    return [Listed(*row) for row in db.session().execute(wanted.limit(limit))]


@dataclass(frozen=True, slots=True)
class Overview:
    """What stands around the list, whatever it is filtered by."""

    unread: int
    """Conversations that wait to be read, counted up to MOST_UNREAD."""
    numbers: dict[UUID, str]
    """The merchant's WhatsApp numbers by name."""
    in_team: bool = False
    """Whether the member who looks belongs to a team."""


def overview(member: Membership | None = None) -> Overview:
    return _overview(db.session().execute(select(*_around(member))).one())


def unread_count() -> int:
    """How many conversations wait to be read, counted up to MOST_UNREAD (a badge shows 99+)."""
    return db.session().scalar(select(_unread())) or 0


def _around(member: Membership | None) -> tuple[Any, Any, Any]:
    numbers = select(func.jsonb_object_agg(Channel.id, Channel.name)).scalar_subquery()
    mine = exists().where(TeamMember.member_id == (member.id if member else None))
    return _unread().label("unread"), numbers.label("numbers"), mine.label("in_team")


def _unread() -> Any:
    some = select(Conversation.id).where(Conversation.unread > 0).limit(MOST_UNREAD).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def _overview(row: Row[Any]) -> Overview:
    numbers = sorted((row.numbers or {}).items(), key=lambda number: (number[1], number[0]))
    return Overview(row.unread, {UUID(id_): name for id_, name in numbers}, row.in_team)


# --- one conversation -----------------------------------------------------------------------------


def find(conversation_id: UUID) -> Conversation:
    """The conversation with all that its page names; NotFound when there is none."""
    wanted = _whole(select(Conversation), conversation_id)
    found: Conversation | None = db.session().scalars(wanted).one_or_none()
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class Opened:
    """A conversation with all that its page shows around the thread."""

    conversation: Conversation
    around: Overview
    bot: Bot | None
    """Of its number, while that one is on."""
    talk: Talk | None
    draft: OrderDraft | None
    """The order of the bot that waits there."""


def opened(conversation_id: UUID, member: Membership | None = None) -> Opened:
    """The same with what stands around it, in one question to the database."""
    wanted = (
        select(Conversation, Bot, Talk, OrderDraft, *_around(member))
        .outerjoin(Bot, and_(Bot.channel_id == Conversation.channel_id, Bot.active))
        .outerjoin(Talk, Talk.conversation_id == Conversation.id)
        .outerjoin(OrderDraft, and_(*_WAITS))
    )
    row = db.session().execute(_whole(wanted, conversation_id)).one_or_none()
    if row is None:
        raise NotFound
    conversation, bot, talk, draft = row[:4]
    return Opened(conversation, _overview(row), bot, talk, draft)


def _whole(wanted: Select[Any], conversation_id: UUID) -> Select[Any]:
    return wanted.where(Conversation.id == conversation_id).options(
        joinedload(Conversation.identity).joinedload(WhatsAppIdentity.customer),
        joinedload(Conversation.channel),
        joinedload(Conversation.assignee),
        joinedload(Conversation.team),
    )


@dataclass(frozen=True, slots=True)
class Part:
    """What became of a message since: a reaction to it, an edit of it, its revocation."""

    kind: str
    text: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a thread without a hole in it, oldest first."""

    messages: list[Message]
    activities: list[Activity]
    quoted: dict[UUID, Message]
    """Message id → the message it answers, where we know that one."""
    about: dict[str, list[Part]]
    """Wamid → the reactions, edits and revocations of that message, wherever they stand."""
    older: bool
    """Whether more messages come before these; not told when asked `since`."""
    whole: bool = True
    """False when `since` reaches back too far: these are then the newest messages only."""

    @property
    def start(self) -> Point | None:
        return (self.messages[0].at, self.messages[0].seq) if self.messages else None


def stretch(
    conversation: Conversation, *, before: Point | None = None, since: Point | None = None
) -> Stretch:
    """The newest PAGE messages (before a point), or all from a point on, that one included."""
    if since is None:
        return _read(conversation, before=before, limit=PAGE)
    again = _read(conversation, since=since, limit=LONGEST)
    return replace(_read(conversation, limit=PAGE), whole=False) if again.older else again


def only(message: Message) -> Stretch:
    """The stretch that is this one message."""
    wanted = _answering(message.conversation_id).where(Message.id == message.id)
    row = db.session().execute(wanted).one()
    quoted = {message.id: row[1]} if row[1] else {}
    return Stretch([row[0]], [], quoted, _about([row]), older=True)


def message(conversation: Conversation, message_id: UUID) -> Message:
    """A message of this conversation, or NotFound."""
    wanted = select(Message).where(
        Message.conversation_id == conversation.id, Message.id == message_id
    )
    found = db.session().scalars(wanted).one_or_none()
    if found is None:
        raise NotFound
    return found


def by_client_id(conversation: Conversation, client_id: UUID) -> Message | None:
    """The message this form has already become."""
    wanted = select(Message).where(
        Message.conversation_id == conversation.id, Message.client_id == client_id
    )
    return db.session().scalars(wanted).one_or_none()


def _read(
    conversation: Conversation,
    *,
    limit: int,
    before: Point | None = None,
    since: Point | None = None,
) -> Stretch:
    point = tuple_(Message.at, Message.seq)
    wanted = _answering(conversation.id).order_by(Message.at.desc(), Message.seq.desc())
    if before is not None:
        wanted = wanted.where(point < before)
    if since is not None:
        wanted = wanted.where(point >= since)
    rows = db.session().execute(wanted.limit(limit + 1)).all()
    older, rows = len(rows) > limit, rows[:limit][::-1]
    messages = [row[0] for row in rows]
    begin = since[0] if since else messages[0].at if older else None
    return Stretch(
        messages=messages,
        activities=_activities(conversation, begin, before[0] if before else None),
        quoted={message.id: answered for message, answered, *_ in rows if answered is not None},
        about=_about(rows),
        older=older,
    )


def _about(rows: Iterable[Any]) -> dict[str, list[Part]]:
    about: dict[str, list[Part]] = {}
    for message, answered, of_message, of_answered in rows:
        for whole, parts in ((message, of_message), (answered, of_answered)):
            if parts:
                about[whole.wamid] = [Part(kind, text, Direction(way)) for kind, text, way in parts]
    return about


def _answering(conversation_id: UUID) -> Select[Any]:
    """The messages of a thread, each beside the one it answers; and the parts of both."""
    answered = aliased(Message)
    return (
        select(Message, answered, _parts(Message), _parts(answered))
        .outerjoin(
            answered,
            and_(
                answered.merchant_id == Message.merchant_id,
                answered.channel_id == Message.channel_id,
                answered.wamid == Message.reply_to_wamid,
            ),
        )
        .where(Message.conversation_id == conversation_id)
        .options(joinedload(Message.sender), joinedload(Message.media))
    )


def _parts(whole: type[Message]) -> Any:
    """[kind, text, direction] of each part of the message, oldest first; found by an index.

    A reaction of ours that failed is none: nobody has seen it.
    """
    part = aliased(Message)
    said = func.jsonb_build_array(part.kind, part.text, part.direction)
    parts = select(func.jsonb_agg(aggregate_order_by(said, part.at, part.seq))).where(
        part.merchant_id == whole.merchant_id,
        part.channel_id == whole.channel_id,
        part.target_wamid == whole.wamid,
        part.kind.in_(PARTS),
        part.failed_at.is_(None),
        or_(part.sending.is_(None), part.sending.not_in((Sending.FAILED, Sending.DISCARDED))),
    )
    return parts.scalar_subquery()


def _activities(
    conversation: Conversation, begin: datetime | None, end: datetime | None
) -> list[Activity]:
    wanted = (
        select(Activity)
        .where(Activity.conversation_id == conversation.id)
        .options(joinedload(Activity.actor))
        .order_by(Activity.at, Activity.id)
    )
    if begin is not None:
        wanted = wanted.where(Activity.at >= begin)
    if end is not None:
        wanted = wanted.where(Activity.at < end)
    return list(db.session().scalars(wanted))


# --- what can be sent at any time -----------------------------------------------------------------


def ready_templates(conversation: Conversation) -> Sequence[MessageTemplate]:
    """Meta's approved templates of the account that the customer writes to, by name."""
    wanted = _approved(conversation).order_by(MessageTemplate.name, MessageTemplate.language)
    return db.session().scalars(wanted).all()


def ready_template(conversation: Conversation, template_id: UUID) -> MessageTemplate:
    """One of them; NotFound when it is no longer approved, or another account's."""
    wanted = _approved(conversation).where(MessageTemplate.id == template_id)
    found = db.session().scalars(wanted).one_or_none()
    if found is None:
        raise NotFound
    return found


def _approved(conversation: Conversation) -> Select[MessageTemplate]:
    return select(MessageTemplate).where(
        MessageTemplate.waba_id == conversation.channel.waba_id,
        MessageTemplate.state == "approved",
    )
