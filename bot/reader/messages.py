"""Messages of both sides, and the statuses of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.reader.parts import (
    Malformed,
    Place,
    first,
    identified,
    instant,
    need,
    part,
    parts,
    person,
    text,
)
from flows.events import Echo, Inbound, Json, Person, Status

# Where the words of a kind stand in its body; kinds that are not here are tried with ELSEWHERE.
WORDS: dict[str, tuple[str, ...]] = {
    "document": ("caption", "filename"),
    "location": ("name", "address"),
    "reaction": ("emoji",),
    "button": ("text", "payload"),
    "revoke": (),
    "unsupported": (),
}
ELSEWHERE = ("body", "caption", "text", "title")

TARGETS = {
    "reaction": "message_id",
    "edit": "original_message_id",
    "revoke": "original_message_id",
}

# A message without a type is of the kind whose body it has.
KINDS = (
    "text", "image", "video", "audio", "document", "sticker", "location", "contacts", "reaction",
    "interactive", "button", "order", "system", "edit", "revoke", "unsupported",
)  # fmt: skip

# "customer_identity_changed" is no move: the same number, a new device.
MOVES = ("user_changed_number", "user_changed_user_id", "customer_changed_number")

READ = {
    "id", "timestamp", "type", "errors", "group_id", "referral", "history_context",
    "from", "from_user_id", "from_parent_user_id", "to", "to_user_id", "to_parent_user_id",
}  # fmt: skip
READ_CONTEXT = {"id", "from", "forwarded", "frequently_forwarded", "referred_product"}
READ_STATUS = {
    "id", "status", "timestamp", "type", "biz_opaque_callback_data", "pricing", "conversation",
    "errors", "recipient_id", "recipient_user_id", "recipient_type",
    "recipient_parent_user_id", "parent_recipient_user_id", "parent_user_id",
    "recipient_participant_id", "participant_recipient_id",
    "recipient_participant_user_id", "recipient_participant_parent_user_id",
}  # fmt: skip


def inbound(place: Place, item: Json) -> Iterator[Inbound]:
    """A customer's message; Malformed when it has no id or names nobody."""
    written = _written(place, item)
    moved = part(item, "system") if written["kind"] == "system" else {}
    yield Inbound(
        **written,
        sender=identified(place.people.complete(_sender(item, moved))),
        referral=part(item, "referral") or None,
        product=part(part(item, "context"), "referred_product") or None,
        became=_became(moved),
    )


def echo(place: Place, item: Json) -> Iterator[Echo]:
    """A message the merchant just wrote in the phone app."""
    # Edits and revocations have been seen with the two numbers exchanged.
    side = "from" if person(item.get("to")).wa_id == place.our_number else "to"
    yield _echo(place, item, _side(item, side), outgoing=True, historic=False)


def old_message(place: Place, item: Json, thread: Json | None = None) -> Iterator[Echo]:
    """A message of either side that history brings, in a thread named after its customer."""
    customer = _of_thread(thread or {})
    outgoing = _by_merchant(place, item, customer)
    if thread is None:
        customer = _side(item, "to" if outgoing else "from")
    state = first(part(item, "history_context"), "status")
    state = state and state.lower()
    yield _echo(place, item, customer, outgoing=outgoing, historic=True, status=state)


def status(place: Place, item: Json) -> Iterator[Status]:
    """How far a message came; Malformed when it names no message or is about something else."""
    if text(item.get("type")) not in (None, "message"):
        raise Malformed(f"a status of a {item['type']}")
    group = first(item, "recipient_id") if item.get("recipient_type") == "group" else None
    yield Status(
        **place.address,
        wamid=need(item, "id"),
        status=need(item, "status").lower(),
        at=instant(item.get("timestamp")) or place.at,
        recipient=Person() if group else place.people.complete(_recipient(item)),
        callback=text(item.get("biz_opaque_callback_data")),
        pricing=part(item, "pricing") or None,
        conversation=part(item, "conversation") or None,
        errors=parts(item.get("errors")),
        recipient_type=text(item.get("recipient_type")),
        group_id=group,
        participant=place.people.complete(_participant(item)) if group else None,
        extra={name: value for name, value in item.items() if name not in READ_STATUS},
    )


