"""The catalogue of a merchant, made once a process and made anew when its products change."""

from __future__ import annotations

from collections import OrderedDict
from uuid import UUID

from sqlalchemy import func, select

from flows.understanding.goods import Catalogue
from flows.understanding.meaning import Item
from models import db
from models.catalog import Product, Variant

KEPT = 64
"""Catalogues of merchants that a process keeps; the one unused for longest goes first."""

_kept: OrderedDict[UUID, tuple[object, Catalogue]] = OrderedDict()


def catalogue_of_merchant() -> Catalogue:
    """What the merchant of this session sells, as it is now: products on sale only."""
    merchant_id, fingerprint = db.session().merchant_id, _fingerprint()
    before, catalogue = _kept.get(merchant_id, (None, None))
    if catalogue is None or before != fingerprint:
        catalogue = Catalogue.of(_items(), _other_names())
        _kept[merchant_id] = (fingerprint, catalogue)
    _kept.move_to_end(merchant_id)
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
    return catalogue


def _fingerprint() -> object:
    """Changes whenever a name, an option, a price or what is on sale does; one query."""
    said = func.concat_ws(
        "|",
        Variant.id,
        Product.name,
        Variant.sku,
        Variant.options,
        Product.price,
        Variant.price,
        func.array_to_string(Product.aliases, ","),
    )
    found = (
        select(func.count(), func.sum(func.hashtext(said)))
        .select_from(Variant)
        .join(Variant.product)
        .where(Product.active)
    )
    return tuple(db.session().execute(found).one())


def _other_names() -> dict[str, list[str]]:
    named = select(Product.name, Product.aliases).where(Product.active, Product.aliases != [])
    return {name: list(aliases) for name, aliases in db.session().execute(named)}


def _items() -> list[Item]:
    variants = db.session().scalars(
        select(Variant)
        .join(Variant.product)
        .where(Product.active)
        .order_by(Product.name, Product.id, Variant.position)
    )
    return [
        Item(
            variant.sku,
            variant.product.name,
            {axis: str(value) for axis, value in variant.options.items()},
            variant.unit_price,
        )
        for variant in variants
    ]
