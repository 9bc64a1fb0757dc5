from __future__ import annotations

from flows.talks import drafts
from flows.talks.cart import Cart
from models import db
from models.merchant import Merchant
from tests.flows import shop

PLANNED = 12
"""So often PostgreSQL plans a statement of a connection with its values, then without."""


def test_a_draft_is_kept_however_often_one_was_before(merchant: Merchant) -> None:
    with db.merchant(merchant.id):
        talk = shop.conversation()
        for number in range(PLANNED + 1):
            drafts.keep(talk, Cart(address=f"{number} rue Tansift"))

        waiting = drafts.waiting(talk)

    assert waiting is not None
    assert waiting.cart["address"] == f"{PLANNED} rue Tansift"
