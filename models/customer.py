"""Customer, Phone, Address, WhatsAppIdentity: same person, same card."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row, many, one, ref
from models.search import words
from models.types import utcnow


class Customer(Row):
    """A card: one person, however many numbers, addresses and WhatsApp identities."""

    __tablename__ = "customers"
    __table_args__ = ()

    name: Mapped[str]
    email: Mapped[str | None]
    language: Mapped[str | None]
    note: Mapped[str | None]
    search_text: Mapped[str] = mapped_column(default="")
    marketing_at: Mapped[datetime | None]
    """Since when they have agreed to advertising; None: not, or no longer (see Consent)."""
    blocked_at: Mapped[datetime | None]
    blocked_reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    phones: Mapped[list[Phone]] = many(
        "Phone",
        back_populates="customer",
        cascade="all, delete-orphan",
        order_by="Phone.id",
    )
    addresses: Mapped[list[Address]] = many(
        "Address",
        back_populates="customer",
        cascade="all, delete-orphan",
        order_by="Address.id",
    )
    identities: Mapped[list[WhatsAppIdentity]] = many("WhatsAppIdentity", back_populates="customer")

    def rename(self, name: str) -> None:
        self.name = name
        self.search_text = " ".join(words(name))


class Phone(Row):
    """A number of a card. `e164` is None when what was typed is no number; `raw` keeps it."""

    __tablename__ = "phones"
    __table_args__ = (
        Index(None, "merchant_id", "e164"),
        # People remember how a number ends: search is a prefix search on the digits reversed.
        Index(
            "ix_phones_reversed",
            "merchant_id",
            "reversed_digits",
            postgresql_ops={"reversed_digits": "text_pattern_ops"},
        ),
        Index(None, "merchant_id", "customer_id"),
    )

    customer_id: Mapped[UUID] = ref("customers", ondelete="CASCADE")
    e164: Mapped[str | None]
    raw: Mapped[str]
    reversed_digits: Mapped[str]

    customer: Mapped[Customer] = one("Customer", back_populates="phones")


class Address(Row):
    """Where a card's parcels go; an order keeps its own copy."""

    __tablename__ = "addresses"
    __table_args__ = (Index(None, "merchant_id", "customer_id"),)

    customer_id: Mapped[UUID] = ref("customers", ondelete="CASCADE")
    line: Mapped[str]
    city: Mapped[str]
    used_at: Mapped[datetime] = mapped_column(default=utcnow)
    """The last used comes first."""

    customer: Mapped[Customer] = one("Customer", back_populates="addresses")


class WhatsAppIdentity(Row):
    """Somebody as WhatsApp knows them: a business-scoped user id, a phone, a username, any of them.

    Resolved by user_id, then wa_id; a payload that carries both joins two identities into one.
    """

    __tablename__ = "whatsapp_identities"
    __table_args__ = (
        Index("uq_identities_user_id", "merchant_id", "user_id", unique=True),
        Index("uq_identities_wa_id", "merchant_id", "wa_id", unique=True),
        Index(None, "merchant_id", "customer_id"),
        Index(
            "ix_identities_reversed",
            "merchant_id",
            "reversed_digits",
            postgresql_ops={"reversed_digits": "text_pattern_ops"},
        ),
    )

    user_id: Mapped[str | None]
    wa_id: Mapped[str | None]
    username: Mapped[str | None]
    profile_name: Mapped[str] = mapped_column(default="")
    phone: Mapped[str | None]
    """E.164, read from wa_id; None while WhatsApp keeps the number to itself."""
    reversed_digits: Mapped[str] = mapped_column(default="")
    opted_out_at: Mapped[datetime | None]
    """Since when they want no advertising on this account: they wrote STOP, or Meta told us."""
    customer_id: Mapped[UUID | None] = ref("customers", nullable=True, ondelete="SET NULL")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    customer: Mapped[Customer | None] = one("Customer", back_populates="identities")

    @property
    def name(self) -> str:
        """What to call them: the card's name, else the profile's, the username, the number."""
        if self.customer is not None:
            return self.customer.name
        return self.profile_name or self.username or self.phone or self.user_id or "?"


class Consent(Row):
    """Who agreed to advertising or took it back: when, from where, in which words. Append-only."""

    __tablename__ = "consents"
    __table_args__ = (
        Index(None, "merchant_id", "customer_id", "at"),
        Index(None, "merchant_id", "identity_id", "at"),
    )

    customer_id: Mapped[UUID | None] = ref("customers", nullable=True, ondelete="CASCADE")
    identity_id: Mapped[UUID | None] = ref("whatsapp_identities", nullable=True, ondelete="CASCADE")
    given: Mapped[bool]
    source: Mapped[str]
    """whatsapp (they wrote it), meta, order, import, person."""
    wording: Mapped[str] = mapped_column(default="")
    """What they wrote, or the sentence that was agreed to."""
    by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    at: Mapped[datetime] = mapped_column(default=utcnow)
