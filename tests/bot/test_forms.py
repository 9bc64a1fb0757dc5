"""The address form, whole: published at Meta, opened on a phone, typed into, sent, read.

The phone's side is the simulator's: it encrypts as Meta does, with the key that was uploaded.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
import time_machine
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from bot import signatures
from bot.simulator import Simulator, events, flow_checks, flow_line
from cli import wasl
from config import settings
from flows import arrivals, channels, forms
from flows.errors import Refused
from flows.forms import Known, publishing, screens, tokens, words
from models import db
from models.channel import Channel
from models.conversation import Conversation
from models.customer import Address, Customer, WhatsAppIdentity
from models.delivery import DeliveryCity, DeliveryZone
from models.errand import Errand
from models.form import Form, FormState
from models.merchant import Merchant
from models.message import Direction, Message
from models.types import new_id, utcnow
from tests import factories
from tests.flows.test_delivery import counted
from tests.stories.steps import settle

Work = Callable[[], None]
Json = dict[str, Any]
SECRET = "app-secret-of-the-tests"
WHERE = f"/flows/{factories.NUMBER}"
TYPED = {"name": "Fatima Zahra", "city": "fes", "line": "12 rue Ibn Sina", "note": "Après 18 h"}


@pytest.fixture(autouse=True)
def _reachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An install with an address that Meta takes."""
    monkeypatch.setenv("WASL_BASE_URL", "https://wasl.test")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


# --- a number with its form at Meta, and a phone --------------------------------------------------


@dataclass
class Shop:
    """A merchant whose form is published, and customers with phones."""

    merchant: Merchant
    sim: Simulator
    work: Work

    def form(self) -> Form:
        with db.merchant(self.merchant.id) as session:
            return session.scalars(select(Form)).one()

    def publish(self) -> Errand:
        """Asked for as the page does it, and done by a worker."""
        with db.merchant(self.merchant.id) as session:
            forms.request_publish(session.scalars(select(Channel)).one())
        settle(self.sim, self.work)
        with db.merchant(self.merchant.id) as session:
            done = channels.last(session.scalars(select(Channel)).one(), "form")
        assert done is not None
        return done

    def ask(self, who: str = "fatima", language: str = "fr", known: Known | None = None) -> str:
        """They write, and are sent the form; the wamid on their phone."""
        self.sim.write(who, "Salam", to=factories.NUMBER)
        settle(self.sim, self.work)
        with db.merchant(self.merchant.id) as session:
            newest = select(Conversation).order_by(Conversation.last_message_at.desc())
            conversation = session.scalars(newest.limit(1)).one()
            sent = forms.ask(
                conversation, text="Où livrer ?", label="Adresse", language=language, known=known
            )
            assert sent is not None
        settle(self.sim, self.work)
        return self.sim.seen(self.sim.customer(who))[-1].wamid

    def read(self) -> forms.Filled | None:
        """What the last form that came in says."""
        settle(self.sim, self.work)
        with db.merchant(self.merchant.id) as session:
            came = select(Message).where(Message.direction == Direction.IN)
            newest = came.where(Message.kind == "interactive").order_by(Message.seq.desc())
            return forms.read(session.scalars(newest.limit(1)).one())


@pytest.fixture
def shop(merchant: Merchant, simulator: Simulator, work: Work) -> Shop:
    factories.introduce(merchant, simulator)
    made = Shop(merchant, simulator, work)
    assert made.publish().problem is None
    return made


def field(view: Json, name: str) -> Json:
    return next(part for part in view["parts"] if part.get("name") == name)


def texts(view: Json) -> list[str]:
    return [part["text"] for part in view["parts"] if "text" in part]


def test_a_form_is_published_with_a_key_of_the_number(shop: Shop) -> None:
    form, number = shop.form(), shop.sim.number(factories.NUMBER)

    flow = shop.sim.world.flows[form.flow_id or ""]
    assert (form.state, form.problem, flow.status) == (FormState.PUBLISHED, None, "PUBLISHED")
    assert number.public_key == form.public_key
    assert flow.endpoint == f"https://wasl.test{WHERE}"
    assert (flow.errors, flow.categories) == ([], ["OTHER"])


