"""What was said → what is done. Tables say which; the rooms beside this one do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import select

from flows.talks import asking, browsing, confirming, ordering, parcels
from flows.talks.leaving import leave, leave_file, leave_quietly
from flows.talks.scene import Scene
from flows.talks.tapping import hear_tap, hear_typed_title
from flows.understanding import Taught, Understood, understand
from models import db
from models.message import Message
from models.talk import Phrase

SURE = 0.6
"""From this confidence on a sentence is answered; what moves an order by itself needs more."""
CERTAIN = 0.8
"""Below it the merchant's own answer, on returns say, comes before a person."""
PATIENCE = 3
"""So often in a row it may misunderstand before a person comes."""
FILES = ("audio", "image", "video", "document")

Answer = Callable[[Scene, Understood], bool]
Deed = Callable[[Scene, Understood], None]

# What the bot asked last → who hears the answer; False: it is none, the sentence stands by itself.
STEPS: dict[str, Answer] = {
    "product": ordering.answer_product,
    "variant": ordering.answer_variant,
    "quantity": ordering.answer_quantity,
    "name": ordering.answer_name,
    "phone": ordering.answer_phone,
    "known_address": ordering.answer_known_address,
    "city": ordering.answer_city,
    "address": ordering.answer_address,
    "form": ordering.answer_address,
    "summary": ordering.answer_summary,
    "changing": ordering.answer_summary,
    "cost_city": asking.cost_city,
    "price_which": asking.price_of,
    "order_number": parcels.answer_number,
    "order_it": ordering.answer_offer,
    "failure_day": parcels.answer_day,
    "failure_address": parcels.answer_elsewhere,
    "cancel_sure": parcels.answer_cancel,
    "failure": parcels.answer_failure,
}

INTENTS: dict[str, Deed] = {
    "greeting": lambda scene, said: browsing.greet(scene),
    "order": ordering.order,
    "price": asking.price,
    "availability": asking.availability,
    "delivery_cost": asking.delivery_cost,
    "delivery_time": asking.delivery_time,
    "where_is_my_order": parcels.where,
    "confirm": parcels.confirmed,
    "cancel": parcels.cancel,
    "refuse": parcels.cancel,
    "change_address": parcels.change_placed,
    "change_order": parcels.change_placed,
    "later": lambda scene, said: leave(scene, "later", key="later_call"),
    "complaint": lambda scene, said: leave(scene, "complaint", key="complaint"),
    "human": lambda scene, said: leave(scene, "human"),
    "thanks": lambda scene, said: _thank(scene),
}
YES_OR_NO = ("summary", "changing", "known_address", "cancel_sure", "failure", "order_it")
"""Where a bare yes or no is an answer."""
NO_AT_MOST = ("product", "variant", "quantity", "phone", "city", "form")
"""Where only a no is one; "Safi" is a city too."""
FIRST = ("human", "complaint")
"""Whoever says this gets a person, whatever was asked."""
WORDLESS = ("stop", "start")
"""Recorded when it was read; nothing is said in return."""
WRITTEN_AS = {"darija": "ar"}
"""What a card says of somebody's language, where letters and language differ."""
SCRIPT = "ar"
"""The one language that its letters tell."""
SHORT = ("confirm", "refuse", "thanks")
"""What people say in any language: "ok", "merci", "non"."""
DATA = ("name", "phone", "city", "address", "failure_address", "cost_city", "order_number")
"""Questions whose answers are no sentences."""
PLACED = ("where_is_my_order", "change_address", "change_order")
ABOUT_CART = ("change_address", "change_order", "cancel", "refuse")


def decide(scene: Scene) -> None:
    """The scene says what is answered and done to everything that was heard, as one."""
    tapped: set[str] = set()
    for message in scene.heard:
        touched = str(message.payload.get("button_payload") or "")
        if not scene.leaves and not (touched and touched in tapped):
            _hear_other(scene, message)
        tapped.add(touched)  # a button that is touched twice was meant once
    if scene.turn.heard and not scene.leaves:
        _hear_words(scene)


# --- carts, places, files -------------------------------------------------------------------------


