"""How a business message climbs: sent, delivered, read, played, or failed, and what it costs."""

from __future__ import annotations

import secrets

from bot.simulator import events
from bot.simulator.errors import details_of
from bot.simulator.office import Office
from bot.simulator.pricing import PER_MESSAGE_SINCE, Moment, pricing
from bot.simulator.world import LADDER, Bubble, Chat, Customer, Json

WINDOW = DAY = 24 * 3600
PRICED = {"both": ("sent", "delivered"), "sent": ("sent",), "delivered": ("delivered",)}


class Statuses(Office):
    webhook_version = 26
    """The Graph version the app's webhooks are set to; up to 23 statuses carry `conversation`."""

    def climb(self, bubble: Bubble, status: str) -> None:
        """The message has reached this status, and the business is told. Only upward."""
        if bubble.status == "failed" or LADDER[status] <= LADDER[bubble.status]:
            return
        customer = self.world.customers.get(bubble.customer or "")
        if customer and not customer.tells(status):
            self.note("unsaid", wamid=bubble.wamid, customer=customer.id, status=status)
            return
        price = self._price(bubble, status)
        talk = self._conversation(bubble, status, price) if price else None
        self.note(
            "status",
            wamid=bubble.wamid,
            customer=bubble.customer,
            status=status,
            pricing=price,
            conversation=talk,
        )
        named = talk["webhook"] if talk else None
        self._tell(bubble, status, {"conversation": named, "pricing": price})

    def give_up(self, bubble: Bubble, code: int, details: str | None = None) -> None:
        """The message, accepted earlier, will not arrive; Meta says so in a failed status."""
        error = events.error(code, details or details_of(code))
        self.note(
            "status", wamid=bubble.wamid, customer=bubble.customer, status="failed", error=error
        )
        self._tell(bubble, "failed", {"errors": [error]})

    def window_open(self, chat: Chat, at: float) -> bool:
        """Free-form messages may be sent: the customer wrote less than 24 hours ago."""
        return chat.written_at is not None and at < chat.written_at + WINDOW

    def lane(self, bubble: Bubble) -> str:
        return f"{bubble.number}/{bubble.customer or bubble.recipient}"

    def contact(self, customer: Customer, number: str) -> Json:
        account = self.world.numbers[number].account
        return events.person(customer, self.world.user_id(customer, account))

    def _price(self, bubble: Bubble, status: str) -> Json | None:
        wanted = PRICED[self.manner.pricing]
        # A message read before anybody said "delivered" carries its price on "read".
        if "delivered" in wanted and "delivered" not in bubble.reached and status in LADDER:
            wanted = (*wanted, "read", "played")
        if status not in wanted or bubble.customer is None:
            return None
        return pricing(bubble.category, self._moment(bubble, bubble.customer))

    def _moment(self, bubble: Bubble, customer: str) -> Moment:
        at = self.clock.time()
        chat = self.world.chat(bubble.number, customer)
        local = self.world.local(self.world.account_of(bubble.number), at)
        month = local.strftime("%Y-%m")
        return Moment(
            day=local.date(),
            window_open=self.window_open(chat, at),
            free_entry=chat.free_until is not None and at < chat.free_until,
            services_this_month=self.world.services_delivered[bubble.number, month],
            reaction=bubble.type == "reaction",
        )

    def _conversation(self, bubble: Bubble, status: str, price: Json) -> Json | None:
        """Meta still sends one before per-message prices, up to Graph 23, and for ads' windows."""
        at = self.clock.time()
        chat = self.world.chat(bubble.number, bubble.customer or "")
        day = self.world.local(self.world.account_of(bubble.number), at).date()
        origin = price["category"]
        if origin == "referral_conversion":
            known = (f"fep{int(chat.free_until or 0):x}", chat.free_until or at)
        elif day < PER_MESSAGE_SINCE:
            known = _still_open(chat, bubble.category, at) or (secrets.token_hex(16), at + DAY)
        elif self.webhook_version <= 23:
            known = (secrets.token_hex(16), at + DAY)
        else:
            return None
        webhook: Json = {"id": known[0], "origin": {"type": origin}}
        if status == "sent":
            webhook["expiration_timestamp"] = str(int(known[1]))
        return {"id": known[0], "ends": known[1], "webhook": webhook}

    def _tell(self, bubble: Bubble, status: str, facts: Json) -> None:
        number = self.world.numbers[bubble.number]
        customer = self.world.customers.get(bubble.customer or "")
        contact = self.contact(customer, number.id) if customer else None
        phone, named = _phone_or_user_id(bubble.recipient)
        value = events.status(
            number,
            contact if self.manner.contacts else None,
            {
                "id": bubble.wamid,
                "status": status,
                "timestamp": str(int(self.clock.time())),
                "recipient_id": customer.wa_id if customer else phone,
                "recipient_user_id": contact["user_id"] if contact else named,
                "biz_opaque_callback_data": bubble.callback,
            }
            | facts,
        )
        after = self.latency * LADDER.get(status, 1)
        self.emit(self.world.accounts[number.account], value, lane=self.lane(bubble), after=after)


def _phone_or_user_id(recipient: str) -> tuple[str | None, str | None]:
    return (recipient.lstrip("+"), None) if recipient.startswith("+") else (None, recipient)


def _still_open(chat: Chat, category: str, at: float) -> tuple[str, float] | None:
    known = chat.conversations.get(category)
    return known if known and at < known[1] else None
