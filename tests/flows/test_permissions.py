"""Every role and every permission, pair by pair."""

from __future__ import annotations

import itertools

import pytest

from flows import permissions
from models.types import utcnow
from models.user import Membership, Role

# o owner, m manager, a confirmation agent, d delivery agent, v viewer
TABLE = {
    "orders.all": "omav",
    "money.see": "om",
    "indicators.read": "omav",
    "inbox.read": "omadv",
    "inbox.reply": "omad",
    "inbox.assign": "oma",
    "orders.read": "omadv",
    "orders.create": "oma",
    "orders.edit": "oma",
    "orders.move": "omad",
    "orders.correct": "om",
    "orders.export": "om",
    "customers.edit": "oma",
    "automations.read": "omav",
    "automations.edit": "om",
    "templates.read": "omav",
    "templates.edit": "om",
    "costs.read": "om",
    "costs.edit": "om",
    "pipeline.edit": "om",
    "settings.edit": "om",
    "channels.edit": "o",
    "team.edit": "o",
    "audit.read": "o",
}
PAIRS = list(itertools.product(Role, sorted(TABLE)))
LETTERS = {
    Role.OWNER: "o",
    Role.MANAGER: "m",
    Role.AGENT: "a",
    Role.COURIER: "d",
    Role.VIEWER: "v",
    Role.CUSTOM: "-",
}


def member(role: Role, *grants: str) -> Membership:
    return Membership(name="X", role=role, grants=list(grants))


def test_the_table_knows_every_permission_and_so_does_the_matrix_people_edit() -> None:
    in_matrix = [name for group in permissions.GROUPS.values() for name in group]

    assert set(TABLE) == permissions.EVERY
    assert sorted(in_matrix) == sorted(permissions.EVERY)


@pytest.mark.parametrize(("role", "permission"), PAIRS)
def test_a_role_may_what_the_table_says(role: Role, permission: str) -> None:
    assert permissions.may(member(role), permission) == (LETTERS[role] in TABLE[permission])


@pytest.mark.parametrize(("role", "permission"), PAIRS)
def test_who_is_disabled_may_nothing(role: Role, permission: str) -> None:
    who = member(role, *TABLE)
    who.disabled_at = utcnow()

    assert not permissions.may(who, permission)


@pytest.mark.parametrize("permission", sorted(TABLE))
def test_an_own_role_may_exactly_what_was_ticked(permission: str) -> None:
    who = member(Role.CUSTOM, permission)

    may = {name for name in TABLE if permissions.may(who, name)}

    assert may == ({permission} - permissions.OWNERS_ONLY)
    assert permissions.sees_money(who) == (permission == "money.see")
    assert permissions.sees_all(who) == (permission == "orders.all")


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.CUSTOM])
def test_grants_give_nothing_to_a_role_that_is_not_ones_own(role: Role) -> None:
    assert permissions.permissions_of(member(role, *TABLE)) == permissions.PERMISSIONS[role]


def test_a_permission_that_does_not_exist_is_a_bug() -> None:
    with pytest.raises(KeyError):
        permissions.may(member(Role.OWNER), "orders.raed")
