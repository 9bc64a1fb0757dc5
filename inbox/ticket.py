"""The live stream's cookie: signed, short-lived, sent to /live only; made here, read there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from itsdangerous import BadSignature, TimestampSigner
from werkzeug.wrappers import Response

from config import settings

COOKIE = "wasl_live"
PATH = "/live"
LIFE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Ticket:
    merchant_id: UUID
    member_id: UUID
    seconds_left: float
    narrow: bool = False
    """Sees only their own orders: is told that something changed, never which."""
    signed_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def give_cookie(
    response: Response, merchant_id: UUID, member_id: UUID, *, narrow: bool = False
) -> None:
    response.set_cookie(
        COOKIE,
        _signer().sign(f"{merchant_id}.{member_id}.{'narrow' if narrow else 'all'}").decode(),
        max_age=LIFE,
        path=PATH,
        secure=settings().https,
        httponly=True,
        samesite="Lax",
    )


def take_cookie(response: Response) -> None:
    response.delete_cookie(COOKIE, path=PATH)


def read(value: str) -> Ticket | None:
    """Whose ticket this is, None when it is forged or too old."""
    try:
        content, signed_at = _signer().unsign(value, max_age=LIFE.seconds, return_timestamp=True)
    except BadSignature:
        return None
    merchant_id, member_id, *breadth = content.decode().split(".")
    left = LIFE.seconds - (datetime.now(UTC) - signed_at).total_seconds()
    return Ticket(UUID(merchant_id), UUID(member_id), left, breadth != ["all"], signed_at)


def _signer() -> TimestampSigner:
    return TimestampSigner(settings().secret_key, salt="live ticket")
