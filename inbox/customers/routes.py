"""The blueprint of everything about customers; other modules here hang their routes on it."""

from __future__ import annotations

from flask import Blueprint

pages = Blueprint("customers", "inbox.customers")
