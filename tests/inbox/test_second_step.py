"""The second step of signing in: set up, asked for, replayed, guessed at, lost, required."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pyotp
import pytest
import time_machine
from click.testing import CliRunner
from cryptography.exceptions import InvalidTag
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

import cli
from flows import passwords, security, team
from flows.errors import Refused
from models import db
from models.audit import AuditEntry
from models.merchant import Merchant
from models.security import HalfSignIn, RecoveryCode, Totp
from models.types import utcnow
from models.user import LoginSession, Membership, Role, User

EMAIL = "salma@atlas.example"
PASSWORD = "correct horse battery"
NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)

Browser = Callable[[Any], FlaskClient]


@pytest.fixture(autouse=True)
def _cheap(cheap_passwords: None) -> None:
    pass


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as travelled:
        yield travelled


@pytest.fixture
def salma(merchant: Merchant) -> Membership:
    return team.add_user(merchant.id, email=EMAIL, name="Salma", role=Role.AGENT, password=PASSWORD)


class Phone:
    """Salma's authenticator and the codes she printed."""

    def __init__(self, secret: str, printed: list[str]) -> None:
        self.totp, self.printed = pyotp.TOTP(secret), printed

    def code(self, off: int = 0) -> str:
        """What it shows now; `off` half minutes earlier or later for a clock that is wrong."""
        return self.totp.at(utcnow() + timedelta(seconds=30 * off))


@pytest.fixture
def phone(app: Flask, salma: Membership, clock: Any) -> Phone:
    """Salma has set it up, and the half minute is over."""
    found = set_up(app)
    clock.shift(timedelta(minutes=1))
    return found


def set_up(app: Flask) -> Phone:
    browser = app.test_client()
    sign_in(browser)
    return enrol(browser)


def enrol(browser: FlaskClient) -> Phone:
    browser.post("/account/second-step", data={"password": PASSWORD})
    secret = secret_on(browser.get("/account/second-step").text)
    page = browser.post("/account/second-step/confirm", data={"code": pyotp.TOTP(secret).now()})
    assert page.status_code == 200, page.text
    return Phone(secret, re.findall(r"<li><code>([\w-]{19})</code>", page.text))


def secret_on(page: str) -> str:
    found = re.search(r'<code class="key" dir="ltr">([A-Z2-7 ]+)</code>', page)
    assert found is not None
    return found[1].replace(" ", "")


def sign_in(client: FlaskClient, password: str = PASSWORD, **fields: str) -> TestResponse:
    return client.post("/sign-in", data={"email": EMAIL, "password": password} | fields)


def half_in(app: Flask) -> FlaskClient:
    client = app.test_client()
    assert sign_in(client).location.startswith("/sign-in/code")
    return client


def enter(client: FlaskClient, code: str, **fields: str) -> TestResponse:
    return client.post("/sign-in/code", data={"code": code} | fields)


def is_in(client: FlaskClient) -> bool:
    return client.post("/live-ticket").status_code == 204


def kinds(merchant: Merchant) -> list[str]:
    with db.merchant(merchant.id) as session:
        return list(session.scalars(select(AuditEntry.kind).order_by(AuditEntry.at)))


# --- setting it up --------------------------------------------------------------------------------


@pytest.mark.usefixtures("salma", "clock")
def test_the_key_is_shown_as_a_picture_and_in_text_to_who_knows_the_password(
    app: Flask, client: FlaskClient
) -> None:
    sign_in(client)
    assert 'class="key"' not in client.get("/account/second-step").text

    wrong = client.post("/account/second-step", data={"password": "wrong"})
    right = client.post("/account/second-step", data={"password": PASSWORD})

    assert (wrong.status_code, right.status_code) == (422, 303)
    page = client.get("/account/second-step").text
    assert len(secret_on(page)) == 32
    assert "<svg" in page


