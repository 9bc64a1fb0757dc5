"""Every check by name: those that read the code first, then all tests in one run."""

from __future__ import annotations

import subprocess
import time

from bin.lib import install, say, suite
from bin.lib.children import Command
from bin.lib.install import PYTHON, ROOT, VENV

SCRIPTS = ["bin/dev", "bin/test", "bin/ci", "bin/translations"]
FIRE = "kill*,FLUSHALL,Meta: accepted*,Meta: half*,webhooks five*,statuses*,poison*,crash point"
CHECKS: dict[str, Command] = {
    "format": [VENV / "bin/ruff", "format", "--check", "."],
    "lint": [VENV / "bin/ruff", "check", "."],
    "types": [VENV / "bin/mypy"],
    "types of bin": [VENV / "bin/mypy", "--scripts-are-modules", *SCRIPTS],
    "imports": [VENV / "bin/lint-imports"],
    "migrations = models": [
        PYTHON,
        "-m",
        "pytest",
        "-q",
        "tests/test_house.py",
        "-k",
        "migrations",
    ],
    "translations": [PYTHON, "bin/translations", "--check"],
    # Whatever is killed, nothing is lost: a short fire that has the web, the clock, a worker,
    # Valkey's memory and five crash points in it; docs/operate.md has the long ones.
    "fire": [
        *(PYTHON, "-m", "bench.torture", "--seed", "5", "--seconds", "26"),
        *("--merchants", "3", "--customers", "8", "--faults", FIRE),
    ],
}


def main(arguments: list[str]) -> int:
    """0 when every check and test passed; a failing one does not keep the others from running."""
    if arguments:
        raise say.Refused("bin/ci takes no arguments: bin/test runs a part of the tests.")
    suite.chromium()
    install.ready(install.BROWSER)
    failed = [name for name in CHECKS if not _passes(name)]
    say.out(
        f"\nFailed: {', '.join(failed)}.\n" if failed else "\nAll checks passed; now the tests.\n"
    )
    # pytest passes by browser, recovery and crash stories unless told otherwise (pyproject.toml).
    tests: Command = [PYTHON, "-m", "pytest", "-n", "2", "-o", "norecursedirs=.*"]
    return subprocess.run(tests, cwd=ROOT, check=False).returncode or int(bool(failed))


def _passes(name: str) -> bool:
    begun = time.monotonic()
    done = subprocess.run(
        CHECKS[name],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    verdict = "FAILED" if done.returncode else "ok"
    say.out(f"{name:<22} {verdict:<8} {time.monotonic() - begun:.1f} s")
    if done.returncode:
        say.out(done.stdout)
    return done.returncode == 0
