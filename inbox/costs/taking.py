"""The month's charges as a file."""

from __future__ import annotations

import logging

from flask import Response

from flows.costs import exports
from inbox import languages
from inbox.auth import needs
from inbox.costs import pages, words
from inbox.costs.asked import Asked
from inbox.current import current
from inbox.languages import gettext

log = logging.getLogger(__name__)


@pages.get("/costs/charges.csv")
@needs("costs.read", "money.see")
def export() -> Response:
    """Every charge of the month, streamed; text in it can be no formula."""
    asked = Asked.read()
    log.info("%s exports the charges of %s", current.member.id, asked.month)
    file = exports.prepare(
        asked.first_day,
        asked.number_id,
        language=current.language,
        say=languages.catalogue(current.language).gettext,
        codes={
            "categories": {name: gettext(text) for name, text in words.CATEGORIES.items()},
            "reasons": {reason.value: gettext(text) for reason, text in words.REASONS.items()},
        },
    )
    response = Response(file.csv(), mimetype="text/csv; charset=utf-8")
    name = f"whatsapp-costs-{asked.month}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
