"""What every answer says about itself, and whether a request comes from our own pages."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from config import settings
from inbox import addresses

SAFE = ("GET", "HEAD", "OPTIONS")
YEAR = 31_536_000

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), payment=(), usb=(), microphone=(self)",
}


def refuse_foreign_forms() -> None:
    """403 for a change asked for by another site's page (the algorithm of Go's net/http).

    Browsers say where a request comes from and pages cannot lie about it. A request that says
    nothing comes from no browser, and so carries no cookie that somebody else put to use.
    """
    if request.method in SAFE:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site in ("same-origin", "none"):
        return
    origin = request.headers.get("Origin")
    if site is not None or (origin is not None and urlsplit(origin).netloc != request.host):
        raise Forbidden("This request comes from another site.")


def protect(response: Response) -> Response:
    """Strict headers on every answer; nothing a person sees is kept by a cache."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", _policy())
    if settings().https:
        response.headers["Strict-Transport-Security"] = f"max-age={YEAR}; includeSubDomains"
    response.headers["Cache-Control"] = _caching(response)
    return response


def _policy() -> str:
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            f"connect-src 'self' {addresses.live_url(request.host)}",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _caching(response: Response) -> str:
    if request.endpoint in ("media.show", "media.small") and response.status_code < 400:
        return "private, no-cache"  # kept, but shown only after asking us again
    if request.endpoint not in ("static", "vendor.file"):
        return "no-store"
    # asset() puts the file's own version into the address, so that it may stay for ever.
    fixed = "v" in request.args and response.status_code == 200
    return f"public, max-age={YEAR}, immutable" if fixed else "no-cache"
