"""The pages on which a merchant shapes the pipeline."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from flows import outbox, stages
from flows.stages import pipelines
from models import db
from models.merchant import Merchant
from models.order import Order
from models.pipeline import Pipeline, Stage, SystemState
from models.user import Membership
from tests.flows import shop

Browser = Callable[[Membership], FlaskClient]
NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILURE, DELIVERED, RETURNED, CANCELLED = (
    SystemState
)
ENGLISH = {"Accept-Language": "en"}
HTMX = ENGLISH | {"HX-Request": "true", "HX-Request-Type": "partial"}
JSON = ENGLISH | {"Accept": "application/json"}


@pytest.fixture
def of(merchant: Merchant) -> UUID:
    with db.merchant(merchant.id):
        return shop.pipeline_of().id


@pytest.fixture
def browser(manager: Membership, signed_in: Browser) -> FlaskClient:
    return signed_in(manager)


def ids(merchant: Merchant) -> dict[str, UUID]:
    """The stages by name, in their order."""
    with db.merchant(merchant.id):
        return {stage.name: stage.id for stage in shop.pipeline_of().stages}


def stored(merchant: Merchant, stage_id: UUID) -> Stage:
    with db.merchant(merchant.id) as session:
        return session.get_one(Stage, (merchant.id, stage_id))


def order(merchant: Merchant, *lines: Any, on: SystemState | str = NEW) -> Order:
    with db.merchant(merchant.id):
        return shop.order(*lines, on=on)


def again(merchant: Merchant, about: Order) -> Order:
    with db.merchant(merchant.id) as session:
        return session.get_one(Order, (merchant.id, about.id))


def form(stage: Stage, **changes: str | None) -> dict[str, str]:
    """The stage's dialog as the browser posts it; None takes a field away."""
    posted: dict[str, str | None] = {
        "name": stage.name,
        "description": stage.description,
        "color": stage.color,
        "state": stage.state or "",
        "active": "1" if stage.active else None,
    }
    return {name: value for name, value in (posted | changes).items() if value is not None}


