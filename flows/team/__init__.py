"""Merchants and the people who work for them: how they come in, what they are, how they go.

founding.py a merchant and its first people · people.py roles, disabling · invitations.py ·
resets.py new passwords · roles.py a merchant's own roles · groups.py teams · handing.py whose work
goes to whom · joined.py one person in several merchants
"""

from flows.team.founding import add_merchant, add_user, fit_out
from flows.team.groups import NewTeam, mine, teams, teams_of
from flows.team.handing import Holdings, hand_over, holdings
from flows.team.invitations import Opened, accept, invitation, invite, invited, resend, withdraw
from flows.team.joined import merchants_of, switch
from flows.team.people import change_role, disable, enable, find, listed, members
from flows.team.resets import ask_reset, make_reset, reset_of, set_password
from flows.team.roles import NewRole, custom_roles

__all__ = [
    "Holdings",
    "NewRole",
    "NewTeam",
    "Opened",
    "accept",
    "add_merchant",
    "add_user",
    "ask_reset",
    "change_role",
    "custom_roles",
    "disable",
    "enable",
    "find",
    "fit_out",
    "hand_over",
    "holdings",
    "invitation",
    "invite",
    "invited",
    "listed",
    "make_reset",
    "members",
    "merchants_of",
    "mine",
    "resend",
    "reset_of",
    "set_password",
    "switch",
    "teams",
    "teams_of",
    "withdraw",
]