def test_an_address_is_typed_checked_sent_and_read(shop: Shop) -> None:
    first = shop.sim.open_form("fatima", shop.ask())

    assert field(first, "name")["value"] == "Fatima Zahra El Idrissi"
    assert field(first, "line")["label"] == "Adresse"
    assert not any(part.get("name") in ("phone", "choice") for part in first["parts"])
    second = shop.sim.fill_form(first["form"], TYPED)
    assert second["screen"] == "SUMMARY"
    assert {"Fès", "12 rue Ibn Sina", "Gratuite"} <= set(texts(second))
    assert shop.sim.fill_form(first["form"], {})["sent"]

    assert shop.read() == forms.Filled(
        name="Fatima Zahra",
        phone=None,
        city="Fès",
        line="12 rue Ibn Sina",
        landmark="",
        note="Après 18 h",
        purpose="address",
    )


def test_a_city_that_nobody_knows_is_asked_about_in_the_customers_language(shop: Shop) -> None:
    sheet = shop.sim.open_form("khadija", shop.ask("khadija", "ar"))

    asked = shop.sim.fill_form(sheet["form"], TYPED | {"city": "Marrakk"})
    assert asked["screen"] == "ADDRESS"
    assert field(asked, "city")["error"] == words.WORDS["which_city"].ar
    listed = [option["id"] for option in field(asked, "choice")["options"]]
    assert "Marrakech" in listed
    assert listed[-1] == "Marrakk"
    chosen = shop.sim.fill_form(sheet["form"], {"choice": "Marrakech"})

    assert "Marrakech" in texts(chosen)
    shop.sim.go_back(sheet["form"])
    again = shop.sim.fill_form(sheet["form"], {"city": "Rabat"})
    assert {"Rabat", words.WORDS["fee"].ar} <= set(texts(again))


def test_who_hides_their_number_is_asked_for_it(shop: Shop) -> None:
    sheet = shop.sim.open_form("nadia", shop.ask("nadia"))

    wrong = shop.sim.fill_form(sheet["form"], TYPED | {"phone": "12"})
    assert field(wrong, "phone")["error"] == "Ce numéro est incorrect"
    right = shop.sim.fill_form(sheet["form"], {"phone": "06 64 56 78 90"})
    assert "+212664567890" in texts(right)
    shop.sim.fill_form(sheet["form"], {})

    filled = shop.read()
    assert filled is not None
    assert filled.phone == "+212664567890"


def test_what_was_said_before_stands_in_the_form(shop: Shop) -> None:
    with db.merchant(shop.merchant.id) as session:
        zone = DeliveryZone(name="Nord", position=1, home=3500, free_above=50_000)
        zone.cities = [DeliveryCity(name="Tanger", key="tanger")]
        session.add(zone)
    known = Known(city="Tanger", line="4 place de France", total=20_000)
    sheet = shop.sim.open_form("fatima", shop.ask(known=known))

    assert field(sheet, "city")["value"] == "Tanger"
    priced = shop.sim.fill_form(sheet["form"], {})
    assert any("35,00" in text for text in texts(priced))


