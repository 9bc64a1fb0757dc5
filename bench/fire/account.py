"""After the fire: the simulator's ledger held against our tables, fault by fault."""

from __future__ import annotations

import bisect
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from bench.fire.people import Wish
from flows import callbacks, invariants
from models.types import Json

COLUMNS = (
    *("injected", "emitted", "acknowledged", "stored", "duplicates"),
    *("requested", "accepted", "failed", "uncertain", "waiting", "discarded"),
    *("silent_loss", "silent_double"),
)
CALM = "(calm)"


@dataclass
class Row:
    """What happened while one fault reigned: from its beginning to the beginning of the next."""

    counts: Counter[str] = field(default_factory=Counter)

    def __getitem__(self, name: str) -> int:
        return self.counts[name]


@dataclass
class Account:
    rows: dict[str, Row]
    broken: list[str]
    """Every invariant that does not hold, in words; empty when nothing was lost or doubled."""
    notes: dict[str, Any] = field(default_factory=dict)

    def total(self, name: str) -> int:
        return sum(row[name] for row in self.rows.values())


@dataclass(frozen=True, slots=True)
class Reign:
    since: float
    fault: str


def settle(
    ledger: Path,
    database_url: str,
    reigns: Sequence[Reign],
    wishes: Iterable[Wish],
    told: dict[str, bool],
    invoice: list[Json],
) -> Account:
    """Every body, every send and every charge has been accounted for, or is named."""
    account = Account(rows={CALM: Row()}, broken=[])
    for reign in reigns:
        if reign.fault != CALM:
            account.rows.setdefault(reign.fault, Row()).counts["injected"] += 1
    clerk = _Clerk(account, reigns)
    meta = _Meta(ledger)
    with psycopg.connect(database_url.replace("+psycopg", "", 1)) as owner:
        clerk.bodies(meta, owner, told)
        clerk.sends(meta, owner)
        clerk.granted(wishes, owner)
        clerk.automations(owner)
        clerk.charges(invoice, owner)
    account.broken += [f"{c.name}: {c.found}" for c in invariants.check() if not c.holds]
    return account


class _Meta:
    """What the simulator wrote down: it alone knows what really happened at Meta."""

    def __init__(self, ledger: Path) -> None:
        self.events: dict[str, Json] = {}
        self.acked: set[str] = set()
        self.accepted: dict[UUID, list[str]] = defaultdict(list)
        self.foreign = 0
        self.reached: dict[str, set[str]] = defaultdict(set)
        for line in ledger.open(encoding="utf-8"):
            self._take(json.loads(line))

    def _take(self, record: Json) -> None:
        kind = record["kind"]
        if kind == "event" and not record.get("dropped"):
            self.events[record["event"]["id"]] = record
        elif kind == "posted" and record["answer"] == 200:
            self.acked |= {name.partition("#")[0] for name in record["events"]}
        elif kind == "accepted":
            known = callbacks.read(record["callback"])
            if known is None:
                self.foreign += 1
            else:
                self.accepted[known[0]].append(record["wamid"])
        elif kind == "status":
            self.reached[record["wamid"]].add(record["status"])


