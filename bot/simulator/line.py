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
OURS = re.compile(r"/(_control|static)/|/(favicon\.ico|readyz|faults|phones)?$")
"""What is no call to Graph: the control API and the pages."""
CALLS = (
    ("POST", re.compile(r"/(\d+)/messages/?"), "send"),
    ("POST", re.compile(r"/(\d+)/media/?"), "media"),
    ("GET", re.compile(r"/(\d+)/message_templates/?"), "templates"),
    ("POST DELETE", re.compile(r"/(\d+)/message_templates/?"), "submit"),
    ("POST", re.compile(r"/(\d+)/?"), "submit"),
    ("GET", re.compile(r"/(\d+)/?"), "look_up"),
    ("GET", re.compile(r"/whatsapp_business/attachments()/?"), "download"),
)
CALL = "simulator.call"
"""Which of the faults' CALLS this request is."""
FAULT = "simulator.fault"
"""Where Graph's view leaves the fault that must still happen to its answer."""
CODE = "simulator.code"
"""Where a refusal leaves its error code for the ledger."""
ABOUT = "simulator.about"
"""Where a view leaves what else the ledger should know of this request."""
ASKED = "simulator.asked"
"""Where the views find the simulator that is asked."""

GONE = "Server disconnected without sending a response."
HALF = "peer closed connection without sending complete message body"
SEEN: dict[int | str, tuple[type[httpx.TransportError], str]] = {
    "refuse": (httpx.ConnectError, "[Errno 111] Connection refused"),
    "close_before_reading": (httpx.ReadError, "[Errno 104] Connection reset by peer"),
    "hang": (httpx.ReadTimeout, "The read operation timed out"),
    "accept_then_close": (httpx.RemoteProtocolError, GONE),
    "accept_then_delay": (httpx.ReadTimeout, "The read operation timed out"),
    "half_a_body": (httpx.RemoteProtocolError, HALF),
}


LATE = {"accept_then_delay", "slow", "drip"}


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
        if OURS.match(path):
            return self._app(environ, start_response)
        self._faults.forget()
        environ[CALL], number = _call(environ.get("REQUEST_METHOD", "GET"), path)
        unread = self._faults.take_unread(environ[CALL], number)
        if unread:
            self._keep(environ, None)
            return _break(unread, environ, b"")
        held: list[tuple[Any, ...]] = []
        chunks = self._app(environ, lambda *status_and_headers: held.append(status_and_headers))
        self._keep(environ, int(held[0][0][:3]))
        fault: Fault | None = environ.get(FAULT)
        if fault is None or fault.what not in SEEN.keys() | LATE:
            start_response(*held[0])
            return chunks
        answer = b"".join(chunks)
        _close(chunks)
        late = fault.what in LATE and _socket(environ) is not None
        if fault.what in SEEN and not late:
            return _break(fault, environ, answer)
        start_response(*held[0])
        return _late(fault, answer) if late else [answer]

    def _keep(self, environ: Environ, answer: int | None) -> None:
        """The ledger knows this request, what was answered, and which fault hit it."""
        fault = self._faults.struck
        # Not worth a wait for the disk: what was accepted has its own record.
        with self._sim.turn(disk=False):
            record = self._sim.note(
                "request",
                method=environ.get("REQUEST_METHOD"),
                path=environ["PATH_INFO"],
                call=environ[CALL],
                answer=answer,
                code=environ.get(CODE),
                fault=fault.told() if fault else None,
                about=environ.get(ABOUT),
            )
        self._sim.requests.append(record)


def _call(method: str, path: str) -> tuple[str, str | None]:
    for methods, pattern, kind in CALLS:
        found = pattern.fullmatch(path)
        if found and method in methods.split():
            return kind, found[1] or None
    return "other", None


def _late(fault: Fault, answer: bytes) -> Iterable[bytes]:
    """The answer, `seconds` later, or all along them."""
    if fault.what != "drip":
        time.sleep(fault.seconds)
        yield answer
        return
    for letter in answer:
        time.sleep(fault.seconds / max(1, len(answer)))
        yield bytes([letter])


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
    if fault.what == "hang":
        time.sleep(fault.seconds)
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
