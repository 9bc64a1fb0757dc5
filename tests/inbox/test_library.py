"""The content library: kept by a manager, found by everybody with "/", sent as text and file."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from flows import arrivals
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Media, Message
from models.snippet import Snippet
from models.user import Membership
from tests import factories

Browser = Callable[[Membership], FlaskClient]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64


@pytest.fixture
def page(signed_in: Browser, manager: Membership) -> FlaskClient:
    client = signed_in(manager)
    client.set_cookie("language", "en")
    return client


def keep(client: FlaskClient, name: str, text: str = "", file: bytes | None = None) -> Any:
    form: dict[str, Any] = {"name": name, "text": text}
    if file:
        form["file"] = (io.BytesIO(file), "carte.png")
    return client.post("/library", data=form, headers=HTMX)


def kept(merchant: Merchant) -> list[Snippet]:
    with db.merchant(merchant.id) as session:
        return list(session.scalars(select(Snippet).order_by(Snippet.name)))


def test_what_is_kept_is_found_by_its_name_and_its_words(
    page: FlaskClient, signed_in: Browser, agent: Membership
) -> None:
    keep(page, "/Horaires", "Ouvert de 9 h à 19 h")
    keep(page, "مواعيد", "من التاسعة إلى السابعة")
    found = signed_in(agent).get("/library/found?q=hor", headers=HTMX).text

    assert "/horaires" in found
    assert 'data-text="Ouvert de 9 h à 19 h"' in found
    assert "مواعيد" not in found
    assert "مواعيد" in page.get("/library/found?q=موا", headers=HTMX).text
    assert "/horaires" in page.get("/library?q=ouvert", headers=HTMX).text


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("deux mots", "x", "One word"),
        ("", "x", "One word"),
        ("vide", "", "Write a text or choose a file."),
        ("long", "x" * 1025, "1024 characters at most"),
        ("pris", "x", "This name is taken."),
    ],
)
def test_what_cannot_be_kept_is_said_beside_its_field(
    page: FlaskClient, merchant: Merchant, name: str, text: str, sentence: str
) -> None:
    keep(page, "pris", "là")

    answer = keep(page, name, text)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert len(kept(merchant)) == 1


def test_a_kept_file_is_sent_without_being_uploaded_again(
    page: FlaskClient, merchant: Merchant
) -> None:
    keep(page, "carte", "Notre carte", PNG)
    [snippet] = kept(merchant)
    talk = _talk(merchant)
    form = {"client_id": str(uuid4()), "text": "Notre carte", "snippet": str(snippet.id)}

    answers = [page.post(f"/inbox/{talk}/files", data=form).status_code for _ in range(2)]

    assert answers == [201, 201]
    with db.merchant(merchant.id) as session:
        sent = session.scalars(select(Message).where(Message.direction == "out")).one()
        assert (sent.kind, sent.text, sent.media_id) == ("image", "Notre carte", snippet.media_id)
        assert len(session.scalars(select(Media)).all()) == 1


def test_it_is_changed_and_deleted(page: FlaskClient, merchant: Merchant) -> None:
    keep(page, "carte", "Notre carte", PNG)
    [snippet] = kept(merchant)
    url = f"/library/{snippet.id}"

    page.post(url, data={"name": "menu", "text": "Le menu", "no_file": "1"}, headers=HTMX)
    [changed] = kept(merchant)
    page.post(f"{url}/delete", headers=HTMX)

    assert (changed.name, changed.text, changed.media_id) == ("menu", "Le menu", None)
    assert kept(merchant) == []


def _talk(merchant: Merchant) -> UUID:
    with db.merchant(merchant.id) as session:
        arrivals.take_in([factories.inbound("Salam")])
        return session.scalars(select(Conversation.id)).one()
