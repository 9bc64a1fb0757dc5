"""What lasts is leased for seconds, and renewed by whoever is alive."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import select

from flows import leases
from models import db
from models.channel import Channel
from models.errand import Errand
from models.merchant import Merchant
from models.types import utcnow


@pytest.mark.parametrize("seconds", [5, -1, None])
def test_only_a_lease_that_still_holds_is_renewed(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch, seconds: int | None
) -> None:
    monkeypatch.setattr(leases, "RENEWED_EVERY", 0.02)
    until = None if seconds is None else utcnow() + timedelta(seconds=seconds)
    with db.merchant(merchant.id) as session:
        channel = session.scalars(select(Channel)).one()
        errand = Errand(channel_id=channel.id, act="profile", lease_until=until)
        session.add(errand)

    with leases.renewed(merchant.id, Errand.lease_until, [errand.id]):
        time.sleep(0.3)

    with db.merchant(merchant.id) as session:
        found = session.get_one(Errand, (merchant.id, errand.id)).lease_until
    if seconds == 5:
        assert found is not None
        assert found > utcnow() + leases.LEASE - timedelta(seconds=5)
    else:
        assert found == until
