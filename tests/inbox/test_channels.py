"""The pages of numbers, the banners above every page, the starter set."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, select
from werkzeug.test import TestResponse

from bot.simulator import Simulator
from bot.simulator import demo as world
from config import settings
from flows import channels, outbox
from flows.channels import notices
from models import db
from models.channel import Channel, ChannelState
from models.merchant import Merchant
from models.message import Message, Sending
from models.template import MessageTemplate
from models.user import Membership

Browser = Callable[[Membership], FlaskClient]
Work = Callable[[], None]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
ENGLISH = {"Accept-Language": "en"}
FORM = {
    "name": "Boutique",
    "phone_number_id": world.SPARE_ONE,
    "waba_id": world.SPARE,
    "token": f"EAA-demo-{world.SPARE}",
    "app_secret": "",
}


@pytest.fixture
def shop(merchant: Merchant, simulator: Simulator) -> Merchant:
    """A merchant without a number yet."""
    with db.merchant(merchant.id) as session:
        session.execute(delete(Channel))
    outbox.connection().flushdb()
    return merchant


@pytest.fixture
def omar(shop: Merchant, owner: Membership, signed_in: Browser) -> FlaskClient:
    return signed_in(owner)


def errors(answer: TestResponse) -> set[str]:
    return set(re.findall(r'id="e-(\w+)"', answer.text))


def connect(browser: FlaskClient, work: Work, **changes: str) -> str:
    """The address of the number's page."""
    answer = browser.post("/numbers", data=FORM | changes)
    work()
    return str(answer.location)


def number(shop: Merchant) -> Channel:
    with db.merchant(shop.id) as session:
        return session.scalars(select(Channel)).one()


def test_a_number_is_connected_and_its_page_follows(
    shop: Merchant, omar: FlaskClient, work: Work
) -> None:
    empty = omar.get("/numbers", headers=ENGLISH)
    answer = omar.post("/numbers", data=FORM)
    before = omar.get(answer.location, headers=ENGLISH)
    work()
    page = omar.get(answer.location, headers=ENGLISH)

    assert "No number yet" in empty.text
    assert answer.status_code == 303
    assert "Being checked" in before.text
    assert 'data-live="channels"' in before.text
    for words in ("Connected", "Nouvelle boutique", "2,000", "80 messages a second", "High"):
        assert words in page.text
    assert "Waiting for the first webhook" in page.text
    assert settings().verify_token in page.text
    assert "/webhooks/whatsapp" in page.text
    assert "https://wa.me/212520000009" in page.text


def test_the_trial_message_is_offered_as_soon_as_meta_shows_the_number(
    omar: FlaskClient, work: Work
) -> None:
    place = omar.post("/numbers", data=FORM).location
    waiting = omar.get(place).text
    work()
    fragment = omar.get(f"{place}?part=test", headers=HTMX).text

    assert f'hx-get="{place}?part=test"' in waiting
    assert 'name="phone"' not in waiting
    assert 'name="phone"' in fragment
    assert "data-live" not in fragment


def test_what_cannot_be_right_is_named_and_no_secret_comes_back(omar: FlaskClient) -> None:
    typed = FORM | {"phone_number_id": "abc", "waba_id": "", "token": "a b", "name": ""}

    answer = omar.post("/numbers", data=typed)

    assert answer.status_code == 422
    assert errors(answer) == {"name", "phone_number_id", "waba_id", "token"}
    assert "a b" not in answer.text


def test_no_page_shows_a_secret(shop: Merchant, omar: FlaskClient, work: Work) -> None:
    place = connect(omar, work, app_secret="own-secret")

    for page in (place, "/numbers", f"{place}/token", f"{place}/edit"):
        text = omar.get(page).text
        assert FORM["token"] not in text
        assert "own-secret" not in text


def test_a_number_is_paused_named_and_goes_on(
    shop: Merchant, omar: FlaskClient, work: Work
) -> None:
    place = connect(omar, work)

    omar.post(f"{place}/pause")
    paused = number(shop).state, "paused it" in omar.get(place, headers=ENGLISH).text
    omar.post(f"{place}/resume")
    omar.post(place, data={"name": "متجر"})

    assert paused == (ChannelState.PAUSED, True)
    assert (number(shop).state, number(shop).name) == (ChannelState.ACTIVE, "متجر")


