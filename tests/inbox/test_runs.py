"""The page of sent messages."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from flows import runs
from models import db
from models.automation import Run, RunState
from models.merchant import Merchant
from models.message import Sending
from models.pipeline import SystemState
from models.types import utcnow
from models.user import Membership
from tests.flows import shop

Browser = Callable[[Membership], FlaskClient]
TO_CONFIRM = SystemState.TO_CONFIRM
ENGLISH = {"Accept-Language": "en"}
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def asked(merchant: Merchant) -> Callable[..., Run]:
    """An order whose customer was sent something; keywords are columns of the message."""
    with db.merchant(merchant.id):
        shop.automation()

    def ask(*, replied: str | None = None, **message: Any) -> Run:
        with db.merchant(merchant.id):
            order = shop.order((None, 1), on=TO_CONFIRM, talk=shop.conversation())
            (run,) = shop.runs_of(order)
            assert run.message is not None
            for name, value in message.items():
                setattr(run.message, name, value)
            if replied:
                run.replied_at, run.reply = utcnow(), replied
        return run

    return ask


def row(page: str, run: Run) -> str:
    return page[page.index(f'id="run-{run.id}"') :].partition("</tr>")[0]


def listed(page: str) -> list[str]:
    return re.findall(r'id="run-([^"]+)"', page)


def test_each_send_shows_order_customer_automation_text_and_state(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked()

    shown = row(signed_in(agent).get("/runs", headers=ENGLISH).text, run)

    assert re.search(r'<a href="/orders/\d+" data-item><bdi dir="ltr">#\d+</bdi>', shown)
    for text in (
        "<bdi>Fatima Zahra El Idrissi</bdi>",
        "<bdi>Demande de confirmation</bdi>",
        "Bonjour Fatima, votre commande",
        "Scheduled",
    ):
        assert text in shown


@pytest.mark.parametrize(
    ("message", "replied", "word"),
    [
        ({"sending": Sending.WAITING}, None, "Scheduled"),
        ({"sending": Sending.ACCEPTED}, None, "Sent"),
        ({"sending": Sending.ACCEPTED, "rank": 3}, None, "Delivered"),
        ({"sending": Sending.ACCEPTED}, "Oui", "Replied"),
        ({"sending": Sending.DISCARDED}, None, "Cancelled"),
        ({"sending": Sending.FAILED}, None, "Failed"),
    ],
)
def test_every_state_has_its_word(
    message: dict[str, Any],
    replied: str | None,
    word: str,
    agent: Membership,
    asked: Callable[..., Run],
    signed_in: Browser,
) -> None:
    run = asked(replied=replied, **message)

    assert f"<bdi>{word}</bdi>" in row(signed_in(agent).get("/runs", headers=ENGLISH).text, run)


def test_a_send_nobody_is_sure_of_stays_scheduled_and_says_so(
    agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked(sending=Sending.UNCERTAIN, reason="no_answer")

    shown = row(signed_in(agent).get("/runs", headers=ENGLISH).text, run)

    assert "<bdi>Scheduled</bdi>" in shown
    assert "<bdi>Uncertain</bdi>" in shown
    assert "<bdi>Sent</bdi>" not in shown


def test_a_failed_send_says_why_in_plain_words_and_what_to_do(
    agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked(sending=Sending.FAILED, failed_at=utcnow(), reason="blocked")

    shown = row(signed_in(agent).get("/runs", headers=ENGLISH).text, run)

    assert "This number has blocked the customer. Unblock the customer first." in shown


def test_what_was_never_queued_says_what_the_order_lacks(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        facts = {"body.1": "order.city", "body.2": "agent.name", "body.3": "order.number"}
        shop.automation(variables=facts)
        order = shop.order(on=TO_CONFIRM, talk=shop.conversation(), ship_city="")
        (run,) = shop.runs_of(order)

    shown = row(signed_in(agent).get("/runs", headers=ENGLISH).text, run)

    assert "The order does not say: City, Agent in charge." in shown


def test_the_list_can_be_narrowed_to_a_state_and_an_automation(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        other = shop.automation(SystemState.NEW, buttons={})
        order = shop.order(talk=shop.conversation())
        (elsewhere,) = shop.runs_of(order)
    waiting, sent = asked(), asked(sending=Sending.ACCEPTED)
    client = signed_in(agent)

    assert listed(client.get("/runs?state=sent").text) == [str(sent.id)]
    assert listed(client.get(f"/runs?automation={other.id}").text) == [str(elsewhere.id)]
    every = listed(client.get("/runs?state=nonsense&automation=nonsense").text)
    assert every == [str(r.id) for r in (sent, waiting, elsewhere)]


@pytest.mark.parametrize("state", list(RunState))
def test_an_empty_state_says_so(state: RunState, agent: Membership, signed_in: Browser) -> None:
    assert "Nothing here" in signed_in(agent).get(f"/runs?state={state}", headers=ENGLISH).text


def test_a_long_list_comes_page_by_page(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        shop.automation()
        talk = shop.conversation()
        for _ in range(runs.PAGE + 3):
            shop.order(on=TO_CONFIRM, talk=talk)
    client = signed_in(agent)

    first = client.get("/runs").text
    onward = re.search(r'hx-get="(/runs\?[^"]*before[^"]*)"', first)
    assert onward is not None
    second = client.get(onward[1].replace("&amp;", "&"), headers=PARTIAL).text

    assert (len(listed(first)), len(listed(second))) == (runs.PAGE, 3)
    assert set(listed(first)).isdisjoint(listed(second))


def test_news_comes_above_what_is_shown_and_nothing_drops_out_below(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        talk = shop.conversation()
        for _ in range(runs.PAGE):
            shop.order(on=TO_CONFIRM, talk=talk)
    client = signed_in(agent)
    first = client.get("/runs").text
    refresh = re.search(r'id="runs-newest" data-live="runs" hx-get="([^"]+)"', first)
    assert refresh is not None
    new = asked()

    again = client.get(refresh[1].replace("&amp;", "&"), headers=PARTIAL).text

    assert listed(again) == [str(new.id), *listed(first)]


def test_a_stranger_sees_none_of_it(
    stranger: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    asked()

    page = signed_in(stranger).get("/runs", headers=ENGLISH).text

    assert listed(page) == []
    assert "Nothing sent yet" in page