def _written(place: Place, item: Json) -> dict[str, Any]:
    kind = text(item.get("type")) or next((name for name in KINDS if name in item), "unknown")
    body = _body(item, kind)
    context = part(item, "context")
    button = _choice(body) if kind == "interactive" else body if kind == "button" else {}
    return place.address | {
        "wamid": need(item, "id"),
        "at": instant(item.get("timestamp")) or place.at,
        "kind": kind,
        "text": _words(kind, body),
        "payload": body,
        "button_payload": first(button, "payload", "id"),
        "button_text": first(button, "text", "title"),
        "context_wamid": first(context, "id"),
        "target_wamid": first(body, TARGETS[kind]) if kind in TARGETS else None,
        "forwarded": bool(context.get("forwarded") or context.get("frequently_forwarded")),
        "often_forwarded": bool(context.get("frequently_forwarded")),
        "errors": parts(item.get("errors")),
        "group_id": first(item, "group_id"),
        "extra": _rest(item, kind, context),
    }


def _body(item: Json, kind: str) -> Json:
    body = item.get(kind)
    if isinstance(body, dict):
        return body
    return {} if body is None else {kind: body}


def _words(kind: str, body: Json) -> str:
    if kind == "contacts":
        cards = (part(card, "name") for card in parts(body.get("contacts")))
        return ", ".join(filter(None, (first(c, "formatted_name", "first_name") for c in cards)))
    if kind == "interactive":
        return first(_choice(body), "title", "body") or ""
    if kind == "edit":
        edited = part(body, "message")
        inner = text(edited.get("type")) or "text"
        return _words(inner, _body(edited, inner))
    values = (body.get(name) for name in WORDS.get(kind, ELSEWHERE))
    return next((value for value in values if isinstance(value, str) and value.strip()), "")


def _choice(interactive: Json) -> Json:
    return part(interactive, text(interactive.get("type")) or "")


def _rest(item: Json, kind: str, context: Json) -> Json:
    rest = {name: value for name, value in item.items() if name not in READ and name != kind}
    if context.keys() <= READ_CONTEXT and "context" in rest:
        del rest["context"]
    return rest


def _sender(item: Json, moved: Json) -> Person:
    # A system message speaks of who the customer was; "customer" is how old payloads say it.
    return person(
        item.get("from") or moved.get("customer"),
        moved.get("previous_user_id") or item.get("from_user_id"),
        moved.get("previous_parent_user_id") or item.get("from_parent_user_id"),
    )


def _became(moved: Json) -> Person | None:
    if text(moved.get("type")) not in MOVES:
        return None
    number = first(moved, "wa_id", "new_wa_id")
    now = person(number, moved.get("user_id"), moved.get("parent_user_id"))
    return now if now.wa_id or now.user_id else None


def _side(item: Json, side: str) -> Person:
    return person(item.get(side), item.get(f"{side}_user_id"), item.get(f"{side}_parent_user_id"))


def _of_thread(thread: Json) -> Person:
    named = part(thread, "context")
    number = first(named, "wa_id") or first(thread, "id")
    return person(number, named.get("user_id"), named.get("parent_user_id"))


def _by_merchant(place: Place, item: Json, customer: Person) -> bool:
    author = _side(item, "from")
    if author.wa_id and author.wa_id == place.our_number:
        return True
    theirs = {customer.wa_id, customer.user_id} - {None}
    return bool(theirs) and not theirs & {author.wa_id, author.user_id}


def _echo(place: Place, item: Json, customer: Person, **facts: Any) -> Echo:
    customer = identified(place.people.complete(customer))
    return Echo(**_written(place, item), person=customer, **facts)


def _recipient(item: Json) -> Person:
    parent = first(item, "recipient_parent_user_id", "parent_recipient_user_id", "parent_user_id")
    return person(item.get("recipient_id"), item.get("recipient_user_id"), parent)


def _participant(item: Json) -> Person:
    return person(
        first(item, "recipient_participant_id", "participant_recipient_id"),
        item.get("recipient_participant_user_id"),
        item.get("recipient_participant_parent_user_id"),
    )
