"""Orders that are placed: where they are, what to do after a failed delivery, calling them off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from flows import conversations, live, pipeline
from flows.errors import Refused
from flows.talks import browsing, saying
from flows.talks.leaving import leave
from flows.talks.scene import ROWS, Scene, payload
from flows.understanding import Understood
from models import db
from models.customer import WhatsAppIdentity
from models.order import Order
from models.pipeline import Stage, SystemState
from models.timeline import CUSTOMER, Entry
from models.types import utcnow

CLOSED = (SystemState.DELIVERED, SystemState.RETURNED, SystemState.CANCELLED)
FEW_WORDS = 6
"""A day is said in so many words; who writes more says something else."""
LATELY = timedelta(days=10)
"""So long a closed order is still told of, when no other is open."""
AGAIN = (SystemState.SHIPPED, SystemState.CONFIRMED, SystemState.TO_CONFIRM)
"""Where an order goes that shall be delivered again: the first of these that is allowed."""
NOT_GONE = (
    *(SystemState.NEW, SystemState.UNREACHABLE, SystemState.TO_CONFIRM, SystemState.CONFIRMED),
)


def orders_of(scene: Scene) -> Sequence[Order]:
    """The customer's open orders, newest first; without any, those closed lately."""
    identity = scene.conversation.identity
    theirs = [Order.conversation_id == scene.conversation.id]
    if identity.customer_id is not None:
        theirs.append(Order.customer_id == identity.customer_id)
    wanted = select(Order).where(or_(*theirs)).options(joinedload(Order.stage))
    newest = wanted.order_by(Order.number.desc()).limit(ROWS)
    found = db.session().scalars(newest.where(Order.state.not_in(CLOSED))).all()
    if found:
        return found
    return db.session().scalars(newest.where(Order.created_at >= utcnow() - LATELY)).all()[:1]


def order_of(scene: Scene, number: str) -> Order | None:
    """The customer's own order with this number; nobody hears of another's."""
    if not number.isdecimal() or len(number) > 12:
        return None
    identity: WhatsAppIdentity = scene.conversation.identity
    theirs = [Order.conversation_id == scene.conversation.id]
    if identity.customer_id is not None:
        theirs.append(Order.customer_id == identity.customer_id)
    wanted = select(Order).where(Order.number == int(number), or_(*theirs))
    return db.session().scalars(wanted.options(joinedload(Order.stage))).first()


# --- where is my order ----------------------------------------------------------------------------


def where(scene: Scene, said: Understood | None = None) -> None:
    number = _number_in(said)
    if number:
        tell_where(scene, number)
        return
    found = orders_of(scene)
    if len(found) == 1:
        _tell(scene, found[0])
    elif found:
        _which(scene, found, "parcel")
    else:
        scene.ask("order_number", "no_orders")
        scene.did("no_orders")


def _number_in(said: Understood | None) -> str:
    entities = said.entities if said else ()
    return next((e.value.lstrip("#") for e in entities if e.kind == "order_number"), "")


def _which(scene: Scene, found: Sequence[Order], verb: str) -> None:
    reply = scene.tell("which_order")
    reply.buttons = {payload(verb, order.number): f"n° {order.number}" for order in found}
    reply.details = {
        payload(verb, order.number): f"{order.stage.name} · {scene.amount(order.amount_due.minor)}"
        for order in found
    }
    reply.opens = scene.words("which_button")
    scene.did("which_order", numbers=[order.number for order in found])


def answer_number(scene: Scene, said: Understood) -> bool:
    """The answer to "do you have an order number?"."""
    number = _number_in(said) or "".join(c for c in scene.turn.heard if c.isdecimal())
    if not number:
        return False
    tell_where(scene, number)
    return True


def tell_where(scene: Scene, number: str) -> None:
    order = order_of(scene, number)
    if order is None:
        leave(scene, "order_unknown", key="order_unknown", number=number)
    else:
        _tell(scene, order)


def _tell(scene: Scene, order: Order) -> None:
    at = order.delivered_at or order.stage_entered_at
    day = saying.day(at.astimezone(scene.merchant.zone).date(), scene.language)
    state = scene.words(f"state_{order.state}", day=day)
    lines = [scene.words("order_is", number=order.number, state=state)]
    if order.tracking:
        lines.append(scene.words("tracking", carrier=order.carrier, tracking=order.tracking))
    lines += _expected(scene, order)
    if order.state is SystemState.DELIVERY_FAILURE:
        reply = scene.ask("failure", "failure_ask")
        reply.text = "\n".join([*lines, reply.text])
        reply.buttons = {
            payload("again", order.number): scene.words("failure_again"),
            payload("elsewhere", order.number): scene.words("failure_address"),
            payload("call_off", order.number): scene.words("failure_cancel"),
        }
        scene.keep(order=order.number)
    else:
        scene.tell("price_is", lines="\n".join(lines))
    scene.turn.order_id = order.id
    scene.did("told_where", number=order.number, state=order.state)


