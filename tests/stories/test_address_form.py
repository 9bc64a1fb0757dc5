"""A customer who hides her number gives her address in the form, and the agent reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import select

from bot.simulator import Simulator, demo
from cli import wasl
from config import settings
from flows import forms
from flows.forms import Known
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Direction, Message
from models.user import Membership
from tests import factories
from tests.stories.steps import Work, broken, only, settle


@pytest.fixture
def published(shop: Merchant, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Result:
    """The terminal's word on the form, from an install that Meta can reach."""
    monkeypatch.setenv("WASL_BASE_URL", "https://wasl.test")
    settings.cache_clear()
    done = CliRunner().invoke(wasl, ["flow", "publish", "--channel", demo.ATLAS_ONE])
    monkeypatch.undo()
    settings.cache_clear()
    return done


def sheet(simulator: Simulator, **typed: str) -> dict[str, Any]:
    """The form on Nadia's phone, as far as this brings her."""
    wamid = simulator.seen(simulator.customer("nadia"))[-1].wamid
    opened = simulator.open_form("nadia", wamid)
    return simulator.fill_form(opened["form"], typed)


def test_an_address_comes_from_the_form_to_the_agents_screen(
    shop: Merchant,
    simulator: Simulator,
    work: Work,
    signed_in: Callable[[Membership], FlaskClient],
    published: Result,
) -> None:
    assert published.exit_code == 0, published.output
    simulator.write("nadia", "Bonjour ! Le foulard, à Rabat svp", to=demo.ATLAS_ONE)
    settle(simulator, work)
    with db.merchant(shop.id):
        asked = forms.ask(
            only(Conversation),
            text="Où livrons-nous votre foulard ?",
            label="Mon adresse",
            language="fr",
            known=Known(city="Rabat", total=18_000),
            purpose="order",
        )
    assert asked is not None
    settle(simulator, work)

    wrong = sheet(simulator, name="Nadia B.", phone="0664", line="3 rue Patrice Lumumba")
    assert wrong["screen"] == "ADDRESS"
    right = simulator.fill_form(wrong["form"], {"phone": "06 64 56 78 90", "note": "Après 18 h"})
    assert right["screen"] == "SUMMARY"
    simulator.fill_form(wrong["form"], {})
    settle(simulator, work)

    with db.merchant(shop.id) as session:
        came = session.scalars(
            select(Message).where(Message.direction == Direction.IN, Message.kind == "interactive")
        ).one()
        filled = forms.read(came)
    assert filled is not None
    assert (filled.name, filled.phone, filled.city) == ("Nadia B.", "+212664567890", "Rabat")
    assert (filled.line, filled.purpose) == ("3 rue Patrice Lumumba", "order")
    agent = factories.member(shop, "confirmation_agent")
    page = signed_in(agent).get(f"/inbox/{came.conversation_id}").text
    for said in ("Note au livreur", "Après 18 h", "3 rue Patrice Lumumba"):
        assert said in page, said
    assert "f1." not in page
    assert broken() == []
