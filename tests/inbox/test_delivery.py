"""The page of delivery fees: zones, lists, the tester; cities and fees for the order dialog."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from flows import delivery
from models import db
from models.delivery import DeliveryZone
from models.merchant import Merchant
from models.user import Membership

Browser = Callable[[Membership], FlaskClient]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
JSON = {"Accept": "application/json"}
NORD = {"name": "Nord", "home": "35", "desk": "25", "free_above": "", "cities": "Fès\nMeknès"}


@pytest.fixture
def page(signed_in: Browser, manager: Membership) -> FlaskClient:
    """A manager's browser that reads English, like these tests."""
    client = signed_in(manager)
    client.set_cookie("language", "en")
    return client


def zones(merchant: Merchant) -> list[tuple[str, int | None, int | None, list[str]]]:
    with db.merchant(merchant.id):
        return [
            (row.zone.name, row.zone.home, row.zone.desk, list(row.names))
            for row in delivery.listed()
        ]


def made(page: FlaskClient, merchant: Merchant, **changes: str) -> str:
    """A zone made on the page; its id."""
    assert page.post("/delivery/zones", data=NORD | changes, headers=HTMX).status_code == 200
    with db.merchant(merchant.id) as session:
        newest = select(DeliveryZone.id).order_by(DeliveryZone.position.desc()).limit(1)
        return str(session.scalar(newest))


def test_without_a_zone_the_page_says_how_to_begin(page: FlaskClient) -> None:
    text = page.get("/delivery").text

    assert "No zone yet" in text
    assert 'id="usual"' in text


def test_a_zone_is_made_and_shown(page: FlaskClient, merchant: Merchant) -> None:
    answer = page.post("/delivery/zones", data=NORD, headers=HTMX)

    assert answer.status_code == 200
    assert "Fès" in answer.text
    assert "dialog:close" in answer.headers["HX-Trigger"]
    assert zones(merchant) == [("Nord", 3500, 2500, ["Fès", "Meknès"])]


def test_a_wrong_zone_comes_back_as_it_was_typed(page: FlaskClient, merchant: Merchant) -> None:
    wrong = NORD | {"name": "", "home": "beaucoup", "cities": "Fès"}

    answer = page.post("/delivery/zones", data=wrong, headers=HTMX)

    assert answer.status_code == 422
    assert "beaucoup" in answer.text
    assert "This is not an amount." in answer.text
    assert "Give the zone a name." in answer.text
    assert zones(merchant) == []


def test_a_zone_is_changed(page: FlaskClient, merchant: Merchant) -> None:
    zone = made(page, merchant)
    form = page.get(f"/delivery/zones/{zone}", headers=HTMX).text

    page.post(f"/delivery/zones/{zone}", data=NORD | {"desk": "", "cities": "Taza"}, headers=HTMX)

    assert "35.00" in form
    assert "Meknès" in form
    assert zones(merchant) == [("Nord", 3500, None, ["Taza"])]


def test_a_city_that_changes_its_zone_is_told(page: FlaskClient, merchant: Merchant) -> None:
    made(page, merchant)

    answer = page.post(
        "/delivery/zones", data=NORD | {"name": "Fès", "cities": "فاس"}, headers=HTMX
    )

    assert "left the zone" in answer.headers["HX-Trigger"]


def test_a_zone_is_deleted(page: FlaskClient, merchant: Merchant) -> None:
    zone = made(page, merchant)

    answer = page.post(f"/delivery/zones/{zone}/delete", headers=HTMX)

    assert answer.status_code == 200
    assert zones(merchant) == []


def test_the_usual_fee_is_kept_or_comes_back(page: FlaskClient, merchant: Merchant) -> None:
    good = page.post("/delivery", data={"usual": "40"}, headers=HTMX)
    bad = page.post("/delivery", data={"usual": "x"}, headers=HTMX)

    assert "40.00" in good.text
    assert bad.status_code == 422
    with db.merchant(merchant.id) as session:
        assert session.get_one(Merchant, merchant.id).delivery_fee == 4000


# --- the tester, and what the order dialog asks ---------------------------------------------------


