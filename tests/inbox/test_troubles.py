"""The page of what went wrong: by cause, one by one and by the hundred, undone, and told truly."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from flows import bulk, clock, invariants, messages, outbox, runs, statuses, tracing, troubles
from flows.callbacks import write
from flows.events import Person, Status
from flows.letters import Outcome
from models import db
from models.audit import AuditEntry
from models.automation import Run, RunState
from models.channel import Channel
from models.customer import Customer
from models.envelope import Envelope, EnvelopeState
from models.merchant import Merchant
from models.message import Attempt, Message, Sending
from models.notification import Notification
from models.order import Order
from models.pipeline import SystemState
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop

Browser = Callable[[Membership], FlaskClient]
Make = Callable[..., Message]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial", "Accept-Language": "en"}
ENGLISH = {"Accept-Language": "en"}
UNKNOWN = Outcome("unknown", detail="reset by peer")


@pytest.fixture
def troubled(merchant: Merchant) -> Make:
    """A text that failed or whose end nobody knows, after one try; keywords are its columns."""

    def make(sending: Sending = Sending.FAILED, who: str = "Fatima", **values: Any) -> Message:
        with db.merchant(merchant.id):
            number = f"2126{int(hashlib.sha256(who.encode()).hexdigest(), 16) % 10**8:08d}"
            talk = shop.conversation(sender=factories.person(who, number))
            talk.identity.customer = Customer()
            talk.identity.customer.rename(who)
            message = messages.queue_text(talk, f"Bonjour {who}")
            (letter,) = messages.claim(talk.channel_id)
            messages.conclude([(letter, UNKNOWN)])
            if sending is Sending.FAILED:
                message.sending, message.failed_at = sending, utcnow()
                message.reason, message.error_code = "undeliverable", 131026
                message.error_detail = "Message undeliverable"
            for name, value in values.items():
                setattr(message, name, value)
        return message

    return make


@pytest.fixture
def asked(merchant: Merchant) -> Callable[..., Run]:
    """A run whose message ended so."""
    with db.merchant(merchant.id):
        shop.automation(timeout=3600)

    def make(sending: Sending, **deed: Any) -> Run:
        with db.merchant(merchant.id):
            talk = shop.conversation()
            order = shop.order((None, 1), on=SystemState.TO_CONFIRM, talk=talk)
            (run,) = shop.runs_of(order)
            run.automation.on_failure = {"not_on_whatsapp": deed} if deed else {}
            (letter,) = messages.claim(talk.channel_id)
            code = None if sending is Sending.UNCERTAIN else 131026
            ending = Outcome("unknown" if code is None else "refused", code=code)
            messages.conclude([(letter, ending)])
        with db.merchant(merchant.id) as session:
            found = session.get_one(Run, (merchant.id, run.id))
            assert found.message is not None
            return found

    return make


def now(merchant: Merchant, message: Message) -> Message:
    with db.merchant(merchant.id) as session:
        return session.get_one(Message, (merchant.id, message.id))


def deal(client: FlaskClient, what: str, *ids: UUID, **form: str) -> Any:
    data = {"what": what, "ids": [str(id_) for id_ in ids]} | form
    return client.post("/troubles/messages", data=data, headers=HTMX)


def notes(merchant: Merchant) -> list[tuple[str, str, Any]]:
    with db.merchant(merchant.id) as session:
        lines = session.scalars(select(AuditEntry).order_by(AuditEntry.at, AuditEntry.id))
        return [(e.kind, e.by_name, e.after) for e in lines if e.room == "troubles"]


def told(merchant: Merchant, message: Message, status: str) -> None:
    """Meta reports on the message's first attempt."""
    with db.merchant(merchant.id) as session:
        channel = session.get_one(Channel, (merchant.id, message.channel_id))
        said = Status(
            phone_number_id=channel.phone_number_id,
            waba_id=channel.waba_id,
            field="messages",
            wamid=f"wamid.of.{message.id}",
            status=status,
            at=utcnow(),
            recipient=Person(wa_id="212661234567"),
            callback=write(message.id, 1),
            errors=({"code": 131026, "title": "Message undeliverable"},)
            if status == "failed"
            else (),
        )
        statuses.apply([(channel, said)])


