"""The web process: the people's pages with the WhatsApp webhook hung on them."""

from __future__ import annotations

import gc

from flask import Flask

from bot.webhook import blueprint
from inbox import create_app


def wasl() -> Flask:
    """A new web application: people at every address, Meta at /webhooks/whatsapp."""
    application = create_app()
    application.register_blueprint(blueprint)
    # What is loaded now stays for ever. Looking at it again cost every twentieth page 150 ms.
    gc.collect()
    gc.freeze()
    return application


app = wasl()
