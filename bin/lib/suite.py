"""The tests: installed for, chosen, and handed to pytest."""

from __future__ import annotations

import os
import shutil

from bin.lib import install, say

BROWSER = "tests/browser"


def main(arguments: list[str]) -> int:
    """Becomes pytest; without arguments it runs all that needs no browser, three at a time."""
    chosen = [argument for argument in arguments if argument != "--browser"]
    if "--browser" in arguments or any(BROWSER in argument for argument in chosen):
        chromium()
        install.ready(install.BROWSER)
        chosen = chosen if any(BROWSER in argument for argument in chosen) else [BROWSER, *chosen]
    else:
        install.ready(install.TESTS)
    os.chdir(install.ROOT)
    os.execv(install.PYTHON, [str(install.PYTHON), "-m", "pytest", *(chosen or ["-n", "3"])])


def chromium() -> str:
    """The program that browser stories drive, refused when there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise say.Refused("Browser stories need chromium: install it (Debian: apt install chromium).")
