"""A mail server on a free port of this machine: keeps what it is given, or refuses on request."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from config import settings


class Mailbox(socketserver.ThreadingTCPServer):
    """`mails` are what came; `answer` is said to each recipient instead of 250."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.mails: list[EmailMessage] = []
        self.answer = "250 OK"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"

    def link(self) -> str:
        """The path of the link in the newest mail."""
        text = self.mails[-1].get_content()
        (url,) = [line for line in text.splitlines() if line.startswith("http")]
        return "/" + str(url).split("/", 3)[3]


class _Talk(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self._say("220 mailbox")
        while line := self.rfile.readline().decode().strip():
            word = line[:4].upper()
            if word == "DATA":
                self._take()
            elif word == "RCPT":
                self._say(self.server.answer)
            elif word == "QUIT":
                return self._say("221 bye")
            else:
                self._say("250 OK")
        return None

    def _take(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        self.server.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
        self._say("250 kept")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def open_mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A mail server that this install sends through."""
    with Mailbox() as box:
        threading.Thread(target=box.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("WASL_SMTP_URL", box.url)
        monkeypatch.setenv("WASL_MAIL_FROM", "Wasl <wasl@example.com>")
        settings.cache_clear()
        yield box
        box.shutdown()
    monkeypatch.undo()
    settings.cache_clear()
