"""Every environment variable, read once, typed, failing loudly."""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

PLANS = ("free", "mini", "pro", "plus")
"""What they are is in flows/plans.py."""


class Misconfigured(Exception):
    """The environment cannot run Wasl; the message says which variable and what to put there."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one process knows about its surroundings. Addresses carry no trailing slash."""

    var: Path
    port: int
    base_url: str
    live_url: str
    simulator_url: str
    database_url: str
    redis_url: str
    secret_key: str = field(repr=False)
    data_keys: tuple[bytes, ...] = field(repr=False)
    """The key that seals, then the one before it, which still opens (`wasl keys rotate`)."""
    app_secrets: tuple[str, ...] = field(repr=False)
    verify_token: str = field(repr=False)
    graph_url: str | None
    """Where Graph calls go instead of Meta (the simulator); None is the real Meta."""
    proxies: int = 0
    """WASL_PROXIES: how many proxies of ours stand in front and are believed about who asks."""
    sign_up: bool = True
    """WASL_SIGN_UP=off: nobody opens an account from outside; `wasl merchant add` still does."""
    plan: str = "plus"
    """WASL_PLAN: the plan a merchant begins with (flows/plans.py); plus has no limits."""
    files: str = ""
    """Where files lie: "" for the data folder's `media/`, or s3://bucket/prefix."""
    timer_speed: float = 1.0
    """WASL_TIMER_SPEED, for trials: at 3600 an automation's hour lasts a second; 1 in real life."""

    smtp_url: str | None = field(default=None, repr=False)
    """Where mail leaves: smtp://user:password@host:587 or smtps://…; None: links are copied."""
    mail_from: str = ""
    contact_request: bool = False
    """WASL_CONTACT_REQUEST=1: agents may ask for the phone of who writes under a username."""

    metrics_token: str | None = field(default=None, repr=False)
    """WASL_METRICS_TOKEN: who sends it as a bearer may read /metrics; None: this machine alone."""
    log: str = ""
    """WASL_LOG: json or plain; "": plain where stderr is a terminal."""
    log_level: str = "info"
    """WASL_LOG_LEVEL of our own lines: debug follows each message, info, warning or error."""

    @property
    def https(self) -> bool:
        return self.base_url.startswith("https://")


@cache
def settings() -> Settings:
    """The settings of this process; the first call reads the environment."""
    return read(os.environ)


def read(env: os._Environ[str] | dict[str, str]) -> Settings:
    """Settings from these variables, or Misconfigured naming the first one that is wrong."""
    port = _port(env)
    return Settings(
        var=Path(env.get("WASL_VAR") or "var").resolve(),
        port=port,
        base_url=_address(env, "WASL_BASE_URL", f"http://127.0.0.1:{port}"),
        live_url=_address(env, "WASL_LIVE_URL", f"http://127.0.0.1:{port + 1}"),
        simulator_url=_address(env, "WASL_SIMULATOR_URL", f"http://127.0.0.1:{port + 2}"),
        database_url=_database(env),
        redis_url=_redis(env),
        secret_key=_secret(env),
        data_keys=_data_keys(env),
        app_secrets=_app_secrets(env),
        verify_token=_needed(env, "META_VERIFY_TOKEN", "the token typed into Meta's webhook form"),
        graph_url=_address(env, "META_GRAPH_URL", "") or None,
        proxies=_proxies(env),
        sign_up=_switch(env, "WASL_SIGN_UP"),
        plan=_plan(env),
        files=_files(env),
        timer_speed=_speed(env),
        smtp_url=_smtp(env),
        mail_from=_mail_from(env),
        contact_request=env.get("WASL_CONTACT_REQUEST") == "1",
        metrics_token=_metrics_token(env),
        log=_one_of(env, "WASL_LOG", ("", "json", "plain")),
        log_level=_one_of(env, "WASL_LOG_LEVEL", ("info", "debug", "warning", "error")),
    )


