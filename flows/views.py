"""Views: filters and columns of the table under a name, of one person or of everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import func, or_, select

from flows import audit, columns, permissions
from flows.errors import N_, Invalid, NotFound, Refused
from flows.listing import Filters
from models import db
from models.types import clean
from models.user import Membership
from models.view import View

LONGEST = 60
MOST = 40
"""Views that one person, or everybody together, can keep."""

# There from the first day: key → name, filters.
READY: dict[str, tuple[str, Mapping[str, list[str]]]] = {
    "all": (N_("All"), {}),
    "to_confirm": (N_("To confirm"), {"status": ["pending"]}),
    "to_ship": (N_("To ship"), {"status": ["confirmed", "processing"]}),
    "on_the_way": (N_("On the way"), {"status": ["shipped"]}),
    "problems": (N_("Problems"), {"flag": ["any"]}),
}
# The columns somebody chose where no view of theirs says which: a view of theirs without a name.
_NAMELESS = ""


def listed(member: Membership) -> Sequence[View]:
    """What this person finds in the table: everybody's views and their own, by name; and at the
    end, without a name, the columns they chose."""
    theirs = or_(View.member_id.is_(None), View.member_id == member.id)
    by_name = (View.name == _NAMELESS, func.lower(View.name), View.id)
    return db.session().scalars(select(View).where(theirs).order_by(*by_name)).all()


def named(views: Sequence[View]) -> list[View]:
    return [view for view in views if view.name != _NAMELESS]


def columns_of(views: Sequence[View], view: View | None) -> list[str]:
    """The columns of a view, else those the person chose, else the usual ones."""
    own = next((one for one in views if one.name == _NAMELESS), None)
    chosen = next((one.columns for one in (view, own) if one is not None and one.columns), None)
    return columns.known(chosen or columns.USUAL)


def find(view_id: UUID, member: Membership) -> View:
    """A view of this person or of everybody; NotFound for anybody else's."""
    view = db.session().get(View, (db.session().merchant_id, view_id))
    if view is None or view.member_id not in (None, member.id) or view.name == _NAMELESS:
        raise NotFound
    return view


def may_change(view: View, member: Membership) -> bool:
    """One's own; everybody's only who may set up the shop."""
    return view.member_id == member.id or (view.member_id is None and may_share(member))


def may_share(member: Membership) -> bool:
    return permissions.may(member, "settings.edit")


# --- keeping --------------------------------------------------------------------------------------


def keep(
    name: str, filters: Filters, chosen: Sequence[str], *, by: Membership, shared: bool = False
) -> View:
    """A new view under this name. Invalid for a name that is empty, too long or taken."""
    if shared and not may_share(by):
        raise Refused("forbidden", N_("Only a manager shares views with everybody."))
    owner = None if shared else by.id
    view = View(member_id=owner, name=_name(name, owner), filters=_kept(filters))
    view.columns = columns.known(chosen)
    db.session().add(view)
    if shared:
        audit.note("views.shared", on=view.name, after={"filters": sorted(view.filters)})
    return view


def change(
    view: View,
    *,
    by: Membership,
    name: str | None = None,
    filters: Filters | None = None,
    chosen: Sequence[str] | None = None,
) -> None:
    """The view has another name, other filters or columns; None leaves what is."""
    _check_may(view, by)
    before = _told(view)
    if name is not None:
        view.name = _name(name, view.member_id, but=view)
    if filters is not None:
        view.filters = _kept(filters)
    if chosen is not None:
        view.columns = columns.known(chosen)
    if view.member_id is None:
        audit.changed("views.changed", before, _told(view), on=view.name, on_id=view.id)


def delete(view: View, *, by: Membership) -> None:
    _check_may(view, by)
    if view.member_id is None:
        audit.note("views.deleted", on=view.name, before=_told(view))
    db.session().delete(view)


def choose_columns(chosen: Sequence[str], *, by: Membership, view: View | None = None) -> None:
    """From now on this person sees these columns: in a view they may change, else everywhere."""
    if view is not None and may_change(view, by):
        view.columns = columns.known(chosen)
        return
    session = db.session()
    theirs = select(View).where(View.member_id == by.id, View.name == _NAMELESS)
    own = session.scalars(theirs.with_for_update()).first()
    if own is None:
        own = View(member_id=by.id, name=_NAMELESS)
        session.add(own)
    own.columns = columns.known(chosen)


def _told(view: View) -> dict[str, object]:
    """For the audit: which filters, not what they look for: it may be a customer."""
    filters, chosen = sorted(view.filters), list(view.columns)
    return {"name": view.name, "filters": filters, "columns": chosen}


def _kept(filters: Filters) -> dict[str, list[str]]:
    return filters.query()


def _name(text: str, owner: UUID | None, but: View | None = None) -> str:
    name = " ".join(clean(text).split())
    if not name or len(name) > LONGEST:
        raise _wrong("length", N_("Give it a name of up to {most} letters."), most=LONGEST)
    same_owner = View.member_id.is_(None) if owner is None else View.member_id == owner
    taken = select(View.name, View.id).where(same_owner, View.name != _NAMELESS)
    others = [row for row in db.session().execute(taken) if but is None or row.id != but.id]
    if name.casefold() in {row.name.casefold() for row in others}:
        raise _wrong("taken", N_("There is a view of this name already."))
    if len(others) >= MOST:
        raise _wrong("many", N_("These are too many views: delete one first."))
    return name


def _wrong(code: str, sentence: str, **facts: object) -> Invalid:
    return Invalid({"name": Refused(code, sentence, **facts)})


def _check_may(view: View, member: Membership) -> None:
    if not may_change(view, member):
        raise Refused("forbidden", N_("This view is everybody's: only a manager changes it."))
