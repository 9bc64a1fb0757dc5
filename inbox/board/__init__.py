"""The board: orders as cards in the columns of their stages, moved by hand, key or menu."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from flows import board, indicators, orders, pipeline
from flows.errors import N_, Refused
from inbox import htmx
from inbox.auth import needs, remember
from inbox.board import looks
from inbox.board.looks import Goes
from inbox.conversations.asked import read_id, read_place
from inbox.current import current
from inbox.languages import gettext as _
from inbox.languages import ngettext
from models.order import Order
from models.pipeline import Stage
from models.timeline import By

pages = Blueprint("board", __name__)
looks.attach(pages)

DAYS = 30
"""What the strip looks back on unless somebody asks for another period."""


# --- looking --------------------------------------------------------------------------------------


@pages.get("/board")
@needs("orders.read")
def index() -> str:
    every = board.pipelines()
    wished = request.args.get("pipeline", type=UUID)
    chosen = next((one for one in every if one.id == wished), every[0])
    shown = board.show(chosen, money=current.sees_money)
    template = "board/_board.html" if current.wants_fragment else "board/index.html"
    return render_template(
        template,
        pipelines=every,
        pipeline=chosen,
        columns=shown.columns,
        hidden=shown.hidden,
        goes=Goes(chosen),
    )


@pages.get("/board/stages/<uuid:stage_id>")
@needs("orders.read")
def column(stage_id: UUID) -> str:
    """One column anew, with as many cards as the screen shows (`shown`)."""
    return _column(board.find_stage(stage_id), shown=request.args.get("shown", 0, type=int))


@pages.get("/board/stages/<uuid:stage_id>/older")
@needs("orders.read")
def older(stage_id: UUID) -> str:
    """The cards below the one at `before`."""
    stage = board.find_stage(stage_id)
    before = read_place(request.args.get("before"))
    cards = board.older(stage, before) if before else []
    return render_template(
        "board/_cards.html",
        stage=stage,
        cards=cards,
        more=len(cards) == board.PAGE,
        goes=Goes(stage.pipeline),
    )


@pages.get("/board/indicators")
@needs("orders.read", "indicators.read")
def strip() -> Response:
    """How the shop is doing in the last `days`; above all three views, fetched apart from them.

    The period somebody chose is this browser's until another is chosen.
    """
    kept = request.cookies.get("days", type=int)
    wished = request.args.get("days", kept, type=int)
    days = wished if wished in indicators.PERIODS else DAYS
    found = indicators.of(days, money=current.sees_money)
    stages = (stage for every in board.pipelines() for stage in every.stages)
    page = render_template(
        "board/_strip.html",
        i=found,
        names=" ".join(f"stage:{stage.id}" for stage in stages),
        periods=indicators.PERIODS,
        trend=[looks.bar(day) for day in found.trend],
    )
    response = Response(page, mimetype="text/html")
    return response if days == (kept or DAYS) else remember(response, "days", str(days))


# --- moving ---------------------------------------------------------------------------------------


@pages.post("/orders/<int:number>/stage")
@needs("orders.move")
def drop(number: int) -> str | Response:
    """The order is on `stage`; for a board, the two columns that changed. 409 says why not."""
    order = orders.find(number)
    left = order.stage
    stage = board.find_stage(read_id(request.form.get("stage")) or abort(400))
    _move(order, stage)
    _offer_undo(order, stage)
    if "board" in request.form:
        return "".join(_partial(one) for one in {left.id: left, stage.id: stage}.values())
    return "" if htmx.asked() else redirect(url_for("orders.show", number=number))


@pages.post("/orders/<int:number>/undo")
@needs("orders.move")
def undo(number: int) -> str | Response:
    """The last move never happened, as far as that can still be true; the toast says how far."""
    order = orders.find(number)
    left = order.stage
    version = request.form.get("version", type=int)
    undone = pipeline.undo(order, by=By.user(current.member), version=version)
    htmx.toast(_undone(order, len(undone.cancelled), len(undone.gone)))
    htmx.trigger("moved", stages=[str(left.id), str(order.stage_id)])
    return "" if htmx.asked() else redirect(url_for("orders.show", number=number))


def _move(order: Order, stage: Stage) -> None:
    form = request.form
    reason, version = " ".join(form.get("reason", "").split())[:200], form.get("version", type=int)
    try:
        pipeline.move(order, stage, by=By.user(current.member), version=version, reason=reason)
    except Refused as refusal:
        raise _saying_what_is_allowed(refusal) from None


def _saying_what_is_allowed(refusal: Refused) -> Refused:
    allowed = refusal.facts.get("allowed")
    if not allowed:
        return refusal
    sentence = N_("From “{from_stage}” an order cannot go to “{to_stage}”. It can go to: {names}.")
    return Refused(refusal.code, sentence, **refusal.facts, names=", ".join(allowed))


def _offer_undo(order: Order, stage: Stage) -> None:
    """Say where the order is now; who may take the move back can do so from there."""
    number = f"#{order.number}"
    said = _("Order %(number)s is on “%(stage)s” now.", number=number, stage=stage.name)
    if not pipeline.undoable(order, By.user(current.member)):
        return htmx.toast(said)
    url = url_for("board.undo", number=order.number)
    return htmx.trigger("undoable", text=said, undo=_("Undo"), url=url, version=order.version)


def _undone(order: Order, cancelled: int, gone: int) -> str:
    number, stage = f"#{order.number}", order.stage.name
    said = [_("Order %(number)s is back on “%(stage)s”.", number=number, stage=stage)]
    if cancelled:
        said.append(
            ngettext(
                "%(num)s message was stopped before it left.",
                "%(num)s messages were stopped before they left.",
                cancelled,
            )
        )
    if gone:
        said.append(
            ngettext(
                "%(num)s message has already gone to the customer.",
                "%(num)s messages have already gone to the customer.",
                gone,
            )
        )
    return " ".join(said)


# --- showing --------------------------------------------------------------------------------------


def _column(stage: Stage, *, shown: int = 0) -> str:
    one = board.column(stage, money=current.sees_money, shown=shown)
    return render_template("board/_column.html", column=one, goes=Goes(stage.pipeline))


def _partial(stage: Stage) -> str:
    """The column, for htmx to put in its place whatever asked for it."""
    shown = request.form.get(f"shown-{stage.id}", 0, type=int)
    html = Markup(_column(stage, shown=shown))  # noqa: S704 - it comes from our own template
    return render_template("board/_partial.html", stage=stage, html=html)
