"""The form of a number is taken to Meta: its keys are made, what Meta must be told is gathered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from config import settings
from flows import audit, channels
from flows.channels import Done
from flows.channels import forms as kept
from flows.channels.adding import IDENTIFIER
from flows.errors import N_, Refused
from flows.forms import screens
from models import db
from models.channel import Channel
from models.form import Form, FormState
from models.merchant import Merchant
from models.types import utcnow

KEY_BITS = 2048  # what Meta asks for
NAME = "wasl_address"


@dataclass(frozen=True, slots=True)
class Publication:
    """What Meta is told of a form; nothing of it is secret but the token."""

    phone_number_id: str
    waba_id: str
    token: str = field(repr=False)
    name: str
    """Of its forms at Meta, without their number: unique in an account."""
    flow_json: str
    version: str
    category: str
    endpoint: str
    public_key: str

    def told(self) -> dict[str, str]:
        """What the errand's row keeps; the rest is the number's own."""
        own = ("phone_number_id", "waba_id", "token")
        return {name: value for name, value in asdict(self).items() if name not in own}

    @classmethod
    def of(
        cls, told: Mapping[str, Any], *, phone_number_id: str, waba_id: str, token: str
    ) -> Publication:
        return cls(phone_number_id=phone_number_id, waba_id=waba_id, token=token, **told)


def request_publish(channel: Channel) -> None:
    """The form is on its way to Meta, by a worker; asked for twice it is published once.

    Refused for a number that is not proven, and where Meta cannot reach this install.
    """
    channels.ask(channel, "form", prepare(channel).told())


def conclude(channel: Channel, done: Done) -> str | None:
    """What was done at once, without an errand, is kept; the word of channels.PROBLEMS for why not
    all of it could be."""
    problem = channels.problem_of(done)
    kept.keep(channel, done.form, problem, done.words)
    return problem


def prepare(channel: Channel, *, new_key: bool = False) -> Publication:
    """What Meta must be told to publish the form; the number has keys. Refused as above.

    `new_key`: other ones than before. Until Meta has the public one phones get 421 and ask again.
    """
    if channel.proven_at is None:
        raise Refused("not_proven", N_("Meta has not opened this number yet."))
    # The simulator stands on this machine; Meta asks for an address it can reach, with TLS.
    if settings().graph_url is None and not settings().https:
        raise Refused("https", N_("WhatsApp forms need an https:// address of this install."))
    form = _with_keys(channel)
    if new_key:
        form.private_key, form.public_key, form.fingerprint = new_keys()
        form.key_taken_at = None
    session = db.session()
    title = session.get_one(Merchant, session.merchant_id).name
    text = screens.flow_json(title)
    audit.note("channels.form", on=channel.name, on_id=channel.id)
    return Publication(
        phone_number_id=channel.phone_number_id,
        waba_id=channel.waba_id,
        token=channel.token,
        name=f"{NAME}_{channel.phone_number_id}",
        flow_json=text,
        version=screens.version(text),
        category=screens.CATEGORY,
        endpoint=f"{settings().base_url}/flows/{channel.phone_number_id}",
        public_key=form.public_key,
    )


def _with_keys(channel: Channel) -> Form:
    """The row of the form; its keys are made with it and stay."""
    if known := kept.of(channel):
        return known
    private, public, fingerprint = new_keys()
    form = Form(channel_id=channel.id, merchant_id=db.session().merchant_id)
    form.private_key = private
    # Of two who ask at once the first makes the keys.
    fresh = insert(Form).values(
        merchant_id=form.merchant_id,
        id=form.id,
        channel_id=channel.id,
        sealed_private_key=form.sealed_private_key,
        public_key=public,
        fingerprint=fingerprint,
        state=FormState.NONE,
        created_at=utcnow(),
    )
    session = db.session()
    session.execute(fresh.on_conflict_do_nothing(index_elements=["merchant_id", "channel_id"]))
    return session.scalars(select(Form).where(Form.channel_id == channel.id)).one()


def new_keys() -> tuple[str, str, str]:
    """Private and public key as PEM, and the fingerprint of the public one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),  # the row seals it
    )
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(serialization.Encoding.PEM, kind)
    plain = key.public_key().public_bytes(serialization.Encoding.DER, kind)
    return private.decode(), public.decode(), hashlib.sha256(plain).hexdigest()


# --- whose form a phone has in its hands ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Door:
    """What the endpoint of one number needs before it can read what comes."""

    merchant_id: UUID
    channel_id: UUID
    private_key: str = field(repr=False)


def door(phone_number_id: str) -> Door | None:
    """Of a number whose form has keys; None for all others, and for what is no id of Meta's."""
    if not IDENTIFIER.fullmatch(phone_number_id):
        return None
    wanted = (
        select(Form)
        .join(Channel, (Channel.merchant_id == Form.merchant_id) & (Channel.id == Form.channel_id))
        .where(Channel.phone_number_id == phone_number_id, Channel.proven_at.is_not(None))
    )
    with db.house() as house:
        form = house.scalars(wanted).one_or_none()
        return Door(form.merchant_id, form.channel_id, form.private_key) if form else None
