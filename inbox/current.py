"""current.member, current.merchant, current.language: who is at the screen, and how they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import g, has_request_context, request
from werkzeug.exceptions import Unauthorized

from flows import permissions
from inbox import addresses, languages
from inbox.languages import N_
from models import db
from models.db import Base
from models.merchant import Merchant
from models.types import utcnow
from models.user import Membership, Role, User

# The media attribute of dark.css: the system's wish, never, always.
THEMES = {"auto": "(prefers-color-scheme: dark)", "light": "not all", "dark": "all"}

ROLE_NAMES = {
    Role.OWNER: N_("Owner"),
    Role.MANAGER: N_("Manager"),
    Role.AGENT: N_("Confirmation agent"),
    Role.COURIER: N_("Delivery agent"),
    Role.VIEWER: N_("Viewer"),
    Role.CUSTOM: N_("Own role"),
}

AnyRow = TypeVar("AnyRow", bound=Base)


@dataclass(frozen=True, slots=True)
class Login:
    """Who a valid cookie belongs to. Detached from any session, so it outlives a rollback."""

    session_id: bytes
    user: User
    member: Membership
    merchant: Merchant
    several: bool = False
    """Whether this person may go into other merchants too."""
    must_enrol: bool = False
    """Whether their role must have a second step that they have not set up yet."""
    noticed: bool = False
    """Whether something stands about the merchant's numbers: most pages need not ask what."""


class Current:
    """The facts of this request; 401 where somebody must be signed in and nobody is."""

    @property
    def signed_in(self) -> bool:
        return has_request_context() and g.get("login") is not None

    @property
    def at_work(self) -> bool:
        """Whether everything they may do opens: nothing does before a second step that is owed."""
        return self.signed_in and not self.login.must_enrol

    @property
    def login(self) -> Login:
        if not self.signed_in:
            raise Unauthorized
        login: Login = g.login
        return login

    # --- rows of the request's session, which flows may link to -----------------------------------

    @property
    def member(self) -> Membership:
        """The signed-in person in this merchant's team: assignee, actor, agent."""
        return _bound("member", self.login.member)

    @property
    def merchant(self) -> Merchant:
        return _bound("merchant", self.login.merchant)

    @property
    def user_id(self) -> UUID:
        return self.login.user.id

    # --- what this person may do and see ----------------------------------------------------------

    def may(self, permission: str) -> bool:
        return permissions.may(self.login.member, permission)

    @property
    def sees_money(self) -> bool:
        """Whether revenue, totals spent and Meta's charges may be on this page at all (R12)."""
        return permissions.sees_money(self.login.member)

    @property
    def name(self) -> str:
        return self.login.member.name

    @property
    def role_name(self) -> str:
        return languages.gettext(ROLE_NAMES[self.login.member.role])

    @property
    def merchant_name(self) -> str:
        return self.login.merchant.name

    # --- how this person reads --------------------------------------------------------------------

    @property
    def language(self) -> str:
        """fr, en or ar: the user's choice, else the cookie's, the browser's, French.

        Worked out once a request: a page asks with each of its sentences.
        """
        if not has_request_context():
            return languages.DEFAULT
        found: str | None = g.get("language")
        if found is None:
            found = g.language = languages.choose(
                self.login.user.language if self.signed_in else None,
                request.cookies.get("language"),
                *(tag.partition("-")[0] for tag in request.accept_languages.values()),
            )
        return found

    @property
    def dir(self) -> str:
        return languages.direction(self.language)

    @property
    def country(self) -> str:
        return self.login.merchant.country if self.signed_in else ""

    @property
    def zone(self) -> ZoneInfo:
        """The merchant's time zone: a team on two continents reads one clock."""
        return self.login.merchant.zone if self.signed_in else ZoneInfo("UTC")

    @property
    def theme(self) -> str:
        wish = request.cookies.get("theme", "auto")
        return wish if wish in THEMES else "auto"

    @property
    def dark_media(self) -> str:
        return THEMES[self.theme]

    # --- what the browser asks for ----------------------------------------------------------------

    @property
    def wants_fragment(self) -> bool:
        """Whether htmx wants a piece of this page rather than the page."""
        return request.headers.get("HX-Request-Type") == "partial"

    @property
    def in_background(self) -> bool:
        """Whether a screen refreshes itself: nobody pressed anything, so nobody is "active"."""
        return "Wasl-Background" in request.headers

    @property
    def now_ms(self) -> int:
        """When this page was made: live.js asks the stream for what changed since."""
        return int(utcnow().timestamp() * 1000)

    @property
    def live_url(self) -> str:
        return addresses.live_url(request.host)


def _bound(name: str, row: AnyRow) -> AnyRow:
    """The same row in the request's session, without asking the database again."""
    if name not in g:
        setattr(g, name, db.session().merge(row, load=False))
    bound: AnyRow = getattr(g, name)
    return bound


current = Current()
