"""The connection itself, which can break: closed, half an answer, too late.

Under the simulator's own server the socket is really cut. In-process (httpx.WSGITransport) the
same fault comes out as the httpx exception a client would have seen, and nothing sleeps.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import httpx
from flask import request

from bot.simulator.faults import Fault

if TYPE_CHECKING:
    from bot.simulator.simulator import Simulator

Environ = dict[str, Any]
Start = Callable[..., Any]
App = Callable[[Environ, Start], Iterable[bytes]]

VERSION = re.compile(r"^/v2[1-6]\.0(?=/)")
CALL = re.compile(r"/(\d+)/(messages|media|message_templates)/?")
KINDS = {"messages": "send", "media": "media", "message_templates": "templates"}
FAULT = "simulator.fault"
"""Where Graph's view leaves the fault that must still happen to its answer."""
ASKED = "simulator.asked"
"""Where the views find the simulator that is asked."""

GONE = "Server disconnected without sending a response."
HALF = "peer closed connection without sending complete message body"
SEEN: dict[int | str, tuple[type[httpx.TransportError], str]] = {
    "refuse": (httpx.ConnectError, "[Errno 111] Connection refused"),
    "close_before_reading": (httpx.ReadError, "[Errno 104] Connection reset by peer"),
    "accept_then_close": (httpx.RemoteProtocolError, GONE),
    "accept_then_delay": (httpx.ReadTimeout, "The read operation timed out"),
    "half_a_body": (httpx.RemoteProtocolError, HALF),
}


def asked() -> Simulator:
    """The simulator this request is for."""
    found: Simulator = request.environ[ASKED]
    return found


class Line:
    """WSGI in front of the app: does to the connection what the next fault says."""

    def __init__(self, sim: Simulator, app: App) -> None:
        self._sim, self._app, self._faults = sim, app, sim.faults

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        path = VERSION.sub("", environ.get("PATH_INFO", ""), count=1)
        environ |= {"PATH_INFO": path, ASKED: self._sim}
        call = CALL.fullmatch(path)
        unread = call and self._faults.take_unread(KINDS[call[2]], call[1])
        if unread:
            return _break(unread, environ, b"")
        held: list[tuple[Any, ...]] = []
        chunks = self._app(environ, lambda *status_and_headers: held.append(status_and_headers))
        fault: Fault | None = environ.get(FAULT)
        if fault is None or fault.what not in SEEN:
            start_response(*held[0])
            return chunks
        answer = b"".join(chunks)
        _close(chunks)
        if fault.what == "accept_then_delay" and _socket(environ):
            time.sleep(fault.seconds)
            start_response(*held[0])
            return [answer]
        return _break(fault, environ, answer)


def _break(fault: Fault, environ: Environ, answer: bytes) -> Iterable[bytes]:
    connection = _socket(environ)
    if connection is None:
        seen, words = SEEN[fault.what]
        raise seen(words)
    if fault.what == "half_a_body":
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}"
        connection.sendall(head.encode() + b"\r\n\r\n" + answer[: len(answer) // 2])
    elif fault.what == "close_before_reading":
        # Lingering zero seconds makes the close a reset, as a crashing server's is.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    if fault.what != "close_before_reading":
        connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError(fault.what)


def _socket(environ: Environ) -> socket.socket | None:
    found: socket.socket | None = environ.get("werkzeug.socket")
    return found


def _close(chunks: Iterable[bytes]) -> None:
    close = getattr(chunks, "close", None)
    if close:
        close()
