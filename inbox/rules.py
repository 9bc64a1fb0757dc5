from __future__ import annotations

from flask import Blueprint

pages = Blueprint("rules", __name__)
