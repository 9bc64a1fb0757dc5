"""Files in the thread: served so that none can do harm, to the right people, whole or in part."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from flows import arrivals, files, outbox
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Media, MediaState, Message
from models.user import Membership
from tests import factories

Browser = Callable[[Membership], FlaskClient]
CONTENT = b"0123456789" * 100


def kept(
    merchant: Merchant,
    mime_type: str,
    content: bytes = CONTENT,
    *,
    name: str = "f.bin",
    state: MediaState = MediaState.FETCHED,
    kind: str = "image",
    **more: Any,
) -> Media:
    """A message of Fatima with this file."""
    body = {"id": "1", "mime_type": mime_type, "filename": name}
    event = factories.inbound("", kind=kind, payload=body)
    with db.merchant(merchant.id) as session:
        arrivals.take_in([event])
        found = session.scalars(select(Message).where(Message.wamid == event.wamid)).one().media
        assert found is not None
        found.mime_type, found.state, found.size = mime_type, state, len(content)
        found.sha256, found.filename = "ab" * 32, name
        if state is MediaState.FETCHED:
            found.file = f"{merchant.id}/{found.id}.bin"
            files.put(found.file, io.BytesIO(content))
        for field, value in more.items():
            setattr(found, field, value)
    outbox.connection().flushdb()
    return found


def thread_of(merchant: Merchant) -> UUID:
    with db.merchant(merchant.id) as session:
        return session.scalars(select(Conversation.id)).one()


OPENED = ["image/jpeg", "image/png", "image/webp", "audio/ogg", "video/mp4", "application/pdf"]
DOWNLOADED = [
    "application/octet-stream",
    "image/svg+xml",
    "text/html",
    "text/plain",
    "application/xhtml+xml",
    "application/msword",
    "image/gif",
]


@pytest.mark.parametrize("mime_type", OPENED + DOWNLOADED)
def test_a_browser_opens_only_what_can_do_no_harm(
    signed_in: Browser, merchant: Merchant, agent: Membership, mime_type: str
) -> None:
    media = kept(merchant, mime_type, name="فاتورة.bin")

    answer = signed_in(agent).get(f"/media/{media.id}", buffered=True)

    assert (answer.status_code, answer.data) == (200, CONTENT)
    assert answer.headers["Content-Type"].partition(";")[0] == mime_type
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("inline" if mime_type in OPENED else "attachment")
    assert "filename*=UTF-8''%D9%81" in disposition
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert ("sandbox" in policy) == (mime_type != "application/pdf")
    assert "script-src" not in policy
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_whoever_wants_to_keep_a_picture_downloads_it(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    media = kept(merchant, "image/jpeg", name="sac.jpg")

    answer = signed_in(agent).get(f"/media/{media.id}?download=1", buffered=True)

    assert answer.headers["Content-Disposition"] == "attachment; filename=sac.jpg"


def test_a_player_gets_the_part_it_asks_for(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    media = kept(merchant, "audio/ogg", kind="audio")
    browser = signed_in(agent)

    middle = browser.get(f"/media/{media.id}", buffered=True, headers={"Range": "bytes=15-24"})
    end = browser.get(f"/media/{media.id}", buffered=True, headers={"Range": "bytes=-3"})
    beyond = browser.get(f"/media/{media.id}", buffered=True, headers={"Range": "bytes=5000-"})

    assert (middle.status_code, middle.data) == (206, b"5678901234")
    assert middle.headers["Content-Range"] == "bytes 15-24/1000"
    assert middle.headers["Content-Length"] == "10"
    assert (end.status_code, end.data) == (206, b"789")
    assert beyond.status_code == 416
    assert browser.get(f"/media/{media.id}", buffered=True).headers["Accept-Ranges"] == "bytes"


def test_what_the_browser_has_is_not_sent_again(
    signed_in: Browser, merchant: Merchant, agent: Membership, stranger: Membership
) -> None:
    media = kept(merchant, "image/jpeg")
    browser = signed_in(agent)
    tag = browser.get(f"/media/{media.id}", buffered=True).headers["ETag"]

    again = browser.get(f"/media/{media.id}", buffered=True, headers={"If-None-Match": tag})
    foreign = signed_in(stranger).get(
        f"/media/{media.id}", buffered=True, headers={"If-None-Match": tag}
    )

    assert (again.status_code, again.data) == (304, b"")
    assert foreign.status_code == 404


def test_a_file_is_nobody_elses(
    client: FlaskClient, signed_in: Browser, merchant: Merchant, stranger: Membership
) -> None:
    media = kept(merchant, "image/jpeg", thumbnail="x/y.webp")

    for address in (f"/media/{media.id}", f"/media/{media.id}/small"):
        assert signed_in(stranger).get(address).status_code == 404
        assert client.get(address).status_code in (302, 401)
    assert signed_in(stranger).post(f"/media/{media.id}/fetch").status_code == 404


def test_a_file_that_is_not_here_is_not_found(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    media = kept(merchant, "image/jpeg", state=MediaState.WAITING)

    assert signed_in(agent).get(f"/media/{media.id}", buffered=True).status_code == 404
    assert signed_in(agent).get(f"/media/{media.id}/small", buffered=True).status_code == 404


def test_the_file_of_a_deleted_message_is_for_owners_only(
    signed_in: Browser, merchant: Merchant, agent: Membership, owner: Membership
) -> None:
    media = kept(merchant, "image/jpeg")
    with db.merchant(merchant.id) as session:
        wamid = session.scalars(select(Message.wamid)).one()
        arrivals.take_in([factories.inbound("", kind="revoke", payload={}, target_wamid=wamid)])

    assert signed_in(agent).get(f"/media/{media.id}", buffered=True).status_code == 404
    assert signed_in(owner).get(f"/media/{media.id}", buffered=True).status_code == 200


# --- in the thread --------------------------------------------------------------------------------


@pytest.fixture
def page(signed_in: Browser, merchant: Merchant, agent: Membership) -> Callable[[], str]:
    def read() -> str:
        browser = signed_in(agent)
        browser.set_cookie("language", "en")
        return browser.get(f"/inbox/{thread_of(merchant)}").text

    return read


def test_each_kind_of_file_is_shown_its_own_way(
    merchant: Merchant, page: Callable[[], str]
) -> None:
    picture = kept(merchant, "image/jpeg", thumbnail="a/b.webp", width=1200, height=900)
    sound = kept(merchant, "audio/ogg", kind="audio")
    film = kept(merchant, "video/mp4", kind="video")
    paper = kept(merchant, "application/pdf", kind="document", name="facture.pdf", pages=3)
    lie = kept(merchant, "application/octet-stream", kind="image")

    said = page()

    assert f'href="/media/{picture.id}"' in said
    assert f'<img src="/media/{picture.id}/small"' in said
    assert 'width="1200" height="900"' in said
    assert re.search(rf'<audio id="v-{sound.id}" src="/media/{sound.id}" controls', said)
    assert re.search(rf'<video id="v-{film.id}" src="/media/{film.id}" controls', said)
    assert re.search(rf'href="/media/{paper.id}" download="facture.pdf"', said)
    assert "3 pages" in said
    assert f'<img src="/media/{lie.id}' not in said
    assert "Unknown type: open it with care" in said


def test_a_picture_sent_as_a_document_stays_a_document(
    merchant: Merchant, page: Callable[[], str]
) -> None:
    media = kept(merchant, "image/jpeg", kind="document", name="cin.jpg")

    assert f'<img src="/media/{media.id}' not in page()
    assert "cin.jpg" in page()


ABSENT = [
    (MediaState.WAITING, None, "Is being fetched…", False, False),
    (MediaState.WAITING, "no_answer", "did not hand the file over yet", True, False),
    (MediaState.FAILED, "too_large", "too large to be kept", True, False),
    (MediaState.GONE, "expired", "WhatsApp no longer has this file", True, True),
]


@pytest.mark.parametrize(("state", "reason", "words", "again", "ask"), ABSENT)
def test_a_file_that_is_not_here_says_why_and_what_to_do(
    merchant: Merchant,
    page: Callable[[], str],
    state: MediaState,
    reason: str | None,
    words: str,
    again: bool,
    ask: bool,
) -> None:
    media = kept(merchant, "image/jpeg", state=state, reason=reason)

    said = page()

    assert words in said
    assert (f'hx-post="/media/{media.id}/fetch"' in said) == again
    assert ("data-ask=" in said) == ask


def test_somebody_asks_for_a_file_once_more(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    media = kept(merchant, "image/jpeg", state=MediaState.GONE, reason="expired")

    answer = signed_in(agent).post(f"/media/{media.id}/fetch")

    assert answer.status_code == 204
    assert outbox.queue("media").count == 1
    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Media.state)).one() is MediaState.WAITING
