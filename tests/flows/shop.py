"""A small shop of the current merchant for these tests: stages, orders, templates, automations."""

from __future__ import annotations

import itertools
from typing import Any

from sqlalchemy import select

from flows import arrivals, pipeline, stock
from models import db
from models.automation import Automation, AutomationButton, Run
from models.catalog import Variant
from models.channel import Channel
from models.conversation import Conversation
from models.customer import Customer
from models.merchant import Merchant
from models.message import Message, Sending
from models.order import Order, OrderLine
from models.pipeline import Pipeline, Stage, SystemState
from models.template import MessageTemplate
from models.timeline import SYSTEM, By, Entry
from tests import factories

_count = itertools.count(1)

BODY = "Bonjour {{1}}, votre commande {{2}} de {{3}} est prête ?"
BUTTONS = [
    {"type": "QUICK_REPLY", "text": "Confirmer"},
    {"type": "QUICK_REPLY", "text": "Annuler"},
    {"type": "QUICK_REPLY", "text": "Une question"},
]
MAPPING = {"body.1": "customer.first_name", "body.2": "order.number", "body.3": "order.amount"}


def stage(which: SystemState | str) -> Stage:
    """The merchant's stage of this state, or of this name."""
    column = Stage.state if isinstance(which, SystemState) else Stage.name
    return db.session().scalars(select(Stage).where(column == which)).one()


def conversation(**changes: Any) -> Conversation:
    """The conversation of a customer who has just written."""
    event = factories.inbound(**changes)
    arrivals.take_in([event])
    found = select(Message).where(Message.wamid == event.wamid)
    return db.session().scalars(found).one().conversation


def order(
    *lines: tuple[Variant | None, int],
    on: SystemState | str = SystemState.NEW,
    talk: Conversation | None = None,
    by: By = SYSTEM,
    **values: Any,
) -> Order:
    """A committed-to-be order that has entered its stage; a line without variant is free."""
    customer = Customer()
    customer.rename("Fatima Zahra El Idrissi")
    total = sum(quantity * 10000 for _, quantity in lines)
    made = Order(
        **{
            "number": 1000 + next(_count),
            "customer": customer,
            "conversation": talk,
            "currency": "MAD",
            "catalog_total": total,
            "applied_total": total,
            "delivery_fee": 3500,
            "ship_name": customer.name,
            "ship_phone": "+212661234567",
            "ship_line": "12 rue des Orangers",
            "ship_city": "Marrakech",
        }
        | values
    )
    made.lines = [
        OrderLine(
            position=place,
            variant_id=variant.id if variant else None,
            name=variant.name if variant else "Cadeau",
            sku=variant.sku if variant else "",
            quantity=quantity,
            unit_price=10000,
        )
        for place, (variant, quantity) in enumerate(lines)
    ]
    pipeline.enter(made, stage(on), by=by)
    return made


def bag(stock_of: int = 10, *, couleur: str | None = None) -> Variant:
    if couleur:
        return factories.product(stock_of=stock_of, couleur=[couleur]).variants[0]
    return factories.product(stock_of=stock_of).variants[0]


def held(variant: Variant) -> tuple[int, int]:
    """(available, reserved) of the only warehouse."""
    (level,) = stock.levels(variant)
    return level.available, level.reserved


def number(merchant: Merchant) -> Channel:
    """A second number of the merchant, in a messaging account of its own."""
    other = Channel(
        name="Deuxième",
        phone_number_id="3" * 15,
        waba_id="9333",
        display_phone_number="+212 520-000003",
        country="MA",
        merchant_id=merchant.id,
    )
    db.session().add(other)
    db.session().flush()
    return other


def template(body: str = BODY, **values: Any) -> MessageTemplate:
    account = db.session().scalars(select(Channel.waba_id).order_by(Channel.created_at)).first()
    components = [{"type": "BODY", "text": body}, {"type": "BUTTONS", "buttons": BUTTONS}]
    made = MessageTemplate(
        **{
            "waba_id": account,
            "name": f"confirmation_{next(_count)}",
            "language": "fr",
            "category": "utility",
            "state": "approved",
            "components": components,
        }
        | values
    )
    db.session().add(made)
    return made


def automation(
    on: SystemState | str = SystemState.TO_CONFIRM,
    *,
    buttons: dict[int, SystemState] | None = None,
    **values: Any,
) -> Automation:
    """On entering a stage: ask for confirmation; "Confirmer" confirms, "Annuler" cancels."""
    goes = {0: SystemState.CONFIRMED, 1: SystemState.CANCELLED} if buttons is None else buttons
    made = Automation(
        **{
            "name": "Demande de confirmation",
            "stage": stage(on),
            "template": values.pop("template", None) or template(),
            "variables": MAPPING,
        }
        | values
    )
    made.buttons = [AutomationButton(index=index, stage=stage(s)) for index, s in goes.items()]
    db.session().add(made)
    db.session().flush()
    return made


def runs_of(about: Order) -> list[Run]:
    db.session().flush()
    wanted = select(Run).where(Run.order_id == about.id).order_by(Run.created_at)
    return list(db.session().scalars(wanted))


def entries_of(about: Order, kind: str | None = None) -> list[Entry]:
    db.session().flush()
    wanted = select(Entry).where(Entry.order_id == about.id).order_by(Entry.seq)
    return [e for e in db.session().scalars(wanted) if kind in (None, e.kind)]


def pipeline_of() -> Pipeline:
    return db.session().scalars(select(Pipeline)).one()


def asked(*lines: tuple[Variant | None, int], **values: Any) -> Order:
    """An order whose customer was asked to confirm, and Meta took the question."""
    talk = values.pop("talk", None) or conversation()
    made = order(*lines, on=SystemState.TO_CONFIRM, talk=talk, **values)
    accept(made)
    return made


def accept(about: Order) -> None:
    for run in runs_of(about):
        assert run.message is not None
        run.message.sending, run.message.rank = Sending.ACCEPTED, 0
        run.message.wamid = f"wamid.out.{run.message.seq}"
    db.session().flush()


def question(about: Order) -> tuple[Run, Message]:
    """The first run about the order, as the database has it, and its message."""
    run = runs_of(about)[0]
    db.session().refresh(run)
    assert run.message is not None
    return run, run.message
