"""The product search of the order dialog."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from inbox.auth import needs
from inbox.orders import dialog

pages = Blueprint("catalog", __name__)

LONGEST_SEARCH = 100


@pages.get("/products/search")
@needs("orders.create")
def search() -> str:
    """Products that fit `q`, each with the line it becomes when it is chosen."""
    rows = dialog.found_rows(request.args.get("q", "")[:LONGEST_SEARCH])
    return render_template("orders/_found.html", rows=rows)
