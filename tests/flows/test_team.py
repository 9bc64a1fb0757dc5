"""Coming in, changing, going: the team and what it looks after."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import time_machine
from click.testing import CliRunner
from sqlalchemy import ColumnElement, Select, event, func, select

from cli import wasl
from flows import conversations, listing, permissions, plans, search, team, threads
from flows.errors import Invalid, NotFound, Refused
from flows.team import groups, handing, invitations, roles
from models import db
from models.conversation import Activity, Conversation
from models.db import Row
from models.merchant import Merchant
from models.order import Order
from models.pipeline import SystemState
from models.team import Invitation
from models.timeline import Entry
from models.types import utcnow
from models.user import Membership, Role, User
from tests import factories
from tests.flows import shop

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _cheap(cheap_passwords: None) -> None:
    pass


@pytest.fixture(autouse=True)
def _room_for_everybody(merchant: Merchant) -> None:
    plans.change(merchant.id, "plus")


def invited(merchant: Merchant, owner: Membership, role: Role = Role.AGENT) -> str:
    with db.merchant(merchant.id):
        return team.invite("zineb@example.com", role, by=owner)[1]


# --- coming in ------------------------------------------------------------------------------------


def test_somebody_invited_joins_with_a_name_and_a_password(
    merchant: Merchant, owner: Membership
) -> None:
    token = invited(merchant, owner, Role.VIEWER)

    joined = team.accept(token, user=None, name="Zineb", password=PASSWORD)

    assert (joined.member.name, joined.member.role) == ("Zineb", Role.VIEWER)
    assert joined.member.merchant_id == merchant.id
    with pytest.raises(Refused, match="link_gone"):
        team.accept(token, user=None, name="Zineb", password=PASSWORD)


def test_two_who_open_one_link_at_once_are_one_member(
    merchant: Merchant, owner: Membership
) -> None:
    token = invited(merchant, owner)
    together = Barrier(4)

    def join(_: int) -> bool:
        together.wait()
        try:
            team.accept(token, user=None, name="Zineb", password=PASSWORD)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(join, range(4))) == [False, False, False, True]


def test_the_link_stands_nowhere_in_the_database(merchant: Merchant, owner: Membership) -> None:
    token = invited(merchant, owner)

    with db.house() as house:
        kept = house.scalars(select(Invitation)).one()
    assert token.encode() not in kept.token_hash


def test_an_invitation_ends_after_seven_days(merchant: Merchant, owner: Membership) -> None:
    token = invited(merchant, owner)

    with time_machine.travel(utcnow().timestamp() + 7 * 86_400 + 1), pytest.raises(Refused):
        team.invitation(token)


def test_a_new_link_shuts_the_old_one(merchant: Merchant, owner: Membership) -> None:
    old = invited(merchant, owner)
    with db.merchant(merchant.id):
        new = team.resend(team.invited()[0])

    assert team.invitation(new).invitation.email == "zineb@example.com"
    with pytest.raises(Refused, match="link_gone"):
        team.invitation(old)


def test_inviting_the_same_address_twice_keeps_one_place(
    merchant: Merchant, owner: Membership
) -> None:
    invited(merchant, owner)
    invited(merchant, owner, Role.VIEWER)

    with db.merchant(merchant.id):
        (one,) = team.invited()
        assert (one.role, plans.places_taken()) == (Role.VIEWER, 2)


def test_inviting_the_same_address_twice_at_once_keeps_one_place(
    merchant: Merchant, owner: Membership
) -> None:
    together = Barrier(4)

    def try_it(_: int) -> str:
        together.wait()
        return invited(merchant, owner)

    with ThreadPoolExecutor(4) as pool:
        tokens = list(pool.map(try_it, range(4)))

    with db.merchant(merchant.id):
        assert len(team.invited()) == 1
    good = 0
    for token in tokens:
        try:
            good += bool(team.invitation(token))
        except Refused:
            continue
    assert good == 1


def test_a_withdrawn_invitation_opens_nothing(merchant: Merchant, owner: Membership) -> None:
    token = invited(merchant, owner)
    with db.merchant(merchant.id):
        team.withdraw(invitations.find(team.invited()[0].id))

    with pytest.raises(Refused, match="link_gone"):
        team.accept(token, user=None, name="Zineb", password=PASSWORD)


@pytest.mark.parametrize(
    ("email", "role", "field"),
    [
        ("zineb@example.com", Role.OWNER, "role"),
        ("zineb@example.com", Role.CUSTOM, "role"),
        ("nonsense", Role.AGENT, "email"),
        ("", Role.AGENT, "email"),
    ],
)
def test_what_cannot_be_invited_is_named(
    email: str, role: Role, field: str, owner: Membership, session: db.MerchantSession
) -> None:
    with pytest.raises(Invalid) as wrong:
        team.invite(email, role, by=owner)

    assert list(wrong.value.fields) == [field]
    assert wrong.value.status == 422


def test_who_is_in_the_team_is_not_invited_again(
    owner: Membership, agent: Membership, session: db.MerchantSession
) -> None:
    with db.house() as house:
        email = house.get_one(User, agent.user_id).email

    with pytest.raises(Invalid, match="invalid"):
        team.invite(email.upper(), Role.AGENT, by=owner)


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.OWNER])
def test_only_an_owner_invites(role: Role, merchant: Merchant) -> None:
    who = factories.member(merchant, role.value)

    with db.merchant(merchant.id), pytest.raises(Refused, match="owners_only"):
        team.invite("zineb@example.com", Role.AGENT, by=who)


# --- plans ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("plan", "members"), [("free", 2), ("mini", 5), ("pro", 15)])
def test_a_plan_has_room_for_so_many(
    plan: str, members: int, merchant: Merchant, owner: Membership
) -> None:
    plans.change(merchant.id, plan)

    with db.merchant(merchant.id):
        for n in range(members - 1):
            team.invite(f"n{n}@example.com", Role.AGENT, by=owner)
        with pytest.raises(Refused, match="plan_limit") as refused:
            team.invite("more@example.com", Role.AGENT, by=owner)
    assert refused.value.status == 409


def test_the_biggest_plan_has_room_for_everybody(
    owner: Membership, session: db.MerchantSession
) -> None:
    for n in range(40):
        team.invite(f"n{n}@example.com", Role.AGENT, by=owner)

    assert plans.places_taken() == 41


def test_two_owners_who_invite_at_once_share_the_last_place(
    merchant: Merchant, owner: Membership
) -> None:
    plans.change(merchant.id, "free")
    together = Barrier(4)

    def try_it(n: int) -> bool:
        together.wait()
        try:
            with db.merchant(merchant.id):
                team.invite(f"n{n}@example.com", Role.AGENT, by=owner)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(try_it, range(4))) == [False, False, False, True]


def test_a_smaller_plan_sends_nobody_away_and_stops_no_order(
    merchant: Merchant, owner: Membership, agent: Membership, manager: Membership
) -> None:
    plans.change(merchant.id, "free")

    with db.merchant(merchant.id):
        assert len(team.members()) == 3
        assert shop.order().number
        with pytest.raises(Refused, match="plan_limit"):
            team.invite("zineb@example.com", Role.AGENT, by=owner)


def test_the_plan_changes_from_the_terminal(merchant: Merchant, owner: Membership) -> None:
    done = CliRunner().invoke(wasl, ["merchant", "plan", str(merchant.id), "free"])

    assert done.exit_code == 0
    with db.merchant(merchant.id):
        team.invite("one@example.com", Role.AGENT, by=owner)
        with pytest.raises(Refused, match="plan_limit"):
            team.invite("two@example.com", Role.AGENT, by=owner)


def test_an_unknown_plan_is_refused(merchant: Merchant) -> None:
    with pytest.raises(Refused, match="plan"):
        plans.change(merchant.id, "gold")


# --- owners ---------------------------------------------------------------------------------------


def test_the_last_owner_stays_an_owner(merchant: Merchant, owner: Membership) -> None:
    with db.merchant(merchant.id):
        who = team.find(owner.id)
        with pytest.raises(Refused, match="last_owner") as unmade:
            team.change_role(who, Role.MANAGER, by=who)
        with pytest.raises(Refused, match="last_owner") as disabled:
            team.disable(who, by=who)

    assert (unmade.value.status, disabled.value.status) == (409, 409)


def test_a_disabled_owner_does_not_count(merchant: Merchant, owner: Membership) -> None:
    second = factories.member(merchant, "owner")
    with db.merchant(merchant.id):
        team.disable(team.find(second.id), by=owner)

    with db.merchant(merchant.id), pytest.raises(Refused, match="last_owner"):
        team.change_role(team.find(owner.id), Role.AGENT, by=owner)


def test_two_owners_who_unmake_each_other_at_once_leave_one(
    merchant: Merchant, owner: Membership
) -> None:
    second = factories.member(merchant, "owner")
    together = Barrier(2)

    def unmake(pair: tuple[Membership, Membership]) -> bool:
        by, other = pair
        together.wait()
        try:
            with db.merchant(merchant.id):
                team.change_role(team.find(other.id), Role.AGENT, by=by)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(unmake, [(owner, second), (second, owner)])) == [False, True]


def test_an_owner_makes_an_owner(merchant: Merchant, owner: Membership, agent: Membership) -> None:
    with db.merchant(merchant.id):
        team.change_role(team.find(agent.id), Role.OWNER, by=owner)

    with db.merchant(merchant.id):
        assert permissions.may(team.find(agent.id), "team.edit")


def test_nobody_else_does(merchant: Merchant, manager: Membership, agent: Membership) -> None:
    with db.merchant(merchant.id), pytest.raises(Refused, match="owners_only"):
        team.change_role(team.find(agent.id), Role.OWNER, by=manager)


# --- own roles ------------------------------------------------------------------------------------


def test_an_own_role_changes_for_everybody_who_has_it(
    merchant: Merchant, owner: Membership, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        role = roles.keep(team.NewRole("Caisse", frozenset({"orders.read"})))
        team.change_role(team.find(agent.id), Role.CUSTOM, by=owner, custom_role=role)
    with db.merchant(merchant.id):
        roles.keep(team.NewRole("Caisse", frozenset({"orders.read", "money.see"})), role)

    with db.merchant(merchant.id):
        assert permissions.sees_money(team.find(agent.id))


@pytest.mark.parametrize(
    ("name", "ticked", "field"),
    [
        ("", {"orders.read"}, "name"),
        ("x" * 61, {"orders.read"}, "name"),
        ("Caisse", {"orders.read"}, "name"),
        ("Autre", set(), "permission"),
        ("Autre", {"team.edit"}, "permission"),
        ("Autre", {"everything"}, "permission"),
    ],
)
def test_a_role_that_makes_no_sense_is_named(
    name: str, ticked: set[str], field: str, session: db.MerchantSession
) -> None:
    roles.keep(team.NewRole("Caisse", frozenset({"orders.read"})))

    with pytest.raises(Invalid) as wrong:
        roles.keep(team.NewRole(name, frozenset(ticked)))

    assert list(wrong.value.fields) == [field]


def test_a_role_somebody_has_stays(
    merchant: Merchant, owner: Membership, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        role = roles.keep(team.NewRole("Caisse", frozenset({"orders.read"})))
        team.change_role(team.find(agent.id), Role.CUSTOM, by=owner, custom_role=role)

    with db.merchant(merchant.id), pytest.raises(Refused, match="role_in_use"):
        roles.delete(roles.find(role.id))


# --- whose work goes to whom ----------------------------------------------------------------------


@pytest.fixture
def busy(merchant: Merchant, agent: Membership) -> Membership:
    """An agent with three open orders, a delivered one and a conversation."""
    with db.merchant(merchant.id):
        talk = shop.conversation()
        talk.assignee_id = agent.id
        for _ in range(3):
            shop.order().assignee_id = agent.id
        done = shop.order()
        done.assignee_id, done.state = agent.id, SystemState.DELIVERED
    return agent


def test_all_open_work_goes_to_one_colleague_and_is_said_once(
    merchant: Merchant, owner: Membership, manager: Membership, busy: Membership
) -> None:
    with db.merchant(merchant.id):
        assert team.holdings(busy) == team.Holdings(3, 1)
        handed = team.hand_over(team.find(busy.id), team.find(manager.id), by=owner)

    assert handed == team.Holdings(3, 1)
    with db.merchant(merchant.id) as session:
        assert team.holdings(busy) == team.Holdings(0, 0)
        assert team.holdings(manager) == team.Holdings(3, 1)
        assert session.scalar(_count(Order, Order.assignee_id == busy.id)) == 1
        lines = session.scalars(select(Entry).where(Entry.kind == "edited")).all()
        assert len({line.order_id for line in lines}) == len(lines) == 3
        assert lines[0].facts["changes"][0]["to"] == manager.name
        assert session.scalar(_count(Activity, Activity.kind == "assigned")) == 1


def test_handing_over_twice_says_nothing_more(
    merchant: Merchant, owner: Membership, manager: Membership, busy: Membership
) -> None:
    for _ in range(2):
        with db.merchant(merchant.id):
            team.hand_over(team.find(busy.id), team.find(manager.id), by=owner)

    with db.merchant(merchant.id) as session:
        assert session.scalar(_count(Entry, Entry.kind == "edited")) == 3


def test_work_can_be_left_to_everybody(
    merchant: Merchant, owner: Membership, busy: Membership
) -> None:
    with db.merchant(merchant.id):
        team.hand_over(team.find(busy.id), None, by=owner)

    with db.merchant(merchant.id) as session:
        assert session.scalar(_count(Conversation, Conversation.assignee_id.is_(None))) == 1
        assert session.scalar(_count(Order, Order.assignee_id.is_(None))) == 3


def test_work_goes_to_nobody_who_cannot_come_in(
    merchant: Merchant, owner: Membership, manager: Membership, busy: Membership
) -> None:
    with db.merchant(merchant.id):
        team.disable(team.find(manager.id), by=owner)

    for to in (manager, busy):
        with db.merchant(merchant.id), pytest.raises(Refused, match="no_colleague"):
            team.hand_over(team.find(busy.id), team.find(to.id), by=owner)


def test_handing_over_takes_as_many_statements_for_many_as_for_few(
    merchant: Merchant, owner: Membership, manager: Membership, busy: Membership
) -> None:
    def statements() -> int:
        told: list[str] = []
        with db.merchant(merchant.id) as session:
            who, to = team.find(busy.id), team.find(manager.id)
            engine = session.get_bind()
            event.listen(engine, "before_cursor_execute", lambda *a: told.append(str(a[2])))
            handing.hand_over(who, to, by=owner)
        return len(told)

    few = statements()
    with db.merchant(merchant.id):
        for _ in range(20):
            shop.order().assignee_id = busy.id
    db.forget_connections()

    assert statements() <= few + 1  # no conversation is left, and orders are one list more


def _count(table: type[Row], *where: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(table).where(*where)


# --- teams ----------------------------------------------------------------------------------------


def test_a_team_finds_its_peoples_orders_and_its_cities(
    merchant: Merchant, agent: Membership, manager: Membership
) -> None:
    with db.merchant(merchant.id):
        form = team.NewTeam("Nord", ["fr"], ["Fès", "fes", "Tanger"], frozenset({agent.id}))
        nord = groups.keep(form)
        theirs = shop.order(ship_city="Agadir")
        theirs.assignee_id = agent.id
        open_city = shop.order(ship_city="FES")
        taken = shop.order(ship_city="Tanger")
        taken.assignee_id = manager.id
        search.index(theirs, open_city, taken)
        numbers = {theirs.number, open_city.number}

    with db.merchant(merchant.id) as session:
        filters = listing.Filters.read({"team": [str(nord.id)]})
        found = session.scalars(listing.select_matching(filters)).all()
        assert {session.get_one(Order, (merchant.id, id_)).number for id_ in found} == numbers
        assert groups.find(nord.id).cities == ["fes", "Tanger"]


def test_a_team_finds_its_conversations(
    merchant: Merchant, agent: Membership, manager: Membership, owner: Membership
) -> None:
    with db.merchant(merchant.id):
        form = team.NewTeam("Nord", members=frozenset({agent.id, manager.id}))
        groups.keep(form)
        conversations.assign(shop.conversation(), team.find(agent.id), by=owner)

    with db.merchant(merchant.id):
        assert len(threads.listed(show="team", member=manager)) == 1
        assert threads.listed(show="team", member=owner) == []
        assert threads.overview(manager).in_team
        assert not threads.overview(owner).in_team


def test_a_team_that_goes_leaves_its_people_and_its_work(
    merchant: Merchant, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        nord = groups.keep(team.NewTeam("Nord", members=frozenset({agent.id})))
        shop.conversation().team_id = nord.id
    with db.merchant(merchant.id):
        groups.remove(groups.find(nord.id))

    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Conversation.team_id)).one() is None
        assert team.find(agent.id).active
        with pytest.raises(NotFound):
            groups.find(nord.id)


def test_people_of_another_merchant_are_in_no_team_of_ours(
    merchant: Merchant, stranger: Membership
) -> None:
    with db.merchant(merchant.id):
        nord = groups.keep(team.NewTeam("Nord", members=frozenset({stranger.id})))

        assert groups.members_of(nord) == frozenset()
