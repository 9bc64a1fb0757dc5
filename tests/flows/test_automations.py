from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from flows import automations, presets
from flows.errors import Invalid, Refused
from models import db
from models.automation import Run
from models.db import MerchantSession
from models.merchant import Merchant
from models.pipeline import SystemState
from models.types import Json
from tests.flows import shop

NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILURE, DELIVERED, RETURNED, CANCELLED = (
    SystemState
)


def form(**changes: Any) -> automations.Form:
    values: Json = {
        "name": " Demande ",
        "stage": shop.stage(TO_CONFIRM),
        "template": shop.template(),
        "variables": shop.MAPPING | {"body.9": "left over from another template"},
        "buttons": {0: shop.stage(CONFIRMED), 1: shop.stage(CANCELLED), 2: None},
    }
    return automations.Form(**(values | changes))


def test_a_saved_automation_does_what_the_form_says(session: MerchantSession) -> None:
    made = automations.save(form(retrigger=True))
    db.session().flush()

    assert (made.name, made.stage.state, made.active, made.retrigger) == (
        "Demande",
        TO_CONFIRM,
        True,
        True,
    )
    assert made.variables == shop.MAPPING
    assert {b.index: b.stage.state if b.stage else None for b in made.buttons} == {
        0: CONFIRMED,
        1: CANCELLED,
        2: None,
    }


def test_an_automation_can_be_changed_and_its_buttons_repointed(session: MerchantSession) -> None:
    made = automations.save(form())
    db.session().flush()

    automations.save(form(name="Autre", buttons={0: shop.stage(CANCELLED)}), made)
    db.session().flush()
    db.session().expire(made)

    assert made.name == "Autre"
    assert [(b.index, b.stage) for b in made.buttons] == [(0, shop.stage(CANCELLED))]


def test_all_that_is_wrong_is_said_at_once(session: MerchantSession) -> None:
    with pytest.raises(Invalid) as no:
        automations.save(
            form(
                name=" ",
                stage=None,
                variables={"body.1": "customer.name", "body.2": "no.such"},
                buttons={7: shop.stage(CONFIRMED)},
            )
        )

    assert sorted(no.value.fields) == [
        "buttons.7",
        "name",
        "stage",
        "variables.body.2",
        "variables.body.3",
    ]
    assert db.session().scalar(select(func.count()).select_from(Run)) == 0


@pytest.mark.parametrize("state", ["paused", "pending", "rejected", "disabled"])
def test_only_approved_templates_are_taken(state: str, session: MerchantSession) -> None:
    with pytest.raises(Invalid) as no:
        automations.save(form(template=shop.template(state=state)))

    assert no.value.fields["template"].code == "template_state"


def test_a_button_cannot_promise_what_a_customer_may_not_do(session: MerchantSession) -> None:
    with pytest.raises(Invalid) as no:
        automations.save(form(buttons={0: shop.stage(DELIVERED)}))

    assert no.value.fields["buttons.0"].code == "transition_refused"


def test_a_button_stays_in_its_pipeline(merchant: Merchant, session: MerchantSession) -> None:
    wish = form()
    other = presets.apply(merchant, "cod", "en")
    db.session().flush()

    with pytest.raises(Invalid) as no:
        automations.save(replace(wish, buttons={0: other.stages[3]}))

    assert no.value.fields["buttons.0"].code == "foreign_stage"


def test_a_hidden_stage_triggers_nothing(session: MerchantSession) -> None:
    shop.stage(TO_CONFIRM).active = False

    with pytest.raises(Invalid) as no:
        automations.save(form())

    assert "stage" in no.value.fields


def test_an_automation_is_switched_off_and_on(session: MerchantSession) -> None:
    automation = shop.automation()
    automations.switch(automation, on=False)
    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())
    assert shop.runs_of(order) == []

    automations.switch(automation, on=True)
    automation.template.state = "paused"
    with pytest.raises(Refused, match="template_state"):
        automations.switch(automation, on=True)


def test_automations_are_listed_in_the_order_of_the_stages(session: MerchantSession) -> None:
    late, early = shop.automation(on=SHIPPED, buttons={}), shop.automation(on=NEW, buttons={})

    assert [a.id for a in automations.listed()] == [early.id, late.id]
