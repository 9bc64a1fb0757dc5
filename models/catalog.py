"""Product, Variant: what the merchant sells; stock hangs on the variant."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row, many, one, ref
from models.message import Media
from models.search import words
from models.types import utcnow


class Product(Row):
    """Something sold; without options it has exactly one variant."""

    __tablename__ = "products"
    __table_args__ = (UniqueConstraint("merchant_id", "sku"),)

    name: Mapped[str]
    sku: Mapped[str]
    price: Mapped[int]
    """Minor units of the merchant's currency; a variant may have its own."""
    track_stock: Mapped[bool] = mapped_column(default=True)
    active: Mapped[bool] = mapped_column(default=True)
    aliases: Mapped[list[str]] = mapped_column(default=list)
    """What customers call it besides: the bot understands these words too."""
    picture_id: Mapped[UUID | None] = ref("media", nullable=True, ondelete="SET NULL")
    search_text: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    picture: Mapped[Media | None] = one("Media")
    variants: Mapped[list[Variant]] = many(
        "Variant",
        back_populates="product",
        cascade="all, delete-orphan",
        order_by="Variant.position",
    )

    def index(self) -> None:
        """Make names and references findable; call after any of them changed."""
        said = [self.name, self.sku, *(self.aliases or ())]
        said += [f"{variant.sku} {variant.label}" for variant in self.variants]
        self.search_text = " ".join(words(" ".join(said)))


class Variant(Row):
    __tablename__ = "variants"
    __table_args__ = (
        UniqueConstraint("merchant_id", "sku"),
        Index(None, "merchant_id", "product_id"),
    )

    product_id: Mapped[UUID] = ref("products", ondelete="CASCADE")
    position: Mapped[int] = mapped_column(default=0)
    sku: Mapped[str]
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """{"couleur": "Noir", "taille": "M"}; empty for the only variant of a product."""
    price: Mapped[int | None]

    product: Mapped[Product] = one("Product", back_populates="variants")

    @property
    def label(self) -> str:
        return " / ".join(str(value) for value in self.options.values())

    @property
    def name(self) -> str:
        return f"{self.product.name} ({self.label})" if self.options else self.product.name

    @property
    def unit_price(self) -> int:
        return self.product.price if self.price is None else self.price
