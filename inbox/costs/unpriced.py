"""Charges without a price: the list of a month's, and giving a price to those that have one now."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import costs
from inbox import htmx
from inbox.auth import needs
from inbox.conversations.asked import read_id
from inbox.costs import pages, words
from inbox.costs.asked import Asked
from inbox.current import current
from inbox.languages import ngettext


@pages.get("/costs/unpriced")
@needs("costs.read", "money.see")
def unpriced() -> str:
    asked = Asked.read()
    after = read_id(request.args.get("after"))
    template = "costs/_unpriced.html" if after else "costs/unpriced.html"
    return render_template(template, **_shown(asked, after))


@pages.post("/costs/price-now")
@needs("costs.edit", "money.see")
def price_now() -> Response:
    """Every charge without a price that a list has one for now has it; who did that is kept."""
    done = costs.price_now(by=current.member)
    htmx.toast(
        ngettext(
            "%(num)s charge has its price now.",
            "%(num)s charges have their price now.",
            done.charges,
        )
    )
    month = request.form.get("month") or None
    return redirect(url_for("costs.index", month=month), code=303)


def _shown(asked: Asked, after: UUID | None) -> dict[str, Any]:
    rows = costs.unpriced(asked.first_day, channel_id=asked.number_id, after=after)
    return {
        "rows": rows,
        "more": rows[-1].id if len(rows) == costs.UNPRICED_PAGE else None,
        "month": asked.month,
        "month_name": words.written(asked.first_day, "yMMMM"),
        "number": asked.number,
        "priceable": costs.priceable() if after is None else None,
        "repricings": costs.repricings() if after is None else (),
        "words": words,
    }
