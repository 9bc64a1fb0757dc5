"""The address form, whole: published at Meta, opened on a phone, typed into, sent, read.

The phone's side is the simulator's: it encrypts as Meta does, with the key that was uploaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from bot.simulator import Simulator
from config import settings
from flows import forms
from flows.forms import Known
from models import db
from models.channel import Channel
from models.conversation import Conversation
from models.form import Form, FormState
from models.merchant import Merchant
from models.message import Direction, Message
from tests import factories
from tests.stories.steps import settle

Work = Callable[[], None]
Json = dict[str, Any]
SECRET = "app-secret-of-the-tests"
WHERE = f"/flows/{factories.NUMBER}"


@dataclass
class Shop:
    """A merchant whose form is published, and Fatima, who has written."""

    merchant: Merchant
    sim: Simulator
    work: Work

    def form(self) -> Form:
        with db.merchant(self.merchant.id) as session:
            return session.scalars(select(Form)).one()

    def ask(self, who: str = "fatima", language: str = "fr", known: Known | None = None) -> str:
        """The form is sent to who wrote last; the wamid on their phone."""
        with db.merchant(self.merchant.id) as session:
            conversation = session.scalars(
                select(Conversation).order_by(Conversation.last_message_at.desc()).limit(1)
            ).one()
            label, text = "Mon adresse", "Où livrer ?"
            sent = forms.ask(conversation, text=text, label=label, language=language, known=known)
            assert sent is not None
        settle(self.sim, self.work)
        return self.sim.seen(self.sim.customer(who))[-1].wamid

    def answers(self) -> list[Message]:
        with db.merchant(self.merchant.id) as session:
            wanted = select(Message).where(
                Message.direction == Direction.IN, Message.kind == "interactive"
            )
            return list(session.scalars(wanted.order_by(Message.at, Message.seq)))

    def read(self) -> forms.Filled | None:
        """What the last form that came in says."""
        last = self.answers()[-1].id
        with db.merchant(self.merchant.id) as session:
            return forms.read(session.get_one(Message, (self.merchant.id, last)))


@pytest.fixture
def _reachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An install with an address that Meta takes."""
    monkeypatch.setenv("WASL_BASE_URL", "https://wasl.test")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def shop(_reachable: None, merchant: Merchant, simulator: Simulator, work: Work) -> Shop:
    factories.introduce(merchant, simulator)
    simulator.write("fatima", "Salam", to=factories.NUMBER)
    simulator.deliver()
    with db.merchant(merchant.id) as session:
        forms.request_publish(session.scalars(select(Channel)).one())
    work()
    settle(simulator, work)
    return Shop(merchant, simulator, work)


def field(view: Json, name: str) -> Json:
    return next(part for part in view["parts"] if part.get("name") == name)


def texts(view: Json) -> list[str]:
    return [part["text"] for part in view["parts"] if "text" in part]


TYPED = {"name": "Fatima Zahra", "city": "fes", "line": "12 rue Ibn Sina", "note": "Après 18 h"}


# --- published ------------------------------------------------------------------------------------


def test_a_form_is_published_with_a_key_of_the_number(shop: Shop) -> None:
    form, number = shop.form(), shop.sim.number(factories.NUMBER)

    flow = shop.sim.world.flows[form.flow_id or ""]
    assert (form.state, form.problem, flow.status) == (FormState.PUBLISHED, None, "PUBLISHED")
    assert number.public_key == form.public_key
    assert flow.endpoint == f"{settings().base_url}{WHERE}"
    assert flow.errors == []
    assert b"PRIVATE KEY" not in form.sealed_private_key


# --- filled in ------------------------------------------------------------------------------------


def test_an_address_is_typed_checked_sent_and_read(shop: Shop) -> None:
    wamid = shop.ask()

    first = shop.sim.open_form("fatima", wamid)
    assert field(first, "name")["value"] == "Fatima Zahra El Idrissi"
    assert field(first, "line")["label"] == "Adresse"
    second = shop.sim.fill_form(first["form"], TYPED)
    assert second["screen"] == "SUMMARY"
    assert {"Fès", "12 rue Ibn Sina", "Gratuite"} <= set(texts(second))
    done = shop.sim.fill_form(first["form"], {})
    settle(shop.sim, shop.work)

    assert done["sent"]
    filled = shop.read()
    assert filled is not None
    assert (filled.city, filled.line, filled.note) == ("Fès", "12 rue Ibn Sina", "Après 18 h")
    assert (filled.phone, filled.purpose) == (None, "address")
