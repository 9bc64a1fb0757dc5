"""The merchant's own phone beside the API: what is typed there comes as echoes, and as history."""

from __future__ import annotations

from typing import Any

from bot.simulator import compose, events
from bot.simulator.gestures import Gestures
from bot.simulator.names import new_wamid
from bot.simulator.world import Bubble, Customer, Json, Number

HISTORY_STATES = {"sent": "SENT", "delivered": "DELIVERED", "read": "READ", "played": "PLAYED"}
DECLINED = 2593109


class MerchantPhone(Gestures):
    def echo(
        self,
        who: str | Customer,
        text: str | None = None,
        *,
        number: str | None = None,
        type: str = "text",
        **content: Any,
    ) -> str:
        """The merchant has written to the customer from the phone app; returns the wamid."""
        customer = self.customer(who)
        found = self.number(number or customer.home)
        body = compose.content(self.world, type, text, content.get(type))
        wamid = new_wamid(customer.phone or customer.user_id[3:], from_customer=False)
        with self.turn():
            self.note(
                "echoed",
                wamid=wamid,
                number=found.id,
                customer=customer.id,
                type=type,
                content=body,
            )
            self._echo(customer, found, {"id": wamid, "type": type, type: body})
        return wamid

    def edit_echo(self, wamid: str, text: str) -> None:
        """The merchant has corrected a text on the phone."""
        bubble = self._echoed(wamid)
        content = {**bubble.content, "body": text}
        with self.turn():
            self.note("edited", wamid=wamid, customer=bubble.customer, content=content)
            edit = {"original_message_id": wamid, "message": {"type": "text", "text": content}}
            self._echo_of(bubble, {"type": "edit", "edit": edit})

    def revoke_echo(self, wamid: str) -> None:
        """The merchant has deleted a message on the phone, for everyone."""
        bubble = self._echoed(wamid)
        with self.turn():
            self.note("revoked", wamid=wamid, customer=bubble.customer)
            self._echo_of(bubble, {"type": "revoke", "revoke": {"original_message_id": wamid}})

    def sync_history(self, number: str, *, chunks: int = 1, declined: bool = False) -> int:
        """The chats of a number are posted as history, in so many chunks; how many messages.

        Declined: the merchant does not share them, and Meta says so.
        """
        if chunks < 1:
            raise ValueError("chunks count from 1")
        found = self.number(number)
        account = self.world.accounts[found.account]
        if declined:
            refusal = {"code": DECLINED, "title": "Request Declined", "message": "Request Declined"}
            refusal["error_data"] = {"details": "The business has declined to share its history"}
            with self.turn():
                self.emit(account, events.history(found, [{"errors": [refusal]}]), field="history")
            return 0
        threads = [self._thread(found, c) for (n, c) in list(self.world.chats) if n == found.id]
        parts = [threads[start::chunks] for start in range(chunks)]
        with self.turn():
            for order, part in enumerate(parts, 1):
                progress = round(100 * order / chunks)
                metadata = {"phase": order - 1, "chunk_order": order, "progress": progress}
                chunk = {"metadata": metadata, "threads": part}
                self.emit(account, events.history(found, [chunk]), field="history")
        return sum(len(thread["messages"]) for thread in threads)

    def sync_contacts(self, number: str) -> int:
        """The phone's address book is posted (`smb_app_state_sync`); how many contacts."""
        found = self.number(number)
        now = str(int(self.clock.time()))
        people = [c for c in self.world.customers.values() if c.phone]
        states = [
            {
                "type": "contact",
                "contact": {
                    "full_name": customer.name,
                    "first_name": customer.name.partition(" ")[0],
                    "phone_number": (customer.phone or "").lstrip("+"),
                },
                "action": "add",
                "metadata": {"timestamp": now},
            }
            for customer in people
        ]
        with self.turn():
            account = self.world.accounts[found.account]
            self.emit(account, events.state_sync(found, states), field="smb_app_state_sync")
        return len(people)

    def _thread(self, number: Number, customer_id: str) -> Json:
        customer = self.world.customers[customer_id]
        wamids = self.world.chat(number.id, customer_id).wamids
        bubbles = [self.world.bubbles[wamid] for wamid in wamids]
        messages = [_historic(number, customer, b) for b in bubbles if b.type != "call"]
        return {"id": customer.wa_id or customer.user_id, "messages": messages}

    def _echoed(self, wamid: str) -> Bubble:
        bubble = self.world.bubbles[wamid]
        if not bubble.echo:
            raise ValueError("this was not written on the merchant's phone")
        return bubble

    def _echo_of(self, bubble: Bubble, message: Json) -> None:
        customer = self.world.customers[bubble.customer or ""]
        wamid = new_wamid(customer.phone or customer.user_id[3:], from_customer=False)
        self._echo(customer, self.number(bubble.number), {"id": wamid} | message)

    def _echo(self, customer: Customer, number: Number, message: Json) -> None:
        contact = self.contact(customer, number.id)
        facts = {"timestamp": str(int(self.clock.time()))} | message
        value = events.echo(number, contact, facts)
        account = self.world.accounts[number.account]
        lane = f"{number.id}/{customer.id}"
        self.emit(account, value, field="smb_message_echoes", lane=lane)


def _historic(number: Number, customer: Customer, bubble: Bubble) -> Json:
    theirs = customer.wa_id or customer.user_id
    message: Json = {
        "from": theirs if bubble.from_customer else number.digits,
        "id": bubble.wamid,
        "timestamp": str(int(bubble.at)),
        "history_context": {"status": HISTORY_STATES.get(bubble.status, "PENDING")},
    }
    if bubble.type in compose.FILES:
        # Meta sends the files of history later, in bodies of their own.
        return message | {"type": "media_placeholder"}
    if bubble.type in ("text", "location", "contacts"):
        return message | {"type": bubble.type, bubble.type: bubble.content}
    text = bubble.shown.get("body") or bubble.type
    return message | {"type": "text", "text": {"body": str(text)}}
