"""What the processes of the demo find around them: ports, environment, their own commands."""

from __future__ import annotations

import hashlib
import http.client
import os
from pathlib import Path

from bin.lib import say
from bin.lib.install import ROOT, VENV

UNWANTED = ("PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH")


def first_port() -> int:
    """The port of the web; live and simulator have the next two."""
    value = os.environ.get("WASL_PORT") or "8000"
    if not value.isdigit() or not 1 <= int(value) <= 65533:
        raise say.Refused(f"WASL_PORT is {value!r}: set a port between 1 and 65533.")
    return int(value)


def environment(home: Path, port: int, secrets: dict[str, str]) -> dict[str, str]:
    """What every process of the demo sees; whatever the shell has set already wins."""
    addresses = {
        "WASL_PORT": str(port),
        "WASL_BASE_URL": f"http://127.0.0.1:{port}",
        "WASL_LIVE_URL": f"http://127.0.0.1:{port + 1}",
        "WASL_SIMULATOR_URL": f"http://127.0.0.1:{port + 2}",
    }
    keys = {name: value for name, value in secrets.items() if not name.endswith("_PASSWORD")}
    shell = {name: value for name, value in os.environ.items() if value and name not in UNWANTED}
    env = addresses | keys | {"MALLOC_ARENA_MAX": "2"} | shell
    env.setdefault("META_GRAPH_URL", env["WASL_SIMULATOR_URL"])
    for name in ("NO_PROXY", "no_proxy"):
        env[name] = ",".join(filter(None, (env.get(name), "127.0.0.1", "localhost")))
    path = f"{VENV / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
    env.setdefault("WASL_LOG", "plain")  # the log of bin/dev is for people
    return env | {"WASL_VAR": str(home), "PATH": path, "PYTHONUNBUFFERED": "1"}


def programs() -> dict[str, str]:
    """Name and shell command: the Procfile's lines, and the simulator that stands for Meta here."""
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    named = (line.partition(": ") for line in lines if line and not line.startswith("#"))
    return {name: command for name, _, command in named} | {"simulator": "wasl simulator"}


def is_ready(port: int) -> bool:
    """The program on this port says that it can work."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        line.request("GET", "/readyz")
        return line.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


def fingerprint() -> str:
    """Changes with the code and data that migrate and seed a database."""
    digest = hashlib.sha256()
    for name in ("models", "migrations", "flows", "bot", "config.py", "cli.py"):
        for path in sorted((ROOT / name).rglob("*") if (ROOT / name).is_dir() else [ROOT / name]):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(f"{path}\0".encode() + path.read_bytes())
    return digest.hexdigest()
