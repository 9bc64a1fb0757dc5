"""The catalogue: products made known, and found by how people begin to type them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, func, literal, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from flows import audit
from flows.errors import N_, Invalid, NotFound, Refused
from models import db
from models.catalog import Product, Variant
from models.message import Media
from models.search import begins_like, words
from models.stock import StockLevel
from models.types import Json, clean

MOST_NAMES, LONGEST_NAME = 20, 60


@dataclass(frozen=True, slots=True)
class NewVariant:
    """One version of a product to be: options in the order people read them."""

    sku: str
    options: dict[str, str]
    price: int | None = None
    """Minor units; None follows the product."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A variant that can be ordered; `left` is what all warehouses can still promise."""

    variant: Variant
    left: int | None
    """None where stock is not counted."""


@dataclass(frozen=True, slots=True)
class Found:
    """A product and its versions, in the product's order."""

    product: Product
    offers: tuple[Offer, ...]

    def meant(self, text: str) -> Offer | None:
        """The one version that what was typed can mean: "sac noir", or its reference."""
        if len(self.offers) == 1:
            return self.offers[0]
        typed = words(text)
        fitting = [offer for offer in self.offers if _fits(offer.variant, typed)]
        return fitting[0] if len(fitting) == 1 else None


def create(
    name: str,
    *,
    sku: str,
    price: int,
    variants: Sequence[NewVariant] = (),
    track_stock: bool = True,
) -> Product:
    """A product that can be ordered and found; without variants it is its own only one.

    `price` is in minor units of the merchant's currency. A reference that is taken is the
    database's to refuse.
    """
    product = Product(name=clean(name), sku=clean(sku), price=price, track_stock=track_stock)
    versions = variants or [NewVariant(sku, {})]
    product.variants = [
        Variant(sku=clean(new.sku), options=dict(new.options), price=new.price, position=position)
        for position, new in enumerate(versions)
    ]
    product.index()
    db.session().add(product)
    return product


def find(product_id: UUID) -> Product:
    """NotFound when there is none."""
    wanted = select(Product).where(Product.id == product_id).options(joinedload(Product.picture))
    found = db.session().scalars(wanted).one_or_none()
    if found is None:
        raise NotFound
    return found


def listed(text: str, *, limit: int) -> Sequence[Product]:
    """Products on sale, by name, with their pictures: those whose words begin like those typed."""
    wanted = select(Product).where(Product.active, begins_like(Product.search_text, words(text)))
    shown = wanted.options(joinedload(Product.picture)).order_by(Product.name, Product.id)
    return db.session().scalars(shown.limit(limit)).all()


def introduce(product: Product, *, names: Sequence[str], picture: Media | None) -> None:
    """The bot knows the product by these other names too, and shows it by this picture.

    Audited; Invalid with `names` when one has no letters, is too long, or there are too many.
    """
    kept = list(dict.fromkeys(name for name in (" ".join(clean(n).split()) for n in names) if name))
    if refusal := _wrong_names(kept):
        raise Invalid({"names": refusal})
    before = _introduced(product)
    product.aliases, product.picture = kept, picture
    product.index()
    audit.changed("bot.product", before, _introduced(product), on=product.name)


def _wrong_names(names: Sequence[str]) -> Refused | None:
    if len(names) > MOST_NAMES:
        return Refused("too_many", N_("At most {limit} names."), limit=MOST_NAMES)
    if any(len(name) > LONGEST_NAME for name in names):
        return Refused("too_long", N_("At most {limit} characters each."), limit=LONGEST_NAME)
    if not all(words(name) for name in names):
        return Refused("name", N_("A name needs letters or digits."))
    return None


def _introduced(product: Product) -> Json:
    picture = product.picture.filename if product.picture else None
    return {"names": list(product.aliases), "picture": picture}


def search(text: str, *, limit: int = 20) -> list[Found]:
    """Products on sale whose words begin like those typed, in one query; all of them for "".

    A reference typed whole comes first, then references that begin so, then names.
    """
    found = _best(text, limit).cte("found")
    wanted = _offers().join(found, found.c.id == Product.id)
    return _grouped(wanted.order_by(found.c.rank, Product.name, Product.id, Variant.position))


def offered(ids: Collection[UUID]) -> dict[UUID, Found]:
    """These products by id, sold or not any more; what is not there is left out."""
    wanted = _offers().where(Product.id.in_(ids)).order_by(Product.id, Variant.position)
    return {found.product.id: found for found in _grouped(wanted)} if ids else {}


def by_reference(references: Collection[str]) -> dict[str, Variant]:
    """The versions with these references, by the reference in small letters.

    The reference of a product that has a single version names that version.
    """
    wanted = {clean(reference).strip().lower() for reference in references}
    if not wanted:
        return {}
    skus = (func.lower(Variant.sku), func.lower(Product.sku))
    found = (
        select(Variant)
        .join(Variant.product)
        .options(contains_eager(Variant.product))
        .where(or_(*(sku.in_(wanted) for sku in skus)))
    )
    variants = db.session().scalars(found).all()
    versions = Counter(variant.product.sku.lower() for variant in variants)
    alone = [v for v in variants if versions[v.product.sku.lower()] == 1]
    named = {v.product.sku.lower(): v for v in alone if v.product.sku.lower() in wanted}
    return named | {v.sku.lower(): v for v in variants}


def _grouped(wanted: Select[Variant, int | None]) -> list[Found]:
    by_product = groupby(db.session().execute(wanted).all(), key=lambda row: row[0].product)
    return [
        Found(product, tuple(Offer(variant, left) for variant, left in versions))
        for product, versions in by_product
    ]


def _offers() -> Select[Variant, int | None]:
    with_product = contains_eager(Variant.product)
    return select(Variant, _left()).join(Variant.product).options(with_product)


def _fits(variant: Variant, typed: Iterable[str]) -> bool:
    product = variant.product
    said = words(f"{product.name} {product.sku} {variant.sku} {variant.label}")
    return all(any(word.startswith(begun) for word in said) for begun in typed)


def _best(text: str, limit: int) -> Select[UUID, int]:
    best = select(Product.id).where(Product.active, begins_like(Product.search_text, words(text)))
    reference = clean(text).strip().lower()
    if not reference:
        rank: ColumnElement[int] = literal(0)
    else:
        best = best.join(Product.variants).group_by(Product.id, Product.name)
        rank = func.min(_rank(reference))
    best = best.order_by(rank, Product.name, Product.id).limit(limit)
    return best.add_columns(rank.label("rank"))


def _rank(reference: str) -> ColumnElement[int]:
    skus = (func.lower(Product.sku), func.lower(Variant.sku))
    return case(
        (or_(*(sku == reference for sku in skus)), 0),
        (or_(*(func.starts_with(sku, reference) for sku in skus)), 1),
        else_=2,
    )


def _left() -> ColumnElement[int | None]:
    # Levels are summed one variant at a time, on their key: never the whole table.
    there = select(cast(func.coalesce(func.sum(StockLevel.available), 0), BigInteger)).where(
        StockLevel.merchant_id == Variant.merchant_id, StockLevel.variant_id == Variant.id
    )
    return case((Product.track_stock, there.scalar_subquery()))
