"""Where faults happen, who pretends to be Meta, and what is left for whoever counts afterwards."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import secrets
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.fire.shops import Place
from bench.fire.town import Town
from models.types import Json


@dataclass
class Scene:
    """Where faults happen, and what they leave for whoever counts afterwards."""

    town: Town
    places: list[Place]
    chance: random.Random
    told: dict[str, bool] = field(default_factory=dict)
    """The wamids of bodies we posted ourselves, beside the simulator: whether answered with 200."""
    wrongs: list[str] = field(default_factory=list)
    """What the town must never have done."""
    crashed: Counter[str] = field(default_factory=Counter)
    """How often a process died at each crash point."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Faults this machine cannot have, and why."""
    later: list[threading.Thread] = field(default_factory=list)

    @property
    def crash_log(self) -> Path:
        return self.town.folder / "crashes.log"

    # --- Meta, and who pretends to be -------------------------------------------------------------

    def ask_simulator(self, method: str, path: str, **body: Any) -> None:
        """The simulator is told so; when it is just being killed, not."""
        address = f"http://127.0.0.1:{self.town.port + 2}/_control/{path}"
        with suppress(httpx.HTTPError):
            httpx.request(method, address, json=body, timeout=5, trust_env=False)

    def post(self, body: bytes, signature: str | None = None) -> int | None:
        """The status our webhook answers to this body; None when it does not."""
        headers = {"X-Hub-Signature-256": self.sign(body) if signature is None else signature}
        address = f"http://127.0.0.1:{self.town.port}/webhooks/whatsapp"
        raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
        try:
            answer = httpx.post(address, content=body, headers=raw, timeout=10, trust_env=False)
        except httpx.HTTPError:
            return None
        return answer.status_code

    def sign(self, body: bytes) -> str:
        secret = self.town.env["META_APP_SECRET"].encode()
        return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()

    def body(self, *messages: Json, place: Place | None = None) -> bytes:
        """A webhook of ours with these messages of somebody new, to one of the numbers."""
        place = place or self.chance.choice(self.places)
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "0", "phone_number_id": place.number},
            "contacts": [{"profile": {"name": "Passant"}, "wa_id": messages[0]["from"]}],
            "messages": list(messages),
        }
        change = {"field": "messages", "value": value}
        whole = {
            "object": "whatsapp_business_account",
            "entry": [{"id": place.account, "changes": [change]}],
        }
        return json.dumps(whole, ensure_ascii=False).encode()

    def text(self, text: str, *, age: float = 0.0) -> Json:
        return {
            "id": f"wamid.fire.{secrets.token_hex(8)}",
            "from": f"2127{self.chance.randrange(10**8):08}",
            "timestamp": str(int(time.time() - age)),
            "type": "text",
            "text": {"body": text},
        }

    def tell(self, *messages: Json) -> None:
        """Post them until they are taken, and remember whether they were."""
        body = self.body(*messages)
        answer = None
        for _ in range(20):
            if (answer := self.post(body)) == 200:
                break
            time.sleep(0.3)
        self.told |= {str(message["id"]): answer == 200 for message in messages}

    def must(self, answer: int | None, wanted: int, what: str) -> None:
        """Silence and 503 are allowed to who is being killed; another answer is not."""
        if answer not in (None, 503, wanted):
            self.wrongs.append(f"{what} was answered with {answer}, not {wanted}")
