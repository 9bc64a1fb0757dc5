from __future__ import annotations

from flask import Blueprint

pages = Blueprint("message_templates", __name__)
