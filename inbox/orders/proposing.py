"""What an order of the bot, or a conversation that was read, proposes to the order dialog: its
fields, where each of them was read, and what is not clear yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

from sqlalchemy import select

from flows import catalog, customers, delivery, orders, places
from flows.catalog import Found
from flows.talks import drafts, reading
from flows.talks.cart import Cart, Open, Source
from inbox import filters
from inbox.current import current
from inbox.orders.figures import plain
from models import db
from models.catalog import Variant
from models.conversation import Conversation
from models.customer import Address
from models.message import Message
from models.talk import OrderDraft
from models.types import fold

COLORS = ("blue", "orange", "purple", "green", "yellow")
AROUND = 24
"""Letters before and after the words that were read, where they are quoted."""
BOT = "bot"


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a field was read: its number and colour lead to the words in the thread."""

    number: int
    source: Source
    before: str = ""
    after: str = ""
    """What stands around the words in their message."""

    @property
    def color(self) -> str:
        return COLORS[(self.number - 1) % len(COLORS)]


@dataclass(frozen=True, slots=True)
class Hint:
    """A product that was named without saying which version."""

    found: Found
    quantity: int
    words: str
    options: Sequence[str]
    """The names of what is to be chosen: couleur, taille."""


@dataclass(frozen=True)
class Proposal:
    cart: Cart
    draft: OrderDraft | None = None
    """The order of the bot that waits; None: the conversation was read."""

    @cached_property
    def marks(self) -> Mapping[str, Mark]:
        """By field: name, phone, address, city; a line by the id of its variant, what is open by
        the id of its product."""
        lines = {line.variant: line.source for line in self.cart.lines if line.source}
        opens = {one.product: one.source for one in self.cart.open if one.source}
        sources = {**lines, **opens, **self.cart.sources}
        texts = _texts({source.message for source in sources.values()})
        return {
            name: _mark(number, source, texts.get(source.message, ""))
            for number, (name, source) in enumerate(sources.items(), start=1)
        }

    @cached_property
    def goods(self) -> Mapping[str, Found]:
        """The products of the cart's lines by variant, as far as they are still sold."""
        ids = [UUID(line.variant) for line in self.cart.lines]
        products = select(Variant.product_id).where(Variant.id.in_(ids))
        found = catalog.offered(set(db.session().scalars(products))) if ids else {}
        sold = [one for one in found.values() if one.product.active]
        return {str(offer.variant.id): one for one in sold for offer in one.offers}

    @cached_property
    def hints(self) -> Sequence[Hint]:
        return [hint for hint in map(_hint, self.cart.open) if hint is not None]

    @cached_property
    def lines(self) -> Sequence[tuple[int, Variant]]:
        """How many of which; what is not sold any more is left out."""
        return [
            (line.quantity, offer.variant)
            for line in self.cart.lines
            if line.variant in self.goods
            for offer in self.goods[line.variant].offers
            if str(offer.variant.id) == line.variant
        ]

    @property
    def goods_total(self) -> int:
        return sum(quantity * variant.unit_price for quantity, variant in self.lines)

    @property
    def amount_due(self) -> int:
        """At today's prices, in minor units."""
        return self.goods_total + delivery.fee(self.cart.city, applied_total=self.goods_total)


def of_draft(draft: OrderDraft) -> Proposal:
    return Proposal(Cart.of({"cart": draft.cart}), draft)


def of(conversation: Conversation) -> Proposal | None:
    """The order of the bot that waits here, else what the conversation says; None: nothing."""
    waiting = drafts.waiting(conversation)
    if waiting is not None:
        return of_draft(waiting)
    read = reading.read(conversation)
    return Proposal(read) if read is not None else None


def filled(
    typed: Mapping[str, str], draft: orders.Draft, proposal: Proposal
) -> tuple[orders.Draft, dict[str, str]]:
    """The dialog's beginning with what is proposed in its fields."""
    cart = proposal.cart
    typed = {**typed, "note": cart.note, "name": cart.name or typed["name"]}
    if cart.phone:
        number = customers.read_phone(cart.phone, _country(draft)).e164
        typed["phone"] = filters.phone(number).striptags() if number else cart.phone
    if cart.address or cart.city:
        typed |= _where(cart, draft.addresses)
    city = _city_of(typed, draft.addresses)
    fee = delivery.fee(city, applied_total=proposal.goods_total)
    typed["delivery_fee"] = plain(current.merchant.money(fee))
    if proposal.draft is not None:
        draft = from_bot(draft)
        typed |= {"source": BOT, "client_id": str(proposal.draft.id)}
        typed["draft"] = str(proposal.draft.id)
    return draft, typed


def from_bot(draft: orders.Draft) -> orders.Draft:
    """The same where the bot may be how the order came."""
    return replace(draft, sources=(BOT, *draft.sources))


def _country(draft: orders.Draft) -> str:
    talk = draft.conversation
    return talk.channel.country if talk is not None else current.merchant.country


def _where(cart: Cart, known: Sequence[Address]) -> dict[str, str]:
    same = next((address for address in known if _is_same(cart, address)), None)
    if same is not None:
        return {"address_id": str(same.id)}
    return {"address_id": "", "address": cart.address, "city": cart.city}


def _is_same(cart: Cart, address: Address) -> bool:
    """Whether what was said is this address, as far as anything was said."""
    city = not cart.city or places.key(cart.city) == places.key(address.city)
    return city and (not cart.address or fold(cart.address) == fold(address.line))


def _city_of(typed: Mapping[str, str], known: Sequence[Address]) -> str:
    saved = {str(address.id): address.city for address in known}
    return saved.get(typed.get("address_id", "")) or typed.get("city", "")


def _texts(ids: set[str]) -> dict[str, str]:
    wanted = select(Message.id, Message.text).where(Message.id.in_(map(UUID, ids)))
    return {str(id_): text for id_, text in db.session().execute(wanted)} if ids else {}


def _mark(number: int, source: Source, text: str) -> Mark:
    if not source.text or text[source.start : source.end] != source.text:
        return Mark(number, source)
    before, after = text[: source.start], text[source.end :]
    return Mark(number, source, _tail(before), _head(after))


def _tail(text: str) -> str:
    return text if len(text) <= AROUND else f"…{text[-AROUND:]}"


def _head(text: str) -> str:
    return text if len(text) <= AROUND else f"{text[:AROUND]}…"


def _hint(one: Open) -> Hint | None:
    offers = reading.offers_of(one)
    if len(offers) < 2:
        return None
    found = catalog.offered([UUID(one.product)])[UUID(one.product)]
    names = dict.fromkeys(name for offer in offers for name in offer.variant.options)
    open_ = [n for n in names if len({offer.variant.options.get(n) for offer in offers}) > 1]
    words = one.source.text if one.source and one.source.text else found.product.name
    return Hint(found, one.quantity, words, open_)
