"""What guards an account besides its password: Totp, RecoveryCode, HalfSignIn, SecondStepRule."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, Row, ref
from models.sealed import seal, unseal
from models.types import new_id, utcnow

SET_UP_IN = timedelta(minutes=15)
"""How long a key that no code has confirmed yet may be looked at."""
SECOND_STEP_IN = timedelta(minutes=10)


class Totp(Base):
    """The key in a person's authenticator (RFC 6238); it asks nothing until a code confirmed it."""

    __tablename__ = "totps"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    sealed_secret: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int | None]
    """The half minute of the last code that was taken: a code opens once, an older one never."""

    @property
    def secret(self) -> str:
        return unseal(
            self.sealed_secret, merchant_id=None, place="totps.secret", row_id=self.user_id
        )

    @secret.setter
    def secret(self, secret: str) -> None:
        """Needs `user_id` set: the secret is bound to the row it is kept in."""
        self.sealed_secret = seal(
            secret, merchant_id=None, place="totps.secret", row_id=self.user_id
        )

    def open_for_set_up(self, now: datetime) -> bool:
        return self.confirmed_at is None and now < self.created_at + SET_UP_IN


class RecoveryCode(Base):
    """One of ten ways in without the authenticator; each opens once."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "digest"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    digest: Mapped[bytes]
    """SHA-256 with the user's id; eighty random bits need no slower hash."""
    used_at: Mapped[datetime | None]


class HalfSignIn(Base):
    """A browser that knew the password and owes the second step. It opens nothing."""

    __tablename__ = "half_sign_ins"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[bytes] = mapped_column(primary_key=True)
    """SHA-256 of the cookie's token."""
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    remember: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    def alive(self, now: datetime) -> bool:
        return now < self.created_at + SECOND_STEP_IN


class SecondStepRule(Row):
    """Who has this role works with a second step or not at all; who said so, and when."""

    __tablename__ = "second_step_rules"
    __table_args__ = (UniqueConstraint("merchant_id", "role"),)

    role: Mapped[str]
    by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    at: Mapped[datetime] = mapped_column(default=utcnow)
