"""What the lines of the audit say: a sentence for each kind, a word for each field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Blueprint
from markupsafe import Markup

from flows import permissions, plans
from flows.errors import N_ as N_
from inbox import filters
from inbox.current import ROLE_NAMES, current
from inbox.languages import gettext
from models.audit import AuditEntry

ROOMS = {
    "door": N_("Signing in"),
    "account": N_("Accounts"),
    "team": N_("Team"),
    "security": N_("Security"),
    "exports": N_("Exports"),
    "pipeline": N_("Pipeline"),
    "automations": N_("Automations"),
    "templates": N_("Templates"),
    "delivery": N_("Delivery fees"),
    "rules": N_("Calls and quiet hours"),
    "channels": N_("WhatsApp numbers"),
    "costs": N_("Costs"),
    "library": N_("Saved answers"),
    "views": N_("Shared views"),
}
ICONS = {
    "door": "user",
    "account": "user",
    "team": "assign",
    "security": "lock",
    "exports": "download",
    "pipeline": "board",
    "automations": "bolt",
    "templates": "template",
    "delivery": "truck",
    "rules": "phone",
    "channels": "phone",
    "costs": "coins",
    "library": "note",
    "views": "table",
}


class Look(NamedTuple):
    """The sentence of a kind; green begins, red ends or was refused, orange wants a look."""

    sentence: str
    color: str = "gray"


LOOKS: dict[str, Look] = {
    "door.in": Look(N_("Signed in"), "green"),
    "door.out": Look(N_("Signed out")),
    "door.came_over": Look(N_("Came over from another business"), "green"),
    "door.password_refused": Look(N_("Wrong password for the account of %(on)s"), "red"),
    "door.code_refused": Look(N_("Right password, wrong code for the account of %(on)s"), "red"),
    "account.renamed": Look(N_("Name changed")),
    "account.email_changed": Look(N_("E-mail of %(on)s changed"), "orange"),
    "account.password_changed": Look(N_("Password of %(on)s changed"), "orange"),
    "account.password_reset": Look(N_("Password of %(on)s set anew by a link"), "orange"),
    "account.browser_ended": Look(N_("A browser of %(on)s signed out")),
    "account.browsers_ended": Look(N_("All other browsers of %(on)s signed out")),
    "account.second_step_on": Look(N_("Second step of %(on)s turned on"), "green"),
    "account.second_step_off": Look(N_("Second step of %(on)s turned off"), "orange"),
    "account.codes_renewed": Look(N_("New recovery codes for %(on)s"), "orange"),
    "account.recovery_used": Look(N_("A recovery code of %(on)s was used"), "orange"),
    "team.added": Look(N_("%(on)s joined the team"), "green"),
    "team.founded": Look(N_("Account opened: %(on)s"), "green"),
    "team.moved_in": Look(N_("List of first steps put away")),
    "team.plan": Look(N_("Plan changed"), "blue"),
    "team.invited": Look(N_("%(on)s invited"), "blue"),
    "team.invited_again": Look(N_("New link for the invitation of %(on)s"), "blue"),
    "team.withdrawn": Look(N_("Invitation of %(on)s withdrawn"), "orange"),
    "team.joined": Look(N_("%(on)s joined the team"), "green"),
    "team.role_changed": Look(N_("Role of %(on)s changed"), "orange"),
    "team.disabled": Look(N_("%(on)s disabled"), "red"),
    "team.enabled": Look(N_("%(on)s let in again"), "green"),
    "team.handed_over": Look(N_("Work of %(on)s handed over")),
    "team.reset_link": Look(N_("Link for a new password of %(on)s made"), "orange"),
    "team.group_added": Look(N_("Team “%(on)s” added"), "green"),
    "team.group_changed": Look(N_("Team “%(on)s” changed")),
    "team.group_deleted": Look(N_("Team “%(on)s” deleted"), "red"),
    "team.own_role_added": Look(N_("Role “%(on)s” added"), "green"),
    "team.own_role_changed": Look(N_("Role “%(on)s” changed"), "orange"),
    "team.own_role_deleted": Look(N_("Role “%(on)s” deleted"), "red"),
    "team.browsers_ended": Look(N_("%(on)s signed out everywhere"), "orange"),
    "team.second_step_reset": Look(N_("Second step of %(on)s reset"), "orange"),
    "security.required": Look(N_("Roles that must have a second step changed"), "orange"),
    "security.resealed": Look(N_("Secrets sealed anew with a new key")),
    "exports.charges": Look(N_("Charges exported"), "blue"),
    "exports.orders": Look(N_("Orders exported"), "blue"),
    "exports.delivery": Look(N_("Delivery fees exported"), "blue"),
    "exports.audit": Look(N_("Audit exported"), "blue"),
    "pipeline.added": Look(N_("Pipeline “%(on)s” added"), "green"),
    "pipeline.changed": Look(N_("Pipeline “%(on)s” changed")),
    "pipeline.deleted": Look(N_("Pipeline “%(on)s” deleted"), "red"),
    "pipeline.reordered": Look(N_("Stages of “%(on)s” put in another order")),
    "pipeline.stage_added": Look(N_("Stage “%(on)s” added"), "green"),
    "pipeline.stage_changed": Look(N_("Stage “%(on)s” changed")),
    "pipeline.stage_deleted": Look(N_("Stage “%(on)s” deleted"), "red"),
    "pipeline.moves": Look(N_("Moves from “%(on)s” changed")),
    "automations.added": Look(N_("Automation “%(on)s” added"), "green"),
    "automations.changed": Look(N_("Automation “%(on)s” changed")),
    "automations.switched_on": Look(N_("Automation “%(on)s” switched on"), "green"),
    "automations.switched_off": Look(N_("Automation “%(on)s” switched off"), "orange"),
    "automations.deleted": Look(N_("Automation “%(on)s” deleted"), "red"),
    "templates.drafted": Look(N_("Draft of the template %(on)s kept")),
    "templates.submitted": Look(N_("Template %(on)s submitted to WhatsApp"), "blue"),
    "templates.discarded": Look(N_("Draft of the template %(on)s thrown away")),
    "templates.deleted": Look(N_("Template %(on)s deleted"), "red"),
    "templates.file": Look(N_("File of the template %(on)s changed")),
    "templates.acknowledged": Look(N_("New price of the template %(on)s seen")),
    "delivery.usual": Look(N_("Usual delivery fee changed")),
    "delivery.zone_added": Look(N_("Delivery zone “%(on)s” added"), "green"),
    "delivery.zone_changed": Look(N_("Delivery zone “%(on)s” changed")),
    "delivery.zone_deleted": Look(N_("Delivery zone “%(on)s” deleted"), "red"),
    "delivery.imported": Look(N_("List of delivery fees brought in"), "blue"),
    "rules.changed": Look(N_("Calls and quiet hours changed")),
    "channels.added": Look(N_("WhatsApp number “%(on)s” added"), "green"),
    "channels.changed": Look(N_("WhatsApp number “%(on)s” changed")),
    "channels.connected": Look(N_("WhatsApp number “%(on)s” connected"), "green"),
    "channels.renamed": Look(N_("WhatsApp number “%(on)s” renamed")),
    "channels.token": Look(N_("Access token of “%(on)s” replaced"), "orange"),
    "channels.app_secret": Look(N_("App secret of “%(on)s” changed"), "orange"),
    "channels.paused": Look(N_("WhatsApp number “%(on)s” paused"), "orange"),
    "channels.stopped": Look(N_("WhatsApp number “%(on)s” paused: Meta refuses its token"), "red"),
    "channels.resumed": Look(N_("WhatsApp number “%(on)s” goes on"), "green"),
    "channels.profile": Look(N_("What customers see of “%(on)s” changed")),
    "channels.removed": Look(N_("WhatsApp number “%(on)s” removed"), "red"),
    "costs.list_taken": Look(N_("Price list in %(on)s taken"), "blue"),
    "costs.list_for_all": Look(N_("Meta's new price list in %(on)s taken"), "blue"),
    "costs.priced": Look(N_("Charges without a price priced anew"), "blue"),
    "costs.budget": Look(N_("Budget in %(on)s changed")),
    "library.added": Look(N_("Saved answer “%(on)s” added"), "green"),
    "library.changed": Look(N_("Saved answer “%(on)s” changed")),
    "library.deleted": Look(N_("Saved answer “%(on)s” deleted"), "red"),
    "views.shared": Look(N_("View “%(on)s” shared with everybody"), "green"),
    "views.changed": Look(N_("Everybody's view “%(on)s” changed")),
    "views.deleted": Look(N_("Everybody's view “%(on)s” deleted"), "red"),
}

FIELDS = {
    "about": N_("About"),
    "address": N_("Address"),
    "budget": N_("Budget"),
    "conversations": N_("Conversations"),
    "country": N_("Country"),
    "currency": N_("Currency"),
    "from_day": N_("From"),
    "languages": N_("Languages"),
    "markets": N_("Markets"),
    "month": N_("Month"),
    "open_orders": N_("Open orders"),
    "number_id": N_("Phone number id"),
    "people": N_("People"),
    "permissions": N_("Permissions"),
    "picture": N_("Picture"),
    "plan": N_("Plan"),
    "text": N_("Text"),
    "time_zone": N_("Time zone"),
    "to_whom": N_("Handed over to"),
    "websites": N_("Websites"),
    "account": N_("WhatsApp account"),
    "active": N_("Active"),
    "agent": N_("Browser"),
    "at_time": N_("At this hour"),
    "automations": N_("Automations switched off"),
    "buttons": N_("Buttons"),
    "call_again_minutes": N_("Minutes until the next try"),
    "call_limit": N_("Calls until Unreachable"),
    "category": N_("Category"),
    "channel": N_("WhatsApp number"),
    "cities": N_("Cities"),
    "changed": N_("Cities that change"),
    "color": N_("Colour"),
    "columns": N_("Columns"),
    "copy_of": N_("Copy of"),
    "count": N_("How many"),
    "delay": N_("Delay, in seconds"),
    "description": N_("Note"),
    "desk": N_("To the office"),
    "email": N_("E-mail"),
    "everywhere": N_("In all languages"),
    "fallback": N_("Stage when nobody answers"),
    "file": N_("File"),
    "filters": N_("Filters"),
    "format": N_("File type"),
    "free_above": N_("Free from"),
    "home": N_("To the door"),
    "ip": N_("Address"),
    "language": N_("Language"),
    "left": N_("Codes left"),
    "name": N_("Name"),
    "new": N_("New cities"),
    "number": N_("Number"),
    "on_failure": N_("When sending fails"),
    "orders": N_("Orders on it"),
    "pipeline": N_("Pipeline"),
    "place": N_("Place"),
    "preset": N_("Made from"),
    "quiet_from": N_("Quiet from"),
    "quiet_until": N_("Quiet until"),
    "reasons": N_("Reasons"),
    "resends": N_("Times sent again"),
    "respects_quiet": N_("Waits for the end of quiet hours"),
    "retrigger": N_("Sends again when the order comes back"),
    "role": N_("Role"),
    "roles": N_("Roles"),
    "second_step": N_("Second step"),
    "ships": N_("Orders are parcels"),
    "stage": N_("Stage"),
    "stages": N_("Stages"),
    "state": N_("State"),
    "target": N_("Its orders go to"),
    "template": N_("Template"),
    "timeout": N_("Time without an answer, in seconds"),
    "timeout_from": N_("Time without an answer counts from"),
    "to": N_("Leads to"),
    "usual": N_("Usual fee"),
    "variables": N_("Variables"),
}
AMOUNTS = ("home", "desk", "free_above", "usual")
WAYS = {"code": N_("by the authenticator"), "recovery": N_("by a recovery code")}


def attach(pages: Blueprint) -> None:
    pages.app_template_filter("audit_look")(look)
    pages.app_template_filter("audit_sentence")(sentence)
    pages.app_template_filter("audit_changes")(changes)


def look(entry: AuditEntry) -> tuple[str, str]:
    """Icon and colour of a line."""
    return ICONS.get(entry.room, "info"), LOOKS.get(entry.kind, Look("")).color


def sentence(entry: AuditEntry) -> Markup:
    """What happened; the code of the kind where there is no sentence for it."""
    found = LOOKS.get(entry.kind)
    if found is None:
        return filters.ltr(entry.kind) + (Markup(" ") + filters.bdi(entry.on) if entry.on else "")
    return Markup(gettext(found.sentence)) % {"on": filters.bdi(entry.on)}  # noqa: S704


def changes(entry: AuditEntry) -> Iterator[tuple[str, Markup, Markup]]:
    """(field, before, after) of a line."""
    before, after = entry.before or {}, entry.after or {}
    for name in {**before, **after}:
        word = gettext(FIELDS[name]) if name in FIELDS else name
        yield word, _value(name, before.get(name)), _value(name, after.get(name))


def _value(name: str, value: Any) -> Markup:
    if value is None or value in ("", [], {}):
        return Markup("–")
    if isinstance(value, bool):
        return filters.bdi(gettext(N_("Yes") if value else N_("No")))
    if name in AMOUNTS and isinstance(value, int):
        return filters.money(current.login.merchant.money(value))
    if name in ("role", "roles"):
        roles = value if isinstance(value, list) else [value]
        return filters.bdi(", ".join(_role(role) for role in roles))
    if name == "permissions" and isinstance(value, list):
        return filters.bdi(", ".join(_permission(one) for one in value))
    if name == "plan" and value in plans.PLANS:
        return filters.bdi(gettext(plans.PLANS[value].name))
    if name == "second_step" and value in WAYS:
        return filters.bdi(gettext(WAYS[value]))
    return filters.bdi(raw(value))


def _role(code: str) -> str:
    return next((gettext(name) for role, name in ROLE_NAMES.items() if role.value == code), code)


def _permission(code: str) -> str:
    every = (pair for group in permissions.GROUPS.values() for pair in group.items())
    return next((gettext(says) for name, says in every if name == code), code)


def raw(value: Any) -> str:
    """A fact in plain text, whatever it is made of."""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {raw(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(raw(one) for one in value)
    return "" if value is None else str(value)
