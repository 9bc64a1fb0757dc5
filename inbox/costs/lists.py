"""Meta's price lists: which apply, what each says, bringing a newer one in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from flows import channels, costs
from flows.errors import NotFound, Refused
from inbox import htmx, life
from inbox.auth import needs
from inbox.costs import pages, words
from inbox.current import current
from inbox.languages import gettext as _
from inbox.languages import told
from models.types import utcnow


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of the page. `state`: now, later or over."""

    card: costs.Card
    state: str


@pages.get("/costs/lists")
@needs("costs.read", "money.see")
def lists() -> str:
    return render_template("costs/lists.html", lists=_listed(), words=words)


@pages.get("/costs/lists/<currency>/<day>")
@needs("costs.read", "money.see")
def show(currency: str, day: str) -> str:
    """One list, and what it changed against the one before it."""
    found = [one for one in _listed() if one.card.currency == currency and f"{_day(one)}" == day]
    if not found:
        raise NotFound
    card = found[0].card
    before = [c for c in costs.cards(currency) if c.effective_from < card.effective_from]
    changes, same = costs.changes_between(before[0] if before else None, card)
    return render_template(
        "costs/list.html",
        listed=found[0],
        changes=changes if before else [],
        same=same,
        before=before[0] if before else None,
        markets=sorted(card.lines, key=lambda m: (not costs.is_country(m), words.market_name(m))),
        categories=[c for c in costs.CATEGORIES if any(c in line for line in card.lines.values())],
        words=words,
    )


@pages.get("/costs/lists/new")
@needs("costs.edit", "money.see")
def ask_list() -> str:
    return _asked({})


@pages.post("/costs/lists/new")
@needs("costs.edit", "money.see")
def bring_in() -> str | Response | tuple[str, int]:
    """What the list changes is shown; with `go` it is taken, from its day on and for good."""
    typed = {name: request.form.get(name, "").strip() for name in ("currency", "day", "name")}
    data, name = _file()
    typed |= {"text": costs.decoded(data) if b"\x00" not in data else "", "name": name}
    try:
        card = costs.read(data, name).card(typed["currency"].upper() or None, _date(typed["day"]))
        comparison = costs.compare(card)
        if "go" in request.form:
            digest = hashlib.sha256(data).hexdigest()
            costs.take(card, file=name, sha256=digest, by=current.member)
    except Refused as refusal:
        life.undo()
        return _asked(typed, problem=told(refusal)), refusal.status
    if "go" not in request.form:
        typed |= {"currency": card.currency, "day": card.effective_from.isoformat()}
        return _asked(typed, comparison=comparison)
    htmx.toast(_("The list applies from %(day)s on.", day=_written(card.effective_from)))
    answer = Response()
    answer.headers["HX-Redirect"] = url_for("costs.lists")
    return answer


def _asked(
    typed: dict[str, str],
    *,
    problem: str | None = None,
    comparison: costs.Comparison | None = None,
) -> str:
    return render_template(
        "costs/bring_in.html", typed=typed, problem=problem, comparison=comparison, words=words
    )


def _file() -> tuple[bytes, str]:
    """The chosen file, or the one that was checked before and comes again as text."""
    file = request.files.get("file")
    data = file.read() if file else b""
    if data and file:
        return data, file.filename or ""
    return request.form.get("text", "").encode(), request.form.get("name", "")


def _date(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError:
        return None


def _listed() -> list[Listed]:
    """Every list of the currencies this merchant is billed in first, then the others'."""
    today = utcnow().astimezone(current.zone).date()
    billed = {channel.currency for channel in channels.all_of_merchant()}
    found, seen = [], set()
    for card in sorted(costs.cards(), key=lambda card: card.currency not in billed):
        if card.effective_from > today:
            state = "later"
        else:
            state = "over" if card.currency in seen else "now"
            seen.add(card.currency)
        found.append(Listed(card, state))
    return found


def _day(listed: Listed) -> date:
    return listed.card.effective_from


def _written(day: date) -> str:
    return words.written(day, "yMMMd")
