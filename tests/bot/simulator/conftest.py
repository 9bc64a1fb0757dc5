"""A simulator in this process, the true pywa client on it, and the business that hears it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pywa import WhatsApp

from bot.simulator import Simulator, create_simulator, demo

SECRET = "app secret of the test"
URL = "http://business.test/webhooks/whatsapp"
Json = dict[str, Any]


@dataclass
class Business:
    """Takes webhooks: answers 200, or the answers prepared, and remembers the bodies."""

    answers: list[int | Exception] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.bodies.append(body)
        self.headers.append(headers)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def values(self) -> list[Json]:
        """Every change's value, in the order they came."""
        entries = [entry for body in self.bodies for entry in json.loads(body)["entry"]]
        return [change["value"] for entry in entries for change in entry["changes"]]

    @property
    def messages(self) -> list[Json]:
        return [message for value in self.values for message in value.get("messages", [])]

    @property
    def statuses(self) -> list[Json]:
        return [status for value in self.values for status in value.get("statuses", [])]


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


def open_simulator(business: Business, folder: Path) -> Simulator:
    return create_simulator(webhook_url=URL, app_secret=SECRET, post=business, folder=folder)


def client(sim: Simulator, account: str, number: str) -> WhatsApp:
    mounts = {"https://graph.facebook.com": httpx.WSGITransport(app=sim.app)}
    return WhatsApp(
        phone_id=number,
        token=demo.TOKEN + account,
        waba_id=account,
        session=httpx.Client(mounts=mounts),
    )


def prices(business: Business, name: str = "delivered") -> list[tuple[str, str]]:
    """(type, category) of the statuses with this name."""
    found = [s["pricing"] for s in business.statuses if s["status"] == name]
    return [(pricing["type"], pricing["category"]) for pricing in found]
