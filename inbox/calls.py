"""The call centre: one order at a time, everything about it in one screen, outcomes by key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import calls, orders, presets
from flows.errors import Invalid
from inbox import htmx, languages, life
from inbox.auth import needs
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _
from inbox.orders import words
from models.order import Order
from models.types import new_id, utcnow

pages = Blueprint("calls", __name__)

# How each outcome looks: icon, colour. Its key is its place, 1 to 8.
LOOKS = {
    "no_answer": ("phone", "orange"),
    "busy": ("audio", "orange"),
    "postponed": ("clock", "blue"),
    "wrong_number": ("question", "red"),
    "fake": ("alert", "red"),
    "duplicate": ("file", "red"),
    "cancelled": ("x", "red"),
    "confirmed": ("check", "green"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A button under the call."""

    name: str
    words: str
    icon: str
    color: str
    key: str


Answer = str | Response | tuple[str, int, dict[str, str]]


# --- looking --------------------------------------------------------------------------------------


@pages.get("/calls")
@needs("orders.read", "orders.move")
def index() -> str:
    """The next order to call, or the one asked for, handed to whoever opens the page."""
    number = request.args.get("order", type=int)
    order = calls.take(number, current.member) if number else calls.next_order(current.member)
    return render_template("calls/index.html", **_facts(order))


@pages.get("/calls/<int:number>")
@needs("orders.read", "orders.move")
def show(number: int) -> str:
    """The order as it is now, for the screen that shows it; nobody is handed it."""
    return render_template("calls/_order.html", **_about(orders.find(number)))


@pages.get("/calls/numbers")
@needs("orders.read", "orders.move")
def numbers() -> str:
    return render_template("calls/_numbers.html", **_around())


@pages.get("/calls/waiting")
@needs("orders.read", "orders.move")
def waiting() -> str:
    """What stands where no order is: whether there is one to take."""
    return render_template("calls/_empty.html", **_around())


# --- calling --------------------------------------------------------------------------------------


@pages.post("/calls/next")
@needs("orders.read", "orders.move")
def next_order() -> str:
    return _call(calls.next_order(current.member))


@pages.post("/calls/<int:number>")
@needs("orders.read", "orders.move")
def conclude(number: int) -> Answer:
    """The call ended with `outcome`, or is put off to `again`; the next order comes at once."""
    fields = Fields(request.form)
    order = orders.find(number)
    outcome = "postponed" if "again" in request.form else fields.text("outcome")
    try:
        calls.conclude(
            order,
            outcome,
            by=current.member,
            client_id=fields.uuid("client_id") or new_id(),
            version=request.form.get("version", type=int),
            note=fields.lines("note"),
            again_at=_again_at(fields),
        )
    except Invalid as wrong:
        life.undo()
        for why in wrong.fields.values():
            htmx.toast(languages.told(why), kind="bad")
        return ("", wrong.status, {"HX-Reswap": "none"}) if htmx.asked() else _onward()
    words_of = calls.OUTCOMES[outcome].words
    htmx.toast(f"#{number} · {_(words_of)}")
    return _call(calls.next_order(current.member)) if htmx.asked() else _onward()


@pages.post("/calls/<uuid:attempt_id>/undo")
@needs("orders.read", "orders.move")
def undo(attempt_id: UUID) -> str:
    """The call is taken back; its order is on the screen again."""
    taken = calls.take_back(attempt_id, by=current.member)
    number = f"#{taken.order.number}"
    htmx.toast(_("The call about order %(number)s is taken back.", number=number))
    if taken.gone:
        htmx.toast(_("A message of that move has reached the customer already."), kind="bad")
    return _call(taken.order)


@pages.post("/calls/<int:number>/renew")
@needs("orders.read", "orders.move")
def renew(number: int) -> Response:
    """The page is still open: ten more minutes."""
    calls.renew(calls.find(number), current.member)
    return Response(status=204)


@pages.post("/calls/release")
@needs("orders.read", "orders.move")
def release() -> Response:
    """The page is left: others may have its order."""
    calls.release(current.member)
    return Response(status=204)


@pages.post("/orders/<int:number>/urgent")
@needs("orders.read", "orders.move")
def urgent(number: int) -> str | Response:
    """Urgent becomes usual, usual urgent."""
    order = orders.find(number)
    if calls.toggle_urgent(order):
        htmx.toast(_("Order %(number)s is urgent: it is called first.", number=f"#{number}"))
    else:
        htmx.toast(_("Order %(number)s is no longer urgent.", number=f"#{number}"))
    return "" if htmx.asked() else redirect(url_for("orders.show", number=number))


def _onward() -> Response:
    return redirect(url_for("calls.index"))


def _again_at(fields: Fields) -> datetime | None:
    """When "later" is: a choice of ours, or a time typed as the merchant's clock shows it."""
    choice = fields.text("again")
    if choice and choice != "own":
        return calls.again_at(choice, current.zone, utcnow())
    try:
        return datetime.fromisoformat(fields.text("again_at")).replace(tzinfo=current.zone)
    except ValueError:
        return None


# --- showing --------------------------------------------------------------------------------------


def _call(order: Order | None) -> str:
    """What comes in the place of the call that ended."""
    return render_template("calls/_call.html", **_facts(order))


def _facts(order: Order | None) -> dict[str, Any]:
    facts = _around()
    if order is not None:
        facts |= _about(order)
        facts |= {
            "choices": [
                Choice(name, _(outcome.words), *LOOKS[name], key=str(place))
                for place, (name, outcome) in enumerate(calls.OUTCOMES.items(), start=1)
            ],
            "presets": calls.presets(current.zone, utcnow()),
            "client_id": new_id(),
            "soonest": utcnow().astimezone(current.zone).strftime("%Y-%m-%dT%H:%M"),
        }
    return facts


def _about(order: Order) -> dict[str, Any]:
    shown = calls.screen(order)
    return {
        "screen": shown,
        "earlier": [
            (presets.state_name(state, current.language), count)
            for state, count in shown.earlier.items()
        ],
        "order": order,
        "outcomes": calls.OUTCOMES,
        "looks": LOOKS,
        "timeline": [words.told(entry, order.currency) for entry in shown.timeline],
        "mine": order.caller_id == current.member.id,
    }


def _around() -> dict[str, Any]:
    return {
        "numbers": calls.numbers(current.member),
        "names": calls.names(),
        "outcomes": calls.OUTCOMES,
    }
