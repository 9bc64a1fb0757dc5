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
    else:
        _do(scene, *tapped, below=_tapped_on(scene, message))


def hear_typed_title(scene: Scene) -> bool:
    """Whether they typed what a button of our last message says; then it counts as tapped."""
    last = _last(scene)
    tapped = read_payload(_titles(last).get(fold(scene.turn.heard)))
    if tapped is None or tapped[0] not in TAPS:
        return False
    _do(scene, *tapped, below=last)
    return True


def _do(scene: Scene, verb: str, argument: str, *, below: Message | None) -> None:
    scene.turn.rule = f"tap:{verb}"
    scene.talk.misses = 0
    if verb in OF_CART and _answered_by_hand(scene, below):
        _tell_taken(scene, verb)
    elif verb in TAPS:
        TAPS[verb](scene, argument)


def _answered_by_hand(scene: Scene, question: Message | None) -> bool:
    """Whether somebody took the order by hand after the bot had asked this."""
    taken = scene.taken_at
    return taken is not None and question is not None and question.created_at < taken


def _tell_taken(scene: Scene, verb: str) -> None:
    """The order that was taken is told of; another address for it is a person's to write."""
    if verb == "other":
        leave(scene, "change_address", key="handed_over")
    else:
        parcels.where(scene)


def _tapped_on(scene: Scene, tap: Message) -> Message | None:
    if tap.reply_to_wamid is None:
        return None
    named = select(Message).where(
        Message.conversation_id == scene.conversation.id, Message.wamid == tap.reply_to_wamid
    )
    return db.session().scalars(named).first()


def _last(scene: Scene) -> Message | None:
    """What was last said to them."""
    told = select(Message).where(
        Message.conversation_id == scene.conversation.id, Message.direction == Direction.OUT
    )
    return db.session().scalars(told.order_by(Message.seq.desc()).limit(1)).first()


def _titles(last: Message | None) -> Mapping[str, str]:
    """What each title carries: of the menu's rows, and of what our last message offers."""
    if last is None or last.origin is not Origin.BOT:
        return _menu_titles()
    told = {fold(title): key for key, title in choices(last) if len(title) > 2}
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
