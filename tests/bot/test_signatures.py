"""A merchant's own Meta app signs its webhooks, and speaks of that merchant's numbers only."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from bot import signatures
from config import settings
from models import db
from models.channel import Channel
from models.envelope import Envelope
from models.merchant import Merchant
from models.message import Message
from models.user import Membership

Work = Callable[[], None]
OWN = "secret-of-an-own-app"
MINE, THEIRS = "1" * 15, "2" * 15


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    signatures.forget()
    yield
    signatures.forget()


@pytest.fixture
def own(merchant: Merchant) -> Channel:
    """The merchant's number, whose app is its own."""
    with db.merchant(merchant.id) as session:
        channel = session.scalars(select(Channel)).one()
        channel.app_secret = OWN
    return channel


def body(number: str = MINE, text: str = "Salam") -> bytes:
    message = {"id": f"wamid.{number}.{text}", "from": "212661234567", "timestamp": "1796000000"}
    message |= {"type": "text", "text": {"body": text}}  # type: ignore[dict-item]
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"phone_number_id": number, "display_phone_number": "212"},
        "contacts": [{"wa_id": "212661234567", "profile": {"name": "Fatima"}}],
        "messages": [message],
    }
    entry = {"id": f"9{number[:-1]}", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def post(client: FlaskClient, data: bytes, secret: str) -> int:
    signed = "sha256=" + hmac.digest(secret.encode(), data, "sha256").hex()
    headers = {"X-Hub-Signature-256": signed}
    return client.post("/webhooks/whatsapp", data=data, headers=headers).status_code


def texts(merchant_id: object) -> list[str]:
    with db.house() as house:
        found = select(Message.text).where(Message.merchant_id == merchant_id)
        return list(house.scalars(found))


def test_an_own_app_is_believed_about_its_merchants_numbers(
    client: FlaskClient, merchant: Merchant, own: Channel, work: Work
) -> None:
    status = post(client, body(), OWN)
    work()

    assert status == 200
    assert texts(merchant.id) == ["Salam"]


def test_an_own_app_is_not_believed_about_anybody_elses(
    client: FlaskClient, merchant: Merchant, stranger: Membership, own: Channel, work: Work
) -> None:
    status = post(client, body(THEIRS, "forged"), OWN)
    work()

    assert status == 200
    assert texts(stranger.merchant_id) == []
    with db.house() as house:
        (kept,) = house.scalars(select(Envelope))
        assert (kept.state, kept.signed_for) == ("unrouted", [merchant.id])


def test_the_installs_app_is_believed_about_all(
    client: FlaskClient, merchant: Merchant, stranger: Membership, own: Channel, work: Work
) -> None:
    for number in (MINE, THEIRS):
        assert post(client, body(number), settings().app_secrets[0]) == 200
    work()

    assert texts(merchant.id) == texts(stranger.merchant_id) == ["Salam"]


def test_a_secret_shared_by_two_merchants_speaks_of_both(
    client: FlaskClient, merchant: Merchant, stranger: Membership, own: Channel, work: Work
) -> None:
    with db.merchant(stranger.merchant_id) as session:
        session.scalars(select(Channel)).one().app_secret = OWN

    for number in (MINE, THEIRS):
        assert post(client, body(number), OWN) == 200
    work()

    assert texts(merchant.id) == texts(stranger.merchant_id) == ["Salam"]


def test_a_secret_typed_a_moment_ago_is_known(client: FlaskClient, own: Channel) -> None:
    first = post(client, body(), "some other secret")
    with db.merchant(own.merchant_id) as session:
        session.scalars(select(Channel)).one().app_secret = "newer"
    signatures.forget()  # two seconds later

    assert first == 403
    assert post(client, body(), "newer") == 200
    assert post(client, body(text="old"), OWN) == 403


def test_the_secret_of_a_number_nobody_has_proven_opens_nothing(
    client: FlaskClient, own: Channel
) -> None:
    with db.merchant(own.merchant_id) as session:
        session.scalars(select(Channel)).one().proven_at = None

    assert post(client, body(), OWN) == 403


def test_webhooks_ask_the_database_for_secrets_now_and_then_only(
    client: FlaskClient, own: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    known = signatures._from_database

    def counted() -> tuple[tuple[str, frozenset[UUID]], ...]:
        read.append(1)
        return known()

    monkeypatch.setattr(signatures, "_from_database", counted)

    for n in range(20):
        assert post(client, body(text=f"{n}"), OWN) == 200
        assert post(client, body(text=f"{n}"), "nobody's") == 403

    assert len(read) == 1


def test_a_body_that_another_app_signs_too_speaks_of_both(
    client: FlaskClient, merchant: Merchant, stranger: Membership, own: Channel, work: Work
) -> None:
    """A merchant who gets hold of what Meta sends somebody else cannot make it vanish."""
    sent = body(THEIRS)
    post(client, sent, OWN)
    work()
    first = texts(stranger.merchant_id)

    again = post(client, sent, settings().app_secrets[0])
    third = post(client, sent, OWN)
    work()

    assert first == []
    assert (again, third) == (200, 200)
    assert texts(stranger.merchant_id) == ["Salam"]
    with db.house() as house:
        (kept,) = house.scalars(select(Envelope))
        assert (kept.state, kept.signed_for) == ("settled", None)
