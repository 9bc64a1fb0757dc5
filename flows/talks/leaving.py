"""The bot steps aside: a person has the conversation, and finds what they need to know."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from flows import conversations, live, notifications
from flows.errors import N_
from flows.talks.scene import Scene
from models import db
from models.conversation import Conversation
from models.message import Message
from models.talk import BY_PEOPLE, Talk
from models.types import utcnow
from models.user import Membership

WHY = {
    "human": N_("The customer asks for a person"),
    "anger": N_("The customer is angry"),
    "complaint": N_("The customer complains"),
    "misses": N_("The bot did not understand the customer"),
    "file": N_("The customer sent a voice note, a photo or a file"),
    "location": N_("The customer sent a place"),
    "contact": N_("The customer sent a contact"),
    "long": N_("The customer wrote a very long message"),
    "unreadable": N_("The customer sent something the bot cannot read"),
    "loop": N_("Another bot seems to answer"),
    "fault": N_("The bot could not go on"),
    "draft": N_("The customer has ordered, and somebody has to accept it"),
    "order": N_("The customer wants to order"),
    "refused": N_("The customer has ordered, but the order could not be taken"),
    "later": N_("The customer wants to be asked later"),
    "unclear": N_("What the customer answered is not clear"),
    "late": N_("The customer answered after the order had moved on"),
    "stock": N_("The customer confirmed, but stock is short"),
    "delivery": N_("The customer wants a failed delivery to go on otherwise"),
    "cancel": N_("The customer wants to cancel an order"),
    "refuse": N_("The customer does not want the order any more"),
    "confirm": N_("The customer confirms an order"),
    "change_address": N_("The customer wants another address"),
    "change_order": N_("The customer wants to change an order"),
    "order_unknown": N_("The customer asks about an order that nobody knows"),
    "asked": N_("The customer asks what only your team can tell"),
    "person": N_("Your team has the conversation"),
}
"""Why it steps aside, or calls somebody, in the words of whoever is called."""
OTHERWISE = N_("The customer needs a person")
LOOKS = {
    "audio": "look_listen",
    "image": "look_see",
    "video": "look_see",
    "document": "look_read",
}


def leave(scene: Scene, why: str, *, key: str = "handed_over", **facts: object) -> None:
    """A person is called; the customer is told once. `why`: one of WHY."""
    scene.tell(key, **facts)
    leave_quietly(scene, why)


def leave_quietly(scene: Scene, why: str) -> None:
    scene.leaves = why
    scene.did("handed_over", why=why)


def leave_file(scene: Scene, message: Message) -> None:
    look = scene.words(LOOKS.get(message.kind, "look_see"))
    leave(scene, "file", key="handed_file", look=look)


def step_aside(scene: Scene) -> None:
    """What was decided above is so: silent, unread, with a line that sums up for the agent."""
    talk, conversation = scene.talk, scene.conversation
    talk.left_because = scene.leaves
    talk.silent_until = utcnow() + timedelta(hours=scene.bot.silence_hours)
    talk.misses = 0
    facts = {"why": scene.leaves, **summary(scene)}
    conversations.note_activity(conversation, "bot_left", facts)
    call_somebody(scene, scene.leaves)


def call_somebody(scene: Scene, why: str) -> None:
    """The conversation is unread, and rings with those who answer customers."""
    conversation = scene.conversation
    keep_unread(conversation)
    told = {"why": why, "conversation": str(conversation.id), "name": conversation.identity.name}
    notifications.tell("bot_left", facts=told)
    live.changed("inbox")


def summary(scene: Scene) -> dict[str, object]:
    """What an agent wants to know at once: the last words, and what was being put together."""
    facts: dict[str, object] = {"said": scene.turn.heard[:200]}
    if scene.understood is not None:
        facts["intent"] = scene.understood.intent
    cart = scene.cart
    if not cart.empty:
        facts["items"] = len(cart.lines) + len(cart.open)
    if cart.city:
        facts["city"] = cart.city
    return facts


def keep_unread(conversation: Conversation) -> None:
    """Somebody has to read it, whoever looked before."""
    wanted = (
        update(Conversation)
        .where(Conversation.id == conversation.id, Conversation.unread == 0)
        .values(unread=1)
    )
    db.session().execute(wanted.execution_options(synchronize_session="fetch"))


def take_over(conversation: Conversation, talk: Talk, hours: int, *, by: Membership) -> None:
    """The bot keeps out of this conversation: this person has it."""
    talk.silent_until = utcnow() + timedelta(hours=hours)
    talk.left_because = BY_PEOPLE
    talk.due_at = talk.waiting_since = None
    conversations.note_activity(conversation, "bot_stopped", {}, actor=by)
    live.changed("inbox")


def give_back(conversation: Conversation, talk: Talk, *, by: Membership) -> None:
    """The bot answers here again, from the next message on."""
    talk.silent_until = talk.left_because = None
    talk.misses = 0
    talk.back_at = utcnow()
    conversations.note_activity(conversation, "bot_back", {}, actor=by)
    live.changed("inbox")
