"""Doors for people who are not signed in: joining by a link, a forgotten password."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from flows import mail, team
from flows.errors import Invalid, Refused
from inbox import auth, htmx, languages, sessions, ticket
from inbox.auth import public
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _
from inbox.team import links
from inbox.team.routes import pages
from models import db

Answer = str | Response | tuple[str, int]


def _or_nowhere(view: Callable[[str], Answer]) -> Callable[[str], Answer]:
    """Of a door behind a link: one that opens nothing leads to a page that says why."""

    @wraps(view)
    def guarded(token: str) -> Answer:
        try:
            return view(token)
        except Refused as refusal:
            text = languages.told(refusal)
            return render_template("team/nowhere.html", text=text), refusal.status

    return guarded


# --- joining --------------------------------------------------------------------------------------


@pages.get("/join/<token>")
@public
@_or_nowhere
def join(token: str) -> Answer:
    """Who invites, and what it takes to come in."""
    opened = team.invitation(token)
    return _joining(opened)


@pages.post("/join/<token>")
@public
@_or_nowhere
def accept(token: str) -> Answer:
    """In the team and signed in: with a new password, or with the one they have already."""
    opened = team.invitation(token)
    fields, password = Fields(request.form), request.form.get("password", "")
    try:
        if opened.user is None:
            joined = team.accept(token, user=None, name=fields.text("name"), password=password)
            session = sessions.begin(joined.user.id, joined.member.merchant_id)
        else:
            user = sessions.proven(opened.invitation.email, password)
            joined = team.accept(token, user=user)
            session = sessions.enter(
                user, password, remember=False, merchant_id=joined.member.merchant_id
            )
    except sessions.SecondStepNeeded as half:
        place = opened.invitation.merchant_id
        return auth.half_signed_in(half, merchant=place)
    except Invalid as wrong:
        errors = languages.told_each(wrong)
        return _joining(opened, errors=errors), wrong.status
    except Refused as refusal:
        return _joining(opened, problem=languages.told(refusal)), max(refusal.status, 422)
    return auth.signed_in(session, "/", remember=False, choose=False)


def _joining(
    opened: team.Opened, *, errors: dict[str, str] | None = None, problem: str = ""
) -> str:
    return render_template(
        "team/join.html",
        opened=opened,
        name=request.form.get("name", ""),
        errors=errors or {},
        problem=problem,
    )


# --- a forgotten password -------------------------------------------------------------------------


@pages.get("/forgot")
@public
def ask() -> str:
    return render_template("team/forgot.html", by_mail=mail.possible(), sent=False)


@pages.post("/forgot")
@public
def send_link() -> str:
    """A link is on its way, if somebody has this address; the answer never says whether."""
    asked = team.ask_reset(request.form.get("email", "")) if mail.possible() else None
    if asked is not None:
        with db.merchant(asked.merchant_id):
            links.mail_password(asked.user, asked.token)
    return render_template("team/forgot.html", by_mail=mail.possible(), sent=True)


@pages.get("/password/<token>")
@public
@_or_nowhere
def password(token: str) -> Answer:
    user = team.reset_of(token)
    return render_template("team/password.html", user=user, errors={})


@pages.post("/password/<token>")
@public
@_or_nowhere
def set_password(token: str) -> Answer:
    """This is the password now; signed out everywhere, and asked to sign in with it."""
    user = team.reset_of(token)
    try:
        team.set_password(token, request.form.get("password", ""))
    except Invalid as wrong:
        errors = languages.told_each(wrong)
        return render_template("team/password.html", user=user, errors=errors), wrong.status
    htmx.toast(_("Your password is changed. Sign in with it."))
    response = redirect("/sign-in")
    if current.signed_in and current.user_id == user.id:
        sessions.take_cookie(response)
        ticket.take_cookie(response)
    return response
