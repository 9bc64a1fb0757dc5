"""How long the page of Meta's charges takes with a thousand charges in a month, and a million.

    .venv/bin/python -m bench.charges [--sizes 1000,1000000] [--rounds 12] [--plans] [--json]

Each size is a merchant of its own in one database; all charges are of one month, two numbers, 20
templates and 10 automations, and three in a hundred have no price. Pages are asked of the whole web
application in this process. Then deliveries are settled in batches as the ingest worker does.

Bars: p95 of every page at the largest size at most 100 ms.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from bench import servers
from models import db
from models.channel import Channel
from models.types import new_id, utcnow

WITHIN_MS = 100
PAGES = ("/costs", "/costs/unpriced", "/costs/lists", "/settings")
BATCH = 500
PIECES = 40
"""Statements that the charges of a month are inserted by: each leaves sums to be folded."""

# What 1 charge in the series becomes; n runs from 1 on.
FILL = """
INSERT INTO charges (merchant_id, id, channel_id, wamid, template, automation_id, category,
    pricing_model, pricing_type, market, country, amount_micros, currency, reason, source,
    told_by, delivered_at, local_date, month, created_at)
SELECT :merchant, gen_random_uuid(), (CAST(:channels AS uuid[]))[1 + n % 2], 'wamid.' || n,
    CASE WHEN n % 5 < 3 THEN 'modele_' || (n / 7) % 20 END,
    CASE WHEN n % 5 < 2 THEN (CAST(:automations AS uuid[]))[1 + (n / 11) % 10] END,
    CASE n % 5 WHEN 0 THEN 'marketing' WHEN 1 THEN 'utility' WHEN 2 THEN 'utility'
        ELSE 'service' END,
    'PMP', 'regular', 'MA', 'MA',
    CASE WHEN n % 33 = 0 THEN NULL WHEN n % 5 = 3 THEN 0 ELSE 23000 END, 'USD',
    CASE WHEN n % 33 = 0 THEN 'unpriced' WHEN n % 5 = 3 THEN 'free_tier' ELSE 'priced' END,
    CASE WHEN n % 20 = 0 THEN 'estimate' ELSE 'webhook' END, 'delivered',
    CAST(:first AS date) + ((n / 13) % 30) * interval '1 day' + interval '12 hours',
    CAST(:first AS date) + CAST((n / 13) % 30 AS int), CAST(:first AS date), now()
