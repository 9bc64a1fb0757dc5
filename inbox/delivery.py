from __future__ import annotations

from flask import Blueprint

pages = Blueprint("delivery", __name__)
