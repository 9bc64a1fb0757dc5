"""The business side: Meta accepts a send, an upload or a template, or refuses it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from bot.simulator.checks import check, invalid
from bot.simulator.errors import GraphError, details_of
from bot.simulator.faults import Fault
from bot.simulator.filled import fill, find
from bot.simulator.names import new_object_id, new_wamid
from bot.simulator.shown import shown
from bot.simulator.strikes import Strikes
from bot.simulator.world import Bubble, Customer, Json, Media, Number

TYPING_SECONDS = 25.0


@dataclass(frozen=True)
class Recipient:
    """Whom a send reaches: a customer of this world, or a number nobody has."""

    input: str
    address: str
    customer: Customer | None


class Sends(Strikes):
    def accept(self, number: Number, body: Any, fault: Fault | None = None) -> Json:
        """Graph's answer to a send, already in the ledger; raises GraphError when it refuses."""
        held = fault is not None and fault.what == "held"
        with self.turn():
            to, kind, drawn, category = self._examined(number, body)
            self.brakes.pass_one(number.id, to.address, self.clock.time())
            wamid = new_wamid(_digits(to.address), from_customer=False)
            self.note(
                "accepted",
                wamid=wamid,
                number=number.id,
                customer=to.customer.id if to.customer else None,
                recipient=to.address,
                type=kind,
                category=category,
                callback=body.get("biz_opaque_callback_data"),
                shown=drawn,
                body=body,
                fault=fault.what if fault else None,
                held_until=self.clock.time() + fault.seconds if fault and held else None,
            )
            self._go(self.world.bubbles[wamid], to, fault)
            early = self.manner.early
        if early:
            self.postman.deliver()
        return _accepted(to, wamid, "held_for_quality_assessment" if held else "accepted")

    def mark_read(self, number: Number, body: Json) -> Json:
        """The customer's message and those before it are read; with typing, the phone shows it."""
        bubble = self.world.bubbles.get(str(body.get("message_id")))
        if bubble is None or not bubble.from_customer or bubble.number != number.id:
            raise invalid("message_id does not name a message this number received")
        with self.turn():
            self.note("business_read", wamid=bubble.wamid, customer=bubble.customer)
            if body.get("typing_indicator") and bubble.customer:
                # Worth no record: it is over in seconds.
                chat = self.world.chat(number.id, bubble.customer)
                chat.typing_until = self.clock.time() + TYPING_SECONDS
        return {"success": True}

    def keep_media(
        self, data: bytes, mime_type: str, filename: str, number: str | None = None
    ) -> Media:
        """The file is stored; `number` is the business number it was uploaded to, if any."""
        media = Media(
            id=new_object_id(),
            mime_type=mime_type,
            sha256=hashlib.sha256(data).hexdigest(),
            file_size=len(data),
            filename=filename,
            number=number,
        )
        self.files.put(media.id, data)
        with self.turn():
            self.note("media", **asdict(media))
        return media

    def addressed(self, number: Number, body: Any) -> Customer | None:
        """The customer a send is meant for, if the body says so clearly enough to tell."""
        if not isinstance(body, dict):
            return None
        try:
            return self._recipient(number, body).customer
        except (KeyError, GraphError):
            return None

    def _examined(self, number: Number, body: Any) -> tuple[Recipient, str, Json, str]:
        try:
            check(self.world, body)
            kind = body.get("type", "text")
            to = self._recipient(number, body)
            return to, kind, *self._drawn(number, kind, body[kind], to)
        except (AttributeError, KeyError, TypeError) as wrong:
            # A text where an object belongs, and the like: Graph has one answer for all of them.
            raise GraphError(100, f"Invalid parameter: {wrong}") from wrong

    def _recipient(self, number: Number, body: Json) -> Recipient:
        if not body.get("to"):
            user_id = str(body["recipient"])
            return Recipient(user_id, user_id, self.world.with_user_id(user_id, number.account))
        digits = _digits(str(body["to"]))
        if digits == number.digits:
            raise GraphError(131021, details_of(131021))
        customer = self.world.somebody(digits)
        if customer is None and not str(body["to"]).startswith("+"):
            # Without a plus Meta may put the business's own country code in front.
            customer = self.world.somebody(number.digits[:3] + digits.lstrip("0"))
        address = customer.phone if customer and customer.phone else f"+{digits}"
        return Recipient(str(body["to"]), address, customer)

    def _drawn(self, number: Number, kind: str, content: Any, to: Recipient) -> tuple[Json, str]:
        if kind != "template":
            return shown(kind, content), "service"
        template = find(self.world, number.account, content)
        if template.category == "AUTHENTICATION" and not to.address.startswith("+"):
            raise GraphError(131062, details_of(131062))
        drawn = fill(self.world, template, content.get("components") or [], self.clock.time())
        return drawn, template.category.lower()

    def _go(self, bubble: Bubble, to: Recipient, fault: Fault | None) -> None:
        refusal = fault.code if fault and fault.late else self._late_refusal(bubble, to)
        if refusal:
            self.give_up(bubble, refusal)
        elif fault is None or fault.what != "held":
            self.set_out(bubble)

    def _late_refusal(self, bubble: Bubble, to: Recipient) -> int | None:
        if to.customer is None:
            return 131026
        chat = self.world.chat(bubble.number, to.customer.id)
        if bubble.type != "template" and not self.window_open(chat, self.clock.time()):
            return 131047
        account = self.world.numbers[bubble.number].account
        if bubble.category == "marketing" and account in to.customer.stopped:
            return 131050
        return None


def _accepted(to: Recipient, wamid: str, said: str) -> Json:
    contact = {"input": to.input}
    contact["wa_id" if to.address.startswith("+") else "user_id"] = to.address.lstrip("+")
    return {
        "messaging_product": "whatsapp",
        "contacts": [contact],
        "messages": [{"id": wamid, "message_status": said}],
    }


def _digits(address: str) -> str:
    return "".join(filter(str.isdigit, address))
