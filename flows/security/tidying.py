"""What nobody needs any more: half sign-ins, keys never confirmed, sessions long over."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, or_

from models import db
from models.security import SECOND_STEP_IN, SET_UP_IN, HalfSignIn, Totp
from models.types import utcnow
from models.user import REMEMBERED, LoginSession

KEPT = timedelta(days=30)


def prune() -> None:
    """They are gone; sessions thirty days after their end."""
    now = utcnow()
    over = or_(
        LoginSession.ended_at < now - KEPT, LoginSession.created_at < now - REMEMBERED - KEPT
    )
    late = Totp.created_at < now - SET_UP_IN
    with db.house() as house:
        house.execute(delete(HalfSignIn).where(HalfSignIn.created_at < now - SECOND_STEP_IN))
        house.execute(delete(Totp).where(Totp.confirmed_at.is_(None), late))
        house.execute(delete(LoginSession).where(over))
