"""The merchant's rules: how often to call, and when no automatic message leaves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time

from flask import Blueprint, render_template, request

from flows import rules
from flows.errors import Invalid
from inbox import htmx, languages, life
from inbox.auth import needs
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _

pages = Blueprint("rules", __name__)


@pages.get("/rules")
@needs("settings.edit")
def index() -> str:
    return _page(_typed())


@pages.post("/rules")
@needs("settings.edit")
def change() -> str | tuple[str, int]:
    """The rules as typed hold from now on, or every wrong field is named."""
    fields = Fields(request.form)
    try:
        rules.change(
            current.merchant,
            call_limit=fields.whole("call_limit"),
            call_again_minutes=fields.whole("call_again_minutes"),
            quiet_from=_clock(fields, "quiet_from"),
            quiet_until=_clock(fields, "quiet_until"),
            unread=fields.wrong,
        )
    except Invalid as wrong:
        life.undo()
        errors = languages.told_each(wrong)
        return _page(request.form, errors), wrong.status
    htmx.toast(_("Saved."))
    return _page(_typed())


def _clock(fields: Fields, name: str) -> time | None:
    typed = fields.text(name)
    if not typed:
        return None
    try:
        return time.fromisoformat(typed).replace(tzinfo=None, second=0, microsecond=0)
    except ValueError:
        fields.wrong[name] = rules.NO_TIME
        return None


def _typed() -> dict[str, str]:
    merchant = current.merchant
    return {
        "call_limit": str(merchant.call_limit),
        "call_again_minutes": str(merchant.call_again_minutes),
        "quiet_from": _shown(merchant.quiet_from),
        "quiet_until": _shown(merchant.quiet_until),
    }


def _shown(at: time | None) -> str:
    return at.strftime("%H:%M") if at else ""


def _page(typed: Mapping[str, str], errors: Mapping[str, str] | None = None) -> str:
    template = "rules/_form.html" if htmx.asked() else "rules/index.html"
    return render_template(template, typed=typed, errors=errors or {})
