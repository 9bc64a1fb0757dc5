"""The two tables of the specification, cell by cell: §3.3 who may move, §3.2 what machines read.

They are written out here once more on purpose: a slip in the code's own table cannot hide.
"""

from itertools import product

import pytest

from flows import pipeline
from flows.errors import Refused
from models.db import MerchantSession
from models.pipeline import Stage, Status, SystemState
from models.timeline import AUTOMATION, CUSTOMER, SYSTEM, Actor, By
from models.user import Membership
from tests.flows import shop

CARRIER, STORE = By(Actor.CARRIER), By(Actor.STORE)

# Which letters of whom open a cell:
#   e everybody, machines too · p people, customers, automations and the house, but no machine
#   m who corrects orders · d everybody, where nothing is shipped · . nobody · = already there
CELLS = """
                  new unr toc con shp dfl dlv ret can
new                =   p   p   e   m   .   d   .   p
unreachable        p   =   p   e   m   .   .   .   p
to_confirm         p   p   =   e   m   .   d   .   p
confirmed          m   p   p   =   e   .   d   .   p
shipped            .   .   .   m   =   e   e   p   p
delivery_failure   .   .   m   m   e   =   e   p   p
delivered          .   .   .   .   .   m   =   p   .
returned           .   .   .   .   .   .   .   =   .
cancelled          m   .   .   .   .   .   .   .   =
"""
LETTERS = {
    (SystemState(row.split()[0]), to): letter
    for row in CELLS.strip().splitlines()[1:]
    for to, letter in zip(SystemState, row.split()[1:], strict=True)
}
OPENS = {
    "agent": "ep",
    "manager": "epm",
    "owner": "epm",
    "customer": "ep",
    "automation": "ep",
    "system": "ep",
    "carrier": "e",
    "store": "e",
}


def actors(agent: Membership, manager: Membership, owner: Membership) -> dict[str, By]:
    return {
        "agent": By.user(agent),
        "manager": By.user(manager),
        "owner": By.user(owner),
        "customer": CUSTOMER,
        "automation": AUTOMATION,
        "system": SYSTEM,
        "carrier": CARRIER,
        "store": STORE,
    }


def test_the_specification_has_81_cells() -> None:
    assert set(LETTERS) == set(product(SystemState, SystemState))
    assert set("".join(LETTERS.values())) == set("epmd.=")


@pytest.mark.parametrize("here", list(SystemState))
def test_every_cell_opens_for_exactly_whom_the_table_says(
    here: SystemState,
    agent: Membership,
    manager: Membership,
    owner: Membership,
    session: MerchantSession,
) -> None:
    order = shop.order(on=here)
    for ships in (True, False):
        shop.pipeline_of().ships = ships

        said = {
            (name, there): there in states(pipeline.allowed(order, by))
            for name, by in actors(agent, manager, owner).items()
            for there in SystemState
        }

        opens = {name: letters + "d" * (not ships) for name, letters in OPENS.items()}
        assert said == {(name, there): LETTERS[here, there] in opens[name] for name, there in said}


@pytest.mark.parametrize("here", list(SystemState))
def test_every_move_the_table_allows_can_be_made_and_no_other(
    here: SystemState, manager: Membership, session: MerchantSession
) -> None:
    by = By.user(manager)
    for there in set(SystemState) - {here}:
        order = shop.order(on=here)

        if LETTERS[here, there] in OPENS["manager"]:
            pipeline.move(order, shop.stage(there), by=by)
            assert (order.stage.state, order.state) == (there, there)
        else:
            with pytest.raises(Refused) as no:
                pipeline.move(order, shop.stage(there), by=by)
            assert (no.value.code, no.value.status) == ("transition_refused", 409)
            assert order.state == here


# --- machines only bring good news ----------------------------------------------------------------


def test_a_stage_without_state_is_a_step_up_only_after_confirmed(session: MerchantSession) -> None:
    packing = shop.stage("Préparation")
    confirmed, shipped = shop.order(on=SystemState.CONFIRMED), shop.order(on=SystemState.SHIPPED)

    assert packing in pipeline.allowed(confirmed, STORE)
    assert packing not in pipeline.allowed(shipped, STORE)
    assert packing not in pipeline.allowed(shop.order(), STORE)


def test_a_machine_never_takes_a_packed_order_back_to_confirmed(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=SystemState.CONFIRMED)
    pipeline.move(order, shop.stage("Préparation"), by=By.user(agent))

    assert shop.stage(SystemState.CONFIRMED) in pipeline.allowed(order, By.user(agent))
    assert states(pipeline.allowed(order, CARRIER)) == {SystemState.SHIPPED}


def test_a_machine_touches_nothing_that_is_over(session: MerchantSession) -> None:
    for over in (SystemState.DELIVERED, SystemState.RETURNED, SystemState.CANCELLED):
        assert pipeline.allowed(shop.order(on=over), CARRIER) == []


# --- the seven public statuses --------------------------------------------------------------------

# The table of §3.2: the state, the status on a stage that has it, and on a stage without any.
STATUSES = """
new               pending    pending
unreachable       pending    pending
to_confirm        pending    pending
confirmed         confirmed  processing
shipped           shipped    shipped
delivery_failure  shipped    shipped
delivered         delivered  delivered
returned          returned   returned
cancelled         cancelled  cancelled
"""


def test_the_public_status_follows_from_the_last_state(
    agent: Membership, session: MerchantSession
) -> None:
    for row in STATUSES.strip().splitlines():
        state, on_its_stage, without = row.split()
        order = shop.order(on=SystemState(state))

        assert order.status == Status(on_its_stage)
        entry = pipeline.move(order, shop.stage("Préparation"), by=By.user(agent))

        assert (order.status, order.state) == (Status(without), state)
        told = entry.facts["from_status"], entry.facts["to_status"]
        assert told == (on_its_stage, without)


def states(stages: list[Stage]) -> set[SystemState]:
    return {stage.state for stage in stages if stage.state is not None}
