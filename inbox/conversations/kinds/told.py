"""What WhatsApp and Meta say about a message: notices, complaints, where somebody came from."""

from __future__ import annotations

from dataclasses import dataclass

from inbox.conversations.kinds import bodies
from inbox.conversations.kinds.names import UNSUPPORTED, label
from inbox.languages import N_, gettext
from models.message import Message
from models.types import Json


def unsupported(message: Message) -> tuple[str, list[str]]:
    """What it is, as far as Meta tells, and what Meta says of it."""
    said = bodies.text(bodies.body(message).get("type")) or message.kind
    known = UNSUPPORTED.get(said)
    return gettext(known) if known else label("unsupported"), complaints(message)


def notice(message: Message) -> str:
    """What WhatsApp itself says in the conversation; Meta's own words where we have none."""
    body = bodies.body(message)
    said = bodies.text(body.get("type"))
    number = bodies.text(body.get("wa_id")) or bodies.text(body.get("new_wa_id"))
    if said in ("user_changed_number", "customer_changed_number") and number:
        changed = N_("The customer's number is now %(number)s.")
        return gettext(changed, number=f"\u2066+{number.lstrip('+')}\u2069")
    known = NOTICES.get(said)
    return gettext(known) if known else message.text or label(message.kind)


NOTICES = {
    "user_changed_user_id": N_("WhatsApp gave the customer a new identity: they are the same."),
    "customer_identity_changed": N_("The customer has WhatsApp on a new device."),
}


def complaints(message: Message) -> list[str]:
    """What Meta says of a message it does not hand over, in Meta's words."""
    errors = message.payload.get("errors")
    found = [_complaint(error) for error in errors or () if isinstance(error, dict)]
    return [text for text in found if text]


def _complaint(error: Json) -> str:
    said = [error.get("title"), bodies.part(error, "error_data").get("details")]
    code = bodies.text(error.get("code"))
    text = ": ".join(dict.fromkeys(filter(None, map(bodies.text, said))))
    return f"{text} ({code})" if text and code else text or code


@dataclass(frozen=True, slots=True)
class Advertisement:
    """Where somebody came from: an advertisement, or a post."""

    headline: str
    body: str
    url: str
    post: bool
    film: bool


def advertisement(message: Message) -> Advertisement | None:
    referral = message.payload.get("referral")
    if not isinstance(referral, dict):
        return None
    return Advertisement(
        headline=bodies.text(referral.get("headline")),
        body=bodies.text(referral.get("body")),
        url=bodies.text(referral.get("source_url")),
        post=bodies.text(referral.get("source_type")) == "post",
        film=bodies.text(referral.get("media_type")) == "video",
    )


def product(message: Message) -> str:
    """The reference of the catalogue product a message asks about."""
    return bodies.text(bodies.part(message.payload, "product").get("product_retailer_id"))