def test_the_profile_is_edited_and_a_wrong_one_comes_back(
    shop: Merchant, omar: FlaskClient, simulator: Simulator, work: Work
) -> None:
    place = connect(omar, work)

    wrong = omar.post(place, data={"name": "Boutique", "email": "x", "about": "À vous"})
    right = omar.post(
        place,
        data={"name": "Boutique", "about": "À vous", "website0": "https://atlas.example"},
        headers={"HX-Request": "true"},
    )
    work()

    assert (wrong.status_code, errors(wrong)) == (422, {"email"})
    assert 'value="À vous"' in wrong.text
    assert right.headers["HX-Redirect"] == place
    assert simulator.world.numbers[world.SPARE_ONE].profile["about"] == "À vous"
    assert "https://atlas.example" in omar.get(place).text


def test_a_test_message_goes_out_by_template_or_within_the_window(
    shop: Merchant, omar: FlaskClient, simulator: Simulator, work: Work
) -> None:
    place = connect(omar, work)
    closed = omar.post(f"{place}/test", data={"phone": "0661234567"})
    nonsense = omar.post(f"{place}/test", data={"phone": "abc"})
    simulator.write("fatima", "hello", to=world.SPARE_ONE)
    simulator.deliver()
    work()

    sent = omar.post(f"{place}/test", data={"phone": "0661234567"})
    work()

    assert (closed.status_code, nonsense.status_code) == (422, 422)
    assert 'value="0661234567"' in closed.text
    assert 'id="e-phone"' in closed.text
    assert 'value="abc"' in nonsense.text
    assert sent.status_code == 303
    with db.merchant(shop.id) as session:
        ours = session.scalars(select(Message).where(Message.direction == "out")).all()
    assert [m.sending for m in ours] == [Sending.ACCEPTED]
    page = omar.get(place, headers=ENGLISH).text
    assert "The first webhook came" in page


def test_the_qr_code_is_the_numbers_link(shop: Merchant, omar: FlaskClient, work: Work) -> None:
    place = connect(omar, work)

    answer = omar.get(f"{place}/qr.svg?download=1")

    assert answer.mimetype == "image/svg+xml"
    assert answer.text.startswith("<svg")
    assert "whatsapp-212520000009.svg" in answer.headers["Content-Disposition"]


def test_a_refused_token_is_said_everywhere_and_a_new_one_ends_it(
    shop: Merchant,
    omar: FlaskClient,
    agent: Membership,
    signed_in: Browser,
    simulator: Simulator,
    work: Work,
) -> None:
    place = connect(omar, work)
    with simulator.turn():
        facts = {"revoked": [FORM["token"]]}
        simulator.note("account_changed", account=world.SPARE, facts=facts)
    omar.post(f"{place}/look")
    work()
    sentence = "sends nothing: Meta no longer takes its access token"
    seen = [
        sentence in omar.get("/board", headers=ENGLISH).text,
        sentence in signed_in(agent).get("/inbox", headers=ENGLISH).text,
        "Messages wait for a new one" in omar.get(place, headers=ENGLISH).text,
        "access token is no longer valid" in omar.get("/notifications", headers=ENGLISH).text,
    ]

    omar.post(f"{place}/token", data={"token": FORM["token"] + "-2"})
    work()

    assert seen == [True, True, True, True]
    assert sentence not in omar.get("/board", headers=ENGLISH).text
    assert number(shop).state is ChannelState.ACTIVE


def test_a_banner_is_for_those_who_may_act_and_goes_when_dismissed(
    shop: Merchant,
    omar: FlaskClient,
    agent: Membership,
    signed_in: Browser,
    work: Work,
) -> None:
    connect(omar, work)
    with db.merchant(shop.id) as session:
        channel = session.scalars(select(Channel)).one()
        notices.put_up("quality", about=channel.phone_number_id, name="<b>Boutique</b>")
    shown = omar.get("/board", headers=ENGLISH).text
    (notice,) = re.findall(r"/notices/([\w-]+)/dismiss\"", shown)[:1]
    hidden = signed_in(agent).get("/inbox", headers=ENGLISH).text

    answer = omar.post(f"/notices/{notice}/dismiss")

    assert "&lt;b&gt;Boutique" in shown
    assert "its quality is low" not in hidden
    assert answer.status_code == 200
    assert "its quality is low" not in omar.get("/board", headers=ENGLISH).text


