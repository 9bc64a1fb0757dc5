"""The few third-party files the browser gets, out of node_modules and nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

from inbox.auth import public

MODULES = Path(__file__).parent.parent / "node_modules"


@dataclass(frozen=True, slots=True)
class File:
    path: str
    version: str


FILES = {
    "htmx.js": File("htmx.org/dist/htmx.min.js", "4.0.1"),
    "sortable.js": File("sortablejs/Sortable.min.js", "1.15.7"),
}

pages = Blueprint("vendor", __name__, url_prefix="/vendor")


@pages.get("/<name>")
@public
def file(name: str) -> Response:
    if name not in FILES:
        abort(404)
    return send_from_directory(MODULES, FILES[name].path)
