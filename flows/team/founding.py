"""A merchant that can start, and its first people."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select

from flows import audit, emails, passwords, plans, presets
from flows.countries import COUNTRIES
from flows.errors import N_, Refused
from models import db
from models.merchant import Merchant
from models.stock import Warehouse
from models.user import Membership, Role, User

_WAREHOUSE = {"fr": "Entrepôt", "ar": "المستودع", "en": "Warehouse"}


def add_merchant(
    *, name: str, country: str, language: str = "fr", plan: str = plans.SMALLEST
) -> UUID:
    """A merchant that can start: its COD pipeline and a first warehouse are there."""
    plans.find(plan)
    country = country.upper()
    if country not in COUNTRIES:
        raise Refused(
            "country",
            N_("Unknown country: {country}. Known are {known}."),
            country=country,
            known=", ".join(COUNTRIES),
        )
    currency, time_zone = COUNTRIES[country]
    merchant = Merchant(
        name=name,
        country=country,
        currency=currency,
        language=language,
        time_zone=time_zone,
        plan=plan,
    )
    with db.house() as house:
        house.add(merchant)
        house.flush()  # the audit belongs to it
        audit.note_at(house, merchant.id, "team.founded", on=name, after={"plan": plan})
    with db.merchant(merchant.id):
        fit_out(merchant, "cod", language)
    return merchant.id


def fit_out(merchant: Merchant, preset: str, language: str) -> None:
    """Its pipeline and a first warehouse, called by their names in this language."""
    presets.apply(merchant, preset, language)
    db.session().add(Warehouse(name=_WAREHOUSE[language]))


def add_user(merchant_id: UUID, *, email: str, name: str, role: Role, password: str) -> Membership:
    """A person of this merchant's team, who can sign in with this password; or nothing happened.

    Refuses an unknown merchant, an address that is none or already somebody's, a poor password.
    """
    kept = emails.address(email)
    password_hash = passwords.hashed(password)
    with db.house() as house:
        if house.get(Merchant, merchant_id) is None:
            raise Refused("merchant", N_("There is no such merchant."))
        if house.scalar(select(User.id).where(func.lower(User.email) == kept.lower())):
            raise Refused("email_taken", N_("Somebody already uses this e-mail address."))
        user = User(email=kept, name=name, password_hash=password_hash)
        house.add(user)
        house.flush()  # the membership points at the user
        member = Membership(merchant_id=merchant_id, user_id=user.id, name=name, role=role)
        house.add(member)
        house.flush()
        audit.note_in(house, member, "team.added", after={"role": role, "email": kept})
    return member
