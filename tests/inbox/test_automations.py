"""The pages where a merchant says what each stage sends."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models import db
from models.automation import Automation
from models.merchant import Merchant
from models.order import Order
from models.pipeline import SystemState
from models.template import MessageTemplate
from models.types import Json
from models.user import Membership
from tests.flows import shop

Browser = Callable[[Membership], FlaskClient]
NEW, TO_CONFIRM, CONFIRMED = SystemState.NEW, SystemState.TO_CONFIRM, SystemState.CONFIRMED
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial", "Accept-Language": "en"}
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def automation(merchant: Merchant) -> Automation:
    with db.merchant(merchant.id):
        return shop.automation(description="Dès l'arrivée")


@pytest.fixture
def order(merchant: Merchant) -> Order:
    with db.merchant(merchant.id):
        return shop.order((None, 1), on=NEW, talk=shop.conversation(), number=1042)


def posted(
    merchant: Merchant, changes: Json | None = None, *, template: MessageTemplate | None = None
) -> Json:
    """The form as a browser sends it."""
    with db.merchant(merchant.id):
        chosen = template or shop.template()
        db.session().flush()
        fields = {
            "name": "Demande",
            "description": "",
            "stage": str(shop.stage(TO_CONFIRM).id),
            "template": str(chosen.id),
            "buttons.0": str(shop.stage(CONFIRMED).id),
            "buttons.1": "",
            "active": "1",
        }
    fields |= {f"variables.{key}": fact for key, fact in shop.MAPPING.items()}
    return fields | (changes or {})


def stored(merchant: Merchant) -> list[Automation]:
    with db.merchant(merchant.id) as session:
        return list(session.scalars(select(Automation)))


# --- the list -------------------------------------------------------------------------------------


def test_the_list_shows_stage_template_buttons_and_how_often(
    merchant: Merchant, agent: Membership, automation: Automation, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        shop.order(on=TO_CONFIRM, talk=shop.conversation())

    page = signed_in(agent).get("/automations", headers=ENGLISH).text

    row = page[page.index(f"automation-{automation.id}") :].partition("</tr>")[0]
    for shown in ("Demande de confirmation", "À confirmer par appel", "Confirmer", "Confirmée"):
        assert shown in row
    assert re.search(r'<bdi dir="ltr">1</bdi></a>', row)
    assert 'aria-checked="true"' in row


def test_an_agent_reads_but_changes_nothing(
    merchant: Merchant, agent: Membership, automation: Automation, signed_in: Browser
) -> None:
    client = signed_in(agent)

    assert "disabled" in client.get("/automations").text
    for path in ("/automations/new", f"/automations/{automation.id}", "/automations/parts"):
        assert client.get(path).status_code == 403
    assert client.post(f"/automations/{automation.id}/active").status_code == 403
    assert client.post("/automations", data=posted(merchant)).status_code == 403
    assert len(stored(merchant)) == 1


def test_a_stranger_finds_none_of_it(
    automation: Automation, stranger: Membership, signed_in: Browser
) -> None:
    client = signed_in(stranger)

    assert "Demande de confirmation" not in client.get("/automations").text
    assert client.get(f"/automations/{automation.id}").status_code == 404
    assert client.post(f"/automations/{automation.id}", data={}).status_code == 404
    assert client.post(f"/automations/{automation.id}/active").status_code == 404


def test_the_switch_turns_it_off_and_on(
    merchant: Merchant, owner: Membership, automation: Automation, signed_in: Browser
) -> None:
    client, switch = signed_in(owner), f"/automations/{automation.id}/active"

    assert 'aria-checked="false"' in client.post(switch, headers=HTMX).text
    assert not stored(merchant)[0].active
    assert 'aria-checked="true"' in client.post(switch, data={"on": "1"}, headers=HTMX).text
    assert stored(merchant)[0].active


def test_an_automation_whose_template_was_taken_back_stays_off(
    merchant: Merchant, owner: Membership, automation: Automation, signed_in: Browser
) -> None:
    with db.merchant(merchant.id) as session:
        session.get_one(Automation, (merchant.id, automation.id)).active = False
        session.get_one(MessageTemplate, (merchant.id, automation.template_id)).state = "paused"
    client = signed_in(owner)

    answer = client.post(f"/automations/{automation.id}/active", data={"on": "1"}, headers=HTMX)

    assert answer.status_code == 409
    assert not stored(merchant)[0].active
    assert "Not approved" in client.get("/automations", headers=ENGLISH).text


def test_without_any_the_page_proposes_a_first_one(owner: Membership, signed_in: Browser) -> None:
    page = signed_in(owner).get("/automations", headers=ENGLISH).text

    assert "No automation yet" in page
    assert page.count("/automations/new") == 2


# --- the form -------------------------------------------------------------------------------------


def test_a_filled_form_makes_an_automation(
    merchant: Merchant, manager: Membership, signed_in: Browser
) -> None:
    answer = signed_in(manager).post("/automations", data=posted(merchant, {"retrigger": "1"}))

    assert (answer.status_code, answer.location) == (303, "/automations")
    (made,) = stored(merchant)
    assert (made.name, made.active, made.retrigger) == ("Demande", True, True)
    assert made.variables == shop.MAPPING


def test_a_wrong_form_comes_back_with_every_error_and_all_that_was_typed(
    merchant: Merchant, manager: Membership, signed_in: Browser
) -> None:
    form = posted(merchant, {"name": " ", "description": "gardée", "variables.body.2": ""})

    answer = signed_in(manager).post("/automations", data=form, headers=ENGLISH)

    assert answer.status_code == 422
    assert "Give it a name." in answer.text
    assert "Choose what to write here." in answer.text
    assert 'value="gardée"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 2
    assert f'value="{form["template"]}" dir="auto" selected' in answer.text
    assert stored(merchant) == []


def test_the_form_opens_with_what_the_automation_does(
    merchant: Merchant, owner: Membership, automation: Automation, signed_in: Browser
) -> None:
    page = signed_in(owner).get(f"/automations/{automation.id}", headers=ENGLISH).text

    assert 'value="Demande de confirmation"' in page
    assert 'value="customer.first_name" dir="auto" selected' in page
    assert f'value="{automation.stage_id}" dir="auto" selected' in page


def test_a_changed_form_changes_it(
    merchant: Merchant, owner: Membership, automation: Automation, signed_in: Browser
) -> None:
    with db.merchant(merchant.id) as session:
        template = session.get_one(MessageTemplate, (merchant.id, automation.template_id))
    form = posted(merchant, {"name": "Autre"}, template=template)
    del form["active"]

    signed_in(owner).post(f"/automations/{automation.id}", data=form)

    (changed,) = stored(merchant)
    assert (changed.id, changed.name, changed.active) == (automation.id, "Autre", False)


def test_only_templates_that_can_be_sent_are_offered(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        shop.template(name="bonne")
        shop.template(name="en_attente", state="pending")
        shop.template(name="image", components=[{"type": "HEADER", "format": "IMAGE"}])

    page = signed_in(owner).get("/automations/new").text

    assert "bonne" in page
    assert "en_attente" not in page
    assert ">image" not in page


# --- the preview ----------------------------------------------------------------------------------


def test_the_preview_is_what_the_customer_of_a_real_order_would_read(
    merchant: Merchant, owner: Membership, order: Order, signed_in: Browser
) -> None:
    form = posted(merchant) | {"sample": str(order.id)}

    parts = signed_in(owner).get("/automations/parts", query_string=form, headers=HTMX).text

    assert "Bonjour Fatima, votre commande 1042 de 135,00\u00a0MAD est prête ?" in parts
    assert "Une question" in parts
    assert 'dir="ltr" lang="fr"' in parts


def test_an_arabic_template_is_previewed_from_right_to_left_for_any_reader(
    merchant: Merchant, owner: Membership, order: Order, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        arabic = shop.template("مرحبا {{1}}", language="ar")
    form = posted(merchant, template=arabic)

    parts = signed_in(owner).get("/automations/parts", query_string=form, headers=HTMX).text

    assert 'dir="rtl" lang="ar"' in parts
    assert "مرحبا Fatima" in parts


def test_blanks_that_are_not_mapped_yet_stay_seen(
    merchant: Merchant, owner: Membership, order: Order, signed_in: Browser
) -> None:
    form = posted(merchant, {"variables.body.2": ""})

    parts = signed_in(owner).get("/automations/parts", query_string=form, headers=HTMX).text

    assert "Bonjour Fatima, votre commande {{2}} de" in parts


def test_a_fact_that_the_order_lacks_is_told_before_anything_is_sent(
    merchant: Merchant, owner: Membership, order: Order, signed_in: Browser
) -> None:
    form = posted(merchant, {"variables.body.2": "agent.name"})

    parts = signed_in(owner).get("/automations/parts", query_string=form, headers=HTMX).text

    assert "This order does not say: Agent in charge." in parts


def test_the_price_of_a_message_stands_beside_its_preview(
    merchant: Merchant, owner: Membership, order: Order, signed_in: Browser
) -> None:
    parts = signed_in(owner).get("/automations/parts", query_string=posted(merchant), headers=HTMX)

    assert "USD" in parts.text


def test_what_a_customer_wrote_is_shown_and_never_run(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        shop.order(ship_city="<script>alert(1)</script>")
    form = posted(merchant, {"variables.body.2": "order.city"})

    parts = signed_in(owner).get("/automations/parts", query_string=form, headers=HTMX).text

    assert "&lt;script&gt;" in parts
    assert "<script>" not in parts


def test_without_any_order_the_preview_shows_the_blanks(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    parts = signed_in(owner).get("/automations/parts", query_string=posted(merchant), headers=HTMX)

    assert "Bonjour {{1}}" in parts.text


@pytest.mark.parametrize("rubbish", [{"template": "x"}, {"stage": "x", "sample": "y"}, {}])
def test_rubbish_in_the_address_breaks_nothing(
    rubbish: dict[str, str], owner: Membership, signed_in: Browser
) -> None:
    answer = signed_in(owner).get("/automations/parts", query_string=rubbish, headers=HTMX)

    assert answer.status_code == 200
