"""A process dies at every window between a promise and its proof; the next ones go on.

Real processes, killed by themselves where flows/crashpoints.py names a place. Afterwards every
invariant holds, and our tables say what Meta's own ledger says.
"""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import time_machine
from sqlalchemy import func, select, update

from bot import client as meta
from bot.simulator import Simulator, create_simulator, listen
from config import settings
from flows import bulk, callbacks, channels, conversations, invariants, mail, messages, outbox
from flows import templates as library
from flows.crashpoints import PLACES
from models import db
from models.automation import Run
from models.bulk import Bulk, BulkItem, BulkState
from models.channel import Channel
from models.conversation import Conversation
from models.errand import Errand
from models.mail import Mail, MailState
from models.merchant import Merchant
from models.message import Direction, Media, MediaState, Message, MessageStatus, ReadMark, Sending
from models.order import Order
from models.pipeline import SystemState
from models.template import MessageTemplate
from models.timeline import Entry
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.crashes.mortals import Mortal, Mortals
from tests.flows import shop
from tests.mailbox import Mailbox, open_mailbox

NEW, TO_CONFIRM = SystemState.NEW, SystemState.TO_CONFIRM
LATER = timedelta(minutes=6)
"""When every lease of a process that died is over."""


@dataclass
class Trial:
    """A merchant whose number Meta knows, and a process that is about to die."""

    merchant: Merchant
    agent: Membership
    simulator: Simulator
    mortals: Mortals
    graph: str
    log: Path
    door: Door
    mailbox: Mailbox
    browser: Any
    kept: dict[str, Any] = field(default_factory=dict)
    meanwhile: Counter[Sending | None] = field(default_factory=Counter)
    """How our messages stood when all leases were over and Meta had not yet told of them."""

    # --- to die, and to go on ---------------------------------------------------------------------

    def dies(self, place: str, role: str, doing: Callable[[Trial], None]) -> None:
        planned = {"WASL_CRASH": place, "WASL_CRASH_LOG": str(self.log)}
        process = self.mortals.start(role, META_GRAPH_URL=self.graph, **planned)
        self.door.process = process
        with suppress(httpx.TransportError):
            doing(self)
        code = self.mortals.ended()
        self.door.process = None

        assert code == -signal.SIGKILL
        assert self.log.read_text() == f"{place} {process.pid}\n"

    def goes_on(self) -> None:
        """Others take over: first when leases are over, then when Meta tells us again."""
        self._work_off()
        self.meanwhile = Counter(self.messages())
        for _ in range(5):
            if not self.simulator.deliver():
                return
            self._work_off()
        raise AssertionError("it never gets quiet")

    def _work_off(self) -> None:
        factories.work()
        self._flags_run_out()
        with time_machine.travel(utcnow() + LATER):
            outbox.sweep()
            factories.work()

    def _flags_run_out(self) -> None:
        redis = outbox.connection()
        for flag in redis.scan_iter("wake:*"):
            assert 0 < redis.ttl(flag) <= outbox.WAKE_SECONDS
            redis.delete(flag)

    # --- what there is ----------------------------------------------------------------------------

    def all(self, what: Any) -> list[Any]:
        with db.merchant(self.merchant.id) as session:
            return list(session.scalars(what))

    def messages(self) -> list[Sending | None]:
        return self.all(select(Message.sending).where(Message.direction == Direction.OUT))

    def accepted(self) -> Counter[UUID]:
        """How often Meta accepted each message of ours."""
        told = (callbacks.read(r["callback"]) for r in self.simulator.ledger.records("accepted"))
        return Counter(found[0] for found in told if found)

    def check(self) -> None:
        """Every invariant holds, and our tables say what Meta's ledger says."""
        assert [check.name for check in invariants.check() if not check.holds] == []
        self._what_meta_got_200_for_is_stored_once()
        self._nothing_is_sent_twice_or_forgotten()

    def _what_meta_got_200_for_is_stored_once(self) -> None:
        acked = {
            name.partition("#")[0]
            for record in self.simulator.ledger.records("posted")
            if record["answer"] == 200
            for name in record["events"]
        }
        events = [record["event"] for record in self.simulator.ledger.records("event")]
        assert {event["id"] for event in events} == acked
        values = [event["value"] for event in events]
        written = [m["id"] for value in values for m in value.get("messages", [])]
        told = {(s["id"], s["status"]) for value in values for s in value.get("statuses", [])}
        inbound = select(Message.wamid).where(Message.direction == Direction.IN)

        assert sorted(self.all(inbound)) == sorted(written)
        with db.merchant(self.merchant.id) as session:
            kept = session.execute(select(MessageStatus.wamid, MessageStatus.status)).all()
        assert sorted(map(tuple, kept)) == sorted(told)

    def _nothing_is_sent_twice_or_forgotten(self) -> None:
        accepted = self.accepted()
        ours = self.all(select(Message).where(Message.direction == Direction.OUT))
        known = {message.id for message in ours if message.sending is Sending.ACCEPTED}
        ended = (Sending.ACCEPTED, Sending.FAILED, Sending.UNCERTAIN)

        assert set(accepted.values()) <= {1}
        assert {message.sending for message in ours} <= set(ended)
        assert known == set(accepted)


