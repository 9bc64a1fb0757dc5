"""The bell: who hears what, once, and what is left to look at."""

from __future__ import annotations

from flows import notifications
from models import db
from models.merchant import Merchant
from models.types import utcnow
from models.user import Membership


def _waiting(who: Membership) -> list[str]:
    with db.merchant(who.merchant_id):
        return [one.kind for one in notifications.listed(who) if one.read_at is None]


def test_those_it_is_for_are_told_but_not_who_did_it(
    merchant: Merchant, owner: Membership, manager: Membership, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        notifications.tell("review", but=manager)
        notifications.tell("template_paused", facts={"template": "relance"})

    assert _waiting(agent) == ["review"]
    assert _waiting(manager) == ["template_paused"]
    assert sorted(_waiting(owner)) == ["review", "template_paused"]


def test_a_person_chooses_what_may_ring(merchant: Merchant, agent: Membership) -> None:
    with db.merchant(merchant.id):
        notifications.choose(agent, {"review": False, "new_order": True})
        notifications.choose(agent, {"review": False})

        notifications.tell("review")
        notifications.tell("new_order")

    assert _waiting(agent) == ["new_order"]


def test_a_disabled_member_hears_nothing(merchant: Merchant, agent: Membership) -> None:
    with db.merchant(merchant.id) as session:
        session.get_one(Membership, (merchant.id, agent.id)).disabled_at = utcnow()

    with db.merchant(merchant.id):
        notifications.tell("review")

    assert _waiting(agent) == []


def test_nobody_reads_another_ones_bell(
    merchant: Merchant, agent: Membership, manager: Membership
) -> None:
    with db.merchant(merchant.id):
        notifications.tell("review")
        notifications.mark_read(agent)

        assert notifications.unread(agent) == 0
        assert notifications.unread(manager) == 1


def test_the_list_goes_on_below_a_place(merchant: Merchant, agent: Membership) -> None:
    with db.merchant(merchant.id):
        for _ in range(notifications.PAGE + 2):
            notifications.tell("review")

        first = notifications.listed(agent)
        rest = notifications.listed(agent, before=first[-1].id)

    assert (len(first), len(rest)) == (notifications.PAGE, 2)
    assert not {one.id for one in first} & {one.id for one in rest}
