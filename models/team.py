"""Team, CustomRole, Invitation, PasswordReset: who works together, and how people come in."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, Row, one, ref
from models.types import new_id, utcnow
from models.user import Membership, Role

INVITED_FOR = timedelta(days=7)
RESET_WITHIN = timedelta(hours=1)


class Team(Row):
    """Colleagues who share languages and cities: an order of Fès is the team of Fès's (R16)."""

    __tablename__ = "teams"
    __table_args__ = (UniqueConstraint("merchant_id", "name"),)

    name: Mapped[str]
    languages: Mapped[list[str]] = mapped_column(default=list)
    cities: Mapped[list[str]] = mapped_column(default=list)
    """As people typed them; compared folded."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class TeamMember(Row):
    """One person in one team; nobody is in the same team twice."""

    __tablename__ = "team_members"
    __table_args__ = (
        UniqueConstraint("merchant_id", "team_id", "member_id"),
        Index(None, "merchant_id", "member_id"),
    )

    team_id: Mapped[UUID] = ref("teams", ondelete="CASCADE")
    member_id: Mapped[UUID] = ref("memberships", ondelete="CASCADE")


class CustomRole(Row):
    """A role with the merchant's own name and any set of permissions."""

    __tablename__ = "custom_roles"
    __table_args__ = (UniqueConstraint("merchant_id", "name"),)

    name: Mapped[str]
    permissions: Mapped[list[str]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class Invitation(Row):
    """A place kept for somebody, opened once by a link, until it expires or is withdrawn."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index("uq_invitations_token", "token_hash", unique=True),
        # One open invitation for an address; the next one is the same, sent again.
        Index(
            "uq_invitations_open",
            "merchant_id",
            text("lower(email)"),
            unique=True,
            postgresql_where=text("accepted_at IS NULL AND withdrawn_at IS NULL"),
        ),
    )

    email: Mapped[str]
    role: Mapped[Role]
    custom_role_id: Mapped[UUID | None] = ref("custom_roles", nullable=True)
    token_hash: Mapped[bytes]
    """SHA-256 of the link's token: the link is shown when it is made, and never again."""
    by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(default=lambda: utcnow() + INVITED_FOR)
    accepted_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]

    by: Mapped[Membership | None] = one("Membership", via="by_id")
    custom_role: Mapped[CustomRole | None] = one("CustomRole")

    def open(self, now: datetime) -> bool:
        return self.accepted_at is None and self.withdrawn_at is None and now < self.expires_at


class PasswordReset(Base):
    """A link that sets a new password, once and within the hour."""

    __tablename__ = "password_resets"
    __table_args__ = (
        Index("uq_password_resets_token", "token_hash", unique=True),
        Index(None, "user_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes]
    made_by: Mapped[UUID | None]
    """The user who made it for somebody else; None: asked for by mail."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(default=lambda: utcnow() + RESET_WITHIN)
    used_at: Mapped[datetime | None]

    def open(self, now: datetime) -> bool:
        return self.used_at is None and now < self.expires_at
