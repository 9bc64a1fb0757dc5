from __future__ import annotations

from flows.talks import drafts
from flows.talks.cart import Cart
from models import db
from models.merchant import Merchant
from tests.flows import shop


def test_a_draft_is_kept_however_often_one_was_before(merchant: Merchant) -> None:
    with db.merchant(merchant.id):
        talk = shop.conversation()
        for city in ("Rabat", "Fès", "Salé", "Safi", "Agadir", "Tanger", "Oujda"):
            drafts.keep(talk, Cart(city=city))

        waiting = drafts.waiting(talk)

    assert waiting is not None
    assert waiting.cart["city"] == "Oujda"
