"""The people edge: create_app() puts the pages, their languages and their safety together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

# Each module of this list has its routes in a blueprint called `pages`.
PAGES = (
    "account",
    "audit",
    "auth",
    "automations",
    "beside",
    "board",
    "bot",
    "bulk",
    "calls",
    "catalog",
    "channels",
    "composing",
    "contacts",
    "conversations",
    "costs",
    "customers",
    "delivery",
    "health",
    "library",
    "media",
    "message_templates",
    "messages",
    "notifications",
    "orders",
    "picking",
    "pipeline",
    "pulse",
    "rules",
    "runs",
    "settings",
    "signup",
    "table",
    "team",
    "troubles",
    "vendor",
)


def create_app() -> Flask:
    """The web application, or RuntimeError when a route does not say who may open it."""
    # Imported here: the live process needs this package and none of the web (half its memory).
    from inbox import web

    return web.application(PAGES)
