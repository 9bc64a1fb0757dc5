"""WhatsApp numbers of a merchant: add one, and read what waited for it."""

from __future__ import annotations

from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from flows import audit, outbox
from flows.errors import N_, Refused
from models import db
from models.channel import Channel
from models.envelope import Envelope, EnvelopeState


def add(
    *,
    name: str,
    phone_number_id: str,
    waba_id: str,
    display_phone_number: str,
    country: str,
    token: str,
    currency: str = "USD",
    time_zone: str = "Africa/Casablanca",
) -> Channel:
    """The number is the current merchant's; bodies that came before it are read again.

    Refuses a number that somebody has already, and a time zone that does not exist: no charge of
    the number could be dated.
    """
    with db.house() as house:
        if house.scalar(select(Channel.id).where(Channel.phone_number_id == phone_number_id)):
            raise Refused("number_taken", N_("This number is connected already."))
    if not _exists(time_zone):
        raise Refused("time_zone", N_("Unknown time zone: {name}."), name=time_zone)
    session = db.session()
    channel = Channel(
        merchant_id=session.merchant_id,
        name=name,
        phone_number_id=phone_number_id,
        waba_id=waba_id,
        display_phone_number=display_phone_number,
        country=country,
        currency=currency,
        time_zone=time_zone,
    )
    channel.token = token
    session.add(channel)
    session.flush()  # the lane below names the row
    told = {"number": display_phone_number, "account": waba_id}
    audit.note("channels.added", on=name, on_id=channel.id, after=told)
    db.after_commit(_read_unrouted)
    lane = f"templates:{session.merchant_id}:{channel.id}"
    db.after_commit(lambda: outbox.nudge(lane))
    return channel


def _exists(time_zone: str) -> bool:
    # By its own name: listing every zone there is costs as much as adding the number.
    try:
        ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _read_unrouted() -> None:
    """Every kept body gets another reading; what is still nobody's becomes unrouted again."""
    with db.house() as house:
        house.execute(
            update(Envelope)
            .where(Envelope.state == EnvelopeState.UNROUTED)
            .values(state=EnvelopeState.NEW)
        )
        db.after_commit(lambda: outbox.nudge("ingest"), of=house)


def all_of_merchant() -> list[Channel]:
    return list(db.session().scalars(select(Channel).order_by(Channel.created_at)))


def find(channel_id: UUID) -> Channel | None:
    return db.session().scalars(select(Channel).where(Channel.id == channel_id)).first()
