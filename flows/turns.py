"""People of one merchant who do the same thing at once take turns."""

from __future__ import annotations

from sqlalchemy import select

from models import db
from models.merchant import Merchant


def take() -> Merchant:
    """The current merchant, held until the transaction ends: whoever asks next waits, and then sees
    what was made (the last place of a plan, a name that is taken)."""
    session = db.session()
    own = select(Merchant).where(Merchant.id == session.merchant_id)
    return session.scalars(own.with_for_update(key_share=True)).one()
