"""Anybody opens an account on one page; the first steps tick themselves off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from cli import wasl
from config import settings
from flows import signup
from inbox.signup import throttle
from models import db
from models.merchant import Merchant
from models.pipeline import Pipeline, Stage
from models.stock import Warehouse
from models.user import Membership, Role, User
from tests import factories

Browser = Callable[[Membership], FlaskClient]
ENGLISH = {"Accept-Language": "en"}
FORM = {
    "merchant": "Boutique Zellige",
    "name": "Hind Alaoui",
    "email": "hind@zellige.example",
    "password": "soixante-douze tuiles",
    "country": "MA",
    "currency": "",
    "time_zone": "",
    "language": "fr",
    "preset": "cod",
}


def post(client: FlaskClient, **changes: str) -> TestResponse:
    return client.post("/sign-up", data=FORM | changes, headers=ENGLISH)


def merchants() -> list[Merchant]:
    with db.house() as house:
        return list(house.scalars(select(Merchant).order_by(Merchant.created_at)))


def errors(answer: TestResponse) -> set[str]:
    return set(re.findall(r'id="e-(\w+)"', answer.text))


def test_one_form_opens_an_account_that_can_start_at_once(client: FlaskClient) -> None:
    page = client.get("/sign-up", headers=ENGLISH)
    answer = post(client)
    steps = client.get(answer.location)

    (made,) = merchants()
    assert page.status_code == 200
    assert (answer.status_code, answer.location) == (302, "/moving-in")
    assert steps.status_code == 200
    assert (made.currency, made.time_zone, made.language) == ("MAD", "Africa/Casablanca", "fr")
    with db.merchant(made.id) as session:
        (member,) = session.scalars(select(Membership))
        assert (member.role, member.name) == (Role.OWNER, "Hind Alaoui")
        assert session.scalar(select(func.count()).select_from(Stage)) == 10
        assert session.scalars(select(Warehouse)).one().name == "Entrepôt"
    assert client.get("/inbox").status_code == 200


@pytest.mark.parametrize(
    ("country", "currency", "zone"),
    [
        ("DZ", "DZD", "Africa/Algiers"),
        ("TN", "TND", "Africa/Tunis"),
        ("FR", "EUR", "Europe/Paris"),
        ("SN", "XOF", "Africa/Dakar"),
    ],
)
def test_the_country_fills_in_currency_and_time_zone(
    client: FlaskClient, country: str, currency: str, zone: str
) -> None:
    post(client, country=country)

    (made,) = merchants()
    assert (made.currency, made.time_zone) == (currency, zone)


def test_what_somebody_chooses_stands(client: FlaskClient) -> None:
    post(
        client,
        country="FR",
        currency="MAD",
        time_zone="Africa/Casablanca",
        language="ar",
        preset="services",
    )

    (made,) = merchants()
    assert (made.currency, made.time_zone, made.language) == ("MAD", "Africa/Casablanca", "ar")
    with db.merchant(made.id) as session:
        assert session.scalars(select(Pipeline)).one().name == "الخدمات"
    assert 'lang="ar"' in client.get("/moving-in").text


def test_the_same_form_twice_is_one_merchant_and_signs_in(app: Flask, client: FlaskClient) -> None:
    post(client)
    again = post(app.test_client())

    assert again.location == "/moving-in"
    assert len(merchants()) == 1
    with db.house() as house:
        assert house.scalar(select(func.count()).select_from(User)) == 1


def test_a_double_click_is_one_merchant(app: Flask) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: post(app.test_client()).status_code, range(2)))

    (made,) = merchants()
    with db.merchant(made.id) as session:
        assert session.scalar(select(func.count()).select_from(Pipeline)) == 1
    assert answers == [302, 302]


def test_a_sign_up_that_broke_off_is_completed_by_the_next(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = signup.Form(**FORM)
    with monkeypatch.context() as broken:
        broken.setattr(signup, "_fit_out", lambda *_: (_ for _ in ()).throw(RuntimeError))
        with pytest.raises(RuntimeError):
            signup.sign_up(form)

    post(client)

    (made,) = merchants()
    with db.merchant(made.id) as session:
        assert session.scalar(select(func.count()).select_from(Pipeline)) == 1


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"merchant": " "}, {"merchant"}),
        ({"name": "x" * 81}, {"name"}),
        ({"email": "hind"}, {"email"}),
        ({"password": "short"}, {"password"}),
        ({"password": "password1"}, {"password"}),
        ({"country": "XX"}, {"country"}),
        ({"currency": "<b>"}, {"currency"}),
        ({"time_zone": "Mars"}, {"time_zone"}),
        ({"language": "xx"}, {"language"}),
        ({"preset": "xx"}, {"preset"}),
        ({"merchant": "", "email": "", "password": ""}, {"merchant", "email", "password"}),
    ],
)
def test_what_is_wrong_is_named_and_what_was_typed_stays(
    client: FlaskClient, typed: dict[str, str], wrong: set[str]
) -> None:
    answer = post(client, **typed)

    assert answer.status_code == 422
    assert errors(answer) == wrong
    if "merchant" not in typed:
        assert 'value="Boutique Zellige"' in answer.text
    assert FORM["password"] not in answer.text
    assert merchants() == []


def test_an_address_somebody_uses_opens_no_second_account(client: FlaskClient, app: Flask) -> None:
    post(client)

    other_shop = post(app.test_client(), merchant="Another")
    other_password = post(
        app.test_client(), password="another long one", email="HIND@zellige.example"
    )

    assert [a.status_code for a in (other_shop, other_password)] == [422, 422]
    assert errors(other_shop) == errors(other_password) == {"email"}
    assert len(merchants()) == 1


def test_one_address_may_not_try_for_ever(client: FlaskClient) -> None:
    answers = [post(client, email="").status_code for _ in range(throttle.TRIES + 1)]

    assert answers == [422] * throttle.TRIES + [429]


@pytest.fixture
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("WASL_SIGN_UP", "off")
    settings.cache_clear()
    yield
    monkeypatch.delenv("WASL_SIGN_UP")
    settings.cache_clear()


@pytest.mark.usefixtures("_closed")
def test_sign_up_can_be_switched_off(client: FlaskClient) -> None:
    assert client.get("/sign-up").status_code == 404
    assert post(client).status_code == 404
    assert "/sign-up" not in client.get("/sign-in").text
    assert merchants() == []


def test_the_terminal_does_the_same(client: FlaskClient) -> None:
    typed = ["merchant", "add", "--name", "Zellige", "--country", "dz", "--preset", "digital"]
    typed += ["--owner-email", "hind@zellige.example", "--owner-password", "soixante-douze"]

    done = CliRunner().invoke(wasl, typed)

    (made,) = merchants()
    assert done.output.strip() == str(made.id)
    assert (made.currency, made.country) == ("DZD", "DZ")
    signed_in = client.post(
        "/sign-in", data={"email": "hind@zellige.example", "password": "soixante-douze"}
    )
    assert signed_in.status_code == 302


# --- the first steps ------------------------------------------------------------------------------


def ticked(page: TestResponse) -> int:
    return page.text.count("moving-done")


def test_the_first_steps_tick_themselves_off(
    merchant: Merchant, owner: Membership, agent: Membership, signed_in: Browser, session: Any
) -> None:
    factories.product()
    session.commit()
    session.close()
    db.close()

    page = signed_in(owner).get("/moving-in", headers=ENGLISH)

    assert ticked(page) == 2  # a product, and a colleague
    assert "Have your first templates approved" in page.text


def test_the_list_is_put_away_for_good(owner: Membership, signed_in: Browser) -> None:
    browser = signed_in(owner)
    before = "/moving-in" in browser.get("/settings").text

    browser.post("/moving-in/away")

    assert before
    assert "/moving-in" not in browser.get("/settings").text
