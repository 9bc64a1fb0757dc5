"""The web process: the people's pages with the WhatsApp webhook hung on them."""

from __future__ import annotations

import gc
import sys

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from bot.webhook import blueprint
from config import settings
from flows import logs
from inbox import create_app


def wasl() -> Flask:
    """A new web application: people at every address, Meta at /webhooks/whatsapp and /flows."""
    application = create_app()
    application.register_blueprint(blueprint)
    if proxies := settings().proxies:
        # What X-Forwarded-For says is written by anybody, except its last entries: ours.
        told = ProxyFix(application.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)
        application.wsgi_app = told  # type: ignore[method-assign]  # Flask's own way to wrap it
    # What is loaded now stays for ever. Looking at it again cost every twentieth page 150 ms.
    gc.collect()
    gc.freeze()
    # Threads that come back from the database should not queue 5 ms each for the interpreter: an
    # order makes fifty such ways, and holds the number of the next one meanwhile.
    sys.setswitchinterval(0.0005)
    return application


logs.begin()
app = wasl()
