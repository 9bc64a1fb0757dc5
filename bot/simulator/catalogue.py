"""What the demo's shops have in their WhatsApp catalogues: references as in their own stock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]
CATALOG = "354160437058781"
PRODUCTS: dict[str, list[Json]] = {
    "102290129340398": [
        {"id": "SAC", "name": "Sac en cuir", "price": 320, "currency": "MAD"},
        {"id": "CEINT", "name": "Ceinture en cuir", "price": 160, "currency": "MAD"},
        {"id": "FOUL", "name": "Foulard en soie", "price": 120, "currency": "MAD"},
        {"id": "BAB", "name": "Babouches", "price": 180, "currency": "MAD"},
        {"id": "ARG", "name": "Huile d'argan 100 ml", "price": 90, "currency": "MAD"},
    ],
    "202290129340399": [
        {"id": "MIEL", "name": "Miel de jujubier", "price": 4500, "currency": "DZD"},
        {"id": "DATTE", "name": "Dattes Deglet Nour 1 kg", "price": 900, "currency": "DZD"},
    ],
}


def cart(products: Iterable[Json], wanted: Iterable[Json], text: str = "") -> Json:
    """The body of an order message; `wanted` are {id, quantity}. ValueError for an unknown id."""
    known = {product["id"]: product for product in products}
    items = []
    for line in wanted:
        product = known.get(str(line["id"]))
        if product is None or int(line.get("quantity", 1)) < 1:
            raise ValueError(f"the catalogue has no {line['id']}, or none was wanted")
        items.append(
            {
                "product_retailer_id": product["id"],
                "quantity": int(line.get("quantity", 1)),
                "item_price": product["price"],
                "currency": product["currency"],
            }
        )
    if not items:
        raise ValueError("the cart is empty")
    return {"catalog_id": CATALOG, "text": text, "product_items": items}
