"""The board: orders as cards in the columns of their stages, moved by hand, key or menu."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from babel.dates import format_skeleton, format_timedelta
from babel.numbers import format_percent
from flask import Blueprint, abort, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from flows import board, indicators, orders, pipeline
from flows.board import Card
from inbox import htmx, languages
from inbox.auth import needs
from inbox.conversations.asked import read_id, read_place, write_place
from inbox.current import current
from inbox.filters import ltr, number
from inbox.languages import gettext as _
from models.order import Order
from models.pipeline import Pipeline, Stage, SystemState
from models.timeline import By
from models.types import utcnow

pages = Blueprint("board", __name__)

DAYS = 30
"""What the strip looks back on unless somebody asks for another period."""


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
        template, pipelines=every, pipeline=chosen, columns=shown, goes=Goes(chosen)
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
@needs("orders.read")
def strip() -> str:
    """How the shop is doing in the last `days`; above all three views, fetched apart from them."""
    wished = request.args.get("days", type=int)
    days = wished if wished in indicators.PERIODS else DAYS
    found = indicators.of(days, money=current.sees_money)
    names = " ".join(f"stage:{one.id}" for of in board.pipelines() for one in of.stages)
    return render_template(
        "board/_strip.html",
        i=found,
        names=names,
        periods=indicators.PERIODS,
        trend=[(_day(day.on), day.confirmed, number(day.confirmed)) for day in found.trend],
    )


# --- moving ---------------------------------------------------------------------------------------


@pages.post("/orders/<int:number>/stage")
@needs("orders.move")
def drop(number: int) -> str | Response:
    """The order is on `stage`; for a board, the two columns that changed. 409 says why not."""
    order = orders.find(number)
    left = order.stage
    stage = board.find_stage(read_id(request.form.get("stage")) or abort(400))
    by = By.user(current.member)
    pipeline.move(order, stage, by=by, version=request.form.get("version", type=int))
    if "board" in request.form:
        return "".join(_partial(one) for one in {left.id: left, stage.id: stage}.values())
    htmx.toast(_("Order %(number)s is on “%(stage)s” now.", number=f"#{number}", stage=stage.name))
    return "" if htmx.asked() else redirect(url_for("orders.show", number=number))


# --- showing --------------------------------------------------------------------------------------


def _column(stage: Stage, *, shown: int = 0) -> str:
    one = board.column(stage, money=current.sees_money, shown=shown)
    return render_template("board/_column.html", column=one, goes=Goes(stage.pipeline))


def _partial(stage: Stage) -> str:
    """The column, for htmx to put in its place whatever asked for it."""
    shown = request.form.get(f"shown-{stage.id}", 0, type=int)
    html = Markup(_column(stage, shown=shown))  # noqa: S704 - it comes from our own template
    return render_template("board/_partial.html", stage=stage, html=html)


class Goes:
    """Where this person may take each order, as the places of the columns: "2 3 10"."""

    def __init__(self, of: Pipeline) -> None:
        self._rules = pipeline.Rules.of(of, By.user(current.member))
        self._may = current.may("orders.move")
        self._known: dict[tuple[UUID, SystemState], str] = {}

    def __call__(self, order: Order) -> str:
        here = (order.stage_id, order.state)
        if here not in self._known:
            stages = self._rules.allowed(order) if self._may else []
            self._known[here] = " ".join(str(stage.position) for stage in stages)
        return self._known[here]


@pages.app_template_filter("card_place")
def _place(card: Card) -> str:
    return write_place(card.place)


@pages.app_template_filter("age")
def _age(at: datetime) -> str:
    """How long ago, in one short word: 5 min, 3 h, 2 d."""
    minutes = max(1, int((utcnow() - at).total_seconds() // 60))
    return _short(minutes, current.language, current.country)


@pages.app_template_filter("span")
def _span(passed: timedelta) -> str:
    """A length of time in one word: 5 min, 3 h, 2 d."""
    return _short(max(1, int(passed.total_seconds() // 60)), current.language, current.country)


@pages.app_template_filter("rate")
def _rate(percent: float) -> Markup:
    """83,5 %, as the reader writes it."""
    locale = languages.locale(current.language, current.country)
    return ltr(format_percent(percent / 100, format="#,##0.#%", locale=locale))


def _day(on: date) -> str:
    return format_skeleton("MMMd", on, locale=languages.locale(current.language, current.country))


@lru_cache(maxsize=10_000)
def _short(minutes: int, language: str, country: str) -> str:
    passed, locale = timedelta(minutes=minutes), languages.locale(language, country)
    return format_timedelta(passed, granularity="minute", format="short", locale=locale)
