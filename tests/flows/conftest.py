"""A clock that the test holds, automations, and a customer who has been asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
import time_machine

import config
from models import db
from models.db import MerchantSession
from models.merchant import Merchant
from models.user import Membership
from tests.flows import meta, shop
from tests.flows.trial import DAY, MONDAY, UNREACHABLE, Clock, enter


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def automate(merchant: Merchant) -> Callable[..., UUID]:
    """An automation on To confirm; stages may be given by their state."""

    def make(**values: Any) -> UUID:
        with db.merchant(merchant.id):
            fallback = values.pop("fallback", None)
            if fallback is not None:
                values["fallback_stage"] = shop.stage(fallback)
            return shop.automation(**values).id

    return make


@pytest.fixture
def asked(merchant: Merchant, clock: Clock, automate: Callable[..., UUID]) -> UUID:
    """An order whose customer has 24 hours from the delivery of the question to answer it."""
    automate(timeout=DAY, timeout_from="delivered", fallback=UNREACHABLE)
    order = enter(merchant)
    meta.take(merchant)
    return order


@pytest.fixture
def salma(agent: Membership, manager: Membership, session: MerchantSession) -> Membership:
    """Who confirms orders, in the open session; her manager was there before it was opened."""
    found: Membership = session.merge(agent, load=False)
    return found


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A trial: an hour of an automation lasts a second."""
    monkeypatch.setenv("WASL_TIMER_SPEED", "3600")
    config.settings.cache_clear()
    yield
    monkeypatch.delenv("WASL_TIMER_SPEED")
    config.settings.cache_clear()
