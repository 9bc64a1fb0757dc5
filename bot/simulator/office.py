"""The engine room: a turn changes the world, writes the ledger, and lets the events leave."""

from __future__ import annotations

import hmac
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.simulator import changes, demo
from bot.simulator.brakes import Brakes
from bot.simulator.clock import Clock
from bot.simulator.events import Event
from bot.simulator.faults import Faults
from bot.simulator.feed import Feed
from bot.simulator.files import Files
from bot.simulator.flow_line import Exchange, over_http
from bot.simulator.flow_sheet import Sheet
from bot.simulator.ledger import Ledger
from bot.simulator.manner import Manner
from bot.simulator.postman import Post, Posted, Postman
from bot.simulator.webhook_quirks import bent, unheard_of
from bot.simulator.world import Account, Customer, Json, Number

LINK_SECONDS = 300


class Office:
    """World, ledger, clock and postman of one simulator; safe to use from many threads."""

    public_url = "https://graph.facebook.com"
    """Where the links to media point."""
    running: Json | None = None
    """{name, seed} of the scenario that is on."""

    def __init__(
        self, *, webhook_url: str, app_secret: str, post: Post, folder: Path | None, latency: float
    ) -> None:
        self.clock = Clock()
        self.world = demo.world()
        self.feed = Feed()
        self.faults = Faults(self.clock.time)
        self.brakes = Brakes()
        self.uploads: dict[str, tuple[str, int, bytes]] = {}
        """Sessions of the Resumable Upload API: type, length, bytes so far."""
        self.files = Files(folder / "media" if folder else None)
        self.folder = folder
        self.exchange: Exchange = over_http
        """Carries what forms ask of their endpoints."""
        self.sheets: dict[str, Sheet] = {}
        """Forms that are open on phones."""
        self.latency = latency
        self.ledger = Ledger(folder / "ledger.jsonl" if folder else None)
        self._secret = app_secret.encode()
        self.postman = Postman(webhook_url, app_secret, post, self._posted)
        self._lock = threading.RLock()
        self._depth = 0
        self._leaving: list[tuple[Event, Manner, float]] = []
        self._late: list[tuple[float, Event, Manner]] = []
        """What waits for a day of the simulator's clock."""
        self.requests: deque[Json] = deque(maxlen=200)
        """The latest calls to Graph, as the ledger has them."""
        self._touched: set[str] = set()
        self._events = 0
        self._manner: Manner | None = None
        self._replay()

    @property
    def manner(self) -> Manner:
        """How webhooks travel now; assign a changed one."""
        return self._manner or self.postman.manner

    @manner.setter
    def manner(self, manner: Manner) -> None:
        self.postman.manner = manner

    @contextmanager
    def turn(self, manner: Manner | None = None, *, disk: bool = True) -> Iterator[None]:
        """Everything noted inside is on the disk, and its events on their way, afterwards."""
        with self._lock:
            outer, self._manner = self._manner, manner or self._manner
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                self._manner = outer
            if self._depth:
                return
            leaving, self._leaving = self._leaving, []
            touched, self._touched = self._touched, set()
        self.ledger.flush(disk=disk)
        for event, manner_of_event, after in leaving:
            self.postman.put(event, manner_of_event, after)
        self.feed.tell(touched)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Inside, nothing changes: for looks at more than one thing."""
        with self._lock:
            yield

    def note(self, kind: str, **facts: Any) -> Json:
        """One more record in the ledger, already true in the world. Only inside a turn."""
        record = {"kind": kind, "at": self.clock.now().isoformat(), "time": self.clock.time()}
        record |= facts
        self.ledger.append(record)
        changes.apply(self.world, record)
        self._touched.update(c for c in [facts.get("customer")] if c)
        if kind.startswith("template"):
            self._touched.add("templates")
        return record

    def emit(
        self,
        account: Account,
        value: Json,
        *,
        field: str = "messages",
        lane: str | None = None,
        wamid: str | None = None,
        after: float = 0.0,
    ) -> None:
        """This change is posted to the webhook, unless the app is not subscribed to the account."""
        if not account.subscribed:
            return
        manner = self.manner.for_event(self._events + 1, (self.running or {}).get("seed", 0))
        also = unheard_of(value) if manner.strange else None
        for one in filter(None, (value, also)):
            self._events += 1
            event = Event(
                id=f"e{self._events}",
                account=account.id,
                field=field,
                value=bent(one, manner),
                lane=lane or account.id,
                at=self.clock.time() - manner.aged,
                wamid=wamid,
            )
            self._post(event, manner, after)

    def _post(self, event: Event, manner: Manner, after: float) -> None:
        now = self.clock.time()
        fate: Json = {"dropped": True} if manner.drop else {}
        fate |= {"not_before": now + manner.late} if manner.late else {}
        self.note("event", event=vars(event), **fate)
        if manner.late and not manner.drop:
            self._late.append((now + manner.late, event, manner))
        elif not manner.drop:
            self._leaving.append((event, manner, after))

    def let_late_ones_go(self) -> int:
        """Events whose day has come by the simulator's clock are on their way; how many."""
        now = self.clock.time()
        with self._lock:
            due = [one for one in self._late if one[0] <= now]
            self._late = [one for one in self._late if one[0] > now]
        for _, event, manner in due:
            self.postman.put(event, manner)
        return len(due)

    def media_link(self, media_id: str) -> str:
        """Where the bytes of a medium can be had for five minutes, with the account's token."""
        until = int(self.clock.time()) + LINK_SECONDS
        seal = self._seal(media_id, until)
        query = f"mid={media_id}&ext={until}&hash={seal}"
        return f"{self.public_url}/whatsapp_business/attachments/?{query}"

    def media_link_holds(self, media_id: str, until: str, seal: str) -> bool:
        fresh = until.isdigit() and self.clock.time() < int(until)
        return fresh and hmac.compare_digest(self._seal(media_id, int(until)), seal)

    def _seal(self, media_id: str, until: int) -> str:
        return hmac.new(self._secret, f"{media_id} {until}".encode(), "sha256").hexdigest()[:20]

    def number(self, number_id: str) -> Number:
        return self.world.numbers[number_id]

    def customer(self, who: str | Customer) -> Customer:
        """The customer of this id, phone, username or user id; KeyError when there is none."""
        if isinstance(who, Customer):
            return who
        found = self.world.somebody(who)
        if found is None:
            raise KeyError(who)
        return found

    def reset(self) -> None:
        """The demo's world again and nothing on its way; the ledger keeps what was before."""
        with self.turn():
            self.postman.clear()
            self._leaving.clear()
            self._late.clear()
            self.note("reset")
            self._start_over()
        self.feed.tell(set(self.world.customers))

    def _start_over(self) -> None:
        self.world = demo.world()
        self.manner = Manner()
        self.faults.clear()
        self.running = None
        self.clock.set(None)

    def _posted(self, posted: Posted) -> None:
        first = [p for p in posted.parcels if p.event.wamid]
        # Not worth a wait for the disk: an answer that is forgotten is a webhook posted again.
        with self.turn(disk=False):
            self.note(
                "posted",
                events=[parcel.name for parcel in posted.parcels],
                wamids=[parcel.event.wamid for parcel in first],
                attempt=1 + max(parcel.tries for parcel in posted.parcels),
                answer=posted.answer,
                error=posted.error,
            )
            for parcel in first:
                bubble = self.world.bubbles.get(parcel.event.wamid or "")
                if bubble and bubble.customer:
                    self._touched.add(bubble.customer)

    def _replay(self) -> None:
        waiting: dict[str, tuple[float, Event]] = {}
        for record in self.ledger.records():
            if record["kind"] == "reset":
                self._start_over()
                waiting.clear()
            changes.apply(self.world, record)
            self._remember(record, waiting)
        self._late = [(day, event, self.manner) for day, event in waiting.values()]
        self.let_late_ones_go()

    def _remember(self, record: Json, waiting: dict[str, tuple[float, Event]]) -> None:
        if record["kind"] == "event":
            event = Event(**record["event"])
            self._events = int(event.id[1:])
            if not record.get("dropped"):
                waiting[event.id] = record.get("not_before", 0.0), event
        elif record["kind"] == "posted" and record["answer"] == 200:
            for name in record["events"]:
                waiting.pop(name, None)
        elif record["kind"] == "clock":
            self.clock.offset = record["offset"]
