"""The page of sent messages."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from flows import arrivals, runs
from models import db
from models.automation import Run, RunState
from models.merchant import Merchant
from models.message import Sending
from models.pipeline import SystemState
from models.types import new_id, utcnow
from models.user import Membership
from tests import factories
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

    assert f'<a href="/runs/{run.id}" data-item>' in shown
    assert re.search(r'<a href="/orders/\d+"><bdi dir="ltr">#\d+</bdi>', shown)
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


def copies(merchant: Merchant, run: Run, count: int) -> None:
    """The same again so many times, each a little older."""
    with db.merchant(merchant.id) as session:
        session.add_all(
            Run(
                automation_id=run.automation_id,
                order_id=run.order_id,
                entry_id=run.entry_id,
                trigger=new_id(),
                created_at=run.created_at - timedelta(seconds=n + 1),
            )
            for n in range(count)
        )


def test_a_long_list_comes_page_by_page(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    copies(merchant, asked(), runs.PAGE + 2)
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
    copies(merchant, asked(), runs.PAGE - 1)
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


# --- filters --------------------------------------------------------------------------------------


def test_the_list_can_be_narrowed_to_an_order_and_to_days(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    old, new = asked(), asked()
    with db.merchant(merchant.id) as session:
        number = session.get_one(Run, (merchant.id, new.id)).order.number
        session.get_one(Run, (merchant.id, old.id)).created_at = datetime(
            2026, 3, 10, 23, 30, tzinfo=UTC
        )
    client = signed_in(agent)

    assert listed(client.get(f"/runs?number={number}").text) == [str(new.id)]
    assert listed(client.get(f"/runs?number=%23{number}").text) == [str(new.id)]
    # In March 2026 clocks in Casablanca show UTC: Ramadan.
    assert listed(client.get("/runs?from=2026-03-10&to=2026-03-10").text) == [str(old.id)]
    assert listed(client.get("/runs?to=2026-03-09").text) == []
    assert len(listed(client.get("/runs?from=x&to=9999-12-31&number=abc").text)) == 2


def test_refreshes_keep_the_filters(
    agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    wish = f"automation={asked().automation_id}"

    page = signed_in(agent).get(f"/runs?{wish}&from=2020-01-01").text

    (address,) = re.findall(r'hx-get="(/runs\?[^"]*until[^"]*)"', page)
    assert wish in address
    assert "from=2020-01-01" in address


# --- one of them ----------------------------------------------------------------------------------


def test_one_send_tells_why_it_was_sent_and_what_came_of_it(
    merchant: Merchant, owner: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked(
        sending=Sending.ACCEPTED,
        rank=2,
        accepted_at=utcnow(),
        delivered_at=utcnow(),
        wamid="wamid.told",
    )
    with db.merchant(merchant.id):
        pressed = {"button_payload": runs.payload(run, 0), "button_text": "Confirmer"}
        tap = factories.inbound("Confirmer", kind="button", **pressed)
        arrivals.take_in([tap])

    page = signed_in(owner).get(f"/runs/{run.id}", headers=ENGLISH).text
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))

    for shown in (
        "Order created on À confirmer par appel",
        "Wasl ·",
        "Bonjour Fatima, votre commande",
        "The customer answered: “Confirmer”",
        "Moved from À confirmer par appel to Confirmée",
        "By the button “Confirmer”",
        "Replied",
        "Delivered",
        "Scheduled",
    ):
        assert shown in text
    assert 'data-tapped="">' in page
    assert "USD" in page


def test_what_a_send_cost_is_for_who_may_see_money(
    agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked(sending=Sending.ACCEPTED)

    assert "USD" not in signed_in(agent).get(f"/runs/{run.id}", headers=ENGLISH).text


def test_a_failure_is_told_with_attempts_and_can_be_run_again(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked(
        sending=Sending.FAILED,
        failed_at=utcnow(),
        reason="undeliverable",
        error_code=131026,
        error_detail="Message undeliverable",
        attempt=2,
    )
    client = signed_in(agent)

    page = client.get(f"/runs/{run.id}", headers=ENGLISH).text
    answer = client.post(f"/runs/{run.id}/again", headers=PARTIAL)
    twice = client.post(f"/runs/{run.id}/again", headers=PARTIAL)

    for shown in ("Call the customer or send an SMS.", "2 attempts", "Code 131026", "Run again"):
        assert shown in page
    assert (answer.status_code, twice.status_code) == (200, 409)
    with db.merchant(merchant.id) as session:
        assert session.get_one(Run, (merchant.id, run.id)).state is not RunState.FAILED


def test_a_message_that_is_due_can_be_cancelled(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        shop.automation(delay=3600)
        order = shop.order((None, 1), on=TO_CONFIRM, talk=shop.conversation())
        (run,) = shop.runs_of(order)
    client = signed_in(agent)

    page = client.get(f"/runs/{run.id}", headers=ENGLISH).text
    client.post(f"/runs/{run.id}/cancel")
    after = client.get(f"/runs/{run.id}", headers=ENGLISH).text

    assert "Will be sent" in page
    assert f"/runs/{run.id}/cancel" in page
    assert "Somebody cancelled it before it left." in after
    assert f"/runs/{run.id}/cancel" not in after
    assert client.post(f"/runs/{run.id}/cancel").status_code == 409
    with db.merchant(merchant.id) as session:
        cancelled = session.get_one(Run, (merchant.id, run.id))
        assert (cancelled.state, cancelled.due_at) == (RunState.CANCELLED, None)


def test_a_queued_message_is_called_back(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked()

    signed_in(agent).post(f"/runs/{run.id}/cancel")

    with db.merchant(merchant.id) as session:
        message = session.get_one(Run, (merchant.id, run.id)).message
        assert message is not None
        assert message.sending is Sending.DISCARDED


def test_what_is_leaving_now_cannot_be_called_back(
    agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked(sending=Sending.CLAIMED)

    answer = signed_in(agent).post(f"/runs/{run.id}/cancel", headers=PARTIAL)

    assert answer.status_code == 409


def test_one_can_stop_waiting_for_an_answer(
    merchant: Merchant, agent: Membership, asked: Callable[..., Run], signed_in: Browser
) -> None:
    run = asked(sending=Sending.ACCEPTED, accepted_at=utcnow())
    with db.merchant(merchant.id) as session:
        session.get_one(Run, (merchant.id, run.id)).timeout_at = utcnow() + timedelta(hours=1)
    client = signed_in(agent)

    page = client.get(f"/runs/{run.id}", headers=ENGLISH).text
    client.post(f"/runs/{run.id}/cancel")

    assert "Waits for an answer until" in page
    with db.merchant(merchant.id) as session:
        left = session.get_one(Run, (merchant.id, run.id))
        assert (left.state, left.timeout_at) == (RunState.SENT, None)


def test_one_send_is_the_merchants_own(
    asked: Callable[..., Run], stranger: Membership, signed_in: Browser, client: FlaskClient
) -> None:
    run, other = asked(), signed_in(stranger)

    assert other.get(f"/runs/{run.id}").status_code == 404
    for deed in ("again", "cancel"):
        assert other.post(f"/runs/{run.id}/{deed}").status_code == 404
        assert client.post(f"/runs/{run.id}/{deed}").status_code in (302, 401)
