"""The blueprint of everything about the team; other modules here hang their routes on it."""

from __future__ import annotations

from flask import Blueprint

pages = Blueprint("team", "inbox.team")
