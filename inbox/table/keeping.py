"""Views of the table: kept under a name, changed, deleted."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import views
from flows.errors import Invalid
from flows.listing import Filters
from inbox import htmx, languages, life
from inbox.auth import needs
from inbox.current import current
from inbox.languages import gettext as _
from inbox.table.asked import Asked, address
from models.view import View

Answer = str | tuple[str, int] | Response


def attach(pages: Blueprint) -> None:
    pages.get("/views/new")(new)
    pages.post("/views")(keep)
    pages.get("/views/<uuid:view_id>")(edit)
    pages.post("/views/<uuid:view_id>")(change)
    pages.post("/views/<uuid:view_id>/delete")(delete)


@needs("orders.read")
def new() -> str:
    """The dialog that keeps what the address asks for."""
    asked = Asked.read()
    return _dialog(query=asked.query, may_share=asked.may_share)


@needs("orders.read")
def keep() -> Answer:
    """The filters in `query` are a view; in the columns this person has now."""
    chosen = views.columns_of(views.listed(current.member), None)
    name, shared = request.form.get("name", ""), "shared" in request.form
    try:
        view = views.keep(name, _filters(), chosen, by=current.member, shared=shared)
    except Invalid as refusal:
        return _again(refusal)
    htmx.toast(_("View “%(name)s” kept.", name=view.name))
    return _to(view)


@needs("orders.read")
def edit(view_id: UUID) -> str:
    return _dialog(view=views.find(view_id, current.member))


@needs("orders.read")
def change(view_id: UUID) -> Answer:
    """Another name, or the filters in `query`."""
    view = views.find(view_id, current.member)
    filters = _filters() if "query" in request.form else None
    try:
        views.change(view, by=current.member, name=request.form.get("name"), filters=filters)
    except Invalid as refusal:
        return _again(refusal, view_id)
    htmx.toast(_("View “%(name)s” kept.", name=view.name))
    return _to(view)


@needs("orders.read")
def delete(view_id: UUID) -> Response:
    view = views.find(view_id, current.member)
    views.delete(view, by=current.member)
    htmx.toast(_("View “%(name)s” deleted.", name=view.name))
    return Response(status=204, headers={"HX-Redirect": url_for("table.index")})


def _filters() -> Filters:
    return Filters.read(parse_qs(request.form.get("query", "")))


def _to(view: View) -> Response:
    return Response(status=204, headers={"HX-Redirect": address(view)})


def _again(refusal: Invalid, view_id: UUID | None = None) -> tuple[str, int]:
    life.undo()
    form = request.form
    facts: dict[str, Any] = {"view": views.find(view_id, current.member)} if view_id else {}
    return _dialog(
        **facts,
        name=form.get("name", ""),
        query=form.get("query", ""),
        shared="shared" in form,
        may_share=views.may_share(current.member),
        errors=languages.told_each(refusal),
    ), refusal.status


def _dialog(**facts: Any) -> str:
    return render_template("table/view.html", **({"errors": {}, "view": None} | facts))
