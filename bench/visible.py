"""How long from a customer's message to an agent's screen: the demo's own processes, end to end.

    bin/dev                                # in another terminal
    .venv/bin/python bench/visible.py [--messages 100] [--every 0.2]

A message is posted, signed, to the webhook as Meta would; the agent's browser is stood in for by a
reader of the live stream that fetches the conversation when it is named, as live.js does. A message
counts as visible when its text is in the fetched page.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import statistics
import sys
import threading
import time
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import httpx

PATIENCE = 10.0


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--messages", type=int, default=100)
    asked.add_argument("--every", type=float, default=0.2, help="seconds between messages")
    options = asked.parse_args()
    demo = json.loads((Path(os.environ.get("WASL_VAR", "var")) / "demo.json").read_text())
    browser = Browser(demo)
    times = [browser.see(n) for n in range(options.messages) if not time.sleep(options.every)]
    seen = sorted(t for t in times if t is not None)
    print(f"messages {len(times)}  seen {len(seen)}")
    if len(seen) < 2:
        sys.exit("too few were seen")
    cuts = statistics.quantiles(seen, n=20)
    print(
        f"message -> visible  p50 {statistics.median(seen) * 1000:.0f} ms"
        f"  p95 {cuts[18] * 1000:.0f} ms  max {seen[-1] * 1000:.0f} ms"
    )


class Browser:
    """An agent's browser with one conversation open."""

    def __init__(self, demo: dict[str, Any]) -> None:
        self.demo = demo
        self.web = httpx.Client(base_url=demo["base_url"], timeout=PATIENCE, follow_redirects=True)
        self.changes: Queue[float] = Queue()
        self._sign_in()
        self.page = self._open_conversation()
        threading.Thread(target=self._listen, daemon=True).start()
        time.sleep(1.0)  # the stream is open; nothing is measured yet

    def see(self, n: int) -> float | None:
        """Seconds until the n-th message is on the page; None when it never was."""
        text = f"bench {n} {time.time_ns()}"
        started = time.perf_counter()
        self._write(text)
        while time.perf_counter() - started < PATIENCE:
            try:
                self.changes.get(timeout=PATIENCE)
            except Empty:
                return None
            if text in self.web.get(self.page).text:
                return time.perf_counter() - started
        return None

    def _sign_in(self) -> None:
        user = next(u for u in self.demo["users"] if u["role"] == "owner")
        answer = self.web.post(
            "/sign-in",
            data={"email": user["email"], "password": user["password"]},
            headers={"Origin": self.demo["base_url"], "Sec-Fetch-Site": "same-origin"},
        )
        answer.raise_for_status()

    def _open_conversation(self) -> str:
        """The address of the page of a conversation that the bench itself writes in."""
        self._write("bench begins")
        for _ in range(50):
            html = self.web.get("/inbox", params={"q": "Bench"}).text
            links = [part.split('"')[0] for part in html.split('href="/inbox/')[1:]]
            rows = [link for link in links if len(link.split("?")[0]) == 36]
            if rows:
                return f"/inbox/{rows[0].split('?')[0]}"
            time.sleep(0.2)
        raise SystemExit("the first message never came to the inbox")

    def _listen(self) -> None:
        self.web.post(
            "/live-ticket",
            headers={"Origin": self.demo["base_url"], "Sec-Fetch-Site": "same-origin"},
        )
        name = self.page.rpartition("/")[2]
        with self.web.stream("GET", f"{self.demo['live_url']}/live", timeout=None) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:") and name in line:
                    self.changes.put(time.perf_counter())

    def _write(self, text: str) -> None:
        value = {
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": "212520000001",
                "phone_number_id": self.demo["phone_number_id"],
            },
            "contacts": [{"profile": {"name": "Bench"}, "wa_id": "212600000042"}],
            "messages": [
                {
                    "from": "212600000042",
                    "id": f"wamid.bench.{time.time_ns()}",
                    "timestamp": str(int(time.time())),
                    "type": "text",
                    "text": {"body": text},
                }
            ],
        }
        entry = {"id": self.demo["waba_id"], "changes": [{"field": "messages", "value": value}]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        mac = hmac.digest(self.demo["app_secret"].encode(), body, "sha256").hex()
        headers = {"X-Hub-Signature-256": f"sha256={mac}", "Content-Type": "application/json"}
        httpx.post(self.demo["webhook_url"], content=body, headers=headers).raise_for_status()


if __name__ == "__main__":
    main()
