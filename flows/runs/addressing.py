"""From which number a run writes, and in which conversation; opened for a first contact."""

from __future__ import annotations

from sqlalchemy import exists, select

from flows import conversations, customers
from flows.errors import Refused
from flows.events import Person
from flows.runs.words import FAILURES
from models import db
from models.automation import Automation
from models.channel import Channel, ChannelState
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.order import Order
from models.template import MessageTemplate


def at_hand(automation: Automation, order: Order) -> Conversation | None:
    """The order's own conversation, when that is where this automation writes."""
    talk = order.conversation
    if talk is None or automation.channel_id not in (None, talk.channel_id):
        return None
    return talk


def reach(automation: Automation, order: Order) -> Conversation:
    """Where this automation writes about this order, opened when nobody has written there yet.

    On the automation's number, else the one the order's customer writes to, else the merchant's
    first whose account has the template. An order without a conversation has this one from now on.
    Refused without a number to write from, or without a phone that could be on WhatsApp.
    """
    talk = at_hand(automation, order)
    if talk is not None:
        return talk
    channel = automation.channel or _first_channel(automation.template)
    known = order.conversation
    identity = known.identity if known else _identity(order, channel)
    return conversations.open_with(channel, identity)


def _first_channel(template: MessageTemplate) -> Channel:
    has_twin = exists().where(
        MessageTemplate.waba_id == Channel.waba_id,
        MessageTemplate.name == template.name,
        MessageTemplate.language == template.language,
    )
    active = select(Channel).where(Channel.state == ChannelState.ACTIVE)
    best = (Channel.waba_id != template.waba_id, ~has_twin, Channel.created_at, Channel.id)
    first = db.session().scalars(active.order_by(*best).limit(1)).first()
    if first is None:
        raise Refused("no_channel", FAILURES["no_channel"])
    return first


def _identity(order: Order, channel: Channel) -> WhatsAppIdentity:
    e164 = customers.read_phone(order.ship_phone, channel.country).e164
    if e164 is None:
        return _only_identity(order)
    (identity,) = customers.identities_for([Person(wa_id=e164.removeprefix("+"))])
    if identity.customer_id is None:
        customers.link(identity, order.customer)
    return identity


def _only_identity(order: Order) -> WhatsAppIdentity:
    """Somebody whose number WhatsApp hides can still be written to."""
    known = order.customer.identities
    if len(known) != 1:
        raise Refused("no_phone", FAILURES["no_phone"])
    return known[0]
