"""The demo's shop, and an order of Fatima's in it."""

from __future__ import annotations

import pytest

from bot.simulator import Simulator
from models.merchant import Merchant
from tests import factories
from tests.stories.steps import Work, settle, take_order


@pytest.fixture
def shop(simulator: Simulator) -> Merchant:
    return factories.demo_shop()


@pytest.fixture
def ordered(shop: Merchant, simulator: Simulator, work: Work) -> int:
    """Fatima wrote, an agent made the order, the stage's template is on her phone."""
    simulator.write("fatima", "Salam, je veux 2 sacs en cuir noir")
    settle(simulator, work)
    number = take_order(shop)
    settle(simulator, work)
    return number
