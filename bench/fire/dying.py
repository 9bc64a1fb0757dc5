"""Processes that die at a named place of their code (flows/crashpoints.py)."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bench.fire.deeds import PROVOKES
from bench.fire.scene import Scene
from flows import crashpoints
from flows.errors import Refused

HOPELESS_SECONDS = 20.0
WEB_SECONDS = 3.0


def crash(scene: Scene) -> None:
    """A process of each kind dies at a named place of its code: the one hit least so far."""
    kinds = dict.fromkeys(WHO_PASSES.values())
    wanted = {names: _least_hit(scene, names) for names in kinds}
    for names, place in wanted.items():
        for name in names:
            plan = {"WASL_CRASH": place, "WASL_CRASH_LOG": str(scene.crash_log)}
            scene.town.reborn(name, plan)
        if "web" in names:
            time.sleep(WEB_SECONDS)  # all at once, it would not be there before the end
    before, until = scene.crashed, time.monotonic() + HOPELESS_SECONDS
    while time.monotonic() < until:
        left = [place for place in wanted.values() if scene.crashed[place] == before[place]]
        if not left:
            break
        for place in left:
            _provoke(scene, place)
        time.sleep(0.3)
        scene.crashed = deaths(scene.crash_log)
    for names in wanted:
        for name in names:
            scene.town.end_of_that_life(name)


def _least_hit(scene: Scene, names: tuple[str, ...]) -> str:
    theirs = [place for place in crashpoints.PLACES if WHO_PASSES[_word(place)] == names]
    return min(theirs, key=lambda place: (scene.crashed[place], place))


def _provoke(scene: Scene, place: str) -> None:
    deed = PROVOKES.get(_word(place))
    with suppress(SQLAlchemyError, Refused):
        if deed:
            deed(scene.chance.choice(scene.places), scene.chance)


def _word(place: str) -> str:
    return place.partition(".")[0]


WHO_PASSES = {
    **dict.fromkeys(("body", "nudge", "order", "move"), ("web",)),
    **dict.fromkeys(("read", "lane"), ("ingest",)),
    **dict.fromkeys(("send", "mark", "errand", "draft"), ("deliver", "deliver.2")),
    **dict.fromkeys(("timer", "bulk", "mail"), ("chores",)),
    "media": ("media",),
    "sweep": ("clock",),
}
"""Whose code a crash point is in, by its first word."""


def deaths(log: Path) -> Counter[str]:
    """How often a process died at each place."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return Counter(line.split()[0] for line in lines)
