"""What leaves from the composer: once, allowed, kept when refused, with its price."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from config import settings
from flows import arrivals, messages, templates
from flows.events import Person
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Media, Message, Sending
from models.template import MessageTemplate
from models.types import Json, utcnow
from models.user import Membership
from tests import factories

Browser = Callable[[Membership], FlaskClient]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
JSON = {"Accept": "application/json"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
CLOSED = "More than 24 hours have passed since the customer last wrote. Send a template."


@pytest.fixture
def signed_in(english: Browser) -> Browser:
    return english


def wrote(merchant: Merchant, hours: float = 1, name: str = "Fatima Zahra El Idrissi") -> UUID:
    """A conversation whose customer last wrote so many hours ago."""
    person = Person(wa_id="212661234567", profile_name=name)
    with db.merchant(merchant.id) as session:
        event = factories.inbound(sender=person, at=utcnow() - timedelta(hours=hours))
        arrivals.take_in([event])
        return session.scalars(select(Conversation.id)).one()


@pytest.fixture
def open_(merchant: Merchant) -> UUID:
    return wrote(merchant)


@pytest.fixture
def closed(merchant: Merchant) -> UUID:
    return wrote(merchant, hours=25)


def ours(merchant: Merchant) -> list[Message]:
    wanted = select(Message).where(Message.direction == "out").order_by(Message.seq)
    with db.merchant(merchant.id) as session:
        return list(session.scalars(wanted))


def post(client: FlaskClient, conversation_id: UUID, text: str, **more: Any) -> Any:
    form = {"text": text, "client_id": str(uuid4())} | more
    return client.post(f"/inbox/{conversation_id}/messages", data=form, headers=JSON)


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


# --- texts ----------------------------------------------------------------------------------------


def test_a_text_is_queued_and_its_bubble_comes_back(
    signed_in: Browser, merchant: Merchant, agent: Membership, open_: UUID
) -> None:
    client_id = str(uuid4())

    answer = post(signed_in(agent), open_, "  Bonjour *Fatima* <b>\n", client_id=client_id)

    (message,) = ours(merchant)
    assert answer.status_code == 201
    assert answer.json["id"] == str(message.id)
    assert f'data-client="{client_id}"' in answer.json["html"]
    assert "Bonjour <strong>Fatima</strong> &lt;b&gt;" in answer.json["html"]
    assert message.text == "Bonjour *Fatima* <b>"
    assert message.sending is Sending.QUEUED
    assert message.sender_id == agent.id


def test_a_double_click_is_one_message(
    signed_in: Browser, merchant: Merchant, agent: Membership, open_: UUID
) -> None:
    client_id = str(uuid4())
    browsers = [signed_in(agent) for _ in range(4)]

    with ThreadPoolExecutor(4) as clicks:
        answers = list(
            clicks.map(lambda b: post(b, open_, "Une fois", client_id=client_id), browsers)
        )

    (message,) = ours(merchant)
    assert {answer.status_code for answer in answers} == {201}
    assert {answer.json["id"] for answer in answers} == {str(message.id)}


def test_outside_the_window_a_text_is_refused_in_words_and_nothing_is_queued(
    signed_in: Browser, merchant: Merchant, agent: Membership, closed: UUID
) -> None:
    answer = post(signed_in(agent), closed, "Trop tard")

    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "window_closed"
    assert answer.json["error"]["message"] == CLOSED
    assert ours(merchant) == []


def test_asked_again_for_want_of_an_answer_it_is_the_same_though_the_window_has_closed(
    agent: Membership, merchant: Merchant, signed_in: Browser
) -> None:
    open_, client_id = wrote(merchant), str(uuid4())

    first = post(signed_in(agent), open_, "Bonjour", client_id=client_id)
    with db.merchant(merchant.id) as session:
        session.get_one(Conversation, (merchant.id, open_)).last_inbound_at = utcnow() - timedelta(
            2
        )
    again = post(signed_in(agent), open_, "Bonjour", client_id=client_id)
    new = post(signed_in(agent), open_, "Bonjour")

    assert (first.status_code, again.status_code, new.status_code) == (201, 201, 409)
    assert first.json["id"] == again.json["id"]


@pytest.mark.parametrize(
    ("text", "client_id", "status"),
    [
        ("", None, 409),
        (" \n ", None, 409),
        ("x" * 4097, None, 409),
        ("x", "", 400),
        ("x", "1", 400),
    ],
)
def test_what_cannot_be_sent_is_refused(
    signed_in: Browser,
    merchant: Merchant,
    agent: Membership,
    open_: UUID,
    text: str,
    client_id: str | None,
    status: int,
) -> None:
    more = {} if client_id is None else {"client_id": client_id}

    answer = post(signed_in(agent), open_, text, **more)

    assert answer.status_code == status
    assert answer.json["error"]["message"]
    assert ours(merchant) == []


def test_an_answer_to_one_message_quotes_it(
    signed_in: Browser, merchant: Merchant, agent: Membership, open_: UUID
) -> None:
    browser = signed_in(agent)
    page = browser.get(f"/inbox/{open_}").text
    reply = re.search(r'data-reply="([^"]+)"', page)
    assert reply

    answer = post(browser, open_, "Oui", reply_to=reply[1])

    assert ours(merchant)[0].reply_to_wamid == reply[1]
    assert '<a class="bubble-quote" href="#m-' in answer.json["html"]
    assert "Salam" in answer.json["html"]


def test_nobody_of_another_shop_can_write_here(
    signed_in: Browser, merchant: Merchant, stranger: Membership, open_: UUID
) -> None:
    browser = signed_in(stranger)

    assert post(browser, open_, "Bonjour").status_code == 404
    assert ours(merchant) == []


# --- once more ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sending", [Sending.FAILED, Sending.UNCERTAIN])
def test_what_failed_or_may_have_failed_is_sent_again_by_a_person(
    signed_in: Browser, merchant: Merchant, agent: Membership, open_: UUID, sending: Sending
) -> None:
    browser = signed_in(agent)
    message_id = post(browser, open_, "Bonjour").json["id"]
    with db.merchant(merchant.id) as session:
        message = session.get_one(Message, (merchant.id, UUID(message_id)))
        message.sending, message.reason = sending, "no_answer"

    answer = browser.post(f"/messages/{message_id}/again", headers=HTMX)

    assert 'data-state="queued"' in answer.text
    assert f'hx-target="#p-{message_id}" hx-swap="delete"' in answer.text
    assert ours(merchant)[0].sending is Sending.QUEUED


def test_what_is_on_its_way_is_not_sent_again(
    signed_in: Browser, merchant: Merchant, agent: Membership, open_: UUID
) -> None:
    browser = signed_in(agent)
    message_id = post(browser, open_, "Bonjour").json["id"]

    answer = browser.post(f"/messages/{message_id}/again", headers=HTMX)

    assert answer.status_code == 409


def test_a_stranger_sends_nothing_again(
    signed_in: Browser, merchant: Merchant, agent: Membership, stranger: Membership, open_: UUID
) -> None:
    message_id = post(signed_in(agent), open_, "Bonjour").json["id"]

    answer = signed_in(stranger).post(f"/messages/{message_id}/again", headers=HTMX)

    assert answer.status_code == 404


# --- files ----------------------------------------------------------------------------------------


def attach(
    client: FlaskClient, conversation_id: UUID, content: bytes, name: str, **more: str
) -> Any:
    form = {"client_id": str(uuid4()), "text": ""} | more
    file = FileStorage(io.BytesIO(content), name)
    # Encoded here: the test client would leave a temporary file open.
    boundary, body = encode_multipart(form | {"file": file})
    return client.post(
        f"/inbox/{conversation_id}/files",
        data=body,
        content_type=f"multipart/form-data; boundary={boundary}",
        headers=JSON,
    )


def archive(inside: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as written:
        written.writestr(inside, "x")
    return content.getvalue()


EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TAKEN = [
    (PNG, "a.png", "image", "image/png"),
    (b"\xff\xd8\xff\xe0" + b"\0" * 20, "photo", "image", "image/jpeg"),
    (b"%PDF-1.7\n", "facture.pdf", "document", "application/pdf"),
    (b"\0\0\0\x18ftypisom\0\0", "film.mp4", "video", "video/mp4"),
    (b"Prix;Nom\n", "prix.csv", "document", "text/plain"),
    (archive("xl/workbook.xml"), "prix.xlsx", "document", EXCEL),
]
REFUSED = [
    (b"MZ\x90\0", "photo.png"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image.svg"),
    (b"<html>", "page.html"),
    (b"\0\1\2", "texte.txt"),
    (archive("hello.exe"), "a.docx"),
    (b"PK\x03\x04broken", "a.docx"),
    (PNG + b"\0" * 5 * 1024 * 1024, "grand.png"),
    (b"", "vide.txt"),
]


def test_a_file_is_kept_and_sent_as_what_it_is(
    signed_in: Browser, merchant: Merchant, agent: Membership, open_: UUID
) -> None:
    browser = signed_in(agent)

    for content, name, _, _ in TAKEN:
        assert attach(browser, open_, content, name, text=f"Voilà {name}").status_code == 201

    sent = {message.text: message for message in ours(merchant)}
    with db.merchant(merchant.id) as session:
        kept: dict[UUID | None, Media] = {m.id: m for m in session.scalars(select(Media))}
    for content, name, kind, mime_type in TAKEN:
        media = kept[sent[f"Voilà {name}"].media_id]
        assert sent[f"Voilà {name}"].kind == kind
        assert (media.mime_type, media.size, media.filename) == (mime_type, len(content), name)
        assert (settings().var / "media" / media.file).read_bytes() == content


def test_words_with_a_sound_follow_it_as_a_text(
    signed_in: Browser, merchant: Merchant, agent: Membership, open_: UUID
) -> None:
    browser = signed_in(agent)

    attach(browser, open_, b"ID3\x03\0", "son.mp3", text="Écoutez")

    sound, words = ours(merchant)
    assert (sound.kind, sound.text) == ("audio", "")
    assert (words.kind, words.text) == ("text", "Écoutez")


def test_a_file_whatsapp_does_not_take_is_refused_whatever_its_name(
    signed_in: Browser, merchant: Merchant, agent: Membership, open_: UUID
) -> None:
    browser = signed_in(agent)

    for content, name in REFUSED:
        answer = attach(browser, open_, content, name)

        assert answer.status_code == 409, name
        assert answer.json["error"]["code"] in ("file_type", "file_size")
    assert ours(merchant) == []


def test_a_file_sent_twice_is_one_message_and_one_file(
    signed_in: Browser, merchant: Merchant, agent: Membership, open_: UUID
) -> None:
    browser, client_id = signed_in(agent), str(uuid4())

    answers = [attach(browser, open_, PNG, "a.png", client_id=client_id) for _ in range(2)]

    assert answers[0].json["id"] == answers[1].json["id"]
    assert len(ours(merchant)) == 1
    with db.merchant(merchant.id) as session:
        assert len(session.scalars(select(Media)).all()) == 1


def test_a_file_outside_the_window_is_refused_before_it_is_written(
    signed_in: Browser, merchant: Merchant, agent: Membership, closed: UUID
) -> None:
    answer = attach(signed_in(agent), closed, PNG, "a.png")

    assert answer.status_code == 409
    assert answer.json["error"]["message"] == CLOSED
    assert not (settings().var / "media" / str(merchant.id)).exists()


def test_a_files_name_cannot_lead_anywhere(
    signed_in: Browser, merchant: Merchant, agent: Membership, open_: UUID
) -> None:
    attach(signed_in(agent), open_, PNG, "../../etc/\u202egnp.exe")

    with db.merchant(merchant.id) as session:
        media = session.scalars(select(Media)).one()
    assert media.filename == "gnp.exe"
    assert media.file == f"{merchant.id}/{media.id}.png"


def test_only_pictures_open_in_the_browser_and_only_for_the_team(
    signed_in: Browser, merchant: Merchant, agent: Membership, stranger: Membership, open_: UUID
) -> None:
    browser = signed_in(agent)
    picture = attach(browser, open_, PNG, "a.png").json["html"]
    text = attach(browser, open_, b"<script>alert(1)</script>", "a.txt").json["html"]
    links = [re.search(r"/media/[0-9a-f-]+", page)[0] for page in (picture, text)]  # type: ignore[index]

    with browser.get(links[0]) as shown, browser.get(links[1]) as downloaded:
        assert shown.data == PNG
        assert shown.content_type == "image/png"
        assert "attachment" not in shown.headers.get("Content-Disposition", "")
        assert downloaded.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in downloaded.headers["Content-Security-Policy"]
    assert f'<img src="{links[0]}"' in picture
    assert signed_in(stranger).get(links[0]).status_code == 404


# --- ready messages -------------------------------------------------------------------------------


def template(name: str, body: str, **more: Any) -> Json:
    parts = [{"type": "BODY", "text": body}, *more.pop("parts", [])]
    usual = {"name": name, "language": "fr", "status": "APPROVED", "category": "UTILITY"}
    return usual | {"components": parts} | more


@pytest.fixture
def ready(merchant: Merchant) -> dict[str, UUID]:
    """What Meta lists: four approved for this account, one not, one of another account."""
    picture = {"type": "HEADER", "format": "IMAGE"}
    with db.merchant(merchant.id) as session:
        templates.keep(
            "9" + "1" * 14,
            [
                template("hello", "Bonjour {{1}}, votre commande {{2}} est prête."),
                template("hello", "مرحبا {{1}}", language="ar", category="MARKETING"),
                template("named", "Cher {{customer_name}} !", parameter_format="NAMED"),
                template("photo", "Regardez", parts=[picture]),
                template("rejected", "Non", status="REJECTED"),
            ],
        )
        templates.keep("somebody-else", [template("foreign", "Bonjour")])
        return {f"{t.name}/{t.language}": t.id for t in session.scalars(select(MessageTemplate))}


def test_outside_the_window_the_composer_is_a_picker_of_this_accounts_approved_templates(
    signed_in: Browser, agent: Membership, closed: UUID, ready: dict[str, UUID]
) -> None:
    page = signed_in(agent).get(f"/inbox/{closed}").text

    assert "<textarea" not in page
    listed = {UUID(id_) for id_ in re.findall(r"/templates/([0-9a-f-]+)", page)}
    assert listed == {ready[name] for name in ("hello/fr", "named/fr")}
    assert "This customer has not agreed to advertising." in page  # hello/ar is marketing
    assert "rejected" not in page
    assert "foreign" not in page
    assert "The picture or file above this template's text is missing." in html.unescape(page)


def test_inside_the_window_the_picker_is_a_key_away(
    signed_in: Browser, agent: Membership, open_: UUID, ready: dict[str, UUID]
) -> None:
    browser = signed_in(agent)

    page = browser.get(f"/inbox/{open_}").text
    picker = browser.get(f"/inbox/{open_}/composer?ready=1", headers=HTMX).text

    assert "<textarea" in page
    assert 'data-key="t"' in page
    assert "<textarea" not in picker
    assert str(ready["hello/fr"]) in picker


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [("hello/fr", "body.1", "Fatima"), ("hello/fr", "body.2", ""), ("hello/ar", "body.1", "Fatima"),
     ("named/fr", "body.customer_name", "Fatima")],
)  # fmt: skip
def test_the_customers_name_is_filled_in_where_it_is_plain(
    signed_in: Browser,
    agent: Membership,
    closed: UUID,
    ready: dict[str, UUID],
    name: str,
    key: str,
    value: str,
) -> None:
    page = signed_in(agent).get(f"/inbox/{closed}/templates/{ready[name]}", headers=HTMX).text

    assert re.search(rf'name="{re.escape(key)}" type="text" value="{value}"', page)


def test_the_preview_shows_what_the_customer_will_read(
    signed_in: Browser, agent: Membership, closed: UUID, ready: dict[str, UUID]
) -> None:
    address = f"/inbox/{closed}/templates/{ready['hello/fr']}/preview"

    page = signed_in(agent).get(address, query_string={"body.1": "<b>F</b>"}, headers=HTMX).text

    assert words(page) == "Bonjour <b>F</b>, votre commande {{2}} est prête."


def test_a_template_is_sent_with_its_blanks_filled_and_once(
    signed_in: Browser, merchant: Merchant, agent: Membership, closed: UUID, ready: dict[str, UUID]
) -> None:
    form = {"body.1": "Fatima", "body.2": " 10\n42 ", "client_id": str(uuid4())}
    browser, address = signed_in(agent), f"/inbox/{closed}/templates/{ready['hello/fr']}"

    answers = [browser.post(address, data=form, headers=HTMX) for _ in range(2)]

    (message,) = ours(merchant)
    assert {answer.status_code for answer in answers} == {200}
    assert message.payload["values"] == {"body.1": "Fatima", "body.2": "10 42"}
    assert message.text == "Bonjour Fatima, votre commande 10 42 est prête."
    assert 'hx-target="#pending"' in answers[0].text


def test_a_blank_left_empty_brings_the_form_back_with_what_was_typed(
    signed_in: Browser, merchant: Merchant, agent: Membership, closed: UUID, ready: dict[str, UUID]
) -> None:
    form = {"body.1": "Zineb", "body.2": "  ", "client_id": str(uuid4())}

    answer = signed_in(agent).post(
        f"/inbox/{closed}/templates/{ready['hello/fr']}", data=form, headers=HTMX
    )

    assert answer.status_code == 422
    assert 'value="Zineb"' in answer.text
    assert "Fill this in." in answer.text
    assert form["client_id"] in answer.text
    assert ours(merchant) == []


@pytest.mark.parametrize("name", ["foreign/fr", "rejected/fr"])
def test_a_template_that_cannot_be_sent_here_does_not_exist(
    signed_in: Browser,
    merchant: Merchant,
    agent: Membership,
    closed: UUID,
    ready: dict[str, UUID],
    name: str,
) -> None:
    address, form = f"/inbox/{closed}/templates/{ready[name]}", {"client_id": str(uuid4())}
    browser = signed_in(agent)

    assert browser.get(address).status_code == 404
    assert browser.post(address, data=form, headers=HTMX).status_code == 404
    assert ours(merchant) == []


def test_a_template_with_a_picture_is_refused_by_the_server_too(
    signed_in: Browser, merchant: Merchant, agent: Membership, closed: UUID, ready: dict[str, UUID]
) -> None:
    answer = signed_in(agent).post(
        f"/inbox/{closed}/templates/{ready['photo/fr']}",
        data={"client_id": str(uuid4())},
        headers=HTMX,
    )

    assert answer.status_code == 409
    assert ours(merchant) == []


def test_without_an_approved_template_the_picker_says_what_to_do(
    signed_in: Browser, agent: Membership, closed: UUID
) -> None:
    page = signed_in(agent).get(f"/inbox/{closed}").text

    assert "No approved template yet" in page


def test_the_price_stands_beside_the_button_for_those_who_may_see_it(
    signed_in: Browser,
    manager: Membership,
    agent: Membership,
    closed: UUID,
    ready: dict[str, UUID],
) -> None:
    address = f"/inbox/{closed}/templates/{ready['hello/fr']}"

    seen = signed_in(manager).get(address, headers=HTMX).text
    hidden = signed_in(agent).get(address, headers=HTMX).text

    assert re.search(r"≈ 0\.0\d+ USD", words(seen).replace("\u00a0", " "))
    assert "USD" not in hidden
    assert "≈" not in hidden


def test_the_price_of_a_text_is_told_before_it_is_sent(
    signed_in: Browser, merchant: Merchant, manager: Membership, open_: UUID
) -> None:
    with db.merchant(merchant.id) as session:
        conversation = session.get_one(Conversation, (merchant.id, open_))
        expected = messages.queue_text(conversation, "x").estimate_micros

    page = signed_in(manager).get(f"/inbox/{open_}/composer", headers=HTMX).text

    price = words(page.split('id="price">')[1].split("</span>")[0])
    assert price.startswith("Free") == (expected == 0)
