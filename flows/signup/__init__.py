"""A merchant moves in: its account, its owner, its pipeline; what is still to be done.

checklist: the first steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError

from config import settings
from flows import audit, emails, passwords, plans, presets, team
from flows.countries import COUNTRIES, CURRENCIES, TIME_ZONES
from flows.errors import N_, Invalid, Refused
from flows.security import guesses
from models import db
from models.merchant import Merchant
from models.pipeline import Pipeline
from models.user import Membership, Role, User

__all__ = ["LANGUAGES", "Form", "SignedUp", "sign_up"]

LANGUAGES = ("fr", "ar", "en")
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Form:
    """A merchant as its owner types it; `currency`, `time_zone`: "" is the country's.

    `plan` is nobody's to type: "" is what the install gives to newcomers.
    """

    merchant: str
    name: str
    email: str
    password: str = field(repr=False)
    country: str
    currency: str = ""
    time_zone: str = ""
    language: str = "fr"
    preset: str = "cod"
    plan: str = ""


@dataclass(frozen=True, slots=True)
class SignedUp:
    """Whose account it is now. `again`: the same form had been sent before."""

    merchant_id: UUID
    user_id: UUID
    again: bool


def sign_up(form: Form, *, myself: bool = True) -> SignedUp:
    """The merchant can start: its owner can sign in, its pipeline and a first warehouse are there.

    `myself`: the owner asks for it; else whoever runs the install does.

    The same form twice is one merchant; a first time that broke off is completed. Invalid names
    each field that cannot be right, an address somebody else uses included.
    """
    if wrong := dict(_wrong(form)):
        raise Invalid(wrong)
    email = emails.address(form.email)
    found = _already(form, email) or _open(form, email, myself=myself) or _already(form, email)
    if found is None:
        taken = N_("Somebody already uses this e-mail address. Sign in instead.")
        raise Invalid({"email": Refused("email_taken", taken)})
    _fit_out(found.merchant_id, form)
    return found


# --- the form -------------------------------------------------------------------------------------


def _wrong(form: Form) -> Iterator[tuple[str, Refused]]:
    for place, text in (("merchant", form.merchant), ("name", form.name)):
        if not 1 <= len(text.strip()) <= LONGEST_NAME:
            sentence = N_("A name of 1 to {limit} characters.")
            yield place, Refused("name", sentence, limit=LONGEST_NAME)
    for place, check, text in (
        ("email", emails.address, form.email),
        ("password", passwords.check, form.password),
    ):
        try:
            check(text)
        except Refused as refusal:
            yield place, refusal
    known = (
        ("country", form.country, tuple(COUNTRIES)),
        ("currency", form.currency, ("", *CURRENCIES)),
        ("time_zone", form.time_zone, ("", *TIME_ZONES)),
        ("language", form.language, LANGUAGES),
        ("preset", form.preset, tuple(presets.PRESETS)),
        ("plan", form.plan, ("", *plans.PLANS)),
    )
    for place, chosen, choices in known:
        if chosen not in choices:
            yield place, Refused("choose", N_("Choose one of the list."))


# --- its rows -------------------------------------------------------------------------------------


def _already(form: Form, email: str) -> SignedUp | None:
    """The merchant this very form made before: same address, same password, same name."""
    mine = (
        select(User, Membership.merchant_id)
        .join(Membership, Membership.user_id == User.id)
        .join(Merchant, Merchant.id == Membership.merchant_id)
        .where(func.lower(User.email) == email.lower(), User.disabled_at.is_(None))
        .where(Membership.role == Role.OWNER, Membership.disabled_at.is_(None))
        .where(Merchant.name == form.merchant.strip())
    )
    with db.house() as house:
        found = house.execute(mine.limit(1)).one_or_none()
    if found is None:
        return None
    # This too is a guess at somebody's password.
    guesses.count_for(found[0].id)
    if not passwords.matches(found[0].password_hash, form.password):
        return None
    return SignedUp(found[1], found[0].id, again=True)


def _open(form: Form, email: str, *, myself: bool) -> SignedUp | None:
    """Merchant, user and membership, or none of them: None when the address is somebody's."""
    currency, zone = COUNTRIES[form.country]
    password_hash = passwords.hashed(form.password)
    try:
        with db.house() as house:
            user = User(
                email=email,
                name=form.name.strip(),
                password_hash=password_hash,
                language=form.language,
            )
            merchant = Merchant(
                name=form.merchant.strip(),
                country=form.country,
                currency=form.currency or currency,
                time_zone=form.time_zone or zone,
                language=form.language,
                plan=form.plan or settings().plan,
            )
            house.add_all([user, merchant])
            house.flush()  # the membership points at both
            house.add(
                Membership(
                    merchant_id=merchant.id, user_id=user.id, name=user.name, role=Role.OWNER
                )
            )
            house.flush()  # the audit names who it is
            after = {"country": merchant.country, "currency": merchant.currency}
            after |= {"time_zone": merchant.time_zone, "plan": merchant.plan, "email": email}
            audit.note_of(house, user.id, "team.founded", after=after, myself=myself)
            return SignedUp(merchant.id, user.id, again=False)
    except IntegrityError:
        return None


def _fit_out(merchant_id: UUID, form: Form) -> None:
    """Its pipeline and warehouse, unless they are there: a second click waits for the first."""
    with db.merchant(merchant_id) as session:
        merchant = session.get_one(Merchant, merchant_id, with_for_update={"key_share": True})
        if session.scalar(select(exists().where(Pipeline.merchant_id == merchant_id))):
            return
        team.fit_out(merchant, form.preset, form.language)
