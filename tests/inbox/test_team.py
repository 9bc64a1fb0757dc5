"""The team's room, and the doors people come in by."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from flows import plans, team
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.team import Invitation, PasswordReset, Team
from models.types import utcnow
from models.user import LoginSession, Membership, Role, User
from tests import factories
from tests.flows import shop
from tests.mailbox import Mailbox

Browser = Callable[[Membership], FlaskClient]
Work = Callable[[], None]
ENGLISH = {"Accept-Language": "en", "HX-Request": "true"}
PAGE = {"Accept-Language": "en"}
PASSWORD = "correct horse battery"
OTHER = "staple battery horse"


@pytest.fixture(autouse=True)
def _cheap(cheap_passwords: None) -> None:
    pass


@pytest.fixture(autouse=True)
def _room(merchant: Merchant) -> None:
    plans.change(merchant.id, "pro")


@pytest.fixture
def omar(owner: Membership, signed_in: Browser) -> FlaskClient:
    return signed_in(owner)


def email_of(member: Membership) -> str:
    with db.house() as house:
        return house.get_one(User, member.user_id).email


def with_password(merchant: Merchant, email: str, role: Role = Role.AGENT) -> Membership:
    return team.add_user(merchant.id, email=email, name="Zineb", role=role, password=PASSWORD)


def invite(omar: FlaskClient, email: str = "zineb@example.com", role: str = "viewer") -> str:
    """The path of the link somebody gets."""
    answer = omar.post("/team/invitations", data={"email": email, "role": role}, headers=ENGLISH)
    assert answer.status_code == 200
    return link(answer)


def link(answer: TestResponse) -> str:
    found = re.search(r'value="http://[^/]+(/[^"]+)"', answer.text)
    assert found is not None
    return found[1]


# --- the page -------------------------------------------------------------------------------------


def test_the_page_says_who_what_and_when(
    omar: FlaskClient, agent: Membership, merchant: Merchant
) -> None:
    team.add_user(
        merchant.id, email="ali@example.com", name="علي", role=Role.COURIER, password=PASSWORD
    )

    page = omar.get("/team", headers=PAGE).text

    assert "<bdi>علي</bdi>" in page
    assert "Delivery agent" in page
    assert email_of(agent) in page
    assert "3</bdi> of <bdi" in page
    assert page.partition("<main")[2].count("never") == 2


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.OWNER])
def test_only_owners_open_it(role: Role, merchant: Merchant, signed_in: Browser) -> None:
    browser = signed_in(factories.member(merchant, role.value))

    assert browser.get("/team").status_code == 403
    assert browser.post("/team/invitations", data={}).status_code == 403


@pytest.mark.usefixtures("steady_pulse")
def test_the_page_of_a_large_team_asks_no_more_often(
    app: Flask, omar: FlaskClient, merchant: Merchant, stranger: Membership
) -> None:
    from sqlalchemy import event

    from models.db import _engine

    def asked() -> int:
        told: list[int] = []
        for role in ("wasl_app", "wasl_house"):
            event.listen(_engine(role), "before_cursor_execute", lambda *a: told.append(1))
        omar.get("/team")
        db.forget_connections()
        return len(told)

    few = asked()
    for _ in range(10):
        factories.member(merchant, "confirmation_agent")

    assert asked() == few


# --- inviting -------------------------------------------------------------------------------------


def test_somebody_is_invited_joins_and_is_signed_in(omar: FlaskClient, client: FlaskClient) -> None:
    there = invite(omar)
    assert "Boutique Atlas" in client.get(there, headers=PAGE).text

    joined = client.post(there, data={"name": "Zineb", "password": PASSWORD})

    assert (joined.status_code, joined.location) == (302, "/")
    assert client.get("/orders").status_code == 200
    assert client.get("/team").status_code == 403
    assert client.get(there, headers=PAGE).status_code == 410


def test_without_a_mail_server_the_link_is_there_to_copy(omar: FlaskClient) -> None:
    answer = omar.post(
        "/team/invitations",
        data={"email": "zineb@example.com", "role": "viewer"},
        headers=ENGLISH,
    )

    assert "data-copy" in answer.text
    assert "on its way by mail" not in answer.text
    assert 'hx-target="#people"' in answer.text


def test_with_a_mail_server_it_leaves_by_itself(
    omar: FlaskClient, client: FlaskClient, mailbox: Mailbox, work: Work
) -> None:
    there = invite(omar)

    work()

    assert mailbox.mails[0]["To"] == "zineb@example.com"
    assert mailbox.link() == there
    assert client.get(mailbox.link()).status_code == 200


def test_the_mail_of_an_earlier_invitation_that_still_waits_never_leaves(
    omar: FlaskClient, mailbox: Mailbox, work: Work
) -> None:
    invite(omar)
    second = invite(omar)

    work()

    assert len(mailbox.mails) == 1
    assert mailbox.link() == second


@pytest.mark.parametrize(
    ("email", "role", "status", "says"),
    [
        ("zineb@example.com", "owner", 422, "not by invitation"),
        ("zineb@example.com", "boss", 422, "Choose one of the list"),
        ("nonsense", "viewer", 422, "not an e-mail address"),
    ],
)
def test_a_wrong_invitation_is_said_in_the_form(
    email: str, role: str, status: int, says: str, omar: FlaskClient
) -> None:
    answer = omar.post("/team/invitations", data={"email": email, "role": role}, headers=ENGLISH)

    assert answer.status_code == status
    assert says in answer.text
    assert f'value="{email}"' in answer.text


def test_a_full_plan_is_said_kindly_and_the_form_is_kept(
    omar: FlaskClient, agent: Membership, merchant: Merchant
) -> None:
    plans.change(merchant.id, "free")

    answer = omar.post(
        "/team/invitations",
        data={"email": "zineb@example.com", "role": "viewer"},
        headers=ENGLISH,
    )

    assert answer.status_code == 409
    assert "room for 2 people" in answer.text
    assert 'value="zineb@example.com"' in answer.text
    assert omar.get("/orders").status_code == 200


def test_a_poor_password_or_no_name_leaves_the_link_good(
    omar: FlaskClient, client: FlaskClient
) -> None:
    there = invite(omar)

    poor = client.post(there, data={"name": "", "password": "short"}, headers=PAGE)

    assert poor.status_code == 422
    assert "8 to 128" in poor.text
    assert "colleagues call you" in poor.text
    assert client.post(there, data={"name": "Z", "password": PASSWORD}).status_code == 302


def test_who_has_an_account_joins_with_their_password(
    omar: FlaskClient, client: FlaskClient, stranger: Membership, merchant: Merchant
) -> None:
    with db.house() as house:
        elsewhere = house.get_one(Merchant, stranger.merchant_id)
    with_password(elsewhere, "zineb@example.com")
    there = invite(omar)

    page = client.get(there, headers=PAGE).text
    wrong = client.post(there, data={"password": "something else"}, headers=PAGE)
    right = client.post(there, data={"password": PASSWORD})

    assert "have an account already" in page
    assert wrong.status_code == 422
    assert right.status_code == 302
    assert "Boutique Atlas" in client.get("/orders", headers=PAGE).text


def test_guessing_at_the_door_is_slowed_down(
    omar: FlaskClient, client: FlaskClient, stranger: Membership
) -> None:
    with db.house() as house:
        elsewhere = house.get_one(Merchant, stranger.merchant_id)
    with_password(elsewhere, "zineb@example.com")
    there = invite(omar)

    answers = [client.post(there, data={"password": f"guess {n}"}).status_code for n in range(11)]

    assert answers == [422] * 10 + [429]


def test_an_invitation_is_sent_again_and_withdrawn(
    omar: FlaskClient, client: FlaskClient, merchant: Merchant
) -> None:
    old = invite(omar)
    with db.merchant(merchant.id) as session:
        one = session.scalars(select(Invitation)).one()

    new = link(omar.post(f"/team/invitations/{one.id}/again", headers=ENGLISH))
    assert client.get(old).status_code == 410
    assert client.get(new).status_code == 200

    omar.post(f"/team/invitations/{one.id}/withdraw", headers=ENGLISH)
    assert client.get(new).status_code == 410


# --- roles ----------------------------------------------------------------------------------------


def test_a_role_holds_from_the_next_request_on(
    omar: FlaskClient, agent: Membership, signed_in: Browser
) -> None:
    salma = signed_in(agent)
    assert salma.get("/costs").status_code == 403

    changed = omar.post(f"/team/people/{agent.id}", data={"role": "manager"}, headers=ENGLISH)

    assert changed.status_code == 200
    assert salma.get("/costs").status_code == 200


def test_the_last_owner_is_told_why_not(omar: FlaskClient, owner: Membership) -> None:
    for path, form in (("", {"role": "viewer"}), ("/leave", {"to": "keep"})):
        answer = omar.post(f"/team/people/{owner.id}{path}", data=form, headers=ENGLISH)

        assert answer.status_code == 409
        assert "only owner" in answer.text
    assert omar.get("/team").status_code == 200


def test_an_own_role_is_made_given_and_seen(
    omar: FlaskClient, agent: Membership, merchant: Merchant, signed_in: Browser
) -> None:
    form = {"name": "Caisse", "permission": ["orders.read", "orders.all", "money.see"]}
    assert omar.post("/team/roles", data=form, headers=ENGLISH).status_code == 200
    with db.merchant(merchant.id):
        (role,) = team.custom_roles()

    omar.post(f"/team/people/{agent.id}", data={"role": str(role.id)}, headers=ENGLISH)

    assert "Caisse" in omar.get("/team").text
    salma = signed_in(agent)
    assert salma.get("/orders").status_code == 200
    assert salma.get("/inbox").status_code == 403
    assert omar.post(f"/team/roles/{role.id}/delete", headers=ENGLISH).status_code == 409


def test_no_own_role_hands_out_rights(omar: FlaskClient) -> None:
    form = {"name": "Chef", "permission": ["orders.read", "team.edit"]}

    assert 'value="team.edit"' not in omar.get("/team/roles/new", headers=ENGLISH).text
    assert omar.post("/team/roles", data=form, headers=ENGLISH).status_code == 422


# --- out and in -----------------------------------------------------------------------------------


def test_who_is_disabled_is_out_on_the_next_request_and_their_work_is_handed_over(
    omar: FlaskClient,
    agent: Membership,
    manager: Membership,
    merchant: Merchant,
    signed_in: Browser,
) -> None:
    salma = signed_in(agent)
    with db.merchant(merchant.id):
        shop.conversation().assignee_id = agent.id
        shop.order().assignee_id = agent.id
    asked = omar.get(f"/team/people/{agent.id}/leave", headers=ENGLISH).text
    assert manager.name in asked

    omar.post(f"/team/people/{agent.id}/leave", data={"to": str(manager.id)}, headers=ENGLISH)

    assert salma.get("/inbox").status_code == 302
    assert salma.post("/live-ticket").status_code in (302, 401)
    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Conversation.assignee_id)).one() == manager.id
        assert team.holdings(manager) == team.Holdings(1, 1)


def test_who_is_let_in_again_signs_in_again(
    omar: FlaskClient, agent: Membership, signed_in: Browser
) -> None:
    salma = signed_in(agent)
    omar.post(f"/team/people/{agent.id}/leave", data={"to": "keep"}, headers=ENGLISH)
    omar.post(f"/team/people/{agent.id}/return", headers=ENGLISH)

    assert salma.get("/inbox").status_code == 302
    assert signed_in(agent).get("/inbox").status_code == 200


# --- a new password -------------------------------------------------------------------------------


def test_an_owner_makes_a_link_that_ends_every_session(
    omar: FlaskClient, client: FlaskClient, merchant: Merchant, signed_in: Browser
) -> None:
    zineb = with_password(merchant, "zineb@example.com")
    before = signed_in(zineb)
    there = link(omar.post(f"/team/people/{zineb.id}/password", headers=ENGLISH))

    assert "zineb@example.com" in client.get(there).text
    assert client.post(there, data={"password": "short"}).status_code == 422
    assert client.post(there, data={"password": OTHER}).status_code == 302

    assert before.get("/inbox").status_code == 302
    form = {"email": "zineb@example.com", "password": OTHER}
    assert client.post("/sign-in", data=form).location == "/"
    assert client.post(there, data={"password": PASSWORD}).status_code == 410


def test_the_link_lasts_an_hour(omar: FlaskClient, client: FlaskClient, agent: Membership) -> None:
    there = link(omar.post(f"/team/people/{agent.id}/password", headers=ENGLISH))

    with time_machine.travel(utcnow().timestamp() + 3601):
        assert client.get(there).status_code == 410


def test_no_owner_makes_a_link_into_another_merchant(
    omar: FlaskClient, agent: Membership, stranger: Membership
) -> None:
    with db.house() as house:
        house.add(
            Membership(
                merchant_id=stranger.merchant_id,
                user_id=agent.user_id,
                name="Salma",
                role=Role.OWNER,
            )
        )

    assert omar.post(f"/team/people/{agent.id}/password", headers=ENGLISH).status_code == 409


def test_a_forgotten_password_is_asked_for_by_mail(
    client: FlaskClient, merchant: Merchant, mailbox: Mailbox, work: Work
) -> None:
    with_password(merchant, "zineb@example.com")

    client.post("/forgot", data={"email": " Zineb@Example.com"})
    work()

    assert client.post(mailbox.link(), data={"password": OTHER}).status_code == 302
    form = {"email": "zineb@example.com", "password": OTHER}
    assert client.post("/sign-in", data=form).status_code == 302


def test_the_answer_never_says_who_has_an_account(
    client: FlaskClient, merchant: Merchant, mailbox: Mailbox, work: Work
) -> None:
    with_password(merchant, "zineb@example.com")

    known = client.post("/forgot", data={"email": "zineb@example.com"})
    unknown = client.post("/forgot", data={"email": "nobody@example.com"})
    work()

    assert known.text == unknown.text
    assert len(mailbox.mails) == 1


def test_a_mailbox_is_not_flooded(
    client: FlaskClient, merchant: Merchant, mailbox: Mailbox, work: Work
) -> None:
    with_password(merchant, "zineb@example.com")

    for _ in range(6):
        client.post("/forgot", data={"email": "zineb@example.com"})
    work()

    assert len(mailbox.mails) == 3


def test_without_a_mail_server_the_owner_is_named(client: FlaskClient, merchant: Merchant) -> None:
    with_password(merchant, "zineb@example.com")

    assert "Ask an owner" in client.get("/forgot", headers=PAGE).text
    client.post("/forgot", data={"email": "zineb@example.com"})

    with db.house() as house:
        assert house.scalars(select(PasswordReset)).all() == []


# --- teams ----------------------------------------------------------------------------------------


def test_a_team_is_made_changed_and_deleted(
    omar: FlaskClient, agent: Membership, merchant: Merchant
) -> None:
    form = {
        "name": "Nord",
        "cities": "Fès\nطنجة",
        "languages": ["fr", "xx"],
        "members": [str(agent.id), "nonsense"],
    }
    assert omar.post("/team/teams", data=form, headers=ENGLISH).status_code == 200
    assert omar.post("/team/teams", data=form, headers=ENGLISH).status_code == 422
    with db.merchant(merchant.id) as session:
        nord = session.scalars(select(Team)).one()
        assert (nord.cities, nord.languages) == (["Fès", "طنجة"], ["fr"])
        assert team.mine(agent) == {nord.id}

    assert "Nord" in omar.get("/orders/filters").text
    assert omar.get(f"/orders?team={nord.id}").status_code == 200
    omar.post(f"/team/teams/{nord.id}/delete", headers=ENGLISH)
    assert "Nord" not in omar.get("/team").text


def test_my_team_is_a_tab_for_who_is_in_one(
    omar: FlaskClient, agent: Membership, signed_in: Browser
) -> None:
    omar.post("/team/teams", data={"name": "Nord", "members": [str(agent.id)]}, headers=ENGLISH)
    salma = signed_in(agent)

    for page in ("/orders", "/inbox"):
        assert "My team" in salma.get(page, headers=PAGE).text
        assert "My team" not in omar.get(page, headers=PAGE).text
    assert salma.get("/inbox?show=team").status_code == 200


def test_a_conversation_is_given_to_a_team_until_somebody_takes_it(
    omar: FlaskClient, agent: Membership, merchant: Merchant, signed_in: Browser
) -> None:
    omar.post("/team/teams", data={"name": "Nord", "members": [str(agent.id)]}, headers=ENGLISH)
    with db.merchant(merchant.id) as session:
        talk, nord = shop.conversation().id, session.scalars(select(Team.id)).one()
    assert "Nord" in omar.get(f"/inbox/{talk}/assignee", headers=ENGLISH).text

    for _ in range(2):
        given = omar.post(f"/inbox/{talk}/assignee", data={"team": str(nord)}, headers=ENGLISH)
        assert given.status_code == 204

    salma = signed_in(agent)
    assert str(talk) in salma.get("/inbox?show=team").text
    thread = salma.get(f"/inbox/{talk}", headers=PAGE).text
    assert thread.count("gave the conversation to the team") == 1
    salma.post(f"/inbox/{talk}/assignee", data={"member": str(agent.id)}, headers=ENGLISH)
    salma.post(f"/inbox/{talk}/assignee", data={"member": ""}, headers=ENGLISH)
    with db.merchant(merchant.id) as session:
        left = session.scalars(select(Conversation)).one()
        assert (left.team_id, left.assignee_id) == (None, None)


@pytest.mark.parametrize("wrong", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_a_team_that_is_none_gets_nothing(
    wrong: str, omar: FlaskClient, merchant: Merchant
) -> None:
    with db.merchant(merchant.id):
        talk = shop.conversation().id

    answer = omar.post(f"/inbox/{talk}/assignee", data={"team": wrong}, headers=ENGLISH)

    assert answer.status_code == 404


# --- one person in two merchants ------------------------------------------------------------------


@pytest.fixture
def both(merchant: Merchant, stranger: Membership) -> Membership:
    """Somebody of this merchant who is also a viewer of the stranger's."""
    zineb = with_password(merchant, "zineb@example.com")
    with db.house() as house:
        house.add(
            Membership(
                merchant_id=stranger.merchant_id,
                user_id=zineb.user_id,
                name="Zineb",
                role=Role.VIEWER,
            )
        )
    return zineb


