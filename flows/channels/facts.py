"""What Meta says of a number and its account, as plain facts; kept in `Channel.facts`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from models.channel import Channel
from models.types import Json

NEEDED = ("whatsapp_business_messaging", "whatsapp_business_management")
"""What a token must be allowed: to send, and to look after numbers and templates."""
LIMITS = {
    "TIER_50": 50,
    "TIER_250": 250,
    "TIER_1K": 1_000,
    "TIER_2K": 2_000,
    "TIER_10K": 10_000,
    "TIER_100K": 100_000,
    "TIER_UNLIMITED": None,
}
"""People one may write to first in 24 hours; None: as many as one likes."""
PER_SECOND, UPGRADED, BESIDE_A_PHONE = 80, 1_000, 20
"""Messages a number may send a second (Meta's page "Throughput")."""


@dataclass(frozen=True, slots=True)
class Facts:
    """None is what Meta did not tell: unknown, never "no"."""

    display: str | None = None
    status: str | None = None
    """CONNECTED, PENDING, FLAGGED, RESTRICTED, …"""
    quality: str | None = None
    """GREEN, YELLOW, RED"""
    limit: str | None = None
    """One of LIMITS."""
    throughput: str | None = None
    """STANDARD (80 messages a second), HIGH (1,000), NOT_APPLICABLE"""
    verified_name: str | None = None
    name_status: str | None = None
    """APPROVED, PENDING_REVIEW, DECLINED, …"""
    platform: str | None = None
    on_phone: bool | None = None
    """Whether it is used in the WhatsApp Business app as well (coexistence)."""
    account: str | None = None
    account_currency: str | None = None
    review: str | None = None
    """APPROVED, PENDING, REJECTED"""
    payment: bool | None = None
    subscribed: bool | None = None
    """Whether the account's webhooks come to the token's app."""
    missing: list[str] | None = None
    """Of NEEDED, what the token is not allowed; None when Meta did not say."""
    expires_at: int | None = None
    """Unix seconds; 0 is never."""
    photo: bool | None = None

    @property
    def per_second(self) -> int:
        """How many messages it may send a second."""
        if self.on_phone:
            return BESIDE_A_PHONE
        return UPGRADED if self.throughput == "HIGH" else PER_SECOND

    def mends(self, reason: str) -> bool:
        """Whether what was found speaks for going on after a pause for this reason.

        What Meta does not tell speaks for it too: the next message shows.
        """
        if reason == "payment":
            return self.payment is not False
        if reason == "account":
            return self.status in (None, "CONNECTED") and self.review in (None, "APPROVED")
        return True


def of(channel: Channel) -> Facts:
    known = {f.name for f in fields(Facts)}
    return Facts(**{key: value for key, value in channel.facts.items() if key in known})


def keep(channel: Channel, found: Facts) -> None:
    """What was found stands; what was not told this time stays as it was known."""
    told: Json = {key: value for key, value in asdict(found).items() if value is not None}
    channel.facts = channel.facts | told
    if found.display:
        channel.display_phone_number = found.display
    if found.account_currency:
        channel.currency = found.account_currency


def change(channel: Channel, told: Mapping[str, Any]) -> None:
    """A webhook's word, until the next look."""
    channel.facts = channel.facts | dict(told)
