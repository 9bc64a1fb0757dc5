"""Blocking: what they write is kept and rings for nobody, no message and no order goes out."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from flows import live, permissions
from flows.errors import N_, Invalid, Refused
from models import db
from models.conversation import Activity, Conversation
from models.customer import Customer, WhatsAppIdentity
from models.types import clean, utcnow
from models.user import Membership

LONGEST_REASON = 200


def block(customer: Customer, *, reason: str, by: Membership) -> None:
    """Their conversations, today's and later ones, are muted; automations and orders refuse them.

    Raises Invalid without a reason. Nothing happens when they are blocked already.
    """
    reason = " ".join(clean(reason).split())
    if not reason:
        raise Invalid({"reason": Refused("missing", N_("Say why, for whoever asks later."))})
    if len(reason) > LONGEST_REASON:
        too_long = N_("At most {limit} characters.")
        raise Invalid({"reason": Refused("too_long", too_long, limit=LONGEST_REASON)})
    _hold(customer)
    if customer.blocked_at is not None:
        return
    customer.blocked_at, customer.blocked_reason = utcnow(), reason
    for conversation in _conversations(customer):
        conversation.muted, conversation.unread = True, 0
        _note(conversation, "blocked", reason, by)


def unblock(customer: Customer, by: Membership) -> None:
    """They are a customer like the others again; why they were blocked stays in the thread."""
    _hold(customer)
    if customer.blocked_at is None:
        return
    reason, customer.blocked_at, customer.blocked_reason = customer.blocked_reason, None, ""
    for conversation in _conversations(customer):
        conversation.muted = False
        _note(conversation, "unblocked", reason, by)


def check_not_blocked(
    customer: Customer | None, *, by: Membership | None = None, override: bool = False
) -> None:
    """Raises Refused("blocked") for a blocked customer, unless `by` may and wants to override."""
    if customer is None or customer.blocked_at is None:
        return
    if override and by is not None and permissions.may(by, "orders.correct"):
        return
    raise Refused(
        "blocked",
        N_("{name} is blocked ({reason}). Unblock first."),
        name=customer.name,
        reason=customer.blocked_reason,
    )


def _hold(customer: Customer) -> None:
    """Nobody else blocks or unblocks them until the commit."""
    session = db.session()
    session.flush()  # a card opened just now is not in the database yet
    session.refresh(customer, ["blocked_at", "blocked_reason"], with_for_update={"key_share": True})


def _conversations(customer: Customer) -> Sequence[Conversation]:
    # In the order of their ids, like whoever brings messages in: two must not block each other.
    theirs = (
        select(Conversation)
        .join(Conversation.identity)
        .where(WhatsAppIdentity.customer_id == customer.id)
        .order_by(Conversation.id)
        .with_for_update(of=Conversation, key_share=True)
        .execution_options(populate_existing=True)
    )
    return db.session().scalars(theirs).all()


def _note(conversation: Conversation, kind: str, reason: str, by: Membership) -> None:
    facts = {"reason": reason}
    db.session().add(
        Activity(conversation_id=conversation.id, kind=kind, facts=facts, actor_id=by.id)
    )
    live.changed("inbox", f"conversation:{conversation.id}")
