"""The web process: the people's pages with the WhatsApp webhook hung on them."""

from __future__ import annotations

from flask import Flask

from bot.webhook import blueprint
from inbox import create_app


def wasl() -> Flask:
    """A new web application: people at every address, Meta at /webhooks/whatsapp."""
    application = create_app()
    application.register_blueprint(blueprint)
    return application


app = wasl()
