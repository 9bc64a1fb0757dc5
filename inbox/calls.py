from __future__ import annotations

from flask import Blueprint

pages = Blueprint("calls", __name__)
