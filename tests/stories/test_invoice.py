"""A day of a shop, told by Meta in disorder: its charges are the simulator's invoice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select, update

from bot.simulator import Simulator
from flows import costs, messages, outbox
from models import db
from models.channel import Channel
from models.conversation import Conversation
from models.cost import Charge
from models.merchant import Merchant
from models.message import Origin
from models.template import MessageTemplate
from models.types import utcnow
from tests.stories.steps import Work, settle

DISORDER: dict[str, dict[str, Any]] = {
    "in order": {},
    "twice, shuffled, batched": {
        **{"duplicate": 2, "shuffle": True, "ordered": False, "batch": 7, "shape": "mixed"},
    },
    "a price on one status only": {"pricing": "delivered", "shuffle": True, "ordered": False},
    "without contacts, told early": {"contacts": False, "early": True, "duplicate": 1},
}


@pytest.mark.parametrize("how", DISORDER)
def test_our_charges_are_the_simulators_invoice_to_the_millionth(
    shop: Merchant, simulator: Simulator, work: Work, how: str
) -> None:
    for who in ("fatima", "khadija", "nadia"):
        simulator.write(who, "Salam")
    settle(simulator, work)
    with simulator.manners(**DISORDER[how]):
        talk_and_advertise(shop)
        settle(simulator, work)

    with db.merchant(shop.id) as session:
        ours = {charge.wamid: charge for charge in session.scalars(select(Charge))}
    theirs = {line["wamid"]: line for line in simulator.invoice()}

    assert len(theirs) == 9
    assert ours.keys() == theirs.keys()
    for wamid, line in theirs.items():
        assert ours[wamid].category == line["pricing"]["category"]
        assert ours[wamid].local_date.isoformat() == line["date"]
    assert drift_tomorrow(shop, simulator, work) == [(9, 9, 0)]


def talk_and_advertise(shop: Merchant) -> None:
    """To each of the three: an answer, a confirmation, an offer."""
    with db.merchant(shop.id) as session:
        known = {t.name: t for t in session.scalars(select(MessageTemplate)) if t.language == "fr"}
        for talk in session.scalars(select(Conversation)).all():
            messages.queue_text(talk, "Bonjour, avec plaisir")
            for name in ("order_confirmation", "back_in_stock"):
                template = known[name]
                blanks = {variable.key: "1" for variable in template.variables}
                messages.queue_template(talk, template, blanks, origin=Origin.AGENT)


def drift_tomorrow(
    shop: Merchant, simulator: Simulator, work: Work
) -> list[tuple[int, int, int | None]]:
    """Messages we counted, those Meta did, and ours less its millionths; once the day is over."""
    simulator.advance(86_400)
    today = utcnow()
    with time_machine.travel(today + timedelta(days=1)):
        with db.merchant(shop.id) as session:
            session.execute(update(Channel).values(reckoning_due_at=utcnow()))
        outbox.sweep()
        work()
        with db.merchant(shop.id):
            days = costs.drift(today.date().replace(day=1))
    return [(day.ours, day.theirs, day.micros) for day in days if day.ours or day.theirs]
