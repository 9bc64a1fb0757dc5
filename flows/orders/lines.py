"""The lines of the form as lines of an order, at the catalogue's prices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import contains_eager

from flows.errors import N_
from flows.orders.amounts import MOST
from flows.orders.form import LIMITS, MOST_LINES, MOST_PIECES, NewLine, NewOrder, Wrong
from models import db
from models.catalog import Product, Variant
from models.order import OrderLine


class Lines:
    """The lines of a form as lines of an order; the variants they name are read in one query."""

    def __init__(self, form: NewOrder, wrong: Wrong) -> None:
        self.form, self.wrong = form, wrong
        self.variants = _variants(form.lines)

    def read(self) -> list[OrderLine]:
        if not self.form.lines:
            self.wrong.missing("lines", N_("Add at least one product."))
        if len(self.form.lines) > MOST_LINES:
            self.wrong.say("lines", "too_many", N_("At most {limit} lines."), limit=MOST_LINES)
        read = [self._line(i, line) for i, line in enumerate(self.form.lines[:MOST_LINES])]
        return [line for line in read if line is not None]

    def _line(self, position: int, new: NewLine) -> OrderLine | None:
        say = self._speaker(position)
        quantity = self._quantity(new, say)
        line = self._free(new, say) if new.free else self._offered(new, say)
        if line is not None:
            line.position, line.quantity = position, quantity
        return line

    def _speaker(self, position: int) -> Callable[..., None]:
        def say(field: str, code: str, sentence: str, **facts: object) -> None:
            self.wrong.say(f"lines[{position}].{field}", code, sentence, **facts)

        return say

    def _quantity(self, new: NewLine, say: Callable[..., None]) -> int:
        if new.quantity is None or not 1 <= new.quantity <= MOST_PIECES:
            say("quantity", "quantity", N_("From 1 to {most}."), most=MOST_PIECES)
        return new.quantity or 1

    def _free(self, new: NewLine, say: Callable[..., None]) -> OrderLine | None:
        if not new.name:
            say("name", "required", N_("Name this product."))
        if len(new.name) > LIMITS["line.name"]:
            say("name", "too_long", N_("At most {limit} characters."), limit=LIMITS["line.name"])
        if new.unit_price is None:
            say("unit_price", "required", N_("Enter its price."))
        elif not 0 <= new.unit_price <= MOST:
            say("unit_price", "amount", N_("This price is not possible."))
        else:
            return OrderLine(name=new.name, unit_price=new.unit_price)
        return None

    def _offered(self, new: NewLine, say: Callable[..., None]) -> OrderLine | None:
        variant = self._variant(new, say)
        if variant is None:
            return None
        return OrderLine(
            variant_id=variant.id,
            name=variant.name,
            sku=variant.sku,
            unit_price=variant.unit_price,
        )

    def _variant(self, new: NewLine, say: Callable[..., None]) -> Variant | None:
        meant = [
            variant
            for variant in self.variants
            if new.variant_id in (None, variant.id) and new.product_id in (None, variant.product_id)
        ]
        if not meant:
            say("variant_id", "unknown", N_("This product is not in the catalogue."))
        elif not meant[0].product.active:
            say("variant_id", "not_sold", N_("“{name}” is no longer sold."), name=meant[0].name)
        elif len(meant) > 1:
            say("variant_id", "required", N_("Choose which one."))
        else:
            return meant[0]
        return None


def _variants(lines: Sequence[NewLine]) -> Sequence[Variant]:
    products = {line.product_id for line in lines if line.product_id and not line.variant_id}
    variants = {line.variant_id for line in lines if line.variant_id}
    if not products | variants:
        return ()
    wanted = (
        select(Variant)
        .join(Variant.product)
        .options(contains_eager(Variant.product))
        .where(or_(Variant.id.in_(variants), Product.id.in_(products)))
        .order_by(Variant.position)
    )
    return db.session().scalars(wanted).all()
