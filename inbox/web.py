"""The web application: Flask, its pages, what every template can use."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from flask import Flask, url_for
from jinja2 import Undefined

from config import settings
from inbox import auth, errors, filters, languages, life, nav
from inbox.current import current
from inbox.languages import gettext, ngettext
from inbox.vendor import FILES

LARGEST_BODY = 32 * 1024 * 1024


def application(pages: Iterable[str]) -> Flask:
    """The application with these modules' pages; RuntimeError when a route names no permission."""
    app = Flask("inbox")
    app.config.update(
        SECRET_KEY=settings().secret_key,
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        # Flask's own cookie carries nothing but the toast of the next page.
        SESSION_COOKIE_NAME="wasl_note",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings().https,
    )
    languages.speak()
    _dress(app)
    life.attach(app)
    errors.attach(app)
    for name in pages:
        app.register_blueprint(import_module(f"inbox.{name}").pages)
    refuse_unmarked_routes(app)
    return app


class Unsaid(Undefined):
    """What `{{ x if y }}` prints when not y: nothing, and without raising on the way there."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def _dress(app: Flask) -> None:
    app.jinja_env.undefined = Unsaid
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    filters.attach(app)
    # Globals, not a context processor: macros are imported without a context.
    app.jinja_env.globals.update(
        current=current,
        languages=list(languages.NAMES.items()),
        nav_links=nav.links,
        asset=_asset,
        vendor=_vendor,
    )


def _asset(name: str) -> str:
    """The address of a file of ours, new whenever the file changes."""
    changed = (Path(__file__).parent / "static" / name).stat().st_mtime_ns
    return url_for("static", filename=name, v=f"{changed:x}")


def _vendor(name: str) -> str:
    return url_for("vendor.file", name=name, v=FILES[name].version)


def refuse_unmarked_routes(app: Flask) -> None:
    app.view_functions["static"] = auth.public(app.view_functions["static"])
    for rule in app.url_map.iter_rules():
        if not hasattr(app.view_functions[rule.endpoint], "needs"):
            raise RuntimeError(f"{rule} says neither @needs nor @public")