def _expected(scene: Scene, order: Order) -> list[str]:
    """The days the merchant promises, counted from when the parcel left."""
    first, last = scene.bot.days_from, scene.bot.days_until
    left = order.shipped_at or (
        order.confirmed_at if order.state is SystemState.CONFIRMED else None
    )
    if (
        first is None
        or left is None
        or order.state
        not in (
            SystemState.SHIPPED,
            SystemState.CONFIRMED,
        )
    ):
        return []
    start = left.astimezone(scene.merchant.zone).date()
    today = utcnow().astimezone(scene.merchant.zone).date()
    days = [max(start + timedelta(days=n), today) for n in (first, last or first)]
    if days[1] == today and start + timedelta(days=last or first) < today:
        return []  # it is late: no promise is made twice
    return [_between(scene, days[0], days[1])]


def _between(scene: Scene, first: date, last: date) -> str:
    told = [saying.day(one, scene.language) for one in (first, last)]
    if first == last:
        return scene.words("expected", day=told[0])
    return scene.words("expected_between", first=told[0], last=told[1])


def confirmed(scene: Scene, said: Understood) -> None:
    """A yes that nothing was asked for: of an order that is placed it is told where it stands."""
    if orders_of(scene):
        where(scene, said)
    else:
        browsing.show_menu(scene)


# --- after a failed delivery ----------------------------------------------------------------------


def answer_failure(scene: Scene, said: Understood) -> bool:
    """ "another day", "à une autre adresse", "annulez": what the three buttons say, in words."""
    number = str(scene.talk.facts.get("order", ""))
    wishes = {"later": again, "change_address": elsewhere, "cancel": call_off, "refuse": call_off}
    wish = wishes.get(said.intent)
    if wish is not None:
        wish(scene, number)
    return wish is not None


def again(scene: Scene, number: str) -> None:
    """Another day: asked which, then the order goes where it is delivered from again."""
    order = _still_failed(scene, number)
    if order is not None:
        scene.ask("failure_day", "failure_when")
        scene.keep(order=order.number)
        scene.did("asked_day", number=order.number)


def answer_day(scene: Scene, said: Understood) -> bool:
    order = order_of(scene, str(scene.talk.facts.get("order", "")))
    words = " ".join(scene.turn.heard.split())[:200]
    says_when = any(entity.kind == "time" for entity in said.entities)
    plain = said.intent in ("other", "later", "confirm") and "?" not in words and "؟" not in words
    if order is None or not (says_when or (plain and len(words.split()) <= FEW_WORDS)):
        return False
    if _deliver_again(scene, order, {"day": words}):
        scene.tell("failure_again_done", number=order.number)
        scene.did("delivery_again", number=order.number, day=words)
    return True


def elsewhere(scene: Scene, number: str) -> None:
    order = _still_failed(scene, number)
    if order is not None:
        reply = scene.ask("failure_address", "failure_where", number=order.number)
        reply.wants = "location"
        scene.keep(order=order.number)
        scene.did("asked_address", number=order.number)


def answer_elsewhere(scene: Scene, said: Understood) -> bool:
    order = order_of(scene, str(scene.talk.facts.get("order", "")))
    words = " ".join(scene.turn.heard.split())[:300]
    told = any(entity.kind == "address" for entity in said.entities)
    asks = "?" in words or "؟" in words
    plain = said.intent in ("other", "change_address") and any(c.isdigit() for c in words)
    if order is None or asks or not (told or plain):
        return False
    return move_elsewhere(scene, order, words, said.city)


def move_elsewhere(scene: Scene, order: Order, line: str, city: str | None) -> bool:
    before = {"from": f"{order.ship_line}, {order.ship_city}", "address": line}
    pipeline.hold(order)
    order.ship_line = line
    order.ship_city = city or order.ship_city
    if _deliver_again(scene, order, before):
        scene.tell("failure_address_done", number=order.number, address=line)
        scene.did("address_changed", number=order.number, address=line)
    return True