def _needed(env: os._Environ[str] | dict[str, str], name: str, what: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise Misconfigured(f"{name} is missing: set it to {what}.")
    return value


def _port(env: os._Environ[str] | dict[str, str]) -> int:
    value = env.get("WASL_PORT") or "8000"
    if not value.isdigit() or not 1 <= int(value) <= 65533:
        raise Misconfigured(f"WASL_PORT is {value!r}: set a port between 1 and 65533.")
    return int(value)


def _proxies(env: os._Environ[str] | dict[str, str]) -> int:
    value = env.get("WASL_PROXIES") or "0"
    if not value.isdigit() or int(value) > 9:
        raise Misconfigured(f"WASL_PROXIES is {value!r}: set how many proxies stand in front, 0-9.")
    return int(value)


def _plan(env: os._Environ[str] | dict[str, str]) -> str:
    value = (env.get("WASL_PLAN") or "plus").strip().lower()
    if value not in PLANS:
        raise Misconfigured(f"WASL_PLAN is {value!r}: set one of {', '.join(PLANS)}.")
    return value


def _speed(env: os._Environ[str] | dict[str, str]) -> float:
    value = env.get("WASL_TIMER_SPEED") or "1"
    try:
        speed = float(value)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 86_400:
        raise Misconfigured(f"WASL_TIMER_SPEED is {value!r}: set a number above 0, usually 1.")
    return speed


def _metrics_token(env: os._Environ[str] | dict[str, str]) -> str | None:
    value = env.get("WASL_METRICS_TOKEN", "").strip()
    if value and len(value) < 16:
        raise Misconfigured("WASL_METRICS_TOKEN is too short: set at least 16 random characters.")
    return value or None


def _one_of(env: os._Environ[str] | dict[str, str], name: str, choices: tuple[str, ...]) -> str:
    """The first of them where the variable says nothing."""
    value = env.get(name, "").strip().lower() or choices[0]
    if value not in choices:
        words = ", ".join(filter(None, choices))
        raise Misconfigured(f"{name} is {value!r}: set one of {words}.")
    return value


def _switch(env: os._Environ[str] | dict[str, str], name: str) -> bool:
    value = (env.get(name) or "on").strip().lower()
    if value not in ("on", "off"):
        raise Misconfigured(f"{name} is {value!r}: set on or off.")
    return value == "on"


def _files(env: os._Environ[str] | dict[str, str]) -> str:
    value = env.get("WASL_FILES", "").strip().rstrip("/")
    if value and (urlsplit(value).scheme != "s3" or not urlsplit(value).netloc):
        raise Misconfigured(f"WASL_FILES is {value!r}: set s3://bucket or s3://bucket/folder.")
    return value


def _address(env: os._Environ[str] | dict[str, str], name: str, default: str) -> str:
    value = (env.get(name) or default).rstrip("/")
    if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
        raise Misconfigured(f"{name} is {value!r}: set an http(s):// address.")
    return value


def _smtp(env: os._Environ[str] | dict[str, str]) -> str | None:
    value = env.get("WASL_SMTP_URL", "").strip()
    if value and (urlsplit(value).scheme not in ("smtp", "smtps") or not urlsplit(value).hostname):
        raise Misconfigured("WASL_SMTP_URL: set smtp://user:password@host:587 or smtps://….")
    return value or None


def _mail_from(env: os._Environ[str] | dict[str, str]) -> str:
    value = env.get("WASL_MAIL_FROM", "").strip()
    if env.get("WASL_SMTP_URL", "").strip() and "@" not in value:
        raise Misconfigured("WASL_MAIL_FROM is missing: set the address mail comes from.")
    return value


def _database(env: os._Environ[str] | dict[str, str]) -> str:
    value = _needed(env, "DATABASE_URL", "postgresql+psycopg://user:password@host/name")
    if not value.startswith("postgresql+psycopg://"):
        raise Misconfigured("DATABASE_URL must begin with postgresql+psycopg:// (D1).")
    return value


def _redis(env: os._Environ[str] | dict[str, str]) -> str:
    value = _needed(env, "REDIS_URL", "redis://… or unix://…")
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise Misconfigured("REDIS_URL must begin with redis://, rediss:// or unix://.")
    return value


def _secret(env: os._Environ[str] | dict[str, str]) -> str:
    value = _needed(env, "WASL_SECRET_KEY", "at least 32 random characters")
    if len(value) < 32 or len(set(value)) < 10:
        raise Misconfigured("WASL_SECRET_KEY is too weak: set at least 32 random characters.")
    return value


def _data_keys(env: os._Environ[str] | dict[str, str]) -> tuple[bytes, ...]:
    keys = [_key("WASL_DATA_KEY", _needed(env, "WASL_DATA_KEY", "32 random bytes in base64"))]
    if previous := env.get("WASL_DATA_KEY_PREVIOUS", "").strip():
        keys.append(_key("WASL_DATA_KEY_PREVIOUS", previous))
    return tuple(keys)


def _key(name: str, value: str) -> bytes:
    try:
        key = base64.b64decode(value, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise Misconfigured(f"{name} must be 32 random bytes in base64.")
    return key


def _app_secrets(env: os._Environ[str] | dict[str, str]) -> tuple[str, ...]:
    current = _needed(env, "META_APP_SECRET", "the Meta app's secret")
    previous = env.get("META_APP_SECRET_PREVIOUS", "").strip()
    return (current, previous) if previous else (current,)
