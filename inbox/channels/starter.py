"""The starter set: ready-made templates, seen as the customer will and submitted at once."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import starter, templates
from flows.errors import N_, Refused
from inbox import htmx
from inbox.auth import needs
from inbox.current import current
from inbox.languages import ngettext
from inbox.message_templates import editing

NO_ACCOUNT = N_("Connect a WhatsApp number first.")


def attach(pages: Blueprint) -> None:
    @pages.get("/templates/starter", endpoint="starter")
    @needs("templates.edit")
    def show() -> str:
        accounts = editing.accounts()
        account = _account(request.args.get("account"))
        offers = starter.offers(account) if account else []
        spoken = request.args.get("language", "")
        shown = spoken if spoken in starter.LANGUAGES else _language()
        template = "channels/_starter.html" if current.wants_fragment else "channels/starter.html"
        return render_template(
            template,
            accounts=accounts,
            account=account,
            shown=shown,
            spoken=starter.LANGUAGES,
            offers=[(o, templates.sampled(o.form)) for o in offers if o.language == shown],
            left={code: _left(offers, code) for code in starter.LANGUAGES},
        )

    @pages.post("/templates/starter", endpoint="take_starter")
    @needs("templates.edit")
    def take() -> Response:
        """What the account does not have in these languages is on its way to Meta."""
        account = _account(request.form.get("account"))
        if account is None:
            raise Refused("no_account", NO_ACCOUNT)
        chosen = [c for c in request.form.getlist("language") if c in starter.LANGUAGES]
        count = starter.submit(account, chosen)
        told = ngettext(
            "%(num)s template is on its way to WhatsApp.",
            "%(num)s templates are on their way to WhatsApp.",
            count,
        )
        htmx.toast(told)
        shown = chosen[0] if len(chosen) == 1 else _language()
        place = url_for("channels.starter", account=account, language=shown)
        return redirect(place, 303)


def _account(wished: str | None) -> str | None:
    known = [account for account, _name in editing.accounts()]
    return wished if wished in known else next(iter(known), None)


def _language() -> str:
    return current.language if current.language in starter.LANGUAGES else "en"


def _left(offers: list[starter.Offer], language: str) -> int:
    return sum(o.template is None for o in offers if o.language == language)
