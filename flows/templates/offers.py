"""Words for which Meta charges a utility template as marketing."""

from __future__ import annotations

import re

from flows.templates.composing import Form
from models.types import fold

# What makes Meta take a utility template for an advertisement (spec: any offer or upsell).
_OFFERS = (
    *("promo", "promotion", "promotions", "code promo", "remise", "remises", "reduction", "rabais"),
    *("solde", "soldes", "offre", "offres", "offert", "offerte", "gratuit", "gratuite", "cadeau"),
    *("profitez", "decouvrez", "vente flash", "bon plan", "nouvelle collection", "nouveautes"),
    *("exclusif", "exclusive", "prix reduit", "derniere chance", "black friday", "parrainage"),
    *("discount", "sale", "sales", "offer", "offers", "deal", "deals", "coupon", "voucher"),
    *("for free", "gift", "new arrivals", "limited time", "last chance", "special price", "save"),
    *("تخفيض", "تخفيضات", "خصم", "خصومات", "عرض", "عروض", "هدية", "هدايا", "مجانا", "مجاني"),
    *("كوبون", "حصري", "اغتنم", "تنزيلات", "همزة", "برومو"),
)
_OFFER = re.compile(
    r"(?<!\w)(?:[وبلف]?ال|[وبل])?(?:" + "|".join(map(re.escape, map(fold, _OFFERS))) + r")(?!\w)"
    r"|\d+\s?[%٪]"
)


def offers(form: Form) -> list[str]:
    """The words for which Meta would charge a utility template as marketing; none is best."""
    if form.category != "utility":
        return []
    said = [form.header_text, form.body, form.footer, *(button.text for button in form.buttons)]
    return list(dict.fromkeys(match[0] for text in said for match in _OFFER.finditer(fold(text))))
