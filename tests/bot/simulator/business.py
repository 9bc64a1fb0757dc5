"""The business that hears the simulator's webhooks, and the true pywa client that sends."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pywa.client import WhatsApp
from pywa.types.templates import BodyText, QuickReplyButton, TemplateLanguage, URLButton

from bot.simulator import Simulator, create_simulator, demo

SECRET = "app secret of the test"
URL = "http://business.test/webhooks/whatsapp"
FATIMA, YOUSSEF, AMINE = "+212661234567", "+212663456789", "+213550123456"
NADIA = "MA.13491208655302741918"
Json = dict[str, Any]
# pywa types params() as a method of the instance, which it is not.
BODY: Any = BodyText
REPLY: Any = QuickReplyButton
LINK: Any = URLButton


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


def open_simulator(business: Business, folder: Path) -> Simulator:
    return create_simulator(webhook_url=URL, app_secret=SECRET, post=business, folder=folder)


def client(sim: Simulator, account: str, number: str) -> WhatsApp:
    return WhatsApp(
        phone_id=number,
        token=demo.TOKEN + account,
        waba_id=account,
        session=httpx.Client(transport=httpx.WSGITransport(app=sim.app)),
    )


def prices(business: Business, name: str = "delivered") -> list[tuple[str, str]]:
    """(type, category) of the statuses with this name."""
    found = [s["pricing"] for s in business.statuses if s["status"] == name]
    return [(pricing["type"], pricing["category"]) for pricing in found]


def confirm(whatsapp: WhatsApp, to: str = FATIMA) -> str:
    """The order confirmation with its three buttons, sent by the true client; its wamid."""
    payloads = ["c:1", "m:1", "x:1"]
    replies = [REPLY.params(callback_data=p, index=n) for n, p in enumerate(payloads)]
    params = [BODY.params("Fatima", "1042", "835,00 MAD"), *replies]
    return send_template(whatsapp, to, "order_confirmation", params)


def offer(whatsapp: WhatsApp, to: str = FATIMA) -> str:
    """A marketing template; its wamid."""
    return send_template(whatsapp, to, "back_in_stock", [BODY.params("Fatima", "le sac noir")])


def send_template(
    whatsapp: WhatsApp,
    to: str,
    name: str,
    params: list[Any],
    language: TemplateLanguage = TemplateLanguage.FRENCH,
) -> str:
    return str(whatsapp.send_template(to, name=name, language=language, params=params).id)
