"""Connections to Meta: each thread its own, and no call longer than it was given."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx
from httpcore import SOCKET_OPTION

PIECE = 16_384
"""Bytes written at once: what a peer that hardly reads can hold up for one wait."""

_here = threading.local()


class within:  # noqa: N801 - read as a word: `with within(10):`
    """A call inside ends so many seconds from now at the latest, however its bytes drip in.

    (httpx bounds each wait for the network, not their sum.) What it cuts short is a time-out.
    No generator: contextlib would write into pywa's errors, which are frozen.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        _here.until = time.monotonic() + self._seconds

    def __exit__(self, *_: object) -> None:
        _here.until = None


class Wire(httpx.BaseTransport):
    """The way to Meta, or to the host META_GRAPH_URL names (`target`: the simulator).

    A pool that threads share looks through all its connections for each request: with 64 threads
    that costs more than the request.
    """

    def __init__(self, target: str | None = None) -> None:
        self._target = httpx.URL(target) if target else None
        self._ssl = httpx.create_ssl_context()
        self._own = threading.local()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._target is not None:
            _redirect(request, self._target)
        transport: _Transport | None = getattr(self._own, "transport", None)
        if transport is None:
            transport = self._own.transport = _Transport(self._ssl)
        return transport.handle_request(request)


def _redirect(request: httpx.Request, target: httpx.URL) -> None:
    request.url = request.url.copy_with(scheme=target.scheme, host=target.host, port=target.port)
    request.headers["Host"] = target.netloc.decode()


class _Transport(httpx.HTTPTransport):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(verify=context)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_keepalive_connections=2,
            keepalive_expiry=5.0,
            network_backend=_Network(),
        )


class _Network(httpcore.NetworkBackend):
    """The real network, its waits cut to what is left of `within`."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(
            httpcore.SyncBackend().connect_tcp(host, port, left, local_address, socket_options)
        )


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE):
            piece = buffer[start : start + PIECE]
            self._inner.write(piece, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """What a single wait may last; raises `late` when the whole call's time is over."""
    until = getattr(_here, "until", None)
    if until is None:
        return timeout
    left: float = until - time.monotonic()
    if left <= 0:
        raise late("the whole call took too long")
    return left if timeout is None else min(left, timeout)
