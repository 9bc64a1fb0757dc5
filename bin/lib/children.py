"""Programs started as our children: one log, told to stop in time, nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from os import getpid, killpg
from pathlib import Path
from typing import IO

from bin.lib import say
from bin.lib.install import ROOT

LONGEST_PAUSE = 10
"""Seconds: what died with a server that is back works again well within half a minute."""
TETHER = Path(__file__).with_name("tether.py")
Command = Sequence[str | Path]


class Child:
    """One program in a process group of its own; it ends with us, even when we are killed."""

    def __init__(
        self,
        name: str,
        command: Command,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        identity: str = "same",
        stop_with: signal.Signals = signal.SIGTERM,
        patience: float = 10,
        keeps: Sequence[int] = (),
        logged: bool = True,
    ) -> None:
        """identity: see tether.py. patience: seconds until it is killed. keeps: open files."""
        self.name, self.env, self.cwd, self.keeps = name, env, cwd, keeps
        self.stop_with, self.patience, self.logged = stop_with, patience, logged
        self.command, self.identity = command, identity
        self.said: deque[str] = deque(maxlen=20)
        self._falls, self._since = 0, 0.0
        self._again: float | None = None
        self._program: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self, stdout: IO[str] | None = None) -> None:
        """It runs; what it says goes to the log, but stdout to this file when there is one."""
        self._program = subprocess.Popen(
            tethered(self.command, self.identity, self.stop_with),
            env=self.env,
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE if stdout else subprocess.STDOUT,
            start_new_session=True,
            pass_fds=self.keeps,
            encoding="utf-8",
            errors="replace",
        )
        self._since, self._again = time.monotonic(), None
        words = self._program.stderr if stdout else self._program.stdout
        self._reader = threading.Thread(target=self._read, args=(words,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._program.pid if self._program else 0

    @property
    def runs(self) -> bool:
        return self._program is not None and self._program.poll() is None

    def stop(self) -> int | None:
        """It has ended with this exit code, and so has everything it started in its group."""
        self._again = None
        if self._program is None:
            return None
        if self.runs:
            self._program.send_signal(self.stop_with)
        with suppress(subprocess.TimeoutExpired):
            self._program.wait(self.patience)
        return self._bury()

    def tend(self) -> None:
        """Started again when it died, after 1 s, then 2, 4 … 10; a healthy minute forgets that."""
        now = time.monotonic()
        if self._again is not None and now >= self._again:
            self.start()
        elif self._program and not self.runs:
            self._falls = 0 if now - self._since > 60 else self._falls
            pause = min(2**self._falls, LONGEST_PAUSE)
            say.log(self.name, f"{self._end()}: starting it again in {pause} s")
            self._bury()
            self._falls, self._again = self._falls + 1, now + pause

    def _end(self) -> str:
        code = self._program.returncode if self._program else 0
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        unheard = f" ({self.said[-1]})" if self.said and not self.logged else ""
        return f"ended with exit code {code}{unheard}"

    def _bury(self) -> int:
        assert self._program
        assert self._reader
        if self.runs:
            say.log(self.name, f"did not stop within {self.patience:g} s: killed")
        with suppress(ProcessLookupError, PermissionError):
            killpg(self._program.pid, signal.SIGKILL)
        code = self._program.wait()
        self._reader.join(2)
        self._program = None
        return code

    def _read(self, words: IO[str]) -> None:
        with words:
            for line in words:
                self.said.append(line.rstrip())
                if self.logged:
                    say.log(self.name, line.rstrip())


def tethered(command: Command, identity: str, told: int = signal.SIGTERM) -> Command:
    """The command line under which this program gets that signal when we die."""
    return [sys.executable, "-I", "-S", TETHER, str(getpid()), str(int(told)), identity, *command]


def first_that_starts(
    make: Callable[[], tuple[Child, str]], ready: Callable[[Child, str], bool]
) -> tuple[Child, str]:
    """A server and its address, once ready; another try when somebody took its port meanwhile."""
    tries = 3
    while True:
        server, address = make()
        server.start()
        if wait(partial(ready, server, address), 60, while_=lambda: server.runs):  # noqa: B023
            return server, address
        server.stop()
        tries -= 1
        if not tries:
            said = " ".join(list(server.said)[-2:]) or "it said nothing"
            raise say.Refused(f"{server.name} did not start: {said}")


def wait(for_: Callable[[], bool], seconds: float, while_: Callable[[], bool]) -> bool:
    """True as soon as the one is so; False when the time is over or the other no longer holds."""
    end = time.monotonic() + seconds
    while not for_():
        if time.monotonic() > end or not while_():
            return False
        time.sleep(0.02)
    return True
