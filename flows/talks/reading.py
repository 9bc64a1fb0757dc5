"""What a customer wrote, read as the bot would have heard it: an order proposed to the agent.

Nothing is guessed: a version that is not clear stays open, and later sentences change earlier ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select

from flows import catalog
from flows.catalog import Offer
from flows.talks.cart import Cart, Open
from flows.talks.ordering.brought import put_items, put_place
from flows.talks.ordering.missing import fitting
from flows.talks.ordering.said import change_cart, chosen_options, take_in, take_person
from flows.talks.scene import Scene
from flows.understanding import Understood, understand
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Direction, Message
from models.order import Order
from models.talk import Bot, OrderRule, Talk, Turn
from models.types import clean, utcnow

LASTS = timedelta(hours=24)
MOST = 30
"""Messages that are read; an order is not further up."""
ASKING = ("price", "availability", "delivery_cost", "delivery_time", "where_is_my_order")
"""Who asks orders nothing; where they are is worth knowing."""
NOT_ABOUT = ("complaint", "human", "stop", "start")
ENDS = ("cancel", "refuse")
CHANGES = ("edit", "revoke")


def read(conversation: Conversation) -> Cart | None:
    """What they ordered since their last order, a day at most; None where they ordered nothing
    and told nothing that an order needs."""
    scene = _scene(conversation)
    for message in _written(conversation):
        _take(scene, message)
    cart = scene.cart
    told = cart.lines or cart.open or cart.sources
    return cart if told else None


def _scene(conversation: Conversation) -> Scene:
    """The bot's own, of rows that nobody keeps: it only listens."""
    merchant = db.session().get_one(Merchant, db.session().merchant_id)
    bot = Bot(texts={}, menu=[], order_rule=OrderRule.DRAFT, formal=False)
    turn = Turn(did="", heard="", facts={}, entities=[])
    return Scene(bot, Talk(step="", facts={}, misses=0), conversation, merchant, turn)


def _written(conversation: Conversation) -> list[Message]:
    """Their messages as they stand: what was edited says what it says now, what was taken back is
    not there."""
    ordered = select(func.max(Order.created_at)).where(Order.conversation_id == conversation.id)
    since = utcnow() - LASTS
    newest = (
        select(Message)
        .where(
            Message.conversation_id == conversation.id,
            Message.direction == Direction.IN,
            Message.at > func.greatest(since, ordered.scalar_subquery()),
        )
        .order_by(Message.at.desc(), Message.seq.desc())
        .limit(MOST)
    )
    found = db.session().scalars(newest).all()[::-1]
    gone = {m.target_wamid for m in found if m.kind == "revoke"}
    edited = {m.target_wamid: m.text for m in found if m.kind == "edit"}
    standing = [m for m in found if m.kind not in CHANGES and m.wamid not in gone]
    return [_as_it_says_now(message, edited) for message in standing]


def _as_it_says_now(message: Message, edited: dict[str | None, str]) -> Message:
    now = edited.get(message.wamid)
    if now is None:
        return message
    return Message(id=message.id, kind=message.kind, text=now, payload=message.payload)


def _take(scene: Scene, message: Message) -> None:
    scene.heard, scene.notes, scene.reply = [message], [], None
    scene.turn.heard = clean(message.text) if message.kind == "text" else ""
    if message.kind == "order":
        put_items(scene, message)
    elif message.kind == "location":
        put_place(scene, message)
    elif scene.turn.heard:
        _hear(scene, _understand(scene))
    _settle(scene.cart)


def _understand(scene: Scene) -> Understood:
    country = scene.channel.country
    return understand(scene.turn.heard, scene.catalogue, country=country)


def _hear(scene: Scene, said: Understood) -> None:
    cart = scene.cart
    if said.intent in NOT_ABOUT:
        return
    if said.intent in ENDS and not said.removed:
        cart.lines, cart.open = [], []
    elif said.intent in ASKING or _tells_where(said) or _answers_open(scene, said):
        take_person(scene, said)
    elif cart.empty or not change_cart(scene, said):
        take_in(scene, said)


def _tells_where(said: Understood) -> bool:
    """ "3 derb Sidi, 0612345678": the numbers of an address are none of pieces."""
    told = {entity.kind for entity in said.entities}
    return not said.products and bool(told & {"address", "phone"})


def _answers_open(scene: Scene, said: Understood) -> bool:
    """ "noir": the version of the product that was named without one."""
    if not scene.cart.open or said.lines or said.missing or said.removed:
        return False
    last = scene.cart.open[-1]
    found = catalog.offered([UUID(last.product)]).get(UUID(last.product))
    chosen = chosen_options(said, found) if found else {}
    last.options |= chosen
    last.quantity = said.quantity or last.quantity
    return bool(chosen or said.quantity)


def _settle(cart: Cart) -> None:
    """Whose version is clear by now is a line."""
    for one in list(cart.open):
        offers = offers_of(one)
        if len(offers) == 1:
            cart.put(offers[0].variant.id, one.quantity, one.source)
        if len(offers) < 2:
            cart.open.remove(one)


def offers_of(one: Open) -> Sequence[Offer]:
    """The versions on sale that this may mean."""
    found = catalog.offered([UUID(one.product)]).get(UUID(one.product))
    if found is None or not found.product.active:
        return ()
    return fitting(found, one)