def read(answer: TestResponse) -> str:
    """What a person reads: no tags, single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def notes(answer: TestResponse) -> list[str]:
    triggers = json.loads(answer.headers.get("HX-Trigger", "{}"))
    return [note["text"] for note in triggers.get("toasts", {}).get("notes", [])]


# --- the list -------------------------------------------------------------------------------------


def test_the_editor_shows_every_stage_with_its_orders_and_automations(
    merchant: Merchant, browser: FlaskClient
) -> None:
    for state in (NEW, NEW, CONFIRMED):
        order(merchant, on=state)
    with db.merchant(merchant.id):
        shop.automation(TO_CONFIRM)
        stages.hide(shop.stage(UNREACHABLE))

    answer = browser.get("/pipeline", headers=ENGLISH)

    assert [
        unescape(name) for name in re.findall(r"data-item.*?<bdi>(.*?)</bdi>", answer.text)
    ] == [*ids(merchant)]
    said = read(answer)
    assert "Nouvelle New orders begin here New 2 orders" in said
    assert "Injoignable Hidden Show again Unreachable" in said
    assert "Préparation No state No order" in said
    assert "1 automation" in answer.text


def test_an_agent_shapes_nothing(
    agent: Membership, signed_in: Browser, of: UUID, merchant: Merchant
) -> None:
    browser, (stage, *_rest) = signed_in(agent), ids(merchant).values()

    for page in ("", "/new", "/moves", f"/{of}", f"/stages/{stage}", f"/stages/{stage}/gone"):
        assert browser.get(f"/pipeline{page}").status_code == 403
    for deed in ("", f"/{of}/order", f"/{of}/stages", f"/stages/{stage}", f"/stages/{stage}/gone"):
        assert browser.post(f"/pipeline{deed}").status_code == 403


def test_the_list_knows_what_it_lives_on(
    merchant: Merchant, browser: FlaskClient, of: UUID
) -> None:
    answer = browser.get(f"/pipeline?pipeline={of}", headers=HTMX)

    assert answer.text.lstrip().startswith("<section")
    for name in ("pipeline", "board", f"stage:{ids(merchant)['Nouvelle']}"):
        assert name in answer.text.partition("data-live=")[2].partition(" hx-get")[0]


def test_dragging_a_stage_posts_the_whole_order(
    merchant: Merchant, browser: FlaskClient, of: UUID
) -> None:
    known = list(ids(merchant).values())
    wished = [known[0], known[2], known[1], *known[3:]]

    answer = browser.post(
        f"/pipeline/{of}/order", data={"ids": " ".join(map(str, wished))}, headers=HTMX
    )

    assert answer.status_code == 200
    assert list(ids(merchant).values()) == wished
    places = [answer.text.index(f'id="stage-{stage}"') for stage in wished]
    assert places == sorted(places)


def test_a_list_that_is_out_of_date_is_refused_and_says_so(
    merchant: Merchant, browser: FlaskClient, of: UUID
) -> None:
    known = list(ids(merchant).values())

    answer = browser.post(
        f"/pipeline/{of}/order", data={"ids": " ".join(map(str, known[1:]))}, headers=HTMX
    )

    assert answer.status_code == 409
    assert notes(answer) == ["The stages have changed meanwhile. Look again, then move it."]
    assert list(ids(merchant).values()) == known


def test_a_change_is_told_to_every_screen(
    merchant: Merchant, browser: FlaskClient, of: UUID
) -> None:
    ear = outbox.connection().pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis
    ear.subscribe(f"live:{merchant.id}")
    ear.get_message(timeout=5)

    browser.post(f"/pipeline/{of}/stages", data={"name": "Neuve", "color": "red"}, headers=HTMX)

    heard = ear.get_message(timeout=5)
    ear.close()
    assert heard is not None
    assert {"pipeline", "board"} <= set(json.loads(heard["data"])["names"])


# --- adding and changing --------------------------------------------------------------------------


def test_a_stage_is_added_from_the_dialog(
    merchant: Merchant, browser: FlaskClient, of: UUID
) -> None:
    dialog = browser.get(f"/pipeline/{of}/stages/new", headers=HTMX)
    assert 'name="place"' in dialog.text

    answer = browser.post(
        f"/pipeline/{of}/stages",
        data={"name": "Emballée", "color": "purple", "state": "", "place": "6"},
        headers=HTMX,
    )

    assert answer.status_code == 200
    assert "dialog:close" in answer.headers["HX-Trigger"]
    assert "Emballée" in answer.text
    assert list(ids(merchant))[4:7] == ["Préparation", "Emballée", "Expédiée"]


def test_what_is_wrong_stands_in_the_dialog_with_what_was_typed(
    merchant: Merchant, browser: FlaskClient, of: UUID
) -> None:
    answer = browser.post(
        f"/pipeline/{of}/stages",
        data={"name": "Livrée", "color": "red", "description": "Deux fois", "place": "2"},
        headers=HTMX,
    )

    assert answer.status_code == 422
    assert "Another stage has this name." in read(answer)
    assert "Deux fois" in answer.text
    assert len(ids(merchant)) == 10


def test_a_stage_gets_other_words_and_reasons(merchant: Merchant, browser: FlaskClient) -> None:
    stage = stored(merchant, ids(merchant)["Annulée"])
    dialog = browser.get(f"/pipeline/stages/{stage.id}", headers=HTMX)
    assert "Doublon" in dialog.text
    assert "When you save" not in dialog.text

    answer = browser.post(
        f"/pipeline/stages/{stage.id}",
        data=form(stage, name="Refusée", color="red", reasons="Fausse\n\n Doublon \nFausse"),
        headers=HTMX,
    )

    assert (answer.status_code, notes(answer)) == (200, ["“Refusée” is saved."])
    changed = stored(merchant, stage.id)
    assert (changed.name, changed.color, changed.reasons) == (
        "Refusée",
        "red",
        ["Fausse", "Doublon"],
    )


def test_a_stage_is_hidden_and_shown_in_its_dialog(
    merchant: Merchant, browser: FlaskClient
) -> None:
    order(merchant, on=UNREACHABLE)
    stage = stored(merchant, ids(merchant)["Injoignable"])
    dialog = read(browser.get(f"/pipeline/stages/{stage.id}", headers=HTMX))
    assert "The 1 order on it stays there." in dialog

    browser.post(f"/pipeline/stages/{stage.id}", data=form(stage, active=None), headers=HTMX)
    assert not stored(merchant, stage.id).active
    browser.post(f"/pipeline/stages/{stage.id}/active", data={"active": "1"}, headers=HTMX)
    assert stored(merchant, stage.id).active


# --- another meaning ------------------------------------------------------------------------------


def test_another_state_is_previewed_before_it_is_true(
    merchant: Merchant, browser: FlaskClient
) -> None:
    with db.merchant(merchant.id):
        bag = shop.bag(stock_of=1)
        about = shop.order((bag, 2), on=TO_CONFIRM)
        shop.automation(TO_CONFIRM)
    stage = ids(merchant)["À confirmer par appel"]

    answer = browser.get(f"/pipeline/stages/{stage}/impact?state=shipped", headers=HTMX)

    said = read(answer)
    for shown in (
        "1 order on this stage gets this state at once.",
        "1 of them takes goods from the stock.",
        "This cannot be saved: goods are missing.",
        "2 needed, 1 available",
        "button “ Confirmer ” to “ Confirmée ”",
        "Orders that have already left this stage keep their history.",
    ):
        assert shown in said
    assert again(merchant, about).state is TO_CONFIRM
    same = browser.get(f"/pipeline/stages/{stage}/impact?state=to_confirm", headers=HTMX)
    assert "When you save" not in same.text


def test_the_reasons_of_the_chosen_state_are_offered(
    merchant: Merchant, browser: FlaskClient
) -> None:
    stage = ids(merchant)["Préparation"]

    failed = browser.get(f"/pipeline/stages/{stage}/impact?state=delivery_failure", headers=HTMX)
    shipped = browser.get(f"/pipeline/stages/{stage}/impact?state=shipped", headers=HTMX)

    assert "Client absent" in failed.text
    assert 'name="reasons"' not in shipped.text


def test_saving_another_state_reclassifies_the_orders(
    merchant: Merchant, browser: FlaskClient
) -> None:
    about = order(merchant, on="Préparation")
    stage = stored(merchant, ids(merchant)["Préparation"])

    answer = browser.post(
        f"/pipeline/stages/{stage.id}", data=form(stage, state="confirmed"), headers=HTMX
    )

    assert answer.status_code == 200
    assert again(merchant, about).state is CONFIRMED


def test_missing_goods_refuse_it_and_are_named(merchant: Merchant, browser: FlaskClient) -> None:
    with db.merchant(merchant.id):
        bag = shop.bag(stock_of=0)
        about = shop.order((bag, 1), on=TO_CONFIRM)
    stage = stored(merchant, ids(merchant)["À confirmer par appel"])

    answer = browser.post(
        f"/pipeline/stages/{stage.id}",
        data=form(stage, state="confirmed", name="Oui"),
        headers=HTMX,
    )

    assert answer.status_code == 409
    assert "Sac cuir (0/1)" in notes(answer)[0]
    unchanged = stored(merchant, stage.id)
    assert (unchanged.name, unchanged.state) == ("À confirmer par appel", TO_CONFIRM)
    assert again(merchant, about).state is TO_CONFIRM


# --- deleting -------------------------------------------------------------------------------------


def test_deleting_a_stage_says_first_where_its_orders_go(
    merchant: Merchant, browser: FlaskClient
) -> None:
    about = [order(merchant, on="Préparation") for _ in range(5)]
    with db.merchant(merchant.id):
        shop.automation("Préparation", buttons={}, name="Emballage")
    stage = ids(merchant)["Préparation"]

    dialog = read(browser.get(f"/pipeline/stages/{stage}/gone", headers=HTMX))
    for shown in (
        "5 orders move to Confirmée",
        "The automation “ Emballage ” is switched off.",
        "5 orders get another state: stock and indicators follow. It becomes “Confirmed”.",
    ):
        assert shown in dialog
    refused = browser.post(f"/pipeline/stages/{stage}/gone", headers=HTMX)
    assert (refused.status_code, "Préparation" in ids(merchant)) == (409, True)

    answer = browser.post(f"/pipeline/stages/{stage}/gone", data={"agreed": "1"}, headers=HTMX)

    assert (answer.status_code, notes(answer)) == (200, ["“Préparation” is deleted."])
    assert "Préparation" not in ids(merchant)
    target = ids(merchant)["Confirmée"]
    assert {again(merchant, one).stage_id for one in about} == {target}
    assert browser.get(f"/pipeline/stages/{stage}", headers=HTMX).status_code == 404


def test_a_stage_with_many_orders_shows_how_far_its_work_is(
    merchant: Merchant, browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.stages.deleting.AT_ONCE", 1)
    for _ in range(2):
        order(merchant, on=UNREACHABLE)
    stage = ids(merchant)["Injoignable"]

    answer = browser.post(f"/pipeline/stages/{stage}/gone", data={"agreed": "1"}, headers=HTMX)

    assert answer.status_code == 200
    progress = re.search(r'hx-get="(/bulk/[^"]+)"', answer.text)
    assert progress is not None
    assert browser.get(progress[1], headers=HTMX).status_code == 200


# --- where orders may go --------------------------------------------------------------------------


def row(answer: TestResponse, stage: UUID) -> str:
    return answer.text.partition(f'id="moves-{stage}"')[2].partition("</tr>")[0]


def test_the_matrix_closes_what_no_state_allows_and_says_why(
    merchant: Merchant, browser: FlaskClient
) -> None:
    known = ids(merchant)

    page = browser.get("/pipeline/moves", headers=ENGLISH)

    new = row(page, known["Nouvelle"])
    assert "No limit" in new
    assert f'id="to-{known["Nouvelle"]}-{known["Livrée"]}"' not in new
    assert "an order that is “New” cannot become “Delivered”" in unescape(new)
    ticked = new.partition(f'id="to-{known["Nouvelle"]}-{known["Confirmée"]}"')[2]
    assert "checked" in ticked.partition("</label>")[0]


def test_unticking_a_move_narrows_the_row_and_ticking_all_frees_it(
    merchant: Merchant, browser: FlaskClient, agent: Membership
) -> None:
    known = ids(merchant)
    here, address = known["Nouvelle"], f"/pipeline/stages/{known['Nouvelle']}/moves"
    every = re.findall(
        r'name="to" value="([^"]+)"', row(browser.get("/pipeline/moves", headers=ENGLISH), here)
    )

    answer = browser.post(address, data={"to": [str(known["Confirmée"])]}, headers=HTMX)
    assert answer.text.lstrip().startswith("<tr")
    assert "Allow all" in answer.text
    with db.merchant(merchant.id):
        assert stages.transitions(shop.pipeline_of()) == {here: {known["Confirmée"]}}

    browser.post(address, data={"to": every}, headers=HTMX)
    with db.merchant(merchant.id):
        assert stages.transitions(shop.pipeline_of()) == {}

    browser.post(address, data={"to": [str(known["Confirmée"])]}, headers=HTMX)
    browser.post(address, data={"all": "1"}, headers=HTMX)
    with db.merchant(merchant.id):
        assert stages.transitions(shop.pipeline_of()) == {}


def test_the_last_move_of_a_row_stays(merchant: Merchant, browser: FlaskClient) -> None:
    known = ids(merchant)
    address = f"/pipeline/stages/{known['Nouvelle']}/moves"
    browser.post(address, data={"to": [str(known["Confirmée"])]}, headers=HTMX)

    answer = browser.post(address, headers=HTMX)

    assert notes(answer) == ["One move must stay allowed. “Allow all” lifts every limit."]
    assert "checked" in answer.text


def test_a_refused_move_tells_a_program_what_is_allowed(
    merchant: Merchant, signed_in: Browser, agent: Membership
) -> None:
    about, known = order(merchant, on=RETURNED), ids(merchant)

    answer = signed_in(agent).post(
        f"/orders/{about.number}/stage", data={"stage": str(known["Nouvelle"])}, headers=JSON
    )

    assert answer.status_code == 409
    assert answer.json is not None
    assert answer.json["error"]["code"] == "transition_refused"
    assert answer.json["error"]["allowed"] == [
        {"id": str(known["Préparation"]), "name": "Préparation"}
    ]


# --- more than one pipeline -----------------------------------------------------------------------


def test_the_wizard_shows_what_there_is_to_start_from(
    merchant: Merchant, browser: FlaskClient
) -> None:
    said = read(browser.get("/pipeline/new", headers=ENGLISH))

    assert "You work with “ Paiement à la livraison ” already." in said
    for shown in ("10 stages", "6 stages", "5 stages", "From blank", "Accès envoyé", "Planifiée"):
        assert shown in said


@pytest.mark.parametrize(
    ("posted", "where", "count"),
    [
        ({"preset": "digital", "ready": "1"}, "/board", 6),
        ({"preset": "services", "adjust": "1"}, "/pipeline", 5),
        ({"preset": "blank", "ready": "1"}, "/pipeline", 2),
    ],
    ids=["template", "then adjusted", "blank"],
)
def test_a_further_pipeline_is_opened_in_each_of_the_three_ways(
    posted: dict[str, str], where: str, count: int, merchant: Merchant, browser: FlaskClient
) -> None:
    answer = browser.post("/pipeline", data=posted | {"name": "Deuxième"}, headers=ENGLISH)

    made = second(merchant)
    assert (answer.status_code, answer.location) == (303, f"{where}?pipeline={made.id}")
    assert (made.name, len(made.stages)) == ("Deuxième", count)
    assert browser.get(answer.location, headers=ENGLISH).status_code == 200


def second(merchant: Merchant) -> Pipeline:
    with db.merchant(merchant.id) as session:
        newest = select(Pipeline).order_by(Pipeline.created_at.desc()).limit(1)
        made = session.scalars(newest).one()
        assert made.stages
        return made


def test_its_stages_are_named_in_the_language_chosen(
    merchant: Merchant, browser: FlaskClient
) -> None:
    browser.post("/pipeline", data={"preset": "digital", "language": "ar"}, headers=ENGLISH)

    assert second(merchant).stages[2].name == "مدفوع"


def test_a_name_that_is_taken_is_said_in_the_wizard(
    merchant: Merchant, browser: FlaskClient
) -> None:
    answer = browser.post("/pipeline", data={"preset": "cod", "adjust": "1"}, headers=ENGLISH)

    assert answer.status_code == 422
    assert "Another pipeline has this name." in read(answer)


def test_a_pipeline_is_renamed_and_an_empty_one_given_up(
    merchant: Merchant, browser: FlaskClient, of: UUID
) -> None:
    with db.merchant(merchant.id):
        spare = pipelines.begin("blank").id

    answer = browser.post(f"/pipeline/{of}", data={"name": "Ventes"}, headers=HTMX)
    assert (answer.status_code, "Ventes" in answer.text) == (200, True)
    taken = browser.post(f"/pipeline/{spare}", data={"name": "ventes"}, headers=HTMX)
    assert (taken.status_code, "Another pipeline has this name." in read(taken)) == (422, True)
    assert "Delete the pipeline" in browser.get(f"/pipeline/{spare}", headers=HTMX).text

    gone = browser.post(f"/pipeline/{spare}/gone", headers=HTMX)

    assert gone.headers["HX-Redirect"] == "/pipeline"
    assert browser.get(f"/pipeline/{spare}", headers=HTMX).status_code == 404
    assert browser.post(f"/pipeline/{of}/gone", headers=HTMX).status_code == 409


def test_a_stage_nobody_can_reach_is_pointed_out(
    merchant: Merchant, browser: FlaskClient, of: UUID
) -> None:
    with db.merchant(merchant.id):
        made = pipelines.begin("blank")
        pipelines.describe(made, name="Colis", ships=True)

    said = read(browser.get(f"/pipeline?pipeline={made.id}", headers=ENGLISH))

    assert "No order can come to “ Terminée ”" in said


def test_nobody_finds_another_merchants_pipeline(
    merchant: Merchant, of: UUID, stranger: Membership, signed_in: Browser
) -> None:
    stage, browser = ids(merchant)["Nouvelle"], signed_in(stranger)

    for address in (
        f"/pipeline?pipeline={of}",
        f"/pipeline/moves?pipeline={of}",
        f"/pipeline/{of}",
        f"/pipeline/{of}/stages/new",
        f"/pipeline/stages/{stage}",
        f"/pipeline/stages/{uuid4()}",
    ):
        assert browser.get(address, headers=HTMX).status_code == 404
