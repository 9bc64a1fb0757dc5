from __future__ import annotations

from flask import Blueprint

pages = Blueprint("picking", __name__)
