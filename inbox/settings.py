from __future__ import annotations

from flask import Blueprint

pages = Blueprint("settings", __name__)
