"""The shared inbox: exactly the conversations asked for, every kind of message, nobody else's."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.engine import Engine

from bot import reader
from flows import arrivals, channels, conversations, messages, statuses, templates
from flows.events import Person, Status, Written
from models import db
from models.channel import Channel
from models.conversation import Activity, Conversation
from models.customer import WhatsAppIdentity
from models.merchant import Merchant
from models.message import Message, Origin, ReadMark, Sending
from models.template import MessageTemplate
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.recorded import OFFICIAL

Browser = Callable[[Membership], FlaskClient]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
FATIMA = Person(wa_id="212661234567", profile_name="Fatima Zahra El Idrissi")
YOUSSEF = Person(wa_id="212662000001", profile_name="Youssef Benali")
KHADIJA = Person(wa_id="212663000002", profile_name="خديجة العلوي")


@pytest.fixture
def signed_in(english: Browser) -> Browser:
    return english


# --- what happened --------------------------------------------------------------------------------


def wrote(merchant: Merchant, *events: Written) -> UUID:
    """The conversation of the last of these messages."""
    with db.merchant(merchant.id) as session:
        arrivals.take_in(events)
        wanted = select(Message.conversation_id).where(Message.wamid == events[-1].wamid)
        return session.scalars(wanted).one()


def of(who: Person, text: str = "Salam", **changes: Any) -> Any:
    return factories.inbound(text, sender=who, **changes)


def ago(**past: float) -> datetime:
    return utcnow() - timedelta(**past)


@contextmanager
def inside(merchant: Merchant, conversation_id: UUID) -> Iterator[Conversation]:
    with db.merchant(merchant.id) as session:
        yield session.get_one(Conversation, (merchant.id, conversation_id))


def answered(merchant: Merchant, conversation_id: UUID, by: Membership, **facts: Any) -> Message:
    """A text of ours, as far on its way as `facts` say."""
    with inside(merchant, conversation_id) as conversation:
        message = messages.queue_text(conversation, facts.pop("text", "Bonjour"), by=by)
        for name, value in facts.items():
            setattr(message, name, value)
        return message


def rows(page: str) -> list[UUID]:
    return [UUID(id_) for id_ in re.findall(r'id="c-([0-9a-f-]+)"', page)]


def bubbles(page: str) -> list[UUID]:
    return [UUID(id_) for id_ in re.findall(r'id="m-([0-9a-f-]+)"', page)]


def articles(page: str) -> list[str]:
    """The bubbles of the thread, as they stand in the page."""
    return page.split('id="pending"')[0].split('<article class="bubble')[1:]


def words(page: str) -> str:
    """What a person reads of it."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def link(page: str, pattern: str) -> str:
    found = re.search(rf'hx-get="([^"]*{pattern}[^"]*)"', page)
    assert found, pattern
    return html.unescape(found[1])


@contextmanager
def counted() -> Iterator[list[str]]:
    """Every SQL statement sent meanwhile, of whatever session."""
    sent: list[str] = []

    def note(*args: Any) -> None:
        sent.append(args[2])

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


# --- the list -------------------------------------------------------------------------------------


@pytest.fixture
def three(merchant: Merchant, agent: Membership) -> dict[str, UUID]:
    """Fatima's is read, answered and the agent's; Youssef's is unread; Khadija's on number 2."""
    with db.merchant(merchant.id):
        channels.add(
            name="SAV",
            phone_number_id="5" * 15,
            waba_id="95",
            display_phone_number="+212 520-000005",
            country="MA",
            token="EAA",
        )
    khadija = wrote(merchant, of(KHADIJA, "سلام", at=ago(hours=3), phone_number_id="5" * 15))
    youssef = wrote(merchant, of(YOUSSEF, "Je confirme", at=ago(hours=2)))
    fatima = wrote(merchant, of(FATIMA, at=ago(hours=1)))
    answered(merchant, fatima, agent)
    for read in (fatima, khadija):
        with inside(merchant, read) as conversation:
            conversations.mark_read(conversation)
    with inside(merchant, fatima) as conversation:
        conversations.assign(conversation, agent, by=agent)
    return {"fatima": fatima, "youssef": youssef, "khadija": khadija}


