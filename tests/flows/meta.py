"""Meta, for tests of flows: it takes what waits, refuses it, reports, and brings what people write.

Everything in transactions of its own, as the workers do it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from flows import arrivals, callbacks, messages, runs
from flows.events import Person, Status
from flows.letters import Letter, Outcome
from models import db
from models.automation import Run
from models.channel import Channel
from models.merchant import Merchant
from models.message import Message
from models.order import Order
from models.types import utcnow
from tests import factories


def take(merchant: Merchant) -> list[UUID]:
    """Meta accepts everything that waits to leave; the ids of the messages."""
    return _answer(merchant, lambda letter: Outcome("accepted", wamid=f"wamid.{letter.message_id}"))


def refuse(merchant: Merchant, code: int) -> list[UUID]:
    """Meta refuses everything that waits to leave."""
    return _answer(merchant, lambda _: Outcome("refused", code=code, detail="Meta says no"))


def lose(merchant: Merchant) -> list[UUID]:
    """Whether Meta got what waited to leave, nobody knows."""
    return _answer(merchant, lambda _: Outcome("unknown", detail="no answer"))


def _answer(merchant: Merchant, outcome: Any) -> list[UUID]:
    answered: list[UUID] = []
    while letters := _claimed(merchant):
        with db.merchant(merchant.id):
            messages.conclude([(letter, outcome(letter)) for letter in letters])
        answered += [letter.message_id for letter in letters]
    return answered


def _claimed(merchant: Merchant) -> list[Letter]:
    with db.merchant(merchant.id) as session:
        channels = session.scalars(select(Channel.id)).all()
        return [letter for channel in channels for letter in messages.claim(channel)]


def report(
    merchant: Merchant, status: str, *, at: datetime | None = None, code: int | None = None
) -> None:
    """Meta says this of every message it has taken."""
    with db.merchant(merchant.id) as session:
        taken = session.scalars(select(Message).where(Message.rank.is_not(None))).all()
        arrivals.take_in([_status(message, status, at, code) for message in taken])


def settle(merchant: Merchant, message_id: UUID, status: str) -> None:
    """Meta says this of a message whose wamid we never heard."""
    with db.merchant(merchant.id) as session:
        lost = session.get_one(Message, (merchant.id, message_id))
        said = _status(lost, status, None, None)
        callback = callbacks.write(lost.id, lost.attempt)
        arrivals.take_in([replace(said, wamid=f"wamid.{lost.id}", callback=callback)])


def _status(message: Message, status: str, at: datetime | None, code: int | None) -> Status:
    return Status(
        phone_number_id=message.channel.phone_number_id,
        waba_id=None,
        field="messages",
        wamid=message.wamid or "",
        status=status,
        at=at or utcnow(),
        recipient=Person(wa_id="212661234567"),
        errors=({"code": code, "title": "no"},) if code else (),
    )


def write(merchant: Merchant, text: str = "Oui", **changes: Any) -> None:
    """The customer writes."""
    with db.merchant(merchant.id):
        arrivals.take_in([factories.inbound(text, **changes)])


def tap(merchant: Merchant, order_id: UUID, index: int, text: str, **changes: Any) -> None:
    """The customer touches a button of the run about this order."""
    run = run_of(merchant, order_id)
    event = {"kind": "button", "button_payload": runs.payload(run, index), "button_text": text}
    write(merchant, text, **(event | changes))


def run_of(merchant: Merchant, order_id: UUID) -> Run:
    """The last run about the order, with its message loaded."""
    with db.merchant(merchant.id) as session:
        wanted = select(Run).where(Run.order_id == order_id).order_by(Run.created_at, Run.id)
        run = session.scalars(wanted).all()[-1]
        assert run.message is None or run.message.id
        assert run.state
        return run


def order_of(merchant: Merchant, order_id: UUID) -> Order:
    with db.merchant(merchant.id) as session:
        order = session.get_one(Order, (merchant.id, order_id))
        assert order.stage.name
        return order