@dataclass
class Door:
    """Meta's way to the webhook: to the process that is about to die, else to one that lives."""

    app: Any
    process: Mortal | None = None

    def __call__(self, _: str, body: bytes, headers: dict[str, str]) -> int:
        if self.process is None:
            answer = self.app.test_client().post("/webhooks/whatsapp", data=body, headers=headers)
            return int(answer.status_code)
        return httpx.post(
            self.address("/webhooks/whatsapp"), content=body, headers=headers
        ).status_code

    def address(self, path: str) -> str:
        assert self.process is not None
        return f"http://127.0.0.1:{self.process.port}{path}"


@pytest.fixture(scope="module")
def mortals() -> Iterator[Mortals]:
    found = Mortals()
    yield found
    found.close()


@pytest.fixture
def trial(
    app: Any,
    merchant: Merchant,
    agent: Membership,
    mortals: Mortals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Trial]:
    door = Door(app)
    simulator = create_simulator(
        webhook_url="http://wasl.test", app_secret=settings().app_secrets[0], post=door
    )
    factories.introduce(merchant, simulator)
    server = listen(simulator)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    meta.reach(lambda: httpx.WSGITransport(app=simulator.app))
    graph = f"http://127.0.0.1:{server.port}"
    with open_mailbox(monkeypatch) as mailbox:
        factories.work()
        browser = factories.signed_in(agent)[0]
        yield Trial(
            merchant, agent, simulator, mortals, graph, tmp_path / "log", door, mailbox, browser
        )
    meta.reach(meta._to_meta)
    server.shutdown()
    server.server_close()
    simulator.stop()


# --- what the process was about when it died ------------------------------------------------------


def nothing(_: Trial) -> None:
    """The worker or the clock does by itself what waits for it."""


def written(trial: Trial) -> None:
    """Fatima's message waits at Meta."""
    trial.simulator.write("fatima", "Salam", to=factories.NUMBER)


def posts(trial: Trial) -> None:
    trial.simulator.deliver()


def kept(trial: Trial) -> None:
    """Fatima's message is on disk, unread."""
    written(trial)
    posts(trial)


def talking(trial: Trial) -> UUID:
    kept(trial)
    factories.work()
    with db.merchant(trial.merchant.id) as session:
        return session.scalars(select(Conversation.id)).one()


def answered(trial: Trial) -> None:
    """An agent's answer waits to leave."""
    talk = talking(trial)
    with db.merchant(trial.merchant.id) as session:
        messages.queue_text(session.get_one(Conversation, (trial.merchant.id, talk)), "Bonjour !")


def opened(trial: Trial) -> None:
    """An agent has read what Fatima wrote; Meta is to be told."""
    talk = talking(trial)
    with db.merchant(trial.merchant.id) as session:
        conversations.mark_read(session.get_one(Conversation, (trial.merchant.id, talk)))


def asking(trial: Trial, *, on: SystemState = TO_CONFIRM, **values: Any) -> None:
    with db.merchant(trial.merchant.id) as session:
        template = session.scalars(select(MessageTemplate)).one()
        shop.automation(on, template=template, **values)


def ordered(trial: Trial) -> None:
    """An order on the first stage; the next one asks the customer."""
    talk = talking(trial)
    asking(trial)
    with db.merchant(trial.merchant.id) as session:
        about = session.get_one(Conversation, (trial.merchant.id, talk))
        trial.kept["order"] = shop.order(on=NEW, talk=about).number
        trial.kept["stage"] = shop.stage(TO_CONFIRM).id


def timed(trial: Trial) -> None:
    """The question of an order leaves in an hour, which is over."""
    talk = talking(trial)
    asking(trial, delay=3600)
    with db.merchant(trial.merchant.id) as session:
        shop.order(on=TO_CONFIRM, talk=session.get_one(Conversation, (trial.merchant.id, talk)))
        session.execute(update(Run).values(due_at=utcnow()))
    outbox.nudge(f"timers:{trial.merchant.id}")


