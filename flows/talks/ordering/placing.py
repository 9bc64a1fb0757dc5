"""An order begins, is confirmed, kept for an agent, put aside or dropped."""

from __future__ import annotations

from uuid import UUID

from flows import orders
from flows.errors import Refused
from flows.talks import drafts
from flows.talks.leaving import leave
from flows.talks.ordering.missing import check_goods, go_on
from flows.talks.ordering.said import take_in
from flows.talks.scene import Scene
from flows.understanding import Understood
from models import db


def order(scene: Scene, said: Understood) -> None:
    """A sentence that orders: what is clear is in the cart, what is not is asked. What waits for
    an agent is part of it: who orders one thing more wants both."""
    take_up_draft(scene)
    if scene.bot.order_rule == "none":
        take_in(scene, said)
        leave(scene, "order")
        return
    take_in(scene, said)
    go_on(scene)


def confirm(scene: Scene) -> None:
    """What was shown is ordered, or waits for an agent; what changed meanwhile is shown again, and
    what somebody has dealt with meanwhile is theirs."""
    if scene.bot.order_rule == "none" or dealt_with(scene):
        scene.drop_cart()
        leave(scene, "refused", key="not_orderable")
        return
    check_goods(scene)
    if scene.notes:
        go_on(scene)
        return
    if scene.bot.order_rule == "order":
        _place(scene)
    else:
        _draft(scene)


def _draft(scene: Scene) -> None:
    total = scene.amount(int(scene.talk.facts.get("total", 0)))
    drafts.keep(scene.conversation, scene.cart)
    name = scene.cart.name
    scene.drop_cart()
    scene.tell("drafted", name=name, total=total)
    scene.calls = "draft"
    scene.did("drafted")


def _place(scene: Scene) -> None:
    # The same cart confirmed twice is one order.
    form = drafts.form_of(scene.cart, UUID(scene.talk.facts["key"]), scene.channel.country)
    try:
        with db.savepoint():
            made = orders.create(form, by=None, conversation=scene.conversation)
    except Refused as no:
        drafts.keep(scene.conversation, scene.cart)
        scene.drop_cart()
        leave(scene, "refused", key="not_orderable")
        scene.did("handed_over", why="refused", code=no.code)
        return
    drafts.withdraw(scene.conversation)
    scene.drop_cart()
    due = scene.amount(made.amount_due.minor)
    scene.tell("ordered", name=scene.first_name or made.ship_name, number=made.number, total=due)
    scene.turn.order_id = made.id
    scene.did("ordered", number=made.number)


def take_up_draft(scene: Scene) -> bool:
    """What waits for an agent is the customer's to change until somebody looked; whether any."""
    draft = drafts.waiting(scene.conversation) if scene.cart.empty else None
    if draft is None:
        return False
    scene.keep(cart=draft.cart, draft=str(draft.id))
    scene.__dict__.pop("cart", None)
    return True


def dealt_with(scene: Scene) -> bool:
    """Whether a person has accepted or put away the draft this began with, or has taken an order
    of this customer by hand since it was last touched."""
    draft = scene.talk.facts.get("draft")
    if draft and not drafts.still_waits(draft):
        return True
    since, taken = scene.talk.facts_at, scene.taken_at
    return since is not None and taken is not None and taken > since


def begun(scene: Scene) -> bool:
    """Whether an order is being put together, or waits for an agent."""
    return not scene.cart.empty or drafts.waiting(scene.conversation) is not None


def drop(scene: Scene) -> None:
    scene.drop_cart()
    scene.calls = ""
    drafts.withdraw(scene.conversation)
    scene.tell("cart_dropped")
    scene.did("dropped")


def postpone(scene: Scene) -> None:
    """Not now: the order stays as it is for a day, and a colleague knows when to call."""
    leave(scene, "later", key="later_call")


def ended_by_time(scene: Scene) -> None:
    """An order that was not finished for a day is put aside, and said to be."""
    scene.drop_cart()
    scene.note("cart_over")
