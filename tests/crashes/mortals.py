"""Processes of the product that a trial lets die: the web, a worker, the clock.

Each is forked from one that has everything loaded, so that starting it costs milliseconds. It reads
the environment it is given, connects anew, lives and ends; whoever started it hears how.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 20.0
"""Seconds after which a process that neither ends nor dies is put down."""


# --- what a test has of it ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mortal:
    """A process that is alive, and the port it listens on, if it does."""

    pid: int
    port: int


class Mortals:
    """The process that has everything loaded, and its children: one at a time."""

    def __init__(self) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.crashes.mortals"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            text=True,
        )

    def start(self, role: str, **more: str) -> Mortal:
        """One of ROLES lives now, in our environment and `more`."""
        self._say({"role": role, "environment": dict(os.environ) | more})
        return Mortal(**self._hear())

    def ended(self) -> int:
        """Its exit code, once it has ended; less than 0: the signal it died of."""
        return int(self._hear()["code"])

    def close(self) -> None:
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.close()
        self._parent.wait(PATIENCE)
        self._parent.stdout.close()

    def _say(self, order: dict[str, Any]) -> None:
        assert self._parent.stdin
        self._parent.stdin.write(json.dumps(order) + "\n")
        self._parent.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._parent.stdout
        return dict(json.loads(self._parent.stdout.readline()))


# --- the other side -------------------------------------------------------------------------------


def _web() -> None:
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, _application(), threaded=True)
    _tell(pid=os.getpid(), port=server.port)
    server.serve_forever()


def _worker(queue: str) -> Callable[[], None]:
    """As `wasl worker`, until nothing is left."""

    def work() -> None:
        from tests import factories

        _tell(pid=os.getpid(), port=0)
        factories.work_for(queue)

    return work


def _clock() -> None:
    from flows import clock

    _tell(pid=os.getpid(), port=0)
    clock.tick(clock.chores(), time.monotonic())


ROLES: dict[str, Callable[[], None]] = {
    "web": _web,
    "ingest": _worker("ingest"),
    "deliver": _worker("deliver"),
    "chores": _worker("chores"),
    "media": _worker("media"),
    "clock": _clock,
}


def _application() -> Any:
    global _made
    if _made is None:
        from wsgi import wasl

        _made = wasl()
    return _made


_made: Any = None


def _tell(**facts: int) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def _live(order: dict[str, Any]) -> None:
    import config
    from flows import crashpoints

    os.environ.clear()
    os.environ.update(order["environment"])
    config.settings.cache_clear()
    importlib.reload(crashpoints)  # it reads WASL_CRASH as in a process that starts
    ROLES[order["role"]]()


def _code(pid: int) -> int:
    until = time.monotonic() + PATIENCE
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return 124
        time.sleep(0.002)
    return os.waitstatus_to_exitcode(ended[1])


def _serve() -> None:
    for name in ("bot.jobs", "flows.jobs", "flows.clock", "tests.factories", "werkzeug.serving"):
        importlib.import_module(name)
    _application()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                _live(json.loads(line))
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        _tell(code=_code(pid))


if __name__ == "__main__":
    _serve()