@pytest.mark.usefixtures("salma")
def test_ten_recovery_codes_are_told_once(app: Flask, client: FlaskClient, clock: Any) -> None:
    sign_in(client)

    phone = enrol(client)

    assert len(set(phone.printed)) == 10
    assert phone.printed[0] not in client.get("/account/second-step").text


@pytest.mark.usefixtures("salma")
def test_setting_it_up_signs_the_other_browsers_out(app: Flask, clock: Any) -> None:
    here, there = app.test_client(), app.test_client()
    sign_in(here)
    sign_in(there)

    enrol(here)

    assert is_in(here)
    assert not is_in(there)


@pytest.mark.usefixtures("salma")
def test_a_wrong_code_turns_nothing_on(app: Flask, client: FlaskClient, clock: Any) -> None:
    sign_in(client)
    client.post("/account/second-step", data={"password": PASSWORD})

    answer = client.post("/account/second-step/confirm", data={"code": "000000"})

    assert answer.status_code == 422
    assert 'id="e-code"' in answer.text
    assert sign_in(app.test_client()).location == "/"


@pytest.mark.usefixtures("salma")
def test_a_key_left_lying_is_shown_to_nobody(client: FlaskClient, clock: Any) -> None:
    sign_in(client)
    client.post("/account/second-step", data={"password": PASSWORD})
    code = pyotp.TOTP(secret_on(client.get("/account/second-step").text))
    clock.shift(timedelta(minutes=16))

    assert 'class="key"' not in client.get("/account/second-step").text
    answer = client.post("/account/second-step/confirm", data={"code": code.now()})
    assert answer.status_code == 422


def test_nobody_begins_anew_while_it_is_on(app: Flask, phone: Phone) -> None:
    browser = half_in(app)
    enter(browser, phone.code())

    assert browser.post("/account/second-step", data={"password": PASSWORD}).status_code == 409


# --- how it is kept -------------------------------------------------------------------------------


def test_neither_key_nor_codes_can_be_read_in_the_database(
    phone: Phone, owner_connection: psycopg.Connection
) -> None:
    kept = "".join(
        str(owner_connection.execute(f"SELECT array_agg(t::text) FROM {name} t").fetchone())  # noqa: S608
        for name in ("totps", "recovery_codes", "users", "audit_entries")
    )

    secret = phone.totp.secret
    assert secret not in kept
    assert secret.encode().hex() not in kept
    assert not any(code in kept or code.replace("-", "") in kept for code in phone.printed)


@pytest.mark.usefixtures("phone")
def test_a_key_moved_to_somebody_else_opens_nothing(salma: Membership, merchant: Merchant) -> None:
    other = team.add_user(
        merchant.id, email="o@atlas.example", name="O", role=Role.OWNER, password=PASSWORD
    )
    with db.house() as house:
        sealed = house.get_one(Totp, salma.user_id).sealed_secret
        house.add(Totp(user_id=other.user_id, sealed_secret=sealed, confirmed_at=utcnow()))

    with db.house() as house, pytest.raises(InvalidTag):
        _ = house.get_one(Totp, other.user_id).secret


# --- signing in -----------------------------------------------------------------------------------


def test_after_the_password_nothing_opens_but_the_page_for_the_code(
    app: Flask, phone: Phone
) -> None:
    client = app.test_client()

    answer = sign_in(client, next="/board?stage=2")

    assert answer.location == "/sign-in/code?next=/board?stage%3D2"
    assert client.get_cookie("wasl") is None
    assert not is_in(client)
    assert client.get("/account").status_code == 302
    assert client.get("/sign-in/code").status_code == 200


def test_half_a_sign_in_is_no_session_even_as_its_cookie(app: Flask, phone: Phone) -> None:
    half = half_in(app).get_cookie("wasl-half")
    thief = app.test_client()
    thief.set_cookie("wasl", half.value if half else "")

    assert not is_in(thief)


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_the_code_opens_also_when_the_phones_clock_is_half_a_minute_wrong(
    app: Flask, phone: Phone, off: int
) -> None:
    client = half_in(app)

    answer = enter(client, phone.code(off), next="/board")

    assert answer.location == "/board"
    assert is_in(client)
    assert client.get_cookie("wasl-half") is None


