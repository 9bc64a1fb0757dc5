"""What the lock files say is installed once, and again only when they change."""

from __future__ import annotations

import re
import resource
import subprocess
import sys

import pytest

from tests.setup.conftest import LOCKS, NOWHERE, ROOT, Clone


def test_a_second_start_installs_nothing(clone: Clone) -> None:
    clone.up(**NOWHERE)
    clone.end()
    first = clone.installed()

    clone.up(**NOWHERE)

    assert len(first) == 3
    assert clone.installed() == first


def test_a_changed_lock_file_is_installed_again(clone: Clone) -> None:
    clone.up(**NOWHERE)
    clone.end()
    before = clone.installed()

    with open(clone.root / "requirements.lock", "a", encoding="utf-8") as lock:
        lock.write("# changed\n")
    clone.up(**NOWHERE)

    assert [call.split()[:2] for call in clone.installed()[len(before) :]] == [["pip", "install"]]


def test_a_server_installs_and_starts_nothing(clone: Clone) -> None:
    started = clone.dev("--install")

    assert started.wait(60) == 0, clone.said()
    assert len(clone.installed()) == 3
    assert not clone.var.exists()


def test_packages_are_taken_by_their_hashes_and_never_built(clone: Clone) -> None:
    clone.up(**NOWHERE)

    for call in clone.installed()[:2]:
        assert "--require-hashes --only-binary :all:" in call
    assert "ci --ignore-scripts" in clone.installed()[2]


def test_where_uv_cannot_do_it_pip_does(clone: Clone) -> None:
    clone.uv_says("error: this processor is unknown to me")

    clone.up(**NOWHERE)

    last = [call for call in clone.installed() if "requirements.lock" in call][-1]
    assert last.startswith("pip install --disable-pip-version-check")


def test_the_check_of_what_is_installed_costs_less_than_a_second(clone: Clone) -> None:
    check = [sys.executable, "-c", "from bin.lib import install; install.ready(install.PRODUCT)"]
    subprocess.run(check, cwd=clone.root, check=True)

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(check, cwd=clone.root, check=True)

    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


@pytest.mark.parametrize("name", ["requirements-test.lock", "requirements-browser.lock"])
def test_every_lock_file_pins_the_same_versions(name: str) -> None:
    product = _pins("requirements.lock")
    wider = _pins(name)

    assert product
    assert {package: wider.get(package) for package in product} == product


@pytest.mark.parametrize("path", [*LOCKS, ROOT / "package-lock.json"], ids=lambda path: path.name)
def test_no_lock_file_names_a_host(path: object) -> None:
    text = (ROOT / str(path)).read_text(encoding="utf-8")

    assert not re.search(r"https?://", text)


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))
