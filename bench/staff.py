"""People of a bench's shops: hired, signed in, and what they type."""

from __future__ import annotations

import hashlib
import random
import secrets
from uuid import UUID, uuid4

from models import db
from models.user import LoginSession, Membership, Role, User


def hired(merchant_id: UUID, name: str, role: Role = Role.MANAGER) -> Membership:
    """Somebody of the team, whom no password lets in."""
    user = User(email=f"{name}@bench.example", name=name, password_hash="-")  # noqa: S106
    with db.house() as house:
        house.add(user)
    with db.merchant(merchant_id) as session:
        member = Membership(user_id=user.id, name=name, role=role)
        session.add(member)
    return member


def signed_in(who: Membership, *, remember: bool = False) -> str:
    """The cookie "wasl" that opens the pages to them, for thirty days if remembered."""
    token = secrets.token_urlsafe(32)
    with db.house() as house:
        house.add(
            LoginSession(
                id=hashlib.sha256(token.encode()).digest(),
                user_id=who.user_id,
                merchant_id=who.merchant_id,
                remember=remember,
            )
        )
    return token


def order(chance: random.Random, product: UUID, variant: UUID) -> dict[str, str]:
    """The form of an order out of a conversation, as somebody fills it."""
    return {
        "client_id": str(uuid4()),
        "name": f"Khadija Essai {chance.randrange(10**6)}",
        "phone": f"07{chance.randrange(10**8):08}",
        "address": "7 rue des Fleurs",
        "city": "Rabat",
        "lines[0].product_id": str(product),
        "lines[0].variant_id": str(variant),
        "lines[0].quantity": "1",
        "payment_method": "cod",
        "payment_status": "pending",
    }