def _hear_other(scene: Scene, message: Message) -> None:
    """Whatever a message is besides words."""
    if message.kind in ("interactive", "button"):
        hear_tap(scene, message)
    elif message.kind == "order":
        ordering.take_cart(scene, message)
    elif message.kind == "location":
        if not _hear_place(scene, message):
            leave(scene, "location", key="handed_over")
    elif message.kind == "contacts":
        ordering.take_contact(scene, message)
    elif message.kind in FILES:
        leave_file(scene, message)
    elif message.kind not in ("text", "reaction", "sticker"):
        leave_quietly(scene, "unreadable")


def _hear_place(scene: Scene, message: Message) -> bool:
    if scene.talk.step == "failure_address":
        order = parcels.order_of(scene, str(scene.talk.facts.get("order", "")))
        body = message.payload.get("body") or {}
        pin = f"📍 {body.get('latitude')}, {body.get('longitude')}"
        line = f"{body.get('name') or body.get('address') or ''} {pin}".strip()
        return order is not None and parcels.move_elsewhere(scene, order, line, None)
    return ordering.take_place(scene, message)


# --- words ----------------------------------------------------------------------------------------


def _hear_words(scene: Scene) -> None:
    if hear_typed_title(scene):
        return
    # While an order is being put together a yes is about that one.
    busy = scene.talk.step in ordering.STEPS
    asked = None if busy else confirming.open_question(scene)
    said = _understand(scene, asked is not None)
    if said.intent in WORDLESS and said.confidence >= SURE:
        scene.did("said_nothing", why=said.intent)
    elif said.intent in FIRST and said.confidence >= SURE:
        if said.confidence >= CERTAIN or not _answers_own(scene, said):
            INTENTS[said.intent](scene, said)
    elif _answers_step(scene, said) or _answers_question(scene, said, asked):
        scene.talk.misses = 0
    elif said.confidence >= SURE and said.intent in INTENTS:
        _do(scene, said)
    elif not (_answers_own(scene, said) or _goes_on(scene, said)):
        _misunderstand(scene, asked)


def _answers_own(scene: Scene, said: Understood) -> bool:
    """Whether the merchant has an answer to this; an order is gone on with after."""
    step = scene.talk.step
    if not asking.answer_question(scene, said):
        return False
    _return_to(scene, step)
    return True


def _goes_on(scene: Scene, said: Understood) -> bool:
    """Whether it says something of an order that was left half-done and is not asked about."""
    return not scene.cart.empty and ordering.answer_product(scene, said)


def _understand(scene: Scene, asked: bool) -> Understood:
    said = _read(scene, asked_confirm=asked or scene.talk.step in YES_OR_NO)
    if scene.talk.step in NO_AT_MOST and said.intent in ("other", "thanks"):
        no = _read(scene, asked_confirm=True)
        said = no if no.intent == "refuse" else said
    scene.understood = said
    turn = scene.turn
    turn.language, turn.intent = said.language, said.intent
    turn.confidence, turn.rule = said.confidence, said.rule
    turn.entities = [entity.to_json() for entity in said.entities]
    if _shows_language(scene, said):
        _remember_language(scene, said.language)
    return said


def _read(scene: Scene, *, asked_confirm: bool) -> Understood:
    return understand(
        scene.turn.heard,
        scene.catalogue,
        country=scene.merchant.country,
        context="asked_confirm" if asked_confirm else None,
        taught=_taught(),
    )


def _nods(scene: Scene) -> bool:
    """ "ok", "oui", 👍 to nothing that was asked: nobody waits for an answer."""
    return not scene.talk.step and _read(scene, asked_confirm=True).rule.startswith("yes")


def _remember_language(scene: Scene, language: str) -> None:
    """Of the talk the last one; of the card the first, which a person may have chosen."""
    scene.talk.language = language
    if scene.card is not None and scene.card.language is None:
        scene.card.language = WRITTEN_AS.get(language, language)


