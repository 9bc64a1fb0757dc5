"""The one rule of an order's totals, in integer minor units; money.js follows it to the unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flows.errors import N_, Invalid, Refused

MOST = 10**12
"""No amount of an order may be larger: sums of thousands of them still fit a bigint."""


@dataclass(frozen=True, slots=True)
class Amounts:
    catalog_total: int
    applied_total: int
    delivery_fee: int

    @property
    def discount(self) -> int:
        return self.catalog_total - self.applied_total

    @property
    def amount_due(self) -> int:
        return self.applied_total + self.delivery_fee


def amounts(
    lines: Iterable[tuple[int, int]],
    *,
    discount: int | None = None,
    applied_total: int | None = None,
    delivery_fee: int = 0,
) -> Amounts:
    """What (quantity, unit price) lines come to, less what was agreed, plus the delivery.

    catalog total = Σ quantity × unit price; applied total = the one typed, else catalog total
    less discount; amount due = applied total + delivery fee. The discount lies between nothing
    and the catalog total; both typed must agree. Raises Invalid naming the field.
    """
    catalog_total = sum(quantity * price for quantity, price in lines)
    if applied_total is None:
        applied_total = catalog_total - (discount or 0)
        typed = "discount"
    else:
        typed = "applied_total"
    result = Amounts(catalog_total, applied_total, delivery_fee)
    refusal = _refusal(result, discount)
    if refusal is not None:
        raise Invalid({typed: refusal})
    if result.catalog_total > MOST:
        raise Invalid({"lines": Refused("too_much", N_("This is more than an order can hold."))})
    return result


def _refusal(result: Amounts, discount: int | None) -> Refused | None:
    if result.applied_total < 0:
        return Refused(
            "discount_too_large", N_("The discount is larger than the price of the products.")
        )
    if result.discount < 0:
        return Refused(
            "surcharge",
            N_("The total may not be above the catalogue price: add a free product instead."),
        )
    if discount is not None and discount != result.discount:
        return Refused("disagree", N_("The discount and this total do not agree: leave one empty."))
    return None
