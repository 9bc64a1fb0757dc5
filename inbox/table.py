from __future__ import annotations

from flask import Blueprint

pages = Blueprint("table", __name__)
