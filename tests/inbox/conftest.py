"""Browsers of the people whose pages are tried here."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flows import health
from models.user import Membership
from tests import factories


@pytest.fixture
def english(app: Flask) -> Callable[[Membership], FlaskClient]:
    """Like `signed_in`, and the browser reads English."""

    def browser(who: Membership) -> FlaskClient:
        client = factories.browser(app, who)
        client.set_cookie("language", "en")
        return client

    return browser


@pytest.fixture
def salma(agent: Membership, signed_in: Callable[[Membership], FlaskClient]) -> FlaskClient:
    """The browser of somebody who confirms orders."""
    return signed_in(agent)


@pytest.fixture
def steady_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line in the menu asks nothing more: for who counts what a page asks."""
    monkeypatch.setattr(health, "FRESH", float("inf"))
    health.look()
