"""The first steps of a merchant: each is looked up, none is remembered."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, func, select

from flows import audit
from models import db
from models.automation import Automation
from models.catalog import Product
from models.channel import Channel, ChannelState
from models.merchant import Merchant
from models.message import Direction, Message, Sending
from models.template import MessageTemplate
from models.types import utcnow
from models.user import Membership

STEPS = ("number", "webhook", "templates", "message", "product", "automation", "colleague")


@dataclass(frozen=True, slots=True)
class Checklist:
    """Which of STEPS are done, and what the page needs to say of the others."""

    done: dict[str, bool]
    channel: Channel | None
    """The number to go on with."""
    in_review: int
    """Templates Meta reads just now."""

    @property
    def count(self) -> int:
        return sum(self.done.values())

    @property
    def complete(self) -> bool:
        return all(self.done.values())


def look() -> Checklist:
    """What of the first steps is done."""
    session = db.session()
    first = select(Channel).order_by(
        Channel.heard_at.is_not(None), Channel.looked_at.is_not(None), Channel.created_at
    )
    channels = session.scalars(first).all()
    approved = exists().where(MessageTemplate.state == "approved")
    accepted = exists().where(
        Message.direction == Direction.OUT, Message.sending == Sending.ACCEPTED
    )
    pending = select(func.count()).select_from(MessageTemplate)
    pending = pending.where(MessageTemplate.state == "pending")
    members = select(func.count()).select_from(Membership)
    facts = session.execute(
        select(
            select(approved).scalar_subquery(),
            select(accepted).scalar_subquery(),
            select(exists().where(Product.active)).scalar_subquery(),
            select(exists().where(Automation.active)).scalar_subquery(),
            members.where(Membership.disabled_at.is_(None)).scalar_subquery(),
            pending.scalar_subquery(),
        )
    ).one()
    working = [c for c in channels if c.proven_at and c.state is ChannelState.ACTIVE]
    done = (
        any(c.looked_at for c in working) or any(c.heard_at for c in working),
        any(c.heard_at for c in working),
        facts[0],
        facts[1],
        facts[2],
        facts[3],
        facts[4] > 1,
    )
    return Checklist(
        dict(zip(STEPS, done, strict=True)), channels[0] if channels else None, facts[5]
    )


def wanted(merchant: Merchant) -> bool:
    """Whether the list is still to be shown: nobody put it away, and something is left."""
    if merchant.moved_in_at is not None:
        return False
    return not look().complete


def put_away(merchant: Merchant) -> None:
    """Nobody sees the list any more; twice is once."""
    if merchant.moved_in_at is None:
        merchant.moved_in_at = utcnow()
        audit.note("team.moved_in")