def _shows_language(scene: Scene, said: Understood) -> bool:
    """Whether one can tell a language by it: a name, a city or an address has none."""
    words = scene.turn.heard.split()
    if not any(character.isalpha() for character in scene.turn.heard):
        return False
    if scene.talk.language is None:
        return True
    if scene.talk.step in DATA and said.intent == "other":
        return False
    if said.language == SCRIPT or said.intent == "greeting":
        return True
    if said.intent == "other":
        return len(words) >= 4
    if said.intent in SHORT:
        return len(words) >= 4
    told = {"address", "city"} & {entity.kind for entity in said.entities}
    return len(words) >= 3 and not (scene.talk.step in ordering.STEPS and told)


def _taught() -> Sequence[Taught]:
    rows = db.session().execute(select(Phrase.text, Phrase.intent).order_by(Phrase.id))
    return [Taught(text, intent) for text, intent in rows]


def _answers_step(scene: Scene, said: Understood) -> bool:
    step = STEPS.get(scene.talk.step)
    return step is not None and not _names_order(said) and step(scene, said)


def _names_order(said: Understood) -> bool:
    """Whether it is about an order that is placed, by its number."""
    numbered = any(entity.kind == "order_number" for entity in said.entities)
    return numbered and said.intent in ("cancel", *PLACED)


def _answers_question(scene: Scene, said: Understood, asked: confirming.Asked | None) -> bool:
    return asked is not None and confirming.answer(scene, asked, said)


def _do(scene: Scene, said: Understood) -> None:
    """The sentence stands by itself; an order that is being put together is gone on with after."""
    step = scene.talk.step
    scene.talk.misses = 0
    if said.intent in ("delivery_time", "delivery_cost", "greeting") and _has_own(scene, said):
        return
    if said.intent in ABOUT_CART:
        ordering.take_up_draft(scene)
    if not (scene.cart.empty or _names_order(said)) and _about_cart(scene, said):
        return
    INTENTS[said.intent](scene, said)
    _return_to(scene, step)


def _about_cart(scene: Scene, said: Understood) -> bool:
    """While an order is being put together, changes, a yes and a no are about that one."""
    if said.intent in ("change_address", "change_order"):
        return ordering.answer_summary(scene, said) or ordering.asked_what(scene)
    if said.intent in ("cancel", "refuse"):
        ordering.refuse(scene, said)
    elif said.intent == "confirm":
        ordering.go_on(scene)
    else:
        return False
    return True


def _has_own(scene: Scene, said: Understood) -> bool:
    """Of what the bot cannot tell by itself the merchant's own answer comes first."""
    tells = {"delivery_time": scene.bot.days_from is not None, "delivery_cost": bool(said.city)}
    if tells.get(said.intent, said.intent == "greeting"):
        return False
    return _answers_own(scene, said)


def _return_to(scene: Scene, step: str) -> None:
    """A question in the middle of an order was answered; what was asked before is asked again."""
    if step not in ordering.STEPS or scene.leaves or scene.talk.step:
        return
    if scene.reply is not None and scene.reply.buttons:
        scene.talk.step = step  # what can be tapped stays; the question is still heard
        return
    if scene.reply is not None:
        scene.notes.append(scene.reply.text)
    deed, facts = scene.turn.did, scene.turn.facts
    ordering.go_on(scene)
    scene.turn.did, scene.turn.facts = deed, facts


def _thank(scene: Scene) -> None:
    scene.tell("welcome")
    scene.did("thanked")


def _misunderstand(scene: Scene, asked: confirming.Asked | None) -> None:
    talk = scene.talk
    if _nods(scene):
        scene.did("said_nothing", why="nod")
        return
    if asked is not None and confirming.ask_again(scene, asked):
        return
    talk.misses += 1
    if talk.misses >= PATIENCE:
        leave(scene, "misses")
        return
    if talk.step in ordering.STEPS:
        scene.note("sorry")
        ordering.go_on(scene)
        scene.did("not_understood")
        return
    step = talk.step
    key = "not_understood" if talk.misses == 1 else "not_understood_again"
    browsing.show_menu(scene, key)
    talk.step = step  # the question stands: its answer is still heard
    scene.did("not_understood")
