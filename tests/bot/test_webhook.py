"""Meta's door: what gets in, what does not, and that 200 means "on disk"."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.engine import make_url

from bot import webhook
from bot.envelopes import Envelopes, NotKept
from config import settings
from flows import outbox

WHERE = "/webhooks/whatsapp"
SECRET = "app-secret-of-the-tests"
PREVIOUS = "the-secret-before-it"


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()


def post(app: Flask, body: bytes, signature: str | None = None) -> int:
    headers = {"X-Hub-Signature-256": sign(body) if signature is None else signature}
    return app.test_client().post(WHERE, data=body, headers=headers).status_code


@pytest.fixture
def kept(owner_connection: psycopg.Connection) -> Callable[[], list[bytes]]:
    def bodies() -> list[bytes]:
        return [
            row[0] for row in owner_connection.execute("SELECT body FROM envelopes ORDER BY id")
        ]

    return bodies


@pytest.fixture
def envelopes() -> Iterator[Envelopes]:
    address = settings().database_url.replace("+psycopg", "")
    own = Envelopes(address, patience=0.3, waiting=3)
    yield own
    own.close()


# --- the challenge --------------------------------------------------------------------------------


def test_meta_gets_its_challenge_back_for_the_right_token(client: FlaskClient) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}

    answer = client.get(WHERE, query_string=asked | {"hub.verify_token": settings().verify_token})

    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.content_type.startswith("text/plain")


@pytest.mark.parametrize("token", ["", "wrong", "vérité", "verify-token-of-the-test"])
def test_a_wrong_token_gets_no_challenge(client: FlaskClient, token: str) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": token}

    answer = client.get(WHERE, query_string=asked)

    assert answer.status_code == 403
    assert "1158201444" not in answer.text


def test_the_right_token_without_the_mode_gets_no_challenge(client: FlaskClient) -> None:
    asked = {"hub.challenge": "1", "hub.verify_token": settings().verify_token}

    assert client.get(WHERE, query_string=asked).status_code == 403


# --- the signature --------------------------------------------------------------------------------


def test_a_signed_body_is_kept_byte_for_byte(app: Flask, kept: Callable[[], list[bytes]]) -> None:
    body = b'{"entry": [ ],\xff\x00 "not": json}'

    assert post(app, body) == 200
    assert kept() == [body]


def test_the_previous_secret_is_still_valid(app: Flask, kept: Callable[[], list[bytes]]) -> None:
    assert post(app, b"{}", sign(b"{}", PREVIOUS)) == 200
    assert kept() == [b"{}"]


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha256=é",
        "sha256=" + "0" * 64,
        sign(b"{}").removeprefix("sha256="),
        sign(b"{}").replace("sha256", "sha1"),
        sign(b"{}")[:-1],
        sign(b"{ }"),
        sign(b"{}", "somebody else's secret"),
        sign(b"{}", ""),
    ],
)
def test_a_body_that_meta_did_not_sign_is_refused_and_not_kept(
    app: Flask, kept: Callable[[], list[bytes]], signature: str
) -> None:
    assert post(app, b"{}", signature) == 403
    assert kept() == []


def test_the_signature_is_of_the_bytes_not_of_their_meaning(app: Flask) -> None:
    assert post(app, '{"é":1}'.encode(), sign(rb'{"\u00e9":1}')) == 403


def test_meta_is_given_no_cookie_and_needs_none(client: FlaskClient) -> None:
    answer = client.post(WHERE, data=b"{}", headers={"X-Hub-Signature-256": sign(b"{}")})

    assert "Set-Cookie" not in answer.headers


# --- the size -------------------------------------------------------------------------------------


def test_four_megabytes_are_kept(app: Flask, kept: Callable[[], list[bytes]]) -> None:
    body = os.urandom(webhook.LARGEST)

    assert post(app, body) == 200
    assert kept() == [body]


def test_a_longer_body_is_refused_by_its_length_before_it_is_read(client: FlaskClient) -> None:
    unread = BytesIO(b"x" * 10)
    named = {"CONTENT_LENGTH": str(webhook.LARGEST + 1), "wsgi.input": unread}

    answer = client.post(WHERE, environ_overrides=named)

    assert answer.status_code == 413
    assert unread.tell() == 0


def test_a_longer_body_without_a_length_is_refused_where_the_limit_is(
    client: FlaskClient, kept: Callable[[], list[bytes]]
) -> None:
    body = b"x" * (webhook.LARGEST + 100_000)
    stream = BytesIO(body)
    chunked = {"wsgi.input": stream, "wsgi.input_terminated": True}
    chunked |= {"HTTP_TRANSFER_ENCODING": "chunked", "HTTP_X_HUB_SIGNATURE_256": sign(body)}

    answer = client.post(WHERE, environ_overrides=chunked)

    assert answer.status_code == 413
    assert stream.tell() == webhook.LARGEST + 1
    assert kept() == []


def test_a_chunked_body_is_kept(client: FlaskClient, kept: Callable[[], list[bytes]]) -> None:
    chunked = {"wsgi.input": BytesIO(b"{}"), "wsgi.input_terminated": True}

    answer = client.post(
        WHERE, environ_overrides=chunked | {"HTTP_X_HUB_SIGNATURE_256": sign(b"{}")}
    )

    assert answer.status_code == 200
    assert kept() == [b"{}"]


# --- once, and on disk ----------------------------------------------------------------------------


def test_a_body_replayed_five_times_at_once_is_kept_once(
    app: Flask, kept: Callable[[], list[bytes]]
) -> None:
    with ThreadPoolExecutor(5) as five:
        answers = list(five.map(lambda _: post(app, b'{"a":1}'), range(5)))

    assert answers == [200] * 5
    assert kept() == [b'{"a":1}']


def test_many_bodies_at_once_are_all_kept(app: Flask, kept: Callable[[], list[bytes]]) -> None:
    bodies = [b'{"n":%d}' % n for n in range(60)]

    with ThreadPoolExecutor(20) as twenty:
        answers = list(twenty.map(lambda body: post(app, body), bodies))

    assert answers == [200] * 60
    assert sorted(kept()) == sorted(bodies)


def test_the_worker_is_nudged_once_for_what_is_new(app: Flask) -> None:
    post(app, b'{"a":1}')
    post(app, b'{"a":1}')

    assert outbox.queue("ingest").count == 1


def test_no_200_before_the_commit(app: Flask, kept: Callable[[], list[bytes]]) -> None:
    with ThreadPoolExecutor(1) as one:
        with table_locked() as somebody_waits:
            answer = one.submit(post, app, b"{}")
            somebody_waits()
            answered_early = answer.done()

        assert (answered_early, answer.result()) == (False, 200)
    assert kept() == [b"{}"]


def test_who_waits_too_long_is_told_to_come_again_and_the_next_are_served(
    envelopes: Envelopes, kept: Callable[[], list[bytes]]
) -> None:
    with ThreadPoolExecutor(2) as two:
        with table_locked() as somebody_waits:
            first = two.submit(envelopes.keep, b"first")
            somebody_waits()
            with pytest.raises(NotKept):
                envelopes.keep(b"too late")
        first.result()
        envelopes.keep(b"next")

    assert kept() == [b"first", b"next"]


def test_what_waits_is_committed_together_by_the_next_leader(
    envelopes: Envelopes, kept: Callable[[], list[bytes]], owner_connection: psycopg.Connection
) -> None:
    envelopes._patience = 10
    with ThreadPoolExecutor(4) as four:
        waiting = held_back(envelopes, four, [b"1", b"2", b"3", b"4"])

    assert [future.exception() for future in waiting] == [None] * 4
    commits = owner_connection.execute("SELECT DISTINCT received_at FROM envelopes").fetchall()
    assert (len(kept()), len(commits)) == (4, 2)


def test_when_too_many_wait_the_next_is_refused_at_once(envelopes: Envelopes) -> None:
    envelopes._patience = 10
    with ThreadPoolExecutor(4) as four:
        with table_locked() as somebody_waits:
            started = [four.submit(envelopes.keep, b"first")]
            somebody_waits()
            started += [four.submit(envelopes.keep, b"%d" % n) for n in range(3)]
            until(lambda: len(envelopes._queue) == 3)
            with pytest.raises(NotKept):
                envelopes.keep(b"one too many")

        assert [future.exception() for future in started] == [None] * 4


def test_a_body_the_table_refuses_stops_no_other(
    envelopes: Envelopes, kept: Callable[[], list[bytes]], owner_connection: psycopg.Connection
) -> None:
    envelopes._patience = 10
    owner_connection.execute(
        "ALTER TABLE envelopes ADD CONSTRAINT poison CHECK (body <> 'poison'::bytea)"
    )
    try:
        with ThreadPoolExecutor(4) as four:
            first, good, poison, better = held_back(
                envelopes, four, [b"first", b"good", b"poison", b"better"]
            )
        assert isinstance(poison.exception(), NotKept)
        assert [first.exception(), good.exception(), better.exception()] == [None] * 3
        assert kept() == [b"first", b"good", b"better"]
    finally:
        owner_connection.execute("ALTER TABLE envelopes DROP CONSTRAINT poison")


def test_a_database_that_restarted_in_between_is_found_again(
    app: Flask, kept: Callable[[], list[bytes]]
) -> None:
    post(app, b'{"before":1}')
    hang_up()

    assert post(app, b'{"after":1}') == 200
    assert len(kept()) == 2


def test_without_a_database_meta_is_told_to_come_again(
    app: Flask, kept: Callable[[], list[bytes]]
) -> None:
    post(app, b'{"before":1}')

    with database_closed():
        gone = post(app, b'{"during":1}')
    back = post(app, b'{"during":1}')

    assert (gone, back) == (503, 200)
    assert kept() == [b'{"before":1}', b'{"during":1}']


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_does_not_speak_over_its_parents_connection(
    app: Flask, kept: Callable[[], list[bytes]]
) -> None:
    post(app, b"parent")

    child = os.fork()
    if child == 0:
        os._exit(connections() if post(app, b"child") == 200 else 99)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 2
    assert post(app, b"parent again") == 200
    assert kept() == [b"parent", b"child", b"parent again"]


# --- a table nobody can write to, a database nobody can reach -------------------------------------


@contextmanager
def table_locked() -> Iterator[Callable[[], None]]:
    """Nobody can write to envelopes; yields what returns once somebody waits for it."""
    address = settings().database_url.replace("+psycopg", "")
    waits = "SELECT 1 FROM pg_locks WHERE relation = 'envelopes'::regclass AND NOT granted"
    with psycopg.connect(address) as lock:
        lock.execute("LOCK TABLE envelopes IN ACCESS EXCLUSIVE MODE")
        yield lambda: until(lambda: lock.execute(waits).fetchone() is not None)


def held_back(
    envelopes: Envelopes, pool: ThreadPoolExecutor, bodies: list[bytes]
) -> list[Future[None]]:
    """The first body is being written while the others, one after the other, come to wait."""
    with table_locked() as somebody_waits:
        started = [pool.submit(envelopes.keep, bodies[0])]
        somebody_waits()
        for n, body in enumerate(bodies[1:], 1):
            started.append(pool.submit(envelopes.keep, body))
            until(lambda n=n: len(envelopes._queue) == n)  # type: ignore[misc]
    return started


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def hang_up() -> None:
    with psycopg.connect(somewhere_else(), autocommit=True) as above:
        above.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'wasl webhook' AND datname = %s",
            [make_url(settings().database_url).database],
        )


def connections() -> int:
    """How many connections of the door this database has."""
    with psycopg.connect(somewhere_else()) as above:
        found = above.execute(
            "SELECT FROM pg_stat_activity WHERE application_name = 'wasl webhook' AND datname = %s",
            [make_url(settings().database_url).database],
        )
        return found.rowcount


@contextmanager
def database_closed() -> Iterator[None]:
    name = make_url(settings().database_url).database
    with psycopg.connect(somewhere_else(), autocommit=True) as above:
        above.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            hang_up()
            yield
        finally:
            above.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def somewhere_else() -> str:
    elsewhere: Any = make_url(settings().database_url).set(
        drivername="postgresql", database="postgres"
    )
    return str(elsewhere.render_as_string(hide_password=False))
