"""The blueprint of everything about orders; the modules beside this one hang their routes on it."""

from __future__ import annotations

from flask import Blueprint

pages = Blueprint("orders", "inbox.orders")
