"""From a customer's message to an open screen, while many others write: webhook, worker, live, web.

    .venv/bin/python -m bench.visible [--seconds 15]

An agent's browser is stood in for by a reader of the live stream that fetches the thread's fragment
when its conversation is named, as live.js does. Visible is: its text is in the fetched fragment.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

import httpx

from bench import load, servers, traffic
from bench.traffic import Item, Shop
from config import settings

INBOUND_PER_S = 100
ONE_IN = 25
"""Of the inbound messages, how many are for the open conversation."""
PATIENCE = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15)
    options = parser.parse_args()
    with servers.own():
        shops = traffic.open_shops(10, people=100)
        with (
            servers.web("wsgi:app") as web,
            servers.live() as live,
            servers.worker("ingest"),
        ):
            p95 = p95_ms(web.port, live.port, shops, seconds=options.seconds)
    print(f"webhook to visible at {INBOUND_PER_S} inbound/s: p95 {p95:.0f} ms")


def p95_ms(port: int, live_port: int, shops: Sequence[Shop], *, seconds: float = 15) -> float:
    """Of the messages to the open conversation, posted as evenly as all the others."""
    screen = Screen(port, live_port, shops[0])
    count = int(seconds * INBOUND_PER_S)
    others = traffic.texts(shops[1:], count)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as meta:
        began = time.perf_counter()
        for turn in range(count):
            time.sleep(max(0.0, began + turn / INBOUND_PER_S - time.perf_counter()))
            mine = turn % ONE_IN == 0
            told = screen.write(f"bench {turn}.") if mine else [next(others)]
            _post(meta, told)
    times = screen.all_seen()
    return statistics.quantiles(times, n=20)[18] * 1000


def _post(meta: httpx.Client, told: Iterable[tuple[Shop, Item]]) -> None:
    for body in traffic.bodies(told):
        headers = {"X-Hub-Signature-256": load.signature(body), "Content-Type": "application/json"}
        meta.post(load.WEBHOOK, content=body, headers=headers).raise_for_status()


class Screen:
    """One conversation, open in the browser of the shop's owner."""

    def __init__(self, port: int, live_port: int, shop: Shop) -> None:
        self.shop = shop
        self.conversation_id, self.wa_id = shop.people[0]
        self.written: dict[str, float] = {}
        self.times: dict[str, float] = {}
        self.web = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            cookies={"wasl": traffic.owner_signed_in(shop)},
            headers={"Origin": settings().base_url, "Sec-Fetch-Site": "same-origin"},
            timeout=PATIENCE,
        )
        ticket = self.web.post("/live-ticket").headers["Set-Cookie"].partition(";")[0]
        self.live = httpx.Client(
            base_url=f"http://127.0.0.1:{live_port}", headers={"Cookie": ticket}, timeout=60
        )
        self._opened = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()
        if not self._opened.wait(PATIENCE):
            raise SystemExit("the live stream did not open")

    def write(self, words: str) -> list[tuple[Shop, Item]]:
        """A message to it, which counts from now on."""
        self.written[words] = time.perf_counter()
        return [(self.shop, traffic.text(self.wa_id, words))]

    def all_seen(self) -> list[float]:
        """Seconds until each was on the screen."""
        until = time.monotonic() + PATIENCE
        while len(self.times) < len(self.written):
            if time.monotonic() > until:
                raise SystemExit(f"{len(self.written)} written, {len(self.times)} seen")
            time.sleep(0.05)
        return list(self.times.values())

    def _listen(self) -> None:
        since = f"{(int(time.time()) - 1) * 1_000_000}.0"  # Meta's time has whole seconds
        fragment = f"/inbox/{self.conversation_id}/thread?since={since}"
        mine = f"conversation:{self.conversation_id}"
        # The servers may go before we do: what counts has been seen by then.
        with suppress(httpx.TransportError), self.live.stream("GET", "/live") as stream:
            self._opened.set()
            for line in stream.iter_lines():
                if line.startswith("data: ") and {mine, "*"} & set(json.loads(line[6:])):
                    self._look(self.web.get(fragment).raise_for_status().text)

    def _look(self, fragment: str) -> None:
        now = time.perf_counter()
        for words, posted in list(self.written.items()):
            if words not in self.times and words in fragment:
                self.times[words] = now - posted


if __name__ == "__main__":
    main()
