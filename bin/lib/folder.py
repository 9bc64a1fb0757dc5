"""The data folder of the demo: one bin/dev at a time, secrets made at the first start."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from bin.lib import say
from bin.lib.install import ROOT

# What --reset removes, and nothing else: WASL_VAR may point to a folder with other things in it.
OURS = (
    "postgres",
    "postgres.part",
    "valkey",
    "media",
    "simulator",
    "secrets.json",
    "demo-users.json",
    "prepared.json",
    "demo.json",
)
LOCK = "bin-dev.lock"


def place() -> Path:
    """WASL_VAR, else var/ in the clone."""
    return Path(os.environ.get("WASL_VAR") or ROOT / "var").resolve()


def hold(folder: Path) -> int:
    """The folder is ours until we and all our children, who keep this file open, are gone."""
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            # Root's PostgreSQL runs as another user, who must be able to pass through.
            folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise say.Refused(
            f"Wasl cannot write in {folder} ({error.strerror}): give yourself the right to, or "
            "choose another folder with WASL_VAR=/another/folder bin/dev."
        ) from error
    _lock(lock, folder)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def reset(folder: Path) -> None:
    """The next start is a first start; only what Wasl makes is removed."""
    for name in OURS:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def our_secrets(folder: Path) -> dict[str, str]:
    """The keys and passwords of this folder, made at random the first time."""
    path = folder / "secrets.json"
    if not path.exists():
        write_private(path, _new_secrets())
    return cast(dict[str, str], read(path))


def read(path: Path) -> Any:
    """What write_private wrote there."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise say.Refused(
            f"{path} cannot be read ({error}): restore it from a copy, or start over with "
            "bin/dev --reset."
        ) from error


def write_private(path: Path, content: Any) -> None:
    """The file is whole and only we may read it."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with open(
        os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")
    new.replace(path)


def _lock(lock: int, folder: Path) -> None:
    # The children of a killed bin/dev need a moment to end; a living one is not waited for.
    said, patience = False, time.monotonic() + 60
    while not _locked(lock):
        holder = _holder(lock)
        if _lives(holder) or time.monotonic() > patience:
            raise say.Refused(
                f"Wasl already runs on {folder} (started by process {holder}): stop it first, or "
                "give this one its own WASL_VAR and WASL_PORT."
            )
        if not said:
            say.log("wasl", "waiting for what an interrupted bin/dev left to end")
        said = True
        time.sleep(0.1)


def _locked(lock: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _holder(lock: int) -> int:
    text = os.pread(lock, 20, 0).decode(errors="replace").strip()
    return int(text) if text.isdigit() else 0


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def _new_secrets() -> dict[str, str]:
    return {
        "WASL_SECRET_KEY": secrets.token_urlsafe(48),
        "WASL_DATA_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "META_APP_SECRET": secrets.token_hex(16),
        "META_VERIFY_TOKEN": secrets.token_urlsafe(24),
        "POSTGRES_PASSWORD": secrets.token_hex(24),
        "VALKEY_PASSWORD": secrets.token_hex(24),
    }
