"""Every kind of body Meta sends, signed, through the real route and the real reading."""

from __future__ import annotations

import hmac
import html
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from bot import jobs, reader
from config import settings
from flows import channels, events
from models import db
from models.channel import ChannelEvent
from models.conversation import Conversation
from models.envelope import Envelope, EnvelopeState
from models.merchant import Merchant
from models.message import Message, MessageStatus
from models.user import Membership
from tests.recorded import OFFICIAL, OURS


def bodies() -> list[Path]:
    found = [p for folder in (OFFICIAL, OURS) for p in sorted(folder.glob("*.json"))]
    return [p for p in found if p.stem not in ("INDEX", "nested_deeply")]


def says_something(path: Path) -> bool:
    found = reader.events(path.read_bytes())
    return any(isinstance(event, events.Written | events.Call) for event in found)


def post(client: FlaskClient, body: bytes) -> int:
    signature = hmac.digest(settings().app_secrets[0].encode(), body, "sha256").hex()
    headers = {"X-Hub-Signature-256": f"sha256={signature}"}
    return client.post("/webhooks/whatsapp", data=body, headers=headers).status_code


def own(merchant: Merchant, found: list[events.Event]) -> None:
    """Give the merchant a channel for every number and account that this body speaks of."""
    places = {(e.phone_number_id, e.waba_id) for e in found}
    numbers: dict[str, str | None] = {number: account for number, account in places if number}
    numbers.pop("1" * 15, None)  # the merchant has that one
    silent = {account for _, account in places if account} - set(numbers.values())
    numbers |= {f"no-number-{n}": mute for n, mute in enumerate(sorted(silent))}
    with db.merchant(merchant.id):
        for number, account in numbers.items():
            channels.add(
                name="another",
                phone_number_id=number,
                waba_id=account or "unknown",
                display_phone_number=number,
                country="MA",
                token="EAA-test",
            )


def stored(merchant: Merchant) -> Counter[str]:
    with db.merchant(merchant.id) as session:
        return Counter(
            {
                "written": session.scalar(select(func.count()).select_from(Message)),
                "status": session.scalar(select(func.count()).select_from(MessageStatus)),
                "news": session.scalar(select(func.count()).select_from(ChannelEvent)),
            }
        )


def expected(found: list[events.Event]) -> Counter[str]:
    """Distinct by what makes an event itself: wamid; wamid, status and recipient; key."""
    keys: set[tuple[Any, ...]] = set()
    for e in found:
        if isinstance(e, events.Written):
            keys.add(("written", e.wamid))
        elif isinstance(e, events.Status):
            who = e.participant or e.recipient
            keys.add(("status", e.wamid, e.status, who.wa_id or who.user_id or ""))
        elif isinstance(e, events.News):
            keys.add(("news", e.key))
    return Counter(kind for kind, *_ in keys)


@pytest.mark.parametrize("path", bodies(), ids=lambda path: path.stem)
def test_a_body_for_our_number_is_stored_whole(
    path: Path, client: FlaskClient, merchant: Merchant
) -> None:
    body = path.read_bytes()
    found = reader.events(body)
    own(merchant, found)

    assert post(client, body) == 200
    jobs.read_envelopes("ingest")

    with db.house() as house:
        envelope = house.scalars(select(Envelope)).one()
        routable = all(e.phone_number_id or e.waba_id for e in found)
        assert envelope.error is None
        assert (envelope.state is EnvelopeState.SETTLED) == routable
    if routable:
        assert stored(merchant) == expected(found)
        assert sum(expected(found).values()) > 0 or json.loads(body).get("entry") == []


@pytest.mark.parametrize("path", bodies(), ids=lambda path: path.stem)
def test_a_body_for_nobody_is_kept_unrouted(path: Path, client: FlaskClient) -> None:
    body = path.read_bytes()

    assert post(client, body) == 200
    jobs.read_envelopes("ingest")

    with db.house() as house:
        envelope = house.scalars(select(Envelope)).one()
        assert bytes(envelope.body) == body
        assert envelope.state is EnvelopeState.UNROUTED


@pytest.mark.parametrize("path", [p for p in bodies() if says_something(p)], ids=lambda p: p.stem)
def test_nothing_that_was_written_is_an_empty_bubble_in_any_language(
    path: Path,
    client: FlaskClient,
    signed_in: Callable[[Membership], FlaskClient],
    merchant: Merchant,
    owner: Membership,
) -> None:
    body = path.read_bytes()
    own(merchant, reader.events(body))
    post(client, body)
    jobs.read_envelopes("ingest")
    with db.merchant(merchant.id) as session:
        threads = session.scalars(select(Conversation.id)).all()
    browser = signed_in(owner)

    for language in ("fr", "en", "ar"):
        browser.set_cookie("language", language)
        pages = [browser.get(f"/inbox/{thread}") for thread in threads]

        shown = [piece for page in pages for piece in pieces(page.text)]
        assert {page.status_code for page in pages} <= {200}
        assert shown or not threads
        assert all(says(piece) for piece in shown), shown


def pieces(page: str) -> list[str]:
    """The bubbles and small lines of a thread, without what every one of them has."""
    bubbles = re.findall(r'<article class="bubble[^>]*id="m-[^>]*>(.*?)</article>', page, re.DOTALL)
    lines = re.findall(r'<p class="activity" id[^>]*>(.*?)</p>', page, re.DOTALL)
    meta = r'<div class="bubble-meta">.*?</div>|<button.*?</button>|<time.*?</time>'
    return [re.sub(meta, "", piece, flags=re.DOTALL) for piece in [*bubbles, *lines]]


def says(piece: str) -> bool:
    words = html.unescape(re.sub(r"<[^>]+>", "", piece))
    return any(c.isalnum() or ord(c) > 0x2000 for c in words) or "<img" in piece


def test_a_body_nobody_can_read_is_quarantined_and_stops_nobody(client: FlaskClient) -> None:
    body = (OURS / "nested_deeply.json").read_bytes()

    assert post(client, body) == 200
    jobs.read_envelopes("ingest")

    with db.house() as house:
        assert house.scalars(select(Envelope.state)).all() == [EnvelopeState.QUARANTINED]


def test_one_message_in_two_batches_is_one_message(client: FlaskClient, merchant: Merchant) -> None:
    first, second = (OURS / f"one_message_{n}_batch.json" for n in ("first", "second"))
    own(merchant, reader.events(first.read_bytes()))

    assert (post(client, first.read_bytes()), post(client, second.read_bytes())) == (200, 200)
    jobs.read_envelopes("ingest")

    found = reader.events(first.read_bytes()) + reader.events(second.read_bytes())
    assert stored(merchant) == expected(found)
    assert len(found) > expected(found).total()
