"""Where joining, signing up and a new password meet the second step; who may be signed out."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from flows import notifications, permissions, plans, team
from inbox.auth import needs_of
from inbox.current import ROLE_NAMES
from models import db
from models.merchant import Merchant
from models.security import HalfSignIn
from models.team import CustomRole
from models.user import Membership, Role, User
from tests import factories
from tests.inbox.test_audit import lines
from tests.inbox.test_second_step import (
    EMAIL,
    PASSWORD,
    Phone,
    clock,
    enter,
    half_in,
    is_in,
    phone,
    salma,
    sign_in,
)
from tests.inbox.test_signup import FORM

__all__ = ["clock", "phone", "salma"]

Browser = Callable[[Any], FlaskClient]
PAGE = {"Accept-Language": "en"}
OTHER = "staple battery horse"


@pytest.fixture(autouse=True)
def _cheap(cheap_passwords: None) -> None:
    pass


@pytest.fixture
def there(stranger: Membership) -> str:
    """Another merchant invites Salma: the path of her link."""
    plans.change(stranger.merchant_id, "pro")
    with db.merchant(stranger.merchant_id):
        _, token = team.invite(EMAIL, Role.VIEWER, by=stranger)
    return f"/join/{token}"


def reset_link(member: Membership, owner: Membership) -> str:
    with db.merchant(member.merchant_id):
        return f"/password/{team.make_reset(member, by=owner)}"


def guesses(member: Membership) -> int:
    with db.house() as house:
        return len(house.get_one(User, member.user_id).failed_sign_ins)


def halves() -> int:
    with db.house() as house:
        return len(house.scalars(select(HalfSignIn)).all())


# --- joining --------------------------------------------------------------------------------------


def test_who_joins_with_a_second_step_shows_it_and_is_where_they_were_invited(
    client: FlaskClient, phone: Phone, there: str, stranger: Membership
) -> None:
    half = client.post(there, data={"password": PASSWORD})
    assert half.location.startswith("/sign-in/code")
    assert not is_in(client)
    page = client.get(half.location).text
    merchant = re.search(r'name="merchant" value="([^"]+)"', page)
    assert merchant is not None

    wrong = enter(client, "000000", merchant=merchant[1])
    assert f'name="merchant" value="{merchant[1]}"' in wrong.text
    done = enter(client, phone.code(), merchant=merchant[1])

    assert done.location == "/"
    assert "Somebody else" in client.get("/orders", headers=PAGE).text
    told = [line.kind for line in lines(stranger.merchant_id)]
    assert told[-3:] == ["team.joined", "door.code_refused", "door.in"]


@pytest.mark.parametrize("which", ["stranger", "nonsense"])
def test_the_page_of_the_code_leads_nobody_where_they_are_not(
    app: Flask, phone: Phone, stranger: Membership, which: str
) -> None:
    client = half_in(app)

    enter(client, phone.code(), merchant=str(stranger.merchant_id) if which[0] == "s" else which)

    assert "Boutique Atlas" in client.get("/orders", headers=PAGE).text


# --- a new password -------------------------------------------------------------------------------


def test_a_new_password_never_goes_round_the_second_step(
    app: Flask, client: FlaskClient, phone: Phone, salma: Membership, owner: Membership
) -> None:
    half = half_in(app)

    client.post(reset_link(salma, owner), data={"password": OTHER})

    assert not is_in(client)
    assert halves() == 0
    assert enter(half, phone.code()).location.startswith("/sign-in")
    assert not is_in(half)
    assert sign_in(client, OTHER).location.startswith("/sign-in/code")
    enter(client, phone.code())
    assert is_in(client)


def test_a_mailbox_buys_no_more_guesses_at_the_code(
    app: Flask, client: FlaskClient, phone: Phone, salma: Membership, owner: Membership
) -> None:
    half = half_in(app)
    for _ in range(9):
        enter(half, "000000")
    before = guesses(salma)

    client.post(reset_link(salma, owner), data={"password": OTHER})

    assert guesses(salma) == before == 9


def test_without_a_second_step_a_new_password_forgets_the_wrong_ones(
    client: FlaskClient, salma: Membership, owner: Membership
) -> None:
    for _ in range(10):
        sign_in(client, "wrong")

    client.post(reset_link(salma, owner), data={"password": OTHER})

    assert sign_in(client, OTHER).status_code == 302
    assert is_in(client)


@pytest.mark.parametrize("what", ["password", "email"])
def test_a_link_of_before_opens_nothing_once_the_account_is_changed(
    app: Flask, client: FlaskClient, salma: Membership, owner: Membership, what: str
) -> None:
    link, browser = reset_link(salma, owner), app.test_client()
    sign_in(browser)
    if what == "password":
        browser.post("/account/password", data={"present": PASSWORD, "new": OTHER})
    else:
        new = {"name": "Salma", "email": "new@atlas.example", "password": PASSWORD}
        browser.post("/account", data=new)

    assert client.get(link).status_code == 410
    assert client.post(link, data={"password": "thief in the night"}).status_code == 410


# --- out ------------------------------------------------------------------------------------------


def test_the_team_page_says_who_has_a_second_step(
    phone: Phone, owner: Membership, signed_in: Browser, salma: Membership
) -> None:
    browser = signed_in(owner)

    page = browser.get("/team", headers=PAGE).text
    dialog = browser.get(f"/team/people/{salma.id}", headers=PAGE).text

    assert (
        len(re.findall(r'data-label="Second step"><span class="chip" data-color="green"', page))
        == 1
    )
    assert "Sign out everywhere" in dialog
    assert "Sign out everywhere" not in browser.get(f"/team/people/{owner.id}", headers=PAGE).text


def test_the_owner_signs_somebody_out_everywhere_from_the_team_page(
    app: Flask, salma: Membership, owner: Membership, signed_in: Browser, merchant: Merchant
) -> None:
    one, two = app.test_client(), app.test_client()
    for client in (one, two):
        sign_in(client)

    answer = signed_in(owner).post(f"/team/people/{salma.id}/browsers", headers=PAGE)

    assert answer.status_code == 200
    assert not is_in(one)
    assert not is_in(two)
    assert lines(merchant.id)[-1].after == {"count": 2}
    sign_in(one)
    assert is_in(one)


def test_disabling_ends_half_a_sign_in_too(
    app: Flask, phone: Phone, salma: Membership, owner: Membership, signed_in: Browser
) -> None:
    half, browser = half_in(app), signed_in(owner)

    browser.post(f"/team/people/{salma.id}/leave", data={"to": "keep"})
    browser.post(f"/team/people/{salma.id}/return")

    assert halves() == 0
    enter(half, phone.code())
    assert not is_in(half)


# --- rules by role --------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_every_role_can_be_asked_for_a_second_step(
    role: Role, merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    who = factories.member(merchant, role.value)
    if role is Role.CUSTOM:
        who = own_role(who, "orders.read")
    browser, boss = signed_in(who), signed_in(owner)
    assert f'value="{role.value}"' in boss.get("/security").text

    boss.post("/security", data={"role": role.value})

    assert browser.get("/orders").location == "/account/second-step"
    page = factories.browser(browser.application, factories.member(merchant, "owner"))
    if role is not Role.OWNER:
        assert "not yet" in page.get("/security", headers=PAGE).text


def test_every_role_has_a_name() -> None:
    assert set(ROLE_NAMES) == set(Role)


# --- sign-up --------------------------------------------------------------------------------------


def test_who_signed_up_sets_up_a_second_step_and_the_form_again_asks_for_it(
    app: Flask, client: FlaskClient, clock: Any
) -> None:
    client.post("/sign-up", data=FORM)
    client.post("/account/second-step", data={"password": FORM["password"]})
    ready = client.get("/account/second-step").text
    assert 'class="key"' in ready
    key = enrolled(client, ready)
    clock.shift(timedelta(minutes=1))

    other = app.test_client()
    again = other.post("/sign-up", data=FORM)

    assert (again.status_code, again.location) == (302, "/sign-in/code")
    assert not is_in(other)
    enter(other, key.code())
    assert is_in(other)


def enrolled(browser: FlaskClient, page: str) -> Phone:
    secret = re.sub(r"\s", "", re.findall(r'<code class="key" dir="ltr">([^<]+)', page)[0])
    found = Phone(secret, [])
    assert (
        browser.post("/account/second-step/confirm", data={"code": found.code()}).status_code == 200
    )
    return found


def test_sign_up_is_no_way_to_guess_a_password(client: FlaskClient, app: Flask) -> None:
    client.post("/sign-up", data=FORM)
    thief = app.test_client()
    for n in range(12):
        thief.post("/sign-up", data=FORM | {"password": f"a guess of mine {n}"})

    right = thief.post("/sign-up", data=FORM)

    assert right.status_code == 429
    assert not is_in(thief)


# --- the first steps ------------------------------------------------------------------------------


def test_the_first_steps_lead_to_the_team_and_say_what_is_not_there_yet(
    owner: Membership, signed_in: Browser, merchant: Merchant
) -> None:
    browser = signed_in(owner)
    alone = browser.get("/moving-in", headers=PAGE).text
    assert 'href="/team"' in alone
    assert "no page for products yet" in alone

    factories.member(merchant, "viewer")

    assert (
        'href="/team"' not in browser.get("/moving-in", headers=PAGE).text.split("moving-step")[-1]
    )


# --- who may what ---------------------------------------------------------------------------------

MONEY = ("costs.",)
OWN = {
    *("account.", "auth.", "notifications.", "table.", "media.", "team.switch"),
    *("bot.say", "bot.preview"),
}
"""What everybody sets for themselves alone, and what they look at; a trial leaves nothing."""


def test_a_viewer_changes_nothing(app: Flask) -> None:
    allowed = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and _opens(app, rule.endpoint, Role.VIEWER)
    }

    assert {one for one in allowed if not one.startswith(tuple(OWN))} == set()


@pytest.mark.parametrize("role", [Role.AGENT, Role.COURIER, Role.VIEWER, Role.CUSTOM])
def test_no_charge_price_list_or_budget_is_for(app: Flask, role: Role) -> None:
    rooms = {rule.endpoint for rule in app.url_map.iter_rules()}
    money = {one for one in rooms if one.startswith(MONEY)}

    assert len(money) > 8
    assert not any(_opens(app, one, role) for one in money)
    # Not even an own role with the permission, where it does not see money.
    assert all("money.see" in (needs_of(app, one) or ()) for one in money)


def test_an_own_role_without_money_is_led_to_no_charges_and_hears_of_no_budget(
    merchant: Merchant, signed_in: Browser
) -> None:
    who = own_role(factories.member(merchant, "custom"), "costs.read", "orders.all", "orders.read")
    with db.merchant(merchant.id):
        notifications.tell("budget", facts={"percent": 80, "currency": "USD", "what": "nearing"})
        assert notifications.unread(who) == 0

    browser = signed_in(who)

    assert browser.get("/costs").status_code == 403
    assert 'href="/costs"' not in browser.get("/orders").text
    assert "budget" not in browser.get("/notifications/preferences", headers=PAGE).text


def own_role(who: Membership, *names: str) -> Membership:
    """The member as they are with an own role of these permissions."""
    with db.merchant(who.merchant_id) as session:
        own = CustomRole(name="Dépôt", permissions=list(names))
        session.add(own)
        session.flush()
        member = session.get_one(Membership, (who.merchant_id, who.id))
        member.custom_role_id, member.grants = own.id, own.permissions
    return member


def _opens(app: Flask, endpoint: str, role: Role) -> bool:
    if endpoint.startswith(("webhook.", "health.", "static", "vendor.")):
        return False
    needed = needs_of(app, endpoint)
    return needed is not None and set(needed) <= permissions.PERMISSIONS[role]
