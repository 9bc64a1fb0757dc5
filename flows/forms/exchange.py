"""What the endpoint answers a phone in whose hands the form is: screens, errors, the end.

Nothing here writes: what was filled in comes as a message of the customer's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from babel.numbers import format_currency
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from flows import delivery
from flows.delivery import City
from flows.forms import filling, tokens
from flows.forms.filling import Checked, Typed
from flows.forms.screens import ADDRESS, FIELDS, MAY_BE_EMPTY, NOBODY, SUMMARY
from flows.forms.tokens import Token
from flows.forms.words import OPTION, said
from models import db
from models.channel import Channel
from models.conversation import Conversation
from models.customer import Address, WhatsAppIdentity
from models.merchant import Merchant
from models.message import Message
from models.types import Json, Money

LOCALES = {"fr": "fr", "ar": "ar", "en": "en", "darija": "fr"}


class Expired(Exception):
    """The token opens nothing (any more); `words` are for who holds the phone."""

    def __init__(self, words: str) -> None:
        super().__init__("expired")
        self.words = words


@dataclass(frozen=True, slots=True)
class _Sitting:
    """One form in one customer's hands."""

    token: str
    channel: Channel
    identity: WhatsAppIdentity
    language: str
    known: Mapping[str, Any]

    @property
    def ask_phone(self) -> bool:
        """WhatsApp keeps their number to itself."""
        return self.identity.phone is None

    def says(self, name: str) -> str:
        return said(name, self.language)


def answer(channel_id: UUID, request: Mapping[str, Any]) -> Json:
    """The answer to what a phone asks of this number's form, for the merchant whose session it is.

    Expired where its token is not ours, of another conversation or number, or too old.
    """
    data = request.get("data")
    data = data if isinstance(data, Mapping) else {}
    if "error" in data:
        return {"data": {"acknowledged": True}}
    sitting = _sitting(channel_id, request.get("flow_token"))
    step = data.get("step") if request.get("action") == "data_exchange" else None
    return STEPS.get(str(step), _begin)(sitting, data)


def _sitting(channel_id: UUID, text: object) -> _Sitting:
    token = tokens.read(text)
    found = _asked(channel_id, token) if token is not None and not token.expired else None
    if found is None:
        raise Expired(said("expired", _merchant().language))
    form = found.payload.get("form") or {}
    return _Sitting(
        token=str(text),
        channel=found.conversation.channel,
        identity=found.conversation.identity,
        language=str(form.get("language") or ""),
        known=form.get("known") or {},
    )


def _asked(channel_id: UUID, token: Token) -> Message | None:
    """The message that asked, where it is one of this number's."""
    wanted = select(Message).where(
        Message.conversation_id == token.conversation_id,
        Message.client_id == token.asked,
        Message.channel_id == channel_id,
    )
    whole = joinedload(Message.conversation)
    wanted = wanted.options(
        whole.joinedload(Conversation.channel), whole.joinedload(Conversation.identity)
    )
    return db.session().scalars(wanted).one_or_none()


# --- the steps ------------------------------------------------------------------------------------


def _begin(sitting: _Sitting, _: Mapping[str, Any]) -> Json:
    return _address(sitting, Checked(_known(sitting), {}))


def _check(sitting: _Sitting, data: Mapping[str, Any]) -> Json:
    checked = _checked(sitting, data)
    return _address(sitting, checked) if checked.errors else _summary(sitting, checked.typed)


def _send(sitting: _Sitting, data: Mapping[str, Any]) -> Json:
    """A phone is no safer a place than a browser: what was checked before is checked again."""
    checked = _checked(sitting, data, sending=True)
    if checked.errors:
        return _address(sitting, checked)
    told = {name: value for name, value in checked.typed.told().items() if value}
    if not sitting.ask_phone:
        told.pop("phone", None)
    params = {"flow_token": sitting.token} | told
    return {"screen": "SUCCESS", "data": {"extension_message_response": {"params": params}}}


STEPS = {"check": _check, "send": _send}


def _checked(sitting: _Sitting, data: Mapping[str, Any], *, sending: bool = False) -> Checked:
    return filling.check(
        filling.typed(data),
        data,
        country=sitting.channel.country,
        ask_phone=sitting.ask_phone,
        sending=sending,
    )


def _known(sitting: _Sitting) -> Typed:
    """What this conversation said, else what is on the customer's card."""
    card, said_ = sitting.identity.customer, filling.typed(sitting.known)
    name = card.name if card else sitting.identity.profile_name
    phone = next((phone.e164 or "" for phone in card.phones), "") if card else ""
    known = replace(said_, name=said_.name or name, phone=said_.phone or phone)
    last = _last_address(sitting) if not (known.city or known.line) else None
    return replace(known, city=last.city, line=last.line) if last else known


def _last_address(sitting: _Sitting) -> Address | None:
    mine = select(Address).where(Address.customer_id == sitting.identity.customer_id)
    return db.session().scalars(mine.order_by(Address.used_at.desc()).limit(1)).first()


# --- the screens ----------------------------------------------------------------------------------


def _address(sitting: _Sitting, checked: Checked) -> Json:
    errors = {name: sitting.says(word) for name, word in checked.errors.items()}
    data: Json = {name: sitting.says(name) for name in ("intro", "next")}
    data |= {f"label_{name}": sitting.says(name) for name in FIELDS}
    for name in ("phone", "city", "line", "landmark"):
        data[f"help_{name}"] = sitting.says(f"{name}_help")
    data |= {
        "label_choice": sitting.says("which"),
        "ask_phone": sitting.ask_phone,
        "choosing": bool(checked.cities),
        "asked": checked.typed.city if checked.cities else NOBODY,
        "cities": [_choice(city) for city in checked.cities or (City(NOBODY, "", ""),)],
        "init": checked.typed.told(),
        "errors": errors,
    }
    return {"screen": ADDRESS, "data": data}


def _choice(city: City) -> Json:
    named = {"id": city.name, "title": city.name[:OPTION]}
    return named | ({"description": city.region} if city.region else {})


def _summary(sitting: _Sitting, typed: Typed) -> Json:
    told = typed.told() | ({} if sitting.ask_phone else {"phone": ""})
    data: Json = {name: sitting.says(name) for name in ("heading", "send")}
    data |= {f"label_{name}": sitting.says(name) for name in (*FIELDS, "fee")}
    data |= {name: value or NOBODY for name, value in told.items()}
    data |= {f"has_{name}": bool(told[name]) for name in MAY_BE_EMPTY}
    data["fee"] = _fee(sitting, typed.city)
    return {"screen": SUMMARY, "data": data}


def _fee(sitting: _Sitting, city: str) -> str:
    total = sitting.known.get("total")
    fee = delivery.fee(city, applied_total=total if isinstance(total, int) else 0)
    if fee == 0:
        return sitting.says("free")
    money = Money(fee, _merchant().currency)
    locale = LOCALES.get(sitting.language, "fr")
    return format_currency(money.decimal, money.currency, locale=locale, numbering_system="latn")


def _merchant() -> Merchant:
    session = db.session()
    return session.get_one(Merchant, session.merchant_id)