def test_what_an_account_may_not_do_is_said_in_plain_words(
    shop: Merchant, omar: FlaskClient, simulator: Simulator, work: Work
) -> None:
    connect(omar, work)
    told = {
        "event": "ACCOUNT_RESTRICTION",
        "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING"}],
    }
    with simulator.turn():
        simulator.emit(simulator.world.accounts[world.SPARE], told, field="account_update")
    simulator.deliver()
    work()

    for page in ("/board", "/notifications"):
        text = omar.get(page, headers=ENGLISH).text
        assert "nobody may be written to first" in text
        assert "RESTRICTED_" not in text


# --- the starter set ------------------------------------------------------------------------------


def test_the_starter_set_is_seen_submitted_and_judged(
    shop: Merchant, omar: FlaskClient, simulator: Simulator, work: Work
) -> None:
    connect(omar, work)
    before = omar.get("/templates/starter?language=fr", headers=ENGLISH).text

    answer = omar.post("/templates/starter", data={"language": ["fr", "ar", "en"]})
    again = omar.post("/templates/starter", data={"language": ["fr", "ar", "en"]})
    work()
    waiting = omar.get("/templates/starter?language=ar", headers=ENGLISH).text
    simulator.judge()
    simulator.deliver()
    work()
    after = omar.get("/templates/starter?language=en", headers=ENGLISH).text

    assert before.count("Not submitted") == 5
    assert (answer.status_code, again.status_code) == (303, 303)
    assert waiting.count("In review") == 5
    assert after.count("Approved") == 5
    with db.merchant(shop.id) as session:
        made = session.scalars(select(MessageTemplate)).all()
    assert len(made) == 15
    assert {t.category for t in made} == {"utility"}


def test_names_that_exist_are_left_alone(
    shop: Merchant, omar: FlaskClient, simulator: Simulator, work: Work
) -> None:
    connect(omar, work)
    omar.post("/templates/starter", data={"language": "ar"})
    work()
    with db.merchant(shop.id) as session:
        session.scalars(
            select(MessageTemplate).where(MessageTemplate.name == "thank_you")
        ).one().components = [{"type": "BODY", "text": "mine"}]

    omar.post("/templates/starter", data={"language": ["ar", "fr"]})
    work()

    with db.merchant(shop.id) as session:
        bodies = session.scalars(select(MessageTemplate)).all()
    assert len(bodies) == 10
    assert sum(t.body == "mine" for t in bodies) == 1


def test_a_shop_whose_name_no_footer_takes_gets_its_templates_without_one(
    shop: Merchant, omar: FlaskClient, work: Work
) -> None:
    with db.merchant(shop.id) as session:
        session.get_one(Merchant, shop.id).name = "Zellige 🎉"
    connect(omar, work)

    answer = omar.post("/templates/starter", data={"language": "fr"})
    work()

    assert answer.status_code == 303
    with db.merchant(shop.id) as session:
        made = session.scalars(select(MessageTemplate)).all()
    assert [t.footer for t in made] == [""] * 5
    assert {t.state for t in made} == {"pending"}


def test_without_a_number_the_starter_set_leads_to_one(omar: FlaskClient) -> None:
    page = omar.get("/templates/starter", headers=ENGLISH)
    answer = omar.post("/templates/starter", data={"language": "fr"})

    assert "/numbers/new" in page.text
    assert answer.status_code == 409


def test_a_wrong_look_shows_why_and_the_number_can_be_removed(
    shop: Merchant, omar: FlaskClient, work: Work
) -> None:
    place = connect(omar, work, token="EAA-wrong")
    page = omar.get(place, headers=ENGLISH).text

    gone = omar.post(f"{place}/remove")

    assert "Meta does not take this access token" in page
    assert gone.status_code == 303
    assert omar.get(place).status_code == 404
    with db.merchant(shop.id):
        assert channels.all_of_merchant() == []
