"""WhatsApp numbers of a merchant: connect one, and read what waited for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select

from flows import audit, live, outbox
from flows.channels import errands, pausing, proving
from flows.errors import N_, Invalid, NotFound, Refused
from models import db
from models.channel import Channel
from models.conversation import Conversation
from models.merchant import Merchant
from models.types import utcnow

TAKEN = N_("This number is connected already.")
LONGEST_NAME = 60
LONGEST_SECRET = 1000
IDENTIFIER = re.compile(r"\d{5,25}", re.ASCII)


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
    """The number is the current merchant's, as the install's own people say; what came is read.

    Refuses a number that somebody has already, and a time zone that does not exist: no charge of
    the number could be dated.
    """
    if proving.taken(phone_number_id):
        raise Refused("number_taken", TAKEN)
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
        proven_at=utcnow(),
    )
    channel.token = token
    session.add(channel)
    session.flush()  # the lane below names the row
    told = {"number": display_phone_number, "account": waba_id}
    audit.note("channels.added", on=name, on_id=channel.id, after=told)
    db.after_commit(proving.read_unrouted)
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


# --- by the merchant's own people -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewNumber:
    """A number as somebody types it in. `app_secret`: "" where the install's app is used."""

    name: str
    phone_number_id: str
    waba_id: str
    token: str = field(repr=False)
    app_secret: str = field(default="", repr=False)


def connect(form: NewNumber) -> Channel:
    """The number is being looked at with Meta; it is the merchant's once its token opens it.

    Invalid names each field that cannot be right, a number somebody has proven to have included.
    The same form twice is one number.
    """
    wrong = dict(_wrong(form))
    if wrong:
        raise Invalid(wrong)
    # Locked: a double click is one number.
    merchant = db.session().get_one(
        Merchant, db.session().merchant_id, with_for_update={"key_share": True}
    )
    channel = _same(form) or Channel(
        merchant_id=merchant.id,
        phone_number_id=form.phone_number_id,
        display_phone_number="",
        country=merchant.country,
        time_zone=merchant.time_zone,
    )
    _write(channel, form)
    errands.ask(channel, "look")
    return channel


def _write(channel: Channel, form: NewNumber) -> None:
    """What was typed holds, and the audit tells of it; never of a secret, only that it is new."""
    known, secrets = channel in db.session(), (form.token, form.app_secret)
    before = _told(channel) if known else {}
    renewed = known and (channel.token, channel.app_secret) != secrets
    channel.name, channel.waba_id = form.name, form.waba_id
    channel.token, channel.app_secret = secrets
    db.session().add(channel)
    kind = "channels.changed" if known else "channels.added"
    audit.changed(kind, before, _told(channel), on=channel.name, on_id=channel.id)
    if renewed:
        audit.note("channels.token", on=channel.name, on_id=channel.id)


def _told(channel: Channel) -> dict[str, object]:
    return {
        "name": channel.name,
        "number_id": channel.phone_number_id,
        "account": channel.waba_id,
    }


def _same(form: NewNumber) -> Channel | None:
    """The merchant's own row of this number, while it is not proven."""
    mine = select(Channel).where(Channel.phone_number_id == form.phone_number_id)
    return db.session().scalars(mine).one_or_none()


def _wrong(form: NewNumber) -> Iterator[tuple[str, Refused]]:
    if not 1 <= len(form.name) <= LONGEST_NAME:
        yield "name", Refused("name", N_("A name of 1 to {limit} characters."), limit=LONGEST_NAME)
    for place in ("phone_number_id", "waba_id"):
        if not IDENTIFIER.fullmatch(getattr(form, place)):
            yield place, Refused("digits", N_("Meta's id is a number of 5 to 25 digits."))
    yield from _secrets(form.token, form.app_secret)
    if proving.taken(form.phone_number_id):
        yield "phone_number_id", Refused("number_taken", TAKEN)


def _secrets(token: str, app_secret: str) -> Iterator[tuple[str, Refused]]:
    if not token:
        yield "token", Refused("empty", N_("Paste the access token."))
    for place, secret in (("token", token), ("app_secret", app_secret)):
        if len(secret) > LONGEST_SECRET or not secret.isascii() or re.search(r"\s", secret):
            yield place, Refused("secret", N_("This is not what Meta shows: copy it again."))


def replace_token(channel: Channel, token: str, app_secret: str | None = None) -> None:
    """The number is looked at with the new token; what waited leaves once Meta takes it.

    `app_secret`: None leaves it as it is, "" goes back to the install's own app.
    """
    wrong = dict(_secrets(token, app_secret or ""))
    if wrong:
        raise Invalid(wrong)
    channel.token = token
    audit.note("channels.token", on=channel.name, on_id=channel.id)
    if app_secret is not None and app_secret != channel.app_secret:
        channel.app_secret = app_secret
        audit.note("channels.app_secret", on=channel.name, on_id=channel.id)
    errands.ask(channel, "look")


def rename(channel: Channel, name: str) -> None:
    """What the team calls it."""
    if not 1 <= len(name) <= LONGEST_NAME:
        why = Refused("name", N_("A name of 1 to {limit} characters."), limit=LONGEST_NAME)
        raise Invalid({"name": why})
    read = audit.plain(channel, "name")
    with audit.watching("channels.renamed", read, on=channel.name, on_id=channel.id):
        channel.name = name
    live.changed("channels", "inbox")


def remove(channel: Channel) -> None:
    """A number that never opened is gone; Refused for one that did: its conversations stay."""
    used = exists().where(Conversation.channel_id == channel.id)
    if channel.proven_at is not None or db.session().scalar(select(used)):
        raise Refused("in_use", N_("This number is connected: pause it instead."))
    audit.note("channels.removed", on=channel.name, before=_told(channel))
    db.session().delete(channel)
    live.changed("channels")


def look(channel: Channel) -> None:
    """Meta is asked about it at once, and for the templates of its account."""
    errands.ask(channel, "look")
    proving.ask_for_templates(channel)


def go_on(channel: Channel) -> None:
    """A person lets it send again; with a token Meta refuses it pauses at the first message."""
    if channel.state != "active":
        pausing.resume(channel)


def all_of_merchant() -> list[Channel]:
    return list(db.session().scalars(select(Channel).order_by(Channel.created_at, Channel.id)))


def find(channel_id: UUID) -> Channel | None:
    return db.session().scalars(select(Channel).where(Channel.id == channel_id)).first()


def whose(which: str, merchant_id: UUID | None = None) -> tuple[UUID, UUID]:
    """Merchant and id of the proven number of this phone, or of this id at Meta, in the whole
    install; NotFound when there is none, Refused when several merchants show the same phone."""
    digits = "".join(filter(str.isdecimal, which))
    proven = select(Channel).where(Channel.proven_at.is_not(None))
    if merchant_id is not None:
        proven = proven.where(Channel.merchant_id == merchant_id)
    with db.house() as house:
        found = [
            (channel.merchant_id, channel.id)
            for channel in house.scalars(proven)
            if digits and digits in (channel.phone_number_id, channel.digits)
        ]
    if not found:
        raise NotFound
    if len(found) > 1:
        raise Refused("several", N_("Several numbers are called {which}."), which=which)
    return found[0]


def get(channel_id: UUID, *, lock: bool = False) -> Channel:
    """NotFound when there is none."""
    wanted = select(Channel).where(Channel.id == channel_id)
    found = (
        db.session()
        .scalars(wanted.with_for_update(key_share=True) if lock else wanted)
        .one_or_none()
    )
    if found is None:
        raise NotFound
    return found
