"""`wasl simulator`: the simulator as a process, on the port after the live stream."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from bot.simulator.brakes import Limits
from bot.simulator.simulator import Simulator, create_simulator
from config import settings

LATENCY = 0.2
REVIEW_SECONDS = 20.0
META = Limits(throughput=80, pair_burst=45)


def serve() -> None:
    """Runs until SIGTERM or Ctrl-C; chats and undelivered webhooks are there again next time."""
    known = settings()
    sim = create_simulator(
        webhook_url=f"{known.base_url}/webhooks/whatsapp",
        app_secret=known.app_secrets[0],
        folder=known.var / "simulator",
        latency=LATENCY,
    )
    sim.public_url = known.simulator_url
    sim.brakes.limits = META
    sim.review_after = REVIEW_SECONDS
    server = listen(sim, known.port + 2)
    _stop_on_signals(server)
    sim.start()
    try:
        server.serve_forever()
    finally:
        sim.stop()


def listen(sim: Simulator, port: int = 0, host: str = "127.0.0.1") -> BaseWSGIServer:
    """A threaded server on this port (0: a free one), whose sockets the faults can cut."""
    return make_server(host, port, sim.app, threaded=True, request_handler=_Quiet)


def _stop_on_signals(server: BaseWSGIServer) -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        # shutdown() waits for the loop that this very thread is running.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


class _Quiet(WSGIRequestHandler):
    """Says nothing about requests that went well."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if str(code)[:1] == "5":
            super().log_request(code, size)