@pytest.mark.parametrize("off", [-3, -2, 2, 3])
def test_a_code_of_another_minute_does_not_open(app: Flask, phone: Phone, off: int) -> None:
    client = half_in(app)

    assert enter(client, phone.code(off)).status_code == 422
    assert not is_in(client)


def test_a_code_is_read_with_spaces_and_in_arabic_digits(app: Flask, phone: Phone) -> None:
    client, code = half_in(app), phone.code()
    arabic = code.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))

    answer = enter(client, f" {arabic[:3]} {arabic[3:]} ")

    assert answer.status_code == 302


@pytest.mark.parametrize("code", ["", " ", "12345", "1234567", "é" * 6, "\x00" * 6, "9" * 5000])
def test_what_is_no_code_is_refused(app: Flask, phone: Phone, code: str) -> None:
    assert enter(half_in(app), code).status_code == 422


def test_a_code_opens_once(app: Flask, phone: Phone) -> None:
    code = phone.code()
    assert enter(half_in(app), code).status_code == 302

    assert enter(half_in(app), code).status_code == 422


def test_an_older_code_never_opens_after_a_newer_one(app: Flask, phone: Phone) -> None:
    enter(half_in(app), phone.code())

    assert enter(half_in(app), phone.code(-1)).status_code == 422


def test_of_nine_browsers_with_one_code_one_gets_in(app: Flask, phone: Phone) -> None:
    clients = [half_in(app) for _ in range(9)]
    code = phone.code()
    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(lambda client: enter(client, code).status_code, clients))

    assert sorted(answers) == [302] + [422] * 8


def test_the_first_code_that_set_it_up_opens_nothing_more(
    app: Flask, salma: Membership, clock: Any
) -> None:
    phone = set_up(app)

    assert enter(half_in(app), phone.code()).status_code == 422


def test_ten_minutes_later_the_password_is_asked_again(
    app: Flask, phone: Phone, clock: Any
) -> None:
    client = half_in(app)
    clock.shift(timedelta(minutes=11))

    answer = enter(client, phone.code())

    assert answer.location.startswith("/sign-in?")
    assert not is_in(client)


def test_half_a_sign_in_is_used_up_by_its_end(app: Flask, phone: Phone, clock: Any) -> None:
    client = half_in(app)
    half = client.get_cookie("wasl-half")
    enter(client, phone.code())
    clock.shift(timedelta(minutes=1))
    again = app.test_client()
    again.set_cookie("wasl-half", half.value if half else "")

    assert enter(again, phone.code()).location.startswith("/sign-in?")


def test_staying_signed_in_is_remembered_over_the_second_step(app: Flask, phone: Phone) -> None:
    client = app.test_client()
    sign_in(client, remember="1")

    given = enter(client, phone.code()).headers.getlist("Set-Cookie")

    assert any(c.startswith("wasl=") and f"Max-Age={30 * 24 * 3600}" in c for c in given)


def test_a_disabled_person_gets_no_further_than_half(
    app: Flask, phone: Phone, salma: Membership
) -> None:
    client = half_in(app)
    with db.house() as house:
        house.get_one(User, salma.user_id).disabled_at = utcnow()

    assert enter(client, phone.code()).location.startswith("/sign-in?")


def test_a_new_password_ends_half_sign_ins(app: Flask, phone: Phone, clock: Any) -> None:
    thief, hers = half_in(app), half_in(app)
    enter(hers, phone.code())

    hers.post("/account/password", data={"present": PASSWORD, "new": "another long sentence"})

    clock.shift(timedelta(minutes=1))
    assert enter(thief, phone.code()).location.startswith("/sign-in?")


