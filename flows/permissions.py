"""may(member, "orders.move"), and what money a role may see."""

from __future__ import annotations

from flows.errors import N_
from models.user import Membership, Role

GROUPS: dict[str, dict[str, str]] = {
    # The matrix of a custom role: room → permission → what it lets somebody do.
    N_("Everywhere"): {
        "orders.all": N_("See everybody's orders and conversations, not only their own"),
        "money.see": N_("See revenue, totals spent and what messages cost"),
        "indicators.read": N_("See how the shop is doing: rates and counts"),
    },
    N_("Inbox"): {
        "inbox.read": N_("Read conversations"),
        "inbox.reply": N_("Answer customers"),
        "inbox.assign": N_("Give conversations to colleagues"),
    },
    N_("Orders"): {
        "orders.read": N_("See orders"),
        "orders.create": N_("Take orders"),
        "orders.edit": N_("Change what an order says"),
        "orders.move": N_("Move orders along the pipeline, call customers"),
        "orders.correct": N_("Correct what is done: closed orders, others' moves, blocks"),
        "orders.export": N_("Export orders to a file"),
        "customers.edit": N_("Change customers' cards"),
    },
    N_("Automatic messages"): {
        "automations.read": N_("See automations and what they sent"),
        "automations.edit": N_("Change automations"),
        "templates.read": N_("See templates"),
        "templates.edit": N_("Write templates and submit them"),
        "costs.read": N_("See what Meta charges"),
        "costs.edit": N_("Take in price lists, set a budget"),
    },
    N_("Settings"): {
        "pipeline.edit": N_("Shape the pipeline"),
        "settings.edit": N_("Change delivery fees, calls and quiet hours"),
        "channels.edit": N_("Connect WhatsApp numbers"),
        "team.edit": N_("Invite people, change roles, disable access"),
        "audit.read": N_("Read who changed what"),
    },
}
OWNERS_ONLY = frozenset({"team.edit", "channels.edit", "audit.read"})
"""In no custom role: who may hand out rights could hand them to themselves."""

_READING = {
    "orders.all",
    "indicators.read",
    "inbox.read",
    "orders.read",
    "automations.read",
    "templates.read",
}
_AGENT = _READING | {
    "inbox.reply",
    "inbox.assign",
    "orders.create",
    "orders.edit",
    "orders.move",
    "customers.edit",
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

EVERY = frozenset(_MANAGER | OWNERS_ONLY)
GRANTABLE = EVERY - OWNERS_ONLY

PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.OWNER: EVERY,
    Role.MANAGER: frozenset(_MANAGER),
    Role.AGENT: frozenset(_AGENT),
    Role.COURIER: frozenset({"inbox.read", "inbox.reply", "orders.read", "orders.move"}),
    Role.VIEWER: frozenset(_READING),
    Role.CUSTOM: frozenset(),
}


def may(member: Membership, permission: str) -> bool:
    """Whether this member's role has the permission; KeyError for one that does not exist."""
    if permission not in EVERY:
        raise KeyError(permission)
    return member.active and permission in permissions_of(member)


def permissions_of(member: Membership) -> frozenset[str]:
    """What the role says, whether or not the member is disabled."""
    if member.role is Role.CUSTOM:
        return GRANTABLE.intersection(member.grants)
    return PERMISSIONS[member.role]


def sees_money(member: Membership) -> bool:
    """Whether revenue, totals spent and what Meta costs may reach this person's pages (R12).

    The amount of the one order an agent takes or confirms is not an indicator: everybody who
    may read the order sees it.
    """
    return may(member, "money.see")


def sees_all(member: Membership) -> bool:
    """Whether they see everybody's orders and conversations, or only those given to them (R13)."""
    return may(member, "orders.all")
