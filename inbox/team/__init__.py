"""The team's room: people, invitations, own roles, teams; and the doors people come in by."""

from inbox.team import doors, groups, invitations, page, people, places, roles
from inbox.team.routes import pages

__all__ = ["doors", "groups", "invitations", "page", "pages", "people", "places", "roles"]