def test_a_number_whose_key_is_not_the_phones_is_refused_with_421(shop: Shop) -> None:
    wamid, exchange = shop.ask(), shop.sim.exchange
    asked: list[tuple[int, bytes]] = []
    with shop.sim.turn():
        facts = {"public_key": rsa_key()}
        shop.sim.note("number_changed", number=factories.NUMBER, facts=facts)

    def heard(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        asked.append(exchange(url, body, headers))
        return asked[-1]

    shop.sim.exchange = heard

    sheet = shop.sim.open_form("fatima", wamid)

    assert [status for status, _ in asked] == [421, 421]
    assert (sheet["trouble"][:20], sheet["parts"]) == ("Something went wrong", [])
    # Published anew, the number's own key is at Meta again.
    shop.sim.exchange = exchange
    assert shop.publish().problem is None
    assert shop.sim.open_form("fatima", wamid)["trouble"] is None


def test_a_form_that_is_too_old_says_so_and_closes(shop: Shop) -> None:
    wamid = shop.ask()

    with time_machine.travel(utcnow() + timedelta(hours=25), tick=False):
        sheet = shop.sim.open_form("fatima", wamid)

    assert (sheet["trouble"], sheet["closed"]) == (words.WORDS["expired"].fr, True)


# --- published, and not ---------------------------------------------------------------------------


def test_published_twice_it_is_the_same_form(shop: Shop) -> None:
    before, flows = shop.form(), len(shop.sim.world.flows)

    shop.publish()

    after = shop.form()
    assert (after.flow_id, after.fingerprint) == (before.flow_id, before.fingerprint)
    assert len(shop.sim.world.flows) == flows == 1


def test_other_screens_take_the_place_of_those_before(shop: Shop) -> None:
    old = shop.form().flow_id
    with db.house() as house:
        house.get_one(Merchant, shop.merchant.id).name = "Atlas & fils"

    shop.publish()

    new = shop.form().flow_id
    states = {flow.id: flow.status for flow in shop.sim.world.flows.values()}
    assert states == {old: "DEPRECATED", new: "PUBLISHED"}


@pytest.mark.parametrize("nth", [1, 3, 5])
def test_whatever_answer_of_metas_is_lost_there_is_one_form(
    merchant: Merchant, simulator: Simulator, work: Work, nth: int
) -> None:
    factories.introduce(merchant, simulator)
    shop = Shop(merchant, simulator, work)
    simulator.fail("accept_then_close", on="other", nth=nth)

    first = shop.publish()
    shop.publish()

    assert first.problem == "no_answer"
    assert (len(simulator.world.flows), shop.form().state) == (1, FormState.PUBLISHED)


def test_why_meta_does_not_publish_it_is_kept_in_its_words(
    merchant: Merchant, simulator: Simulator, work: Work
) -> None:
    factories.introduce(merchant, simulator)
    shop = Shop(merchant, simulator, work)
    simulator.exchange = lambda *_: (502, b"")

    done = shop.publish()

    assert done.problem == "refused"
    form = shop.form()
    assert (form.state, form.problem) == (FormState.DRAFTED, "refused")
    assert "did not answer the health check" in str(form.words)


def test_a_token_that_may_not_publish_forms_may_send(
    merchant: Merchant, simulator: Simulator, work: Work
) -> None:
    factories.introduce(merchant, simulator)
    simulator.fail(10, on="other")

    done = Shop(merchant, simulator, work).publish()

    assert done.problem == "permission"
    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Channel)).one().state == "active"


def test_meta_takes_no_form_with_a_mistake() -> None:
    whole = json.loads(screens.flow_json("Boutique Atlas"))
    whole["screens"][0]["layout"]["children"][0]["text"] = "${data.nothing}"

    _, errors = flow_checks.read(json.dumps(whole).encode())

    assert [error["message"] for error in errors] == [
        "Missing dynamic data: ${data.nothing} of screen ADDRESS."
    ]