def _still_failed(scene: Scene, number: str) -> Order | None:
    """The order, when its delivery failed and nobody has moved it since; else it is told of."""
    order = order_of(scene, number)
    if order is None:
        leave(scene, "order_unknown", key="order_unknown", number=number)
    elif order.state is not SystemState.DELIVERY_FAILURE:
        _tell(scene, order)
    else:
        return order
    return None


def _deliver_again(scene: Scene, order: Order, because: dict[str, str]) -> bool:
    """The order is on the stage it is delivered from; else a colleague is called."""
    told = because | {"spoken": scene.turn.heard[:300] or because.get("day", "")}
    if _move(order, AGAIN, told):
        return True
    _note(order, "wishes", told)
    leave(scene, "delivery", key="noted", number=order.number)
    return False


def _move(order: Order, states: Sequence[SystemState], because: dict[str, str]) -> bool:
    pipeline.hold(order)
    open_to = {stage.state: stage for stage in reversed(pipeline.allowed(order, CUSTOMER))}
    target: Stage | None = next((open_to[state] for state in states if state in open_to), None)
    if target is None:
        return False
    try:
        with db.savepoint():
            pipeline.move(order, target, by=CUSTOMER, because=because)
    except Refused:
        return False
    return True


def _note(order: Order, kind: str, facts: dict[str, str]) -> None:
    db.session().add(Entry(order_id=order.id, kind=kind, actor=CUSTOMER.actor, facts=facts))
    if order.conversation is not None:
        conversations.note_activity(order.conversation, kind, facts | {"number": order.number})
    live.changed(f"order:{order.number}")


# --- calling off ----------------------------------------------------------------------------------


def cancel(scene: Scene, said: Understood | None = None) -> None:
    """An order that is placed: asked once more, then called off; one that left is for people."""
    number = _number_in(said)
    order = order_of(scene, number) if number else None
    found = [order] if order else [o for o in orders_of(scene) if o.state not in CLOSED]
    if not found:
        where(scene, said)
    elif len(found) > 1:
        _which(scene, found, "call_off")
    else:
        call_off(scene, str(found[0].number))


def call_off(scene: Scene, number: str) -> None:
    order = order_of(scene, number)
    if order is None:
        leave(scene, "order_unknown", key="order_unknown", number=number)
    elif order.state in CLOSED:
        _tell(scene, order)
    elif order.state not in (*NOT_GONE, SystemState.DELIVERY_FAILURE):
        leave(scene, "cancel", key="cannot_cancel", number=order.number)
    else:
        total = scene.amount(order.amount_due.minor)
        reply = scene.ask("cancel_sure", "cancel_sure", number=order.number, total=total)
        reply.buttons = {
            payload("yes_cancel", order.number): scene.words("yes_cancel"),
            payload("keep", order.number): scene.words("no_keep"),
        }
        scene.keep(order=order.number)
        scene.did("asked_cancel", number=order.number)


def answer_cancel(scene: Scene, said: Understood) -> bool:
    number = str(scene.talk.facts.get("order", ""))
    # "oui, annulez" is heard as a refusal by whoever was asked to confirm an order.
    if said.intent in ("confirm", "cancel") or said.rule.startswith("cancel:"):
        cancelled(scene, number)
    elif said.intent in ("refuse", "later"):
        kept(scene, number)
    else:
        return False
    return True


def cancelled(scene: Scene, number: str) -> None:
    order = order_of(scene, number)
    if order is None or order.state not in (*NOT_GONE, SystemState.DELIVERY_FAILURE):
        call_off(scene, number)
        return
    spoken = {"spoken": scene.turn.heard[:300]}
    if _move(order, (SystemState.CANCELLED,), spoken):
        scene.turn.order_id = order.id
        scene.tell("cancelled", number=order.number)
        scene.did("cancelled", number=order.number)
    else:
        leave(scene, "cancel", key="cannot_cancel", number=order.number)


def kept(scene: Scene, number: str) -> None:
    scene.tell("kept", number=number)
    scene.did("kept", number=number)


def change_placed(scene: Scene, said: Understood) -> None:
    """What shall be different in an order that is placed is for people: they see it at once."""
    named = order_of(scene, _number_in(said))
    found = [named] if named else [o for o in orders_of(scene) if o.state not in CLOSED]
    if len(found) != 1:
        leave(scene, said.intent)  # of none, or of several: a person asks which
        return
    order = found[0]
    _note(order, "wishes", {"spoken": scene.turn.heard[:300], "wish": said.intent})
    scene.turn.order_id = order.id
    leave(scene, said.intent, key="noted", number=order.number)
