"""What was agreed to or taken back, and what it comes to now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

from flows import conversations
from flows.errors import N_, Invalid, Refused
from models import db
from models.conversation import Conversation
from models.customer import Consent, Customer, WhatsAppIdentity
from models.template import MessageTemplate
from models.types import clean, utcnow
from models.user import Membership

SOURCES: dict[str, str] = {
    "whatsapp": N_("Written on WhatsApp"),
    "meta": N_("Told by Meta"),
    "order": N_("With an order"),
    "import": N_("Imported"),
    "person": N_("Recorded by the team"),
}
LONGEST = 1000


def may_advertise(customer: Customer | None, identity: WhatsAppIdentity | None = None) -> bool:
    """Whether a marketing template may go to them: they agreed, and on no account said stop."""
    if customer is None or customer.marketing_at is None:
        return False
    return not any(who.opted_out_at for who in _people(customer, identity))


def check_may_send(
    template: MessageTemplate, customer: Customer | None, identity: WhatsAppIdentity
) -> None:
    """Raises Refused("no_consent") for a marketing template to somebody who has not agreed."""
    if template.category == "marketing" and not may_advertise(customer, identity):
        raise Refused("no_consent", N_("This customer has not agreed to advertising."))


def record(
    *,
    customer: Customer | None = None,
    identity: WhatsAppIdentity | None = None,
    given: bool,
    source: str,
    wording: str = "",
    by: Membership | None = None,
    at: datetime | None = None,
) -> Consent:
    """The ledger has one row more, the card and its WhatsApp accounts the fact, the thread a line.

    Who agrees may be advertised to on every account; who takes it back on none. `source` is one
    of SOURCES, `wording` what they wrote or agreed to. An agreement that was said (`at`) before
    the newest withdrawal is kept in the ledger and changes nothing. Raises Invalid when somebody
    of the team tells of an agreement without saying to what.
    """
    if source not in SOURCES or (customer is None and identity is None):
        raise ValueError("a known source, and somebody")
    if given and source == "person" and not wording.strip():
        raise Invalid({"wording": Refused("missing", N_("Say what they agreed to, and how."))})
    customer = customer or (identity.customer if identity else None)
    people = _people(customer, identity)
    db.session().flush()  # a card or an account made just now must be there before the ledger's row
    late = given and at is not None and _withdrawn_after(at, customer, people)
    said = Consent(
        customer_id=customer.id if customer else None,
        identity_id=identity.id if identity else None,
        given=given,
        source=source,
        wording=clean(wording).strip()[:LONGEST],
        by_id=by.id if by else None,
        at=at or utcnow(),
    )
    db.session().add(said)
    if not late:
        _stand(said, customer, identity, people)
        _tell(said, people, by)
    return said


def _people(
    customer: Customer | None, identity: WhatsAppIdentity | None
) -> Sequence[WhatsAppIdentity]:
    """The accounts of a card, and the one that is asked about."""
    people = list(customer.identities) if customer else []
    return people if identity is None or identity in people else [*people, identity]


def _stand(
    said: Consent,
    customer: Customer | None,
    identity: WhatsAppIdentity | None,
    people: Sequence[WhatsAppIdentity],
) -> None:
    if said.given:
        for who in people:
            who.opted_out_at = None
    elif identity is not None:
        identity.opted_out_at = identity.opted_out_at or said.at
    if customer is not None:
        customer.marketing_at = (customer.marketing_at or said.at) if said.given else None


def _tell(said: Consent, people: Sequence[WhatsAppIdentity], by: Membership | None) -> None:
    who = [said.identity_id] if said.identity_id else [person.id for person in people]
    threads = select(Conversation).where(Conversation.identity_id.in_(who))
    facts = {"by": "customer" if by is None else "user", "wording": said.wording}
    for conversation in db.session().scalars(threads.order_by(Conversation.id)):
        kind = "opted_in" if said.given else "opted_out"
        conversations.note_activity(conversation, kind, facts | {"source": said.source}, actor=by)


# --- what it comes to -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Agreed (True), refused (False) or never asked (None); since when, and how it was said."""

    given: bool | None
    since: datetime | None = None
    source: str = ""
    wording: str = ""


def standing(customer: Customer | None, identity: WhatsAppIdentity | None = None) -> Standing:
    """How somebody stands to advertising, in one query."""
    people = _people(customer, identity)
    newest = db.session().scalars(_of(customer, people).limit(1)).first()
    refused = [who.opted_out_at for who in people if who.opted_out_at]
    source, wording = (newest.source, newest.wording) if newest else ("", "")
    if refused:
        return Standing(False, max(refused), source, wording)
    if customer is not None and customer.marketing_at is not None:
        return Standing(True, customer.marketing_at, source, wording)
    if newest is not None:
        return Standing(newest.given and customer is None, newest.at, source, wording)
    return Standing(None)


@dataclass(frozen=True, slots=True)
class Said:
    """A row of the ledger, and who of the team wrote it down."""

    consent: Consent
    by: Membership | None


def history(customer: Customer) -> list[Said]:
    """All that they, on whatever account, agreed to or took back, newest first."""
    rows = _of(customer, _people(customer, None)).add_columns(Membership)
    rows = rows.outerjoin(Membership, Membership.id == Consent.by_id)
    return [Said(*row) for row in db.session().execute(rows)]


def _of(customer: Customer | None, people: Sequence[WhatsAppIdentity]) -> Any:
    theirs = select(Consent).where(_about(customer, people))
    return theirs.order_by(Consent.at.desc(), Consent.id.desc())


def _withdrawn_after(
    at: datetime, customer: Customer | None, people: Sequence[WhatsAppIdentity]
) -> bool:
    later = select(Consent.id).where(_about(customer, people), ~Consent.given, Consent.at > at)
    return db.session().scalar(later.limit(1)) is not None


def _about(customer: Customer | None, people: Sequence[WhatsAppIdentity]) -> ColumnElement[bool]:
    ids: list[UUID] = [who.id for who in people]
    card = customer.id if customer else None
    return or_(Consent.identity_id.in_(ids), Consent.customer_id == card)
