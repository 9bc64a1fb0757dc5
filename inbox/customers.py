from __future__ import annotations

from flask import Blueprint

pages = Blueprint("customers", __name__)
