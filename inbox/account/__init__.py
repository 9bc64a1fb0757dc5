"""My account: name, e-mail, password, where I am signed in, the second step; and the team's."""

from flask import Blueprint

pages = Blueprint("account", __name__)

from inbox.account import devices, mine, second_step, team  # noqa: E402 - they hang on `pages`

__all__ = ["devices", "mine", "pages", "second_step", "team"]
