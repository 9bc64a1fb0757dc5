"""Which troubles a page is asked for, in its address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from flows.troubles import Narrow, RunNarrow
from inbox.conversations.asked import read_id
from models.message import TROUBLED, Sending

PLAIN = "none"
"""In the place of a template: texts, files and all else that is none."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One cause, and the filters within it."""

    sending: Sending
    cause: str
    channel: UUID | None = None
    template: UUID | None = None
    plain: bool = False
    stage: UUID | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Asked | None:
        """What stands in the query string; None when it names no state that can trouble."""
        state = query.get("state", "")
        if state not in {one.value for one in TROUBLED}:
            return None
        return cls(
            Sending(state),
            query.get("cause", "")[:100],
            read_id(query.get("number")),
            read_id(query.get("template")),
            query.get("template") == PLAIN,
            read_id(query.get("stage")),
        )

    @property
    def narrow(self) -> Narrow:
        return Narrow(self.sending, self.cause, self.channel, self.template, self.plain, self.stage)

    @property
    def whole(self) -> Asked:
        """The same cause without its filters."""
        return Asked(self.sending, self.cause)

    def query(self, **changes: str | None) -> dict[str, Any]:
        """The same as parameters of a URL; what is as usual is left out."""
        all_ = {
            "state": self.sending.value,
            "cause": self.cause,
            "number": str(self.channel) if self.channel else None,
            "template": PLAIN if self.plain else str(self.template) if self.template else None,
            "stage": str(self.stage) if self.stage else None,
        } | changes
        return {name: value for name, value in all_.items() if value}


@dataclass(frozen=True, slots=True)
class AskedRuns:
    """The same of runs that wrote nothing."""

    cause: str
    automation: UUID | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> AskedRuns:
        return cls(query.get("cause", "")[:100], read_id(query.get("automation")))

    @property
    def narrow(self) -> RunNarrow:
        return RunNarrow(self.cause, self.automation)

    @property
    def whole(self) -> AskedRuns:
        return replace(self, automation=None)

    def query(self, **changes: str | None) -> dict[str, Any]:
        automation = str(self.automation) if self.automation else None
        all_ = {"cause": self.cause, "automation": automation} | changes
        return {name: value for name, value in all_.items() if value}
