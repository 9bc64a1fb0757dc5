"""Is this process alive, and can it serve? For whoever starts, watches and balances it."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from flows import health
from inbox import metrics
from inbox.auth import public
from models import schema

pages = Blueprint("health", __name__)

Check = dict[str, Any]
LOW = 10 << 30
"""Bytes of free disk under which a tenth of it is too little."""


@pages.get("/livez")
@public
def alive() -> Response:
    return jsonify(status="ok")


@pages.get("/readyz")
@public
def ready() -> tuple[Response, int]:
    """200 while pages can be served and webhooks be kept: `degraded` when something else is
    wrong, without Redis for one. 503: they cannot."""
    checks = _checks()
    if checks["database"]["state"] != "ok":
        return jsonify(status="down", **checks), 503
    well = all(check["state"] == "ok" for check in checks.values())
    return jsonify(status="ok" if well else "degraded", **checks), 200


@pages.get("/metrics")
@public
def figures() -> Any:
    return metrics.answer()


def _checks() -> dict[str, Check]:
    try:
        database = _database()
        if database["state"] != "ok":
            return {"database": database, "disk": _disk()}
        now = health.look()
    except SQLAlchemyError:
        return {"database": {"state": "unreachable"}, "disk": _disk()}
    return {
        "database": database,
        "redis": {"state": "ok" if now.redis else "unreachable"},
        "disk": _disk(),
        "unread": {"state": _late(now.unread_age), "oldest_seconds": round(now.unread_age, 1)},
        "unsent": {"state": _late(now.unsent_age), "oldest_seconds": round(now.unsent_age, 1)},
        "workers": {
            "state": "ok" if len(now.alive) == len(now.workers) and not now.missing else "missed",
            "alive": len(now.alive),
            "missing": list(now.missing),
        },
    }


def _database() -> Check:
    """That it can be written, not only read, and that it is what this code expects."""
    known = health.revision()
    if known != _expected():
        return {"state": f"at {known}, not {_expected()}: run wasl migrate"}
    return {"state": "ok", "write_ms": round(health.write() * 1000, 1), "schema": known}


def _late(seconds: float) -> str:
    return "late" if seconds > health.LATE else "ok"


def _disk() -> Check:
    free, total = health.free_disk()
    return {"state": "low" if free < min(total / 10, LOW) else "ok", "free_bytes": free}


@cache
def _expected() -> str | None:
    return schema.newest()
