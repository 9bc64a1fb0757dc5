"""The board: orders as cards in the columns of their stages, moved by hand, key or menu."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from babel.dates import format_timedelta
from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import board, orders, pipeline
from flows.board import Card, Column, Place
from inbox import htmx, languages
from inbox.auth import needs
from inbox.current import current
from inbox.languages import gettext as _
from models.order import Order
from models.pipeline import Pipeline, Stage
from models.timeline import By
from models.types import utcnow

pages = Blueprint("board", __name__)


# --- looking --------------------------------------------------------------------------------------


@pages.get("/board")
@needs("orders.read")
def index() -> str:
    every = board.pipelines()
    wished = request.args.get("pipeline", type=UUID)
    chosen = next((one for one in every if one.id == wished), every[0])
    shown = board.columns(chosen, money=current.sees_money)
    template = "board/_board.html" if current.wants_fragment else "board/index.html"
    return render_template(
        template, pipelines=every, pipeline=chosen, columns=shown, goes=_goes(chosen)
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
    cards = board.older(stage, _read_place(request.args.get("before", "")))
    return render_template(
        "board/_cards.html",
        stage=stage,
        cards=cards,
        more=len(cards) == board.PAGE,
        goes=_goes(stage.pipeline),
    )


# --- moving ---------------------------------------------------------------------------------------


@pages.post("/orders/<int:number>/stage")
@needs("orders.move")
def drop(number: int) -> str | Response:
    """The order is on `stage`; for a board, the two columns that changed. 409 says why not."""
    order = orders.find(number)
    left = order.stage
    stage = board.find_stage(_posted_stage())
    by = By.user(current.member)
    pipeline.move(order, stage, by=by, version=request.form.get("version", type=int))
    if "board" in request.form:
        return _column(left) + _column(stage) if left is not stage else _column(stage)
    htmx.toast(_("Order %(number)s is on “%(stage)s” now.", number=f"#{number}", stage=stage.name))
    return "" if htmx.asked() else redirect(url_for("orders.show", number=number))


def _posted_stage() -> UUID:
    try:
        return UUID(request.form.get("stage", ""))
    except ValueError:
        abort(400)


# --- showing --------------------------------------------------------------------------------------


def _column(stage: Stage, *, shown: int = 0) -> str:
    one: Column = board.column(stage, money=current.sees_money, shown=shown)
    return render_template("board/_column.html", column=one, goes=_goes(stage.pipeline))


class Goes:
    """Where this person may take each order, as the places of the columns: "2 3 10"."""

    def __init__(self, of: Pipeline) -> None:
        self._rules = pipeline.Rules.of(of, By.user(current.member))
        self._may = current.may("orders.move")

    def __call__(self, order: Order) -> str:
        if not self._may:
            return ""
        return " ".join(str(stage.position) for stage in self._rules.allowed(order))


def _goes(of: Pipeline) -> Goes:
    return Goes(of)


@pages.app_template_filter("place")
def _place(card: Card) -> str:
    at, order_id = card.place
    return f"{at.isoformat()}~{order_id}"


def _read_place(text: str) -> Place:
    at, _tilde, order_id = text.partition("~")
    try:
        return datetime.fromisoformat(at), UUID(order_id)
    except ValueError:
        abort(400)


@pages.app_template_filter("age")
def _age(at: datetime) -> str:
    """How long ago, in one short word: 5 min, 3 h, 2 d."""
    passed = max(utcnow() - at, timedelta(minutes=1))
    locale = languages.locale(current.language, current.country)
    return format_timedelta(passed, granularity="minute", format="short", locale=locale)