EVERYBODY = ["fatima", "youssef", "khadija"]
FOUND: dict[str, list[str]] = {
    "": EVERYBODY,
    "?show=mine": ["fatima"],
    "?show=unread": ["youssef"],
    "?show=unanswered": ["youssef", "khadija"],
    "?show=nonsense": EVERYBODY,
    "?q=0661": ["fatima"],
    "?q=06 61-23 45": ["fatima"],
    "?q=%2B212 661": ["fatima"],
    "?q=00212661234567": ["fatima"],
    "?q=4567": ["fatima"],
    "?q=idris zah": ["fatima"],
    "?q=خديجه": ["khadija"],
    "?q=العلوى": ["khadija"],
    "?q=BENALÍ": ["youssef"],
    "?q=zzz": [],
    "?q=fat%25ma": [],
    "?q=fatima&show=unread": [],
    "?q=06&show=unread": ["youssef"],
}


def test_each_filter_returns_exactly_its_conversations(
    signed_in: Browser, agent: Membership, three: dict[str, UUID]
) -> None:
    browser, names = signed_in(agent), {id_: name for name, id_ in three.items()}

    found = {q: [names[id_] for id_ in rows(browser.get(f"/inbox{q}").text)] for q in FOUND}

    assert found == FOUND


def test_the_number_selector_narrows_the_list_to_one_number(
    signed_in: Browser, agent: Membership, three: dict[str, UUID]
) -> None:
    browser = signed_in(agent)
    number = re.search(r'<option value="([0-9a-f-]+)"[^>]*>SAV', browser.get("/inbox").text)
    assert number

    page = browser.get(f"/inbox/list?number={number[1]}", headers=HTMX).text

    assert rows(page) == [three["khadija"]]


