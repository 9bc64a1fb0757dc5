"""Strict headers, other sites' forms refused, one transaction a request, errors fail closed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import inbox
from flows.errors import Invalid, NotFound, Refused
from inbox import auth, create_app, htmx
from inbox.current import current
from models import db
from models.user import Membership

HTMX = {"HX-Request": "true"}
JSON = {"Accept": "application/json", "Accept-Language": "en"}

Browser = Callable[[Any], FlaskClient]


# --- headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/sign-in", "/livez", "/static/app.css", "/nowhere", "/"])
def test_every_answer_is_strict_about_what_it_may_do(client: FlaskClient, path: str) -> None:
    headers = client.get(path, buffered=True).headers
    policy = headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_a_page_may_talk_to_the_live_stream_by_the_name_it_was_opened_with(
    client: FlaskClient,
) -> None:
    here = client.get("/sign-in", base_url="http://localhost:8000")
    there = client.get("/sign-in", base_url="http://127.0.0.1:8000")

    assert "connect-src 'self' http://localhost:8001;" in here.headers["Content-Security-Policy"]
    assert "connect-src 'self' http://127.0.0.1:8001;" in there.headers["Content-Security-Policy"]


def test_no_cache_keeps_a_page(client: FlaskClient) -> None:
    assert client.get("/sign-in").headers["Cache-Control"] == "no-store"


def test_files_named_with_their_version_stay_in_the_browser(client: FlaskClient) -> None:
    page = client.get("/sign-in").text
    address = re.search(r"/static/app\.css\?v=\w+", page)

    assert address is not None
    assert "immutable" in client.get(address[0], buffered=True).headers["Cache-Control"]
    assert client.get("/static/app.css", buffered=True).headers["Cache-Control"] == "no-cache"


def test_only_the_listed_files_of_node_modules_are_served(client: FlaskClient) -> None:
    assert client.get("/vendor/htmx.js", buffered=True).status_code == 200
    assert client.get("/vendor/sortable.js", buffered=True).status_code == 200
    assert client.get("/vendor/package.json").status_code == 404
    assert client.get("/vendor/..%2Fpackage.json").status_code == 404


def test_no_template_needs_what_the_policy_forbids() -> None:
    forbidden = re.compile(r"<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=|hx-on|js:|\|\s*safe\b")
    templates = Path(inbox.__file__).parent.glob("templates/**/*.html")

    offences = [
        f"{path.name}: {found[0]}"
        for path in templates
        for found in forbidden.finditer(path.read_text("utf-8"))
    ]

    assert offences == []


# --- other sites' pages ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 302),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "http://localhost"}, 302),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost:8002"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 302),
    ],
)
def test_only_our_own_pages_may_change_something(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/language", data={"language": "ar"}, headers=headers)

    assert answer.status_code == status
    assert ("language" in str(answer.headers.getlist("Set-Cookie"))) is (status == 302)


# --- one transaction a request --------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab() -> Flask:
    """The application with pages that end in every way a page can end."""
    application = create_app()
    application.testing = True
    application.config["PROPAGATE_EXCEPTIONS"] = False
    for name, end in ENDS.items():
        view = auth.needs()(_renames_then(end))
        application.add_url_rule(f"/lab/{name}", name, view, methods=["GET", "POST"])
    return application


@pytest.fixture
def lab_as(lab: Flask) -> Browser:
    from tests import factories

    return lambda member: factories.browser(lab, member)


def _renames_then(end: Callable[[], Any]) -> Callable[[], Any]:
    def view() -> Any:
        current.member.name = "Renamed"
        return end()

    return view


def _refuse() -> None:
    raise Refused("stock", "Only {left} left of {name}.", left=1, name="<b>Sac</b>")


def _invalid() -> None:
    raise Invalid({"phone": Refused("phone", "Too short.")})


def _missing() -> None:
    raise NotFound


def _break() -> None:
    raise ZeroDivisionError("canary in the traceback")


def _toasted() -> str:
    htmx.toast("Enregistré : é ✓")
    return "ok"


ENDS: dict[str, Callable[[], Any]] = {
    "fine": lambda: "ok",
    "unhappy": lambda: ("<p>again</p>", 422),
    "refused": _refuse,
    "invalid": _invalid,
    "missing": _missing,
    "broken": _break,
    "forbidden": lambda: abort(403),
    "toasted": _toasted,
}


@pytest.mark.parametrize(
    ("page", "status", "kept"),
    [
        ("fine", 200, True),
        ("toasted", 200, True),
        ("unhappy", 422, False),
        ("refused", 409, False),
        ("invalid", 422, False),
        ("missing", 404, False),
        ("broken", 500, False),
        ("forbidden", 403, False),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX, JSON], ids=["page", "htmx", "json"])
def test_what_a_request_did_stays_only_when_it_ends_well(
    lab_as: Browser, agent: Any, page: str, status: int, kept: bool, headers: dict[str, str]
) -> None:
    answer = lab_as(agent).post(f"/lab/{page}", headers=headers)

    assert answer.status_code == status
    assert (name_of(agent) == "Renamed") is kept


def test_a_refusal_is_a_page_for_a_page(lab_as: Browser, agent: Any) -> None:
    page = lab_as(agent).get("/lab/refused").text

    assert "Only 1 left of &lt;b&gt;Sac&lt;/b&gt;." in page
    assert 'class="rail"' in page


def test_a_refusal_is_a_toast_for_htmx_and_swaps_nothing(lab_as: Browser, agent: Any) -> None:
    answer = lab_as(agent).post("/lab/refused", headers=HTMX)

    assert answer.text == ""
    assert answer.headers["HX-Reswap"] == "none"
    assert notes(answer) == [{"kind": "bad", "text": "Only 1 left of <b>Sac</b>."}]


def test_a_refusal_is_json_for_a_program(lab_as: Browser, agent: Any) -> None:
    answer = lab_as(agent).post("/lab/invalid", headers=JSON)

    assert answer.json == {
        "error": {
            "code": "invalid",
            "message": "Some fields need a look.",
            "fields": {"phone": "Too short."},
        }
    }


def test_a_bug_tells_a_reference_and_nothing_of_itself(
    lab_as: Browser, agent: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answer = lab_as(agent).get("/lab/broken")
    page = answer.text

    reference = re.search(r"<code dir=\"ltr\">(\w+)</code>", page)
    assert reference is not None
    assert reference[1] == answer.headers["X-Request-Id"]
    assert reference[1] in caplog.text
    assert "canary" not in page
    assert "canary" in caplog.text


def test_a_toast_reaches_this_page_by_htmx_and_the_next_page_otherwise(
    lab_as: Browser, agent: Any
) -> None:
    browser = lab_as(agent)

    assert notes(browser.post("/lab/toasted", headers=HTMX))[0]["text"] == "Enregistré : é ✓"
    browser.post("/lab/toasted")
    assert "Enregistré : é ✓" in browser.get("/lab/missing").text
    assert "Enregistré : é ✓" not in browser.get("/lab/missing").text


def test_a_page_that_does_not_exist_is_a_404_in_the_readers_frame(
    client: FlaskClient, signed_in: Browser, agent: Any
) -> None:
    assert 'class="rail"' in signed_in(agent).get("/nowhere").text
    assert client.get("/nowhere").status_code == 404
    assert 'class="rail"' not in client.get("/nowhere").text


def notes(answer: TestResponse) -> list[dict[str, str]]:
    told: list[dict[str, str]] = json.loads(answer.headers["HX-Trigger"])["toasts"]["notes"]
    return told


def name_of(member: Membership) -> str:
    with db.merchant(member.merchant_id) as session:
        return session.get_one(Membership, (member.merchant_id, member.id)).name
