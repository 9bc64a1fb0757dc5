"""The living style guide: python -m tests.inbox.gallery 8100, then open /gallery/inbox."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from flask import Flask, g, render_template, request
from jinja2 import ChoiceLoader, FileSystemLoader
from werkzeug.serving import make_server

from inbox import create_app
from inbox.auth import public
from inbox.current import Login, current
from models.merchant import Merchant
from models.types import Money
from models.user import Membership, Role, User

PARTS = ("inbox", "closed", "dialog", "board", "parts")


def app() -> Flask:
    """The web application with one page more, and somebody signed in who is in no database."""
    gallery = create_app()
    gallery.jinja_env.loader = ChoiceLoader(
        [gallery.jinja_env.loader, FileSystemLoader(Path(__file__).parent)]  # type: ignore[list-item]
    )
    gallery.add_url_rule("/gallery/<part>", "gallery", public(show))
    # The menu's counter would ask as somebody who is in no database, and be sent to sign in.
    gallery.view_functions["conversations.unread"] = public(lambda: "12")
    return gallery


def show(part: str) -> str:
    g.login = _somebody(request.args.get("language", "fr"))
    return render_template(
        "gallery.html",
        part=part,
        show=request.args.get("show", "list"),
        t=lambda french, arabic: arabic if current.language == "ar" else french,
        money=lambda minor: Money(minor, "MAD"),
        moment_of_test=datetime(2026, 11, 21, 9, 51, tzinfo=UTC),
    )


def _somebody(language: str) -> Login:
    merchant = Merchant(
        name="Atlas Cuir",
        country="MA",
        currency="MAD",
        language="fr",
        time_zone="Africa/Casablanca",
    )
    user = User(email="salma@atlas.example", name="Salma", password_hash="", language=language)
    member = Membership(
        merchant_id=merchant.id, user_id=user.id, name="Salma Idrissi", role=Role.MANAGER
    )
    assert isinstance(member.id, UUID)
    return Login(b"", user, member, merchant)


if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), app(), threaded=True).serve_forever()
