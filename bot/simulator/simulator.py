"""One simulated Meta: the WSGI app, the customers' phones, the webhooks and the ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from bot.simulator.app import flask_app
from bot.simulator.faults import Fault
from bot.simulator.flow_phone import FlowPhone
from bot.simulator.line import Line
from bot.simulator.manner import Manner
from bot.simulator.postman import Post, Posted
from bot.simulator.samples import sample
from bot.simulator.scenarios import SCENARIOS, Scenario
from bot.simulator.webhook_samples import WebhookSamples
from bot.simulator.world import Customer, Json

ANSWER_SECONDS = 20.0


class Simulator(FlowPhone, WebhookSamples):
    """Meta as the product meets it. `app` is its WSGI application.

    Not started, nothing leaves by itself: `deliver()` posts what waits, in the caller's thread.
    """

    tick_seconds = 5.0
    """How often a started simulator looks whether a pause ended or a late webhook is due."""

    def __init__(
        self, *, webhook_url: str, app_secret: str, post: Post, folder: Path | None, latency: float
    ) -> None:
        super().__init__(
            webhook_url=webhook_url,
            app_secret=app_secret,
            post=post,
            folder=folder,
            latency=latency,
        )
        self._before = self.manner
        self._ended = threading.Event()
        self._clockwork: threading.Thread | None = None
        self.app = Line(self, flask_app().wsgi_app)

    def deliver(
        self, *, batch: int | None = None, shape: str | None = None, shuffle: bool = False
    ) -> list[Posted]:
        """Posts every waiting event now, due or not, and returns the posts with their answers.

        `batch` events ride in one body, in `shape` (see Manner). What was not answered with 200
        waits for the next call, which repeats it first.
        """
        if shuffle:
            self.postman.scatter()
        return self.postman.deliver(batch=batch, shape=shape)

    def fail(self, what: int | str, **how: Any) -> None:
        """The next call (`times`, None: every) fails like this; see Fault for the choices."""
        self.faults.add(Fault(what, **how))

    def send_sample(self, who: str | Customer, kind: str, *, to: str | None = None) -> str:
        """The customer sends a photo, voice note, video, sticker or document; its wamid."""
        data, mime_type, name = sample(kind)
        content: Json = {kind: {"id": self.keep_media(data, mime_type, name).id}}
        return self.write(who, to=to, type=kind, **content)

    def run(self, scenario: Scenario | str, seed: int = 0) -> Scenario:
        """The scenario (or the one of this name in SCENARIOS) is on, in place of the one before."""
        chosen = SCENARIOS[scenario] if isinstance(scenario, str) else scenario
        faults, manner = chosen.faults(seed), Manner().but(**chosen.manner)
        self.end_scenario()
        with self.turn():
            self.note("scenario", name=chosen.name, seed=seed, rules=chosen.rules)
        self.running = {"name": chosen.name, "seed": seed}
        self._before = self.manner
        for fault in faults:
            self.faults.add(fault)
        if chosen.manner:
            self.manner = manner
        self.postman.seed(seed)
        return chosen

    def end_scenario(self) -> None:
        """The running scenario fails nothing any more, and webhooks travel as before it."""
        if self.running:
            self.faults.clear(self.running["name"])
            self.manner = self._before
            with self.turn():
                self.note("scenario_over", name=self.running["name"])
        self.running = None

    @contextmanager
    def scenario(self, scenario: Scenario | str, seed: int = 0) -> Iterator[Scenario]:
        """Inside, this scenario is on."""
        chosen = self.run(scenario, seed)
        try:
            yield chosen
        finally:
            self.end_scenario()

    @contextmanager
    def manners(self, **changes: Any) -> Iterator[Manner]:
        """Inside, webhooks are born and travel in this manner (fields of Manner)."""
        before = self.manner
        self.manner = before.but(**changes)
        try:
            yield self.manner
        finally:
            self.manner = before

    def limit(self, **limits: Any) -> None:
        """Meta's brakes are set: throughput, pair_burst, pair_every (see Limits)."""
        self.brakes.limits = replace(self.brakes.limits, **limits)

    def set_date(self, instant: datetime | None) -> None:
        """From now on it is this instant; None is the real time. Decides prices and the window."""
        with self.turn():
            self.clock.set(instant)
            self.note("clock", offset=self.clock.offset)
        self._days_passed()

    def advance(self, seconds: float) -> None:
        """The simulated time jumps ahead."""
        with self.turn():
            self.clock.advance(seconds)
            self.note("clock", offset=self.clock.offset)
        self._days_passed()

    def drain(self, timeout: float = 60.0) -> bool:
        """True once every event was answered with 200, those held back as late apart."""
        if self.postman.running:
            return self.postman.drain(timeout)
        self.deliver()
        return self.postman.waiting == 0

    def invoice(self) -> list[Json]:
        """What Meta counts, one line a delivered message: wamid, number, to, date, pricing."""
        return [self._charge(b.wamid) for b in self.world.bubbles.values() if _arrived(b.reached)]

    def start(self) -> None:
        """From now on webhooks leave by themselves, in the background."""
        self.postman.start()
        self._ended.clear()
        self._clockwork = threading.Thread(target=self._tick, name="clockwork", daemon=True)
        self._clockwork.start()
        self._review_later()  # what an earlier life was asked to look at

    def stop(self) -> None:
        """Nothing leaves any more and the ledger is closed; a new simulator can take over."""
        self._ended.set()
        if self._clockwork:
            self._clockwork.join()
            self._clockwork = None
        self.postman.stop()
        self.ledger.close()

    def _tick(self) -> None:
        while not self._ended.wait(self.tick_seconds):
            self._days_passed()

    def _days_passed(self) -> None:
        self.settle_templates()
        self.release_due()
        self.let_late_ones_go()

    def _charge(self, wamid: str) -> Json:
        bubble = self.world.bubbles[wamid]
        local = self.world.local(self.world.account_of(bubble.number), bubble.reached["delivered"])
        return {
            "wamid": wamid,
            "number": bubble.number,
            "to": bubble.recipient,
            "date": local.date().isoformat(),
            "pricing": bubble.pricing,
        }


def create_simulator(
    *,
    webhook_url: str,
    app_secret: str,
    post: Post | None = None,
    folder: Path | None = None,
    latency: float = 0.0,
) -> Simulator:
    """A simulator of the demo's world, as its ledger in `folder` left it.

    `post(url, body, headers) -> status` carries webhooks (default: HTTP). Without a folder
    nothing is kept. `latency` is the time between accepted, sent and delivered, in seconds.
    """
    return Simulator(
        webhook_url=webhook_url,
        app_secret=app_secret,
        post=post or over_http(),
        folder=folder,
        latency=latency,
    )


def over_http() -> Post:
    """Posts webhooks over the network; redirects are answers like any other."""
    client = httpx.Client(timeout=ANSWER_SECONDS, trust_env=False)

    def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        return client.post(url, content=body, headers=headers).status_code

    return post


def _arrived(reached: dict[str, float]) -> bool:
    return "delivered" in reached