@pytest.mark.parametrize("meanwhile", ["password", "second step"])
def test_what_is_changed_during_a_sign_in_holds_for_it(
    app: Flask, salma: Membership, clock: Any, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """The old password was looked at, then changed before the session was made."""
    hers, matches = app.test_client(), passwords.matches
    sign_in(hers)

    def slowly(password_hash: str | None, password: str) -> bool:
        found = matches(password_hash, password)
        monkeypatch.setattr(passwords, "matches", matches)
        if meanwhile == "password":
            form = {"present": PASSWORD, "new": "another long sentence"}
            assert hers.post("/account/password", data=form).status_code == 303
        else:
            enrol(hers)
        return found

    monkeypatch.setattr(passwords, "matches", slowly)
    client = app.test_client()
    answer = sign_in(client)

    assert not is_in(client)
    assert answer.status_code == 422 or answer.location.startswith("/sign-in/code")


# --- guessing -------------------------------------------------------------------------------------


def test_wrong_codes_are_ten_like_wrong_passwords(app: Flask, phone: Phone, clock: Any) -> None:
    client = half_in(app)
    answers = [enter(client, "000000").status_code for _ in range(11)]

    assert answers == [422] * 10 + [429]
    assert enter(client, phone.code()).status_code == 429

    clock.shift(timedelta(minutes=16))
    assert enter(half_in(app), phone.code()).status_code == 302


def test_fifty_codes_guessed_at_once_are_ten(app: Flask, phone: Phone) -> None:
    client = half_in(app)
    half = client.get_cookie("wasl-half")

    def guess(number: int) -> int:
        browser = app.test_client()
        browser.set_cookie("wasl-half", half.value if half else "")
        return enter(browser, f"{number:06}").status_code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(guess, range(50)))

    assert sorted(answers) == [422] * 10 + [429] * 40


def test_the_right_password_buys_no_more_guesses_at_the_code(app: Flask, phone: Phone) -> None:
    answers = [enter(half_in(app), "000000").status_code for _ in range(10)]

    assert answers == [422] * 10
    assert sign_in(app.test_client()).status_code == 429


def test_wrong_passwords_and_wrong_codes_are_counted_together(app: Flask, phone: Phone) -> None:
    for _ in range(6):
        sign_in(app.test_client(), "wrong")
    client = half_in(app)

    answers = [enter(client, "000000").status_code for _ in range(5)]

    assert answers == [422] * 4 + [429]


def test_recovery_codes_are_guessed_no_faster(app: Flask, phone: Phone) -> None:
    client = half_in(app)
    guesses = [enter(client, "", recovery=f"{n:016}").status_code for n in range(11)]

    assert guesses == [422] * 10 + [429]


def test_the_right_code_forgets_the_wrong_ones(app: Flask, phone: Phone) -> None:
    client = half_in(app)
    for _ in range(8):
        enter(client, "000000")
    enter(client, phone.code())

    assert [enter(half_in(app), "000000").status_code for _ in range(9)] == [422] * 9


# --- recovery -------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", [str, str.lower, lambda code: code.replace("-", " ")])
def test_a_recovery_code_opens_once_and_is_noted(
    app: Flask, phone: Phone, merchant: Merchant, typed: Callable[[str], str]
) -> None:
    code = typed(phone.printed[3])

    assert enter(half_in(app), "", recovery=code).status_code == 302
    assert enter(half_in(app), "", recovery=code).status_code == 422
    assert "account.recovery_used" in kinds(merchant)
    assert enter(half_in(app), "", recovery=phone.printed[4]).status_code == 302


def test_of_nine_browsers_with_one_recovery_code_one_gets_in(app: Flask, phone: Phone) -> None:
    clients = [half_in(app) for _ in range(9)]

    def recover(client: FlaskClient) -> int:
        return enter(client, "", recovery=phone.printed[0]).status_code

    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(recover, clients))

    assert sorted(answers) == [302] + [422] * 8


