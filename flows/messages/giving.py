"""Places, contact cards, reactions, and what is passed on to another conversation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from flows.errors import N_, Invalid, Refused
from flows.messages import limits
from flows.messages.queueing import SERVICE, queue, queue_media, queue_text, window_must_be_open
from models import db
from models.conversation import Conversation
from models.message import Media, Message, Origin
from models.types import Json, clean
from models.user import Membership

# A picture of emoji and what joins or colours it; flags are two letters, keycaps a digit and more.
_EMOJI = re.compile(
    r"(?:[\u203c-\u3299\U0001f000-\U0001faff]|[0-9#*]\ufe0f?\u20e3)"
    r"[\ufe0f\u200d\u20e3\U0001f000-\U0001faff\U000e0020-\U000e007f\u2640-\u27bf]*"
)
_PAIR = re.compile(r"(-?\d{1,3}(?:[.,]\d+)?)\s*[,،;/ ]\s*(-?\d{1,3}(?:[.,]\d+)?)")
_IN_A_LINK = (
    re.compile(r"!3d(-?\d+\.?\d*)!4d(-?\d+\.?\d*)"),
    re.compile(
        r"[?&](?:q|ll|query|center|destination|daddr)=(?:loc:)?(-?\d+\.?\d*),\+?(-?\d+\.?\d*)"
    ),
    re.compile(r"[@/](-?\d+\.\d+),\+?(-?\d+\.\d+)"),
    re.compile(r"[?&]mlat=(-?\d+\.?\d*)&mlon=(-?\d+\.?\d*)"),
    re.compile(r"#map=\d+/(-?\d+\.?\d*)/(-?\d+\.?\d*)"),
)
PASSED_ON = ("text", "image", "video", "audio", "document", "sticker", "location", "contacts")


# --- places ---------------------------------------------------------------------------------------


def queue_location(
    conversation: Conversation,
    latitude: float,
    longitude: float,
    *,
    name: str = "",
    address: str = "",
    by: Membership | None = None,
    client_id: UUID | None = None,
    reply_to: str | None = None,
    origin: Origin = Origin.AGENT,
) -> Message:
    """A pin on the map, in degrees."""
    wrong = [] if _on_earth(latitude, longitude) else [limits.no("place", "number")]
    wrong += limits.sized("name", name, 1000, needed=False)
    wrong += limits.sized("address", address, 1000, needed=False)
    limits.refuse(wrong)
    window_must_be_open(conversation)
    named = {"name": clean(name).strip(), "address": clean(address).strip()}
    place = {"latitude": latitude, "longitude": longitude}
    return queue(
        conversation,
        kind="location",
        text=named["name"] or named["address"],
        payload={"body": place | {key: value for key, value in named.items() if value}},
        category=SERVICE,
        client_id=client_id,
        reply_to_wamid=reply_to,
        sender_id=by.id if by else None,
        origin=origin,
    )


def read_place(typed: str) -> tuple[float, float]:
    """Latitude and longitude out of coordinates or a link of a map; Invalid when there are none.

    A shortened link (maps.app.goo.gl) does not say where: nobody is asked to follow it.
    """
    text = typed.strip().replace("%2C", ",").replace("%2c", ",")
    patterns = _IN_A_LINK if "://" in text or text.startswith("geo:") else ()
    found = next((match for p in patterns if (match := p.search(text))), None)
    pair = found or _PAIR.fullmatch(text.removeprefix("geo:").partition("?")[0].strip("() "))
    if pair is not None:
        latitude, longitude = (float(number.replace(",", ".")) for number in pair.groups())
        if _on_earth(latitude, longitude):
            return latitude, longitude
    sentence = N_("Paste coordinates (33.5731, -7.5898) or a long link of a map.")
    raise Invalid({"place": Refused("place", sentence)})


def _on_earth(latitude: float, longitude: float) -> bool:
    return abs(latitude) <= 90 and abs(longitude) <= 180


# --- contact cards --------------------------------------------------------------------------------


def contact(name: str, phone: str, *, organisation: str = "", email: str = "") -> Json:
    """A card as Meta takes it; `phone` in E.164, which lets the customer tap and write to it."""
    card: Json = {
        "name": {"formatted_name": name, "first_name": name},
        "phones": [{"phone": phone, "type": "CELL", "wa_id": phone.lstrip("+")}],
    }
    card |= {"org": {"company": organisation}} if organisation else {}
    return card | ({"emails": [{"email": email}]} if email else {})


def queue_contacts(
    conversation: Conversation,
    contacts: Sequence[Json],
    *,
    by: Membership | None = None,
    client_id: UUID | None = None,
    reply_to: str | None = None,
    origin: Origin = Origin.AGENT,
) -> Message:
    """One or more cards; each needs a name, and one more part of the name than the whole."""
    names = [(card.get("name") or {}).get("formatted_name", "") for card in contacts]
    wrong = list(limits.counted("contacts", contacts, 257))
    for index, name in enumerate(names):
        wrong += limits.sized(f"contacts[{index}].name", name, 1000)
    limits.refuse(wrong)
    window_must_be_open(conversation)
    return queue(
        conversation,
        kind="contacts",
        text=", ".join(names),
        payload={"body": {"contacts": list(contacts)}},
        category=SERVICE,
        client_id=client_id,
        reply_to_wamid=reply_to,
        sender_id=by.id if by else None,
        origin=origin,
    )


# --- reactions ------------------------------------------------------------------------------------


def react(
    target: Message, emoji: str, *, by: Membership | None = None, client_id: UUID | None = None
) -> Message:
    """An emoji on a message of this conversation; "" takes it away. It answers nobody.

    Refused for a message that Meta has not named yet, and for a reaction.
    """
    if emoji and (len(emoji) > 16 or not _EMOJI.fullmatch(emoji)):
        raise Invalid({"emoji": Refused("emoji", limits.SENTENCES["emoji"])})
    if not target.wamid or target.kind == "reaction":
        raise Refused("no_target", N_("WhatsApp takes no reaction to this message."))
    window_must_be_open(target.conversation)
    return queue(
        target.conversation,
        quiet=True,
        kind="reaction",
        text=emoji,
        payload={"body": {"message_id": target.wamid, "emoji": emoji}},
        target_wamid=target.wamid,
        category=SERVICE,
        client_id=client_id,
        sender_id=by.id if by else None,
        origin=Origin.AGENT,
    )


# --- passing on -----------------------------------------------------------------------------------


def pass_on(
    message: Message, conversation: Conversation, *, by: Membership, client_id: UUID | None = None
) -> Message:
    """The same content for somebody else; what was tapped or ordered is passed on as its words.

    Refused for a file we do not have, for a message without words and for one that was taken back.
    """
    must_stand(message)
    given: dict[str, Any] = {"by": by, "client_id": client_id}
    body = message.payload.get("body")
    body = body if isinstance(body, Mapping) else {}
    if message.media_id is not None and message.kind in PASSED_ON:
        return _pass_file_on(message, conversation, given, voice=body.get("voice") is True)
    if message.kind == "location" and {"latitude", "longitude"} <= body.keys():
        given |= {name: str(body.get(name) or "") for name in ("name", "address")}
        latitude, longitude = float(body["latitude"]), float(body["longitude"])
        return queue_location(conversation, latitude, longitude, **given)
    if message.kind == "contacts" and body.get("contacts"):
        return queue_contacts(conversation, body["contacts"], **given)
    if message.kind in PASSED_ON[1:] or not message.text.strip():
        raise _not_here()
    return queue_text(conversation, message.text[: limits.TEXT], **given)


def _not_here() -> Refused:
    return Refused("not_here", N_("This message cannot be passed on: its content is not here."))


def must_stand(message: Message) -> None:
    """Refused when whoever wrote it deleted it for everybody: nothing of it is used any more."""
    if _taken_back(message):
        raise Refused("taken_back", N_("This message was deleted: it cannot be used any more."))


def _taken_back(message: Message) -> bool:
    revoke = select(Message.id).where(
        Message.channel_id == message.channel_id,
        Message.target_wamid == message.wamid,
        Message.kind == "revoke",
    )
    return bool(message.wamid) and db.session().scalar(revoke.limit(1)) is not None


def _pass_file_on(
    message: Message, conversation: Conversation, given: dict[str, Any], *, voice: bool
) -> Message:
    media = db.session().scalars(select(Media).where(Media.id == message.media_id)).one()
    if not media.here:
        raise _not_here()
    spoken = voice and media.mime_type == "audio/ogg"
    ours = message.direction == "out"
    caption = message.text if ours else str((message.payload.get("body") or {}).get("caption", ""))
    if message.kind in ("audio", "sticker"):
        caption = ""
    return queue_media(
        conversation, message.kind, media=media, caption=caption, voice=spoken, **given
    )
