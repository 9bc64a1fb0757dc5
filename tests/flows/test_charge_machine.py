"""Meta tells of deliveries in every order, twice, in part and against itself: the charges are those
of Meta's own invoice, to the millionth. WASL_EXAMPLES=2000 makes it a long search.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import func, select

from flows import arrivals, costs
from flows.events import Person, Status
from models import db
from models.channel import Channel
from models.conversation import Conversation
from models.cost import Charge, Spending
from models.customer import WhatsAppIdentity
from models.merchant import Counter
from models.message import Direction, Message, Origin, Sending
from tests import factories
from tests.effort import examples

_numbers = itertools.count(7000)

MOROCCO, ALGERIA, FRANCE = "212661234567", "213551234567", "33612345678"
# Meta's list as published: marketing, utility and service beyond the free ones.
SEPTEMBER = {
    MOROCCO: {"marketing": 22_500, "utility": 4_000},
    ALGERIA: {"marketing": 22_500, "utility": 4_000},
    FRANCE: {"marketing": 85_900, "utility": 30_000},
}
OCTOBER = {
    MOROCCO: {"marketing": 41_400, "utility": 23_000, "service": 23_000},
    ALGERIA: {"marketing": 22_500, "utility": 4_000, "service": 4_000},
    FRANCE: {"marketing": 85_900, "utility": 30_000, "service": 30_000},
}
# When Meta delivered, and the day on the account's calendar (Casablanca: UTC+1, in Ramadan UTC).
MOMENTS = [
    (datetime(2026, 9, 30, 22, 59, 50, tzinfo=UTC), date(2026, 9, 30)),
    (datetime(2026, 9, 30, 23, 0, 5, tzinfo=UTC), date(2026, 10, 1)),
    (datetime(2026, 10, 15, 12, tzinfo=UTC), date(2026, 10, 15)),
    (datetime(2026, 10, 31, 22, 59, 55, tzinfo=UTC), date(2026, 10, 31)),
    (datetime(2026, 10, 31, 23, 0, tzinfo=UTC), date(2026, 11, 1)),
    (datetime(2027, 2, 28, 23, 30, tzinfo=UTC), date(2027, 2, 28)),
]
LADDER = ("sent", "delivered", "read")
NEAR_THE_END = 998
"""Free replies of each month that are gone before the machine begins."""


@dataclass
class Sent:
    """A message as it stands in Meta's books; what it tells of it is another matter."""

    wamid: str
    phone: str
    category: str
    at: datetime
    day: date
    kind: str
    amount: int
    waiting: list[Status] = field(default_factory=list)
    told: list[Status] = field(default_factory=list)

    @property
    def arrived(self) -> bool:
        return any(status.status in ("delivered", "read") for status in self.told)


class Invoice:
    """Meta's books: what each delivered message is billed, by the rules of its day."""

    def __init__(self) -> None:
        self.sent: dict[str, Sent] = {}
        self._services: dict[date, int] = {}

    def deliver(self, category: str, phone: str, moment: int, advertised: bool) -> Sent:
        at, day = MOMENTS[moment]
        kind = self._kind(category, day, advertised)
        prices = OCTOBER if day >= date(2026, 10, 1) else SEPTEMBER
        amount = prices[phone][category] if kind == "regular" else 0
        wamid = f"wamid.{len(self.sent)}"
        self.sent[wamid] = Sent(wamid, phone, category, at, day, kind, amount)
        return self.sent[wamid]

    def _kind(self, category: str, day: date, advertised: bool) -> str:
        if advertised:
            return "free_entry_point"
        if category != "service":
            return "regular"
        if day < date(2026, 10, 1):
            return "free_customer_service"
        month = day.replace(day=1)
        self._services[month] = self._services.get(month, NEAR_THE_END) + 1
        return "regular" if self._services[month] > 1000 else "free_customer_service"


