"""What Meta tells us, as plain facts: bot/reader makes them, flows act on them. No logic here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A WhatsApp user as one payload names them; each part may be missing, "" never appears."""

    wa_id: str | None = None  # digits as Meta writes them, without "+": not always E.164
    user_id: str | None = None  # business-scoped user id (BSUID), e.g. "MA.13491208655302741918"
    parent_user_id: str | None = None
    username: str | None = None
    profile_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event carries: whose it is, and the webhook field it came in ("" if unnamed)."""

    phone_number_id: str | None
    waba_id: str | None
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(Event):
    """A message of either side. Unique by (channel, wamid)."""

    wamid: str
    at: datetime | None  # Meta's time, aware UTC
    kind: str  # Meta's type ("text", "image", "button"...), "unknown" if it names none
    text: str  # what a person reads of it in a list, as written; "" if nothing
    payload: Json  # the typed body as sent; a body that is a list stands under its kind
    button_payload: str | None = None  # of a tapped button or a chosen list row
    button_text: str | None = None
    context_wamid: str | None = None  # the message it answers
    target_wamid: str | None = None  # the message it reacts to, edits or takes back
    forwarded: bool = False
    often_forwarded: bool = False
    errors: tuple[Json, ...] = ()  # Meta's own: {code, title, message?, error_data?, href?}
    group_id: str | None = None
    extra: Json = field(default_factory=dict)  # every other key of the message, as sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound(Written):
    """A customer wrote, tapped, reacted, edited or took back (field "messages" or "standby")."""

    sender: Person
    referral: Json | None = None  # the advertisement or post they came from
    product: Json | None = None  # {catalog_id, product_retailer_id} they ask about
    # Of kind "system": the sender is who they were, this is who they are from now on.
    became: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo(Written):
    """A message of the phone app: written just now by the merchant, or brought by history."""

    person: Person  # the customer, whoever of the two wrote
    outgoing: bool  # written by the merchant
    historic: bool  # brought by history: may be 180 days old, and a media placeholder
    # Of history, lowercase: sent, delivered, read, played, error, pending.
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Event):
    """How far a message of ours came. Unique by (wamid, status, participant or recipient)."""

    wamid: str
    status: str  # lowercase: sent, delivered, read, played, failed, or one we do not know yet
    at: datetime | None
    recipient: Person  # nobody when the message went to a group
    callback: str | None = None  # our own biz_opaque_callback_data
    pricing: Json | None = None
    conversation: Json | None = None
    errors: tuple[Json, ...] = ()
    recipient_type: str | None = None  # "group", else None
    group_id: str | None = None
    participant: Person | None = None  # who in the group
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class News(Event):
    """Anything but a message or a status. Unique by key."""

    key: str  # SHA-256 in hex over field, account, number, entry time and the canonical payload
    at: datetime | None
    payload: Json  # the change's value, or the item of its list, as sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference(News):
    """A customer wants marketing messages, or no more of them."""

    person: Person
    category: str  # "marketing_messages"
    value: str  # "stop", "resume", "signup"
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateNews(News):
    """Meta changed a template. What this webhook does not tell is None: leave it as it was."""

    template_id: str | None
    name: str | None
    language: str | None  # with an underscore, whatever Meta wrote: "en_US"
    status: str | None = None  # APPROVED, REJECTED, PAUSED, DISABLED...
    reason: str | None = None  # why, in Meta's word or words; None for "NONE"
    category: str | None = None  # today's
    coming_category: str | None = None  # announced, from category_at on
    category_at: datetime | None = None
    quality: str | None = None  # GREEN, YELLOW, RED, UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNews(News):
    """Meta changed or warns about the account or one of its numbers."""

    event: str  # Meta's word: ACCOUNT_RESTRICTION, FLAGGED, APPROVED...; else the field's name
    display_phone_number: str | None = None  # the number it is about, when it is about one


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(News):
    """A call rings, is answered or ends; one that a customer makes opens the 24-hour window."""

    call_id: str
    event: str  # connect, terminate, RINGING, ACCEPTED, REJECTED
    person: Person
    direction: str | None = None  # USER_INITIATED, BUSINESS_INITIATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(News):
    """Meta reports an error about the number itself, not about one message."""

    code: int | None
    title: str
    details: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(News):
    """A field, a shape or a piece we cannot read yet: kept as sent, shown, never dropped."""

    reason: str
