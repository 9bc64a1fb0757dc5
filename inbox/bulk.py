from __future__ import annotations

from flask import Blueprint

pages = Blueprint("bulk", __name__)