class Books(RuleBasedStateMachine):
    """One number, Meta's books, and whatever way its statuses take."""

    def __init__(self) -> None:
        super().__init__()
        number = str(next(_numbers))
        self.phone_number_id = number * 15
        self.merchant = factories.merchant(number=number)
        self.invoice = Invoice()
        with db.merchant(self.merchant.id) as session:
            self.channel_id = session.scalars(select(Channel.id)).one()
            for month in {day.replace(day=1) for _, day in MOMENTS}:
                Counter.take(costs.quota_counter(self.channel_id, month), NEAR_THE_END)

    # --- what happens -----------------------------------------------------------------------------

    @rule(
        category=st.sampled_from(["service", "utility", "marketing"]),
        phone=st.sampled_from([MOROCCO, ALGERIA, FRANCE]),
        moment=st.integers(0, len(MOMENTS) - 1),
        advertised=st.booleans(),
        known=st.booleans(),
        priced=st.sets(st.sampled_from(LADDER), min_size=1),
        lie=st.sampled_from(["none", "category", "flip", "bare flip"]),
        deprecated=st.booleans(),
        late=st.sampled_from(["", "failed", "deleted", "warning"]),
    )
    def deliver(
        self,
        category: str,
        phone: str,
        moment: int,
        advertised: bool,
        known: bool,
        priced: set[str],
        lie: str,
        deprecated: bool,
        late: str,
    ) -> None:
        """Meta delivers a message; `priced` statuses tell of money, the least of them may lie."""
        sent = self.invoice.deliver(category, phone, moment, advertised)
        if known:
            self._queue(sent)
        # What is said at delivery counts, then what "read" says, then what "sent" says.
        by_weight = [name for name in ("delivered", "read", "sent") if name in priced]
        for name in LADDER:
            pricing = None
            if name in priced:
                truth = len(by_weight) == 1 or name != by_weight[-1]
                pricing = _pricing(sent, "none" if truth else lie, deprecated)
            sent.waiting.append(self._status(sent, name, pricing))
        if late:
            # A failure or a deletion after the delivery takes nothing back.
            sent.waiting.append(self._status(sent, late, _pricing(sent, "flip", deprecated)))

    @precondition(lambda self: self.invoice.sent)
    @rule(data=st.data(), without=st.booleans())
    def tell(self, data: st.DataObject, without: bool) -> None:
        """A webhook with some of what is left, in any order, and some of what was told before."""
        fresh = [s for sent in self._all() for s in sent.waiting]
        old = [s for sent in self._all() for s in sent.told]
        batch = data.draw(_some(fresh, 8)) + data.draw(_some(old, 4))
        if without:  # Meta's first telling lacks what its repetition will have
            batch = [_silent(status) for status in batch]
        self._tell(data.draw(st.permutations(batch)), keep_waiting=without)

    @precondition(lambda self: self.invoice.sent)
    @rule()
    def fold(self) -> None:
        costs.fold()

    # --- what must be true ------------------------------------------------------------------------

    @invariant()
    def what_arrived_has_one_charge_and_nothing_else_has(self) -> None:
        with db.merchant(self.merchant.id) as session:
            charged = list(session.scalars(select(Charge.wamid)))
        assert sorted(charged) == sorted(sent.wamid for sent in self._all() if sent.arrived)

    @invariant()
    def the_kept_sums_are_those_of_the_charges(self) -> None:
        with db.merchant(self.merchant.id) as session:
            kept = session.execute(
                select(
                    func.coalesce(func.sum(Spending.messages), 0),
                    func.coalesce(func.sum(Spending.amount), 0),
                    func.coalesce(func.sum(Spending.estimated), 0),
                )
            ).one()
            real = session.execute(
                select(
                    func.count(),
                    func.coalesce(func.sum(Charge.amount_micros), 0),
                    func.count().filter(Charge.source == "estimate"),
                ).select_from(Charge)
            ).one()
        assert [int(each or 0) for each in kept] == [int(each or 0) for each in real]

    def teardown(self) -> None:
        """Once Meta has told everything, our month is its invoice: difference 0."""
        self._tell([s for sent in self._all() for s in sent.waiting])
        with db.merchant(self.merchant.id) as session:
            charges = {c.wamid: c for c in session.scalars(select(Charge))}
            months = {day.replace(day=1) for _, day in MOMENTS}
            accounts = [costs.month(month) for month in months]
        for sent in self._all():
            charge = charges[sent.wamid]
            assert (charge.amount_micros, charge.local_date) == (sent.amount, sent.day), sent
            assert charge.month == sent.day.replace(day=1)
        billed = sum(account.total.amounts.get("USD", 0) for account in accounts)
        assert billed - sum(sent.amount for sent in self._all()) == 0
        assert sum(account.total.unpriced for account in accounts) == 0
        db.close()

    # --- how --------------------------------------------------------------------------------------

    def _all(self) -> list[Sent]:
        return list(self.invoice.sent.values())

    def _tell(self, batch: Iterable[Status], *, keep_waiting: bool = False) -> None:
        batch = list(batch)
        with db.merchant(self.merchant.id):
            arrivals.take_in(batch)
        for status in batch:
            sent = self.invoice.sent[status.wamid]
            if not keep_waiting:
                sent.waiting = [s for s in sent.waiting if s != status]
            sent.told.append(status)

    def _status(self, sent: Sent, name: str, pricing: dict[str, Any] | None) -> Status:
        seconds = {"sent": -3, "delivered": 0, "read": 40}.get(name, 90)
        return Status(
            phone_number_id=self.phone_number_id,
            waba_id=None,
            field="messages",
            wamid=sent.wamid,
            status=name,
            at=sent.at + timedelta(seconds=seconds),
            recipient=Person(wa_id=sent.phone),
            pricing=pricing,
            errors=({"code": 131026, "title": "no"},) if name == "failed" else (),
        )

    def _queue(self, sent: Sent) -> UUID:
        """We know this message: it left through us."""
        with db.merchant(self.merchant.id) as session:
            wanted = select(WhatsAppIdentity).where(WhatsAppIdentity.wa_id == sent.phone)
            identity = session.scalars(wanted).first()
            if identity is None:
                identity = WhatsAppIdentity(wa_id=sent.phone, phone=f"+{sent.phone}")
                session.add(identity)
                session.flush()
                session.add(Conversation(channel_id=self.channel_id, identity_id=identity.id))
                session.flush()
            talk = session.scalars(
                select(Conversation).where(Conversation.identity_id == identity.id)
            ).one()
            message = Message(
                conversation_id=talk.id,
                channel_id=self.channel_id,
                direction=Direction.OUT,
                origin=Origin.AUTOMATION,
                kind="text" if sent.category == "service" else "template",
                payload={} if sent.category == "service" else {"name": f"t_{sent.category}"},
                wamid=sent.wamid,
                sending=Sending.ACCEPTED,
                category=sent.category,
            )
            session.add(message)
            return message.id