def stocked(trial: Trial) -> None:
    with db.merchant(trial.merchant.id):
        product = factories.product(stock_of=5)
    trial.kept["form"] = {
        "client_id": str(factories.some_id()),
        "name": "Hassan Amrani",
        "phone": "06 77 00 00 01",
        "address": "3 derb Sidi",
        "city": "Fès",
        "source": "phone",
        "lines[0].product_id": str(product.id),
        "lines[0].variant_id": str(product.variants[0].id),
        "lines[0].quantity": "1",
        "delivery_fee": "35",
        "payment_method": "cod",
        "payment_status": "pending",
    }


def submits(trial: Trial, path: str, form: dict[str, str]) -> int:
    """The agent's browser posts a form; to the living process when none is about to die."""
    if trial.door.process is None:
        client = trial.door.app.test_client()
        client.set_cookie("wasl", trial.browser)
        return int(client.post(path, data=form).status_code)
    cookies = {"wasl": trial.browser}
    return httpx.post(trial.door.address(path), data=form, cookies=cookies).status_code


def takes_the_order(trial: Trial) -> None:
    submits(trial, "/orders", trial.kept["form"])


def drops_the_card(trial: Trial) -> None:
    where = f"/orders/{trial.kept['order']}/stage"
    submits(trial, where, {"stage": str(trial.kept["stage"])})


def in_bulk(trial: Trial) -> None:
    """Three orders are to move; each move asks the customer."""
    talk = talking(trial)
    asking(trial)
    with db.merchant(trial.merchant.id) as session:
        about = session.get_one(Conversation, (trial.merchant.id, talk))
        ids = [shop.order(on=NEW, talk=about).id for _ in range(3)]
        bulk.start_move(ids, shop.stage(TO_CONFIRM), by=trial.agent)


def photographed(trial: Trial) -> None:
    """Fatima has sent a photo; it has been read of, not fetched."""
    trial.simulator.send_sample("fatima", "image", to=factories.NUMBER)
    posts(trial)
    trial.mortals.start("ingest")
    assert trial.mortals.ended() == 0


def drafted(trial: Trial) -> None:
    form = library.Form(
        account=factories.ACCOUNT,
        name="retard",
        language="fr",
        category="utility",
        body="Bonjour {{1}}, votre commande arrivera un jour plus tard que prévu.",
        examples={"body.1": "Fatima"},
    )
    with db.merchant(trial.merchant.id):
        library.submit(library.save(form))


def wondering(trial: Trial) -> None:
    with db.merchant(trial.merchant.id) as session:
        channels.ask(session.scalars(select(Channel)).one(), "look")


def mailed(trial: Trial) -> None:
    with db.merchant(trial.merchant.id):
        mail.post("zineb@example.com", "Équipe", "Bonjour")


def much(trial: Trial) -> None:
    """Something to read and something to send, and nobody has been woken for either."""
    answered(trial)
    kept(trial)
    outbox.connection().flushdb()


# --- how it must have ended -----------------------------------------------------------------------


def read_once(trial: Trial) -> None:
    assert trial.all(select(Message.text)) == ["Salam"]
    assert trial.all(select(Conversation.unread)) == [1]


def read_after_another_post(trial: Trial) -> None:
    posted = trial.simulator.ledger.records("posted")
    assert [record["answer"] for record in posted] == [None, 200]
    read_once(trial)


def uncertain(trial: Trial) -> None:
    """It never left, and nobody can know: people decide."""
    assert trial.meanwhile == {Sending.UNCERTAIN: 1}
    assert trial.messages() == [Sending.UNCERTAIN]
    assert trial.accepted() == {}


def settled_by_its_status(trial: Trial) -> None:
    """Uncertain until Meta speaks of it by our own callback id."""
    assert trial.meanwhile == {Sending.UNCERTAIN: 1}
    (message,) = trial.all(select(Message).where(Message.direction == Direction.OUT))
    (record,) = trial.simulator.ledger.records("accepted")
    assert (message.sending, message.wamid) == (Sending.ACCEPTED, record["wamid"])
    assert (message.rank, message.attempt) == (2, 1)


def sent_once(trial: Trial) -> None:
    assert trial.meanwhile == {Sending.ACCEPTED: 1}


def told_again(trial: Trial) -> None:
    assert trial.all(select(ReadMark.sending)) == [Sending.ACCEPTED]
    assert len(trial.simulator.ledger.records("business_read")) >= 1