def test_who_is_in_two_chooses_after_signing_in(
    client: FlaskClient, both: Membership, merchant: Merchant, stranger: Membership
) -> None:
    form = {"email": "zineb@example.com", "password": PASSWORD, "next": "/orders"}
    answer = client.post("/sign-in", data=form)
    assert answer.location == "/businesses?next=/orders"
    page = client.get(answer.location, headers=PAGE).text
    assert "Boutique Atlas" in page
    assert "Somebody else" in page

    client.post("/businesses", data={"merchant": str(stranger.merchant_id)})

    assert "Somebody else" in client.get("/orders", headers=PAGE).text
    client.post("/businesses", data={"merchant": str(merchant.id), "next": "/orders"})
    assert "Boutique Atlas" in client.get("/orders", headers=PAGE).text


def test_the_way_over_is_in_the_persons_menu_alone(
    both: Membership, signed_in: Browser, omar: FlaskClient
) -> None:
    assert 'href="/businesses"' in signed_in(both).get("/orders").text
    assert 'href="/businesses"' not in omar.get("/orders").text
    assert omar.get("/businesses?next=/orders").location == "/orders"


def test_nobody_switches_to_where_they_are_not(
    signed_in: Browser, both: Membership, omar: FlaskClient, stranger: Membership
) -> None:
    to = {"merchant": str(stranger.merchant_id)}
    assert omar.post("/businesses", data=to).status_code == 404

    with db.house() as house:
        place = select(Membership).where(
            Membership.user_id == both.user_id, Membership.merchant_id == stranger.merchant_id
        )
        house.scalars(place).one().disabled_at = utcnow()
    assert signed_in(both).post("/businesses", data=to).status_code == 404


def test_signing_in_goes_back_to_where_one_was(
    client: FlaskClient, both: Membership, stranger: Membership
) -> None:
    form = {"email": "zineb@example.com", "password": PASSWORD}
    client.post("/sign-in", data=form)
    with db.house() as house:
        house.scalars(select(LoginSession)).one().merchant_id = stranger.merchant_id

    client.post("/sign-in", data=form)

    with db.house() as house:
        newest = select(LoginSession).order_by(LoginSession.created_at.desc()).limit(1)
        assert house.scalars(newest).one().merchant_id == stranger.merchant_id
