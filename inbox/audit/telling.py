"""How the audit shows a line: its sentence, and each fact as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint
from markupsafe import Markup

from flows import permissions, plans
from inbox import filters
from inbox.audit.words import AMOUNTS, FIELDS, ICONS, LOOKS, N_, WAYS, Look
from inbox.bot import words as bot
from inbox.current import ROLE_NAMES, current
from inbox.languages import gettext
from models.audit import AuditEntry

# What the bot's fields hold, in words.
CODES: dict[str, Mapping[str, str]] = {
    "intent": bot.INTENTS,
    "menu": bot.MENU,
    "order_rule": {rule: title for rule, (title, _) in bot.ORDER_RULES.items()},
}


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
    if name in CODES:
        codes = value if isinstance(value, list) else [value]
        return filters.listed(gettext(CODES[name].get(code, code)) for code in codes)
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