# --- what the page shows --------------------------------------------------------------------------


def test_nothing_is_stuck_is_said_kindly_and_the_badge_is_empty(
    agent: Membership, signed_in: Browser
) -> None:
    client = signed_in(agent)

    assert "Nothing is stuck" in client.get("/troubles", headers=ENGLISH).text
    assert client.get("/troubles/count", headers=ENGLISH).text == ""


def test_troubles_are_grouped_by_cause_with_what_to_do(
    agent: Membership, troubled: Make, signed_in: Browser
) -> None:
    troubled(who="Fatima")
    troubled(who="Hicham")
    troubled(Sending.UNCERTAIN, who="Nadia")
    client = signed_in(agent)

    page = client.get("/troubles", headers=ENGLISH).text
    causes = [unescape(url) for url in re.findall(r'class="cause" href="([^"]+)"', page)]

    assert causes == [
        "/troubles/messages?state=uncertain&cause=no_answer",
        "/troubles/messages?state=failed&cause=undeliverable",
    ]
    assert "Meta did not answer clearly: it may have been sent." in page
    assert "Call the customer or send an SMS." in page
    assert re.findall(r'class="badge" dir="ltr">(\d+)<', page)[-2:] == ["1", "2"]
    assert client.get("/troubles/count").text == "3"


def test_what_failed_is_not_said_to_wait(
    agent: Membership, troubled: Make, signed_in: Browser
) -> None:
    limited = troubled(who="Fatima", reason="ecosystem", error_code=131049)
    troubled(who="Hicham", reason="no_connection", error_code=None)
    client = signed_in(agent)

    page = client.get("/troubles", headers=ENGLISH).text
    cause = client.get("/troubles/messages?state=failed&cause=ecosystem", headers=ENGLISH).text
    talk = client.get(f"/inbox/{limited.conversation_id}", headers=ENGLISH).text

    assert "Send it again if it still matters." in page
    for text in (page, cause, talk):
        assert "Wait a day before you send it again, or call the customer." in text
        assert "is tried" not in text


def test_a_cause_shows_each_message_with_what_meta_said_and_where_it_is(
    agent: Membership, troubled: Make, signed_in: Browser
) -> None:
    message = troubled(who="Fatima")

    url = "/troubles/messages?state=failed&cause=undeliverable"
    page = signed_in(agent).get(url, headers=ENGLISH).text

    row = page[page.index(f'id="row-{message.id}"') :].partition("</tr>")[0]
    assert f"/inbox/{message.conversation_id}#m-{message.id}" in row
    for words in ("Fatima", "Bonjour Fatima", "Code 131026", "Message undeliverable"):
        assert words in row


