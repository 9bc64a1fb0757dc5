"""The live process: tells open screens which things changed, never their content. Raw ASGI.

Whoever holds a valid ticket hears the names published for their merchant, as server-sent events:
`event: change`, `id:` our clock in ms, `data: ["inbox", "conversation:<id>"]`; the name "*" means
everything. The browser then fetches by the normal routes, where permissions are checked.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

import redis.asyncio
from redis.exceptions import RedisError

from config import settings
from flows import heartbeats, logs
from inbox import addresses, ticket
from inbox.screens import Hub, Screen
from inbox.ticket import Ticket

log = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = dict[bytes, bytes]

PATIENCE_SECONDS = 30

hub = Hub()


# --- the application ------------------------------------------------------------------------------


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live_and_die(receive, send)
    elif scope["type"] == "http":
        await ROUTES.get(scope["path"], _nothing)(scope, receive, send)


async def _live(scope: Scope, receive: Receive, send: Send) -> None:
    headers: Headers = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("latin-1")
    if origin and origin not in addresses.page_origins():
        return await _answer(send, 403, {"error": "another site's page"})
    owner = _owner(headers)
    if owner is None or await _is_cut(owner):
        return await _answer(send, 401, {"error": "no valid ticket"}, origin)
    screen = hub.open(owner, _since(scope, headers))
    gone = asyncio.create_task(_gone(receive))
    gone.add_done_callback(lambda _: screen.leave())
    try:
        async with asyncio.timeout(owner.seconds_left):
            await _speak(screen, send, origin)
    except TimeoutError:
        pass  # the ticket is used up, or the browser stopped reading: it will come again
    finally:
        hub.close(screen)
        gone.cancel()
    await send({"type": "http.response.body", "body": b""})
    return None


async def _ready(scope: Scope, receive: Receive, send: Send) -> None:
    status = "ok" if hub.listening else "degraded"
    await _answer(send, 200, {"status": status, "screens": hub.size})


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    await _answer(send, 404, {"error": "not found"})


ROUTES = {ticket.PATH: _live, "/readyz": _ready, "/livez": _ready}


# --- one screen -----------------------------------------------------------------------------------


async def _speak(screen: Screen, send: Send, origin: str) -> None:
    headers = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]
    await _start(send, 200, headers, origin)
    await _write(send, "retry: 2000\n: welcome\n\n")
    while not screen.leaving:
        names, at = await screen.next()
        if names:
            await _write(send, f"event: change\nid: {at}\ndata: {json.dumps(sorted(names))}\n\n")
        elif not screen.leaving:
            # Keeps the connection open, and the browser knows up to when it missed nothing.
            await _write(send, f"id: {at}\n\n")


async def _write(send: Send, text: str) -> None:
    event = {"type": "http.response.body", "body": text.encode(), "more_body": True}
    async with asyncio.timeout(PATIENCE_SECONDS):
        await send(event)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _owner(headers: Headers) -> Ticket | None:
    try:
        cookie = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return None
    return ticket.read(cookie[ticket.COOKIE].value) if ticket.COOKIE in cookie else None


async def _is_cut(owner: Ticket) -> bool:
    """Whether the ticket is older than the moment its member was shut out (flows/live.cut_off)."""
    try:
        async with redis.asyncio.Redis.from_url(settings().redis_url) as connection:
            cut = await connection.get(f"cut:{owner.member_id}")
    except (RedisError, OSError):
        return False  # nothing is published either
    # A ticket's time has whole seconds: one of the same second is no newer than the cut.
    return cut is not None and owner.signed_at.timestamp() * 1000 <= int(cut)


def _since(scope: Scope, headers: Headers) -> int | None:
    """What the browser knows up to: its last event, else when its page was made."""
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("since", [""])[-1]
    last = headers.get(b"last-event-id", b"").decode("latin-1") or asked
    return int(last) if last.isascii() and last.isdigit() and len(last) < 16 else None


async def _answer(send: Send, status: int, content: dict[str, Any], origin: str = "") -> None:
    await _start(send, status, [(b"content-type", b"application/json")], origin)
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


async def _start(send: Send, status: int, headers: list[tuple[bytes, bytes]], origin: str) -> None:
    headers = [*headers, (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    if origin:
        headers += [
            (b"access-control-allow-origin", origin.encode()),
            (b"access-control-allow-credentials", b"true"),
            (b"vary", b"origin"),
        ]
    await send({"type": "http.response.start", "status": status, "headers": headers})


# --- the process ----------------------------------------------------------------------------------


async def _live_and_die(receive: Receive, send: Send) -> None:
    logs.begin()
    life, listener = heartbeats.Life("live"), None
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            life.begin()
            listener = asyncio.gather(_listen(), _turn(life))
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            hub.close_all()
            life.end()
            if listener is not None:
                listener.cancel()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _turn(life: heartbeats.Life) -> None:
    while True:
        life.turn()
        await asyncio.sleep(1)


async def _listen() -> None:
    """Hear everything published, for ever; Redis may come and go."""
    while True:
        try:
            async with redis.asyncio.Redis.from_url(settings().redis_url) as connection:
                await _hear(connection)
        except (RedisError, OSError) as error:
            log.warning("no news from Redis, trying again: %s", error)
        hub.listening = False
        await asyncio.sleep(1)


async def _hear(connection: redis.asyncio.Redis) -> None:
    async with connection.pubsub() as channel:
        await channel.psubscribe("live:*")
        while True:
            message = await channel.get_message(timeout=60)
            if message is None:
                hub.forget_old()
            elif message["type"] == "psubscribe":
                # Also after the client library reconnected by itself: the gap is not ours to fill.
                hub.begin()
            elif message["type"] == "pmessage":
                merchant = message["channel"].decode().removeprefix("live:")
                news = json.loads(message["data"])
                if "cut" in news:
                    hub.cut(merchant, news["cut"])
                else:
                    hub.hear(merchant, news)