def test_meta_is_given_no_address_without_tls(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASL_BASE_URL", "http://wasl.test")
    settings.cache_clear()

    with db.merchant(merchant.id) as session, pytest.raises(Refused) as no:
        forms.request_publish(session.scalars(select(Channel)).one())

    assert no.value.code == "https"


def test_a_form_that_meta_blocks_is_no_longer_sent(shop: Shop) -> None:
    shop.ask()
    for status in ("THROTTLED", "BLOCKED"):
        shop.sim.judge_flow(shop.form().flow_id or "", status)
        settle(shop.sim, shop.work)

        assert shop.form().state == status.lower()
        with db.merchant(shop.merchant.id) as session:
            assert not forms.available(session.scalars(select(Conversation)).one())


def test_the_terminal_publishes_it_and_tells_each_step(
    merchant: Merchant, simulator: Simulator
) -> None:
    factories.introduce(merchant, simulator)
    run = CliRunner().invoke
    once = run(wasl, ["flow", "publish", "--channel", "+212 520-000001"])
    twice = run(wasl, ["flow", "publish", "--channel", factories.NUMBER])

    said = [line.partition(":")[0] for line in once.output.splitlines()]
    assert said == ["uploaded", "drafted", "uploaded", "published"]
    said = [line.partition(":")[0] for line in twice.output.splitlines()]
    assert said == ["there already", "there already"]
    assert (once.exit_code, twice.exit_code) == (0, 0)


def test_a_key_that_somebody_may_have_seen_is_replaced(shop: Shop) -> None:
    wamid, before = shop.ask(), shop.form()

    done = CliRunner().invoke(wasl, ["flow", "publish", "--channel", factories.NUMBER, "--new-key"])

    after = shop.form()
    assert done.exit_code == 0
    assert before.fingerprint != after.fingerprint
    assert shop.sim.number(factories.NUMBER).public_key == after.public_key
    assert after.key_taken_at is not None
    assert shop.sim.open_form("fatima", wamid)["trouble"] is None


def test_the_terminal_says_why_it_could_not(merchant: Merchant, simulator: Simulator) -> None:
    factories.introduce(merchant, simulator)
    simulator.fail(190, on="other")

    done = CliRunner().invoke(wasl, ["flow", "publish", "--channel", factories.NUMBER])
    nobody = CliRunner().invoke(wasl, ["flow", "publish", "--channel", "999"])

    assert done.exit_code == 1
    assert "Meta does not take this access token" in done.output
    assert nobody.exit_code == 1


# --- the endpoint ---------------------------------------------------------------------------------


@dataclass
class Phone:
    """Asks the endpoint as Meta's servers do, or as nobody should."""

    client: FlaskClient
    merchant: Merchant
    form: Form
    conversation_id: UUID
    token: str

    def post(self, body: bytes, secret: str = SECRET, where: str = WHERE) -> TestResponse:
        headers = {events.SIGNATURE: events.signature(body, secret)}
        return self.client.post(where, data=body, headers=headers)

    def asks(self, **question: Any) -> tuple[int, Json]:
        whole = {"version": "3.0", "flow_token": self.token, "action": "INIT"} | question
        sent = flow_line.sealed(whole, self.form.public_key)
        answer = self.post(sent.body)
        return answer.status_code, sent.open(answer.data) if answer.data else {}

    def types(self, step: str = "check", **typed: Any) -> Json:
        data = {"step": step, **TYPED, **typed}
        status, told = self.asks(action="data_exchange", screen="ADDRESS", data=data)
        assert status == 200
        return told


@cache
def pair(_whose: str) -> tuple[str, str, str]:
    """Keys as a number gets them; making them takes a tenth of a second."""
    return publishing.new_keys()


def rsa_key() -> str:
    """A public key that is nobody's."""
    return pair("nobody's")[1]


@pytest.fixture
def phone(client: FlaskClient, merchant: Merchant) -> Iterator[Phone]:
    """A number whose form is published, and Fatima, who has been sent it."""
    signatures.forget()
    with db.merchant(merchant.id) as session:
        arrivals.take_in([factories.inbound()])
        conversation = session.scalars(select(Conversation)).one()
        private, public, fingerprint = pair("the number's")
        form = Form(merchant_id=merchant.id, channel_id=conversation.channel_id, flow_id="700")
        form.private_key, form.public_key, form.fingerprint = private, public, fingerprint
        form.state = FormState.PUBLISHED
        session.add(form)
        sent = forms.ask(conversation, text="Où ?", label="Adresse", language="fr")
        assert sent is not None
        token = sent.payload["body"]["action"]["parameters"]["flow_token"]
    yield Phone(client, merchant, form, conversation.id, token)
    signatures.forget()


def test_meta_asks_whether_the_endpoint_is_alive(phone: Phone) -> None:
    assert phone.asks(action="ping") == (200, {"data": {"status": "active"}})


def test_the_form_opens_with_the_last_address(phone: Phone) -> None:
    with db.merchant(phone.merchant.id) as session:
        fatima = Customer(name="Fatima Z.")
        other = Customer(name="Somebody else")
        session.add_all([fatima, other])
        session.flush()
        for card, line in ((fatima, "7 rue Atlas"), (other, "1 rue Secrète")):
            session.add(Address(customer_id=card.id, line=line, city="Fès"))
        session.scalars(select(WhatsAppIdentity)).one().customer_id = fatima.id

    _, told = phone.asks()

    assert told["screen"] == "ADDRESS"
    init = told["data"]["init"]
    assert (init["name"], init["line"], init["city"]) == ("Fatima Z.", "7 rue Atlas", "Fès")
    assert "Secrète" not in json.dumps(told, ensure_ascii=False)


def test_every_field_says_what_is_wrong_with_it(phone: Phone) -> None:
    told = phone.types(name=" ", city="", line="\n", phone="x")

    assert told["data"]["errors"] == {
        "name": "Écrivez votre nom",
        "city": "Écrivez votre ville",
        "line": "Écrivez votre adresse",
    }


def test_what_the_first_screen_would_not_take_the_second_does_not_send(phone: Phone) -> None:
    assert phone.types("send", line="")["screen"] == "ADDRESS"
    assert phone.types("send")["screen"] == "SUCCESS"


def test_a_phone_that_cannot_go_on_is_heard(phone: Phone) -> None:
    data = {"error": "missing-data", "error_message": "label_name"}

    assert phone.asks(data=data) == (200, {"data": {"acknowledged": True}})


def test_who_goes_back_sees_the_first_screen(phone: Phone) -> None:
    assert phone.asks(action="BACK", screen="SUMMARY")[1]["screen"] == "ADDRESS"


def test_without_metas_signature_nothing_is_read(phone: Phone) -> None:
    sent = flow_line.sealed({"action": "ping"}, phone.form.public_key).body

    assert phone.post(sent, secret="another").status_code == 403
    assert phone.client.post(WHERE, data=sent).status_code == 403


def test_an_app_of_another_merchant_signs_for_its_own_numbers_only(phone: Phone) -> None:
    other = factories.merchant("Else", number="2")
    with db.merchant(other.id) as session:
        session.scalars(select(Channel)).one().app_secret = "of-their-own"
    signatures.forget()
    sent = flow_line.sealed({"action": "ping"}, phone.form.public_key).body

    assert phone.post(sent, secret="of-their-own").status_code == 403


def test_a_number_without_a_form_has_no_endpoint(phone: Phone) -> None:
    sent = flow_line.sealed({"action": "ping"}, phone.form.public_key).body

    for where in ("/flows/404", "/flows/" + "9" * 400, "/flows/x%00y"):
        assert phone.post(sent, where=where).status_code == 404


def test_another_key_is_told_as_meta_asks(phone: Phone) -> None:
    assert phone.post(flow_line.sealed({"action": "ping"}, rsa_key()).body).status_code == 421


STRANGE = (
    b"",
    b"null",
    b"[1]",
    b"{}",
    b"\xff\xfe",
    b"[" * 60_000,
    b'{"encrypted_flow_data": 1, "encrypted_aes_key": [], "initial_vector": {}}',
)


def test_a_body_that_asks_nothing_is_refused(phone: Phone) -> None:
    assert [phone.post(body).status_code for body in STRANGE] == [400] * len(STRANGE)


def test_parts_that_are_no_cipher_are_another_key(phone: Phone) -> None:
    right = json.loads(flow_line.sealed({"action": "ping"}, phone.form.public_key).body)

    for name in right:
        for part in ("", "x", "=", "AAAA", "é", "A" * 5000):
            assert phone.post(json.dumps(right | {name: part}).encode()).status_code == 421


def test_a_question_that_is_no_object_is_refused(phone: Phone) -> None:
    strange: tuple[Any, ...] = ([], 7, "INIT", None)
    for asked in strange:
        assert phone.post(flow_line.sealed(asked, phone.form.public_key).body).status_code == 400


def test_whatever_is_typed_is_answered(phone: Phone) -> None:
    strange: tuple[Any, ...] = (None, [], {"a": [1]}, "\x00\ud800", "x" * 9000)
    for value in strange:
        for name in (*screens.FIELDS, "choice", "asked", "step"):
            data = {"step": "check", **TYPED, name: value}
            status, told = phone.asks(action="data_exchange", data=data)
            assert (status, told["screen"] in ("ADDRESS", "SUMMARY")) == (200, True)
        for name in ("action", "data", "screen", "version"):
            assert phone.asks(**{name: value})[0] == 200


def test_a_huge_body_is_not_read(phone: Phone) -> None:
    huge = b"x" * (65 << 10)
    chunked = phone.client.post(
        WHERE,
        input_stream=BytesIO(huge),
        environ_overrides={"wsgi.input_terminated": True},
        headers={events.SIGNATURE: events.signature(huge, SECRET)},
    )

    assert (phone.post(huge).status_code, chunked.status_code) == (413, 413)


def test_a_token_opens_its_own_conversation_only(phone: Phone) -> None:
    other = factories.merchant("Else", number="2")
    with db.merchant(other.id) as session:
        arrivals.take_in([factories.inbound(phone_number_id="2" * 15)])
        theirs = session.scalars(select(Conversation)).one().id
    token = tokens.read(phone.token)
    assert token is not None
    strangers = (
        tokens.write(theirs, token.asked, "address"),
        tokens.write(phone.conversation_id, new_id(), "address"),
        phone.token[:-1] + ("0" if phone.token[-1] != "0" else "1"),
        phone.token.replace("address", "payment"),
        *("", "f1.x", None, 4, ["f1"], "\ud800"),
    )

    for strange in strangers:
        status, told = phone.asks(flow_token=strange)
        assert (status, told) == (427, {"error_msg": words.WORDS["expired"].fr})


def test_a_token_lasts_a_day(phone: Phone) -> None:
    with time_machine.travel(utcnow() + timedelta(hours=23), tick=False):
        assert phone.asks()[0] == 200
    with time_machine.travel(utcnow() + timedelta(hours=25), tick=False):
        assert phone.asks()[0] == 427


def test_nothing_of_the_customer_stands_in_a_log(
    phone: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    phone.types(line="12 rue Ibn Sina", city="Marrakk")
    phone.types("send")
    phone.post(flow_line.sealed({"name": "Fatima"}, rsa_key()).body)

    for secret in ("Fatima", "Ibn Sina", "Marrakk", phone.token, "PRIVATE KEY"):
        assert secret not in caplog.text


def test_the_endpoint_writes_nothing(phone: Phone) -> None:
    with counted() as asked:
        phone.types()
        phone.types("send")

    assert asked
    assert {statement.split()[0] for statement in asked} == {"SELECT"}


# --- what comes back ------------------------------------------------------------------------------


def read_as(phone: Phone, said: Any, **reply: Any) -> forms.Filled | None:
    """What a reply of Fatima's with this in it is read as."""
    body = {"name": "flow", "body": "Sent", "response_json": said} | reply
    payload = {"type": "nfm_reply", "nfm_reply": body}
    event = factories.inbound("Sent", kind="interactive", payload=payload)
    with db.merchant(phone.merchant.id) as session:
        arrivals.take_in([event])
        return forms.read(
            session.scalars(select(Message).where(Message.wamid == event.wamid)).one()
        )


def test_a_reply_is_read_even_when_its_form_ran_out(phone: Phone) -> None:
    said = json.dumps({"flow_token": phone.token, **TYPED, "landmark": "près du souk"})

    with time_machine.travel(utcnow() + timedelta(hours=30), tick=False):
        filled = read_as(phone, said)

    assert filled is not None
    assert filled.address == "12 rue Ibn Sina, près du souk"


def test_a_reply_that_is_none_of_ours_is_no_address(phone: Phone) -> None:
    other = tokens.write(new_id(), new_id(), "address")
    strange: tuple[Any, ...] = ("[1, {", "null", "[]", "7", "[" * 200_000, None, 5, {})
    for said in (
        json.dumps(TYPED),
        json.dumps({"flow_token": other, **TYPED}),
        json.dumps({"flow_token": phone.token, "name": "Fatima", "city": "Fès"}),
        json.dumps({"flow_token": phone.token, **TYPED, "line": {"a": 1}}),
        *strange,
    ):
        assert read_as(phone, said) is None


def test_it_is_sent_only_where_it_can_be_opened(phone: Phone) -> None:
    def sent(hours: int = 0) -> Message | None:
        with db.merchant(phone.merchant.id) as session:
            conversation = session.scalars(select(Conversation)).one()
            with time_machine.travel(utcnow() + timedelta(hours=hours), tick=False):
                return forms.ask(conversation, text="Où ?", label="Adresse", language="fr")

    assert sent() is not None
    assert sent(hours=25) is None
    for state in set(FormState) - {FormState.PUBLISHED}:
        with db.merchant(phone.merchant.id) as session:
            session.scalars(select(Form)).one().state = state
        assert sent() is None


# --- what it says ---------------------------------------------------------------------------------


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_word_is_as_short_as_the_phone_shows_it(language: str) -> None:
    long = {
        name: words.said(name, language)
        for name, word in words.WORDS.items()
        if not 0 < len(words.said(name, language)) <= word.most
    }

    assert long == {}


def test_metas_rules_are_kept_by_the_screens() -> None:
    form, errors = flow_checks.read(screens.flow_json("Boutique " * 20).encode())

    assert errors == []
    assert form is not None
    assert {len(screen["title"]) for screen in form["screens"]} == {screens.TITLE}


def test_whoever_sees_only_their_orders_sees_no_key(phone: Phone, agent: Any) -> None:
    db.begin(phone.merchant.id, only=agent.id)

    assert db.session().scalars(select(Form)).all() == []
    db.close()
