"""My account: name, e-mail, password, browsers; what the owner can do about a member's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from flows import team
from models import db
from models.audit import AuditEntry
from models.merchant import Merchant
from models.types import utcnow
from models.user import LoginSession, Membership, Role, User
from tests import factories

EMAIL = "salma@atlas.example"
PASSWORD = "correct horse battery"
NEW = "a longer sentence for Salma"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0"

Browser = Callable[[Any], FlaskClient]


@pytest.fixture(autouse=True)
def _cheap(cheap_passwords: None) -> None:
    pass


@pytest.fixture
def salma(merchant: Merchant) -> Membership:
    return team.add_user(merchant.id, email=EMAIL, name="Salma", role=Role.AGENT, password=PASSWORD)


def at_work(app: Flask, agent: str = FIREFOX) -> FlaskClient:
    """One more browser in which Salma has signed in."""
    client = app.test_client()
    form = {"email": EMAIL, "password": PASSWORD}
    assert client.post("/sign-in", data=form, headers={"User-Agent": agent}).status_code == 302
    return client


def is_in(client: FlaskClient) -> bool:
    return client.post("/live-ticket").status_code == 204


def kinds(merchant: Merchant) -> list[str]:
    with db.merchant(merchant.id) as session:
        return list(session.scalars(select(AuditEntry.kind).order_by(AuditEntry.at)))


# --- who I am -------------------------------------------------------------------------------------


def test_everybody_finds_their_account_in_their_menu(signed_in: Browser, agent: Membership) -> None:
    browser = signed_in(agent)

    assert 'href="/account"' in browser.get("/orders").text
    assert browser.get("/account").status_code == 200


def test_a_new_name_is_the_name_in_the_team_too(app: Flask, salma: Membership) -> None:
    browser = at_work(app)

    answer = browser.post("/account", data={"name": " سلمى  العلوي ", "email": EMAIL})

    assert answer.status_code == 303
    assert "سلمى العلوي" in browser.get("/account").text
    with db.merchant(salma.merchant_id) as session:
        assert session.scalars(select(Membership.name)).one() == "سلمى العلوي"


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_nobody_is_called_nothing(app: Flask, salma: Membership, name: str) -> None:
    answer = at_work(app).post("/account", data={"name": name, "email": EMAIL})

    assert answer.status_code == 422
    assert 'id="e-name"' in answer.text


def test_another_email_needs_the_password_and_then_signs_in(
    app: Flask, salma: Membership, client: FlaskClient
) -> None:
    browser, form = at_work(app), {"name": "Salma", "email": "salma@new.example"}

    assert browser.post("/account", data=form).status_code == 422
    assert browser.post("/account", data=form | {"password": PASSWORD}).status_code == 303

    form = {"email": "salma@new.example", "password": PASSWORD}
    assert client.post("/sign-in", data=form).location == "/"


@pytest.mark.parametrize(
    ("name", "password", "field"), [("   ", PASSWORD, "name"), ("Zineb", "wrong", "password")]
)
def test_a_form_of_which_half_is_wrong_changes_nothing(
    app: Flask, salma: Membership, name: str, password: str, field: str
) -> None:
    form = {"name": name, "email": "salma@new.example", "password": password}

    answer = at_work(app).post("/account", data=form)

    assert answer.status_code == 422
    assert f'id="e-{field}"' in answer.text
    with db.house() as house:
        kept = house.scalars(select(User)).one()
        assert (kept.name, kept.email) == ("Salma", EMAIL)


@pytest.mark.parametrize("email", ["OWNER@atlas.example", "not an address", ""])
def test_an_email_that_is_taken_or_none_is_refused(
    app: Flask, salma: Membership, merchant: Merchant, email: str
) -> None:
    team.add_user(merchant.id, email="owner@atlas.example", name="O", role=Role.OWNER, password=NEW)

    form = {"name": "Salma", "email": email, "password": PASSWORD}
    answer = at_work(app).post("/account", data=form)

    assert answer.status_code == 422
    assert 'id="e-email"' in answer.text


# --- password -------------------------------------------------------------------------------------


def test_a_new_password_ends_every_other_browser_and_the_old_password(
    app: Flask, salma: Membership, client: FlaskClient
) -> None:
    here, there = at_work(app), at_work(app)

    answer = here.post("/account/password", data={"present": PASSWORD, "new": NEW})

    assert answer.status_code == 303
    assert is_in(here)
    assert not is_in(there)
    assert client.post("/sign-in", data={"email": EMAIL, "password": PASSWORD}).status_code == 422
    assert client.post("/sign-in", data={"email": EMAIL, "password": NEW}).status_code == 302


@pytest.mark.parametrize(
    ("present", "new", "field"),
    [("wrong", NEW, "present"), (PASSWORD, "short", "new"), (PASSWORD, "password1", "new")],
)
def test_a_password_that_is_wrong_or_poor_changes_nothing(
    app: Flask, salma: Membership, present: str, new: str, field: str
) -> None:
    here, there = at_work(app), at_work(app)

    answer = here.post("/account/password", data={"present": present, "new": new})

    assert answer.status_code == 422
    assert f'id="e-{field}"' in answer.text
    assert present not in answer.text
    assert is_in(there)


def test_who_finds_an_open_browser_has_ten_guesses_at_the_password(
    app: Flask, salma: Membership
) -> None:
    browser, form = at_work(app), {"present": "wrong", "new": NEW}

    answers = [browser.post("/account/password", data=form).status_code for _ in range(11)]

    assert answers == [422] * 10 + [429]


# --- browsers -------------------------------------------------------------------------------------


def test_my_browsers_are_listed_by_what_they_are(app: Flask, salma: Membership) -> None:
    here = at_work(app)
    iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"
    at_work(app, iphone)

    page = here.get("/account").text

    assert "Firefox · Windows" in page
    assert "Safari · iPhone" in page
    assert page.count("this browser") + page.count("ce navigateur") == 1
    assert "127.0.0.1" in page


def test_one_browser_is_signed_out_and_only_that_one(app: Flask, salma: Membership) -> None:
    here, there, third = at_work(app), at_work(app), at_work(app)

    answer = here.post(f"/account/browsers/{key(there)}/end")

    assert answer.status_code == 303
    assert [is_in(one) for one in (here, there, third)] == [True, False, True]
    assert here.post(f"/account/browsers/{key(there)}/end").status_code == 404


def test_all_other_browsers_are_signed_out_at_once(app: Flask, salma: Membership) -> None:
    here, there, third = at_work(app), at_work(app), at_work(app)

    here.post("/account/browsers/end")

    assert [is_in(one) for one in (here, there, third)] == [True, False, False]


@pytest.mark.parametrize("session", ["nonsense", "00", "ff" * 32])
def test_a_browser_that_is_none_is_not_found(app: Flask, salma: Membership, session: str) -> None:
    assert at_work(app).post(f"/account/browsers/{session}/end").status_code == 404


def test_nobody_signs_a_colleague_out(
    app: Flask, salma: Membership, signed_in: Browser, owner: Membership
) -> None:
    hers = at_work(app)

    assert signed_in(owner).post(f"/account/browsers/{key(hers)}/end").status_code == 404
    assert is_in(hers)


# --- the owner's hand -----------------------------------------------------------------------------


def test_the_owner_signs_a_member_out_everywhere(
    app: Flask, salma: Membership, signed_in: Browser, owner: Membership, merchant: Merchant
) -> None:
    here, there = at_work(app), at_work(app)
    assert "Salma" in signed_in(owner).get("/security").text

    answer = signed_in(owner).post(f"/security/{salma.id}/browsers")

    assert answer.status_code == 303
    assert not is_in(here)
    assert not is_in(there)
    assert kinds(merchant)[-1] == "team.browsers_ended"


def test_a_manager_signs_nobody_out(
    app: Flask, salma: Membership, signed_in: Browser, manager: Membership
) -> None:
    assert signed_in(manager).post(f"/security/{salma.id}/browsers").status_code == 403
    assert signed_in(manager).get("/security").status_code == 403


def test_who_works_for_two_stays_signed_in_with_the_other(
    app: Flask, salma: Membership, signed_in: Browser, owner: Membership, stranger: Membership
) -> None:
    with db.house() as house:
        elsewhere = Membership(
            merchant_id=stranger.merchant_id, user_id=salma.user_id, name="S", role=Role.AGENT
        )
        house.add(elsewhere)
    there = factories.browser(app, elsewhere)

    signed_in(owner).post(f"/security/{salma.id}/browsers")

    assert is_in(there)


def test_long_dead_sessions_and_old_halves_are_swept_away(salma: Membership) -> None:
    from datetime import timedelta

    from flows import security
    from models.security import HalfSignIn

    long_ago = utcnow() - timedelta(days=61)
    with db.house() as house:
        of = {"user_id": salma.user_id, "merchant_id": salma.merchant_id}
        house.add_all(
            [
                LoginSession(id=b"old", created_at=long_ago, **of),
                LoginSession(id=b"ended", ended_at=utcnow(), **of),
                HalfSignIn(id=b"half", user_id=salma.user_id, created_at=long_ago),
            ]
        )

    security.prune()

    with db.house() as house:
        assert house.scalars(select(LoginSession.id)).all() == [b"ended"]
        assert house.scalars(select(HalfSignIn.id)).all() == []
        assert house.scalars(select(User.id)).one() == salma.user_id


def key(client: FlaskClient) -> str:
    import hashlib

    cookie = client.get_cookie("wasl")
    return hashlib.sha256((cookie.value if cookie else "").encode()).hexdigest()
