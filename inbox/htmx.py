"""What an answer tells the page besides its content: toasts, closed dialogs, other events."""

from __future__ import annotations

import json
from typing import Any

from flask import flash, g, request
from werkzeug.wrappers import Response


def asked() -> bool:
    """Whether htmx asked, rather than the browser itself."""
    return "HX-Request" in request.headers


def toast(text: str, *, kind: str = "good") -> None:
    """Tell the person in a small note, on this page or the next. Kinds: good, bad."""
    if asked():
        g.setdefault("toasts", []).append({"kind": kind, "text": text})
    else:
        flash(text, kind)


def trigger(name: str, **detail: Any) -> None:
    """Fire an event on the element that asked; it bubbles up the page."""
    g.setdefault("triggers", {})[name] = detail


def close_dialog() -> None:
    """The one dialog closes, without asking about what was typed."""
    trigger("dialog:close")


def announce(response: Response) -> Response:
    """Put what was said into the answer's headers."""
    toasts: list[dict[str, str]] = g.pop("toasts", [])
    triggers: dict[str, Any] = g.pop("triggers", {})
    if "HX-Redirect" in response.headers or "HX-Refresh" in response.headers:
        for note in toasts:
            flash(note["text"], note["kind"])
    elif toasts:
        triggers["toasts"] = {"notes": toasts}
    if triggers:
        response.headers["HX-Trigger"] = json.dumps(triggers)
    return response