def _pricing(sent: Sent, lie: str, deprecated: bool) -> dict[str, Any]:
    """What Meta says of the money of a message: the truth, or one of the ways it got it wrong."""
    billed = sent.kind == "regular"
    category = "referral_conversion" if sent.kind == "free_entry_point" else sent.category
    told: dict[str, Any] = {
        "pricing_model": "PMP",
        "billable": billed,
        "type": sent.kind,
        "category": category,
    }
    if deprecated and lie != "category":
        del told["billable"]
    if lie == "category":
        told["category"] = "marketing" if sent.category == "utility" else "utility"
    if lie == "flip":
        told["type"] = "free_customer_service" if billed else "regular"
    if lie == "bare flip":
        told = {"billable": not billed, "category": category}
    return told


def _silent(status: Status) -> Status:
    values = {name: getattr(status, name) for name in status.__dataclass_fields__}
    return Status(**values | {"pricing": None})


def _some(statuses: list[Status], most: int) -> st.SearchStrategy[list[Status]]:
    if not statuses:
        return st.just([])
    return st.lists(st.sampled_from(range(len(statuses))), max_size=most).map(
        lambda chosen: [statuses[index] for index in chosen]
    )


def test_the_charges_are_metas_invoice_whatever_way_its_statuses_take() -> None:
    run_machine(
        Books,
        settings=settings(
            max_examples=examples(12),
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink) if examples(12) > 12 else (Phase.generate,),
        ),
    )
