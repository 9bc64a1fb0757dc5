"""bin/dev: all up, kept up, stopped without a trace, found again as it was left."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import sys
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from bin.lib import ports
from tests.setup.conftest import NOWHERE, Clone, kill, until

KEYS = {
    "base_url",
    "live_url",
    "simulator_url",
    "webhook_url",
    "verify_token",
    "app_secret",
    "phone_number_id",
    "waba_id",
    "database_url",
    "numbers",
    "redis_url",
    "users",
}


def test_demo_json_tells_other_programs_where_everything_is(running: Clone) -> None:
    demo = running.demo()

    assert set(demo) == KEYS
    assert demo["base_url"] == f"http://127.0.0.1:{running.port}"
    assert demo["webhook_url"] == f"{demo['base_url']}/webhooks/whatsapp"
    assert demo["users"][0]["email"] == "omar@atlas.example"
    assert _sql(running, "SELECT 1") == (1,)
    assert _valkey(running, "PING") is True


def test_what_is_secret_only_we_may_read(running: Clone) -> None:
    for name in ("demo.json", "secrets.json", "prepared.json", "valkey/valkey.conf"):
        assert stat.S_IMODE((running.var / name).stat().st_mode) == 0o600, name
    for command in running.programs().values():
        assert not any(word in command for word in _secrets(running))


def test_a_database_password_is_asked_for(running: Clone) -> None:
    address = running.demo()["database_url"].replace("+psycopg", "")
    password = address.split(":")[2].split("@")[0]

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(address.replace(password, "wrong"))


def test_valkey_keeps_what_it_is_told_and_throws_nothing_out(running: Clone) -> None:
    settings = _valkey(running, "CONFIG GET", "*")

    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["maxmemory-policy"] == "noeviction"


def test_a_second_start_on_the_same_folder_is_refused(running: Clone) -> None:
    sentence = running.refused("--reset", WASL_PORT=str(ports.free(3)))

    assert sentence.startswith(f"Wasl already runs on {running.var} ")
    assert running.demo_file.exists()


def test_servers_of_your_own_are_used_instead_of_ours(clone: Clone, running: Clone) -> None:
    theirs = running.demo()

    clone.up(DATABASE_URL=theirs["database_url"], REDIS_URL=theirs["redis_url"])

    assert clone.demo()["database_url"] == theirs["database_url"]
    assert clone.demo()["redis_url"] == theirs["redis_url"]
    assert not (clone.var / "postgres").exists()
    assert not (clone.var / "valkey").exists()


def test_a_program_that_dies_is_started_again(running: Clone) -> None:
    died = running.program("worker deliver")

    kill(died)
    until(lambda: running.said().count("worker deliver is at work") == 2)

    assert "deliver | killed by SIGKILL: starting it again in 1 s" in running.said()
    assert running.program("worker deliver") != died


def test_a_database_that_dies_comes_back_at_the_same_address(running: Clone) -> None:
    kill(running.program("bin/postgres -D"))

    until(lambda: _answers(running))

    assert "postgres | killed by SIGKILL" in running.said()


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_no_program_and_no_demo_json(clone: Clone, told: signal.Signals) -> None:
    dev = clone.up()
    assert len(clone.programs()) >= 8

    dev.send_signal(told)

    assert dev.wait(60) == 0
    assert clone.programs() == {}
    assert not clone.demo_file.exists()
    stopped = re.findall(r"\| (\w+) stops", clone.said())
    assert stopped == ["web", "live", "simulator", "ingest", "deliver", "clock"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of such a death")
def test_a_killed_bin_dev_takes_its_children_along_and_the_next_one_waits_for_that(
    clone: Clone,
) -> None:
    started = clone.up()
    left = set(clone.programs())
    started.kill()
    started.wait(10)
    clone.demo_file.unlink()

    clone.up()

    assert left
    assert not left & set(clone.programs())
    assert _answers(clone)


@pytest.mark.skipif(os.geteuid() != 0, reason="others own the folders they work in")
def test_root_may_work_in_a_folder_that_is_closed_to_others(clone: Clone) -> None:
    clone.root.chmod(0o700)

    clone.up(REDIS_URL=NOWHERE["REDIS_URL"])

    assert _answers(clone)


def test_a_restart_finds_everything_as_it_was_and_prepares_nothing_twice(clone: Clone) -> None:
    clone.up()
    assert "seed was here" in clone.said()
    _sql(clone, "CREATE TABLE kept (a int)")
    _valkey(clone, "SET", "kept", "1")
    before = _secrets(clone)
    clone.end()

    clone.up()

    assert _sql(clone, "SELECT count(*) FROM kept") == (0,)
    assert _valkey(clone, "GET", "kept") == b"1"
    assert _secrets(clone) == before
    assert "was here" not in clone.said()


def test_changed_code_migrates_and_seeds_again(clone: Clone) -> None:
    clone.up()
    clone.end()

    with open(clone.root / "cli.py", "a", encoding="utf-8") as code:
        code.write("# changed\n")
    clone.up()

    assert "migrate was here" in clone.said()
    assert "seed was here" in clone.said()


def test_reset_starts_over_and_leaves_what_is_not_ours(clone: Clone) -> None:
    clone.up()
    _sql(clone, "CREATE TABLE gone (a int)")
    before = _secrets(clone)
    (clone.var / "screenshot.png").write_bytes(b"")
    clone.end()

    clone.up("--reset")

    assert _sql(clone, "SELECT to_regclass('gone')") == (None,)
    assert not set(_secrets(clone)) & set(before)
    assert (clone.var / "screenshot.png").exists()


def test_without_shops_it_stays_without_until_it_starts_over(clone: Clone) -> None:
    clone.up("--empty")
    assert clone.demo()["users"] == []
    clone.end()
    with open(clone.root / "cli.py", "a", encoding="utf-8") as code:
        code.write("# changed\n")

    clone.up()
    assert clone.demo()["users"] == []
    clone.end()

    clone.up("--reset")
    assert len(clone.demo()["users"]) == 1
    clone.end()
    assert "holds the demo's shops" in clone.refused("--empty")


def test_a_path_too_long_for_a_socket_gets_a_port_and_a_password(clone: Clone) -> None:
    clone.var = clone.root / ("deep" * 20)
    clone.up(WASL_VAR=str(clone.var), DATABASE_URL=NOWHERE["DATABASE_URL"])

    address = clone.demo()["redis_url"]

    assert address.startswith("redis://:")
    assert _valkey(clone, "PING") is True
    with pytest.raises(redis.AuthenticationError), redis.Redis(port=_port_of(address)) as stranger:
        stranger.ping()


def _sql(clone: Clone, statement: LiteralString) -> tuple[Any, ...] | None:
    address = clone.demo()["database_url"].replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def _valkey(clone: Clone, *command: str) -> Any:
    with redis.Redis.from_url(clone.demo()["redis_url"]) as server:
        return server.execute_command(*command)


def _answers(clone: Clone) -> bool:
    try:
        return _sql(clone, "SELECT 1") == (1,)
    except psycopg.OperationalError:
        return False


def _port_of(address: str) -> int:
    port = urlsplit(address).port
    assert port
    return port


def _secrets(clone: Clone) -> list[str]:
    found: dict[str, str] = json.loads((clone.var / "secrets.json").read_text())
    return list(found.values())
