"""User, Membership, Role and its permissions, LoginSession."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, Row, ref
from models.types import new_id, utcnow

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=14)
REMEMBERED = timedelta(days=30)


class Role(enum.StrEnum):
    OWNER = "owner"
    MANAGER = "manager"
    AGENT = "confirmation_agent"
    COURIER = "delivery_agent"
    VIEWER = "viewer"
    CUSTOM = "custom"
    """What its CustomRole says, copied into each member's `grants`."""


class User(Base):
    """A person who can sign in; what they may do is their Membership's affair."""

    __tablename__ = "users"
    __table_args__ = (Index("uq_users_email", text("lower(email)"), unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str]
    language: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    disabled_at: Mapped[datetime | None]
    failed_sign_ins: Mapped[list[datetime]] = mapped_column(default=list)
    """Wrong passwords of the last quarter of an hour, to slow guessing down."""


class Membership(Row):
    """A person's place in one merchant's team; assignee, actor and agent point here."""

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("merchant_id", "user_id"),
        Index(None, "user_id"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str]
    role: Mapped[Role]
    custom_role_id: Mapped[UUID | None] = ref("custom_roles", nullable=True)
    grants: Mapped[list[str]] = mapped_column(default=list)
    """The permissions of a custom role: a copy, so that no request has to look them up."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    disabled_at: Mapped[datetime | None]

    @property
    def active(self) -> bool:
        return self.disabled_at is None


class LoginSession(Base):
    """One browser signed in, until it is ended, idle too long or too old."""

    __tablename__ = "login_sessions"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[bytes] = mapped_column(primary_key=True)
    """SHA-256 of the cookie's token: the database alone opens no door."""
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey("merchants.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    last_seen_at: Mapped[datetime] = mapped_column(default=utcnow)
    remember: Mapped[bool] = mapped_column(default=False)
    ended_at: Mapped[datetime | None]
    user_agent: Mapped[str] = mapped_column(default="")
    ip: Mapped[str] = mapped_column(default="")

    def alive(self, now: datetime) -> bool:
        if self.ended_at is not None:
            return False
        if self.remember:
            return now < self.created_at + REMEMBERED
        return now < min(self.last_seen_at + IDLE, self.created_at + LONGEST)
