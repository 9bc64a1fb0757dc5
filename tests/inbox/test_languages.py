"""Whose language it is, which way it runs, and data that keep their own direction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask, g
from flask.testing import FlaskClient
from jinja2 import nodes
from markupsafe import Markup

from flows.errors import Refused
from inbox import filters, languages
from inbox.current import Login
from models.merchant import Merchant
from models.types import Money
from models.user import Membership, Role, User

Browser = Callable[[Any], FlaskClient]

CATALOGUE = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : "
"n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5;\\n"

msgid "Sign in"
msgstr "تسجيل الدخول"

msgid "Only {left} left."
msgstr "بقي {left} فقط."

#, fuzzy
msgid "Password"
msgstr "غير مؤكد"

msgid "%(num)s order"
msgid_plural "%(num)s orders"
msgstr[0] "لا طلبات"
msgstr[1] "طلب واحد"
msgstr[2] "طلبان"
msgstr[3] "%(num)s طلبات"
msgstr[4] "%(num)s طلبا"
msgstr[5] "%(num)s طلب"
"""


@pytest.fixture
def arabic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A catalogue with Arabic in it and nothing for the other languages."""
    folder = tmp_path / "ar" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.po").write_text(CATALOGUE, "utf-8")
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    languages.catalogue.cache_clear()
    yield
    languages.catalogue.cache_clear()


@pytest.fixture
def reading(app: Flask) -> Iterator[Callable[[str], None]]:
    """`reading("ar")`: a Moroccan agent reads in this language."""
    with app.test_request_context("/"):
        yield lambda language: setattr(g, "login", somebody(language))


def somebody(language: str) -> Login:
    merchant = Merchant(
        name="Atlas", country="MA", currency="MAD", time_zone="Africa/Casablanca", language="fr"
    )
    user = User(email="x@example.com", name="X", password_hash="", language=language)
    member = Membership(merchant_id=merchant.id, user_id=user.id, name="X", role=Role.AGENT)
    return Login(b"", user, member, merchant)


# --- choosing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepts", "language", "direction"),
    [
        ("", "fr", "ltr"),
        ("de, nl", "fr", "ltr"),
        ("ar-MA, fr;q=0.8", "ar", "rtl"),
        ("en-US, en;q=0.9", "en", "ltr"),
        ("de, en;q=0.5, fr;q=0.9", "fr", "ltr"),
    ],
)
def test_a_stranger_reads_what_the_browser_asks_for_else_french(
    client: FlaskClient, accepts: str, language: str, direction: str
) -> None:
    page = client.get("/sign-in", headers={"Accept-Language": accepts}).text

    assert f'<html lang="{language}" dir="{direction}"' in page


def test_the_language_chosen_on_the_sign_in_page_stays(client: FlaskClient) -> None:
    answer = client.post("/language", data={"language": "ar", "next": "/sign-in"})

    assert answer.location == "/sign-in"
    assert '<html lang="ar" dir="rtl"' in client.get("/sign-in").text


def test_a_persons_language_follows_them_to_every_browser(signed_in: Browser, agent: Any) -> None:
    signed_in(agent).post("/language", data={"language": "en"})

    elsewhere = signed_in(agent)
    elsewhere.set_cookie("language", "ar")

    assert '<html lang="en"' in elsewhere.get("/nowhere").text


def test_a_made_up_language_is_french(client: FlaskClient) -> None:
    client.post("/language", data={"language": "../../etc"})

    assert '<html lang="fr"' in client.get("/sign-in").text


@pytest.mark.parametrize(
    ("theme", "media"),
    [("dark", "all"), ("light", "not all"), ("auto", "(prefers-color-scheme: dark)")],
)
def test_the_chosen_colours_are_there_before_any_script(
    client: FlaskClient, theme: str, media: str
) -> None:
    client.post("/theme", data={"theme": theme})

    assert f'media="{media}"' in client.get("/sign-in").text


# --- catalogues -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("arabic")
def test_sentences_come_from_the_catalogue_and_doubtful_ones_do_not(client: FlaskClient) -> None:
    page = client.get("/sign-in", headers={"Accept-Language": "ar"}).text

    assert "تسجيل الدخول" in page
    assert "Password" in page


@pytest.mark.usefixtures("arabic")
@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "لا طلبات"), (1, "طلب واحد"), (2, "طلبان"), (3, "3 طلبات"), (11, "11 طلبا")],
)
def test_arabic_counts_in_six_ways(reading: Callable[[str], None], count: int, text: str) -> None:
    reading("ar")

    assert languages.ngettext("%(num)s order", "%(num)s orders", count) == text


@pytest.mark.usefixtures("arabic")
def test_a_refusal_is_told_in_the_readers_language(reading: Callable[[str], None]) -> None:
    reading("ar")

    assert languages.told(Refused("stock", "Only {left} left.", left=3)) == "بقي 3 فقط."


def test_no_template_filters_a_constant(app: Flask) -> None:
    """Jinja would work it out once, in the language of whoever comes first."""
    found = [
        f"{name}:{piece.lineno}"
        for name in app.jinja_env.list_templates(extensions=["html"])
        for piece in _parsed(app, name).find_all(nodes.Filter)
        if isinstance(piece.node, nodes.Const)
    ]

    assert found == []


def _parsed(app: Flask, name: str) -> nodes.Template:
    loader = app.jinja_env.loader
    assert loader is not None
    return app.jinja_env.parse(loader.get_source(app.jinja_env, name)[0])


# --- data -----------------------------------------------------------------------------------------


def test_amounts_and_phones_run_left_to_right_in_every_language(
    reading: Callable[[str], None],
) -> None:
    reading("ar")

    assert filters.money(Money(342050, "MAD")) == (
        '<bdi dir="ltr" class="nowrap">3.420,50\u00a0MAD</bdi>'
    )
    assert 'dir="ltr"' in filters.phone("+212661234567")
    assert "+212 6 61 23 45 67" in filters.phone("+212661234567").replace("-", " ")


@pytest.mark.parametrize(
    ("language", "amount"), [("fr", "1\u202f250,50\u00a0MAD"), ("en", "1,250.50\u00a0MAD")]
)
def test_amounts_use_the_readers_figures(
    reading: Callable[[str], None], language: str, amount: str
) -> None:
    reading(language)

    assert amount in filters.money(Money(125050, "MAD"))


def test_dinars_of_tunisia_have_three_decimals(reading: Callable[[str], None]) -> None:
    reading("fr")

    assert "12,500\u00a0TND" in filters.money(Money(12500, "TND"))


def test_charges_of_meta_show_fractions_of_a_cent(reading: Callable[[str], None]) -> None:
    reading("fr")

    assert "0,0341\u00a0USD" in filters.micros(34100, "USD")
    assert filters.micros(None, None) == ""


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 11, 21, 8, 5, tzinfo=UTC), "09:05"),
        (datetime(2026, 11, 20, 20, 0, tzinfo=UTC), "Hier"),
        (datetime(2026, 11, 17, 12, 0, tzinfo=UTC), "mardi"),
        (datetime(2026, 11, 3, 12, 0, tzinfo=UTC), "3 nov."),
        (datetime(2025, 11, 3, 12, 0, tzinfo=UTC), "03/11/2025"),
    ],
)
def test_a_list_says_when_as_people_do(
    reading: Callable[[str], None], at: datetime, said: str
) -> None:
    reading("fr")

    with time_machine.travel(datetime(2026, 11, 21, 12, 0, tzinfo=UTC), tick=False):
        assert filters.when(at).striptags() == said


def test_midnight_is_the_merchants(reading: Callable[[str], None]) -> None:
    reading("fr")

    with time_machine.travel(datetime(2026, 11, 21, 12, 0, tzinfo=UTC), tick=False):
        assert filters.day(datetime(2026, 11, 20, 23, 30, tzinfo=UTC)) == "Aujourd’hui"


def test_moroccans_name_the_months_their_way(reading: Callable[[str], None]) -> None:
    reading("ar")

    assert "نونبر" in filters.moment(datetime(2026, 11, 21, 9, 51, tzinfo=UTC))


def test_what_is_left_of_the_window_counts_down(reading: Callable[[str], None]) -> None:
    reading("fr")

    with time_machine.travel(datetime(2026, 11, 21, 12, 0, tzinfo=UTC), tick=False):
        closes = datetime(2026, 11, 21, 12, 0, tzinfo=UTC) + timedelta(hours=5, minutes=12)
        assert _plain(filters.left(closes)) == "5 h 12 min"
        assert _plain(filters.left(closes - timedelta(hours=9))) == "0 min"


def _plain(markup: Markup) -> str:
    """The text, with ordinary spaces in place of those that do not break."""
    return " ".join(markup.striptags().split())


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Fatima Zahra El Idrissi", "F\u200cI"),
        ("خديجة العلوي", "خ\u200cا"),
        ("@imane.lhl", "I\u200cL"),
        ("+212 6", "#"),
        ("", "?"),
        (None, "?"),
    ],
)
def test_an_avatar_shows_two_letters(name: str | None, letters: str) -> None:
    assert filters.initials(name) == letters


# --- what people write on WhatsApp ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (
            "*gras* et _italique_ et ~barré~",
            "<strong>gras</strong> et <em>italique</em> et <s>barré</s>",
        ),
        ("*_les deux_*", "<strong><em>les deux</em></strong>"),
        ("2*3*4 et snake_case_name", "2*3*4 et snake_case_name"),
        ("* pas gras * ** _ _", "* pas gras * ** _ _"),
        ("```x = *1*```", "<code>x = *1*</code>"),
        ("*مهم* جدا", "<strong>مهم</strong> جدا"),
        ("<b>&'\"", "&lt;b&gt;&amp;&#39;&#34;"),
        ("*<img src=x onerror=alert(1)>*", "<strong>&lt;img src=x onerror=alert(1)&gt;</strong>"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        (None, ""),
    ],
)
def test_formatting_is_whatsapps_and_everything_else_is_inert(
    written: str | None, shown: str
) -> None:
    assert filters.whatsapp(written) == shown


def test_links_open_elsewhere_and_know_nothing_of_us() -> None:
    shown = filters.whatsapp("voir https://x.example/a_b_c?d=1&e=*2*. Merci")

    assert 'href="https://x.example/a_b_c?d=1&amp;e=*2*"' in shown
    assert 'rel="noopener noreferrer nofollow"' in shown
    assert shown.endswith("</a>. Merci")


def test_what_stands_in_a_link_holds_no_other_link() -> None:
    assert filters.whatsapp("*ici* https://x.example", links=False) == (
        "<strong>ici</strong> https://x.example"
    )


def test_a_link_cannot_break_out_of_its_attribute() -> None:
    shown = filters.whatsapp('https://x.example/"onmouseover="alert(1)')

    assert 'href="https://x.example/"' in shown
    assert "&#34;onmouseover=&#34;" in shown


@pytest.mark.parametrize(
    "nasty", ["*" * 20_000, "_*~" * 7_000, "```" * 7_000, "*a " * 7_000, "http://" * 3_000]
)
def test_no_text_takes_long_to_show(nasty: str) -> None:
    began = time.process_time()
    filters.whatsapp(nasty)

    assert time.process_time() - began < 2


def test_attributes_are_made_from_names() -> None:
    made = filters.attrs(
        hx_get="/x?a=1&b=2", data_guard=True, hidden=None, disabled=False, for_="f"
    )

    assert made == ' hx-get="/x?a=1&amp;b=2" data-guard="" for="f"'
