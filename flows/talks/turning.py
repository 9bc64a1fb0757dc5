"""One turn: the conversation is held, what was said since is heard as one, and answered once.

Each turn has a transaction of its own, so that one that fails stops no other; what it says is a row
of that transaction, so killed half-way nothing was said, and the turn comes again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from rq.timeouts import BaseTimeoutException
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from flows import conversations, workers
from flows.talks import ordering
from flows.talks.deciding import decide
from flows.talks.leaving import call_somebody, leave_quietly, step_aside
from flows.talks.scene import SPOKEN, Scene
from flows.talks.standing import fresh, looping, silenced
from models import db
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.merchant import Merchant
from models.message import Direction, Message
from models.talk import Bot, Talk, Turn
from models.types import clean, utcnow

log = logging.getLogger(__name__)

BATCH = 50
LONGEST = 60.0
"""Seconds after which a worker leaves the rest to the next round."""
CART_LASTS = timedelta(hours=24)
MOST_HEARD = 2000
"""Letters of a burst that are understood; whoever writes more is read by a person."""
QUIET = ("stop", "start")
"""Whatever else is answered, or needs no answer, has been read."""
HOURS = ("off", "closed")
"""Why it is silent of its own accord, which on trial it is not."""


def work(merchant_id: UUID) -> int:
    """Every customer of this merchant who has stopped typing has been answered, or left to people.

    Returns how many turns there were.
    """
    until = time.monotonic() + LONGEST
    tried: set[UUID] = set()
    had = 0
    while time.monotonic() < until and (ids := _due(merchant_id, tried)):
        tried |= set(ids)
        for conversation_id in ids:
            if workers.stopping():
                return had
            had += _try(merchant_id, conversation_id)
    return had


def _due(merchant_id: UUID, tried: set[UUID]) -> Sequence[UUID]:
    wanted = select(Talk.conversation_id).where(
        Talk.due_at <= utcnow(), Talk.conversation_id.not_in(tried)
    )
    with db.merchant(merchant_id) as session:
        return session.scalars(wanted.order_by(Talk.due_at).limit(BATCH)).all()


def _try(merchant_id: UUID, conversation_id: UUID) -> bool:
    try:
        with db.merchant(merchant_id):
            return take_turn(conversation_id)
    except BaseTimeoutException:
        raise
    except Exception as error:
        if db.is_gone(error) or db.is_busy(error):
            log.warning("a turn must wait: %s", error)
            return False
        log.exception("a turn failed, a person is called")
        with db.merchant(merchant_id):
            _give_up(conversation_id)
        return False


def take_turn(conversation_id: UUID, *, trial: bool = False) -> bool:
    """The customer has been answered if they were due; whoever holds the conversation is not
    waited for. In the current transaction. On trial it speaks whatever its hours are."""
    scene = _scene(conversation_id)
    if scene is None:
        return False
    talk = scene.talk
    written = _written(scene)
    talk.due_at = talk.waiting_since = None
    talk.seen_seq = max((message.seq for message in written), default=talk.seen_seq)
    scene.heard = [m for m in fresh(written, scene.taken_at) if _worth(scene, m)]
    scene.turn.heard = heard_of(scene.heard)
    scene.turn.step = talk.step
    why = silenced(scene) if scene.heard else "nothing"
    if why is not None and not (trial and why in HOURS):
        return False
    answer(scene, unread_before=scene.conversation.unread - len(written))
    return True


def answer(scene: Scene, *, unread_before: int = 0) -> None:
    """What was heard is answered, written down, and the agents see what they need to.

    Nobody has to read what needed nobody, unless something before it waits for a person.
    """
    talk, turn = scene.talk, scene.turn
    turn.heard_id = scene.heard[-1].id
    _end_old_cart(scene)
    _end_taken_cart(scene)
    if looping(scene):
        leave_quietly(scene, "loop")
    elif len(turn.heard) > MOST_HEARD:
        leave_quietly(scene, "long")
    else:
        decide(scene)
    if not turn.did:
        return
    db.session().add(turn)
    db.session().flush()
    scene.send()
    if scene.leaves:
        step_aside(scene)
        talk.step = ""
    elif scene.calls:
        call_somebody(scene, scene.calls)
    elif turn.facts.get("why") not in QUIET and unread_before <= 0:
        conversations.mark_read(scene.conversation)


def _scene(conversation_id: UUID) -> Scene | None:
    session = db.session()
    # The person first, then the conversation, as whoever takes an order or brings messages in:
    # two must not wait in a ring. Who holds either is not waited for: the next sweep comes again.
    person = select(WhatsAppIdentity.id).join(
        Conversation, Conversation.identity_id == WhatsAppIdentity.id
    )
    person = person.where(Conversation.id == conversation_id)
    held = select(Conversation.id).where(Conversation.id == conversation_id)
    for wanted, lock in (
        (person, {"of": WhatsAppIdentity}),
        (held, {"key_share": True}),
    ):
        if session.scalar(wanted.with_for_update(skip_locked=True, **lock)) is None:
            return None
    mine = select(Talk).where(Talk.conversation_id == conversation_id).with_for_update()
    talk = session.scalars(mine.execution_options(populate_existing=True)).first()
    if talk is None or talk.due_at is None or talk.due_at > utcnow():
        return None
    return scene_of(talk)


def scene_of(talk: Talk) -> Scene | None:
    """The scene of a talk whose number has a bot; without one nobody waits for an answer."""
    session = db.session()
    wanted = select(Conversation).where(Conversation.id == talk.conversation_id)
    loaded = wanted.options(joinedload(Conversation.channel), joinedload(Conversation.identity))
    conversation = session.scalars(loaded.execution_options(populate_existing=True)).one()
    bot = session.scalars(select(Bot).where(Bot.channel_id == conversation.channel_id)).first()
    if bot is None:
        talk.due_at = None
        return None
    turn = Turn(conversation_id=conversation.id, channel_id=conversation.channel_id, did="")
    turn.facts, turn.entities, turn.rule, turn.intent, turn.language = {}, [], "", "", ""
    turn.confidence = 0.0
    merchant = session.get_one(Merchant, session.merchant_id)
    return Scene(bot, talk, conversation, merchant, turn)


def _written(scene: Scene) -> list[Message]:
    wanted = select(Message).where(
        Message.conversation_id == scene.conversation.id,
        Message.direction == Direction.IN,
        Message.seq > scene.talk.seen_seq,
    )
    return list(db.session().scalars(wanted.order_by(Message.at, Message.seq)))


def _worth(scene: Scene, message: Message) -> bool:
    """Whether this is said to us: not an edit, not a heart on an old message, not a tap that an
    automation has obeyed already."""
    if message.kind in ("system", "edit", "revoke", "sticker"):
        return False
    if message.kind == "reaction":
        return bool(message.text) and _is_last(scene, message.target_wamid)
    payload = str(message.payload.get("button_payload") or "")
    return message.kind != "button" and not payload.startswith("w1.")


def _is_last(scene: Scene, wamid: str | None) -> bool:
    """Whether this is the last thing we said: a reaction to it answers it."""
    last = (
        select(Message.wamid)
        .where(
            Message.conversation_id == scene.conversation.id,
            Message.direction == Direction.OUT,
            Message.kind != "reaction",
        )
        .order_by(Message.seq.desc())
        .limit(1)
    )
    return wamid is not None and db.session().scalar(last) == wamid


def heard_of(messages: Sequence[Message]) -> str:
    """The words of a burst, one message a line."""
    return "\n".join(clean(m.text) for m in messages if m.kind in SPOKEN)


def _end_old_cart(scene: Scene) -> None:
    touched = scene.talk.facts_at
    if touched is None or utcnow() - touched < CART_LASTS:
        return
    had = not scene.cart.empty
    scene.drop_cart()
    scene.talk.facts_at = None
    scene.turn.step = ""
    if had:
        ordering.ended_by_time(scene)


def _end_taken_cart(scene: Scene) -> None:
    """What somebody took by hand is not asked for any further. A summary stays: whoever says yes to
    it is told that a person sees to it; so does a question about another order."""
    step = scene.talk.step
    asks = step in ordering.STEPS and step != "summary"
    if (asks or (not step and not scene.cart.empty)) and ordering.dealt_with(scene):
        scene.drop_cart()
        scene.turn.step = ""


def _give_up(conversation_id: UUID) -> None:
    """A turn that fails is a bug of ours: the customer gets a person, not silence."""
    scene = _scene(conversation_id)
    if scene is None:
        return
    scene.talk.due_at = scene.talk.waiting_since = None
    scene.turn.heard = heard_of(_written(scene))[:MOST_HEARD]
    newest = max((m.seq for m in _written(scene)), default=scene.talk.seen_seq)
    leave_quietly(scene, "fault")
    scene.talk.seen_seq = newest
    db.session().add(scene.turn)
    step_aside(scene)
