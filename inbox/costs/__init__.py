"""What Meta charges: the month's page, its file, charges without a price, lists, the budget."""

from flask import Blueprint

pages = Blueprint("costs", __name__)

from inbox.costs import lists, month, taking, unpriced  # noqa: E402 - they hang on `pages`

__all__ = ["lists", "month", "pages", "taking", "unpriced"]
