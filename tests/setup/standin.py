"""Stands for cli.py in a clone made by these tests: every program in a few lines."""

import http.server
import json
import os
import signal
import sys

PORTS = {"web": 0, "live": 1, "simulator": 2}
SEEDS = {
    "phone_number_id": "106540352242922",
    "waba_id": "102290129340398",
    "users": [{"email": "omar@atlas.example", "password": "x", "role": "owner", "merchant": "A"}],
}

EMPTY = SEEDS | {"empty": True, "users": [], "numbers": []}


class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def main() -> None:
    name = sys.argv[1]
    signal.signal(signal.SIGTERM, stop)
    if name in PORTS:
        port = int(os.environ["WASL_PORT"]) + PORTS[name]
        http.server.ThreadingHTTPServer(("127.0.0.1", port), Ready).serve_forever()
    if name == "seed":
        print(json.dumps(EMPTY if "--empty" in sys.argv else SEEDS))
    if name in ("migrate", "seed"):
        print(f"{name} was here", file=sys.stderr)
    else:
        print(*sys.argv[1:], "is at work")
        signal.pause()


def stop(*_: object) -> None:
    print(sys.argv[-1], "stops")
    sys.exit(0)
