"""The audit of the newer rooms: what a line tells, who did it, and what is never in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import select

from cli import wasl
from flows import channels, costs, team
from flows.channels import errands
from flows.channels.facts import Facts
from models import db
from models.audit import AuditEntry
from models.channel import Channel
from models.merchant import Merchant
from models.user import Membership, Role
from tests import factories
from tests.flows import shop
from tests.inbox.test_audit import lines
from tests.inbox.test_cost_pages import EUROS, bring_in, charge
from tests.inbox.test_signup import FORM

Browser = Callable[[Any], FlaskClient]
PASSWORD = "correct horse battery"


def last(merchant: Merchant) -> AuditEntry:
    return lines(merchant.id)[-1]


def kinds(merchant: Merchant, room: str) -> list[str]:
    return [line.kind for line in lines(merchant.id) if line.room == room]


# --- the team -------------------------------------------------------------------------------------


def test_who_joins_is_noted_under_their_own_name(
    client: FlaskClient, merchant: Merchant, owner: Membership
) -> None:
    with db.merchant(merchant.id):
        _, token = team.invite("zineb@a.example", Role.VIEWER, by=owner)
    client.post(f"/join/{token}", data={"name": "Zineb", "password": PASSWORD})

    joined, came_in = lines(merchant.id)[-2:]
    assert (joined.kind, joined.by_name, joined.on) == ("team.joined", "Zineb", "Zineb")
    assert joined.after == {"role": "viewer", "email": "zineb@a.example"}
    assert came_in.kind == "door.in"
    assert token not in str([vars(line) for line in lines(merchant.id)])


def test_who_is_disabled_and_to_whom_their_work_goes_is_noted(
    owner: Membership, agent: Membership, signed_in: Browser, merchant: Merchant
) -> None:
    with db.merchant(merchant.id):
        shop.conversation().assignee_id = agent.id
    form = {"to": str(owner.id)}
    signed_in(owner).post(f"/team/people/{agent.id}/leave", data=form)

    disabled, handed = lines(merchant.id)[-2:]
    assert (disabled.kind, disabled.on, disabled.by_id) == ("team.disabled", "Salma", owner.id)
    assert disabled.before == {"role": "confirmation_agent"}
    assert handed.kind == "team.handed_over"
    assert handed.after == {"to_whom": "Omar", "open_orders": 0, "conversations": 1}


def test_an_own_role_is_told_by_its_name(
    owner: Membership, agent: Membership, signed_in: Browser, merchant: Merchant
) -> None:
    browser = signed_in(owner)
    browser.post("/team/roles", data={"name": "Dépôt", "permission": "orders.read"})
    with db.merchant(merchant.id):
        (own,) = team.custom_roles()
    browser.post(f"/team/people/{agent.id}", data={"role": str(own.id)})

    line = last(merchant)
    assert (line.before, line.after) == ({"role": "confirmation_agent"}, {"role": "Dépôt"})
    page = browser.get("/audit", headers={"Accept-Language": "en"}).text
    assert "See orders" in page
    assert "Dépôt" in page


def test_a_password_set_by_a_link_is_noted_without_it(
    client: FlaskClient, merchant: Merchant, owner: Membership, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        token = team.make_reset(agent, by=owner)
    client.post(f"/password/{token}", data={"password": "another long sentence"})

    made, used = lines(merchant.id)[-2:]
    assert (made.kind, used.kind) == ("team.reset_link", "account.password_reset")
    assert (used.on, used.by_name) == ("Salma", "Salma")
    told = str([vars(line) for line in lines(merchant.id)])
    assert token not in told
    assert "another long sentence" not in told


def test_coming_over_from_another_business_is_noted_there(
    merchant: Merchant, owner: Membership, stranger: Membership, signed_in: Browser
) -> None:
    with db.merchant(stranger.merchant_id) as session:
        session.add(Membership(user_id=owner.user_id, name="Omar", role=Role.VIEWER))
    browser = signed_in(owner)
    for _ in range(2):
        browser.post("/businesses", data={"merchant": str(stranger.merchant_id)})

    assert [line.kind for line in lines(stranger.merchant_id)].count("door.came_over") == 1
    assert "door.came_over" not in kinds(merchant, "door")


# --- numbers --------------------------------------------------------------------------------------


def test_no_secret_of_a_number_is_told(
    owner: Membership, signed_in: Browser, merchant: Merchant
) -> None:
    browser = signed_in(owner)
    form = {"name": "Deux", "phone_number_id": "5" * 15, "waba_id": "6" * 15}
    browser.post("/numbers", data=form | {"token": "EAAsecret", "app_secret": "s3cr3t"})
    with db.merchant(merchant.id):
        number = channels.all_of_merchant()[-1]
    secrets = {"token": "EAAother", "app_secret": "0th3r"}
    browser.post(f"/numbers/{number.id}/token", data=secrets)

    assert kinds(merchant, "channels")[-3:] == [
        "channels.added",
        "channels.token",
        "channels.app_secret",
    ]
    told = str([vars(line) for line in lines(merchant.id)])
    assert not any(secret in told for secret in ("EAAsecret", "s3cr3t", "EAAother", "0th3r"))


def test_the_same_number_typed_twice_is_one_line(
    owner: Membership, signed_in: Browser, merchant: Merchant
) -> None:
    form = {"name": "Deux", "phone_number_id": "5" * 15, "waba_id": "6" * 15, "token": "EAAx"}
    browser, before = signed_in(owner), len(lines(merchant.id))
    for _ in range(2):
        browser.post("/numbers", data=form)

    assert len(lines(merchant.id)) == before + 1


def test_what_meta_answers_is_noted_as_nobodys(
    owner: Membership, signed_in: Browser, merchant: Merchant
) -> None:
    form = {"name": "Deux", "phone_number_id": "5" * 15, "waba_id": "6" * 15, "token": "EAAx"}
    signed_in(owner).post("/numbers", data=form)
    with db.merchant(merchant.id):
        (task,) = errands.claim()
    with db.merchant(merchant.id):
        done = errands.Done("accepted", Facts(display="+212 520-000005", missing=[]))
        errands.conclude(task, done)
        channels.trouble(channels.all_of_merchant()[-1].id, "token", None)
        channels.trouble(channels.all_of_merchant()[-1].id, "token", None)

    connected, stopped = lines(merchant.id)[-2:]
    assert (connected.kind, connected.by_name) == ("channels.connected", "")
    assert (stopped.kind, stopped.by_name) == ("channels.stopped", "")


def test_pausing_twice_is_one_line(
    owner: Membership, signed_in: Browser, merchant: Merchant
) -> None:
    with db.merchant(merchant.id):
        number = channels.all_of_merchant()[0].id
    browser = signed_in(owner)
    for path in ("pause", "pause", "resume", "resume"):
        browser.post(f"/numbers/{number}/{path}")

    assert kinds(merchant, "channels")[-2:] == ["channels.paused", "channels.resumed"]


# --- charges --------------------------------------------------------------------------------------


def test_a_budget_is_told_in_its_currency(
    owner: Membership, signed_in: Browser, merchant: Merchant
) -> None:
    browser = signed_in(owner)
    for amount in ("100", "100", "120.50", ""):
        browser.post("/costs/budget", data={"USD": amount})

    told = [line for line in lines(merchant.id) if line.kind == "costs.budget"]
    after = [line.after["budget"] for line in told if line.after]
    assert after == ["100", "120.5", None]
    assert {line.on for line in told} == {"USD"}


def test_charges_priced_anew_are_noted(
    owner: Membership, signed_in: Browser, merchant: Merchant
) -> None:
    charge(merchant, "utility", currency="EUR")
    browser = signed_in(owner)
    bring_in(browser, EUROS, currency="EUR", day="2026-10-01", go="1")
    costs.forget_rate_cards()
    for _ in range(2):
        browser.post("/costs/price-now")

    assert kinds(merchant, "costs") == ["costs.list_taken", "costs.priced"]


@pytest.fixture
def _no_lists_left(owner_connection: psycopg.Connection) -> Iterator[None]:
    yield
    owner_connection.execute("DELETE FROM rate_cards WHERE effective_from > '2026-12-31'")
    costs.forget_rate_cards()


@pytest.mark.usefixtures("_no_lists_left")
def test_a_list_for_all_is_noted_where_it_is_paid_by(merchant: Merchant) -> None:
    other = factories.merchant("Else", number="2")
    with db.merchant(other.id) as session:
        session.scalars(select(Channel)).one().currency = "EUR"
    read = costs.read(b"Market,Marketing\nMorocco,0.05", "new.csv")
    for _ in range(2):
        costs.take_for_all(read.card("USD", date(2031, 1, 1)))

    assert kinds(merchant, "costs") == ["costs.list_for_all"]
    assert kinds(other, "costs") == []


# --- the first line, and the terminal -------------------------------------------------------------


def test_the_first_line_of_a_merchant_is_its_beginning(client: FlaskClient) -> None:
    client.post("/sign-up", data=FORM)
    client.post("/sign-up", data=FORM)
    with db.house() as house:
        made = house.scalars(select(Merchant)).one()

    first, *others = lines(made.id)
    assert (first.kind, first.by_name, first.ip) == ("team.founded", FORM["name"], "127.0.0.1")
    assert first.after is not None
    assert first.after["currency"] == "MAD"
    assert FORM["password"] not in str(first.after)
    assert [line.kind for line in others] == ["door.in", "door.in"]


def test_what_the_terminal_changes_for_a_merchant_is_noted_as_wasls(
    merchant: Merchant, owner: Membership
) -> None:
    run = CliRunner().invoke
    run(wasl, ["merchant", "plan", str(merchant.id), "pro"], catch_exceptions=False)
    run(wasl, ["merchant", "plan", str(merchant.id), "pro"], catch_exceptions=False)
    add = ["user", "add", "--merchant", str(merchant.id), "--email", "x@a.example"]
    run(wasl, [*add, "--name", "Xena", "--password", PASSWORD], catch_exceptions=False)
    run(wasl, ["keys", "rotate"], catch_exceptions=False)

    found = lines(merchant.id)[-3:]
    assert [line.kind for line in found] == ["team.plan", "team.added", "security.resealed"]
    assert {line.by_name for line in found} == {""}
    assert (found[0].before, found[0].after) == ({"plan": "free"}, {"plan": "pro"})


def test_an_account_made_at_the_terminal_begins_as_wasls() -> None:
    owner = ["--owner-email", "o@b.example", "--owner-password", PASSWORD]
    add = ["merchant", "add", "--name", "Bazar", "--country", "MA", *owner]
    CliRunner().invoke(wasl, add, catch_exceptions=False)
    with db.house() as house:
        made = house.scalars(select(Merchant)).one()

    (first,) = lines(made.id)
    assert (first.kind, first.by_name, first.on) == ("team.founded", "", "o")
