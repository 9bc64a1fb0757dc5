"""What the address of the table asks for: filters, a view, its columns; and addresses like it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from flask import request, url_for
from markupsafe import Markup

from flows import listing, orders, presets, team, views
from flows.listing import NOBODY, Filters
from inbox import filters as shown
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.languages import N_, gettext
from inbox.orders.sentences import FLAGS, STATUSES
from models import db
from models.pipeline import Pipeline, Stage, SystemState
from models.team import Team
from models.user import Membership
from models.view import View

PERIOD_NAMES = {
    "today": N_("Today"),
    "yesterday": N_("Yesterday"),
    "week": N_("Last 7 days"),
    "month": N_("Last 30 days"),
}
_CODES: dict[str, Mapping[str, str]] = {
    "status": STATUSES,
    "flag": {"any": N_("Any flag")} | FLAGS,
    "source": orders.SOURCES,
    "payment": orders.PAYMENT_METHODS,
    "paid": orders.PAYMENT_STATUSES,
    "period": PERIOD_NAMES,
}
SORT_NAMES = {
    "newest": N_("Newest first"),
    "oldest": N_("Oldest first"),
    "longest": N_("Longest on its stage"),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on, and the address without it."""

    text: Markup
    url: str


@dataclass(frozen=True, slots=True)
class Tab:
    """A view and whether its orders are those on the screen."""

    name: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """The table as asked for by this request's address."""

    filters: Filters
    stages: list[Stage]
    views: Sequence[View]
    view: View | None
    """The kept view somebody chose; its filters may have been changed since."""
    columns: list[str]
    own_teams: tuple[UUID, ...] = ()
    """The teams of whoever asks."""

    @classmethod
    def read(cls) -> Asked:
        filters = Filters.read(request.args.to_dict(flat=False))
        kept = views.listed(current.member)
        wished = read_id(request.args.get("view"))
        view = next((one for one in views.named(kept) if one.id == wished), None)
        teams = tuple(sorted(team.mine(current.member)))
        return cls(filters, listing.stages(), kept, view, views.columns_of(kept, view), teams)

    # --- addresses --------------------------------------------------------------------------------

    def url(self, filters: Filters | None = None, **more: str | None) -> str:
        """The table with these filters, by default the same, in the same view."""
        return self._to("table.index", filters, **more)

    def export(self, kind: str, **more: str | None) -> str:
        return self._to(f"table.export_{kind}", None, **more)

    def _to(self, endpoint: str, filters: Filters | None, **more: str | None) -> str:
        view = {"view": str(self.view.id) if self.view else None}
        return _address(endpoint, filters or self.filters, **(view | more))

    def sorted(self, sort: str) -> str:
        return self.url(Filters.read(self.filters.query() | {"sort": [sort]}))

    @property
    def query(self) -> str:
        """The filters alone, as a query string: what "all that match" means to a bulk."""
        return self.url(view=None).partition("?")[2]

    # --- views ------------------------------------------------------------------------------------

    @property
    def tabs(self) -> Iterator[Tab]:
        for name, query in views.READY.values():
            there = Filters.read(query)
            here = self.view is None and self._same(there)
            yield Tab(gettext(name), _address("table.index", there), here)
        if self.own_teams:
            there = Filters(team=self.own_teams)
            here = self.view is None and self._same(there)
            yield Tab(gettext(N_("My team")), _address("table.index", there), here)
        for view in views.named(self.views):
            there = Filters.read(view.filters)
            url = _address("table.index", there, view=str(view.id))
            yield Tab(view.name, url, view is self.view)

    def _same(self, other: Filters) -> bool:
        return self._compared(self.filters) == self._compared(other)

    @staticmethod
    def _compared(filters: Filters) -> dict[str, list[str]]:
        return {name: sorted(values) for name, values in filters.query().items() if name != "sort"}

    @property
    def ready_made(self) -> bool:
        """Whether this is a view that is there from the first day."""
        return any(self._same(Filters.read(query)) for _, query in views.READY.values())

    @property
    def changed(self) -> bool:
        """Whether the filters are not those the view was kept with."""
        return self.view is not None and self.filters != Filters.read(self.view.filters)

    @property
    def may_change_view(self) -> bool:
        return self.view is not None and views.may_change(self.view, current.member)

    @property
    def may_share(self) -> bool:
        return views.may_share(current.member)

    # --- what is on -------------------------------------------------------------------------------

    @property
    def sort_name(self) -> str:
        return gettext(SORT_NAMES[self.filters.sort or "newest"])

    @property
    def sorts(self) -> dict[str, str]:
        return {sort: gettext(name) for sort, name in SORT_NAMES.items()}

    @property
    def chips(self) -> Iterator[Chip]:
        """Every filter that is on, in words, with the way to take it off."""
        for name, values in self.filters.query().items():
            if name == "sort":
                continue
            for text in values:
                yield Chip(self._named(name, text), self.url(self._without(name, text)))

    def _without(self, name: str, text: str) -> Filters:
        query = self.filters.query()
        query[name] = [other for other in query[name] if other != text]
        return Filters.read(query)

    def _named(self, name: str, text: str) -> Markup:
        if name == "stage":
            return shown.bdi(next((s.name for s in self.stages if str(s.id) == text), "?"))
        if name == "state":
            return shown.bdi(presets.state_name(SystemState(text), current.language))
        if name == "agent":
            return shown.bdi(gettext(N_("Nobody")) if text == NOBODY else _member(text))
        if name == "team":
            return shown.bdi(_team(text))
        if name == "pipeline":
            return shown.bdi(
                next((p.name for p in stages_of(self.stages) if str(p.id) == text), "?")
            )
        if name == "q":
            return Markup(gettext(N_("“%(text)s”"))) % {"text": shown.bdi(text)}  # noqa: S704
        if name in ("since", "until"):
            return self._dated(name, text)
        word = _CODES.get(name, {}).get(text)
        return shown.bdi(gettext(word) if word else text)

    def _dated(self, name: str, text: str) -> Markup:
        sentence = N_("from %(day)s") if name == "since" else N_("until %(day)s")
        return Markup(gettext(sentence)) % {"day": shown.ltr(text)}  # noqa: S704


def address(view: View) -> str:
    """Where a kept view is looked at."""
    return _address("table.index", Filters.read(view.filters), view=str(view.id))


def _address(endpoint: str, filters: Filters, **more: str | None) -> str:
    values: dict[str, Any] = {**filters.query(), **more}
    return url_for(endpoint, **values)


def stages_of(stages: Sequence[Stage]) -> dict[Pipeline, list[Stage]]:
    """Pipelines with their stages."""
    return {pipeline: list(own) for pipeline, own in groupby(stages, lambda s: s.pipeline)}


def _member(text: str) -> str:
    id_ = read_id(text)
    found = db.session().get(Membership, (db.session().merchant_id, id_)) if id_ else None
    return found.name if found else "?"


def _team(text: str) -> str:
    id_ = read_id(text)
    found = db.session().get(Team, (db.session().merchant_id, id_)) if id_ else None
    return found.name if found else "?"
