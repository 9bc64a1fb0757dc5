"""Whose number it is: the merchant's whose token opens it at Meta first."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from flows import audit, outbox
from models import db
from models.channel import Channel
from models.envelope import Envelope, EnvelopeState
from models.types import utcnow


def taken(phone_number_id: str) -> bool:
    """Whether somebody has proven to have this number."""
    proven = select(Channel.id).where(
        Channel.phone_number_id == phone_number_id, Channel.proven_at.is_not(None)
    )
    with db.house() as house:
        return house.scalar(proven) is not None


def prove(channel: Channel) -> bool:
    """From now on what Meta says of the number comes here; False when it is another's already."""
    if channel.proven_at is not None:
        return True
    session = db.session()
    try:
        with db.savepoint():
            channel.proven_at = utcnow()
            session.flush()
    except IntegrityError:
        session.refresh(channel)
        return False
    told = {"number": channel.display_phone_number}
    audit.note("channels.connected", on=channel.name, on_id=channel.id, after=told)
    db.after_commit(read_unrouted)
    ask_for_templates(channel)
    return True


def ask_for_templates(channel: Channel) -> None:
    """The templates of its account are read at once."""
    channel.templates_due_at = utcnow()
    lane = f"templates:{channel.merchant_id}:{channel.id}"
    db.after_commit(partial(outbox.nudge, lane))


def read_unrouted() -> None:
    """Every kept body gets another reading; what is still nobody's becomes unrouted again."""
    with db.house() as house:
        house.execute(
            update(Envelope)
            .where(Envelope.state == EnvelopeState.UNROUTED)
            .values(state=EnvelopeState.NEW)
        )
        db.after_commit(lambda: outbox.nudge("ingest"), of=house)
