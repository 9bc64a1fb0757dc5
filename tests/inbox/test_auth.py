"""Signing in and out, being recognised, and who may open what."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

import wsgi
from config import settings
from flows import passwords, team
from inbox import auth, create_app, web
from inbox.addresses import own_path
from models import db
from models.merchant import Merchant
from models.types import utcnow
from models.user import LoginSession, Membership, Role, User

EMAIL = "salma@atlas.example"
PASSWORD = "correct horse battery"

Browser = Callable[[Any], FlaskClient]


@pytest.fixture(autouse=True)
def _cheap(cheap_passwords: None) -> None:
    pass


@pytest.fixture
def salma(merchant: Merchant) -> Membership:
    """An agent with a real password."""
    return team.add_user(merchant.id, email=EMAIL, name="Salma", role=Role.AGENT, password=PASSWORD)


def sign_in(client: FlaskClient, password: str = PASSWORD, **fields: str) -> TestResponse:
    return client.post("/sign-in", data={"email": EMAIL, "password": password} | fields)


def cookie(answer: TestResponse, name: str = "wasl") -> str:
    return next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith(f"{name}="))


# --- signing in -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("proxies", "believed"), [("0", "127.0.0.1"), ("1", "41.140.2.3")])
@pytest.mark.usefixtures("salma")
def test_only_our_own_proxies_are_believed_about_where_somebody_is(
    monkeypatch: pytest.MonkeyPatch, proxies: str, believed: str
) -> None:
    monkeypatch.setenv("WASL_PROXIES", proxies)
    settings.cache_clear()
    try:
        browser = wsgi.wasl().test_client()
    finally:
        monkeypatch.undo()
        settings.cache_clear()

    form = {"email": EMAIL, "password": PASSWORD}
    browser.post("/sign-in", data=form, headers={"X-Forwarded-For": "6.6.6.6, 41.140.2.3"})

    with db.house() as house:
        assert house.scalars(select(LoginSession.ip)).one() == believed


@pytest.mark.usefixtures("salma")
def test_the_right_password_opens_the_page_that_was_wanted(client: FlaskClient) -> None:
    answer = sign_in(client, next="/board?stage=2")

    assert answer.status_code == 302
    assert answer.location == "/board?stage=2"
    assert client.post("/live-ticket").status_code == 204


@pytest.mark.usefixtures("salma")
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: FlaskClient) -> None:
    given = cookie(sign_in(client))

    assert "HttpOnly" in given
    assert "SameSite=Lax" in given
    assert "Max-Age" not in given
    assert "Secure" not in given


@pytest.mark.usefixtures("salma")
def test_over_https_the_cookie_is_bound_to_this_host(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASL_BASE_URL", "https://wasl.example")
    settings.cache_clear()

    answer = sign_in(client)

    monkeypatch.undo()
    settings.cache_clear()
    assert "Secure" in cookie(answer, "__Host-wasl")
    assert "Path=/;" in cookie(answer, "__Host-wasl")
    assert "Domain" not in cookie(answer, "__Host-wasl")
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


@pytest.mark.usefixtures("salma")
def test_remember_me_keeps_the_cookie_for_thirty_days(client: FlaskClient) -> None:
    given = cookie(sign_in(client, remember="1"))

    assert f"Max-Age={30 * 24 * 3600}" in given


@pytest.mark.usefixtures("salma")
def test_a_wrong_password_and_an_unknown_email_get_the_same_answer(client: FlaskClient) -> None:
    wrong = sign_in(client, "not the password")
    unknown = client.post("/sign-in", data={"email": EMAIL + "x", "password": "not the password"})

    assert wrong.status_code == unknown.status_code == 422
    assert wrong.text == unknown.text.replace(EMAIL + "x", EMAIL)


@pytest.mark.usefixtures("salma")
def test_what_was_typed_is_kept_except_the_password(client: FlaskClient) -> None:
    page = sign_in(client, "not the password", remember="1").text

    assert f'value="{EMAIL}"' in page
    assert 'value="1" checked' in page
    assert "not the password" not in page


@pytest.mark.usefixtures("salma")
def test_the_email_is_the_same_in_any_case(client: FlaskClient) -> None:
    answer = sign_in(client, email=f" {EMAIL.upper()} ")

    assert answer.status_code == 302


@pytest.mark.parametrize(
    "next_", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/a\nb"]
)
def test_signing_in_leads_to_no_other_site(next_: str) -> None:
    assert own_path(next_) == "/"


@pytest.mark.usefixtures("salma")
def test_after_ten_wrong_guesses_even_the_right_password_waits(client: FlaskClient) -> None:
    with time_machine.travel(datetime(2026, 11, 21, 9, 0, tzinfo=UTC), tick=False) as clock:
        for _ in range(10):
            assert sign_in(client, "wrong").status_code == 422
            clock.shift(timedelta(seconds=30))

        assert sign_in(client).status_code == 429

        clock.shift(timedelta(minutes=11))
        assert sign_in(client).status_code == 302


@pytest.mark.usefixtures("salma")
def test_guesses_made_at_once_are_still_ten(app: Flask) -> None:
    with ThreadPoolExecutor(14) as pool:
        answers = pool.map(lambda _: sign_in(app.test_client(), "wrong").status_code, range(14))

    assert sorted(answers) == [422] * 10 + [429] * 4


def test_an_unknown_email_is_slowed_down_like_a_known_one(client: FlaskClient) -> None:
    statuses = [sign_in(client, "wrong").status_code for _ in range(11)]

    assert statuses == [422] * 10 + [429]


@pytest.mark.usefixtures("salma")
def test_a_right_password_forgets_the_wrong_ones(client: FlaskClient) -> None:
    for _ in range(9):
        sign_in(client, "wrong")
    sign_in(client)

    statuses = [sign_in(client, "wrong").status_code for _ in range(10)]

    assert statuses == [422] * 10


def test_somebody_without_a_team_is_told_so(client: FlaskClient, salma: Membership) -> None:
    disable(salma)

    answer = sign_in(client)

    assert answer.status_code == 422
    assert "Set-Cookie" not in answer.headers


@pytest.mark.usefixtures("salma")
def test_signing_in_again_ends_the_session_before(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    before = client.get_cookie("wasl")
    sign_in(client)
    thief = app.test_client()
    thief.set_cookie("wasl", before.value if before else "")

    assert thief.post("/live-ticket").status_code == 302


@pytest.mark.usefixtures("salma")
def test_a_password_kept_with_weaker_settings_is_kept_better_at_the_next_sign_in(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(2, 16, 1))

    sign_in(client)

    with db.house() as house:
        assert "m=16,t=2" in house.scalars(select(User.password_hash)).one()
    assert sign_in(client).status_code == 302


# --- staying signed in ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("remember", "away", "alive"),
    [
        (False, timedelta(hours=11), True),
        (False, timedelta(hours=13), False),
        (True, timedelta(days=29), True),
        (True, timedelta(days=31), False),
    ],
)
def test_a_session_lasts_as_long_as_promised(
    client: FlaskClient, salma: Membership, remember: bool, away: timedelta, alive: bool
) -> None:
    with time_machine.travel(utcnow(), tick=False) as clock:
        sign_in(client, **({"remember": "1"} if remember else {}))
        clock.shift(away)

        answer = client.post("/live-ticket")

    assert (answer.status_code == 204) is alive


@pytest.mark.usefixtures("salma")
def test_work_keeps_a_session_awake_for_fourteen_days_at_most(client: FlaskClient) -> None:
    with time_machine.travel(utcnow(), tick=False) as clock:
        sign_in(client)
        for _ in range(27):
            clock.shift(timedelta(hours=12, seconds=-1))
            assert client.post("/live-ticket").status_code == 204
        clock.shift(timedelta(hours=12))

        assert client.post("/live-ticket").status_code == 302


@pytest.mark.usefixtures("salma")
def test_a_screen_that_refreshes_itself_keeps_nobody_signed_in(client: FlaskClient) -> None:
    with time_machine.travel(utcnow(), tick=False) as clock:
        sign_in(client)
        clock.shift(timedelta(hours=7))
        client.post("/live-ticket", headers={"Wasl-Background": "1"})
        clock.shift(timedelta(hours=7))

        assert client.post("/live-ticket").status_code == 302


@pytest.mark.usefixtures("salma")
def test_after_signing_out_the_old_cookie_opens_nothing(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    kept = client.get_cookie("wasl")
    client.post("/sign-out")
    thief = app.test_client()
    thief.set_cookie("wasl", kept.value if kept else "")

    assert thief.post("/live-ticket").status_code == 302
    with db.house() as house:
        assert house.scalars(select(LoginSession.ended_at)).one() is not None


def test_a_disabled_member_is_out_on_the_next_request(signed_in: Browser, agent: Any) -> None:
    browser = signed_in(agent)
    assert browser.post("/live-ticket").status_code == 204

    disable(agent)

    assert browser.post("/live-ticket").status_code == 302


def test_a_disabled_user_is_out_on_the_next_request(signed_in: Browser, agent: Any) -> None:
    browser = signed_in(agent)

    with db.house() as house:
        house.get_one(User, agent.user_id).disabled_at = utcnow()

    assert browser.post("/live-ticket").status_code == 302


def test_a_made_up_cookie_opens_nothing(client: FlaskClient) -> None:
    client.set_cookie("wasl", "x" * 43)

    assert client.post("/live-ticket").status_code == 302


# --- who may open what ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded() -> Flask:
    """The application with one page that only people who see costs may open."""
    application = create_app()
    application.testing = True
    application.add_url_rule("/guarded", "guarded", auth.needs("costs.read")(lambda: "in"))
    application.add_url_rule("/forgotten", "forgotten", lambda: "in")
    return application


@pytest.fixture
def guarded_as(guarded: Flask) -> Browser:
    from tests import factories

    return lambda member: factories.browser(guarded, member)


def test_a_stranger_is_led_to_the_sign_in_page_and_back(guarded: Flask) -> None:
    answer = guarded.test_client().get("/guarded?month=2026-11")

    assert answer.status_code == 302
    assert answer.location == "/sign-in?next=/guarded?month%3D2026-11"


def test_htmx_is_told_to_go_to_the_sign_in_page(guarded: Flask) -> None:
    answer = guarded.test_client().get("/guarded", headers={"HX-Request": "true"})

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in"


def test_a_background_refresh_never_takes_the_page_away(guarded: Flask) -> None:
    headers = {"HX-Request": "true", "Wasl-Background": "1"}

    answer = guarded.test_client().get("/guarded", headers=headers)

    assert answer.status_code == 401
    assert "HX-Redirect" not in answer.headers
    assert "signed-out" in answer.headers["HX-Trigger"]


def test_a_missing_permission_is_a_403(guarded_as: Browser, manager: Any, agent: Any) -> None:
    assert guarded_as(manager).get("/guarded").text == "in"
    assert guarded_as(agent).get("/guarded").status_code == 403


def test_a_new_role_acts_on_the_next_request(guarded_as: Browser, manager: Any) -> None:
    browser = guarded_as(manager)
    assert browser.get("/guarded").status_code == 200

    with db.merchant(manager.merchant_id) as session:
        session.get_one(Membership, (manager.merchant_id, manager.id)).role = Role.AGENT

    assert browser.get("/guarded").status_code == 403


def test_a_route_that_does_not_say_who_may_open_it_stops_the_start(guarded: Flask) -> None:
    with pytest.raises(RuntimeError, match="/forgotten says neither"):
        web.refuse_unmarked_routes(guarded)


def test_a_signed_in_person_is_not_asked_again(signed_in: Browser, agent: Any) -> None:
    answer = signed_in(agent).get("/sign-in?next=/board")

    assert answer.location == "/board"


def disable(member: Membership) -> None:
    with db.merchant(member.merchant_id) as session:
        found = session.get_one(Membership, (member.merchant_id, member.id))
        found.disabled_at = utcnow()
