"""The form is sent to a customer, and what they filled in is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select

from flows import messages
from flows.customers import read_phone
from flows.forms import filling, tokens
from flows.forms.filling import Typed
from flows.messages import interactives
from models import db
from models.conversation import Conversation
from models.form import Form
from models.message import Direction, Message, Origin
from models.types import Json, new_id


@dataclass(frozen=True, slots=True)
class Known(Typed):
    """What the conversation said already, field by field: it stands in the form when it opens."""

    total: int = 0
    """What the order comes to, in minor units: delivery may be free above a sum."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What the customer sent. `phone` is E.164, None where the form did not ask for it."""

    name: str
    phone: str | None
    city: str
    line: str
    landmark: str
    note: str
    purpose: str
    """What `ask` was told it is about."""

    @property
    def address(self) -> str:
        """The line for the courier, with its landmark."""
        return ", ".join(filter(None, (self.line, self.landmark)))


def ask(
    conversation: Conversation,
    *,
    text: str,
    label: str,
    language: str,
    known: Known | None = None,
    purpose: str = "address",
    origin: Origin = Origin.AUTOMATION,
) -> Message | None:
    """The form is on its way; None where it cannot be: not published, or the window is closed.

    `label` is on the button that opens it (24 characters); `language` is fr, ar, en or darija;
    `purpose` comes back with what is filled in. Invalid as for any message that can be tapped.
    """
    form = _of(conversation)
    if form is None or not conversation.window_open:
        return None
    asked = new_id()
    parameters = {
        "flow_id": form.flow_id,
        "flow_token": tokens.write(conversation.id, asked, purpose),
        "flow_action": "data_exchange",
    }
    body = interactives.flow(text, label, parameters)
    message = messages.queue_interactive(conversation, body, client_id=asked, origin=origin)
    told: Json = {"language": language, "purpose": purpose, "known": asdict(known or Known())}
    message.payload = message.payload | {"form": told}
    return message


def available(conversation: Conversation) -> bool:
    """Whether customers of this number can be sent the form now."""
    return conversation.window_open and _of(conversation) is not None


def _of(conversation: Conversation) -> Form | None:
    wanted = select(Form).where(Form.channel_id == conversation.channel_id)
    form = db.session().scalars(wanted).one_or_none()
    return form if form is not None and form.usable else None


def read(message: Message) -> Filled | None:
    """What a message of the customer's says was filled in; None when it is no form of ours.

    The token must be of this very conversation; one that expired meanwhile still counts: what
    they filled in is an answer all the same.
    """
    said = _said(message)
    token = tokens.read(said.get("flow_token"))
    if token is None or token.conversation_id != message.conversation_id:
        return None
    typed = filling.typed(said)
    if not (typed.name and typed.city and typed.line):
        return None
    phone = read_phone(typed.phone, message.channel.country).e164 if typed.phone else None
    return Filled(
        name=typed.name,
        phone=phone,
        city=typed.city,
        line=typed.line,
        landmark=typed.landmark,
        note=typed.note,
        purpose=token.purpose,
    )


def _said(message: Message) -> Mapping[str, Any]:
    """The fields of a form that came in; {} for all that is none."""
    body: Any = message.payload.get("body")
    reply: Any = body.get("nfm_reply") if isinstance(body, dict) else None
    if message.direction is not Direction.IN or not isinstance(reply, dict):
        return {}
    try:
        said = json.loads(reply.get("response_json"))  # type: ignore[arg-type]  # or TypeError
    except (TypeError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
