"""The pages (a phone, phones side by side, faults) and their files, under a strict policy."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

STATIC = Path(__file__).with_name("static")
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-src 'self'",
        "frame-ancestors 'self'",
    )
)


def blueprint() -> Blueprint:
    page = Blueprint("page", __name__)
    page.add_url_rule("/", "phone", lambda: _file("phone.html"))
    page.add_url_rule("/phones", "phones", lambda: _file("phones.html"))
    page.add_url_rule("/faults", "faults", lambda: _file("faults.html"))
    page.add_url_rule("/static/<path:name>", "static", _file)
    page.add_url_rule("/favicon.ico", "icon", lambda: _file("icon.svg"))
    return page


def _file(name: str) -> Response:
    response = send_from_directory(STATIC, name, max_age=0)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
