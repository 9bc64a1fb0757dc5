"""Talks with the bot in four languages, played over the simulator and real workers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.simulator import Simulator
from config import settings
from models.merchant import Merchant
from tests import factories
from tests.bot.play import Play, Script, scripts
from tests.stories.steps import Work

SCRIPTS = list(scripts())


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody waits four seconds for a customer to stop typing."""
    monkeypatch.setenv("WASL_TIMER_SPEED", "86400")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def shop(hurried: None, simulator: Simulator) -> Merchant:
    return factories.demo_shop()


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.title for script in SCRIPTS])
def test_a_talk_goes_as_its_script_says(
    script: Script, shop: Merchant, simulator: Simulator, work: Work
) -> None:
    play = Play(shop, simulator, work)
    try:
        play.perform(script)
    finally:
        play.end()
