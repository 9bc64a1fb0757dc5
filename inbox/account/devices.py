"""A browser in two words, from what it says of itself: Chrome · Windows."""

from __future__ import annotations

import re

from inbox.account import pages
from inbox.languages import N_, gettext

# The first that fits: most of them also claim to be the ones below.
BROWSERS = (
    ("Edge", r"\bEdg(e|A|iOS)?/"),
    ("Opera", r"\b(OPR|Opera)\b"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(Firefox|FxiOS)/"),
    ("Chrome", r"\b(Chrome|CriOS|Chromium|HeadlessChrome)/"),
    ("Safari", r"\bSafari/"),
)
SYSTEMS = (
    ("Android", r"\bAndroid\b"),
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("Windows", r"\bWindows\b"),
    ("macOS", r"\bMac OS X\b|\bMacintosh\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Linux", r"\bLinux\b"),
)
PHONES = ("Android", "iPhone", "iPad")


@pages.app_template_filter("device")
def device(agent: str) -> str:
    """What kind of browser it is; "Unknown browser" for what does not say."""
    names = [name for name in (_first(BROWSERS, agent), _first(SYSTEMS, agent)) if name]
    return " · ".join(names) or gettext(N_("Unknown browser"))


@pages.app_template_filter("device_icon")
def icon(agent: str) -> str:
    return "mobile" if _first(SYSTEMS, agent) in PHONES else "screen"


def _first(names: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for name, pattern in names if re.search(pattern, agent)), "")
