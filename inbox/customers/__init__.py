"""Customers: their card on one page, what they agreed to, and whom nobody wants to sell to."""

from inbox.customers import card, standing
from inbox.customers.routes import pages

__all__ = ["card", "pages", "standing"]
