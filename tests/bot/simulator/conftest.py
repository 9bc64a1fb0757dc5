"""A simulator in this process and what stands around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pywa.client import WhatsApp

from bot.simulator import Simulator, demo
from tests.bot.simulator.business import Business, client, open_simulator


@pytest.fixture
def business() -> Business:
    return Business()


@pytest.fixture
def sim(business: Business, tmp_path: Path) -> Iterator[Simulator]:
    simulator = open_simulator(business, tmp_path)
    yield simulator
    simulator.stop()


@pytest.fixture
def atlas(sim: Simulator) -> WhatsApp:
    return client(sim, demo.ATLAS, demo.ATLAS_ONE)


@pytest.fixture
def algiers(sim: Simulator) -> WhatsApp:
    return client(sim, demo.ALGIERS, demo.ALGIERS_ONE)


@pytest.fixture
def on(sim: Simulator) -> Callable[[int, int, int], None]:
    """on(2026, 10, 1): it is noon of that day in the simulator."""
    return lambda year, month, day: sim.set_date(datetime(year, month, day, 12, tzinfo=UTC))
