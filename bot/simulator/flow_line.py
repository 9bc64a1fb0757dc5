"""What a phone and an endpoint say to each other: AES of the moment, RSA of the number, signed."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from bot.simulator.world import Json

Exchange = Callable[[str, bytes, dict[str, str]], tuple[int, bytes]]
"""Posts a body with headers to an address: the status and the answer; any exception: no answer."""


PATIENCE = 10.0
"""Seconds a phone waits for an endpoint."""


def over_http(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Asks an endpoint over the network."""
    answer = _client().post(url, content=body, headers=headers)
    return answer.status_code, answer.content


@cache
def _client() -> httpx.Client:
    return httpx.Client(timeout=PATIENCE, trust_env=False)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A question on its way, and what its answer is opened with."""

    body: bytes
    key: bytes
    vector: bytes

    def open(self, answer: bytes) -> Json:
        """The answer; ValueError or cryptography's InvalidTag when it is none to this question."""
        flipped = bytes(byte ^ 0xFF for byte in self.vector)
        told = json.loads(AESGCM(self.key).decrypt(flipped, base64.b64decode(answer), None))
        if not isinstance(told, dict):
            raise ValueError("the answer is no object")
        return told


def sealed(question: Json, public_key: str) -> Sealed:
    """The question as Meta's own servers pass it on (its page "Implementing your endpoint")."""
    key, vector = os.urandom(16), os.urandom(16)
    holder = load_pem_public_key(public_key.encode())
    assert isinstance(holder, rsa.RSAPublicKey)  # noqa: S101 - the desk took no other
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    parts = {
        "encrypted_flow_data": AESGCM(key).encrypt(vector, json.dumps(question).encode(), None),
        "encrypted_aes_key": holder.encrypt(key, oaep),
        "initial_vector": vector,
    }
    told = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return Sealed(json.dumps(told).encode(), key, vector)