def test_the_tester_says_the_fee_and_why(page: FlaskClient, merchant: Merchant) -> None:
    made(page, merchant, free_above="500")
    query = {"city": "fes", "kind": "desk"}

    paid = page.get("/delivery/fee", query_string=query | {"worth": "450"}, headers=HTMX).text
    free = page.get("/delivery/fee", query_string=query | {"worth": "500"}, headers=HTMX).text
    other = page.get("/delivery/fee", query_string={"city": "Tata"}, headers=HTMX).text

    assert "25.00" in paid
    assert "Nord" in paid
    assert "Free from this amount on" in free
    assert "the usual fee" in other


def test_the_order_dialog_gets_the_fee_as_a_number(
    page: FlaskClient, merchant: Merchant, signed_in: Browser, agent: Membership
) -> None:
    made(page, merchant)

    query = {"city": "فاس", "kind": "home", "total": "45000"}
    answer = signed_in(agent).get("/delivery/fee", query_string=query, headers=JSON)

    assert answer.json is not None
    assert (answer.json["fee"], answer.json["known"], answer.json["zone"]) == (3500, True, "Nord")


def test_cities_are_offered_as_options_or_json(page: FlaskClient) -> None:
    options = page.get("/cities", query_string={"city": "Fez"}).text
    listed = page.get("/cities", query_string={"q": "فاس"}, headers=JSON).json

    assert '<option value="Fès"' in options
    assert "(Fez)" in options  # else the browser hides it: nothing else holds what was typed
    assert listed == [{"name": "فاس", "other": "Fès"}]
    assert page.get("/cities").text.strip() == ""


# --- lists ----------------------------------------------------------------------------------------


def test_a_list_is_shown_before_it_is_brought_in(page: FlaskClient, merchant: Merchant) -> None:
    text = "Fès;35;25\nTanger;trente;20"

    answer = page.post("/delivery/import", data={"text": text}, headers=HTMX).text

    assert "Bring in 1 city" in answer
    assert "Line 2" in answer
    assert "Tanger;trente;20" in answer
    assert zones(merchant) == []


def test_what_is_right_is_brought_in_and_what_is_wrong_stays(
    page: FlaskClient, merchant: Merchant
) -> None:
    text = "Fès;35;25\nTanger;trente;20"

    answer = page.post("/delivery/import", data={"text": text, "go": "1"}, headers=HTMX).text

    assert [zone[3] for zone in zones(merchant)] == [["Fès"]]
    assert ">Tanger;trente;20</textarea>" in answer
    assert "1 line is left" in answer


def test_a_file_of_an_old_spreadsheet_is_read(page: FlaskClient, merchant: Merchant) -> None:
    file: Any = (io.BytesIO("Fès;35;25\r\nMeknès;35;25".encode("cp1252")), "tarifs.csv")

    page.post(
        "/delivery/import",
        data={"file": file, "text": "", "go": "1"},
        headers=HTMX,
        content_type="multipart/form-data",
    )

    assert zones(merchant)[0][3] == ["Fès", "Meknès"]


def test_a_list_of_megabytes_gets_through(page: FlaskClient, merchant: Merchant) -> None:
    text = "\n".join(f"دوار أولاد {number};20;15" for number in range(8_000))

    answer = page.post("/delivery/import", data={"text": text}, headers=HTMX)

    assert answer.status_code == 200
    assert "Bring in 8000 cities" in answer.text


def test_all_fees_are_given_out_as_a_file(page: FlaskClient, merchant: Merchant) -> None:
    made(page, merchant)

    answer = page.get("/delivery/fees.csv")

    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "Fès;35;25;;Nord" in answer.text


# --- who may --------------------------------------------------------------------------------------


def test_an_agent_asks_for_fees_and_keeps_no_zones(signed_in: Browser, agent: Membership) -> None:
    client = signed_in(agent)

    assert client.get("/delivery").status_code == 403
    assert client.post("/delivery/zones", data=NORD).status_code == 403
    assert client.get("/cities?q=fes").status_code == 200


def test_a_stranger_finds_no_zone_of_ours(
    page: FlaskClient, merchant: Merchant, signed_in: Browser, stranger: Membership
) -> None:
    zone = made(page, merchant)

    answer = signed_in(stranger).post(f"/delivery/zones/{zone}", data=NORD, headers=HTMX)

    assert answer.status_code == 404
    assert signed_in(stranger).get("/delivery/fee?city=fes", headers=JSON).json["known"] is False  # type: ignore[index]
