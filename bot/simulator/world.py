"""What the simulated WhatsApp knows at one moment: accounts, people, templates, media, chats."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.simulator.catalogue import PRODUCTS

Json = dict[str, Any]

SCOPES = ("whatsapp_business_management", "whatsapp_business_messaging")
LADDER = {"accepted": 0, "sent": 1, "delivered": 2, "read": 3, "played": 4}
CUSTOMER_LADDER = {"waiting": 0, "sent": 1, "delivered": 2, "read": 3}


@dataclass
class Account:
    """A WhatsApp Business Account (Meta's new word: messaging account)."""

    id: str
    name: str
    country: str
    time_zone: str
    currency: str = "USD"
    subscribed: bool = True
    funded: bool = True
    """Whether Meta has a means of payment."""
    review: str = "APPROVED"
    scopes: list[str] = field(default_factory=lambda: [*SCOPES])
    """What its tokens may do."""
    revoked: list[str] = field(default_factory=list)
    """Tokens that no longer open anything."""


@dataclass
class Number:
    """A business phone number; `id` is Meta's phone_number_id."""

    id: str
    account: str
    display: str
    name: str
    quality: str = "GREEN"
    limit: str = "TIER_2K"
    throughput: str = "STANDARD"
    on_phone: bool = False
    """Whether it is used in the WhatsApp Business app as well."""
    status: str = "CONNECTED"
    name_status: str = "APPROVED"
    profile: Json = field(default_factory=dict)
    public_key: str | None = None
    """What is typed into its forms is encrypted for this one (PEM)."""

    @property
    def digits(self) -> str:
        return "".join(filter(str.isdigit, self.display))


@dataclass
class Customer:
    """A person with WhatsApp. Without a phone, businesses see only the user id and username."""

    id: str
    name: str
    language: str
    user_id: str
    home: str
    phone: str | None = None
    username: str | None = None
    online: bool = True
    stopped: list[str] = field(default_factory=list)
    """Accounts whose marketing messages this person refuses."""
    suggestions: list[str] = field(default_factory=list)
    shows_phone: bool = True
    """False after a username took its place: businesses see only the user id."""
    receipts: bool = True
    """Read receipts are sent."""
    arrivals: bool = True
    """Delivery receipts are sent; False: the business hears at best that it was read."""
    blocked: list[str] = field(default_factory=list)
    """Business numbers whose messages never arrive."""

    @property
    def wa_id(self) -> str | None:
        """The digits businesses are told, if they are told any."""
        return self.phone.lstrip("+") if self.phone and self.shows_phone else None

    def tells(self, status: str) -> bool:
        """Whether businesses hear that a message got this far."""
        return {"delivered": self.arrivals, "sent": True}.get(status, self.receipts)

    def reachable(self, number: str) -> bool:
        return self.online and number not in self.blocked


@dataclass
class Template:
    id: str
    account: str
    name: str
    language: str
    category: str
    status: str
    components: list[Json]
    parameter_format: str = "POSITIONAL"
    rejected_reason: str = "NONE"
    quality: str = "GREEN"
    correct_category: str | None = None
    """What Meta has announced it will charge it as."""
    submitted_at: float | None = None
    """When a business asked for the review that is due; None once it is done."""
    edited_at: list[float] = field(default_factory=list)
    """When a business changed it while it was approved."""
    category_due: float | None = None
    """When the announced category becomes the category."""
    pauses: int = 0
    paused_until: float | None = None


@dataclass
class Flow:
    """A form of WhatsApp Flows."""

    id: str
    account: str
    name: str
    categories: list[str]
    status: str = "DRAFT"
    endpoint: str | None = None
    screens: Json | None = None
    """Its Flow JSON."""
    errors: list[Json] = field(default_factory=list)
    """What is wrong with that."""


@dataclass
class Media:
    id: str
    mime_type: str
    sha256: str
    file_size: int
    filename: str
    number: str | None = None
    """The number a business uploaded it for; None when a customer's phone did."""


@dataclass
class Bubble:
    """One message of a chat, whoever wrote it."""

    wamid: str
    number: str
    customer: str | None
    from_customer: bool
    type: str
    content: Any
    at: float
    status: str
    quoted: str | None = None
    recipient: str = ""
    category: str = "service"
    callback: str | None = None
    shown: Json = field(default_factory=dict)
    """What the phone draws: header, body, footer, choices."""
    tapped: list[int] = field(default_factory=list)
    reactions: dict[str, str] = field(default_factory=dict)
    reached: dict[str, float] = field(default_factory=dict)
    pricing: Json | None = None
    error: Json | None = None
    edited: bool = False
    revoked: bool = False
    forwarded: bool = False
    held_until: float | None = None
    """When Meta's judgement on its quality is due, if it waits for one."""
    echo: bool = False
    """The merchant wrote it on the phone app."""


@dataclass
class Chat:
    number: str
    customer: str
    wamids: list[str] = field(default_factory=list)
    written_at: float | None = None
    """When the customer last wrote: opens the 24-hour customer service window."""
    ad_at: float | None = None
    """When the customer came through an ad and nobody has answered yet."""
    free_until: float | None = None
    conversations: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Before 2025-07: the open conversation of a category and when it ends."""
    typing_until: float = 0.0


class World:
    """The state. Only `changes.apply` changes it, so that a replayed ledger gives the same."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.numbers: dict[str, Number] = {}
        self.customers: dict[str, Customer] = {}
        self.templates: dict[str, Template] = {}
        self.deleted_at: dict[tuple[str, str, str], float] = {}
        """(account, name, language) → when: Meta blocks the name for 30 days."""
        self.created_at: dict[str, list[float]] = {}
        """Account → when it made templates: Meta takes 100 an hour."""
        self.samples: dict[str, str] = {}
        """Handle of an uploaded sample → its media type."""
        self.media: dict[str, Media] = {}
        self.flows: dict[str, Flow] = {}
        self.bubbles: dict[str, Bubble] = {}
        self.chats: dict[tuple[str, str], Chat] = {}
        self.products: dict[str, list[Json]] = {}
        """Account → its catalogue, where it is not the demo's."""
        self.services_delivered: Counter[tuple[str, str]] = Counter()

    def account_of(self, number_id: str) -> Account:
        return self.accounts[self.numbers[number_id].account]

    def chat(self, number: str, customer: str) -> Chat:
        return self.chats.setdefault((number, customer), Chat(number, customer))

    def products_of(self, account: str) -> list[Json]:
        """The catalogue: {id, name, price, currency} each, prices in whole units."""
        return self.products.get(account, PRODUCTS.get(account, []))

    def local(self, account: Account, at: float) -> datetime:
        """The instant on the account's own calendar, which decides dates and months of pricing."""
        return datetime.fromtimestamp(at, ZoneInfo(account.time_zone))

    def user_id(self, customer: Customer, account: str) -> str:
        """The business-scoped id: the same person is somebody else for every other business."""
        if customer.home in self.numbers and self.numbers[customer.home].account == account:
            return customer.user_id
        digest = hashlib.sha256(f"{customer.user_id} {account}".encode()).digest()
        country = customer.user_id.partition(".")[0]
        return f"{country}.{int.from_bytes(digest[:8]):020d}"

    def somebody(self, who: str) -> Customer | None:
        """The customer with this id, phone (any spelling with all its digits) or home user id."""
        digits = "".join(filter(str.isdigit, who))
        for customer in list(self.customers.values()):
            if who in (customer.id, customer.user_id, customer.username):
                return customer
            if digits and (customer.phone or "").lstrip("+") == digits and "." not in who:
                return customer
        return None

    def with_user_id(self, user_id: str, account: str) -> Customer | None:
        people = list(self.customers.values())
        return next((c for c in people if self.user_id(c, account) == user_id), None)

    def template(self, account: str, name: str, language: str) -> Template | None:
        for template in list(self.templates.values()):
            if (template.account, template.name, template.language) == (account, name, language):
                return template
        return None