def no_order_until_it_is_sent_again(trial: Trial) -> None:
    assert trial.all(select(Order.id)) == []

    again = [submits(trial, "/orders", trial.kept["form"]) for _ in range(2)]

    assert again == [201, 201]
    assert len(trial.all(select(Order.id))) == 1
    trial.check()


def not_moved_until_it_is_dropped_again(trial: Trial) -> None:
    assert trial.all(select(Order.state)) == [NEW]
    assert trial.messages() == []

    for _ in range(2):
        drops_the_card(trial)
    trial.goes_on()

    assert trial.all(select(Order.state)) == [TO_CONFIRM]
    assert trial.messages() == [Sending.ACCEPTED]
    trial.check()


def asked_once(trial: Trial) -> None:
    assert trial.messages() == [Sending.ACCEPTED]
    assert trial.all(select(Run.sent_count)) == [1]


def each_moved_once(trial: Trial) -> None:
    assert trial.all(select(Order.state)) == [TO_CONFIRM] * 3
    assert trial.all(select(func.count()).where(Entry.kind == "moved")) == [3]
    assert trial.all(select(BulkItem.outcome)) == ["moved"] * 3
    assert trial.all(select(Bulk.state)) == [BulkState.DONE]


def fetched(trial: Trial) -> None:
    assert trial.all(select(Media.state)) == [MediaState.FETCHED]


def at_meta_once(trial: Trial) -> None:
    drafts = [t for t in trial.simulator.world.templates.values() if t.name == "retard"]
    assert len(drafts) == 1
    mine = select(MessageTemplate).where(MessageTemplate.name == "retard")
    (template,) = trial.all(mine)
    assert (template.meta_id, template.draft, template.sending) == (drafts[0].id, None, None)


def known_of(trial: Trial) -> None:
    (errand,) = trial.all(select(Errand))
    assert errand.done_at is not None


def left_perhaps_twice(trial: Trial) -> None:
    assert trial.all(select(Mail.state)) == [MailState.SENT]
    assert len(trial.mailbox.mails) == 2


def read_and_sent(trial: Trial) -> None:
    assert trial.meanwhile == {Sending.ACCEPTED: 1}


@dataclass(frozen=True)
class Case:
    """What waited, which process died, of what, and how it must have ended."""

    before: Callable[[Trial], None]
    role: str
    doing: Callable[[Trial], None]
    after: Callable[[Trial], None]


CASES = {
    "body.before": Case(written, "web", posts, read_after_another_post),
    "body.kept": Case(written, "web", posts, read_after_another_post),
    "nudge.before": Case(written, "web", posts, read_after_another_post),
    "nudge.half": Case(written, "web", posts, read_after_another_post),
    "lane.looking": Case(kept, "ingest", nothing, read_once),
    "read.locked": Case(kept, "ingest", nothing, read_once),
    "read.made": Case(kept, "ingest", nothing, read_once),
    "read.shared": Case(kept, "ingest", nothing, read_once),
    "send.claimed": Case(answered, "deliver", nothing, uncertain),
    "send.accepted": Case(answered, "deliver", nothing, settled_by_its_status),
    "send.concluded": Case(answered, "deliver", nothing, sent_once),
    "mark.told": Case(opened, "deliver", nothing, told_again),
    "order.made": Case(stocked, "web", takes_the_order, no_order_until_it_is_sent_again),
    "move.made": Case(ordered, "web", drops_the_card, not_moved_until_it_is_dropped_again),
    "timer.made": Case(timed, "chores", nothing, asked_once),
    "bulk.claimed": Case(in_bulk, "chores", nothing, each_moved_once),
    "bulk.made": Case(in_bulk, "chores", nothing, each_moved_once),
    "bulk.done": Case(in_bulk, "chores", nothing, each_moved_once),
    "media.claimed": Case(photographed, "media", nothing, fetched),
    "media.fetched": Case(photographed, "media", nothing, fetched),
    "draft.taken": Case(drafted, "deliver", nothing, at_meta_once),
    "errand.asked": Case(wondering, "deliver", nothing, known_of),
    "mail.sent": Case(mailed, "chores", nothing, left_perhaps_twice),
    "sweep.some": Case(much, "clock", nothing, read_and_sent),
}


def test_every_place_is_tried() -> None:
    assert set(CASES) == set(PLACES)


@pytest.mark.parametrize("place", CASES)
def test_nothing_is_lost_and_nothing_happens_twice_when_a_process_dies(
    trial: Trial, place: str
) -> None:
    case = CASES[place]
    case.before(trial)

    trial.dies(place, case.role, case.doing)
    trial.goes_on()

    trial.check()
    case.after(trial)
