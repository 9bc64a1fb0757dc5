from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from time_machine import TimeMachineFixture

from flows import automations, presets, runs
from flows.automations import Deed
from flows.errors import Invalid, Refused
from models import db
from models.automation import Run
from models.db import MerchantSession
from models.merchant import Merchant
from models.pipeline import SystemState, Transition
from models.types import Json, utcnow
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


# --- silence, failures ----------------------------------------------------------------------------


def test_silence_needs_somewhere_to_lead(session: MerchantSession) -> None:
    with pytest.raises(Invalid) as no:
        automations.save(form(timeout=3600))

    assert list(no.value.fields) == ["fallback"]
    assert automations.save(form(timeout=3600, resends=1)).resends == 1


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (DELIVERED, "transition_refused"),
        (TO_CONFIRM, "same_stage"),
        (SHIPPED, "transition_refused"),
    ],
)
def test_silence_cannot_lead_where_no_automation_may_go(
    state: SystemState, code: str, session: MerchantSession
) -> None:
    with pytest.raises(Invalid) as no:
        automations.save(form(timeout=3600, fallback=shop.stage(state)))

    assert no.value.fields["fallback"].code == code


def test_a_transition_the_merchant_does_not_allow_is_no_fallback(session: MerchantSession) -> None:
    here, confirmed = shop.stage(TO_CONFIRM), shop.stage(CONFIRMED)
    session.add(Transition(from_stage_id=here.id, to_stage_id=confirmed.id))
    session.flush()

    with pytest.raises(Invalid) as no:
        automations.save(form(timeout=3600, fallback=shop.stage(UNREACHABLE)))

    assert sorted(no.value.fields) == ["buttons.1", "fallback"]


def test_without_a_time_out_nothing_of_silence_is_kept(session: MerchantSession) -> None:
    made = automations.save(form(resends=2, fallback=shop.stage(UNREACHABLE)))

    assert (made.timeout, made.resends, made.fallback_stage) == (None, 0, None)


def test_what_to_do_about_failures_is_kept_by_cause(session: MerchantSession) -> None:
    other = shop.template("Pour {{1}}")
    session.flush()
    deeds = {
        "not_on_whatsapp": Deed(do="call"),
        "marketing_limit": Deed(do="wait", hours=24),
        "template_paused": Deed(
            do="template", template=other, variables={"body.1": "customer.name", "x": "y"}
        ),
        "other": Deed(),
    }

    made = automations.save(form(failure=deeds))

    assert made.on_failure == {
        "not_on_whatsapp": {"do": "call"},
        "marketing_limit": {"do": "wait", "hours": 24},
        "template_paused": {
            "do": "template",
            "template_id": str(other.id),
            "variables": {"body.1": "customer.name"},
        },
    }


def test_another_template_is_another_and_can_be_sent(session: MerchantSession) -> None:
    wish = form()
    paused = shop.template(state="paused")
    session.flush()
    deeds = {
        "other": Deed(do="template", template=wish.template, variables=shop.MAPPING),
        "template_paused": Deed(do="template", template=paused, variables=shop.MAPPING),
        "earthquake": Deed(do="call"),
    }

    with pytest.raises(Invalid) as no:
        automations.save(replace(wish, failure=deeds))

    assert {name: why.code for name, why in no.value.fields.items()} == {
        "failure.other.template": "same",
        "failure.template_paused.template": "template_state",
        "failure.earthquake": "choice",
    }


def test_the_causes_are_those_the_engine_decides_by() -> None:
    assert {*runs.CAUSES.values(), "other"} == set(automations.CAUSES)
    assert set(runs.DEEDS) == set(automations.DEEDS)


# --- what it did ----------------------------------------------------------------------------------


def test_figures_count_the_last_thirty_days(
    merchant: Merchant, session: MerchantSession, time_machine: TimeMachineFixture
) -> None:
    automation = shop.automation()
    now = utcnow()
    time_machine.move_to(now - timedelta(days=31))
    shop.asked((None, 1))
    time_machine.move_to(now)
    answered, failed = shop.asked((None, 1)), shop.asked((None, 1))
    run, _ = shop.question(answered)
    run.replied_at = now
    broken, message = shop.question(failed)
    message.failed_at = now
    session.flush()

    did = automations.figures()[automation.id]

    assert (did.sent, did.answered, did.problem) == (2, 1, broken)
    assert automations.entered(shop.stage(TO_CONFIRM)) == 2


def test_a_hidden_stage_cannot_be_switched_on(session: MerchantSession) -> None:
    automation = shop.automation(active=False)
    automation.stage.active = False

    with pytest.raises(Refused, match="stage_hidden"):
        automations.switch(automation, on=True)
