"""One person in several merchants: where to be now."""

from __future__ import annotations

from flask import redirect, render_template, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from flows import team
from inbox import addresses, ticket
from inbox.auth import needs
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.team.page import role_name
from inbox.team.routes import pages


@pages.get("/businesses")
@needs()
def choose() -> str | Response:
    """Every merchant this person may go into; with only one there is nothing to choose."""
    places = team.merchants_of(current.user_id)
    onward = addresses.own_path(request.args.get("next"))
    if len(places) < 2:
        return redirect(onward)
    return render_template("team/choose.html", places=places, next=onward, role_name=role_name)


@pages.post("/businesses")
@needs()
def switch() -> Response:
    """This browser is in `merchant` from now on; its live stream starts anew."""
    merchant_id = read_id(request.form.get("merchant"))
    if merchant_id is None:
        raise NotFound
    team.switch(current.login.session_id, current.user_id, merchant_id)
    same = merchant_id == current.login.merchant.id
    # What stood in the address belongs to the merchant they leave.
    response = redirect(addresses.own_path(request.form.get("next")) if same else "/")
    ticket.take_cookie(response)
    return response
