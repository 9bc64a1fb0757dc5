"""The table of orders: filtered, searched, in views of one's own, moved together, exported."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO, Any

from flask import Blueprint, Response, render_template, request

from flows import columns, exports, listing, orders, presets, search, team, views
from inbox import htmx, languages
from inbox.auth import needs
from inbox.conversations.asked import read_id, read_place, write_place
from inbox.current import current
from inbox.languages import gettext as _
from inbox.orders.sentences import FLAGS, STATUSES
from inbox.table import keeping, marks
from inbox.table.asked import PERIOD_NAMES, Asked, stages_of
from models.pipeline import REASONED, SystemState
from models.types import utcnow

log = logging.getLogger(__name__)
pages = Blueprint("table", __name__)
keeping.attach(pages)
marks.attach(pages)

CSV, XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


# --- looking --------------------------------------------------------------------------------------


@pages.get("/orders")
@needs("orders.read")
def index() -> str:
    """The orders that match, from the newest on, or `below` or `above` a place in the list."""
    asked = Asked.read()
    matching = listing.matching(asked.filters, asked.stages)
    below, above = (read_place(request.args.get(name)) for name in ("below", "above"))
    page = listing.page(matching, below=below, above=above, items="items" in asked.columns)
    facts: dict[str, Any] = {
        "asked": asked,
        "page": page,
        "count": listing.count(matching),
        "cut": matching.cut,
        "place": lambda order: write_place(page.place(order)),
        "typed": search.typed(asked.filters.q or ""),
        "here": {name: request.args.get(name) for name in ("below", "above")},
        "headings": _said(columns.COLUMNS),
        **_names(),
    }
    if current.wants_fragment:
        return render_template("table/_listing.html", **facts)
    return render_template("table/index.html", search=asked.filters.q, reasoned=REASONED, **facts)


@pages.get("/orders/filters")
@needs("orders.read")
def filters() -> str:
    """The dialog in which filters are chosen, as they are now."""
    asked = Asked.read()
    return render_template(
        "table/filters.html",
        asked=asked,
        pipelines=stages_of(asked.stages),
        # Who sees only their own orders has nobody else's to look for.
        members=team.members() if current.may("orders.all") else [],
        teams=_teams() if current.may("orders.all") else [],
        carriers=sorted({*listing.carriers(), *asked.filters.carrier}, key=str.casefold),
        periods=_said(PERIOD_NAMES),
        states={state: presets.state_name(state, current.language) for state in SystemState},
        **_names(),
    )


def _teams() -> list[tuple[str, str]]:
    return [(str(one.team.id), one.team.name) for one in team.teams()]


def _names() -> dict[str, dict[str, str]]:
    """What codes are called, by what they are codes of."""
    return {
        "statuses": _said(STATUSES),
        "flags": _said(FLAGS),
        "sources": _said(orders.SOURCES),
        "methods": _said(orders.PAYMENT_METHODS),
        "payments": _said(orders.PAYMENT_STATUSES),
    }


def _said(names: Mapping[str, str]) -> dict[str, str]:
    return {code: _(name) for code, name in names.items()}


@pages.get("/orders/search")
@needs("orders.read")
def find() -> str:
    """The first orders that `q` finds, under the box where somebody types."""
    asked = request.args.get("q", "")
    return render_template(
        "table/_found.html", asked=asked, typed=search.typed(asked), orders=search.found(asked)
    )


@pages.post("/orders/columns")
@needs("orders.read")
def choose_columns() -> tuple[str, int]:
    """From now on this person's table, or the view they look at, has these columns."""
    view_id = read_id(request.form.get("view"))
    view = views.find(view_id, current.member) if view_id else None
    views.choose_columns(request.form.getlist("columns"), by=current.member, view=view)
    htmx.trigger("columns:chosen")
    return "", 204


# --- taking with you ------------------------------------------------------------------------------


@pages.get("/orders/export.csv")
@needs("orders.export")
def export_csv() -> Response:
    return _attached(Response(_export("csv").csv(), mimetype=CSV), "csv")


@pages.get("/orders/export.xlsx")
@needs("orders.export")
def export_xlsx() -> Response:
    # Put together before the answer begins: should it fail, the answer can still say so.
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed, and so gone, when it has been read
    _export("xlsx").xlsx(file)
    response = Response(_read(file), mimetype=XLSX)
    response.content_length = file.tell()
    file.seek(0)
    return _attached(response, "xlsx")


def _read(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(1 << 16):
            yield piece


def _export(kind: str) -> exports.Export:
    """What is filtered now, in the columns shown now, or in all of them (`columns=all`)."""
    asked = Asked.read()
    every = request.args.get("columns") == "all"
    chosen = list(columns.COLUMNS) if every else asked.columns
    log.info("%s exports orders as %s: %s", current.member.id, kind, asked.filters.query().keys())
    return exports.prepare(
        asked.filters,
        chosen,
        language=current.language,
        say=languages.catalogue(current.language).gettext,
        codes=_names(),
        kind=kind,
    )


def _attached(response: Response, ending: str) -> Response:
    name = f"orders-{utcnow().astimezone(current.zone):%Y-%m-%d}.{ending}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