def test_somebody_elses_recovery_code_opens_nothing(
    app: Flask, phone: Phone, merchant: Merchant
) -> None:
    other = team.add_user(
        merchant.id, email="o@atlas.example", name="O", role=Role.OWNER, password=PASSWORD
    )
    with db.house() as house:
        for code in house.scalars(select(RecoveryCode)):
            code.user_id = other.user_id

    assert enter(half_in(app), "", recovery=phone.printed[0]).status_code == 422


def test_new_recovery_codes_end_the_old_ones(app: Flask, phone: Phone, clock: Any) -> None:
    browser = half_in(app)
    enter(browser, phone.code())
    clock.shift(timedelta(minutes=1))

    form = {"codes_password": PASSWORD, "codes_code": phone.code()}
    page = browser.post("/account/second-step/codes", data=form).text

    fresh = re.findall(r"<li><code>([\w-]{19})</code>", page)
    assert len(fresh) == 10
    assert enter(half_in(app), "", recovery=phone.printed[0]).status_code == 422
    assert enter(half_in(app), "", recovery=fresh[0]).status_code == 302


# --- turning it off -------------------------------------------------------------------------------


def test_it_is_turned_off_with_password_and_code_only(app: Flask, phone: Phone, clock: Any) -> None:
    browser = half_in(app)
    enter(browser, phone.code())
    clock.shift(timedelta(minutes=1))
    right = {"off_password": PASSWORD, "off_code": phone.code()}

    for name, wrong in (("password", "wrong"), ("code", "000000"), ("code", ""), ("password", "")):
        answer = browser.post("/account/second-step/off", data=right | {f"off_{name}": wrong})
        assert answer.status_code == 422
        assert f'id="e-off_{name}"' in answer.text
    assert browser.post("/account/second-step/off", data=right).status_code == 303

    assert sign_in(app.test_client()).location == "/"
    with db.house() as house:
        assert house.scalars(select(RecoveryCode)).all() == []


def test_a_wrong_password_uses_no_code_up(app: Flask, phone: Phone, clock: Any) -> None:
    browser = half_in(app)
    enter(browser, phone.code())
    clock.shift(timedelta(minutes=1))
    code = phone.code()

    browser.post("/account/second-step/off", data={"off_password": "wrong", "off_code": code})

    form = {"off_password": PASSWORD, "off_code": code}
    assert browser.post("/account/second-step/off", data=form).status_code == 303


# --- the owner ------------------------------------------------------------------------------------


def test_the_owner_resets_it_for_who_lost_their_phone(
    app: Flask, phone: Phone, salma: Membership, signed_in: Browser, owner: Membership
) -> None:
    hers = half_in(app)
    enter(hers, phone.code())

    answer = signed_in(owner).post(f"/security/{salma.id}/second-step")

    assert answer.status_code == 303
    assert not is_in(hers)
    assert sign_in(app.test_client()).location == "/"


def test_only_the_owner_resets_it(
    app: Flask, phone: Phone, salma: Membership, signed_in: Browser, manager: Membership
) -> None:
    answer = signed_in(manager).post(f"/security/{salma.id}/second-step")

    assert answer.status_code == 403
    assert sign_in(app.test_client()).location.startswith("/sign-in/code")


def test_no_owner_resets_it_for_who_works_for_others_too(
    app: Flask,
    phone: Phone,
    salma: Membership,
    signed_in: Browser,
    owner: Membership,
    stranger: Membership,
) -> None:
    with db.house() as house:
        house.add(
            Membership(
                merchant_id=stranger.merchant_id, user_id=salma.user_id, name="S", role=Role.AGENT
            )
        )

    answer = signed_in(owner).post(f"/security/{salma.id}/second-step")

    assert answer.status_code == 409
    assert security.on(salma.user_id)


def test_who_runs_the_install_helps_an_owner_and_every_team_reads_it(
    app: Flask, phone: Phone, merchant: Merchant
) -> None:
    answer = CliRunner().invoke(cli.wasl, ["user", "reset-second-step", "--email", EMAIL.upper()])

    assert answer.exit_code == 0, answer.output
    assert sign_in(app.test_client()).location == "/"
    assert "team.second_step_reset" in kinds(merchant)


