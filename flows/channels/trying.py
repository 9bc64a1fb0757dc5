"""The first message of a new number, to a phone of the team's own."""

from __future__ import annotations

from uuid import UUID

from flows import conversations, customers, messages, templates
from flows.customers import Number
from flows.errors import N_, Refused
from flows.events import Person
from models.channel import Channel
from models.message import Message, Origin
from models.template import MessageTemplate
from models.user import Membership


def offered(channel: Channel) -> list[MessageTemplate]:
    """Approved templates of its account that can be sent as a trial."""
    return [t for t in templates.sendable() if t.waba_id == channel.waba_id]


def send(
    channel: Channel,
    to: Number,
    *,
    by: Membership,
    text: str,
    template: MessageTemplate | None = None,
    client_id: UUID | None = None,
) -> Message:
    """A message is on its way: the template with its own examples, or, when that phone has
    written within 24 hours, `text`. Refused when neither may be sent."""
    if to.e164 is None:
        raise Refused("phone", N_("This is not a phone number."))
    (identity,) = customers.identities_for([Person(wa_id=to.e164.removeprefix("+"))])
    if identity.customer_id is None:
        customers.link(identity, customers.open_card(identity.name or by.name, number=to))
    conversation = conversations.open_with(channel, identity)
    if template is None and conversation.window_open:
        return messages.queue_text(conversation, text, by=by, client_id=client_id)
    if template is None:
        raise Refused(
            "window_closed",
            N_("Write “hello” to your number from that phone first, or choose a template."),
        )
    values = templates.examples(template.components)
    missing = {v.key: "1" for v in template.variables if not values.get(v.key)}
    return messages.queue_template(
        conversation,
        template,
        missing | values,
        origin=Origin.AGENT,
        by=by,
        client_id=client_id,
    )
