"""The bell's pages: what rang, the thing one click away, what may ring."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient

from flows import notifications
from models import db
from models.user import Membership

SignIn = Callable[[Membership], FlaskClient]


def _ring(agent: Membership, kind: str = "review") -> str:
    with db.merchant(agent.merchant_id):
        notifications.tell(kind)
        return str(notifications.listed(agent)[0].id)


def test_the_badge_counts_what_is_new(agent: Membership, signed_in: SignIn) -> None:
    browser = signed_in(agent)
    before = browser.get("/notifications/unread").text

    _ring(agent)

    assert (before, browser.get("/notifications/unread").text) == ("", "1")


def test_following_one_makes_it_old(agent: Membership, signed_in: SignIn) -> None:
    browser = signed_in(agent)
    one = _ring(agent)

    answer = browser.get(f"/notifications/{one}")

    assert answer.status_code == 302
    assert browser.get("/notifications/unread").text == ""


def test_a_colleagues_ring_is_not_there(
    agent: Membership, manager: Membership, signed_in: SignIn
) -> None:
    one = _ring(agent)

    assert signed_in(manager).get(f"/notifications/{one}").status_code == 404


def test_all_are_read_at_once(agent: Membership, signed_in: SignIn) -> None:
    browser = signed_in(agent)
    _ring(agent)
    _ring(agent, "late_tap")

    browser.post("/notifications/read", headers={"Sec-Fetch-Site": "same-origin"})

    assert browser.get("/notifications/unread").text == ""


def test_an_agent_chooses_only_what_is_meant_for_agents(
    agent: Membership, signed_in: SignIn
) -> None:
    browser = signed_in(agent)

    page = browser.get("/notifications/preferences").text
    browser.post(
        "/notifications/preferences",
        data={"kind": ["late_tap", "template_paused"]},
        headers={"Sec-Fetch-Site": "same-origin"},
    )

    assert "template_paused" not in page
    with db.merchant(agent.merchant_id):
        chosen = notifications.chosen(agent)
    assert {kind for kind, on in chosen.items() if on} == {"late_tap"}
