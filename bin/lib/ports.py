"""Ports of loopback: which are free, and which a program of ours is given."""

from __future__ import annotations

import errno
import secrets
import socket

from bin.lib import say

# Below the ports that systems hand out to whoever connects somewhere: nobody takes these by
# accident between our look and our program's start (Linux from 32768, macOS from 49152).
LOWEST, HIGHEST = 10_000, 30_000


def free(together: int = 1) -> int:
    """The first of so many ports in a row that nobody listens on; another each time."""
    while True:
        first = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        if not any(taken(port) for port in range(first, first + together)):
            return first


def refuse_taken(first: int) -> None:
    """The demo's three, the first of which was chosen by a person."""
    for port in range(first, first + 3):
        if taken(port):
            raise say.Refused(
                f"Port {port} is taken or not ours to use: stop what listens there, or choose "
                "another first port of three, for example WASL_PORT=8100 bin/dev."
            )


def taken(port: int) -> bool:
    """Somebody listens there, or we are not allowed to."""
    with socket.socket() as visitor:
        if visitor.connect_ex(("127.0.0.1", port)) == 0:
            return True
    with socket.socket() as probe:
        # Ports of connections that just ended are free, and a listening one is still refused.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno in (errno.EADDRINUSE, errno.EACCES)
    return False
