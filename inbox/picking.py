"""The pick list of the day, on a page made to be printed."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, render_template, request

from flows import board, picking
from inbox.auth import needs
from inbox.conversations.asked import read_id
from models.pipeline import Stage
from models.types import utcnow

pages = Blueprint("picking", __name__)


@pages.get("/orders/picking")
@needs("orders.read")
def index() -> str:
    """What to fetch for the orders on `stage` (several; all that are confirmed), of a `day`."""
    pipelines = board.pipelines()
    offered = [stage for one in pipelines for stage in picking.choices(one)]
    chosen = _chosen(offered)
    day = _day(request.args.get("day", ""))
    listed = picking.pick_list(chosen, day=day)
    return render_template(
        "picking/index.html",
        offered=offered,
        chosen=chosen,
        day=day,
        listed=listed,
        now=utcnow(),
    )


def _chosen(offered: list[Stage]) -> list[Stage]:
    wished = {read_id(text) for text in request.args.getlist("stage")}
    return [stage for stage in offered if stage.id in wished] or offered


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
