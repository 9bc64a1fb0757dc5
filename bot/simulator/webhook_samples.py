"""One webhook of every kind Meta documents, about this world's numbers, people and templates.

`webhook_kinds.jsonl` holds a line for each: kind, field, value, with <blanks> for what depends on
the world. A blank that has no answer (the phone of somebody without one) leaves its key out.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from bot.simulator.merchant_phone import MerchantPhone
from bot.simulator.names import new_wamid
from bot.simulator.samples import SAMPLES, sample
from bot.simulator.sends import Sends
from bot.simulator.world import Customer, Json, Media, Number

BLANK = re.compile(r"<(\w+)(?::(\w+))?>")
DAY = 86_400


@cache
def kinds() -> dict[str, Json]:
    """Every kind: {kind, field, value}, in the order of the file."""
    path = Path(__file__).with_name("webhook_kinds.jsonl")
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {line["kind"]: line for line in lines}


class WebhookSamples(Sends, MerchantPhone):
    def send_webhook(self, kind: str, *, who: str | Customer, number: str | None = None) -> Json:
        """A webhook of this kind is posted, about this customer and number; its value.

        Nothing happens in this world: no bubble moves. KeyError for an unknown kind.
        """
        line = kinds()[kind]
        customer = self.customer(who)
        found = self.number(number or customer.home)
        value: Json = _filled(line["value"], self._blanks(customer, found))
        with self.turn():
            account = self.world.accounts[found.account]
            self.emit(account, value, field=line["field"], lane=f"{found.id}/{customer.id}")
        return value

    def _blanks(self, customer: Customer, number: Number) -> dict[str, Callable[[str | None], Any]]:
        contact = self.contact(customer, number.id)
        mine = [t for t in self.world.templates.values() if t.account == number.account]
        template = mine[0] if mine else None
        now = int(self.clock.time())
        chat = self.world.chats.get((number.id, customer.id))
        wamids = chat.wamids if chat else []
        bubbles = [self.world.bubbles[wamid] for wamid in reversed(wamids)]

        def last(*, theirs: bool) -> str:
            known = (b.wamid for b in bubbles if b.from_customer == theirs and b.type != "call")
            return next(known, new_wamid(number.digits, from_customer=theirs))

        said: dict[str, Callable[[str | None], Any]] = {
            "number": lambda _: number.id,
            "digits": lambda _: number.digits,
            "name": lambda _: customer.name,
            "username": lambda _: (customer.username or customer.id).lstrip("@"),
            "wa_id": lambda _: contact.get("wa_id"),
            "user_id": lambda _: contact["user_id"],
            "wamid": lambda _: new_wamid(number.digits, from_customer=True),
            "call": lambda _: "wacid." + new_wamid(number.digits, from_customer=True)[6:],
            "ours": lambda _: last(theirs=False),
            "theirs": lambda _: last(theirs=True),
            "now": lambda sort: now if sort == "int" else str(now),
            "tomorrow": lambda sort: now + DAY if sort == "int" else str(now + DAY),
            "template_id": lambda _: int(template.id) if template else 1,
            "template": lambda _: template.name if template else "none",
            "language": lambda _: template.language if template else "fr",
            "media": lambda kind: self._sample(str(kind)),
        }
        return said

    def _sample(self, kind: str) -> Media:
        return self.keep_media(*sample(kind if kind in SAMPLES else "document"))


def _filled(thing: Any, blanks: dict[str, Callable[[str | None], Any]]) -> Any:
    if isinstance(thing, list):
        return [_filled(part, blanks) for part in thing]
    if isinstance(thing, dict):
        filled = {key: _filled(value, blanks) for key, value in thing.items()}
        return _with_file({key: value for key, value in filled.items() if value is not _NOTHING})
    if not isinstance(thing, str):
        return thing
    whole = BLANK.fullmatch(thing)
    if whole and whole[1] in blanks:
        answer = blanks[whole[1]](whole[2])
        return _NOTHING if answer is None else answer
    return BLANK.sub(lambda m: str(blanks[m[1]](m[2])) if m[1] in blanks else m[0], thing)


def _with_file(facts: Json) -> Json:
    """A file's facts are those of the stored one."""
    media = facts.get("id")
    if not isinstance(media, Media):
        return facts
    digest = base64.b64encode(bytes.fromhex(media.sha256)).decode()
    return facts | {"id": media.id, "mime_type": media.mime_type, "sha256": digest}


_NOTHING = object()
