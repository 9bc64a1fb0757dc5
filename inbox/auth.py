"""@needs("orders.move") and @public; sign in, sign out, language, colours, live ticket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from werkzeug.exceptions import Forbidden, Unauthorized
from werkzeug.wrappers import Response

from config import settings
from flows import permissions
from flows.errors import Refused
from inbox import addresses, languages, nav, sessions, ticket
from inbox.current import THEMES, current
from models import db
from models.user import User

View = TypeVar("View", bound=Callable[..., Any])

YEAR = timedelta(days=365)

pages = Blueprint("auth", __name__)


# --- who may open a route -------------------------------------------------------------------------


def needs(*permissions: str) -> Callable[[View], View]:
    """The route is for signed-in people who have all these permissions."""

    def mark(view: View) -> View:
        view.needs = permissions  # type: ignore[attr-defined]
        return view

    return mark


def public(view: View) -> View:
    """The route is for everybody, signed in or not; no merchant is open in it."""
    view.needs = None  # type: ignore[attr-defined]
    return view


def needs_of(app: Flask, endpoint: str) -> tuple[str, ...] | None:
    """What a route needs, None when it is public; AttributeError when it forgot to say."""
    view: Any = app.view_functions[endpoint]
    marked: tuple[str, ...] | None = view.needs
    return marked


def admit(required: tuple[str, ...]) -> None:
    """401 for a stranger, 403 for somebody who lacks a permission."""
    if not current.signed_in:
        raise Unauthorized
    if not all(current.may(permission) for permission in required):
        raise Forbidden


# --- pages ----------------------------------------------------------------------------------------


@pages.get("/")
@needs()
def home() -> Response:
    return redirect(nav.home())


@pages.get("/sign-in")
@public
def sign_in_form() -> str | Response:
    onward = addresses.own_path(request.args.get("next"))
    if current.signed_in:
        return redirect(onward)
    return render_template("auth/sign_in.html", next=onward, sign_up=settings().sign_up)


@pages.post("/sign-in")
@public
def sign_in() -> Response | tuple[str, int]:
    email, remember = request.form.get("email", ""), "remember" in request.form
    onward = addresses.own_path(request.form.get("next"))
    try:
        token = sessions.sign_in(email, request.form.get("password", ""), remember=remember)
    except sessions.SecondStepNeeded as half:
        return half_signed_in(half, next=onward)
    except Refused as refusal:
        page = render_template(
            "auth/sign_in.html",
            next=onward,
            email=email,
            remember=remember,
            problem=languages.told(refusal),
            sign_up=settings().sign_up,
        )
        return page, max(refusal.status, 422)
    return signed_in(token, onward, remember=remember)


@pages.get("/sign-in/code")
@public
def second_step_form() -> str | Response:
    onward = addresses.own_path(request.args.get("next"))
    if sessions.owing() is None:
        return redirect(url_for("auth.sign_in_form", next=onward))
    joined = _merchant(request.args)
    return render_template("auth/second_step.html", next=onward, merchant=joined)


@pages.post("/sign-in/code")
@public
def second_step() -> Response | tuple[str, int]:
    """The code of the authenticator, or a recovery code, after the right password."""
    onward, half = addresses.own_path(request.form.get("next")), sessions.owing()
    if half is None:
        return redirect(url_for("auth.sign_in_form", next=onward))
    recovery, joined = request.form.get("recovery", ""), _merchant(request.form)
    try:
        code = request.form.get("code", "") or recovery
        token = sessions.finish(half, code, merchant_id=joined)
    except Refused as refusal:
        problem = languages.told(refusal)
        page = render_template(
            "auth/second_step.html",
            next=onward,
            merchant=joined,
            problem=problem,
            recovery=bool(recovery),
        )
        return page, max(refusal.status, 422)
    return signed_in(token, onward, remember=half.remember, choose=joined is None)


def _merchant(told: Mapping[str, str]) -> UUID | None:
    """Whose invitation brings them; somebody else's id opens nothing."""
    try:
        return UUID(told.get("merchant", ""))
    except ValueError:
        return None


def half_signed_in(half: sessions.SecondStepNeeded, **query: Any) -> Response:
    """The password was right: this browser owes the second step, and is asked for it."""
    response = redirect(url_for("auth.second_step_form", **query))
    sessions.give_half_cookie(response, half.token)
    return response


def signed_in(token: str, onward: str, *, remember: bool, choose: bool = True) -> Response:
    """This browser is signed in, and whoever was before no longer is.

    `choose`: who works for several merchants says for which one they come.
    """
    sessions.end()
    if choose and sessions.has_several(token):
        onward = url_for("team.choose", next=onward)
    response = redirect(onward)
    sessions.give_cookie(response, token, remember=remember)
    ticket.take_cookie(response)  # it may be of whoever was here before
    if sessions.half_cookie_name() in request.cookies:
        sessions.take_half_cookie(response)
    return response


@pages.post("/sign-out")
@public
def sign_out() -> Response:
    sessions.end(told=True)
    response = redirect("/sign-in")
    sessions.take_cookie(response)
    ticket.take_cookie(response)
    return response


@pages.post("/language")
@public
def language() -> Response:
    """The language of the person from now on, on every device; of the browser for a stranger."""
    chosen = languages.choose(request.form.get("language"))
    if current.signed_in:
        with db.house() as house:
            house.get_one(User, current.user_id).language = chosen
    return _chosen("language", chosen)


@pages.post("/theme")
@public
def theme() -> Response:
    chosen = request.form.get("theme", "")
    return _chosen("theme", chosen if chosen in THEMES else "auto")


@pages.post("/live-ticket")
@needs()
def live_ticket() -> Response:
    """A cookie that opens the live stream for a quarter of an hour."""
    response = Response(status=204)
    member = current.login.member
    narrow = not permissions.sees_all(member)
    ticket.give_cookie(response, current.login.merchant.id, member.id, narrow=narrow)
    return response


def _chosen(cookie: str, value: str) -> Response:
    return remember(redirect(addresses.own_path(request.form.get("next"))), cookie, value)


def remember(response: Response, cookie: str, value: str) -> Response:
    """This browser keeps `value` for a year."""
    response.set_cookie(
        cookie, value, max_age=YEAR, secure=settings().https, httponly=True, samesite="Lax"
    )
    return response