FROM generate_series(CAST(:low AS bigint), CAST(:high AS bigint)) n
"""


def main() -> None:
    options = _options()
    with servers.own():
        from flows import costs

        costs.load_rate_cards()
        say = (lambda *_: None) if options.json else print
        started = time.monotonic()
        shops = {size: _shop(size) for size in options.sizes}
        _analyze()
        say(f"{sum(options.sizes):,} charges in {time.monotonic() - started:.0f} s")
        say(f"{_sums():,} sums")
        pages = _measure(shops, options.rounds)
        settled = _settle(shops[max(shops)][0])
        rows = _export(shops[max(shops)])
        if options.plans:
            _plans(shops[max(shops)][0])
    result = {"pages": pages, "settled_per_s": settled, "csv_rows_per_s": rows}
    print(json.dumps(result) if options.json else _written(result))
    worst = max(times[max(shops)] for times in pages.values())
    sys.exit(0 if worst <= WITHIN_MS else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default="1000,1000000", help="charges of each merchant's month")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--plans", action="store_true", help="show how PostgreSQL finds them")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.sizes = sorted({int(size) for size in options.sizes.split(",")})
    return options


def _shop(size: int) -> tuple[UUID, Any]:
    from flows import costs
    from tests import factories

    merchant = factories.merchant(f"Bench {size}", number=str(size))
    with db.merchant(merchant.id) as session:
        session.add(
            Channel(
                name="Second",
                phone_number_id=f"2{size}",
                waba_id=f"3{size}",
                display_phone_number="+212 520-000002",
                country="MA",
            )
        )
    with db.merchant(merchant.id) as session:
        channels = list(session.scalars(select(Channel.id)))
        facts = {
            "merchant": merchant.id,
            "channels": channels,
            "automations": [new_id() for _ in range(10)],
            "first": utcnow().date().replace(day=1),
        }
    step = max(size // PIECES, 1)
    for low in range(1, size + 1, step):
        with db.merchant(merchant.id) as session:
            session.execute(text(FILL), facts | {"low": low, "high": min(low + step - 1, size)})
        costs.fold()  # as the clock does every minute
    return merchant.id, factories.member(merchant, "owner")


def _sums() -> int:
    with db.house() as house:
        return int(house.scalar(text("SELECT count(*) FROM spendings")) or 0)


def _analyze() -> None:
    import psycopg

    from config import settings

    address = settings().database_url.replace("+psycopg", "", 1)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _measure(shops: dict[int, tuple[UUID, Any]], rounds: int) -> dict[str, dict[int, float]]:
    from tests import factories
    from wsgi import wasl

    app = wasl()
    browsers = {size: factories.browser(app, owner) for size, (_, owner) in shops.items()}
    took: dict[tuple[str, int], list[float]] = {}
    for turn in range(rounds + 2):
        for size, browser in browsers.items():
            for page in PAGES:
                started = time.perf_counter()
                answer = browser.get(page)
                if answer.status_code != 200:
                    raise SystemExit(f"{page} answered {answer.status}")
                if turn >= 2:  # the first two warm caches and plans
                    took.setdefault((page, size), []).append(time.perf_counter() - started)
    result: dict[str, dict[int, float]] = {}
    for (page, size), times in took.items():
        p95 = sorted(times)[int(len(times) * 0.95)]
        result.setdefault(page, {})[size] = round(p95 * 1000, 1)
    return result


def _settle(merchant_id: UUID) -> int:
    """Deliveries settled in a second, in batches of 500, each told twice."""
    from flows import costs

    with db.merchant(merchant_id) as session:
        channel_id = session.scalars(select(Channel.id)).first()
    assert channel_id is not None  # noqa: S101 - made above
    at = datetime.now(UTC) - timedelta(minutes=1)
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < 8:
        told = [
            costs.Delivery(
                channel_id=channel_id,
                wamid=f"wamid.new.{count + n}",
                delivered_at=at,
                phone="+212661234567",
                pricing={"type": "regular", "category": "utility"},
            )
            for n in range(BATCH)
        ]
        for _ in range(2):
            with db.merchant(merchant_id):
                costs.settle(told)
        count += BATCH
    return round(count / (time.perf_counter() - started))


def _export(shop: tuple[UUID, Any]) -> int:
    from tests import factories
    from wsgi import wasl

    answer = factories.browser(wasl(), shop[1]).get("/costs/charges.csv")
    started = time.perf_counter()
    rows = sum(piece.count(b"\n") for piece in answer.response)
    return round(rows / (time.perf_counter() - started))


def _plans(merchant_id: UUID) -> None:
    questions = {
        "the month": "SELECT category, sum(messages) FROM spendings"
        " WHERE local_date BETWEEN date_trunc('month', now()) AND now() GROUP BY 1",
        "the first month": "SELECT min(month) FROM charges",
        "without a price": "SELECT * FROM charges WHERE month = date_trunc('month', now())::date"
        " AND amount_micros IS NULL ORDER BY id LIMIT 50",
        "what could be priced": "SELECT currency, country, category, local_date, sum(messages)"
        " FROM spendings WHERE reason = 'unpriced' GROUP BY 1, 2, 3, 4",
    }
    with db.merchant(merchant_id) as session:
        for name, question in questions.items():
            print(f"\n{name}")
            for line in session.scalars(text(f"EXPLAIN (ANALYZE, BUFFERS OFF) {question}")):
                print(f"  {line}")


def _written(result: dict[str, Any]) -> str:
    lines = [
        f"{page:20} " + "  ".join(f"{size:>9,}: {ms:6.1f} ms" for size, ms in times.items())
        for page, times in result["pages"].items()
    ]
    lines.append(
        f"settled              {result['settled_per_s']:,} deliveries a second, told twice"
    )
    lines.append(f"charges.csv          {result['csv_rows_per_s']:,} rows a second")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