class _Clerk:
    def __init__(self, account: Account, reigns: Sequence[Reign]) -> None:
        self.account = account
        self._starts = [reign.since for reign in reigns]
        self._faults = [reign.fault for reign in reigns]

    def _count(self, name: str, at: float, number: int = 1) -> None:
        place = bisect.bisect(self._starts, at) - 1
        fault = self._faults[place] if place >= 0 else CALM
        self.account.rows.setdefault(fault, Row()).counts[name] += number

    def _wrong(self, what: str, which: Iterable[object]) -> None:
        listed = [str(one) for one in which]
        if listed:
            shown = ", ".join(listed[:3])
            self.account.broken.append(f"{what}: {len(listed)} ({shown})")

    # --- I1, I4: bodies ---------------------------------------------------------------------------

    def bodies(self, meta: _Meta, owner: psycopg.Connection, told: dict[str, bool]) -> None:
        """Acknowledged = stored, once; and after the calm everything was acknowledged."""
        messages = Counter(
            wamid for (wamid,) in owner.execute("SELECT wamid FROM messages WHERE direction = 'in'")
        )
        statuses = set(owner.execute("SELECT wamid, status FROM message_statuses"))
        lost, unheard = [], []
        for name, record in meta.events.items():
            self._count("emitted", record["time"])
            if name not in meta.acked:
                unheard.append(name)
                continue
            self._count("acknowledged", record["time"])
            keys = list(_keys(record["event"]["value"]))
            missing = [
                k for k in keys if (k not in statuses if len(k) == 2 else k[0] not in messages)
            ]
            if missing:
                lost.append(missing[0])
                self._count("silent_loss", record["time"])
            else:
                self._count("stored", record["time"])
            for wamid in (k[0] for k in keys if len(k) == 1 and messages[k[0]] > 1):
                self._count("duplicates", record["time"], messages[wamid] - 1)
        self._wrong("acknowledged and not stored", lost)
        self._wrong("never acknowledged", unheard)
        ours = [wamid for wamid, taken in told.items() if taken]
        self._wrong(
            "our own bodies, acknowledged and not stored", (w for w in ours if not messages[w])
        )
        self._wrong("stored more than once", (w for w, n in messages.items() if w and n > 1))
        self.account.notes["bodies of the harness"] = len(ours)

    # --- I2, I3: sends ----------------------------------------------------------------------------

    def sends(self, meta: _Meta, owner: psycopg.Connection) -> None:
        """Requested = accepted + failed + uncertain + waiting, and Meta agrees."""
        rows = owner.execute(
            "SELECT id, sending, reason, extract(epoch FROM created_at)::float, wamid,"
            " due_at > now() FROM messages WHERE sending IS NOT NULL"
        ).fetchall()
        lost, double, unknown, stuck, late = [], [], [], [], []
        reasons: Counter[str] = Counter()
        for id_, sending, reason, at, wamid, later in rows:
            self._count("requested", at)
            accepts = meta.accepted.pop(id_, [])
            ending = "waiting" if sending in ("queued", "claimed", "waiting", "held") else sending
            self._count(ending, at)
            if sending in ("queued", "claimed") or (
                sending == "waiting" and not (reason and later)
            ):
                stuck.append(f"{id_} {sending} {reason}")
            if ending in ("waiting", "failed", "uncertain", "discarded"):
                reasons[f"{ending} {reason}"] += 1
            if sending == "accepted" and wamid not in accepts:
                lost.append(id_)
                self._count("silent_loss", at)
            if len(accepts) > 1:
                double.append(id_)
                self._count("silent_double", at)
            if ending in ("failed", "waiting", "discarded") and any(
                "failed" not in meta.reached[one] for one in accepts
            ):
                unknown.append(f"{id_} {sending} {reason}")
                self._count("silent_double", at)  # it might be sent again
            if sending == "uncertain" and any(meta.reached[one] for one in accepts):
                late.append(id_)
        self._wrong("accepted here and not at Meta", lost)
        self._wrong("accepted by Meta more than once", double)
        self._wrong("at Meta, and thought not to be", unknown)
        self._wrong("neither ended nor waiting with a reason", stuck)
        self._wrong("uncertain although Meta has told", late)
        self._wrong("at Meta, and unheard of here", meta.accepted)
        self.account.notes["not accepted, by reason"] = dict(sorted(reasons.items()))

    def granted(self, wishes: Iterable[Wish], owner: psycopg.Connection) -> None:
        """What an agent was told is done, is there, once; what was refused, is not."""
        tables = {"send": "messages", "order": "orders"}
        wishes = list(wishes)
        for kind, table in tables.items():
            mine = [wish for wish in wishes if wish.kind == kind]
            found = Counter(
                str(id_)
                for (id_,) in owner.execute(
                    f"SELECT client_id FROM {table} WHERE client_id IS NOT NULL"  # noqa: S608
                )
            )
            ids = [wish.form["client_id"] for wish in mine if wish.granted]
            self._wrong(
                f"{table} that agents were promised, missing", (i for i in ids if not found[i])
            )
            self._wrong(f"{table} made twice", (i for i in ids if found[i] > 1))
            refused = [w for w in mine if not w.open and not w.granted]
            there = (w.form["client_id"] for w in refused if found[w.form["client_id"]])
            self._wrong(f"{table} that agents were refused, made", there)
            self.account.notes[f"{table} asked for, promised, refused, asked again"] = (
                f"{len(mine)}, {len(ids)}, {len(refused)}, {sum(w.tries > 1 for w in mine)}"
            )

    # --- I6: automations --------------------------------------------------------------------------

    def automations(self, owner: psycopg.Connection) -> None:
        """Each order that came to a stage has one run of what that stage sends, and no more.

        But for cancelled ones, which have freed their turn (their trigger is themselves).
        """
        fired = owner.execute("""
            SELECT o.number, a.name, count(DISTINCT r.id),
                count(DISTINCT r.id) FILTER (WHERE r.trigger <> r.id) FROM orders o
            JOIN automations a USING (merchant_id)
            JOIN entries e ON e.merchant_id = o.merchant_id AND e.order_id = o.id
                AND e.to_stage_id = a.stage_id
            LEFT JOIN runs r ON r.merchant_id = o.merchant_id AND r.order_id = o.id
                AND r.automation_id = a.id
            GROUP BY o.merchant_id, o.number, a.name
        """).fetchall()
        never = (f"#{n} {a}" for n, a, runs, _ in fired if not runs)
        self._wrong("automations that never ran", never)
        twice = (f"#{n} {a}" for n, a, _, turns in fired if turns > 1)
        self._wrong("automations that ran twice", twice)
        self.account.notes["automations fired"] = sum(turns for *_, turns in fired)

    # --- I7: charges ------------------------------------------------------------------------------

    def charges(self, invoice: list[Json], owner: psycopg.Connection) -> None:
        """One charge for each message Meta charges or gives away, in Meta's category."""
        ours: dict[str, str] = dict(owner.execute("SELECT wamid, category FROM charges").fetchall())
        theirs = {line["wamid"]: line["pricing"] for line in invoice if line["pricing"]}
        self._wrong("delivered at Meta and not charged", theirs.keys() - ours.keys())
        self._wrong("charged and not on Meta's invoice", ours.keys() - theirs.keys())
        differ = (w for w in theirs.keys() & ours.keys() if ours[w] != theirs[w]["category"])
        self._wrong("charged in another category", differ)
        self.account.notes["charges, Meta's lines"] = f"{len(ours)}, {len(theirs)}"


def _keys(value: Json) -> Iterator[tuple[str, ...]]:
    """(wamid,) of every message and (wamid, status) of every status in a change."""
    for message in value.get("messages") or ():
        if message.get("type") not in _ABOUT_OTHERS:
            yield (message["id"],)
    for status in value.get("statuses") or ():
        yield (status["id"], status["status"])


_ABOUT_OTHERS = ("system",)
