"""Is this process alive, and can it serve? For whoever starts, watches and balances it."""

from __future__ import annotations

from functools import cache

import redis
from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from flows import outbox
from inbox.auth import public
from models import db, schema

pages = Blueprint("health", __name__)


@pages.get("/livez")
@public
def alive() -> Response:
    return jsonify(status="ok")


@pages.get("/readyz")
@public
def ready() -> tuple[Response, int]:
    """200 when pages can be served; without Redis they can, only later and not live."""
    checks = {"database": _database(), "redis": _redis()}
    if checks["database"] != "ok":
        return jsonify(status="down", **checks), 503
    return jsonify(status="ok" if checks["redis"] == "ok" else "degraded", **checks), 200


def _database() -> str:
    try:
        with db.house() as house:
            readonly = house.scalar(text("SELECT current_setting('transaction_read_only')"))
            revision = house.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError:
        return "unreachable"
    if readonly != "off":
        return "read-only"
    return (
        "ok" if revision == _expected() else f"at {revision}, not {_expected()}: run wasl migrate"
    )


@cache
def _expected() -> str | None:
    return schema.newest()


def _redis() -> str:
    try:
        outbox.connection().ping()
    except redis.RedisError:
        return "unreachable"
    return "ok"