def test_nobody_is_helped_who_does_not_exist() -> None:
    with pytest.raises(Refused):
        security.reset_for("nobody@atlas.example")


# --- required by role -----------------------------------------------------------------------------


@pytest.fixture
def required(signed_in: Browser, owner: Membership) -> FlaskClient:
    """The owner asks for it from confirmation agents."""
    browser = signed_in(owner)
    browser.post("/security", data={"role": "confirmation_agent"})
    return browser


@pytest.mark.usefixtures("required", "salma")
def test_who_must_have_it_is_led_to_set_it_up_before_anything_else(
    app: Flask, client: FlaskClient, clock: Any
) -> None:
    sign_in(client)

    for path in ("/", "/inbox", "/orders", "/account", "/runs"):
        assert client.get(path).location == "/account/second-step", path
    assert client.post("/live-ticket").status_code == 302
    assert client.get("/account/second-step").status_code == 200


@pytest.mark.usefixtures("required", "salma")
def test_the_page_that_sets_it_up_asks_for_nothing_that_leads_back_to_it(
    client: FlaskClient, clock: Any
) -> None:
    sign_in(client)
    client.post("/account/second-step", data={"password": PASSWORD})

    for path in ("/account/second-step", "/nowhere"):
        page = client.get(path).text
        assert "hx-get" not in page
        assert "live.js" not in page


@pytest.mark.usefixtures("required", "salma")
def test_once_set_up_everything_opens(client: FlaskClient, clock: Any) -> None:
    sign_in(client)

    enrol(client)

    assert is_in(client)
    assert client.get("/orders").status_code == 200


@pytest.mark.usefixtures("salma")
def test_the_rule_acts_on_the_next_request_and_lifted_as_well(
    app: Flask, client: FlaskClient, signed_in: Browser, owner: Membership
) -> None:
    sign_in(client)
    assert is_in(client)
    browser = signed_in(owner)

    browser.post("/security", data={"role": "confirmation_agent"})
    assert client.get("/orders").location == "/account/second-step"

    browser.post("/security", data={})
    assert client.get("/orders").status_code == 200


@pytest.mark.usefixtures("required")
def test_it_concerns_nobody_of_another_role_or_merchant(
    signed_in: Browser, owner: Membership, manager: Membership, stranger: Membership
) -> None:
    assert signed_in(owner).get("/orders").status_code == 200
    assert signed_in(manager).get("/orders").status_code == 200
    assert signed_in(stranger).get("/orders").status_code == 200


@pytest.mark.usefixtures("required", "salma")
def test_htmx_is_led_there_and_a_background_refresh_left_alone(client: FlaskClient) -> None:
    sign_in(client)

    asked = client.get("/orders", headers={"HX-Request": "true"})
    background = client.get("/orders", headers={"HX-Request": "true", "Wasl-Background": "1"})

    assert asked.headers["HX-Redirect"] == "/account/second-step"
    assert "HX-Redirect" not in background.headers
    assert background.status_code == 403


def test_who_must_have_it_and_turns_it_off_sets_up_another(
    app: Flask, phone: Phone, required: FlaskClient, clock: Any
) -> None:
    browser = half_in(app)
    enter(browser, phone.code())
    clock.shift(timedelta(minutes=1))

    form = {"off_password": PASSWORD, "off_code": phone.code()}
    browser.post("/account/second-step/off", data=form)

    assert browser.get("/orders").location == "/account/second-step"


def test_nothing_of_a_sign_in_stays_half_done_in_the_tables(app: Flask, phone: Phone) -> None:
    enter(half_in(app), phone.code())

    with db.house() as house:
        assert house.scalars(select(HalfSignIn)).all() == []
        alive = select(LoginSession).where(LoginSession.ended_at.is_(None))
        assert len(house.scalars(alive).all()) == 2  # the browser that set it up, and this one
