"""Whether it can serve, what is watched, and the line on every page that says how it is."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import redis
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from config import settings
from flows import counters, figures, health, heartbeats, outbox
from models import db
from models.envelope import Envelope
from models.heartbeat import Heartbeat
from models.snippet import Snippet
from models.types import utcnow

Browser = Callable[[Any], FlaskClient]


@pytest.fixture(autouse=True)
def _look_anew() -> None:
    health.forget()
    figures.forget()
    counters.flush()
    outbox.connection().delete(counters.KEY)


def beats(kind: str, *, silent: float = 0, busy: float = 0, doing: str = "") -> None:
    """A worker of this kind was heard of `silent` seconds ago."""
    now = utcnow()
    with db.house() as house:
        house.execute(
            insert(Heartbeat).values(
                id=uuid4(),
                kind=kind,
                host="server-one",
                pid=4711,
                started_at=now - timedelta(hours=1),
                beat_at=now - timedelta(seconds=silent),
                doing=doing,
                since=now - timedelta(seconds=busy),
            )
        )


@pytest.fixture
def everybody_works() -> None:
    for kind in heartbeats.KINDS:
        beats(kind)


@pytest.fixture
def without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = redis.Redis.from_url("redis://127.0.0.1:1")
    monkeypatch.setattr(outbox, "connection", lambda: nobody)
    monkeypatch.setattr(health, "hurried", lambda: nobody)


def kept(body: bytes, *, ago: float) -> None:
    """A body came so many seconds ago, and nobody has read it."""
    at = utcnow() - timedelta(seconds=ago)
    with db.house() as house:
        house.execute(insert(Envelope).values(body=body, sha256=body, received_at=at))


# --- /livez and /readyz ---------------------------------------------------------------------------


@pytest.mark.usefixtures("everybody_works")
def test_each_check_tells_its_figure(client: FlaskClient) -> None:
    answer = client.get("/readyz")

    assert client.get("/livez").json == {"status": "ok"}
    assert answer.status_code == 200
    checks = answer.json or {}
    assert checks["database"]["state"] == "ok"
    assert checks["database"]["write_ms"] > 0
    assert checks["disk"]["free_bytes"] > 0
    assert checks["unread"] == {"state": "ok", "oldest_seconds": 0.0}
    assert checks["workers"] == {"state": "ok", "alive": 6, "missing": []}


@pytest.mark.usefixtures("everybody_works", "without_redis")
def test_without_redis_it_is_ready_but_says_so(client: FlaskClient) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert (answer.json or {})["status"] == "degraded"
    assert (answer.json or {})["redis"] == {"state": "unreachable"}


def test_without_the_right_migration_it_is_not_ready(
    client: FlaskClient, owner_connection: psycopg.Connection
) -> None:
    owner_connection.execute("UPDATE alembic_version SET version_num = version_num || '-old'")

    answer = client.get("/readyz")

    owner_connection.execute(
        "UPDATE alembic_version SET version_num = replace(version_num, '-old', '')"
    )
    assert answer.status_code == 503
    assert "run wasl migrate" in answer.text


def test_where_nothing_can_be_written_it_is_not_ready(
    client: FlaskClient, owner_connection: psycopg.Connection
) -> None:
    owner_connection.execute("REVOKE INSERT ON heartbeats FROM wasl_house")

    answer = client.get("/readyz")

    owner_connection.execute("GRANT INSERT ON heartbeats TO wasl_house")
    assert answer.status_code == 503
    assert (answer.json or {})["database"] == {"state": "unreachable"}


@pytest.mark.usefixtures("everybody_works")
def test_however_often_it_is_asked_it_writes_once_a_second(
    client: FlaskClient, owner_connection: psycopg.Connection
) -> None:
    first = client.get("/readyz")

    owner_connection.execute("REVOKE INSERT ON heartbeats FROM wasl_house")
    again = client.get("/readyz")
    health.forget()
    anew = client.get("/readyz")
    owner_connection.execute("GRANT INSERT ON heartbeats TO wasl_house")

    assert [answer.status_code for answer in (first, again, anew)] == [200, 200, 503]


@pytest.mark.usefixtures("everybody_works")
def test_what_nobody_reads_shows(client: FlaskClient) -> None:
    kept(b"old", ago=90)
    kept(b"new", ago=5)

    checks = client.get("/readyz").json or {}

    assert (checks["status"], checks["unread"]["state"]) == ("degraded", "late")
    assert 90 <= checks["unread"]["oldest_seconds"] < 100


# --- /metrics -------------------------------------------------------------------------------------


def metrics(client: FlaskClient, **headers: str) -> dict[str, float]:
    """Every sample by its name and labels, read as Prometheus reads it."""
    text = client.get("/metrics", headers=headers).text
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_webhooks_are_counted_by_what_became_of_them(client: FlaskClient) -> None:
    body = b'{"object": "whatsapp_business_account", "entry": []}'
    signature = hmac.digest(settings().app_secrets[0].encode(), body, "sha256").hex()
    headers = {"X-Hub-Signature-256": f"sha256={signature}"}

    client.post("/webhooks/whatsapp", data=body, headers=headers)
    client.post("/webhooks/whatsapp", data=body)
    client.post("/webhooks/whatsapp", data=b"x" * ((4 << 20) + 1))

    known = metrics(client)
    assert known["wa_webhook_requests_total kept"] == 1
    assert known["wa_webhook_requests_total forbidden"] == 1
    assert known["wa_webhook_requests_total too_large"] == 1
    assert known["wa_webhook_ack_seconds_count"] == 1
    assert known["wa_webhook_ack_seconds_bucket +Inf"] == 1
    assert known["wa_events_unprocessed"] == 1


def test_counts_of_other_processes_add_up(client: FlaskClient) -> None:
    key = json.dumps(["auth_failures_total", "password"])
    outbox.connection().hincrbyfloat(counters.KEY, key, 41)

    client.post("/sign-in", data={"email": "nobody@example.com", "password": "x"})

    assert metrics(client)["auth_failures_total password"] == 42


def test_what_is_counted_without_redis_is_told_when_it_is_back(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = redis.Redis.from_url("redis://127.0.0.1:1")
    with monkeypatch.context() as away:
        away.setattr(outbox, "connection", lambda: nobody)
        counters.count("stock_rejected_total")
        counters.flush()
        assert "stock_rejected_total" not in metrics(client)

    assert metrics(client)["stock_rejected_total"] == 1


def test_durations_fall_under_their_bounds(client: FlaskClient) -> None:
    for seconds in (0.0005, 0.03, 7.0):
        counters.took("wa_webhook_ack_seconds", seconds)

    known = metrics(client)
    assert known["wa_webhook_ack_seconds_bucket 0.001"] == 1
    assert known["wa_webhook_ack_seconds_bucket 0.05"] == 2
    assert known["wa_webhook_ack_seconds_bucket 2.5"] == 2
    assert known["wa_webhook_ack_seconds_bucket +Inf"] == 3
    assert known["wa_webhook_ack_seconds_sum"] == pytest.approx(7.0305)


@pytest.mark.usefixtures("everybody_works")
def test_workers_are_counted_by_how_they_are(client: FlaskClient) -> None:
    beats("ingest", silent=60)
    beats("media", busy=90, doing="media")

    known = metrics(client)
    assert known["wa_workers ingest alive"] == known["wa_workers ingest silent"] == 1
    assert known["wa_workers media stuck"] == 1


def test_a_row_of_another_merchant_is_counted(
    client: FlaskClient, merchant: Any, stranger: Any
) -> None:
    foreign = Snippet(merchant_id=stranger.merchant_id, name="x")

    with pytest.raises(db.ForeignRow), db.merchant(merchant.id) as session:
        session.add(foreign)

    assert metrics(client)["tenant_violation_total"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.5"},
        {"Host": "wasl.example"},
        {"Host": "[::1"},
        {"Via": "1.1 proxy"},
    ],
)
def test_without_a_token_only_this_machine_may_read(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", headers=headers).status_code == 403
    other = {"REMOTE_ADDR": "203.0.113.5"}
    assert client.get("/metrics", environ_overrides=other).status_code == 403


def test_with_a_token_only_who_has_it_may_read(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASL_METRICS_TOKEN", "a-token-of-the-tests")
    settings.cache_clear()
    right = {"Authorization": "Bearer a-token-of-the-tests", "X-Forwarded-For": "203.0.113.5"}
    try:
        assert client.get("/metrics", headers=right).status_code == 200
        assert client.get("/metrics").status_code == 403
        wrong = {"Authorization": "Bearer a-token-of-the-testz"}
        assert client.get("/metrics", headers=wrong).status_code == 403
    finally:
        monkeypatch.undo()
        settings.cache_clear()


# --- the line on every page -----------------------------------------------------------------------


def line(browser: FlaskClient) -> str:
    health.forget()
    return browser.get("/pulse", headers={"Accept-Language": "en"}).text


@pytest.mark.usefixtures("everybody_works")
def test_the_line_is_green_while_everybody_works(signed_in: Browser, owner: Any) -> None:
    assert 'id="pulse"' in signed_in(owner).get("/inbox").text
    assert 'pulse" data-color="green"' in line(signed_in(owner))


@pytest.mark.usefixtures("everybody_works")
def test_a_worker_that_nobody_hears_turns_it_red(
    signed_in: Browser, owner: Any, owner_connection: psycopg.Connection
) -> None:
    silence = "UPDATE heartbeats SET beat_at = beat_at - interval '13 s' WHERE kind = 'ingest'"
    owner_connection.execute(silence)

    told = line(signed_in(owner))

    assert 'pulse" data-color="red"' in told
    assert "wasl worker ingest" in told


@pytest.mark.usefixtures("everybody_works", "without_redis")
def test_without_redis_it_says_that_nothing_is_lost(signed_in: Browser, owner: Any) -> None:
    beats("deliver", busy=300)  # it waits for Redis: it is not stuck

    told = line(signed_in(owner))

    assert "Redis" in told
    assert "wasl worker" not in told


def test_agents_read_a_friendly_sentence_and_nothing_of_the_server(
    signed_in: Browser, agent: Any
) -> None:
    beats("ingest", silent=60)

    told = line(signed_in(agent))

    assert 'pulse" data-color="red"' in told
    assert not any(word in told for word in ("wasl", "server-one", "4711", "ingest"))


@pytest.mark.usefixtures("everybody_works")
def test_a_successor_is_enough_and_a_second_death_is_told(signed_in: Browser, owner: Any) -> None:
    beats("deliver", silent=60)

    told = line(signed_in(owner))

    assert 'pulse" data-color="red"' in told
    assert "wasl worker deliver" in told


def test_pages_look_once_in_three_seconds(
    signed_in: Browser, owner: Any, owner_connection: psycopg.Connection
) -> None:
    browser = signed_in(owner)
    line(browser)
    for kind in heartbeats.KINDS:
        beats(kind)

    assert 'pulse" data-color="red"' in browser.get("/pulse").text
    assert 'pulse" data-color="green"' in line(browser)
