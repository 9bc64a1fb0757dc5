"""Opening an account, and the first steps after that."""

from __future__ import annotations

from collections.abc import Mapping

from babel.numbers import get_currency_name
from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from config import settings
from flows import passwords, presets, signup
from flows.countries import COUNTRIES, CURRENCIES, TIME_ZONES
from flows.errors import Invalid, Refused
from flows.signup import checklist
from inbox import auth, htmx, languages, sessions
from inbox.auth import needs, public
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _
from inbox.pipeline import opening
from inbox.signup import throttle, words

pages = Blueprint("signup", __name__)

FIELDS = ("merchant", "name", "email", "country", "currency", "time_zone", "language", "preset")


@pages.get("/sign-up")
@public
def form() -> str | Response:
    _only_where_open()
    if current.signed_in:
        return redirect(url_for("auth.home"))
    typed = {"language": current.language, "preset": "cod", "country": "MA"}
    return _page(typed | request.args.to_dict())


@pages.post("/sign-up")
@public
def create() -> Response | tuple[str, int]:
    """The account is open and this browser signed in; or the form again, as it was typed."""
    _only_where_open()
    fields = Fields(request.form)
    typed = {name: fields.text(name) for name in FIELDS}
    password = request.form.get("password", "")
    try:
        throttle.count(request.remote_addr or "")
        opened = signup.sign_up(signup.Form(password=password, **typed))
        token = sessions.sign_in(
            typed["email"], password, remember=False, merchant_id=opened.merchant_id
        )
    except sessions.SecondStepNeeded as half:  # the same form again, and meanwhile they enrolled
        return auth.half_signed_in(half)
    except Invalid as wrong:
        told = languages.told_each(wrong)
        return _page(typed, told), wrong.status
    except Refused as no:
        return _page(typed, {"": languages.told(no)}), max(no.status, 422)
    return auth.signed_in(token, url_for("signup.moving_in"), remember=False, choose=False)


def _only_where_open() -> None:
    if not settings().sign_up:
        abort(404)


def _page(typed: Mapping[str, str], wrong: Mapping[str, str] | None = None) -> str:
    # The stages are shown as the merchant will get them, the rest in the reader's language.
    spoken = languages.choose(typed.get("language"))
    return render_template(
        "pipeline/_offers.html" if current.wants_fragment else "signup/new.html",
        typed=typed,
        wrong=wrong or {},
        countries=words.countries(),
        currencies=[(code, f"{code} · {_currency(code)}") for code in CURRENCIES],
        zones=[(zone, zone.replace("_", " ")) for zone in TIME_ZONES],
        filled=COUNTRIES,
        offers=[opening.offer(key, plan, spoken) for key, plan in presets.PRESETS.items()],
        shortest=passwords.SHORTEST,
    )


def _currency(code: str) -> str:
    return get_currency_name(code, locale=languages.locale(current.language))


# --- the first steps ------------------------------------------------------------------------------


@pages.get("/moving-in")
@needs("settings.edit")
def moving_in() -> str:
    """What is done of the first steps, and where the others are."""
    found = checklist.look()
    template = "signup/_steps.html" if current.wants_fragment else "signup/moving_in.html"
    return render_template(
        template,
        checklist=found,
        steps=[words.step(name, found) for name in checklist.STEPS],
        away=current.merchant.moved_in_at is not None,
    )


@pages.post("/moving-in/away")
@needs("settings.edit")
def put_away() -> Response:
    checklist.put_away(current.merchant)
    htmx.toast(_("The list of first steps is put away."))
    return redirect(url_for("settings.index"), 303)


def still_moving_in() -> bool:
    """For the page of settings: whether to lead to the list."""
    return "merchant_open" in g and checklist.wanted(current.merchant)