def test_the_run_behind_a_message_and_its_order_are_linked(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked(Sending.FAILED)
    with db.merchant(merchant.id) as session:
        number = session.get_one(Order, (merchant.id, run.order_id)).number

    url = "/troubles/messages?state=failed&cause=undeliverable"
    page = signed_in(agent).get(url, headers=ENGLISH).text

    assert f'href="/runs/{run.id}"' in page
    assert f'href="/orders/{number}"' in page


def test_pages_follow_each_other_without_gap_or_repetition(
    merchant: Merchant,
    agent: Membership,
    troubled: Make,
    signed_in: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = [troubled(who=f"Client {n}") for n in range(3)]
    monkeypatch.setattr(troubles, "PAGE", 2)
    client, url = signed_in(agent), "/troubles/messages?state=failed&cause=undeliverable"

    first = client.get(url, headers=HTMX).text
    onward = re.search(r'hx-get="([^"]*before=[^"]*)"', first)
    assert onward is not None
    second = client.get(unescape(onward[1]), headers=HTMX).text

    shown = re.findall(r'id="row-([^"]+)"', first) + re.findall(r'id="row-([^"]+)"', second)
    assert shown == [str(message.id) for message in reversed(made)]


def test_a_page_of_many_asks_no_more_questions_than_one_of_few(
    merchant: Merchant, agent: Membership, troubled: Make, signed_in: Browser
) -> None:
    client, url = signed_in(agent), "/troubles/messages?state=failed&cause=undeliverable"

    def questions() -> int:
        asked: list[str] = []
        engine = db._engine("wasl_app")
        note = lambda *args: asked.append(args[2])  # noqa: E731 - removed by its name below
        event.listen(engine, "before_cursor_execute", note)
        try:
            assert client.get(url, headers=HTMX).status_code == 200
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return len(asked)

    troubled(who="Client 0")
    few = questions()
    for n in range(1, 5):
        troubled(who=f"Client {n}")

    assert questions() == few


def test_causes_are_counted_from_the_index_alone(
    merchant: Merchant, troubled: Make, owner_connection: psycopg.Connection
) -> None:
    troubled()
    asked: list[tuple[str, Any]] = []
    with db.merchant(merchant.id) as session:
        engine = session.get_bind()
        note = lambda *args: asked.append((args[2], args[3]))  # noqa: E731 - removed below
        event.listen(engine, "before_cursor_execute", note)
        troubles.groups()
        event.remove(engine, "before_cursor_execute", note)
        statement, values = asked[-1]
        connection = session.connection()
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        plan = "\n".join(
            row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values)
        )

    assert "Index Only Scan using ix_messages_stuck" in plan


def test_the_bell_of_an_uncertain_message_leads_here(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked(Sending.UNCERTAIN)
    runs.go_off(merchant.id, utcnow() + timedelta(minutes=3))
    with db.merchant(merchant.id) as session:
        rung = session.scalars(select(Notification).where(Notification.run_id == run.id)).first()
        assert rung is not None

    answer = signed_in(agent).get(f"/notifications/{rung.id}")

    assert answer.headers["Location"] == "/troubles"


def test_who_may_not_answer_or_move_does_not_see_the_page(
    merchant: Merchant, signed_in: Browser
) -> None:
    viewer = factories.member(merchant, "viewer")

    assert signed_in(viewer).get("/troubles").status_code == 403


# --- one by one -----------------------------------------------------------------------------------


def test_an_uncertain_message_is_marked_as_sent_on_a_persons_word_and_undone(
    merchant: Merchant, agent: Membership, troubled: Make, signed_in: Browser
) -> None:
    message = troubled(Sending.UNCERTAIN)
    client = signed_in(agent)

    answer = deal(client, "sent", message.id, reason="She called")
    marked = now(merchant, message)
    page = client.get(f"/inbox/{message.conversation_id}", headers=ENGLISH).text
    broken = [check for check in invariants.check() if not check.holds]

    assert answer.status_code == 200
    assert (marked.sending, marked.wamid, marked.settled_note) == ("accepted", None, "She called")
    assert "Marked as sent by <bdi>Salma</bdi>: <bdi>She called</bdi>" in page
    assert broken == []
    undo = json.loads(answer.headers["HX-Trigger"])["undoable"]["url"]
    client.post(undo, headers=HTMX)
    again = now(merchant, message)
    assert (again.sending, again.reason, again.settled_at) == ("uncertain", "no_answer", None)


def test_silence_counts_from_when_a_marked_message_was_tried(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked(Sending.UNCERTAIN)
    assert run.message is not None

    deal(signed_in(agent), "sent", run.message.id)

    with db.merchant(merchant.id) as session:
        found = session.get_one(Run, (merchant.id, run.id))
        tried = session.scalars(select(Attempt.claimed_at)).one()
        assert found.state is RunState.SENT
        assert found.timeout_at is not None
        assert (found.timeout_at - tried).total_seconds() == 3600


def test_what_failed_cannot_be_marked_as_sent(
    merchant: Merchant, agent: Membership, troubled: Make, signed_in: Browser
) -> None:
    message = troubled()

    assert deal(signed_in(agent), "sent", message.id).status_code == 409
    assert now(merchant, message).sending is Sending.FAILED


def test_a_discard_wants_a_reason_and_takes_the_message_off_the_page(
    merchant: Merchant, agent: Membership, troubled: Make, signed_in: Browser
) -> None:
    message = troubled()
    client = signed_in(agent)

    without = deal(client, "discard", message.id)
    answer = deal(client, "discard", message.id, reason="  Called\nher ")

    assert without.status_code == 409
    assert answer.status_code == 200
    put_aside = now(merchant, message)
    assert (put_aside.sending, put_aside.settled_note) == ("discarded", "Called her")
    assert put_aside.settled_by_id == agent.id
    assert client.get("/troubles/count").text == ""
    undo = json.loads(answer.headers["HX-Trigger"])["undoable"]["url"]
    client.post(undo, headers=HTMX)
    assert now(merchant, message).sending is Sending.FAILED
    assert notes(merchant) == [
        ("troubles.message_discard", "Salma", {"reason": "Called her"}),
        ("troubles.message_reopen", "Salma", {}),
    ]


def test_sent_again_it_waits_to_leave_and_an_old_discard_is_forgotten(
    merchant: Merchant, agent: Membership, troubled: Make, signed_in: Browser
) -> None:
    message = troubled(Sending.UNCERTAIN)

    answer = deal(signed_in(agent), "again", message.id)

    assert answer.status_code == 200
    assert now(merchant, message).sending is Sending.QUEUED
    assert notes(merchant) == [("troubles.message_again", "Salma", {})]


def test_outside_the_window_nothing_is_sent_again(
    merchant: Merchant, agent: Membership, troubled: Make, signed_in: Browser
) -> None:
    message = troubled()
    with db.merchant(merchant.id) as session:
        talk = session.get_one(Message, (merchant.id, message.id)).conversation
        talk.last_inbound_at = None

    answer = deal(signed_in(agent), "again", message.id)

    assert answer.status_code == 409
    assert now(merchant, message).sending is Sending.FAILED


def test_an_automations_failed_message_is_written_anew_and_the_old_one_leaves_the_page(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked(Sending.FAILED)
    assert run.message is not None
    client = signed_in(agent)

    deal(client, "again", run.message.id)

    with db.merchant(merchant.id) as session:
        found = session.get_one(Run, (merchant.id, run.id))
        assert found.message_id != run.message.id
        assert found.state is RunState.SCHEDULED
    assert client.get("/troubles/count").text == ""


@pytest.mark.parametrize("do", ["wait", "template"])
def test_what_an_automation_deals_with_itself_troubles_nobody(
    do: str,
    merchant: Merchant,
    agent: Membership,
    asked: Callable[..., Run],
    signed_in: Browser,
) -> None:
    with db.merchant(merchant.id) as session:
        other = shop.template()
        session.flush()
        deed = {"do": do, "hours": 2, "template_id": str(other.id), "variables": shop.MAPPING}
    run = asked(Sending.FAILED, **deed)
    client = signed_in(agent)
    assert client.get("/troubles/count").text == "1"

    runs.go_off(merchant.id)

    assert client.get("/troubles/count").text == ""
    assert run.message is not None
    assert now(merchant, run.message).sending is Sending.FAILED


def test_an_automations_message_is_not_sent_again_once_the_order_has_left(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked(Sending.UNCERTAIN)
    assert run.message is not None
    with db.merchant(merchant.id) as session:
        order = session.get_one(Order, (merchant.id, run.order_id))
        order.stage = shop.stage(SystemState.CONFIRMED)

    answer = deal(signed_in(agent), "again", run.message.id)

    assert answer.status_code == 409
    assert now(merchant, run.message).sending is Sending.UNCERTAIN


def test_a_discarded_failure_lowers_the_orders_flag_and_starts_no_timer(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked(Sending.FAILED)
    runs.go_off(merchant.id)
    assert run.message is not None

    deal(signed_in(agent), "discard", run.message.id, reason="Called")
    runs.go_off(merchant.id)

    with db.merchant(merchant.id) as session:
        found = session.get_one(Run, (merchant.id, run.id))
        assert (found.state, found.timeout_at) == (RunState.CANCELLED, None)
        assert found.order.flags == []


# --- Meta has the last word -----------------------------------------------------------------------


@pytest.mark.parametrize("what", ["sent", "discard"])
@pytest.mark.parametrize(("status", "ending"), [("delivered", "accepted"), ("failed", "failed")])
def test_a_late_status_tells_how_it_truly_ended(
    what: str,
    status: str,
    ending: str,
    merchant: Merchant,
    agent: Membership,
    troubled: Make,
    signed_in: Browser,
) -> None:
    message = troubled(Sending.UNCERTAIN)
    deal(signed_in(agent), what, message.id, reason="Called")

    told(merchant, message, status)

    true = now(merchant, message)
    assert (true.sending, true.wamid) == (ending, f"wamid.of.{message.id}")
    # Somebody believed that it had arrived: it is a trouble again. Who put it aside need not know.
    assert true.troubled == (what == "sent" and status == "failed")
    assert [
        check for check in invariants.check() if not check.holds and "charge" not in check.name
    ] == []


# --- by the hundred -------------------------------------------------------------------------------


def test_all_of_a_cause_are_discarded_by_a_worker_each_with_its_result_and_undone(
    merchant: Merchant, owner: Membership, troubled: Make, signed_in: Browser
) -> None:
    made = [troubled(who=f"Client {n}") for n in range(4)]
    other = troubled(Sending.UNCERTAIN, who="Nadia")
    client = signed_in(owner)
    query = "state=failed&cause=undeliverable"

    begun = deal(client, "discard", all="1", query=query, reason="Old")
    told(merchant, made[0], "delivered")
    bulk.drain(merchant.id)
    url = re.search(r'hx-get="(/bulk/[^"]+)"', begun.text)
    assert url is not None
    after = client.get(url[1], headers=HTMX).text

    assert [now(merchant, m).sending.value for m in made] == ["accepted", *["discarded"] * 3]  # type: ignore[union-attr]
    assert now(merchant, other).sending is Sending.UNCERTAIN
    assert "1 message was left as it is" in after
    assert f'href="/inbox/{made[0].conversation_id}"' in after
    assert notes(merchant) == [("troubles.messages_discard", "Omar", {"count": 4, "reason": "Old"})]
    client.post(f"{url[1]}/undo", headers=HTMX)
    bulk.drain(merchant.id)
    assert [now(merchant, m).sending.value for m in made[1:]] == ["failed"] * 3  # type: ignore[union-attr]


def test_only_the_selected_ones_are_sent_again(
    merchant: Merchant, agent: Membership, troubled: Make, signed_in: Browser
) -> None:
    made = [troubled(who=f"Client {n}") for n in range(3)]

    deal(signed_in(agent), "again", made[0].id, made[1].id)
    bulk.drain(merchant.id)

    states = [now(merchant, m).sending for m in made]
    assert states == [Sending.QUEUED, Sending.QUEUED, Sending.FAILED]


def test_nothing_selected_is_refused(agent: Membership, signed_in: Browser) -> None:
    assert deal(signed_in(agent), "again").status_code == 409


# --- runs that wrote nothing ----------------------------------------------------------------------


@pytest.fixture
def unwritten(merchant: Merchant) -> Run:
    """A run that found nobody to write to."""
    with db.merchant(merchant.id):
        shop.automation()
        order = shop.order((None, 1), on=SystemState.TO_CONFIRM, ship_phone="")
        (run,) = shop.runs_of(order)
    runs.go_off(merchant.id)
    with db.merchant(merchant.id) as session:
        found = session.get_one(Run, (merchant.id, run.id))
        assert found.failure == "no_phone"
        assert found.order.flags == ["action_failed"]
        return found


def test_a_run_that_wrote_nothing_is_put_aside_and_taken_up_again(
    merchant: Merchant, agent: Membership, unwritten: Run, signed_in: Browser
) -> None:
    client = signed_in(agent)
    page = client.get("/troubles", headers=ENGLISH).text
    assert "/troubles/runs?cause=no_phone" in page
    assert f'id="row-{unwritten.id}"' in client.get("/troubles/runs?cause=no_phone").text

    form = {"what": "discard", "ids": str(unwritten.id), "reason": "Called"}
    answer = client.post("/troubles/runs", data=form, headers=HTMX)

    with db.merchant(merchant.id) as session:
        run = session.get_one(Run, (merchant.id, unwritten.id))
        assert (run.state, run.settled_note, run.order.flags) == ("failed", "Called", [])
    assert client.get("/troubles/count").text == ""
    client.post(json.loads(answer.headers["HX-Trigger"])["undoable"]["url"], headers=HTMX)
    assert client.get("/troubles/count").text == "1"


def test_a_run_is_written_anew_once_it_can_be(
    merchant: Merchant, agent: Membership, unwritten: Run, signed_in: Browser
) -> None:
    with db.merchant(merchant.id) as session:
        session.get_one(Order, (merchant.id, unwritten.order_id)).ship_phone = "+212661234567"

    form = {"what": "again", "ids": str(unwritten.id)}
    signed_in(agent).post("/troubles/runs", data=form, headers=HTMX)
    runs.go_off(merchant.id)

    with db.merchant(merchant.id) as session:
        run = session.get_one(Run, (merchant.id, unwritten.id))
        assert (run.failure, run.message is not None) == (None, True)


# --- bodies that could not be read ----------------------------------------------------------------


@pytest.fixture
def body(merchant: Merchant, stranger: Membership) -> int:
    """A body of two merchants' numbers, in which ours fails."""
    written = {"id": "wamid.lost", "type": "text", "text": {"body": "<b>Salam</b>"}}
    ours = {"metadata": {"phone_number_id": "1" * 15}, "messages": [written]}
    theirs = {"metadata": {"phone_number_id": "2" * 15}, "messages": [{"id": "wamid.theirs"}]}
    entry = [{"id": "9" + "1" * 14, "changes": [{"value": ours}, {"value": theirs}]}]
    return aside(json.dumps({"entry": entry}).encode(), concerns=[merchant.id])


def aside(content: bytes, **values: Any) -> int:
    with db.house() as house:
        made = Envelope(body=content, sha256=hashlib.sha256(content).digest(), **values)
        made.state, made.attempts = EnvelopeState.QUARANTINED, 3
        made.error = "IntegrityError: no"
        house.add(made)
        house.flush()
        return made.id


def state(envelope_id: int) -> EnvelopeState:
    with db.house() as house:
        return house.get_one(Envelope, envelope_id).state


def test_an_event_that_fails_puts_its_body_aside_for_its_merchant(
    merchant: Merchant,
    owner: Membership,
    simulator: Any,
    work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    signed_in: Browser,
) -> None:
    from flows import conversations

    def broken(*_: Any) -> None:
        raise RuntimeError("poisoned")

    monkeypatch.setattr(conversations, "receive", broken)
    value = {
        "metadata": {"phone_number_id": "1" * 15},
        "messages": [{"id": "wamid.p", "from": "1"}],
    }
    told = {"entry": [{"id": "9" + "1" * 14, "changes": [{"field": "messages", "value": value}]}]}
    content = json.dumps(told).encode()
    with db.house() as house:
        house.add(Envelope(body=content, sha256=hashlib.sha256(content).digest()))
    outbox.nudge("ingest")
    work()

    page = signed_in(owner).get("/troubles/bodies", headers=ENGLISH).text

    assert "RuntimeError" in page
    assert "poisoned" not in page  # it may be another merchant's


def test_the_owner_sees_why_it_failed_and_only_what_is_theirs_of_it(
    owner: Membership, stranger: Membership, agent: Membership, body: int, signed_in: Browser
) -> None:
    page = signed_in(owner).get(f"/troubles/bodies/{body}", headers=ENGLISH).text

    assert "IntegrityError" in page
    assert "IntegrityError: no" not in page
    assert "Not stored" in page
    assert "&lt;b&gt;Salam&lt;/b&gt;" in page
    assert "<b>Salam" not in page
    assert "wamid.theirs" not in page
    assert signed_in(stranger).get(f"/troubles/bodies/{body}").status_code == 404
    assert signed_in(agent).get(f"/troubles/bodies/{body}").status_code == 403


def test_a_body_is_read_again_or_put_aside_with_a_reason(
    merchant: Merchant, owner: Membership, body: int, signed_in: Browser
) -> None:
    client = signed_in(owner)

    client.post(f"/troubles/bodies/{body}/again", headers={"Sec-Fetch-Site": "same-origin"})
    assert state(body) is EnvelopeState.NEW
    with db.house() as house:
        house.get_one(Envelope, body).state = EnvelopeState.QUARANTINED
    url, same = f"/troubles/bodies/{body}/discard", {"Sec-Fetch-Site": "same-origin"}
    assert client.post(url, headers=same).status_code == 409
    client.post(url, data={"reason": "A test"}, headers=same)

    assert state(body) is EnvelopeState.DISMISSED
    assert [kind for kind, *_ in notes(merchant)] == [
        "troubles.body_again",
        "troubles.body_discard",
    ]


def test_a_body_with_what_no_page_and_no_database_takes_is_shown(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    item = '{"id": "wamid.\\ud800\\u0000", "type": "\\udfff", "timestamp": "99999999999999"}'
    value = f'{{"metadata": {{"phone_number_id": "{"1" * 15}"}}, "messages": [{item}]}}'
    odd = aside(
        f'{{"entry": [{{"changes": [{{"value": {value}}}]}}]}}'.encode(), concerns=[merchant.id]
    )

    answer = signed_in(owner).get(f"/troubles/bodies/{odd}", headers=ENGLISH)

    assert answer.status_code == 200
    assert "wamid.\ufffd\ufffd" in answer.text


def test_who_puts_a_body_aside_does_so_for_themselves_only(
    merchant: Merchant, owner: Membership, stranger: Membership, signed_in: Browser
) -> None:
    shared = aside(b'{"entry": []}', concerns=[merchant.id, stranger.merchant_id])

    form, same = {"reason": "Ours is fine"}, {"Sec-Fetch-Site": "same-origin"}
    signed_in(owner).post(f"/troubles/bodies/{shared}/discard", data=form, headers=same)

    assert state(shared) is EnvelopeState.QUARANTINED
    assert signed_in(owner).get(f"/troubles/bodies/{shared}").status_code == 404
    assert signed_in(stranger).get(f"/troubles/bodies/{shared}").status_code == 200


def test_what_another_app_signed_is_not_shown(
    merchant: Merchant, owner: Membership, stranger: Membership, signed_in: Browser
) -> None:
    foreign = aside(b"{}", concerns=[merchant.id], signed_for=[stranger.merchant_id])

    assert signed_in(owner).get(f"/troubles/bodies/{foreign}").status_code == 404


def test_the_terminal_lists_reads_again_and_discards_what_is_nobodys() -> None:
    from click.testing import CliRunner

    from cli import wasl

    nobodys = aside(b"no JSON")
    run = CliRunner().invoke

    listed = run(wasl, ["envelopes", "list"]).output
    shown = run(wasl, ["envelopes", "show", str(nobodys)]).output
    read = run(wasl, ["envelopes", "read", str(nobodys)])
    was = state(nobodys)
    with db.house() as house:
        house.get_one(Envelope, nobodys).state = EnvelopeState.UNROUTED
    run(wasl, ["envelopes", "discard", str(nobodys), "--reason", "A robot"])

    assert re.search(rf"^{nobodys}  .*  quarantined  3 tries  7 bytes", listed)
    assert shown == "no JSON\n"
    assert (read.output, was) == ("1 will be read again\n", EnvelopeState.NEW)
    assert state(nobodys) is EnvelopeState.DISMISSED


def test_a_trace_tells_of_a_wamid_that_stands_in_a_body_nobody_read(body: int) -> None:
    lines = list(tracing.trace("wamid.lost"))

    assert len(lines) == 1
    assert f"envelope {body} " in lines[0]
    assert "quarantined: IntegrityError: no" in lines[0]


def test_what_was_put_aside_leaves_after_thirty_days(owner_connection: psycopg.Connection) -> None:
    old = aside(b"{}")
    troubles.aside.discard([old], "A robot")
    owner_connection.execute("UPDATE envelopes SET settled_at = now() - interval '31 days'")

    clock.prune()

    with db.house() as house:
        assert house.get(Envelope, old) is None
