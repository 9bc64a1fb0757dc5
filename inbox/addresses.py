"""Where the pages and the live stream are, by the name a browser used for this machine."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from config import settings

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def page_origins() -> tuple[str, ...]:
    """The origins our own pages come from."""
    return _synonyms(settings().base_url)


def live_url(host: str) -> str:
    """The stream's address for a page served as `host` (name:port).

    Cookies know names, not numbers: whoever typed localhost must not be sent to 127.0.0.1.
    """
    urls = _synonyms(settings().live_url)
    return next((url for url in urls if _name(url) == _name(f"//{host}")), urls[0])


def own_path(wish: str | None) -> str:
    """The path if it stays on this site, else the start: a link must not lead people elsewhere."""
    if wish and re.fullmatch(r"/(?![/\\])[^\\\s\x00-\x1f]*", wish):
        return wish.removesuffix("?")
    return "/"


def _synonyms(url: str) -> tuple[str, ...]:
    """The address as configured and, on this machine itself, by its other names."""
    name = _name(url)
    if name not in LOOPBACK:
        return (url,)
    return (url, *(url.replace(name, other, 1) for other in LOOPBACK if other != name))


def _name(url: str) -> str:
    name = urlsplit(url).hostname or ""
    return f"[{name}]" if ":" in name else name
