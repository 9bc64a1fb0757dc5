from __future__ import annotations

from flask import Blueprint

pages = Blueprint("pipeline", __name__)
