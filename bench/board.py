"""How long the views of the orders take, whether a shop has 1,000 orders or 100,000.

    .venv/bin/python -m bench.board [--sizes 1000,10000,100000] [--rounds 12] [--json]

Three shops stand in one database of its own, so that the small one's rows lie among the large
one's. Pages are asked of the whole web application in this process (so that its SQL can be
counted), in turns; orders are then taken and moved by ten people at once over HTTP, on granian
with two workers, in the largest shop, without the workers that would send the messages.

Bars: p95 at the largest size at most 100 ms, and at most 1.5 times or 20 ms more than at the
smallest; the same number of SQL statements at every size; an order taken within 1 s (p95). The
floor is /settings, an empty page for somebody signed in, asked in the same turns.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from sqlalchemy import Engine, event, select

from bench import servers, staff
from models import db
from models.conversation import Conversation
from models.order import Order
from models.pipeline import Stage, SystemState
from models.user import Membership

WITHIN_MS, TIMES, MORE_MS, CREATED_WITHIN_MS = 100, 1.5, 20, 1000
SEARCHES = ("moh", "zineb benn", "06 61", "+212 6 61", "0790", "محمد العلوي", "fatima", "AM0000")
FLOOR = "floor"

Result = dict[str, dict[int, dict[str, Any]]]


def main() -> None:
    options = _options()
    with servers.own():
        from bench.shop import open_shop, owner

        say = (lambda *_: None) if options.json else print
        started = time.monotonic()
        shops = {size: open_shop(n, size) for n, size in enumerate(options.sizes, 1)}
        with owner() as connection:
            connection.commit()
            connection.autocommit = True
            connection.execute("VACUUM ANALYZE")
        say(f"{sum(options.sizes):,} orders made in {time.monotonic() - started:.0f} s")
        pages = _measure(shops, options.rounds)
        load = _load(shops[max(shops)], options.seconds)
    if options.json:
        print(json.dumps(pages | load))
    else:
        _report(pages, load)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000", help="orders of each shop")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=8, help="of taking, of moving orders")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.sizes = sorted({int(size) for size in options.sizes.split(",")})
    return options


# --- looking --------------------------------------------------------------------------------------


def _measure(shops: dict[int, Any], rounds: int) -> Result:
    from wsgi import wasl

    app = wasl()
    browsers = {size: app.test_client() for size in shops}
    asked: dict[int, dict[str, list[str]]] = {}
    for size, shop in shops.items():
        browsers[size].set_cookie("wasl", staff.signed_in(shop.agents[0]))
        asked[size] = _addresses(shop)
    took: dict[tuple[str, int], list[float]] = {}
    sql: dict[tuple[str, int], dict[str, int]] = {}
    for turn in range(rounds + 2):
        for size, browser in browsers.items():
            for page, addresses in asked[size].items():
                for address in addresses:
                    seconds, statements = _ask(browser, address)
                    if turn >= 2:  # the first two warm caches and plans
                        took.setdefault((page, size), []).append(seconds)
                        # The least of its turns: once a minute a session also says it is alive.
                        known = sql.setdefault((page, size), {})
                        known[address] = min(statements, known.get(address, statements))
    result: Result = {}
    for (page, size), times in took.items():
        facts = {"p95_ms": round(_p95(times), 1), "sql": max(sql[page, size].values())}
        result.setdefault(page, {})[size] = facts
    return result


def _addresses(shop: Any) -> dict[str, list[str]]:
    """What people look at; the deep page begins in the middle of the shop's life."""
    with db.merchant(shop.merchant) as session:
        middle = select(Order).order_by(Order.created_at).offset(shop.size // 2).limit(1)
        order = session.scalars(middle).one()
    from inbox.conversations.asked import write_place

    deep = write_place((order.created_at, order.id))
    return {
        "kanban": ["/board"],
        "table": [
            "/orders",
            "/orders?status=pending&agent=nobody",
            "/orders?source=phone&payment=online",
            "/orders?city=Dakhla&status=delivered",
            "/orders?flag=any",
            "/orders?status=delivered&source=whatsapp",
            f"/orders?below={deep}",
            f"/orders?status=returned&below={deep}",
            "/orders?status=pending&sort=longest",
        ],
        "call_centre": ["/calls"],
        "search": [f"/orders?q={quote(text)}" for text in SEARCHES]
        + [f"/orders/search?q={quote(text)}" for text in SEARCHES],
        FLOOR: ["/settings"],
    }


def _ask(browser: Any, address: str) -> tuple[float, int]:
    with _statements() as count:
        started = time.perf_counter()
        answer = browser.get(address)
        took = time.perf_counter() - started
    if answer.status_code != 200:
        raise SystemExit(f"{address} answered {answer.status}")
    return took, count()


@contextmanager
def _statements() -> Iterator[Callable[[], int]]:
    seen = 0

    def note(*_: Any) -> None:
        nonlocal seen
        seen += 1

    event.listen(Engine, "before_cursor_execute", note)
    yield lambda: seen
    event.remove(Engine, "before_cursor_execute", note)


# --- ten people at once ---------------------------------------------------------------------------


class Agent:
    """Somebody with a browser of their own, over HTTP."""

    def __init__(self, port: int, who: Membership) -> None:
        self.web = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.headers = {
            "Cookie": f"wasl={staff.signed_in(who)}",
            "Sec-Fetch-Site": "same-origin",
            "HX-Request": "true",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        self.took: list[float] = []

    def post(self, address: str, form: dict[str, str]) -> None:
        started = time.perf_counter()
        self.web.request("POST", address, urlencode(form), self.headers)
        answer = self.web.getresponse()
        body = answer.read()
        self.took.append(time.perf_counter() - started)
        if answer.status >= 300:
            raise SystemExit(f"{address} answered {answer.status}: {body[:300]!r}")


def _load(shop: Any, seconds: float) -> dict[str, Any]:
    talks, orders, stages = _within(shop)
    with servers.granian() as port:
        creating = _together(shop, port, seconds, _taking(shop, talks))
        moving = _together(shop, port, seconds, _moving(orders, stages))
    created = [one for agent in creating for one in agent.took]
    moved = [one for agent in moving for one in agent.took]
    return {
        "creations_per_s": round(len(created) / seconds, 1),
        "create_p95_ms": round(_p95(created), 1),
        "moves_per_s": round(len(moved) / seconds, 1),
        "move_p95_ms": round(_p95(moved), 1),
    }


def _within(shop: Any) -> tuple[list[UUID], list[int], dict[SystemState, UUID]]:
    with db.merchant(shop.merchant) as session:
        talks = session.scalars(select(Conversation.id).order_by(Conversation.id).limit(5000)).all()
        stages = {one.state: one.id for one in session.scalars(select(Stage)) if one.state}
        new = Order.stage_id == stages[SystemState.NEW]
        orders = session.scalars(select(Order.number).where(new).limit(400)).all()
    return list(talks), list(orders), stages


def _together(shop: Any, port: int, seconds: float, work: Callable[[int], Any]) -> list[Agent]:
    agents = [Agent(port, who) for who in shop.agents]

    steps = [work(place) for place in range(len(agents))]
    for agent, step in zip(agents, steps, strict=True):
        step(agent)
        agent.took.clear()  # the first request of each warms its connection

    def busy(place: int) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            steps[place](agents[place])

    with ThreadPoolExecutor(len(agents)) as pool:
        for done in [pool.submit(busy, place) for place in range(len(agents))]:
            done.result()
    return agents


def _taking(shop: Any, talks: list[UUID]) -> Callable[[int], Callable[[Agent], None]]:
    """An order out of a conversation: card, stock, its message, words, sums, everybody's bell."""

    def work(place: int) -> Callable[[Agent], None]:
        chance = random.Random(place)

        def take(agent: Agent) -> None:
            product, variant = chance.choice(shop.products)
            form = staff.order(chance, product, variant)
            agent.post(f"/conversations/{chance.choice(talks)}/orders", form)

        return take

    return work


def _moving(
    orders: list[int], stages: dict[SystemState, UUID]
) -> Callable[[int], Callable[[Agent], None]]:
    """Each agent takes their own orders to be confirmed and back to new."""

    def work(place: int) -> Callable[[Agent], None]:
        own, turn = orders[place::10], 0

        def move(agent: Agent) -> None:
            nonlocal turn
            there = SystemState.NEW if (turn // len(own)) % 2 else SystemState.TO_CONFIRM
            number = own[turn % len(own)]
            turn += 1
            agent.post(f"/orders/{number}/stage", {"stage": str(stages[there])})

        return move

    return work


# --- telling --------------------------------------------------------------------------------------


def _p95(seconds: list[float]) -> float:
    return sorted(seconds)[max(0, int(len(seconds) * 0.95) - 1)] * 1000


def _report(pages: Result, load: dict[str, Any]) -> None:
    sizes = sorted(next(iter(pages.values())))
    print("p95 in ms (SQL statements)" + "".join(f"{size:>16,}" for size in sizes) + "   bar")
    failed = False
    for page, by_size in pages.items():
        cells = [f"{by_size[s]['p95_ms']:8.1f} ({by_size[s]['sql']:>2})" for s in sizes]
        small, large = by_size[sizes[0]]["p95_ms"], by_size[sizes[-1]]["p95_ms"]
        flat = large <= max(small * TIMES, small + MORE_MS)
        same = len({by_size[s]["sql"] for s in sizes}) == 1
        held = large <= WITHIN_MS and flat and same
        failed |= not held
        verdict = "held" if held else "NOT HELD"
        row = "".join(f"{cell:>16}" for cell in cells)
        print(f"{page:26}{row}   {verdict}, × {large / small:.2f}")
    held = load["create_p95_ms"] <= CREATED_WITHIN_MS
    print(
        f"ten people at once: {load['creations_per_s']} orders/s taken, p95"
        f" {load['create_p95_ms']} ms ({'held' if held else 'NOT HELD'});"
        f" {load['moves_per_s']} moves/s, p95 {load['move_p95_ms']} ms"
    )
    if failed or not held:
        sys.exit(1)


if __name__ == "__main__":
    main()
