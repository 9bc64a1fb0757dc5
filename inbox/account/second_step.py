"""The second step of signing in: set up with a QR, its recovery codes told once, taken off."""

from __future__ import annotations

import io
from collections.abc import Mapping

import segno
from flask import redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from flows import security
from flows.errors import Invalid, Refused
from inbox import htmx, languages
from inbox.account import pages
from inbox.auth import needs
from inbox.current import current
from inbox.languages import gettext as _

Answer = str | Response | tuple[str, int]


@pages.get("/account/second-step")
@needs()
def second_step() -> str:
    """Whether it is on; while it is being set up, its key."""
    return _page()


@pages.post("/account/second-step")
@needs()
def start_second_step() -> Answer:
    """A key to be put into an authenticator, for who knows the password."""
    try:
        security.start(current.user_id, password=request.form.get("password", ""))
    except Refused as refusal:
        return _again(refusal)
    return _back()


@pages.post("/account/second-step/confirm")
@needs()
def confirm_second_step() -> Answer:
    """It is on: the page tells the recovery codes, this once."""
    code = request.form.get("code", "")
    try:
        told = security.confirm(current.user_id, code, here=current.login.session_id)
    except Refused as refusal:
        return _again(refusal)
    return render_template("account/codes.html", codes=told, fresh=True)


@pages.post("/account/second-step/codes")
@needs()
def renew_codes() -> Answer:
    """Ten new recovery codes; the old ones open nothing any more."""
    try:
        told = security.renew_codes(current.user_id, **_proof("codes_"))
    except Refused as refusal:
        return _again(refusal, "codes_")
    return render_template("account/codes.html", codes=told, fresh=False)


@pages.post("/account/second-step/off")
@needs()
def turn_off_second_step() -> Answer:
    try:
        security.turn_off(current.user_id, **_proof("off_"))
    except Refused as refusal:
        return _again(refusal, "off_")
    htmx.toast(_("The second step is off. Your password alone signs you in."))
    return _back()


def _proof(form: str) -> dict[str, str]:
    """Password and code; two forms of one page name their fields apart."""
    return {name: request.form.get(form + name, "") for name in ("password", "code")}


def _back() -> Response:
    return redirect(url_for("account.second_step"), 303)


def _again(refusal: Refused, form: str = "") -> tuple[str, int]:
    fields = refusal.fields if isinstance(refusal, Invalid) else {}
    errors = {form + name: languages.told(why) for name, why in fields.items()}
    return _page(errors, "" if errors else languages.told(refusal)), refusal.status


def _page(errors: Mapping[str, str] | None = None, problem: str = "") -> str:
    user_id, on = current.user_id, security.on(current.user_id)
    set_up = None if on else security.pending(user_id)
    return render_template(
        "account/second_step.html",
        on=on,
        left=security.codes_left(user_id) if on else 0,
        key=_in_fours(set_up.secret) if set_up else "",
        qr=_qr(set_up.address) if set_up else "",
        errors=errors or {},
        problem=problem,
        required=current.login.must_enrol,
    )


def _in_fours(secret: str) -> str:
    """A key as people type it."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def _qr(address: str) -> Markup:
    """Drawn here: the key is in no picture of its own, in no address, in no cache."""
    drawn = io.BytesIO()
    segno.make(address, micro=False, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=True, omitsize=True, svgclass=None, lineclass=None
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - squares drawn by segno
