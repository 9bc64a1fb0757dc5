"""A shop with as many orders as wanted, made by a few set-based statements, for benchmarks.

One order is taken through the product's own doors; the others are copies of its rows under other
names, phones, cities, dates and stages, spread over a year as a shop's orders are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from bench import staff
from config import settings
from flows import arrivals, catalog, channels, orders, search, stock, team
from flows.customers import Number
from flows.events import Inbound, Person
from flows.orders import NewLine, NewOrder
from models import db
from models.automation import Automation
from models.conversation import Conversation
from models.merchant import Counter
from models.order import Order
from models.pipeline import Stage, SystemState
from models.template import MessageTemplate
from models.types import fold, utcnow
from models.user import Membership

FIRST = 1001
AGENTS = 10
YEAR = timedelta(days=365)
FRESH = timedelta(days=14)

# A few first names are everywhere, as in life: one order in eight begins with "moh".
FIRST_NAMES = (
    *("Mohamed", "Mohammed", "محمد") * 3,
    *("Fatima Zahra", "Fatima", "Khadija", "Aïcha", "Youssef", "Hamza", "Salma", "Imane") * 2,
    *("Ahmed", "Rachid", "Karim", "Nadia", "Samira", "Omar", "Hicham", "Sanae", "Loubna"),
    *("Anas", "Ilyas", "Meryem", "Zineb", "Houda", "Soukaina", "Abdellah", "Mustapha", "Naïma"),
    *("خديجة", "فاطمة الزهراء", "أحمد", "يوسف", "سلمى", "مريم", "عبد الله", "حمزة", "Bouchra"),
)
LAST_NAMES = (
    *("El Idrissi", "Alaoui", "Bennani", "Tazi", "Berrada", "Cherkaoui", "Ouazzani", "El Amrani"),
    *("Fassi", "Lahlou", "Benjelloun", "Chraïbi", "Sqalli", "Kettani", "Guessous", "Bensouda"),
    *("العلوي", "الإدريسي", "بناني", "التازي", "برادة", "Ziani", "Haddad", "Mansouri", "Bouzid"),
    *("Belkacem", "Naciri", "Filali", "Rami", "Sabri", "Jabri", "Kabbaj", "Lamrani", "Mekouar"),
)
CITIES = (
    *("Casablanca",) * 30,
    *("Rabat", "Marrakech", "Fès", "Tanger") * 10,
    *("Agadir", "Meknès", "Oujda", "Kénitra", "Tétouan", "Safi", "Salé", "Mohammedia") * 3,
    *("الدار البيضاء", "فاس", "El Jadida", "Nador", "Béni Mellal", "Taza", "Settat", "Khouribga"),
    *("Larache", "Ksar El Kébir", "Guelmim", "Errachidia", "Dakhla", "Laâyoune", "Essaouira"),
)
# How many orders in a thousand stand where: on first sight, among those of the last days only.
OLD = {
    SystemState.DELIVERED: 560,
    SystemState.RETURNED: 150,
    SystemState.CANCELLED: 270,
    SystemState.DELIVERY_FAILURE: 10,
    SystemState.UNREACHABLE: 10,
}
RECENT = {
    SystemState.NEW: 200,
    SystemState.TO_CONFIRM: 150,
    SystemState.UNREACHABLE: 100,
    SystemState.CONFIRMED: 150,
    SystemState.SHIPPED: 300,
    SystemState.CANCELLED: 100,
}
CARRIERS = ("Amana", "Cathedis", "Ozone Express")


@dataclass(frozen=True, slots=True)
class Shop:
    merchant: UUID
    size: int
    agents: list[Membership]
    products: list[tuple[UUID, UUID]]
    """(product, variant), with more stock than anybody will order."""


def open_shop(number: int, size: int) -> Shop:
    """A merchant with `size` orders of a year, their customers, lines, entries, runs and words."""
    merchant_id = team.add_merchant(name=f"Bench {size}", country="MA", language="fr")
    agents = [staff.hired(merchant_id, f"agent-{number}-{n}") for n in range(AGENTS)]
    with db.merchant(merchant_id):
        products = [_product(n) for n in range(20)]
        model = _model_order(number, products[0], agents[0])
        stages = db.session().scalars(select(Stage)).all()
        Counter.take("order", size)
    shop = Shop(merchant_id, size, agents, products)
    with owner() as connection:
        _multiply(connection, _Copies(shop, model, stages))
    return shop


@contextmanager
def owner() -> Iterator[psycopg.Connection]:
    """A transaction above row-level security and triggers."""
    address = settings().database_url.replace("+psycopg", "", 1)
    with psycopg.connect(address) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


# --- the one order everything is copied from ------------------------------------------------------


def _product(number: int) -> tuple[UUID, UUID]:
    made = catalog.create(f"Produit {number}", sku=f"P{number}", price=10000 + 500 * number)
    db.session().flush()
    (variant,) = made.variants
    stock.adjust(variant, 10_000_000, reason="opening", by=None)
    return made.id, variant.id


def _model_order(number: int, product: tuple[UUID, UUID], by: Membership) -> Order:
    """An order out of a conversation whose customer the first stage writes to."""
    session = db.session()
    channel = channels.add(
        name="Bench",
        phone_number_id=f"{number:015}",
        waba_id=f"{number:014}",
        display_phone_number="+212 520-000001",
        country="MA",
        token="none",  # noqa: S106 - it opens nothing
    )
    session.flush()
    writes = Person(wa_id="212661234567", profile_name="Fatima Zahra El Idrissi")
    arrivals.take_in([_hello(channel.phone_number_id, channel.waba_id, writes)])
    _automation(channel.waba_id)
    form = NewOrder(
        client_id=uuid4(),
        name=writes.profile_name or "",
        phone=Number("0661234567", "+212661234567"),
        address="12 rue des Orangers",
        city="Marrakech",
        lines=(NewLine(product_id=product[0], variant_id=product[1], quantity=2),),
    )
    conversation = session.scalars(select(Conversation)).one()
    order = orders.create(form, by=by, conversation=conversation)
    session.flush()
    return order


def _hello(phone_number_id: str, waba_id: str, sender: Person) -> Inbound:
    return Inbound(
        phone_number_id=phone_number_id,
        waba_id=waba_id,
        field="messages",
        wamid=f"wamid.bench.{phone_number_id}",
        at=utcnow(),
        kind="text",
        text="Salam",
        payload={"body": "Salam"},
        sender=sender,
    )


def _automation(account: str) -> None:
    body = "Bonjour {{1}}, votre commande {{2}} de {{3}} est prête ?"
    buttons = [{"type": "QUICK_REPLY", "text": "Confirmer"}]
    template = MessageTemplate(
        waba_id=account,
        name="confirmation",
        language="fr",
        category="utility",
        state="approved",
        components=[{"type": "BODY", "text": body}, {"type": "BUTTONS", "buttons": buttons}],
    )
    first = db.session().scalars(select(Stage).where(Stage.state == SystemState.NEW)).one()
    variables = {
        "body.1": "customer.first_name",
        "body.2": "order.number",
        "body.3": "order.amount",
    }
    db.session().add_all(
        [template, Automation(name="Ask", stage=first, template=template, variables=variables)]
    )
    db.session().flush()


# --- its copies -----------------------------------------------------------------------------------


def _multiply(connection: psycopg.Connection, copies: _Copies) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in _PLAN.items())
    connection.execute(f"CREATE TEMP TABLE plan ({columns})")
    cursor = connection.cursor()
    plan = copies.plan()
    with cursor.copy("COPY plan FROM STDIN") as copy:
        for row in plan:
            copy.write_row([row[name] for name in _PLAN])
    for table, source, changes in _TABLES:
        _copy(connection, table, copies.shop.merchant, copies.like(table), source, changes)
    with cursor.copy("COPY order_words (merchant_id, id, word) FROM STDIN") as copy:
        for row in plan:
            for word in _words(row):
                copy.write_row((copies.shop.merchant, row["id"], word))
    connection.execute(_TALLIES, {"merchant": copies.shop.merchant})
    connection.execute("DROP TABLE plan")


_PLAN = {
    "n": "int",
    **dict.fromkeys(("id", "customer_id", "identity_id", "conversation_id"), "uuid"),
    **dict.fromkeys(("entry_id", "moved_id", "message_id", "run_id", "line_id"), "uuid"),
    **dict.fromkeys(("phone_id", "stage_id", "assignee_id"), "uuid"),
    **dict.fromkeys(("created_at", "entered_at", "confirmed_at", "shipped_at"), "timestamptz"),
    **dict.fromkeys(("delivered_at", "call_due_at"), "timestamptz"),
    **dict.fromkeys(("name", "folded", "national", "city", "state", "source"), "text"),
    **dict.fromkeys(("method", "paid", "carrier", "tracking", "reason"), "text"),
    "flags": "text[]",
    "opens_card": "bool",
}
SHIPPED = {
    SystemState.SHIPPED,
    SystemState.DELIVERED,
    SystemState.RETURNED,
    SystemState.DELIVERY_FAILURE,
}


class _Copies:
    """The orders of a shop, as rows to be; the same for the same size, but for their identifiers
    and times."""

    def __init__(self, shop: Shop, model: Order, stages: Sequence[Stage]) -> None:
        self.shop, self.model = shop, model
        self.chance = random.Random(shop.size)
        self.stages = {stage.state: stage.id for stage in stages}
        self.cards: list[dict[str, Any]] = []
        self.now = utcnow()

    def plan(self) -> list[dict[str, Any]]:
        return [self._order(n) for n in range(1, self.shop.size + 1)]

    def like(self, table: str) -> UUID:
        """The row of a table that is copied."""
        with db.merchant(self.shop.merchant) as session:
            return _like(session, table, self.model)

    def _order(self, n: int) -> dict[str, Any]:
        at = self.now - timedelta(minutes=30) - (self.shop.size - n) * YEAR / self.shop.size
        card = self._card(at)
        state = self._state(self.now - at)
        ids = ("id", "entry_id", "moved_id", "message_id", "run_id", "line_id")
        agents = self.shop.agents
        return (
            {"n": n, "created_at": at, "opens_card": card["created_at"] == at}
            | {name: self._id(at) for name in ids}
            | {key: value for key, value in card.items() if key != "created_at"}
            | self._standing(n, at, state)
            | {
                "assignee_id": self.chance.choice(agents).id if self._one_in(1.4) else None,
                "source": self.chance.choices(("whatsapp", "manual", "phone"), (80, 12, 8))[0],
                "method": "online" if self._one_in(10) else "cod",
                "paid": "paid" if state is SystemState.DELIVERED else "pending",
            }
        )

    def _standing(self, n: int, at: datetime, state: SystemState) -> dict[str, Any]:
        packing = state is SystemState.CONFIRMED and self._one_in(2)
        shipped, entered = state in SHIPPED, min(at + timedelta(days=4), self.now)
        confirmed = shipped or state is SystemState.CONFIRMED
        recent = self.now - at < FRESH
        return {
            "state": state.value,
            "stage_id": self.stages[None if packing else state],
            "entered_at": entered,
            "confirmed_at": entered if confirmed else None,
            "shipped_at": entered if shipped else None,
            "delivered_at": entered if state is SystemState.DELIVERED else None,
            "call_due_at": at if state is SystemState.TO_CONFIRM else None,
            "carrier": self.chance.choice(CARRIERS) if shipped else "",
            "tracking": f"AM{n:08}MA" if shipped else "",
            "reason": "Injoignable" if state is SystemState.CANCELLED else None,
            "flags": ["possible_duplicate"] if recent and self._one_in(30) else [],
        }

    def _card(self, at: datetime) -> dict[str, Any]:
        # Two orders in five are of a customer who bought before.
        if len(self.cards) > 9 and self.chance.random() < 0.4:
            return self.chance.choice(self.cards)
        name = f"{self.chance.choice(FIRST_NAMES)} {self.chance.choice(LAST_NAMES)}"
        # A prime number's multiples: as scattered as phone numbers, none twice.
        national = f"6{len(self.cards) * 7919 % 99_999_989:08}"
        card = {
            "created_at": at,
            "name": name,
            "folded": fold(name),
            "national": national,
            "city": self.chance.choice(CITIES),
        } | {f"{key}_id": self._id(at) for key in ("customer", "identity", "conversation", "phone")}
        self.cards.append(card)
        return card

    def _state(self, age: timedelta) -> SystemState:
        weights = RECENT if age < FRESH else OLD
        return self.chance.choices(list(weights), list(weights.values()))[0]

    def _one_in(self, count: float) -> bool:
        return self.chance.random() * count < 1

    def _id(self, at: datetime) -> UUID:
        """An identifier as uuid7 makes it: the time in front, so that newer is greater."""
        time, some = int(at.timestamp() * 1000), self.chance.getrandbits(74)
        return UUID(int=time << 80 | 7 << 76 | (some >> 62) << 64 | 2 << 62 | some & (1 << 62) - 1)


def _like(session: Session, table: str, model: Order) -> UUID:
    of_order = {"orders": "id", "order_lines": "order_id", "entries": "order_id"}
    of_order |= {"runs": "order_id", "messages": "order_id"}
    of_card = {"customers": "id", "phones": "customer_id", "whatsapp_identities": "customer_id"}
    talk = model.conversation_id
    column, value = {
        **{name: (column, model.id) for name, column in of_order.items()},
        **{name: (column, model.customer_id) for name, column in of_card.items()},
        "conversations": ("id", talk),
    }[table]
    found = session.execute(
        text(f"SELECT id FROM {table} WHERE {column} = :value ORDER BY id LIMIT 1"),  # noqa: S608
        {"value": value},
    )
    return UUID(str(found.scalar_one()))


def _copy(
    connection: psycopg.Connection,
    table: str,
    merchant: UUID,
    like: UUID,
    source: str,
    changes: Mapping[str, str],
) -> None:
    """As many rows as `source` has, like the one row but for the changed columns."""
    named = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
        " AND is_identity = 'NO' AND table_schema = 'public'",
        (table,),
    ).fetchall()
    columns = [name for (name,) in named]
    if missing := changes.keys() - set(columns):
        raise SystemExit(f"{table} has no {missing} any more: bench/shop.py is behind the schema")
    values = ", ".join(changes.get(name, f't."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    connection.execute(
        f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} t, {source}"  # noqa: S608
        " WHERE t.merchant_id = %(merchant)s AND t.id = %(like)s",
        {"merchant": merchant, "like": like},
    )


# table, one row for each of these, the columns that differ
_CARDS = "(SELECT * FROM plan WHERE opens_card) p"
_TABLES: tuple[tuple[str, str, dict[str, str]], ...] = (
    (
        "customers",
        _CARDS,
        {
            "id": "p.customer_id",
            "name": "p.name",
            "search_text": "p.folded",
            "created_at": "p.created_at",
        },
    ),
    (
        "phones",
        _CARDS,
        {
            "id": "p.phone_id",
            "customer_id": "p.customer_id",
            "raw": "'0' || p.national",
            "e164": "'+212' || p.national",
            "reversed_digits": "reverse('212' || p.national)",
        },
    ),
    (
        "whatsapp_identities",
        _CARDS,
        {
            "id": "p.identity_id",
            "customer_id": "p.customer_id",
            "wa_id": "'212' || p.national",
            "user_id": "NULL",
            "phone": "'+212' || p.national",
            "reversed_digits": "reverse('212' || p.national)",
            "profile_name": "p.name",
        },
    ),
    (
        "conversations",
        _CARDS,
        {
            "id": "p.conversation_id",
            "identity_id": "p.identity_id",
            "last_message_at": "p.created_at",
            "last_inbound_at": "p.created_at",
            "search_text": "p.folded || ' 212' || p.national || ' 0' || p.national",
            "created_at": "p.created_at",
        },
    ),
    (
        "orders",
        "plan p",
        {
            "id": "p.id",
            "number": f"p.n + {FIRST}",
            "client_id": "NULL",
            **{name: f"p.{name}" for name in ("customer_id", "conversation_id", "stage_id")},
            **{name: f"p.{name}" for name in ("state", "reason", "flags", "source", "carrier")},
            **{name: f"p.{name}" for name in ("tracking", "created_at", "assignee_id")},
            **{name: f"p.{name}" for name in ("confirmed_at", "shipped_at", "delivered_at")},
            "call_due_at": "p.call_due_at",
            "stage_entered_at": "p.entered_at",
            "payment_method": "p.method",
            "payment_status": "p.paid",
            "catalog_total": "10000 + 500 * (p.n %% 60)",
            "applied_total": "10000 + 500 * (p.n %% 60)",
            "ship_name": "p.name",
            "ship_phone": "'+212' || p.national",
            "ship_city": "p.city",
        },
    ),
    ("order_lines", "plan p", {"id": "p.line_id", "order_id": "p.id"}),
    ("entries", "plan p", {"id": "p.entry_id", "order_id": "p.id", "at": "p.created_at"}),
    (
        "entries",
        "plan p",
        {
            "id": "p.moved_id",
            "order_id": "p.id",
            "kind": "'moved'",
            "from_stage_id": "t.to_stage_id",
            "to_stage_id": "p.stage_id",
            "at": "p.entered_at",
        },
    ),
    (
        "messages",
        "plan p",
        {
            "id": "p.message_id",
            "order_id": "p.id",
            "conversation_id": "p.conversation_id",
            "run_id": "p.run_id",
            "sending": "'accepted'",
            "rank": "2",
            "client_id": "NULL",
            "wamid": "'wamid.bench.' || p.message_id",
            **dict.fromkeys(("at", "created_at", "accepted_at", "sent_at"), "p.created_at"),
            "delivered_at": "p.created_at",
        },
    ),
    (
        "runs",
        "plan p",
        {
            "id": "p.run_id",
            "order_id": "p.id",
            "entry_id": "p.entry_id",
            "trigger": "p.id",
            "message_id": "p.message_id",
            "created_at": "p.created_at",
            "due_at": "NULL",
            "timeout_at": "NULL",
        },
    ),
)


def _words(row: Mapping[str, Any]) -> set[str]:
    """What search.words_of says; phones are read by hand here, 30 times faster."""
    national = row["national"]
    full = f"212{national}"
    phones = {full, f"0{national}", national, f"r{full[::-1]}"}
    said = {str(row["n"] + FIRST), row["tracking"].lower(), *row["folded"].split()}
    return phones | said | {_in(row["city"])} - {""}


@cache
def _in(city: str) -> str:
    return next(word for word in search.words_of(**_NOTHING, city=city) if word.startswith("="))


_NOTHING = {"number": 0, "phone": "", "tracking": "", "country": "MA", "names": ()}


# The sums of each stage and day, as the clock leaves them.
_TALLIES = """
INSERT INTO tallies
    (merchant_id, id, stage_id, day, orders, due, confirmed, shipped, delivered, revenue)
SELECT merchant_id, gen_random_uuid(), stage_id, (created_at AT TIME ZONE 'UTC')::date, count(*),
    sum(applied_total + delivery_fee), count(confirmed_at), count(shipped_at),
    count(*) FILTER (WHERE state = 'delivered'),
    coalesce(sum(applied_total) FILTER (WHERE state = 'delivered'), 0)
FROM orders WHERE merchant_id = %(merchant)s AND id IN (SELECT id FROM plan)
GROUP BY 1, 3, 4
"""