def test_one_number_needs_no_selector(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    wrote(merchant, of(FATIMA))

    page = signed_in(agent).get("/inbox").text

    assert 'name="number"' not in page


def test_a_line_tells_who_wrote_what_when_and_how_far_ours_came(
    signed_in: Browser, merchant: Merchant, agent: Membership, three: dict[str, UUID]
) -> None:
    with inside(merchant, three["fatima"]) as conversation:
        last = db.session().get_one(Message, (merchant.id, conversation.last_message_id))
        last.sending, last.rank = Sending.ACCEPTED, 3

    page = signed_in(agent).get("/inbox").text

    lines = dict(zip(rows(page), page.split('<a class="row')[1:], strict=True))
    assert "Bonjour" in lines[three["fatima"]]
    assert 'data-state="read"' in lines[three["fatima"]]
    assert 'title="Assigned to Salma"' in lines[three["fatima"]]
    assert "row-unread" in lines[three["youssef"]]
    assert 'class="ticks"' not in lines[three["youssef"]]
    assert "<bdi>SAV</bdi>" in lines[three["khadija"]]
    assert "(1) " in page.split("</title>")[0]


@pytest.mark.parametrize(
    ("hours", "color", "text"),
    [(1, "green", "h"), (22.5, "orange", "min"), (25, "gray", "Closed")],
)
def test_the_window_is_green_then_amber_then_closed(
    signed_in: Browser, merchant: Merchant, agent: Membership, hours: float, color: str, text: str
) -> None:
    wrote(merchant, of(FATIMA, at=ago(hours=hours)))

    page = signed_in(agent).get("/inbox").text

    chip = page.split('class="row-chips"')[1].split("</a>")[0]
    assert f'data-color="{color}"' in chip
    assert text in chip


def test_a_long_list_comes_page_by_page_without_a_repetition(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    people = [Person(wa_id=f"2126700000{n:02}", profile_name=f"N {n}") for n in range(60)]
    # All of one second: their order rests on the id alone.
    wrote(merchant, *[of(person, at=datetime(2026, 11, 1, tzinfo=UTC)) for person in people])
    browser = signed_in(agent)

    first = browser.get("/inbox").text
    second = browser.get(link(first, "before="), headers=HTMX).text

    assert len(rows(first)) == 50
    assert len(rows(second)) == 10
    assert len({*rows(first), *rows(second)}) == 60
    assert "before=" not in second


def test_a_scrolled_list_refreshes_as_far_as_it_was_scrolled(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    people = [Person(wa_id=f"2126700000{n:02}", profile_name=f"N {n}") for n in range(60)]
    wrote(merchant, *[of(person, at=ago(minutes=n + 1)) for n, person in enumerate(people)])
    browser = signed_in(agent)
    last = re.findall(r'data-place="([^"]+)"', browser.get("/inbox").text)[-1]
    moved = wrote(merchant, of(people[55], "Encore moi"))

    page = browser.get(f"/inbox/list?until={last}", headers=HTMX).text

    assert rows(page)[0] == moved
    assert len(rows(page)) == 51
    assert "before=" in page


def test_the_address_keeps_the_filter_and_what_is_open(
    signed_in: Browser, agent: Membership, three: dict[str, UUID]
) -> None:
    here = {"HX-Current-URL": f"http://wasl.test/inbox/{three['fatima']}?show=mine"}

    answer = signed_in(agent).get("/inbox/list?show=unread&q=je", headers=HTMX | here)

    assert answer.headers["HX-Replace-Url"] == f"/inbox/{three['fatima']}?show=unread&q=je"


def test_a_list_that_refreshes_itself_leaves_the_address_alone(
    signed_in: Browser, agent: Membership
) -> None:
    answer = signed_in(agent).get("/inbox/list", headers=HTMX | {"Wasl-Background": "1"})

    assert "HX-Replace-Url" not in answer.headers


def test_the_menu_counts_conversations_that_wait_to_be_read(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    browser = signed_in(agent)
    nobody = browser.get("/inbox/unread").text
    wrote(merchant, of(FATIMA), of(FATIMA), of(YOUSSEF))

    assert nobody == ""
    assert browser.get("/inbox/unread").text == "2"


# --- reading --------------------------------------------------------------------------------------


def test_looking_at_a_conversation_reads_it_and_tells_meta(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    conversation_id = wrote(merchant, of(FATIMA), of(FATIMA))
    browser = signed_in(agent)

    page = browser.get(f"/inbox/{conversation_id}").text
    with inside(merchant, conversation_id) as conversation:
        assert conversation.unread == 2  # the page alone may be in a tab nobody looks at
    browser.post(f"/inbox/{conversation_id}/read")

    assert "Not read yet" in page
    with inside(merchant, conversation_id) as conversation:
        assert conversation.unread == 0
        assert db.session().scalars(select(ReadMark.sending)).all() == [Sending.QUEUED]


def test_the_line_before_unread_messages_stays_until_somebody_answers(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    old, new = of(FATIMA, "vu", at=ago(hours=2)), of(FATIMA, "pas vu", at=ago(hours=1))
    conversation_id = wrote(merchant, old)
    with inside(merchant, conversation_id) as conversation:
        conversations.mark_read(conversation)
    wrote(merchant, new)
    browser = signed_in(agent)
    page = browser.get(f"/inbox/{conversation_id}").text
    browser.post(f"/inbox/{conversation_id}/read")

    before = browser.get(link(page, "/thread"), headers=HTMX).text
    answered(merchant, conversation_id, agent)
    after = browser.get(link(page, "/thread"), headers=HTMX).text

    assert words(before).index("vu") < words(before).index("Not read yet")
    assert words(before).index("Not read yet") < words(before).index("pas vu")
    assert "Not read yet" not in after


def test_days_are_those_of_the_merchant(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    # Half past eleven in the evening in London is already tomorrow in Casablanca (UTC+1).
    late = datetime(2026, 11, 3, 23, 30, tzinfo=UTC)
    conversation_id = wrote(merchant, of(FATIMA, at=late - timedelta(hours=1)), of(FATIMA, at=late))

    page = signed_in(agent).get(f"/inbox/{conversation_id}").text

    assert re.findall(r'data-day="([^"]+)"', page) == ["2026-11-03", "2026-11-04"]


# --- a long thread --------------------------------------------------------------------------------


@pytest.fixture
def long(merchant: Merchant) -> UUID:
    start = ago(hours=20)
    many = [of(FATIMA, f"n° {n}", at=start + timedelta(minutes=n)) for n in range(120)]
    return wrote(merchant, *many)


def test_a_long_thread_opens_at_its_end_and_continues_upwards(
    signed_in: Browser, agent: Membership, long: UUID
) -> None:
    browser = signed_in(agent)

    end = browser.get(f"/inbox/{long}").text
    middle = browser.get(link(end, "before="), headers=HTMX).text
    start = browser.get(link(middle, "before="), headers=HTMX).text

    assert [len(bubbles(page)) for page in (end, middle, start)] == [50, 50, 20]
    assert "n° 119" in end
    assert "n° 70" in end
    assert "n° 69" in middle
    assert "before=" not in start
    assert len({*bubbles(end), *bubbles(middle), *bubbles(start)}) == 120


def test_a_refreshed_thread_has_no_hole_however_much_came_in(
    signed_in: Browser, merchant: Merchant, agent: Membership, long: UUID
) -> None:
    browser = signed_in(agent)
    page = browser.get(f"/inbox/{long}").text
    wrote(merchant, *[of(FATIMA, f"neuf {n}") for n in range(70)])

    again = browser.get(link(page, "since="), headers=HTMX).text

    assert bubbles(again)[:50] == bubbles(page)
    assert len(bubbles(again)) == 120
    assert 'hx-target="#earlier"' not in again


def test_a_screen_left_open_for_a_week_starts_over_at_the_end(
    signed_in: Browser, merchant: Merchant, agent: Membership, long: UUID
) -> None:
    browser = signed_in(agent)
    page = browser.get(f"/inbox/{long}").text
    wrote(merchant, *[of(FATIMA, f"neuf {n}") for n in range(300)])

    again = browser.get(link(page, "since="), headers=HTMX).text

    assert len(bubbles(again)) == 50
    assert 'hx-target="#earlier"' in again
    assert "before=" in again


# --- every kind of message ------------------------------------------------------------------------


KINDS: list[tuple[str, dict[str, Any], str]] = [
    ("text", {"body": "*Gras*"}, "Salam"),
    ("image", {"mime_type": "image/jpeg", "caption": "Celui-ci"}, "Photo image/jpeg Celui-ci"),
    ("video", {"mime_type": "video/mp4"}, "Video video/mp4"),
    ("audio", {"mime_type": "audio/ogg; codecs=opus", "voice": True}, "Voice message audio/ogg"),
    ("audio", {"mime_type": "audio/mpeg"}, "Audio audio/mpeg"),
    ("document", {"filename": "a.pdf", "mime_type": "application/pdf"}, "a.pdf Document ·"),
    ("sticker", {"mime_type": "image/webp"}, "Sticker image/webp"),
    (
        "location",
        {"latitude": 31.6, "longitude": -7.98, "name": "Marjane", "address": "Guéliz"},
        "Marjane Guéliz 31.6, -7.98 Open the map",
    ),
    ("contacts", {"contacts": [{"name": {"formatted_name": "Bing"}}]}, "Bing"),
    (
        "order",
        {
            "product_items": [
                {"product_retailer_id": "A", "quantity": 2, "item_price": 10.5, "currency": "MAD"},
                {"product_retailer_id": "B", "quantity": 1, "item_price": 4, "currency": "MAD"},
            ]
        },
        "Cart, 2 products 2 × A 21.00 MAD 1 × B 4.00 MAD Total 25.00 MAD",
    ),
    ("button", {"text": "Salam"}, "Salam"),
    (
        "interactive",
        {"type": "list_reply", "list_reply": {"title": "Salam", "description": "en cuir"}},
        "Salam en cuir",
    ),
    (
        "interactive",
        {"type": "nfm_reply", "nfm_reply": {"response_json": '{"note_sur_10": 4}'}},
        "Answers to a form note sur 10 4",
    ),
    (
        "interactive",
        {
            "type": "nfm_reply",
            "nfm_reply": {"response_json": '{"line": "7 rue", "note": "18 h", "flow_token": "f1"}'},
        },
        "Answers to a form Address 7 rue Note for the courier 18 h",
    ),
    (
        "interactive",
        {"type": "call_permission_reply", "call_permission_reply": {"response": "accept"}},
        "You may call",
    ),
    ("edit", {}, "Edited message Salam"),
    ("unsupported", {}, "Message WhatsApp does not hand over Unknown type: No (131051)"),
    ("media_placeholder", {}, "Media from before Salam"),
]


def test_every_kind_of_message_can_be_read(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    error = {"code": 131051, "title": "Unknown type", "error_data": {"details": "No"}}
    events = [of(FATIMA, kind=k, payload=p, errors=(error,)) for k, p, _ in KINDS]
    conversation_id = wrote(merchant, *events)

    page = signed_in(agent).get(f"/inbox/{conversation_id}").text

    for bubble, (kind, _, said) in zip(articles(page), KINDS, strict=True):
        assert said in words(bubble), kind


SMALL = {
    "system": "Salam",
    "request_welcome": "Salam",
    "revoke": "Fatima Zahra El Idrissi deleted a message for everybody",
    "reaction": "Fatima Zahra El Idrissi reacted Salam to an earlier message",
}


def test_what_is_no_message_of_its_own_is_a_small_line(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    events = [of(FATIMA, kind=kind, payload={}, target_wamid="wamid.old") for kind in SMALL]
    conversation_id = wrote(merchant, *events)

    page = signed_in(agent).get(f"/inbox/{conversation_id}").text

    assert articles(page) == []
    for said in SMALL.values():
        assert said in words(page)


@pytest.mark.skipif(not OFFICIAL.exists(), reason="the recorded webhooks lie beside the project")
def test_every_recorded_message_is_shown(
    signed_in: Browser, merchant: Merchant, owner: Membership
) -> None:
    files = [file for file in OFFICIAL.glob("*.json") if file.stem != "INDEX"]
    found = [event for file in files for event in reader.events(file.read_bytes())]
    # Recorded ids repeat from file to file: here every message is its own.
    written = [
        replace(event, phone_number_id="1" * 15, wamid=f"{event.wamid}.{n}")
        for n, event in enumerate(found)
        if isinstance(event, Written)
    ]
    with db.merchant(merchant.id) as session:
        arrivals.take_in(written)
        threads = session.scalars(select(Conversation.id)).all()
    browser = signed_in(owner)

    pages = [browser.get(f"/inbox/{thread}") for thread in threads]

    assert {page.status_code for page in pages} == {200}
    assert len(written) > 80
    assert sum(len(bubbles(page.text)) for page in pages) + 20 > len(written)


def test_a_kind_nobody_knows_is_named_and_its_body_is_for_those_who_set_things_up(
    signed_in: Browser, merchant: Merchant, owner: Membership, agent: Membership
) -> None:
    strange = of(FATIMA, "", kind="hologram", payload={"beam": ["</script><b>x", 1]})
    conversation_id = wrote(merchant, strange)

    page = signed_in(owner).get(f"/inbox/{conversation_id}").text
    for_agents = signed_in(agent).get(f"/inbox/{conversation_id}").text

    assert "Message of a kind we do not know yet" in page
    assert "&#34;beam&#34;" in page
    assert "</script><b>x" not in page
    assert "hologram" in for_agents
    assert "beam" not in for_agents


MALFORMED: list[tuple[str, dict[str, Any]]] = [
    ("location", {"latitude": "north", "longitude": None, "name": ["x"]}),
    ("contacts", {"contacts": ["x", {"name": 3, "phones": {"a": 1}, "org": []}]}),
    ("order", {"product_items": [{"quantity": "x", "item_price": "y", "currency": 7}, 4]}),
    ("order", {"product_items": [{"quantity": 1, "item_price": "1e999", "currency": "MAD"}]}),
    ("interactive", {"type": "nfm_reply", "nfm_reply": {"response_json": "[1, {"}}),
    ("interactive", {"type": ["x"], "x": 1}),
    ("image", {"caption": 5, "mime_type": {"a": 1}}),
    ("button", {}),
    ("edit", {"message": "x"}),
    ("", {}),
]


def test_a_malformed_body_breaks_no_page(
    signed_in: Browser, merchant: Merchant, owner: Membership
) -> None:
    events = [of(FATIMA, "", kind=k, payload=p, errors=({"x": 1},)) for k, p in MALFORMED]
    conversation_id = wrote(merchant, *events)

    answer = signed_in(owner).get(f"/inbox/{conversation_id}")

    assert answer.status_code == 200
    assert len(bubbles(answer.text)) == len(MALFORMED)


def test_names_and_texts_cannot_become_html(
    signed_in: Browser, merchant: Merchant, owner: Membership
) -> None:
    bad = "<img src=x onerror=alert(1)>\"'{{7*7}}"
    somebody = Person(wa_id="212669999999", profile_name=bad, username="u")
    referral = {"headline": bad, "body": bad, "source_url": "javascript:alert(1)"}
    conversation_id = wrote(
        merchant,
        of(somebody, bad, referral=referral),
        of(somebody, bad, kind="location", payload={"name": bad, "latitude": 1, "longitude": 2}),
        of(somebody, bad, kind="contacts", payload={"contacts": [{"name": {"first_name": bad}}]}),
        of(somebody, bad, kind="document", payload={"filename": bad, "mime_type": bad}),
        of(somebody, bad, kind="button", payload={"text": bad}, button_text=bad),
        of(somebody, bad, kind="unsupported", payload={}, errors=({"title": bad},)),
        of(somebody, bad, kind="system", payload={"body": bad}),
        of(somebody, bad, kind="reaction", payload={}, target_wamid="wamid.gone"),
    )
    with inside(merchant, conversation_id) as conversation:
        conversations.note_activity(conversation, bad, {"number": bad})
        facts = {"number": 1, "from": bad, "to": bad}
        conversations.note_activity(conversation, "order_moved", facts)
    browser = signed_in(owner)

    pages = [browser.get(f"/inbox/{conversation_id}").text, browser.get("/inbox").text]
    pages.append(browser.get(f"/inbox/{conversation_id}/panel", headers=HTMX).text)

    for page in pages:
        assert "<img src=x" not in page
        assert 'href="javascript' not in page
        assert bad in html.unescape(page)


def test_a_reaction_sits_on_its_message_and_an_answer_quotes_it(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    first = of(FATIMA, "Le rouge", at=ago(minutes=9))
    love = of(FATIMA, "❤️", kind="reaction", target_wamid=first.wamid, at=ago(minutes=8))
    more = of(FATIMA, "Plutôt deux", context_wamid=first.wamid, at=ago(minutes=7))
    lost = of(FATIMA, "Et ça ?", context_wamid="wamid.before-wasl", at=ago(minutes=6))
    edit = of(FATIMA, "Le bleu", kind="edit", target_wamid=first.wamid, at=ago(minutes=5))
    conversation_id = wrote(merchant, first, love, more, lost, edit)

    page = signed_in(agent).get(f"/inbox/{conversation_id}").text

    one, two, three = articles(page)
    assert '<span class="bubble-reactions"' in one
    assert "❤️" in one
    assert "Le bleu What it said before Le rouge Edited" in words(one)
    assert f'href="#m-{bubbles(page)[0]}"' in two
    assert "Fatima Zahra El Idrissi Le bleu Plutôt deux" in words(two)
    assert "An earlier message" in three
    assert len(bubbles(page)) == 3


def test_a_template_shows_its_parts_its_name_and_the_button_that_was_tapped(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    conversation_id = wrote(merchant, of(FATIMA, at=ago(hours=30)))
    with inside(merchant, conversation_id) as conversation:
        templates.keep(conversation.channel.waba_id, [ORDER_CONFIRMED])
        template = db.session().scalars(select(MessageTemplate)).one()
        values = {"body.1": "Fatima", "body.2": "1042"}
        sent = messages.queue_template(conversation, template, values, origin=Origin.AUTOMATION)
        sent.wamid, sent.sending, sent.at = "wamid.ours", Sending.ACCEPTED, ago(hours=2)
    tap = {"kind": "button", "payload": {"text": "Je confirme"}, "button_text": "Je confirme"}
    wrote(merchant, of(FATIMA, "Je confirme", context_wamid="wamid.ours", **tap))

    page = signed_in(agent).get(f"/inbox/{conversation_id}").text

    _, ours, theirs = articles(page)
    assert "Automation order_confirmed Commande" in words(ours)
    assert "Bonjour Fatima, commande 1042 confirmée." in words(ours)
    assert "Boutique Atlas" in words(ours)
    assert re.search(r"data-tapped[^>]*><bdi>Je confirme", ours)
    assert not re.search(r"data-tapped[^>]*><bdi>Annuler", ours)
    assert "You Commande" in words(theirs)
    assert "Je confirme" in words(theirs)


ORDER_CONFIRMED = {
    "name": "order_confirmed",
    "language": "fr",
    "status": "APPROVED",
    "category": "UTILITY",
    "components": [
        {"type": "HEADER", "format": "TEXT", "text": "Commande"},
        {"type": "BODY", "text": "Bonjour {{1}}, commande {{2}} confirmée."},
        {"type": "FOOTER", "text": "Boutique Atlas"},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "QUICK_REPLY", "text": "Je confirme"},
                {"type": "QUICK_REPLY", "text": "Annuler"},
            ],
        },
    ],
}


def test_what_the_shop_typed_on_its_phone_is_marked_so(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    wrote(merchant, of(FATIMA, at=ago(hours=2)))
    typed = factories.echo("Je vous rappelle", person=FATIMA)
    conversation_id = wrote(merchant, typed)

    page = signed_in(agent).get(f"/inbox/{conversation_id}").text

    ours = articles(page)[-1]
    assert ours.startswith(" bubble-out")
    assert "Sent from the phone" in ours


# --- how far ours came ----------------------------------------------------------------------------


PROGRESS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "queued", ""),
    ({"sending": Sending.CLAIMED}, "claimed", ""),
    (
        {"sending": Sending.WAITING, "reason": "throttled", "due_at": utcnow()},
        "waiting",
        "Too many messages at once for Meta.",
    ),
    ({"sending": Sending.ACCEPTED}, "accepted", ""),
    ({"sending": Sending.ACCEPTED, "rank": 1}, "sent", ""),
    ({"sending": Sending.ACCEPTED, "rank": 2}, "delivered", ""),
    ({"sending": Sending.ACCEPTED, "rank": 3}, "read", ""),
    (
        {"sending": Sending.FAILED, "reason": "undeliverable", "error_code": 131026},
        "failed",
        "Call the customer or send an SMS. Code 131026",
    ),
    ({"sending": Sending.FAILED}, "failed", "Meta refused the message."),
    (
        {"sending": Sending.UNCERTAIN, "reason": "no_answer"},
        "uncertain",
        "Meta did not answer clearly: it may have been sent.",
    ),
]


def test_a_bubble_says_how_far_it_came_and_what_to_do(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    conversation_id = wrote(merchant, of(FATIMA))
    for facts, _, _ in PROGRESS:
        answered(merchant, conversation_id, agent, **facts)

    page = signed_in(agent).get(f"/inbox/{conversation_id}").text

    for ours, (_, state, said) in zip(articles(page)[1:], PROGRESS, strict=True):
        assert f'data-state="{state}"' in ours
        assert said in words(ours)
        assert ("Send again" in ours) == (state in ("failed", "uncertain"))
        assert ("hx-confirm" in ours) == (state == "uncertain")


def test_metas_price_is_shown_to_those_who_may_see_money_and_to_nobody_else(
    signed_in: Browser, merchant: Merchant, manager: Membership, agent: Membership
) -> None:
    conversation_id = wrote(merchant, of(FATIMA, at=ago(hours=1)))
    with inside(merchant, conversation_id) as conversation:
        templates.keep(conversation.channel.waba_id, [ORDER_CONFIRMED])
        template = db.session().scalars(select(MessageTemplate)).one()
        for wamid in ("wamid.a", "wamid.b"):
            values = {"body.1": "F", "body.2": "1"}
            sent = messages.queue_template(conversation, template, values, origin=Origin.AGENT)
            sent.wamid, sent.sending = wamid, Sending.ACCEPTED
        channel = db.session().scalars(select(Channel)).one()
        db.session().flush()
        statuses.apply([(channel, _delivered("wamid.a"))])

    seen = signed_in(manager).get(f"/inbox/{conversation_id}").text
    hidden = signed_in(agent).get(f"/inbox/{conversation_id}").text

    settled, expected = re.findall(r'<span class="bubble-cost".*?</span>', seen, re.DOTALL)
    assert "USD" in settled
    assert "≈" not in settled
    assert "≈" in expected
    assert 'id="price"' in seen
    for word in ("USD", "bubble-cost", 'id="price"', "free replies"):
        assert word not in hidden


def _delivered(wamid: str) -> Status:
    return Status(
        phone_number_id="1" * 15,
        waba_id="9" + "1" * 14,
        field="messages",
        wamid=wamid,
        status="delivered",
        at=utcnow(),
        recipient=FATIMA,
        pricing={
            "billable": True,
            "pricing_model": "PMP",
            "category": "utility",
            "type": "regular",
        },
    )


# --- small lines ----------------------------------------------------------------------------------


SAID: list[tuple[str, dict[str, Any], str]] = [
    ("order_created", {"number": 41}, "Salma created order #41"),
    (
        "order_moved",
        {"number": 41, "from": "Nouvelle", "to": "Confirmée"},
        "Salma moved order #41 from “ Nouvelle ” to “ Confirmée ”",
    ),
    ("late_tap", {"number": 41, "button": "Oui", "stage": "Livrée"}, "too late: order #41"),
    ("repeated_tap", {"number": 41, "button": "Oui", "stage": "Livrée"}, "again: order #41"),
    ("stock_blocked", {"number": 41, "name": "Sac"}, "but “ Sac ” is short of stock"),
    ("automation_failed", {"number": 41, "automation": "Confirmer"}, "“ Confirmer ” could not"),
    ("assigned", {"to": None}, "Salma left the conversation to everybody"),
    ("grew_wings", {}, "Salma : grew wings"),
]


def test_what_happened_stands_between_the_bubbles_in_words(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    conversation_id = wrote(merchant, of(FATIMA))
    with inside(merchant, conversation_id) as conversation:
        for kind, facts, _ in SAID:
            conversations.note_activity(conversation, kind, facts, actor=agent)

    page = signed_in(agent).get(f"/inbox/{conversation_id}").text

    lines = re.findall(r'<p class="activity" id="a-[^>]*>(.*?)</p>', page, re.DOTALL)
    for line, (_, facts, said) in zip(lines, SAID, strict=True):
        assert said in words(line)
        assert ('href="/orders/41"' in line) == ("number" in facts)


def test_a_tap_is_the_customers_doing(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    conversation_id = wrote(merchant, of(FATIMA))
    with inside(merchant, conversation_id) as conversation:
        conversations.note_activity(conversation, "tapped", {"number": 41, "button": "Oui"})

    page = signed_in(agent).get(f"/inbox/{conversation_id}").text

    assert "The customer tapped “ Oui ” for order #41" in words(page)


# --- whose it is ----------------------------------------------------------------------------------


def test_a_conversation_is_given_to_a_colleague_and_back_to_everybody(
    signed_in: Browser, merchant: Merchant, agent: Membership, manager: Membership
) -> None:
    conversation_id = wrote(merchant, of(FATIMA))
    browser = signed_in(agent)
    address = f"/inbox/{conversation_id}/assignee"

    dialog = browser.get(address, headers=HTMX).text
    given = browser.post(address, data={"member": str(manager.id)}, headers=HTMX)
    browser.post(address, data={"member": str(manager.id)}, headers=HTMX)
    page = browser.get(f"/inbox/{conversation_id}").text
    browser.post(address, data={"member": ""}, headers=HTMX)

    assert words(dialog).index("Salma") < words(dialog).index("Mina")  # oneself first
    assert given.status_code == 204
    assert words(page).count("Salma gave the conversation to Mina") == 1
    with inside(merchant, conversation_id) as conversation:
        assert conversation.assignee_id is None
        assert [a.kind for a in db.session().scalars(select(Activity))] == ["assigned"] * 2


def test_a_conversation_cannot_be_given_to_somebody_of_another_shop(
    signed_in: Browser, merchant: Merchant, agent: Membership, stranger: Membership
) -> None:
    conversation_id = wrote(merchant, of(FATIMA))

    answer = signed_in(agent).post(
        f"/inbox/{conversation_id}/assignee", data={"member": str(stranger.id)}, headers=HTMX
    )

    assert answer.status_code == 404
    with inside(merchant, conversation_id) as conversation:
        assert conversation.assignee_id is None


def test_another_shops_conversations_do_not_exist(
    signed_in: Browser, merchant: Merchant, stranger: Membership
) -> None:
    conversation_id = wrote(merchant, of(FATIMA))
    browser = signed_in(stranger)

    page = browser.get("/inbox").text

    assert rows(page) == []
    assert "No conversation yet" in page
    for address in ("", "/thread", "/panel", "/composer", "/assignee"):
        assert browser.get(f"/inbox/{conversation_id}{address}").status_code == 404
    assert browser.post(f"/inbox/{conversation_id}/read").status_code == 404


def test_somebody_without_a_number_is_shown_by_their_username(
    signed_in: Browser, merchant: Merchant, agent: Membership
) -> None:
    imane = Person(user_id="MA.13491208655302741918", username="imane.lhl")
    conversation_id = wrote(merchant, of(imane))
    browser = signed_in(agent)

    page = browser.get(f"/inbox/{conversation_id}").text
    found = browser.get("/inbox?q=imane").text

    assert '<bdi dir="ltr">@imane.lhl</bdi>' in page
    assert rows(found) == [conversation_id]


# --- speed ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("steady_pulse")
def test_no_page_of_the_inbox_asks_more_than_eight_questions(
    signed_in: Browser, merchant: Merchant, owner: Membership, agent: Membership
) -> None:
    people = [Person(wa_id=f"2126700000{n:02}", profile_name=f"N {n}") for n in range(40)]
    wrote(merchant, *[of(person) for person in people])
    lines = [of(FATIMA, f"n° {n}", context_wamid=f"wamid.{n}") for n in range(40)]
    conversation_id = wrote(merchant, *lines)
    for n in range(10):
        answered(merchant, conversation_id, agent, wamid=f"wamid.out{n}", rank=2)
    closed = wrote(merchant, of(YOUSSEF, at=ago(days=2)))
    with inside(merchant, closed) as conversation:
        templates.keep(conversation.channel.waba_id, [ORDER_CONFIRMED])
        session = db.session()
        for identity in session.scalars(select(WhatsAppIdentity)).all():
            assert identity.customer is None
    browser = signed_in(owner)
    pages = [
        "/inbox",
        f"/inbox/{conversation_id}",
        f"/inbox/{conversation_id}/thread",
        f"/inbox/{conversation_id}/composer",
        f"/inbox/{closed}",
        "/inbox/list?q=06",
        "/inbox/unread",
    ]
    browser.get(pages[1])  # price lists are read once for each process

    asked = {}
    for page in pages:
        with counted() as sent:
            assert browser.get(page).status_code == 200
        asked[page] = len(sent)

    assert max(asked.values()) <= 8, asked


@pytest.mark.usefixtures("steady_pulse")
def test_a_thread_asks_as_many_questions_for_fifty_messages_as_for_one(
    signed_in: Browser, merchant: Merchant, owner: Membership, agent: Membership
) -> None:
    def asked(who: Person, count: int) -> int:
        conversation_id = wrote(merchant, *[of(who, f"n° {n}") for n in range(count)])
        for n in range(count):
            answered(merchant, conversation_id, agent, wamid=f"{who.wa_id}.{n}", rank=2)
        with counted() as sent:
            browser.get(f"/inbox/{conversation_id}", headers=HTMX)
        return len(sent)

    browser = signed_in(owner)
    asked(KHADIJA, 1)  # warm

    assert asked(YOUSSEF, 1) == asked(FATIMA, 25)
