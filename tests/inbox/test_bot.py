"""The bot's pages, by the owner, an agent who may look, and a stranger."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

import config
from flows import arrivals, talks, understanding
from flows.channels import forms as kept
from flows.messages import queue_text
from flows.talks import bots, leaving, saying
from flows.talks.browsing import MENU
from inbox.bot import words
from models import db
from models.audit import AuditEntry
from models.catalog import Product
from models.channel import Channel
from models.conversation import Conversation
from models.errand import Errand
from models.merchant import Merchant
from models.message import Message, Origin
from models.order import Order
from models.talk import Bot, Phrase, Question, Talk, Turn
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.inbox.test_composer import PNG

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial", "Accept-Language": "en"}
BEHAVIOUR = {"order_rule": "order", "silence_hours": "6", "confirms": "1", "tone": "formal"}


@pytest.fixture
def boss(signed_in: Callable[[Membership], FlaskClient], owner: Membership) -> FlaskClient:
    browser = signed_in(owner)
    browser.set_cookie("language", "en")
    return browser


@pytest.fixture
def helper(signed_in: Callable[[Membership], FlaskClient], agent: Membership) -> FlaskClient:
    return signed_in(agent)


@pytest.fixture
def channel(merchant: Merchant) -> UUID:
    with db.merchant(merchant.id) as session:
        return session.scalars(select(Channel.id)).one()


@pytest.fixture
def opened(merchant: Merchant) -> Iterator[db.MerchantSession]:
    with db.merchant(merchant.id) as session:
        yield session


def stored(merchant: Merchant, row: Any) -> Any:
    with db.merchant(merchant.id) as session:
        return session.scalars(select(row)).one()


def kinds(merchant: Merchant) -> list[str]:
    with db.merchant(merchant.id) as session:
        wanted = select(AuditEntry.kind).where(AuditEntry.room == "bot").order_by(AuditEntry.at)
        return list(session.scalars(wanted))


def turn(merchant: Merchant, heard: str = "Bonjour", did: str = "menu", **facts: Any) -> UUID:
    """A turn of a customer's conversation, with the bot's answer."""
    with db.merchant(merchant.id) as session:
        talk = session.scalars(select(Conversation)).first() or _conversation()
        made = Turn(conversation_id=talk.id, channel_id=talk.channel_id, heard=heard, did=did)
        for name, value in facts.items():
            setattr(made, name, value)
        session.add(made)
        session.flush()
        answer = queue_text(talk, f"Réponse à {heard}", origin=Origin.BOT)
        answer.turn_id = made.id
        return made.id


def _conversation() -> Conversation:
    channel = db.session().scalars(select(Channel)).one()
    here = {"phone_number_id": channel.phone_number_id, "waba_id": channel.waba_id}
    arrivals.take_in([factories.inbound("Salam", sender=factories.person("Fatima"), **here)])
    return db.session().scalars(select(Conversation)).one()


def of_triggers(answer: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(answer.headers.get("HX-Trigger", "{}"))
    return told


# --- on and off -----------------------------------------------------------------------------------


def test_with_one_number_the_bot_is_its_page(boss: FlaskClient, channel: UUID) -> None:
    answer = boss.get("/bot")

    assert answer.status_code == 302
    assert answer.location == f"/bot/{channel}"
    page = boss.get(answer.location).text
    assert "The bot is off" in page
    assert "It has not answered anybody yet" in page


def test_with_several_numbers_each_has_its_switch_and_its_share(
    boss: FlaskClient, merchant: Merchant, channel: UUID
) -> None:
    turn(merchant)
    turn(merchant, "Ordi", "handed_over", facts={"why": "human"})
    with db.merchant(merchant.id) as session:
        second = Channel(name="Deux", phone_number_id="9", waba_id="9", country="MA")
        second.display_phone_number = "+212 5 22 00 00 09"
        session.add(second)

    page = boss.get("/bot").text

    assert page.count('role="switch"') == 2
    assert "0 %" in page.replace('<bdi dir="ltr">0</bdi>', "0")
    assert "Nothing said in 30 days." in page
    assert "The customer asks for a person" in page


def test_the_switch_acts_at_once_and_can_be_taken_back(
    boss: FlaskClient, merchant: Merchant, channel: UUID
) -> None:
    answer = boss.post(f"/bot/{channel}/active", data={"on": "1"}, headers=HTMX)

    assert "The bot is on" in answer.text
    assert stored(merchant, Bot).active
    undone = boss.post(of_triggers(answer)["undoable"]["url"], headers=HTMX)
    assert not stored(merchant, Bot).active
    assert "bot:changed" in of_triggers(undone)
    assert kinds(merchant)[0] == "bot.changed"


# --- behaviour ------------------------------------------------------------------------------------


def test_the_behaviour_is_kept_and_the_texts_stay(
    boss: FlaskClient, merchant: Merchant, channel: UUID
) -> None:
    boss.post(f"/bot/{channel}/texts", data={"texts.greeting.fr": "Salut {name} !"})
    hours = {"speaks_from": "08:00", "speaks_until": "22:30", "days_from": "1", "days_until": "3"}
    boss.post(f"/bot/{channel}/behaviour", data=BEHAVIOUR | hours)

    bot = stored(merchant, Bot)
    assert (f"{bot.speaks_from:%H:%M}", f"{bot.speaks_until:%H:%M}") == ("08:00", "22:30")
    assert (bot.order_rule, bot.silence_hours, bot.formal) == ("order", 6, True)
    assert (bot.days_from, bot.days_until, bot.confirms, bot.paid) == (1, 3, True, False)
    assert bot.texts == {"greeting": {"fr": "Salut {name} !"}}


def test_what_is_wrong_is_said_field_by_field_and_nothing_is_kept(
    boss: FlaskClient, merchant: Merchant, channel: UUID
) -> None:
    wrong = {"speaks_from": "25:00", "silence_hours": "999", "days_from": "x", "order_rule": "?"}
    answer = boss.post(f"/bot/{channel}/behaviour", data=wrong, headers=HTMX)

    assert answer.status_code == 422
    for name in wrong:
        assert f'id="e-{name}"' in answer.text
    assert 'value="999"' in answer.text
    with db.merchant(merchant.id) as session:
        assert session.scalar(select(func.count()).select_from(Bot)) == 0


def test_what_a_message_costs_is_for_who_sees_money(
    boss: FlaskClient, helper: FlaskClient, channel: UUID
) -> None:
    assert "free messages are left" in boss.get(f"/bot/{channel}/behaviour").text
    assert "USD" not in helper.get(f"/bot/{channel}/behaviour").text


# --- the address form -----------------------------------------------------------------------------


def test_the_form_is_published_by_a_worker_and_told(
    boss: FlaskClient, merchant: Merchant, channel: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("META_GRAPH_URL", "http://127.0.0.1:1")
    config.settings.cache_clear()
    with db.merchant(merchant.id) as session:
        session.get_one(Channel, (merchant.id, channel)).proven_at = utcnow()
    asked = boss.post(f"/bot/{channel}/form", headers=HTMX).text
    monkeypatch.undo()
    config.settings.cache_clear()
    with db.merchant(merchant.id) as session:
        number = session.get_one(Channel, (merchant.id, channel))
        told = session.scalars(select(AuditEntry.kind).order_by(AuditEntry.at.desc())).first()
        session.scalars(select(Errand)).one().done_at = utcnow()
        kept.keep(number, kept.Published(flow_id="1", state="PUBLISHED"), None, None)

    assert "On its way to Meta." in asked
    assert told == "channels.form"
    assert "Published" in boss.get(f"/bot/{channel}/form", headers=HTMX).text


def test_a_form_that_meta_could_not_reach_is_refused(boss: FlaskClient, channel: UUID) -> None:
    answer = boss.post(f"/bot/{channel}/form", headers=HTMX)

    assert answer.status_code >= 400
    assert "https" in str(of_triggers(answer))


# --- texts ----------------------------------------------------------------------------------------


def test_an_own_text_is_said_and_an_emptied_one_is_the_bots_again(
    boss: FlaskClient, merchant: Merchant, channel: UUID
) -> None:
    at = f"/bot/{channel}/texts"
    boss.post(at, data={"texts.greeting.ar": "مرحبا {name}"})
    assert stored(merchant, Bot).texts == {"greeting": {"ar": "مرحبا {name}"}}
    assert "Your words" in boss.get(at).text

    boss.post(at, data={"texts.greeting.ar": ""})
    assert stored(merchant, Bot).texts == {}


@pytest.mark.parametrize("text", ["Bonjour {prenom}", "{name:>99999999}", "{name.x}", "{", "{}"])
def test_a_blank_that_nobody_can_fill_is_refused(
    boss: FlaskClient, channel: UUID, text: str
) -> None:
    answer = boss.post(f"/bot/{channel}/texts", data={"texts.greeting.fr": text}, headers=HTMX)

    assert answer.status_code == 422
    assert 'id="e-texts.greeting.fr"' in answer.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Salut {name} de {shop}", "Salut Fatima de Boutique Atlas"),
        ("Salut {nam", "Salut {nam"),
        ("{name:>999999999}", "{name:&gt;999999999}"),
        ("", "Bienvenue chez Boutique Atlas"),
    ],
)
def test_a_text_is_previewed_as_it_is_typed(
    boss: FlaskClient, channel: UUID, text: str, shown: str
) -> None:
    query = {"key": "greeting", "language": "fr"}
    form = {"texts.greeting.fr": text}
    answer = boss.post(f"/bot/{channel}/texts/preview", query_string=query, data=form, headers=HTMX)

    assert shown in answer.text


# --- menu -----------------------------------------------------------------------------------------


def test_the_menu_is_in_the_order_of_the_hand(
    boss: FlaskClient, merchant: Merchant, channel: UUID
) -> None:
    form = {"order": ["order", "catalogue", "human"], "item": ["order", "human"], "up": "human"}
    boss.post(f"/bot/{channel}/menu", data=form)
    assert stored(merchant, Bot).menu == ["order", "human"]

    boss.post(f"/bot/{channel}/menu", data=form | {"up": "", "down": "order"})
    assert stored(merchant, Bot).menu == ["order", "human"]
    boss.post(f"/bot/{channel}/menu", data=form | {"order": ["human", "order"], "up": ""})
    assert stored(merchant, Bot).menu == ["human", "order"]


def test_a_menu_without_anything_is_refused(boss: FlaskClient, channel: UUID) -> None:
    answer = boss.post(f"/bot/{channel}/menu", data={"order": "order"}, headers=HTMX)

    assert answer.status_code == 422
    assert "Choose at least one thing" in answer.text


# --- questions ------------------------------------------------------------------------------------

HOURS = {"name": "Horaires", "keywords": "ouvert, horaire، متى", "answers.fr": "9 h", "active": "1"}


def test_a_question_is_added_changed_moved_and_deleted(
    boss: FlaskClient, merchant: Merchant
) -> None:
    for form in (HOURS, HOURS | {"name": "Retours"}):
        assert boss.post("/bot/questions", data=form, headers=HTMX).status_code == 200
    with db.merchant(merchant.id) as session:
        hours, back = session.scalars(select(Question).order_by(Question.position))
    assert hours.keywords == ["ouvert", "horaire", "متى"]

    boss.post(f"/bot/questions/{hours.id}", data={"name": "Heures", "answers.en": "From 9"})
    order = {"order": [str(hours.id), str(back.id)], "up": str(back.id)}
    listed = boss.post("/bot/questions/order", data=order, headers=HTMX).text
    assert listed.index("Retours") < listed.index("Heures")
    assert "Switched off" in listed

    boss.post(f"/bot/questions/{back.id}/delete")
    left = stored(merchant, Question)
    assert (left.name, left.answers, left.active) == ("Heures", {"en": "From 9"}, False)
    assert kinds(merchant)[-3:] == [
        "bot.question_changed",
        "bot.questions_reordered",
        "bot.question_deleted",
    ]


def test_a_question_without_an_answer_is_refused_with_what_was_typed(boss: FlaskClient) -> None:
    form = {"name": "", "keywords": "!!", "answers.fr": ""}
    answer = boss.post("/bot/questions", data=form, headers=HTMX)

    assert answer.status_code == 422
    for name in form:
        assert f'id="e-{name}"' in answer.text


# --- the trial ------------------------------------------------------------------------------------


def test_the_trial_answers_says_why_and_keeps_nothing(
    boss: FlaskClient, merchant: Merchant, channel: UUID
) -> None:
    first = boss.post(f"/bot/{channel}/try", data={"typed": "Bonjour"}, headers=HTMX).text
    again = {"line": ["Bonjour"], "tapped": "b1.menu.parcel"}
    then = boss.post(f"/bot/{channel}/try", data=again, headers=HTMX).text

    assert "Boutique Atlas" in first
    assert "Greets" in first
    assert 'value="b1.menu.parcel"' in first
    assert "Où est ma commande" in then
    assert "A button was tapped" in then
    with db.merchant(merchant.id) as session:
        for table in (Conversation, Message, Talk, Turn, Order, Bot):
            assert session.scalar(select(func.count()).select_from(table)) == 0, table


def test_an_endless_trial_is_begun_anew(boss: FlaskClient, channel: UUID) -> None:
    form = {"line": ["Bonjour"] * 45, "typed": "Bonjour"}

    assert "begin anew" in boss.post(f"/bot/{channel}/try", data=form, headers=HTMX).text


# --- what it said, and why ------------------------------------------------------------------------


def test_a_transcript_shows_what_was_heard_said_and_understood(
    boss: FlaskClient, merchant: Merchant
) -> None:
    found = [{"kind": "city", "value": "Fès", "text": "fes", "start": 11, "end": 14}]
    facts = {"intent": "delivery_cost", "confidence": 0.91, "language": "darija"}
    turn(merchant, "bch7al l7d fes", "delivery_cost", entities=found, **facts)

    page = boss.get("/bot/transcripts").text

    assert '<mark class="found" data-color="orange" title="City: Fès">fes</mark>' in page
    assert "Asks what delivery costs" in page
    assert "91 %" in page
    assert "Darija" in page
    assert "Réponse à bch7al l7d fes" in page
    assert "Told what delivery costs" in page


def test_an_answer_to_what_was_asked_is_told_as_one(boss: FlaskClient, merchant: Merchant) -> None:
    facts = {"intent": "other", "confidence": 0.3, "rule": "nothing", "step": "address"}
    page = boss.get(f"/bot/turns/{turn(merchant, '12 rue de Fès', 'summary', **facts)}").text

    assert "It had asked" in page
    assert "30 %" not in page
    assert "No word that it knows" not in page


def test_the_rule_is_told_in_words(boss: FlaskClient, merchant: Merchant) -> None:
    cue = "where_is_my_order: {where} … {parcel}"
    for rule, told in (
        (cue, "where + the parcel"),
        ("taught: fin", "“fin”"),
        ("x: y", "mean this"),
    ):
        page = boss.get(f"/bot/turns/{turn(merchant, intent='other', rule=rule)}").text

        assert told in page


def test_entities_that_lie_over_each_other_or_outside_break_nothing(
    boss: FlaskClient, merchant: Merchant
) -> None:
    over = [
        {"kind": "product", "value": "Sac", "start": 2, "end": 9},
        {"kind": "quantity", "value": "2", "start": 0, "end": 1},
        {"kind": "variant", "value": "noir", "start": 5, "end": 9},
        {"kind": "new", "value": "x", "start": 90, "end": 99},
    ]
    page = boss.get(f"/bot/turns/{turn(merchant, '2 sac noir', entities=over)}").text

    assert page.count("<mark") == 2
    assert ">sac noi</mark>r" in page


def test_transcripts_are_filtered_and_paged(boss: FlaskClient, merchant: Merchant) -> None:
    start = utcnow() - timedelta(hours=1)
    for n in range(45):
        did = "handed_over" if n == 3 else "menu"
        turn(merchant, f"Phrase {n}.", did, at=start + timedelta(seconds=n), facts={"why": "anger"})

    page = boss.get("/bot/transcripts").text
    more = page.partition('hx-get="/bot/transcripts?before=')[2].partition('"')[0]
    rest = boss.get(f"/bot/transcripts?before={more}", headers=HTMX).text

    assert ("Phrase 44." in page, "Phrase 5." in page, "Phrase 4." in page) == (True, True, False)
    assert all(f"Phrase {n}." in rest for n in range(5))
    assert "The customer is angry" in boss.get("/bot/transcripts?show=handed").text
    assert "Nothing here" in boss.get(f"/bot/transcripts?number={uuid4()}").text


def test_a_turn_opens_as_a_dialog_and_as_a_page(boss: FlaskClient, merchant: Merchant) -> None:
    address = f"/bot/turns/{turn(merchant)}"

    assert boss.get(address, headers=HTMX).text.lstrip().startswith('<div class="dialog-frame">')
    assert "<!doctype html>" in boss.get(address).text


# --- teaching -------------------------------------------------------------------------------------


def test_what_was_missed_is_taught_with_one_click(boss: FlaskClient, merchant: Merchant) -> None:
    for _ in range(2):
        turn(merchant, "wash kayn", "not_understood")
    assert "2 times" in boss.get("/bot/teach").text

    lesson = {"text": "wash kayn", "intent": "availability"}
    answer = boss.post("/bot/teach", data=lesson, headers=HTMX)

    assert "Nothing to teach" in answer.text
    assert "Asks whether it is there" in answer.text
    assert stored(merchant, Phrase).intent == "availability"


def test_what_was_said_in_two_messages_is_taught_too(boss: FlaskClient, merchant: Merchant) -> None:
    turn(merchant, "Salam\n3afak  jawbni", "not_understood")
    lesson = {"text": "Salam\r\n3afak  jawbni", "intent": "human"}

    assert "Nothing to teach" in boss.post("/bot/teach", data=lesson, headers=HTMX).text


def test_what_was_forgotten_comes_back_with_undo(boss: FlaskClient, merchant: Merchant) -> None:
    boss.post("/bot/teach", data={"text": "sir b7alk & go", "intent": "human"})
    phrase = stored(merchant, Phrase)
    answer = boss.post(f"/bot/phrases/{phrase.id}/forget", headers=HTMX)
    assert "sir b7alk" not in answer.text

    boss.post(of_triggers(answer)["undoable"]["url"], headers=HTMX)

    back = stored(merchant, Phrase)
    assert (back.text, back.intent) == ("sir b7alk & go", "human")
    assert kinds(merchant) == ["bot.taught", "bot.forgotten", "bot.taught"]


def test_a_lesson_without_a_meaning_is_refused_at_its_row(
    boss: FlaskClient, merchant: Merchant
) -> None:
    turn(merchant, "hhh", "not_understood")
    answer = boss.post("/bot/teach", data={"text": "hhh", "intent": ""}, headers=HTMX)

    assert answer.status_code == 422
    assert "Choose one of the list." in answer.text


def test_what_is_dismissed_is_gone(boss: FlaskClient, merchant: Merchant) -> None:
    missed = turn(merchant, "hhh", "not_understood")

    assert "Nothing to teach" in boss.post(f"/bot/turns/{missed}/dismiss", headers=HTMX).text


# --- products -------------------------------------------------------------------------------------


def test_a_product_gets_other_names_and_a_picture(boss: FlaskClient, merchant: Merchant) -> None:
    with db.merchant(merchant.id):
        product = factories.product("Sac cuir").id
    address = f"/bot/products/{product}"
    picture = (io.BytesIO(PNG), "sac.png")
    boss.post(address, data={"names": "chkara, شنطة , chkara", "file": picture})

    kept = stored(merchant, Product)
    assert kept.aliases == ["chkara", "شنطة"]
    assert kept.picture_id is not None
    assert "Sac cuir" in boss.get("/bot/products?q=chka").text

    boss.post(address, data={"names": "chkara", "no_file": "1"})
    assert stored(merchant, Product).picture_id is None
    assert kinds(merchant) == ["bot.product", "bot.product"]


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ({"names": "!!"}, "names"),
        ({"names": "x" * 61}, "names"),
        ({"names": "a", "file": (io.BytesIO(b"%PDF-1.4"), "a.pdf")}, "file"),
    ],
)
def test_names_and_pictures_that_are_none_are_refused(
    boss: FlaskClient, merchant: Merchant, form: dict[str, Any], name: str
) -> None:
    with db.merchant(merchant.id):
        product = factories.product("Sac cuir").id
    answer = boss.post(f"/bot/products/{product}", data=form, headers=HTMX)

    assert answer.status_code == 422
    assert f'id="e-{name}"' in answer.text
    assert stored(merchant, Product).aliases == []


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "known"),
    [
        (r'\bdid\(\s*"(\w+)"', words.DEEDS),
        (r'\bleave(?:_quietly)?\(\s*scene,\s*"(\w+)"', leaving.WHY),
        (r'\bleaves = "(\w+)"', leaving.WHY),
        (r'\bscene\.ask\(\s*"(\w+)"', words.STEPS),
    ],
)
def test_whatever_the_bot_does_has_its_words(code: str, known: dict[str, Any]) -> None:
    source = Path(talks.__file__).parent
    found = {
        one for file in source.rglob("*.py") for one in re.findall(code, file.read_text("utf-8"))
    }

    assert found
    assert found <= set(known)


def test_whatever_can_be_written_otherwise_has_its_words() -> None:
    assert set(bots.EDITABLE) == set(words.TEXTS)
    used = [saying.blanks(saying.texts("fr")[key]) for key in bots.EDITABLE]
    assert set().union(*used) <= set(words.BLANKS)
    assert set(MENU) == set(words.MENU)


# --- who may what ---------------------------------------------------------------------------------


def test_an_agent_looks_and_changes_nothing(
    helper: FlaskClient, merchant: Merchant, channel: UUID
) -> None:
    turn(merchant)
    for page in ("behaviour", "texts", "menu", "try"):
        assert helper.get(f"/bot/{channel}/{page}").status_code == 200
    for page in ("questions", "products", "transcripts", "teach"):
        assert helper.get(f"/bot/{page}").status_code == 200

    assert "disabled" in helper.get(f"/bot/{channel}").text
    assert helper.post(f"/bot/{channel}/active", data={"on": "1"}).status_code == 403
    assert helper.post("/bot/teach", data={"text": "x", "intent": "price"}).status_code == 403


def test_the_figures_tell_the_cost_to_who_sees_money(
    boss: FlaskClient, helper: FlaskClient, merchant: Merchant, channel: UUID
) -> None:
    turn(merchant, did="ordered")

    assert "Charged by Meta" in boss.get(f"/bot/{channel}").text
    assert "Orders taken" in boss.get(f"/bot/{channel}").text
    assert "USD" not in helper.get(f"/bot/{channel}").text


def test_a_stranger_finds_no_bot_of_ours(
    signed_in: Callable[[Membership], FlaskClient],
    stranger: Membership,
    merchant: Merchant,
    channel: UUID,
) -> None:
    browser = signed_in(stranger)

    assert browser.post(f"/bot/{channel}/active", data={"on": "1"}).status_code == 404
    assert browser.post(f"/bot/{channel}/try", data={"typed": "Bonjour"}).status_code == 404
    assert browser.get(f"/bot/turns/{turn(merchant)}").status_code == 404


def test_a_bot_that_was_never_switched_on_has_defaults(opened: db.MerchantSession) -> None:
    channel = opened.scalars(select(Channel.id)).one()

    assert bots.of(channel).silence_hours == 12


def test_every_rule_that_is_no_cue_has_its_words() -> None:
    source = Path(understanding.__file__).parent
    whole = re.compile(r'(?:Weighed\(|_by\()[^()]*, "([^":]+)"\)')
    found = {one for file in source.rglob("*.py") for one in whole.findall(file.read_text("utf-8"))}

    assert "yes, on a condition" in found
    assert found <= set(words.RULES)
