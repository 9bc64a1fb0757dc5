"""The order dialog: what it begins with, what it posts, and the same again with its errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from flows import catalog
from flows.catalog import Found, Offer
from flows.errors import Invalid, Refused
from flows.orders import (
    DELIVERY_KINDS,
    PAYMENT_METHODS,
    PAYMENT_STATUSES,
    SOURCES,
    Draft,
    NewOrder,
)
from flows.orders.form import MOST_LINES
from inbox import filters, languages
from inbox.conversations.kinds import CartLine
from inbox.forms import Fields
from inbox.languages import N_, gettext, ngettext
from inbox.orders import proposing
from inbox.orders.figures import figures, plain, read_line
from inbox.orders.proposing import Hint, Mark, Proposal
from models.types import new_id

CONSENT = N_("The customer agrees to receive offers on WhatsApp.")
"""What is read out and ticked; the words in the reader's language go into the ledger."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line as it stands in the dialog: a product of the catalogue, or a free one."""

    index: int | str
    found: Found | None
    typed: Mapping[str, str]

    @property
    def chosen(self) -> Offer | None:
        """The version that was picked; the only one where there is no choice."""
        offers = self.found.offers if self.found else ()
        picked = self.typed.get("variant_id")
        fitting = [o for o in offers if len(offers) == 1 or str(o.variant.id) == picked]
        return fitting[0] if fitting else None

    def name(self, field_name: str) -> str:
        return f"lines[{self.index}].{field_name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """Everything the template shows; texts are as they were typed, right or wrong."""

    methods: ClassVar[Mapping[str, str]] = PAYMENT_METHODS
    statuses: ClassVar[Mapping[str, str]] = PAYMENT_STATUSES
    kinds: ClassVar[Mapping[str, str]] = DELIVERY_KINDS
    consent: ClassVar[str] = CONSENT

    draft: Draft
    typed: Mapping[str, str]
    rows: list[Row] = field(default_factory=list)
    errors: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    """Why the order as a whole was refused, when no field is to blame."""
    proposal: Proposal | None = None
    """What the customer's own words say of this order."""

    @property
    def trouble(self) -> str:
        """What stands beside the button that was pressed: the fields may be out of sight."""
        wrong = self.errors.get("amount_due") or self.problem
        count = len(self.errors)
        if wrong or not count:
            return wrong
        return ngettext("%(num)s field needs a look.", "%(num)s fields need a look.", count)

    @property
    def figures(self) -> dict[str, str | int]:
        return figures(self.draft.currency)

    @property
    def sources(self) -> dict[str, str]:
        return {name: SOURCES[name] for name in self.draft.sources}

    def mark(self, name: str) -> Mark | None:
        """Where the field was read in the conversation; None once it holds something else."""
        if self.proposal is None or not self._holds(name, getattr(self.proposal.cart, name)):
            return None
        return self.proposal.marks.get(name)

    def _holds(self, name: str, said: str) -> bool:
        typed = self.typed.get(name, "")
        if name == "phone":
            said, typed = (re.sub(r"\D", "", text)[-8:] for text in (said, typed))
        return bool(said) and said == typed

    def mark_of(self, row: Row) -> Mark | None:
        """Where the line was read in the conversation."""
        variant = row.typed.get("variant_id", "")
        return self.proposal.marks.get(variant) if self.proposal and variant else None

    @property
    def hints(self) -> list[tuple[Hint, Row, Mark | None]]:
        """What was named without its version, each with the line it will be and where it stands."""
        if self.proposal is None:
            return []
        there = {row.found.product.id for row in self.rows if row.found}
        return [
            (
                hint,
                Row("__", hint.found, {"quantity": str(hint.quantity)}),
                self.proposal.marks.get(str(hint.found.product.id)),
            )
            for hint in self.proposal.hints
            if hint.found.product.id not in there
        ]

    @property
    def free_row(self) -> Row:
        """The row of a free product to be; the page puts a number for its index."""
        return Row("__", None, {"quantity": "1"})

    @property
    def first_gap(self) -> str:
        """Where typing begins: the first thing the draft does not know, else the products."""
        needed = ["name", "phone"] + ["address", "city"] * self.draft.pipeline.ships
        if self.draft.addresses:
            needed = needed[:2]
        return next((name for name in needed if not self.typed.get(name)), "products")


def fresh(draft: Draft, rows: Sequence[Row] = (), proposal: Proposal | None = None) -> Dialog:
    """The dialog before anybody typed, with what is known already: of lines `rows`, where there
    are any, else what is proposed."""
    typed = {
        "client_id": str(draft.client_id),
        "customer_id": str(draft.card.id) if draft.card else "",
        "source": draft.sources[0],
        "name": draft.name,
        "phone": filters.phone(draft.phone).striptags(),
        "email": draft.email or "",
        "address_id": str(draft.addresses[0].id) if draft.addresses else "",
        "delivery_fee": plain(draft.delivery_fee),
        "delivery_kind": "home",
        "stage_id": str(draft.stages[0].id),
        "payment_method": "cod",
        "payment_status": "pending",
        "assignee_id": str(draft.assignee.id) if draft.assignee else "",
    }
    if proposal is not None:
        draft, typed = proposing.filled(typed, draft, proposal)
        rows = rows or proposed_rows(proposal)
    return Dialog(draft=draft, typed=typed, rows=list(rows), proposal=proposal)


