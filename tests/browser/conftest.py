"""The demo as bin/dev starts it, and a real Chromium in front of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from bin.lib import ports, suite

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "var" / "screenshots"
STARTS_WITHIN = 90.0
HURRIED = "1800"
"""An automation's hour lasts two seconds here."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Demo = dict[str, Any]


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """The whole demo in a folder of its own, running; its demo.json."""
    folder = Path(tempfile.mkdtemp(prefix="wasl-demo-"))
    folder.chmod(0o711)  # PostgreSQL runs as another user when we are root
    environment = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
    environment |= {"WASL_VAR": str(folder), "WASL_PORT": str(ports.free(3))}
    environment |= {"WASL_TIMER_SPEED": HURRIED}
    with (_pictures() / "demo.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "bin/dev"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            yield _started(process, folder / "demo.json")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
            shutil.rmtree(folder)


# The tests' own servers and secrets are not the demo's.
OURS = ("WASL_", "DATABASE_URL", "REDIS_URL", "META_")


def _pictures() -> Path:
    PICTURES.mkdir(parents=True, exist_ok=True)
    return PICTURES


def _started(process: subprocess.Popen[bytes], file: Path) -> Demo:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        if file.exists():
            found: Demo = json.loads(file.read_text())
            return found
        time.sleep(0.1)
    raise RuntimeError(f"bin/dev did not start: {(PICTURES / 'demo.log').read_text()[-2000:]}")


# Its event loop runs until it is stopped: not longer than this module, for other tests' sake.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    launched = playwright.chromium.launch(executable_path=suite.chromium(), args=FLAGS)
    yield launched
    launched.close()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
def window(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Any]:
    """`window(width=360, dark=True)`: a browser of its own, whose errors fail the test.

    A story that fails leaves a picture of every page it had open.
    """
    opened: list[BrowserContext] = []
    troubles: list[str] = []

    def open_window(*, width: int = 1440, height: int = 860, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale="fr-FR",
            timezone_id="Africa/Casablanca",
        )
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "console",
            lambda said: troubles.append(said.text) if "Content Security" in said.text else None,
        )
        return page

    yield open_window
    for number, context in enumerate(opened):
        if request.node.stash.get(FAILED, False):
            for page in context.pages:
                page.screenshot(path=PICTURES / f"failed-{request.node.name}-{number}.png")
        context.close()
    assert troubles == []
