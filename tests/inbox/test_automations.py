"""The pages where a merchant says what each stage sends."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from flows import channels
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

    before, _, rest = page.partition(f'id="automation-{automation.id}"')
    row = rest.partition("</article>")[0]
    assert before.rindex("À confirmer par appel") > before.rindex("Injoignable")
    for shown in ("Demande de confirmation", "at once", "confirmation_", "Confirmer", "Confirmée"):
        assert shown in row
    assert re.search(r'<strong><bdi dir="ltr">1</bdi></strong> sent', row)
    assert 'aria-checked="true"' in row


def test_an_agent_reads_but_changes_nothing(
    merchant: Merchant, agent: Membership, automation: Automation, signed_in: Browser
) -> None:
    client = signed_in(agent)

    page = client.get("/automations").text
    assert "disabled" in page
    assert "/automations/new" not in page
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
    assert "Paused" in client.get("/automations", headers=ENGLISH).text


def test_without_any_the_page_proposes_a_first_one(owner: Membership, signed_in: Browser) -> None:
    page = signed_in(owner).get("/automations", headers=ENGLISH).text

    assert "No automation yet" in page
    assert page.count('href="/automations/new"') == 2


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


def full(merchant: Merchant, **changes: str) -> Json:
    """A form that uses everything."""
    with db.merchant(merchant.id):
        other = shop.template("Autre message pour {{1}}", name="autre")
        db.session().flush()
        fields = {
            "delay": "own",
            "delay_number": "90",
            "delay_unit": "minutes",
            "at_time": "09:30",
            "respects_quiet": "1",
            "silence": "1",
            "timeout_number": "24",
            "timeout_unit": "hours",
            "timeout_from": "delivered",
            "resends": "2",
            "fallback": str(shop.stage(SystemState.UNREACHABLE).id),
            "failure.not_on_whatsapp.do": "call",
            "failure.marketing_limit.do": "wait",
            "failure.marketing_limit.hours": "48",
            "failure.template_paused.do": "template",
            "failure.template_paused.template": str(other.id),
            "failure.template_paused.variables.body.1": "customer.name",
            "failure.other.do": "nothing",
        }
    return posted(merchant) | fields | changes


def test_everything_chosen_is_kept_and_opens_again_as_it_was(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    client, form = signed_in(owner), full(merchant)

    client.post("/automations", data=form)
    (made,) = stored(merchant)
    page = client.get(f"/automations/{made.id}", headers=ENGLISH).text

    assert (made.delay, str(made.at_time), made.respects_quiet) == (5400, "09:30:00", True)
    assert (made.timeout, made.timeout_from, made.resends) == (86400, "delivered", 2)
    assert made.on_failure["not_on_whatsapp"] == {"do": "call"}
    assert made.on_failure["marketing_limit"] == {"do": "wait", "hours": 48}
    assert made.on_failure["template_paused"]["variables"] == {"body.1": "customer.name"}
    assert "other" not in made.on_failure
    for shown in (
        'name="delay" value="own" checked',
        'name="delay_number" value="90"',
        'name="timeout_number" value="24"',
        'type="time" value="09:30"',
        'name="silence" value="1" checked',
        'value="wait" dir="auto" selected',
    ):
        assert shown in page
    again = form | {"name": "Encore"}
    assert client.post(f"/automations/{made.id}", data=again).status_code == 303


def test_the_automation_is_summed_up_in_words(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    form = full(merchant)

    parts = signed_in(owner).get("/automations/parts", query_string=form, headers=HTMX).text

    text = re.sub(r"</?bdi[^>]*>", "", parts)
    for said in (
        "When an order enters “À confirmer par appel”, after 90 minutes, at 09:30, send “confirm",
        "A tap on “Confirmer” moves the order to “Confirmée”.",
        "If nobody answers within 24 hours of delivery, send it up to 2 times more; then move it"
        " to “Injoignable”.",
        "If the customer is not on WhatsApp, ask the team to call.",
        "If Meta holds marketing back, wait 48 hours and try again.",
        "If Meta paused the template, send “autre” instead.",
        "Each order gets it once.",
    ):
        assert said in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"delay_number": "soon"}, "Enter a whole number."),
        ({"delay_number": "99999", "delay_unit": "hours"}, "At most 30 days."),
        ({"at_time": "half past"}, "Enter a time like 09:30."),
        ({"timeout_number": ""}, "Enter a whole number."),
        ({"timeout_number": "0"}, "From one minute to 30 days."),
        ({"fallback": "", "resends": "0"}, "Choose where the order goes, or send again."),
        ({"failure.marketing_limit.hours": "0"}, "From 24 to 720 hours."),
        ({"failure.template_paused.template": ""}, "Choose a template."),
        ({"failure.template_paused.variables.body.1": ""}, "Choose what to write here."),
        ({"name": "x" * 81}, "At most 80 characters."),
    ],
)
def test_each_wrong_field_says_what_is_wrong_beside_it(
    changes: dict[str, str],
    sentence: str,
    merchant: Merchant,
    owner: Membership,
    signed_in: Browser,
) -> None:
    answer = signed_in(owner).post("/automations", data=full(merchant, **changes), headers=ENGLISH)

    assert answer.status_code == 422
    assert answer.text.count('class="field-error"') == 1
    assert f"<span>{sentence}</span>" in answer.text
    assert stored(merchant) == []


def test_only_stages_that_silence_may_lead_to_are_offered(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    parts = (
        signed_in(owner).get("/automations/parts", query_string=full(merchant), headers=HTMX).text
    )

    fallback = parts[parts.index('id="fallback"') :].partition("</select>")[0]
    assert "Injoignable" in fallback
    assert "Livrée" not in fallback


def test_a_form_can_begin_on_a_stage(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        stage = shop.stage(SystemState.SHIPPED).id

    page = signed_in(owner).get(f"/automations/new?stage={stage}").text

    assert f'value="{stage}" dir="auto" selected' in page


def test_the_numbers_are_offered_when_there_are_several(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    client = signed_in(owner)
    assert 'name="channel"' not in client.get("/automations/new").text
    with db.merchant(merchant.id):
        second = channels.add(
            name="Deuxième",
            phone_number_id="777",
            waba_id="778",
            display_phone_number="+212 520-000009",
            country="MA",
            token="EAA",
        ).id

    answer = client.post("/automations", data=full(merchant, channel=str(second)), headers=ENGLISH)
    page = client.get("/automations/new", headers=ENGLISH).text

    assert f'value="{second}"' in page
    # Two accounts may both hold a template of this name: each says whose it is.
    assert f"Utility · {merchant.name}</option>" in page
    assert "The WhatsApp account of “Deuxième” does not have this template." in answer.text


# --- copies, and the end --------------------------------------------------------------------------


def test_a_copy_is_switched_off_and_opens(
    merchant: Merchant, owner: Membership, automation: Automation, signed_in: Browser
) -> None:
    answer = signed_in(owner).post(f"/automations/{automation.id}/copy", headers=HTMX)

    copy = next(a for a in stored(merchant) if a.id != automation.id)
    assert answer.headers["HX-Redirect"] == f"/automations/{copy.id}"
    assert (copy.name, copy.active) == ("Demande de confirmation (copy)", False)
    assert (copy.stage_id, copy.variables) == (automation.stage_id, automation.variables)


def test_one_that_never_ran_is_deleted(
    merchant: Merchant, owner: Membership, automation: Automation, signed_in: Browser
) -> None:
    answer = signed_in(owner).post(f"/automations/{automation.id}/delete")

    assert (answer.status_code, answer.location) == (303, "/automations")
    assert stored(merchant) == []


def test_one_that_ran_keeps_its_history_and_is_only_switched_off(
    merchant: Merchant, owner: Membership, automation: Automation, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        shop.order(on=TO_CONFIRM, talk=shop.conversation())

    signed_in(owner).post(f"/automations/{automation.id}/delete", headers=HTMX)

    (kept,) = stored(merchant)
    assert not kept.active


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

    assert "This order does not say: <bdi>Agent in charge</bdi>." in parts


def test_the_price_of_a_message_stands_beside_its_preview(
    merchant: Merchant, owner: Membership, order: Order, signed_in: Browser
) -> None:
    parts = signed_in(owner).get("/automations/parts", query_string=posted(merchant), headers=HTMX)

    assert "USD" in parts.text


def test_a_month_is_estimated_from_the_orders_that_came_to_the_stage(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        for _ in range(3):
            shop.order((None, 1), on=TO_CONFIRM)
        shop.order((None, 1), on=NEW)
    client, form = signed_in(owner), posted(merchant)

    parts = client.get("/automations/parts", query_string=form, headers=HTMX).text

    amounts = re.findall(r"([\d.]+)\u00a0USD", parts)
    assert '<dd><bdi dir="ltr">3</bdi></dd>' in parts
    assert Decimal(amounts[1]) == 3 * Decimal(amounts[0])


def test_marketing_says_that_it_needs_consent(
    merchant: Merchant, owner: Membership, order: Order, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        offer = shop.template("Promo {{1}}", category="marketing")
    form = posted(merchant, template=offer)

    parts = signed_in(owner).get("/automations/parts", query_string=form, headers=HTMX).text

    assert "only customers who agreed" in parts


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


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        (
            "Bonjour {{1}}, votre commande n° {{2}} de {{3}} est prête. Suivi : {{4}}",
            ["customer.first_name", "order.number", "order.amount", "order.tracking"],
        ),
        (
            "مرحبا {{1}}، طلبك رقم {{2}} بمبلغ {{3}}",
            ["customer.first_name", "order.number", "order.amount"],
        ),
        ("Hello {{name}}, order {{order_number}}", ["customer.first_name", "order.number"]),
        (
            "Merci *{{1}}* ! Commande n° *{{2}}* d'un total de *{{3}}*, suivi {{tracking_number}}",
            ["customer.first_name", "order.number", "order.amount", "order.tracking"],
        ),
        ("{{1}} {{2}}", ["", ""]),
    ],
)
def test_what_fills_a_blank_is_guessed_until_somebody_says(
    body: str, facts: list[str], merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        template, before = shop.template(body), shop.template()
        db.session().flush()
        form = {"template": str(template.id), "mapped": str(before.id), "variables.body.1": "x"}

    parts = signed_in(owner).get("/automations/parts", query_string=form, headers=HTMX).text

    chosen = [
        re.search(r'value="([^"]*)" dir="auto" selected', select)
        for select in re.findall(r'name="variables\.[^"]*".*?</select>', parts, re.S)
    ]
    assert [found[1] if found else "" for found in chosen] == facts


def test_where_a_button_leads_is_guessed_by_what_it_says(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        template = shop.template()
        db.session().flush()
        form = {"template": str(template.id), "stage": str(shop.stage(TO_CONFIRM).id)}
        confirmed, cancelled = shop.stage(CONFIRMED).id, shop.stage(SystemState.CANCELLED).id

    page = signed_in(owner).get("/automations/new", query_string=form).text

    chosen = [
        re.findall(r'value="([^"]*)" dir="auto" selected', select)
        for select in re.findall(r'name="buttons\.[^"]*".*?</select>', page, re.S)
    ]
    assert chosen == [[str(confirmed)], [str(cancelled)], [""]]


def test_a_button_that_leads_nowhere_stays_so(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        automation = shop.automation(buttons={})

    page = signed_in(owner).get(f"/automations/{automation.id}").text

    assert page.count('name="buttons.') == 3
    assert "Nulle part, simplement noté</option>" in page
    assert len(re.findall(r'<option value="" dir="auto" selected', page)) >= 3
