"""Customers who write and agents who answer, sell and look, all day long; and what each was told.

What an agent asked for and got no answer to is asked again, as a browser does: the same form with
the same `client_id`, until somebody says yes or no.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
from sqlalchemy.exc import SQLAlchemyError

from bench import staff
from bench.fire import deeds
from bench.fire.shops import Place
from bench.fire.town import Town
from flows.errors import Refused
from models.pipeline import SystemState

# How often a second, over all merchants (trust.md 2.2); each send brings three statuses.
RATES = {
    "write": 20.0,
    "send": 10.0,
    "tap": 3.0,
    "read": 1.0,
    "order": 3.0,
    "move": 5.0,
    "stock": 2.0,
    "look": 3.0,
    "photo": 0.5,
    "mark": 1.0,
    "bulk": 0.2,
}
HANDS = 16
MOST_WAITING = 64
ASK_AGAIN = 1.0
WORDS = (
    *(
        "Salam, wach mazal kayn?",
        "Bonjour, je voudrais 2 sacs noirs",
        "السلام عليكم، بشحال التوصيل؟",
    ),
    *(
        "Casablanca, 12 rue des Orangers",
        "wakha",
        "c'est combien ?",
        "chokran 🙏",
        "3afak sift liya",
    ),
)
PATHS = (SystemState.TO_CONFIRM, SystemState.CONFIRMED, SystemState.SHIPPED, SystemState.DELIVERED)


@dataclass(slots=True)
class Wish:
    """A form an agent sent, and the last answer to it (None: nobody knows)."""

    kind: str
    place: Place
    address: str
    form: dict[str, str]
    born: float = field(default_factory=time.time)
    answer: int | None = None
    tries: int = 0

    @property
    def granted(self) -> bool:
        return self.answer is not None and self.answer < 300

    @property
    def open(self) -> bool:
        """Whether somebody who sent it would try again."""
        return self.answer is None or self.answer >= 500


class People:
    """Everybody around the town, at `rate` times RATES."""

    def __init__(self, town: Town, places: list[Place], *, seed: int, rate: float = 1.0) -> None:
        self.town, self.places, self.rate = town, places, rate
        self.wishes: list[Wish] = []
        self.problems: deque[str] = deque(maxlen=20)
        self.skipped = 0
        self._chance = random.Random(f"people {seed}")
        self._asked_again: deque[tuple[float, Wish]] = deque()
        self._pool = ThreadPoolExecutor(HANDS, thread_name_prefix="people")
        self._busy = threading.Semaphore(MOST_WAITING)
        self._mine = threading.local()
        self._ended, self._resting = threading.Event(), threading.Event()
        self._talks: list[tuple[Place, UUID]] = []
        self._orders: list[tuple[Place, int]] = []
        self._buttons: deque[tuple[str, str]] = deque(maxlen=500)
        self._tail = _Tail(town.ledger)
        self._threads = [
            threading.Thread(target=self._live, name="day", daemon=True),
            threading.Thread(target=self._look_around, name="eyes", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def rest(self) -> None:
        """Nobody begins anything new; what was not answered is still asked again."""
        self._resting.set()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(30)
        self._pool.shutdown(wait=True)

    @property
    def unanswered(self) -> int:
        return sum(wish.open for wish in list(self.wishes))

    # --- the day ----------------------------------------------------------------------------------

    def _live(self) -> None:
        due = {kind: time.monotonic() for kind in RATES}
        while not self._ended.is_set():
            now = time.monotonic()
            if not self._resting.is_set():
                for kind, rate in RATES.items():
                    while due[kind] <= now:
                        due[kind] = max(due[kind], now - 1) + 1 / (rate * self.rate)
                        self._begin(getattr(self, f"_{kind}"))
            while self._asked_again and self._asked_again[0][0] <= now:
                _, wish = self._asked_again.popleft()
                self._pool.submit(self._send_form, wish)
            time.sleep(0.01)

    def _begin(self, act: Callable[[random.Random], None]) -> None:
        if not self._busy.acquire(blocking=False):
            self.skipped += 1  # everybody is waiting for an answer
            return
        chance = random.Random(self._chance.random())
        self._pool.submit(self._do, act, chance)

    def _do(self, act: Callable[[random.Random], None], chance: random.Random) -> None:
        try:
            act(chance)
        except Refused:
            pass  # as life goes: the stock is not there, the draft is
        except (httpx.HTTPError, psycopg.Error, SQLAlchemyError) as problem:
            self.problems.append(f"{act.__name__}: {type(problem).__name__}")
        except Exception as problem:
            # A harness that loses its people in silence would measure nothing.
            self.problems.append(f"{act.__name__}: {problem!r}"[:300])
        finally:
            self._busy.release()

    # --- customers --------------------------------------------------------------------------------

    def _write(self, chance: random.Random) -> None:
        place = chance.choice(self.places)
        who = chance.choice(place.customers)
        self._ask_simulator(f"customers/{who}/messages", text=chance.choice(WORDS), to=place.number)

    def _tap(self, chance: random.Random) -> None:
        if self._buttons:
            who, wamid = chance.choice(self._buttons)
            self._ask_simulator(
                f"customers/{who}/taps", wamid=wamid, index=chance.choice((0, 0, 1, 2))
            )

    def _read(self, chance: random.Random) -> None:
        place = chance.choice(self.places)
        self._ask_simulator(
            f"customers/{chance.choice(place.customers)}/reads", number=place.number
        )

    def _photo(self, chance: random.Random) -> None:
        place = chance.choice(self.places)
        who = chance.choice(place.customers)
        self._ask_simulator(f"customers/{who}/samples", kind="image", to=place.number)

    def _ask_simulator(self, path: str, **body: Any) -> None:
        address = f"http://127.0.0.1:{self.town.port + 2}/_control/{path}"
        self._browser.post(address, json=body)

    # --- agents -----------------------------------------------------------------------------------

    def _send(self, chance: random.Random) -> None:
        if self._talks:
            place, talk = chance.choice(self._talks)
            form = {"text": chance.choice(WORDS), "client_id": str(uuid4())}
            self._wish("send", place, f"/inbox/{talk}/messages", form)

    def _order(self, chance: random.Random) -> None:
        if not self._talks:
            return
        place, talk = chance.choice(self._talks)
        product, variant = chance.choice(place.products)
        form = staff.order(chance, product, variant)
        self._wish("order", place, f"/conversations/{talk}/orders", form)

    def _move(self, chance: random.Random) -> None:
        if self._orders:
            place, number = chance.choice(self._orders)
            form = {"stage": str(place.stages[chance.choice(PATHS)])}
            self._post(Wish("move", place, f"/orders/{number}/stage", form))

    def _stock(self, chance: random.Random) -> None:
        deeds.count_stock(chance.choice(self.places), chance)

    def _mark(self, chance: random.Random) -> None:
        deeds.read_a_chat(chance.choice(self.places), chance)

    def _bulk(self, chance: random.Random) -> None:
        deeds.move_many(chance.choice(self.places), chance)

    def _look(self, chance: random.Random) -> None:
        place = chance.choice(self.places)
        page = chance.choice(("/inbox", "/inbox/list", "/board", "/orders"))
        self._get(place, page)

    def _wish(self, kind: str, place: Place, address: str, form: dict[str, str]) -> None:
        wish = Wish(kind, place, address, form)
        self.wishes.append(wish)
        self._send_form(wish)

    def _send_form(self, wish: Wish) -> None:
        wish.tries += 1
        try:
            wish.answer = self._post(wish)
        except httpx.HTTPError:
            wish.answer = None
        if wish.open:
            self._asked_again.append((time.monotonic() + ASK_AGAIN, wish))

    def _post(self, wish: Wish) -> int:
        headers = self._headers(wish.place) | {"HX-Request": "true"}
        address = f"http://127.0.0.1:{self.town.port}{wish.address}"
        return self._browser.post(address, data=wish.form, headers=headers).status_code

    def _get(self, place: Place, page: str) -> int:
        address = f"http://127.0.0.1:{self.town.port}{page}"
        return self._browser.get(address, headers=self._headers(place)).status_code

    def _headers(self, place: Place) -> dict[str, str]:
        return {"Cookie": f"wasl={place.agent}", "Sec-Fetch-Site": "same-origin"}

    @property
    def _browser(self) -> httpx.Client:
        if not hasattr(self._mine, "browser"):
            self._mine.browser = httpx.Client(timeout=httpx.Timeout(10, connect=2), trust_env=False)
        browser: httpx.Client = self._mine.browser
        return browser

    # --- what they see ----------------------------------------------------------------------------

    def _look_around(self) -> None:
        by_merchant = {place.merchant: place for place in self.places}
        while not self._ended.wait(1.0):
            for line in self._tail.fresh():
                self._notice(line)
            try:
                self._remember(by_merchant)
            except psycopg.Error as problem:
                self.problems.append(f"eyes: {type(problem).__name__}")

    def _notice(self, record: dict[str, Any]) -> None:
        asks = record["kind"] == "accepted" and record["type"] == "template" and record["customer"]
        if asks and record["body"]["template"]["name"] == "order_confirmation":
            self._buttons.append((record["customer"], record["wamid"]))

    def _remember(self, by_merchant: dict[UUID, Place]) -> None:
        address = self.town.env["DATABASE_URL"].replace("+psycopg", "", 1)
        with psycopg.connect(address, connect_timeout=2) as owner:
            talks = owner.execute("SELECT merchant_id, id FROM conversations LIMIT 5000")
            self._talks = [(by_merchant[m], talk) for m, talk in talks if m in by_merchant]
            recent = owner.execute(
                "SELECT merchant_id, number FROM orders ORDER BY created_at DESC LIMIT 400"
            )
            self._orders = [(by_merchant[m], number) for m, number in recent if m in by_merchant]


class _Tail:
    """New lines of a file that somebody writes."""

    def __init__(self, path: Path) -> None:
        self.path, self.place = path, path.stat().st_size if path.exists() else 0

    def fresh(self) -> list[dict[str, Any]]:
        with self.path.open("rb") as file:
            file.seek(self.place)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self.place += whole
        return [json.loads(line) for line in data[:whole].splitlines()]
