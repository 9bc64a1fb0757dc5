"""What a webhook loses or gains on the way: phones, contacts, its date, things unheard of."""

from __future__ import annotations

import copy
from typing import Any

from bot.simulator.manner import Manner
from bot.simulator.world import Json

PHONES = {"from", "to", "wa_id", "recipient_id"}
USER_IDS = {"user_id", "from_user_id", "to_user_id", "recipient_user_id"}
UNHEARD_OF: Json = {"since": "v99", "list": [1, {"deep": [None, True]}], "text": "ما هذا؟"}


def bent(value: Json, manner: Manner) -> Json:
    """The value as this manner lets it travel; the given one stays as it is."""
    changed = copy.deepcopy(value)
    people = "messages" in value or "message_echoes" in value
    shown = manner.senders if people else manner.contacts
    if not shown and (people or "statuses" in value):
        changed.pop("contacts", None)
    if not manner.phones:
        _without_phones(changed)
    if manner.aged:
        _older(changed, int(manner.aged))
    if manner.strange:
        _strange(changed)
    return changed


def unheard_of(value: Json) -> Json | None:
    """A message of a type nobody knows, from the same customer; None when there is no message."""
    if not value.get("messages"):
        return None
    changed = copy.deepcopy(value)
    message = changed["messages"][0]
    kept = {key: message[key] for key in ("from", "from_user_id", "timestamp") if key in message}
    kept |= {"id": message["id"] + "NEW", "type": "hologram", "hologram": UNHEARD_OF}
    changed["messages"] = [kept]
    return changed


def _without_phones(thing: Any) -> None:
    """Everybody who has a user id has nothing else."""
    for part in _objects(thing):
        if USER_IDS & part.keys():
            for name in PHONES & part.keys():
                # The business's own number is no secret.
                if not (name == "from" and "to_user_id" in part):
                    del part[name]
        if isinstance(part.get("context"), dict):
            part["context"].pop("from", None)


def _older(thing: Any, seconds: int) -> None:
    for part in _objects(thing):
        for name in ("timestamp", "time"):
            stamp = part.get(name)
            if isinstance(stamp, (str, int)) and str(stamp).isdigit():
                part[name] = type(stamp)(int(stamp) - seconds)


def _strange(value: Json) -> None:
    value["next_generation"] = UNHEARD_OF
    for kind in ("contacts", "messages", "statuses"):
        for item in value.get(kind) or []:
            item["x_added_last_week"] = UNHEARD_OF
    for status in value.get("statuses") or []:
        if isinstance(status.get("pricing"), dict):
            status["pricing"]["tier"] = {"id": "unheard-of"}


def _objects(thing: Any) -> list[Json]:
    """Every JSON object inside, the outermost first."""
    if isinstance(thing, dict):
        return [thing, *(part for value in thing.values() for part in _objects(value))]
    if isinstance(thing, list):
        return [part for value in thing for part in _objects(value)]
    return []
