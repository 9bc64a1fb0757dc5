"""may(member, "orders.move"), and what money a role may see."""

from __future__ import annotations

from models.user import Membership, Role

_AGENT = {
    "inbox.read",
    "inbox.reply",
    "inbox.assign",
    "orders.read",
    "orders.create",
    "orders.edit",
    "orders.move",
    "customers.edit",
    "automations.read",
    "templates.read",
}
_MANAGER = _AGENT | {
    "orders.correct",
    "orders.export",
    "pipeline.edit",
    "settings.edit",
    "automations.edit",
    "templates.edit",
    "costs.read",
    "costs.edit",
    "money.see",
}

PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.AGENT: frozenset(_AGENT),
    Role.MANAGER: frozenset(_MANAGER),
    Role.OWNER: frozenset(_MANAGER | {"team.edit", "channels.edit"}),
}
EVERY = frozenset().union(*PERMISSIONS.values())


def may(member: Membership, permission: str) -> bool:
    """Whether this member's role has the permission; KeyError for one that does not exist."""
    if permission not in EVERY:
        raise KeyError(permission)
    return member.active and permission in PERMISSIONS[member.role]


def sees_money(member: Membership) -> bool:
    """Whether revenue, totals spent and what Meta costs may reach this person's pages (R12).

    The amount of the one order an agent takes or confirms is not an indicator: everybody who
    may read the order sees it.
    """
    return may(member, "money.see")
