"""Two WhatsApp identities turn out to be one person."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from flows.customers.cards import refresh_search
from models import db
from models.conversation import Activity, Conversation
from models.customer import Consent, WhatsAppIdentity
from models.message import Message, ReadMark
from models.order import Order


def join(kept: WhatsAppIdentity, joined: WhatsAppIdentity) -> None:
    """Two identities turn out to be one person: everything of `joined` becomes `kept`'s."""
    session = db.session()
    wa_id, phone, digits = joined.wa_id, joined.phone, joined.reversed_digits
    card, opted_out_at = joined.customer_id, joined.opted_out_at
    for theirs in session.scalars(
        select(Conversation).where(Conversation.identity_id == joined.id).with_for_update()
    ).all():
        _join_conversation(kept, theirs)
    session.flush()
    _keep_consents(kept, joined)
    session.execute(delete(WhatsAppIdentity).where(WhatsAppIdentity.id == joined.id))
    session.expunge(joined)
    if wa_id and not kept.wa_id:
        kept.wa_id, kept.phone, kept.reversed_digits = wa_id, phone, digits
    kept.customer_id = kept.customer_id or card
    kept.opted_out_at = kept.opted_out_at or opted_out_at  # in doubt no advertising
    session.flush()
    refresh_search(kept)


def _join_conversation(kept: WhatsAppIdentity, theirs: Conversation) -> None:
    session = db.session()
    ours = session.scalars(
        select(Conversation)
        .where(Conversation.identity_id == kept.id, Conversation.channel_id == theirs.channel_id)
        .with_for_update(key_share=True)
    ).first()
    if ours is None:
        theirs.identity_id = kept.id
        return
    for table in (Message, Activity, ReadMark, Order):
        session.execute(
            update(table)
            .where(table.conversation_id == theirs.id)
            .values(conversation_id=ours.id)
            .execution_options(synchronize_session=False)
        )
    ours.unread += theirs.unread
    if theirs.last_message_at > ours.last_message_at:
        for field in ("at", "id", "direction", "preview", "kind"):
            name = f"last_message_{field}" if field in ("at", "id") else f"last_{field}"
            setattr(ours, name, getattr(theirs, name))
    times = [t for t in (ours.last_inbound_at, theirs.last_inbound_at) if t]
    ours.last_inbound_at = max(times, default=None)
    ours.assignee_id = ours.assignee_id or theirs.assignee_id
    session.flush()
    session.execute(delete(Conversation).where(Conversation.id == theirs.id))
    session.expunge(theirs)


def _keep_consents(kept: WhatsAppIdentity, joined: WhatsAppIdentity) -> None:
    """What `joined` agreed to or took back, once more in the name of `kept`.

    The ledger only grows: its rows cannot change their owner, and leave with `joined`.
    """
    said = select(Consent).where(Consent.identity_id == joined.id).order_by(Consent.at, Consent.id)
    copied = ("customer_id", "given", "source", "wording", "by_id", "at")
    db.session().add_all(
        Consent(identity_id=kept.id, **{name: getattr(row, name) for name in copied})
        for row in db.session().scalars(said)
    )
