"""The bodies Meta posts to a webhook: values of one event each, and how many become one body."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

from bot.simulator.errors import problem
from bot.simulator.world import Customer, Json, Number

SIGNATURE = "X-Hub-Signature-256"
SHAPES = ("merged", "changes", "entries")


@dataclass(frozen=True)
class Event:
    """One thing that happened, as one `change` of a webhook body."""

    id: str
    account: str
    field: str
    value: Json
    lane: str
    """Events of one lane reach the business in order."""
    at: float
    wamid: str | None = None
    """The customer's message it carries, if it does."""


def person(customer: Customer, user_id: str) -> Json:
    """The `contacts` item: what a business may know about this customer."""
    profile = {"name": customer.name, "username": customer.username}
    contact = {"profile": _given(profile), "wa_id": customer.wa_id, "user_id": user_id}
    return _given(contact)


def inbound(number: Number, contact: Json, message: Json) -> Json:
    """The value of a message from a customer."""
    sender = {"from": contact.get("wa_id"), "from_user_id": contact["user_id"]}
    return _about(number) | {"contacts": [contact], "messages": [_given(sender) | message]}


def status(number: Number, contact: Json | None, facts: Json) -> Json:
    """The value of a status; Meta leaves `contacts` out of failed ones."""
    people = {"contacts": [contact]} if contact and facts["status"] != "failed" else {}
    return _about(number) | people | {"statuses": [_given(facts)]}


def error(code: int, details: str) -> Json:
    """An item of `errors` in a failed status."""
    title = problem(code).title
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details},
        "href": "/documentation/business-messaging/whatsapp/support/error-codes",
    }


def template_news(template_id: str, name: str, language: str, facts: Json) -> Json:
    """The value of `message_template_status_update`; facts: event, category, reason and more."""
    return {
        "message_template_id": int(template_id),
        "message_template_name": name,
        "message_template_language": language,
    } | facts


def preference(number: Number, contact: Json, facts: Json) -> Json:
    """The value of `user_preferences`: marketing messages stopped or resumed."""
    return _about(number) | {"contacts": [contact], "user_preferences": [_given(facts)]}


def call(number: Number, contact: Json, facts: Json) -> Json:
    """The value of one event of a customer's call."""
    ends = _given({"from": contact.get("wa_id"), "from_user_id": contact["user_id"]})
    item = ends | {"to": number.digits} | facts
    return _about(number) | {"contacts": [contact], "calls": [item]}


def echo(number: Number, contact: Json, message: Json) -> Json:
    """The value of what the merchant wrote on the phone app."""
    ends = {"from": number.digits, "to": contact.get("wa_id"), "to_user_id": contact["user_id"]}
    return _about(number) | {"contacts": [contact], "message_echoes": [_given(ends) | message]}


def history(number: Number, chunks: list[Json]) -> Json:
    """The value of chats from before the number came to the API."""
    return _about(number) | {"history": chunks}


def state_sync(number: Number, states: list[Json]) -> Json:
    """The value of the phone's address book."""
    return _about(number) | {"state_sync": states}


def body(events: Sequence[Event], shape: str = "merged") -> bytes:
    """One webhook body of these events.

    Shapes: "merged" puts what may share an entry, a change or a list there; "changes" gives every
    event its own change, "entries" its own entry; "mixed" does one or the other, always the same
    for the same event.
    """
    entries: list[Json] = []
    for event in events:
        own = _own_shape(event) if shape == "mixed" else shape
        entry = _entry_for(entries, event, own)
        _add(entry["changes"], event, own)
    document = {"object": "whatsapp_business_account", "entry": entries}
    # Meta escapes everything outside ASCII, and slashes too: signatures are over these bytes.
    return json.dumps(document, separators=(",", ":")).replace("/", "\\/").encode()


def _own_shape(event: Event) -> str:
    return SHAPES[hashlib.sha256(event.id.encode()).digest()[0] % len(SHAPES)]


def signature(raw: bytes, app_secret: str) -> str:
    """The X-Hub-Signature-256 header of these bytes."""
    return "sha256=" + hmac.new(app_secret.encode(), raw, hashlib.sha256).hexdigest()


def signed(raw: bytes, app_secret: str, manner: str) -> dict[str, str]:
    """The signature's header, as true or as false as one of the manner's SIGNATURES."""
    true = signature(raw, app_secret)
    return {
        "true": {SIGNATURE: true},
        "wrong": {SIGNATURE: signature(raw, app_secret + "?")},
        "missing": {},
        "truncated": {SIGNATURE: true[:-8]},
        "not ascii": {SIGNATURE: true[:-2] + "\u00e9\u00e9"},
    }[manner]


def _about(number: Number) -> Json:
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": number.digits, "phone_number_id": number.id},
    }


def _given(facts: Json) -> Json:
    return {key: value for key, value in facts.items() if value not in (None, "")}


def _entry_for(entries: list[Json], event: Event, shape: str) -> Json:
    timed = event.field != "messages"
    if shape != "entries" and not timed:
        for entry in entries:
            if entry["id"] == event.account and "time" not in entry:
                return entry
    entry = {"id": event.account, "changes": []}
    if timed:
        entry["time"] = int(event.at)
    entries.append(entry)
    return entry


def _add(changes: list[Json], event: Event, shape: str) -> None:
    kind = _list_of(event.value)
    if shape == "merged" and kind:
        for change in changes:
            if _list_of(change["value"]) == kind and _same_number(change["value"], event.value):
                _merge(change["value"], event.value, kind)
                return
    # A copy: merging into it must not touch the event itself, which may be posted again.
    changes.append({"field": event.field, "value": json.loads(json.dumps(event.value))})


def _list_of(value: Json) -> str | None:
    return next((kind for kind in ("messages", "statuses") if kind in value), None)


def _same_number(one: Json, other: Json) -> bool:
    return bool(one["metadata"] == other["metadata"])


def _merge(value: Json, more: Json, kind: str) -> None:
    value[kind].extend(more[kind])
    for contact in more.get("contacts", []):
        if contact not in value.setdefault("contacts", []):
            value["contacts"].append(contact)
