"""The customers' side: writing, tapping, reacting, reading, and losing the network."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bot.simulator import compose, events, offers
from bot.simulator.catalogue import cart
from bot.simulator.manner import Manner
from bot.simulator.names import new_wamid
from bot.simulator.offers import choices_of
from bot.simulator.statuses import Statuses
from bot.simulator.world import LADDER, Account, Bubble, Customer, Json, Number


class Phones(Statuses):
    def write(
        self,
        who: str | Customer,
        text: str | None = None,
        *,
        to: str | None = None,
        type: str = "text",
        reply_to: str | None = None,
        referral: Json | None = None,
        context: Json | None = None,
        manner: Manner | None = None,
        **content: Any,
    ) -> str:
        """The customer's message is sent; returns its wamid.

        `to` is a phone_number_id (default: the number this customer last wrote to, else home).
        Any type goes: its body is the argument of the same name (`type="location",
        location={...}`); `text` is the text, or the caption of a file. Files name a stored
        medium: `image={"id": media.id}`. `reply_to` quotes a wamid, `referral` says the customer
        came through an ad. Offline, the message waits on the phone.
        """
        with self.still():
            customer = self.customer(who)
            number = self.world.numbers[to or self._last_number(customer)]
        body = compose.content(self.world, type, text, content.get(type))
        if type in compose.FILES:
            body["url"] = self.media_link(body["id"])
        if reply_to:
            context = compose.quote(self.world, reply_to) | (context or {})
        if number.id in customer.blocked:
            raise ValueError("this customer has blocked the number")
        with self.turn(manner):
            return self._write(customer, number, type, body, context, referral)

    def tap(
        self,
        who: str | Customer,
        wamid: str,
        index: int = 0,
        *,
        given: Json | None = None,
        manner: Manner | None = None,
    ) -> str:
        """The customer taps choice `index` of a message; returns the wamid of the answer.

        Choices are buttons, or the rows of a list. A link answers nothing: ValueError. `given` is
        what the customer filled in: a flow's fields, a place, {"response": "accept"}, {"items"}.
        """
        customer, bubble = self.customer(who), self.world.bubbles[wamid]
        kind, body = self._answer(customer, bubble, choices_of(bubble)[index], given)
        quoted = compose.quote(self.world, wamid)
        with self.turn(manner):
            self.note("tapped", wamid=wamid, customer=customer.id, index=index)
            number = self.world.numbers[bubble.number]
            return self._write(customer, number, kind, body, quoted, None)

    def react(self, who: str | Customer, wamid: str, emoji: str = "") -> str:
        """The customer reacts to a message; no emoji takes the reaction back."""
        reaction = {"message_id": wamid} | ({"emoji": emoji} if emoji else {})
        number = self.world.bubbles[wamid].number
        return self.write(who, to=number, type="reaction", reaction=reaction)

    def read(
        self, who: str | Customer, number: str | None = None, *, manner: Manner | None = None
    ) -> int:
        """The customer has opened the chat (or every chat); returns how many became read."""
        customer = self.customer(who)
        with self.turn(manner):
            unread = [b for b in self.seen(customer, number) if b.status == "delivered"]
            for bubble in unread if customer.online else []:
                self.climb(bubble, "read")
        return len(unread)

    def play(self, who: str | Customer, wamid: str) -> None:
        """The customer has listened to a voice message."""
        if self.customer(who).online:
            with self.turn():
                self.climb(self.world.bubbles[wamid], "read")
                self.climb(self.world.bubbles[wamid], "played")

    def go_offline(self, who: str | Customer) -> None:
        """Nothing leaves this phone or reaches it."""
        self._switch(self.customer(who), online=False)

    def go_online(self, who: str | Customer) -> None:
        """What waited leaves the phone, and what waited for the phone is delivered."""
        customer = self.customer(who)
        with self.turn():
            self._switch(customer, online=True)
            for bubble in list(self.world.bubbles.values()):
                if bubble.customer != customer.id:
                    continue
                if bubble.from_customer and bubble.status == "waiting":
                    self._leave_phone(customer, bubble)
                elif not bubble.from_customer and self._may_arrive(customer, bubble):
                    self.climb(bubble, "delivered")

    def prefer(self, who: str | Customer, account: Account, value: str) -> None:
        """The customer says "stop" or "resume" to an account's marketing messages."""
        if value not in ("stop", "resume"):
            raise ValueError("value is stop or resume")
        customer = self.customer(who)
        number = next(n for n in self.world.numbers.values() if n.account == account.id)
        contact = self.contact(customer, number.id)
        preference = {
            "wa_id": contact.get("wa_id"),
            "user_id": contact["user_id"],
            "detail": f"User requested to {value} marketing messages",
            "category": "marketing_messages",
            "value": value,
            "timestamp": int(self.clock.time()),
        }
        with self.turn():
            self.note("marketing", customer=customer.id, account=account.id, value=value)
            news = events.preference(number, contact, preference)
            self.emit(account, news, field="user_preferences")

    def new_customer(
        self,
        name: str,
        *,
        phone: str | None = None,
        user_id: str | None = None,
        username: str | None = None,
        language: str = "fr",
        home: str | None = None,
    ) -> Customer:
        """Somebody more with WhatsApp; without a phone businesses see only the user id."""
        row = len(self.world.customers) + 1
        customer = Customer(
            id=f"c{row}",
            name=name,
            language=language,
            user_id=user_id or f"MA.{13491208655302750000 + row}",
            home=home or next(iter(self.world.numbers)),
            phone=phone,
            username=username,
        )
        with self.turn():
            self.note("customer", **asdict(customer))
        return self.world.customers[customer.id]

    def seen(self, customer: Customer, number: str | None = None) -> list[Bubble]:
        """What the business sent that has reached this phone, oldest first."""
        return [
            bubble
            for (chat_number, who), chat in self.world.chats.items()
            if who == customer.id and number in (None, chat_number)
            for bubble in map(self.world.bubbles.__getitem__, chat.wamids)
            if not bubble.from_customer and LADDER.get(bubble.status, 0) >= LADDER["delivered"]
        ]

    def _may_arrive(self, customer: Customer, bubble: Bubble) -> bool:
        return bubble.status == "sent" and customer.reachable(bubble.number)

    def _answer(
        self, customer: Customer, bubble: Bubble, choice: Json, given: Json | None
    ) -> tuple[str, Any]:
        if choice["kind"] != "cart":
            return compose.answer(choice, customer, given or {})
        products = self.world.products_of(self.world.numbers[bubble.number].account)
        named = offers.products_of(bubble) or [str(product["id"]) for product in products]
        wanted = (given or {}).get("items") or [{"id": named[0]}]
        return "order", cart(products, wanted)

    def _last_number(self, customer: Customer) -> str:
        chats = [c for (_, who), c in self.world.chats.items() if who == customer.id]
        written = [c for c in chats if c.written_at is not None]
        latest = max(written, key=lambda chat: chat.written_at or 0.0, default=None)
        return latest.number if latest else customer.home

    def _write(
        self,
        customer: Customer,
        number: Number,
        kind: str,
        content: Any,
        context: Json | None,
        referral: Json | None,
    ) -> str:
        wamid = new_wamid(customer.wa_id or customer.user_id[3:], from_customer=True)
        self.note(
            "written",
            wamid=wamid,
            number=number.id,
            customer=customer.id,
            type=kind,
            content=content,
            context=context,
            referral=referral,
            waiting=not customer.online,
            shown={"choices": []},
        )
        if customer.online:
            self._tell_business(self.world.bubbles[wamid], customer, context, referral)
        return wamid

    def _leave_phone(self, customer: Customer, bubble: Bubble) -> None:
        self.note("left_phone", wamid=bubble.wamid, customer=customer.id)
        context = compose.quote(self.world, bubble.quoted) if bubble.quoted else None
        self._tell_business(bubble, customer, context, None)

    def _tell_business(
        self, bubble: Bubble, customer: Customer, context: Json | None, referral: Json | None
    ) -> None:
        number = self.world.numbers[bubble.number]
        message: Json = {
            "id": bubble.wamid,
            "timestamp": str(int(bubble.at)),
            "type": bubble.type,
            bubble.type: bubble.content,
        }
        extra = {"context": context, "referral": referral}
        message |= {key: value for key, value in extra.items() if value}
        self.emit(
            self.world.accounts[number.account],
            events.inbound(number, self.contact(customer, number.id), message),
            lane=self.lane(bubble),
            wamid=bubble.wamid,
        )

    def _switch(self, customer: Customer, *, online: bool) -> None:
        with self.turn():
            self.note("online", customer=customer.id, online=online)
