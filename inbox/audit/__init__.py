"""Settings, Audit: who did what, newest first; by person, room and day; as a file too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, render_template, request

from flows import audit, exports
from flows.exports import Cell
from inbox.audit import telling, words
from inbox.audit.asked import Asked
from inbox.auth import needs
from inbox.conversations.asked import read_place, write_place
from inbox.current import current
from inbox.languages import catalogue
from inbox.languages import gettext as _
from models.audit import AuditEntry
from models.types import utcnow

pages = Blueprint("audit", __name__)
telling.attach(pages)


@pages.get("/audit")
@needs("audit.read")
def index() -> str:
    """The newest lines that fit; those below `before`."""
    asked, before = Asked.read(request.args, current.zone), read_place(request.args.get("before"))
    lines = audit.listed(audit.wanted(**asked.narrowing), before=before)
    facts: dict[str, Any] = {
        "lines": lines,
        "asked": asked,
        "more": write_place((lines[-1].at, lines[-1].id)) if len(lines) == audit.PAGE else "",
    }
    if before is not None:
        return render_template("audit/_lines.html", **facts)
    rooms = {room: _(name) for room, name in words.ROOMS.items()}
    return render_template("audit/index.html", people=audit.people(), rooms=rooms, **facts)


@pages.get("/audit.csv")
@needs("audit.read")
def export() -> Response:
    """All that fits, as a file; taking it away is a line of the audit too."""
    asked = Asked.read(request.args, current.zone)
    audit.note("exports.audit", after={"filters": sorted(asked.query())})
    file = exports.Export(
        merchant_id=current.login.merchant.id,
        only=None,
        wanted=audit.wanted(**asked.narrowing).with_only_columns(*COLUMNS),
        cells=_cells(),
        zone=current.zone,
        currency=current.login.merchant.currency,
        language=current.language,
        say=catalogue(current.language).gettext,
        codes={},
    )
    name = f"audit-{utcnow().astimezone(current.zone):%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(file.csv(), mimetype="text/csv", headers=headers)


COLUMNS = (
    *(AuditEntry.at, AuditEntry.by_name, AuditEntry.kind, AuditEntry.on),
    *(AuditEntry.before, AuditEntry.after, AuditEntry.ip, AuditEntry.agent),
)


def _cells() -> list[Cell]:
    # Said now: the file is written when the request, and who its reader is, is over.
    said = {kind: _(look.sentence, on="…") for kind, look in words.LOOKS.items()}
    return [
        Cell(words.N_("Date"), lambda row: row.at),
        Cell(words.N_("Person"), lambda row: row.by_name),
        Cell(words.N_("Event"), lambda row: said.get(row.kind, row.kind)),
        Cell(words.N_("Code"), lambda row: row.kind),
        Cell(words.N_("Subject"), lambda row: row.on),
        Cell(words.N_("Before"), lambda row: _flat(row.before)),
        Cell(words.N_("After"), lambda row: _flat(row.after)),
        Cell(words.N_("Address"), lambda row: row.ip),
        Cell(words.N_("Browser"), lambda row: row.agent),
    ]


def _flat(facts: Mapping[str, Any] | None) -> str:
    return "; ".join(f"{name}: {telling.raw(value)}" for name, value in (facts or {}).items())
