"""What was tapped, or typed as a button's title → what is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from sqlalchemy import select

from flows.talks import asking, browsing, ordering, parcels, saying
from flows.talks.leaving import leave
from flows.talks.scene import Scene, choices, payload, read_payload, uuid_of
from models import db
from models.message import Direction, Message, Origin
from models.types import fold

TAPS: dict[str, Callable[[Scene, str], None]] = {
    "menu": lambda scene, item: _menu(scene, item),
    "more": lambda scene, start: browsing.show_products(
        scene, start=int(start) if start.isdecimal() and len(start) < 6 else 0
    ),
    "product": lambda scene, id_: _with_uuid(scene, id_, browsing.show_product),
    "order": lambda scene, id_: _with_uuid(scene, id_, ordering.begin_with),
    "variant": lambda scene, id_: _with_uuid(scene, id_, ordering.choose_variant),
    "option": ordering.choose_option,
    "quantity": ordering.choose_quantity,
    "same": lambda scene, _: ordering.same_address(scene),
    "other": lambda scene, _: ordering.other_address(scene),
    "confirm": ordering.tapped_confirm,
    "change": lambda scene, _: ordering.change(scene),
    "cancel": lambda scene, _: _tapped_cancel(scene),
    "question": lambda scene, id_: asking.chosen_question(scene, uuid_of(id_)),
    "parcel": parcels.tell_where,
    "again": parcels.again,
    "elsewhere": parcels.elsewhere,
    "call_off": parcels.call_off,
    "yes_cancel": parcels.cancelled,
    "keep": parcels.kept,
}


OF_CART = ("variant", "option", "quantity", "same", "other")
"""Taps on what was asked to put an order together."""


def hear_tap(scene: Scene, message: Message) -> None:
    """What the button or the row says is done; of a form what was filled in."""
    tapped = read_payload(message.payload.get("button_payload"))
    if tapped is None:
        ordering.take_form(scene, message)
    elif tapped[0] in OF_CART and _asked_before(scene, message):
        _told_already(scene, *tapped)
    else:
        _do(scene, *tapped)


def _asked_before(scene: Scene, tap: Message) -> bool:
    """Whether somebody took the order by hand after the question that this answers."""
    if scene.taken_at is None:
        return False
    question = select(Message.created_at).where(
        Message.conversation_id == scene.conversation.id, Message.wamid == tap.reply_to_wamid
    )
    asked = db.session().scalar(question)
    return asked is not None and asked < scene.taken_at


def _told_already(scene: Scene, verb: str, argument: str) -> None:
    """The order that was taken is told of; another address for it is a person's to write."""
    scene.turn.rule = f"tap:{verb}"
    if verb == "other":
        leave(scene, "change_address", key="handed_over")
    else:
        parcels.where(scene)


def hear_typed_title(scene: Scene) -> bool:
    """Whether they typed what a button of our last message says; then it counts as tapped."""
    tapped = read_payload(_titles(scene).get(fold(scene.turn.heard)))
    if tapped is None or tapped[0] not in TAPS:
        return False
    _do(scene, *tapped)
    return True


def _do(scene: Scene, verb: str, argument: str) -> None:
    scene.turn.rule = f"tap:{verb}"
    scene.talk.misses = 0
    if verb in TAPS:
        TAPS[verb](scene, argument)


def _titles(scene: Scene) -> Mapping[str, str]:
    """What each title carries: of the menu's rows, and of what our last message offers."""
    last = select(Message).where(
        Message.conversation_id == scene.conversation.id, Message.direction == Direction.OUT
    )
    message = db.session().scalars(last.order_by(Message.seq.desc()).limit(1)).first()
    if message is None or message.origin is not Origin.BOT:
        return _menu_titles()
    told = {fold(title): key for key, title in choices(message) if len(title) > 2}
    return {**_menu_titles(), **told}


@cache
def _menu_titles() -> Mapping[str, str]:
    """What the menu's rows say, in every language, and what each of them carries."""
    return {
        fold(saying.texts(language)[f"menu_{item}"]): payload("menu", item)
        for language in saying.LANGUAGES
        for item in browsing.MENU
    }


def _menu(scene: Scene, item: str) -> None:
    match item:
        case "order":
            if scene.cart.empty:
                scene.drop_cart()
            ordering.go_on(scene)
        case "catalogue":
            browsing.show_products(scene)
        case "parcel":
            parcels.where(scene)
        case "questions":
            asking.show_questions(scene)
        case "human":
            leave(scene, "human")
        case _:
            browsing.show_menu(scene)


def _tapped_cancel(scene: Scene) -> None:
    """The button below a summary; of an order that was made of it meanwhile it is asked again."""
    if ordering.begun(scene):
        ordering.drop(scene)
    else:
        parcels.cancel(scene)


def _with_uuid(scene: Scene, argument: str, deed: Callable[..., None]) -> None:
    found = uuid_of(argument)
    if found is None:
        browsing.show_menu(scene)
    else:
        deed(scene, found)
