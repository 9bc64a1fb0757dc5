"""What is mine alone: name, e-mail, password, and the browsers where I am signed in."""

from __future__ import annotations

from collections.abc import Mapping

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import security
from flows.errors import Invalid, NotFound, Refused
from inbox import htmx, languages
from inbox.account import pages
from inbox.auth import needs
from inbox.current import current
from inbox.languages import gettext as _
from inbox.languages import ngettext

Answer = Response | tuple[str, int]


@pages.get("/account")
@needs()
def index() -> str:
    return _page()


@pages.post("/account")
@needs()
def change() -> Answer:
    """The name and the e-mail as typed; another e-mail needs the password."""
    form, user = request.form, current.login.user
    email = form.get("email", "").strip()
    try:
        # Each is true at once: a name that is none must be found before the e-mail is another.
        name = security.read_name(form.get("name", ""))
        if email != user.email:
            security.change_email(user.id, email, password=form.get("password", ""))
        security.rename(user.id, name)
    except Refused as refusal:
        return _again(refusal, asked=email != user.email)
    htmx.toast(_("Saved."))
    return _back()


@pages.post("/account/password")
@needs()
def change_password() -> Answer:
    """The new password opens from now on; every other browser is signed out."""
    form = request.form
    try:
        ended = security.change_password(
            current.user_id,
            password=form.get("present", ""),
            new=form.get("new", ""),
            here=current.login.session_id,
        )
    except Invalid as refusal:
        names = {"password": "present"}
        wrong = {names.get(name, name): why for name, why in refusal.fields.items()}
        return _again(Invalid(wrong))
    except Refused as refusal:
        return _again(refusal)
    htmx.toast(_("Your password is changed.") + " " + _ended(ended))
    return _back()


# --- browsers -------------------------------------------------------------------------------------


@pages.post("/account/browsers/end")
@needs()
def end_others() -> Response:
    """Only this browser stays signed in."""
    htmx.toast(_ended(security.end_others(current.user_id, current.login.session_id)))
    return _back()


@pages.post("/account/browsers/<session>/end")
@needs()
def end_browser(session: str) -> Response:
    """That browser is signed out."""
    try:
        session_id = bytes.fromhex(session)
    except ValueError:
        raise NotFound from None
    security.end(current.user_id, session_id)
    htmx.toast(_("That browser is signed out."))
    return _back()


def _ended(count: int) -> str:
    if not count:
        return _("You were signed in nowhere else.")
    return ngettext(
        "%(num)s other browser is signed out.", "%(num)s other browsers are signed out.", count
    )


# --- the page -------------------------------------------------------------------------------------


def _back() -> Response:
    return redirect(url_for("account.index"), 303)


def _again(refusal: Refused, *, asked: bool = False) -> tuple[str, int]:
    """The page with what is wrong beside its field. Passwords are typed anew."""
    fields = refusal.fields if isinstance(refusal, Invalid) else {}
    errors = {name: languages.told(why) for name, why in fields.items()}
    problem = "" if errors else languages.told(refusal)
    return _page(errors, problem, asked=asked), refusal.status


def _page(
    errors: Mapping[str, str] | None = None, problem: str = "", *, asked: bool = False
) -> str:
    user = current.login.user
    return render_template(
        "account/index.html",
        typed={"name": user.name, "email": user.email} | request.form.to_dict(),
        errors=errors or {},
        problem=problem,
        asked=asked,
        browsers=security.listed(user.id),
        here=current.login.session_id,
        second_step=security.on(user.id),
    )
