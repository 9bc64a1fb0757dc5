"""What a customer does besides writing: forward, edit, delete, call, block, be somebody new."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from bot.simulator import compose, events
from bot.simulator.catalogue import cart
from bot.simulator.names import new_wamid
from bot.simulator.phones import Phones
from bot.simulator.world import Bubble, Customer, Json, Number

EDIT_SECONDS, REVOKE_SECONDS = 15 * 60, 2 * 86_400
OUTCOMES = {"answered": "COMPLETED", "missed": "FAILED", "rejected": "REJECTED"}


class Gestures(Phones):
    def forward(
        self, who: str | Customer, wamid: str, *, to: str | None = None, often: bool = False
    ) -> str:
        """The message goes to a business number again, as forwarded (or forwarded many times)."""
        bubble = self.world.bubbles[wamid]
        mark = {"frequently_forwarded" if often else "forwarded": True}
        whole = bubble.type in ("text", "location", "contacts", *compose.FILES)
        kind = bubble.type if whole else "text"
        content = bubble.content if whole else {"body": str(bubble.shown.get("body") or "")}
        if kind in compose.FILES and "id" not in content:
            raise ValueError("this file is a link and cannot be forwarded")
        # A text travels as `text`, everything else as the argument named after its type.
        body = {"text": str(content["body"])} if kind == "text" else {kind: _plain(content)}
        sent = self.write(who, to=to or bubble.number, type=kind, context=mark, **body)
        with self.turn():
            self.note("forwarded", wamid=sent, customer=self.customer(who).id)
        return sent

    def edit(self, who: str | Customer, wamid: str, text: str) -> None:
        """The text or the caption is another one; ValueError after 15 minutes."""
        customer, bubble = self._own(who, wamid, EDIT_SECONDS)
        if bubble.type not in ("text", "image", "video", "document"):
            raise ValueError(f"a {bubble.type} cannot be edited")
        name = "body" if bubble.type == "text" else "caption"
        content = {**bubble.content, name: text}
        with self.turn():
            self.note("edited", wamid=wamid, customer=customer.id, content=content)
            inner = {"type": bubble.type, bubble.type: content}
            edit = {"original_message_id": wamid, "message": inner}
            self._say(customer, self.number(bubble.number), {"type": "edit", "edit": edit})

    def revoke(self, who: str | Customer, wamid: str) -> None:
        """The message is deleted for everyone; ValueError after two days."""
        customer, bubble = self._own(who, wamid, REVOKE_SECONDS)
        with self.turn():
            self.note("revoked", wamid=wamid, customer=customer.id)
            revoke = {"original_message_id": wamid}
            self._say(customer, self.number(bubble.number), {"type": "revoke", "revoke": revoke})

    def order(
        self,
        who: str | Customer,
        items: Iterable[Json],
        *,
        text: str = "",
        to: str | None = None,
        reply_to: str | None = None,
    ) -> str:
        """The cart is sent: `items` are {id, quantity} of the business's catalogue; its wamid."""
        customer = self.customer(who)
        number = self.number(to or self._last_number(customer))
        body = cart(self.world.products_of(number.account), items, text)
        return self.write(customer, to=number.id, type="order", reply_to=reply_to, order=body)

    def call(
        self,
        who: str | Customer,
        *,
        to: str | None = None,
        outcome: str = "missed",
        seconds: int = 42,
    ) -> str:
        """The customer has called: answered, missed or rejected; the call's id."""
        customer = self.customer(who)
        number = self.number(to or self._last_number(customer))
        status = OUTCOMES[outcome]
        call_id = "wacid." + secrets.token_urlsafe(24)
        now = int(self.clock.time())
        talk = {"start_time": str(now), "end_time": str(now + seconds), "duration": seconds}
        ended = {"event": "terminate", "status": status} | (talk if outcome == "answered" else {})
        offer = {"event": "connect", "session": {"sdp_type": "offer", "sdp": "v=0"}}
        with self.turn():
            self.note(
                "called",
                wamid=call_id,
                number=number.id,
                customer=customer.id,
                from_customer=True,
                content={"outcome": outcome, "seconds": seconds if outcome == "answered" else 0},
            )
            for facts in (offer, ended):
                call = {"id": call_id, "direction": "USER_INITIATED", "timestamp": str(now)}
                value = events.call(number, self.contact(customer, number.id), call | facts)
                account = self.world.accounts[number.account]
                lane = f"{number.id}/{customer.id}"
                self.emit(account, value, field="calls", lane=lane)
        return call_id

    def block(self, who: str | Customer, number: str, *, blocked: bool = True) -> None:
        """Nothing of this number arrives any more (or again); the business is not told."""
        with self.turn():
            found = self.number(number).id
            self.note("blocked", customer=self.customer(who).id, number=found, blocked=blocked)

    def keep_receipts(
        self, who: str | Customer, *, receipts: bool | None = None, arrivals: bool | None = None
    ) -> None:
        """Whether the business hears what was read, and what arrived at all."""
        customer = self.customer(who)
        with self.turn():
            self.note(
                "receipts",
                customer=customer.id,
                receipts=customer.receipts if receipts is None else receipts,
                arrivals=customer.arrivals if arrivals is None else arrivals,
            )

    def change_number(self, who: str | Customer, phone: str) -> None:
        """The same person has another phone number, and so another user id; businesses hear it."""
        customer = self.customer(who)
        if self.world.somebody(phone):
            raise ValueError("somebody has this number already")
        before = customer.wa_id or customer.username or customer.name
        body = f"User {customer.name} changed from {before} to {phone.lstrip('+')}"
        self._become(customer, "user_changed_number", body, phone=phone)

    def change_user_id(self, who: str | Customer) -> None:
        """The user id is a new one and the phone number stays."""
        customer = self.customer(who)
        self._become(customer, "user_changed_user_id", f"User {customer.name} changed their id")

    def adopt_username(self, who: str | Customer, username: str | None) -> None:
        """Businesses see the username and no phone number; None: the number again."""
        customer = self.customer(who)
        with self.turn():
            self._known_as(customer, username=username, shows_phone=username is None)

    def reinstall(self, who: str | Customer) -> None:
        """WhatsApp is on a new phone: the identity changed, number and user id did not."""
        customer = self.customer(who)
        body = f"Your security code with {customer.name} changed"
        now = str(int(self.clock.time()))
        identity = {"acknowledged": True, "created_timestamp": now, "hash": secrets.token_hex(8)}
        with self.turn():
            for number in self._acquainted(customer):
                system = {"body": body, "type": "customer_identity_changed"}
                message = {"type": "system", "system": system, "identity": identity}
                self._say(customer, number, message)

    def _become(
        self, customer: Customer, kind: str, body: str, *, phone: str | None = None
    ) -> None:
        numbers = self._acquainted(customer)
        before = {n.id: self.contact(customer, n.id) for n in numbers}
        country = customer.user_id.partition(".")[0]
        user_id = f"{country}.{secrets.randbelow(10**19):020d}"
        with self.turn():
            self._known_as(customer, user_id=user_id, phone=phone or customer.phone)
            for number in numbers:
                old, new = before[number.id], self.contact(customer, number.id)
                system = {"body": body, "type": kind, "wa_id": new.get("wa_id")}
                system |= {"user_id": new["user_id"], "previous_user_id": old["user_id"]}
                system = {name: fact for name, fact in system.items() if fact}
                self._say(customer, number, {"type": "system", "system": system}, was=old)

    def _known_as(self, customer: Customer, **changed: Any) -> None:
        names = ("phone", "user_id", "username", "shows_phone")
        facts = {name: getattr(customer, name) for name in names}
        self.note("known_as", customer=customer.id, **facts | changed)

    def _say(
        self, customer: Customer, number: Number, message: Json, *, was: Json | None = None
    ) -> None:
        """A message that is no bubble of its own; `was`: the contact it speaks of."""
        contact = was or self.contact(customer, number.id)
        wamid = new_wamid(customer.wa_id or customer.user_id[3:], from_customer=True)
        facts = {"id": wamid, "timestamp": str(int(self.clock.time()))} | message
        value = events.inbound(number, contact, facts)
        if message["type"] == "system":
            # Meta leaves the contacts out of what the system says.
            del value["contacts"]
        account = self.world.accounts[number.account]
        self.emit(account, value, lane=f"{number.id}/{customer.id}")

    def _own(self, who: str | Customer, wamid: str, seconds: float) -> tuple[Customer, Bubble]:
        customer, bubble = self.customer(who), self.world.bubbles[wamid]
        if not bubble.from_customer or bubble.customer != customer.id:
            raise ValueError("this message is not theirs")
        if not customer.online or bubble.status == "waiting":
            raise ValueError("this phone has no network")
        if self.clock.time() > bubble.at + seconds:
            raise ValueError("it is too late for this message")
        return customer, bubble

    def _acquainted(self, customer: Customer) -> list[Number]:
        return [self.number(n) for (n, who) in list(self.world.chats) if who == customer.id]


def _plain(content: Any) -> Any:
    """The content without what a copy must not keep."""
    kept = ("id", "caption", "filename", "voice", "animated", "mime_type", "sha256")
    if isinstance(content, dict) and "id" in content:
        return {name: content[name] for name in kept if name in content}
    return content
