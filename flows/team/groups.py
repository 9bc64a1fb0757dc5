"""Teams: who belongs to them, which languages they speak, whose cities are theirs (R16)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, false, or_, select
from sqlalchemy.dialects.postgresql import insert

from flows import audit, search, turns
from flows.errors import N_, Invalid, NotFound, Refused
from models import db
from models.conversation import Conversation
from models.order import Order
from models.team import Team, TeamMember
from models.types import fold, new_id
from models.user import Membership

LONGEST = 60
MOST_CITIES = 500


@dataclass(frozen=True, slots=True)
class NewTeam:
    """A team as somebody typed it."""

    name: str
    languages: Sequence[str] = ()
    cities: Sequence[str] = ()
    members: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Shown:
    team: Team
    members: list[Membership]


def teams() -> list[Shown]:
    """Every team with its active people, by name; two statements."""
    every = db.session().scalars(select(Team).order_by(Team.name)).all()
    people: dict[UUID, list[Membership]] = {team.id: [] for team in every}
    inside = (
        select(TeamMember.team_id, Membership)
        .join(Membership, _is_member())
        .where(Membership.disabled_at.is_(None))
        .order_by(Membership.name)
    )
    for team_id, member in db.session().execute(inside):
        people[team_id].append(member)
    return [Shown(team, people[team.id]) for team in every]


def mine(member: Membership) -> frozenset[UUID]:
    """The teams this member is in."""
    own = select(TeamMember.team_id).where(TeamMember.member_id == member.id)
    return frozenset(db.session().scalars(own))


def teams_of() -> dict[UUID, list[str]]:
    """The names of the teams of each member who is in one."""
    found: dict[UUID, list[str]] = {}
    inside = select(TeamMember.member_id, Team.name).join(
        Team, (Team.merchant_id == TeamMember.merchant_id) & (Team.id == TeamMember.team_id)
    )
    for member_id, name in db.session().execute(inside.order_by(Team.name)):
        found.setdefault(member_id, []).append(name)
    return found


def find(team_id: UUID) -> Team:
    """The merchant's team, or NotFound."""
    found = db.session().scalars(select(Team).where(Team.id == team_id)).first()
    if found is None:
        raise NotFound
    return found


def members_of(team: Team) -> frozenset[UUID]:
    inside = select(TeamMember.member_id).where(TeamMember.team_id == team.id)
    return frozenset(db.session().scalars(inside))


def keep(form: NewTeam, team: Team | None = None) -> Team:
    """The team is as the form says; Invalid for a name that is empty, long or taken."""
    turns.take()
    _check(form, team)
    session, before = db.session(), _facts(team) if team else {}
    if team is None:
        team = Team()
        session.add(team)
    team.name, team.languages = form.name, list(dict.fromkeys(form.languages))
    team.cities = _each_once(form.cities)
    session.flush()  # people are put into it by SQL
    session.execute(delete(TeamMember).where(TeamMember.team_id == team.id))
    known = session.scalars(select(Membership.id).where(Membership.id.in_(form.members)))
    rows = [
        {"merchant_id": session.merchant_id, "id": new_id(), "team_id": team.id, "member_id": one}
        for one in known
    ]
    if rows:
        session.execute(insert(TeamMember).on_conflict_do_nothing(), rows)
    kind = "team.group_changed" if before else "team.group_added"
    audit.changed(kind, before, _facts(team), on=team.name, on_id=team.id)
    return team


def remove(team: Team) -> None:
    """The team is no more; its people, orders and conversations stay where they are."""
    audit.note("team.group_deleted", on=team.name, on_id=team.id, before=_facts(team))
    db.session().delete(team)


def _facts(team: Team) -> dict[str, object]:
    inside = (
        select(Membership.name)
        .join(TeamMember, _is_member())
        .where(TeamMember.team_id == team.id)
        .order_by(Membership.name)
    )
    return {
        "name": team.name,
        "languages": list(team.languages),
        "cities": list(team.cities),
        "people": list(db.session().scalars(inside)),
    }


def _each_once(cities: Iterable[str]) -> list[str]:
    return list({fold(city): city for city in cities if city}.values())


def _check(form: NewTeam, team: Team | None) -> None:
    wrong: dict[str, Refused] = {}
    taken = select(Team.id).where(Team.name == form.name)
    if team is not None:
        taken = taken.where(Team.id != team.id)
    if not form.name or len(form.name) > LONGEST:
        wrong["name"] = Refused("name", N_("Give it a name."))
    elif db.session().scalar(taken):
        wrong["name"] = Refused("taken", N_("There is one of this name already."))
    if len(form.cities) > MOST_CITIES:
        wrong["cities"] = Refused("cities", N_("These are too many cities for one team."))
    if wrong:
        raise Invalid(wrong)


# --- what is theirs -------------------------------------------------------------------------------


def orders_of(team_ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Orders one of the teams' people looks after, or nobody yet and they go to its cities."""
    ids = list(team_ids)
    if not ids:
        return false()
    lists = db.session().scalars(select(Team.cities).where(Team.id.in_(ids)))
    cities = [city for cities in lists for city in cities]
    theirs: list[ColumnElement[bool]] = [Order.assignee_id.in_(_people(ids))]
    if cities:
        theirs.append(Order.assignee_id.is_(None) & search.in_cities(cities))
    return or_(*theirs)


def conversations_of(team_ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Conversations given to one of these teams, or to one of their people."""
    ids = list(team_ids)
    if not ids:
        return false()
    return or_(Conversation.team_id.in_(ids), Conversation.assignee_id.in_(_people(ids)))


def _people(team_ids: list[UUID]) -> Select[UUID]:
    return select(TeamMember.member_id).where(TeamMember.team_id.in_(team_ids))


def _is_member() -> ColumnElement[bool]:
    return (Membership.merchant_id == TeamMember.merchant_id) & (
        Membership.id == TeamMember.member_id
    )