def proposed_rows(proposal: Proposal) -> list[Row]:
    """The lines of an order that the customer's words make."""
    rows = []
    for index, (quantity, variant) in enumerate(proposal.lines[:MOST_LINES]):
        typed = {"quantity": str(quantity), "variant_id": str(variant.id)}
        typed["product_id"] = str(variant.product_id)
        rows.append(Row(index, proposal.goods[str(variant.id)], typed))
    return rows


def cart_rows(lines: Sequence[CartLine], currency: str) -> list[Row]:
    """The lines of a WhatsApp cart: products we have by our prices, others as free products."""
    named = catalog.by_reference({line.reference for line in lines})
    found = catalog.offered({variant.product_id for variant in named.values()})
    rows = []
    for index, line in enumerate(lines[:MOST_LINES]):
        typed = {"quantity": str(line.pieces or 1)}
        variant = named.get(line.reference.strip().lower())
        if variant is not None:
            typed |= {"product_id": str(variant.product_id), "variant_id": str(variant.id)}
            rows.append(Row(index, found[variant.product_id], typed))
            continue
        same = line.each is not None and line.each.currency == currency
        price = plain(line.each) if line.each is not None and same else ""
        rows.append(Row(index, None, typed | {"name": line.reference, "unit_price": price}))
    return rows


def again(
    draft: Draft,
    posted: Mapping[str, str],
    refusal: Refused,
    proposal: Proposal | None = None,
) -> Dialog:
    """The dialog as it was posted, nothing lost, with what was refused beside each field."""
    rows = list(_rows(posted))
    if posted.get("draft"):
        draft = proposing.from_bot(draft)
    errors = _wrong(refusal, rows)
    return Dialog(
        draft=draft,
        typed=posted,
        rows=rows,
        errors=errors,
        problem="" if errors else languages.told(refusal),
        proposal=proposal,
    )


def accused(begun: Dialog, refusal: Refused) -> Dialog:
    """The dialog that nobody has seen yet, with what is wrong beside each field."""
    wrong = _wrong(refusal, begun.rows)
    return replace(begun, errors=wrong, problem="" if wrong else languages.told(refusal))


def _wrong(refusal: Refused, rows: list[Row]) -> dict[str, str]:
    wrong = refusal.fields if isinstance(refusal, Invalid) else _at_its_line(refusal, rows)
    return {name: languages.told(why) for name, why in wrong.items()}


def read(posted: Mapping[str, str], region: str, currency: str, sources: Sequence[str]) -> NewOrder:
    """The order that was asked for; numbers are read as people of `region` write them.

    Without a word of where it came from it came from the first of `sources`.
    """
    fields = Fields(posted)
    rows = fields.rows("lines")
    lines = tuple(read_line(row, currency) for row in rows)
    form = NewOrder(
        client_id=fields.uuid("client_id") or new_id(),
        name=fields.text("name"),
        phone=fields.phone("phone", region),
        customer_id=fields.uuid("customer_id"),
        email=fields.email("email"),
        address_id=fields.uuid("address_id"),
        address=fields.text("address"),
        city=fields.text("city"),
        lines=lines,
        discount=fields.money("discount", currency),
        applied_total=fields.money("applied_total", currency),
        reason=fields.text("reason"),
        # An emptied field is a delivery that costs nothing, not the usual one.
        delivery_fee=fields.money("delivery_fee", currency) or 0,
        delivery_kind=fields.text("delivery_kind") or "home",
        stage_id=fields.uuid("stage_id"),
        payment_method=fields.text("payment_method"),
        payment_status=fields.text("payment_status"),
        assignee_id=fields.uuid("assignee_id"),
        note=fields.lines("note"),
        amount_due=fields.whole("amount_due"),
        source=fields.text("source") or sources[0],
        consent=gettext(CONSENT) if fields.text("consent") else "",
        override=bool(fields.text("override")),
        unread=fields.wrong,
    )
    fields.wrong.pop("client_id", None)  # nobody sees that field: without it, it is a new form
    for index, row in enumerate(rows):
        fields.wrong.update({f"lines[{index}].{name}": why for name, why in row.wrong.items()})
    return form


def _rows(posted: Mapping[str, str]) -> Iterator[Row]:
    rows = Fields(posted).rows("lines")
    named = [row.uuid("product_id") for row in rows]
    found = catalog.offered({id_ for id_ in named if id_})
    for index, (row, id_) in enumerate(zip(rows, named, strict=True)):
        yield Row(index, found.get(id_) if id_ else None, row.posted)


def _at_its_line(refusal: Refused, rows: list[Row]) -> dict[str, Refused]:
    """Stock that is short is said where the product stands."""
    return {
        row.name("quantity"): refusal
        for row in rows
        if row.chosen is not None and row.chosen.variant.sku == refusal.facts.get("sku")
    }


def found_rows(text: str) -> list[Row]:
    """What a search brings, each as the row it will be; a version that is clear is chosen."""
    rows = []
    for found in catalog.search(text):
        offer = found.meant(text)
        typed = {"quantity": "1", "variant_id": str(offer.variant.id) if offer else ""}
        rows.append(Row("__", found, typed))
    return rows
