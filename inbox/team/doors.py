"""Doors for people who are not signed in: joining by a link, a forgotten password."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import mail, team
from flows.errors import Invalid, Refused
from inbox import htmx, languages, sessions, ticket
from inbox.auth import public
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _
from inbox.team import links
from inbox.team.routes import pages
from models import db

Answer = str | Response | tuple[str, int]


# --- joining --------------------------------------------------------------------------------------


@pages.get("/join/<token>")
@public
def join(token: str) -> Answer:
    """Who invites, and what it takes to come in."""
    try:
        opened = team.invitation(token)
    except Refused as refusal:
        return _nowhere(refusal)
    return _joining(opened)


@pages.post("/join/<token>")
@public
def accept(token: str) -> Answer:
    """In the team and signed in: with a new password, or with the one they have already."""
    try:
        opened = team.invitation(token)
    except Refused as refusal:
        return _nowhere(refusal)
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
        response = redirect(url_for("auth.second_step_form", merchant=place))
        sessions.give_half_cookie(response, half.token)
        return response
    except Invalid as wrong:
        errors = {name: languages.told(why) for name, why in wrong.fields.items()}
        return _joining(opened, errors=errors), wrong.status
    except Refused as refusal:
        return _joining(opened, problem=languages.told(refusal)), max(refusal.status, 422)
    sessions.end()
    response = redirect("/")
    sessions.give_cookie(response, session, remember=False)
    ticket.take_cookie(response)
    return response


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
def password(token: str) -> Answer:
    try:
        user = team.reset_of(token)
    except Refused as refusal:
        return _nowhere(refusal)
    return render_template("team/password.html", user=user, errors={})


@pages.post("/password/<token>")
@public
def set_password(token: str) -> Answer:
    """This is the password now; signed out everywhere, and asked to sign in with it."""
    try:
        user = team.reset_of(token)
    except Refused as refusal:
        return _nowhere(refusal)
    try:
        team.set_password(token, request.form.get("password", ""))
    except Invalid as wrong:
        errors = {name: languages.told(why) for name, why in wrong.fields.items()}
        return render_template("team/password.html", user=user, errors=errors), wrong.status
    except Refused as refusal:
        return _nowhere(refusal)
    htmx.toast(_("Your password is changed. Sign in with it."))
    response = redirect("/sign-in")
    if current.signed_in and current.user_id == user.id:
        sessions.take_cookie(response)
        ticket.take_cookie(response)
    return response


def _nowhere(refusal: Refused) -> tuple[str, int]:
    return render_template("team/nowhere.html", text=languages.told(refusal)), refusal.status
