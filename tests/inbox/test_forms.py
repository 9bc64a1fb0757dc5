from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.forms import Fields
from tests.effort import examples


def wrong(fields: Fields) -> set[str]:
    return set(fields.wrong)


def test_what_was_not_typed_is_nothing_and_not_wrong() -> None:
    fields = Fields({"phone": "  ", "fee": "", "email": "\u200b"})

    assert fields.text("name") == ""
    assert fields.money("fee", "MAD") is None
    assert fields.whole("quantity") is None
    assert fields.uuid("stage_id") is None
    assert fields.phone("phone", "MA") is None
    assert fields.email("email") is None
    assert fields.wrong == {}


def test_everything_unreadable_is_named_at_once() -> None:
    fields = Fields(
        {"fee": "35 DH", "quantity": "two", "stage_id": "1", "phone": "call me", "email": "x@"}
    )

    fields.money("fee", "MAD")
    fields.whole("quantity")
    fields.uuid("stage_id")
    fields.phone("phone", "MA")
    fields.email("email")

    assert wrong(fields) == {"fee", "quantity", "stage_id", "phone", "email"}
    assert {refusal.status for refusal in fields.wrong.values()} == {409}


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("  Fatima   Zahra ", "Fatima Zahra"),
        ("خديجة\u00a0العلوي", "خديجة العلوي"),
        ("\u200f\u202bخديجة\u202c", "خديجة"),
        ("Zahra\x00", "Zahra\ufffd"),
        ("Ame\u0301lie", "Amélie"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\tb\nc", "a b c"),
    ],
)
def test_a_line_keeps_its_letters_and_loses_what_nobody_meant(typed: str, read: str) -> None:
    assert Fields({"name": typed}).text("name") == read


def test_a_note_keeps_its_lines() -> None:
    assert (
        Fields({"note": " Appeler  \r\n\r\naprès 18 h \n"}).lines("note") == "Appeler\n\naprès 18 h"
    )


@pytest.mark.parametrize(
    ("typed", "read"), [("3", 3), ("٣", 3), ("１２", 12), ("0", 0), ("999999999", 999999999)]
)
def test_a_count_is_read_in_any_digits(typed: str, read: int) -> None:
    assert Fields({"quantity": typed}).whole("quantity") == read


@pytest.mark.parametrize("typed", ["-1", "1.5", "1e3", "²x", "9999999999", "1 2", "0x1"])
def test_what_is_no_count_is_refused(typed: str) -> None:
    fields = Fields({"quantity": typed})

    assert fields.whole("quantity") is None
    assert wrong(fields) == {"quantity"}


@pytest.mark.parametrize(
    "typed",
    [
        "0661234567",
        "06 61-23.45 67",
        "+212 6 61 23 45 67",
        "00212661234567",
        "212661234567",
        "٠٦٦١٢٣٤٥٦٧",
        "\u202a+212 661-234567\u202c",
    ],
)
def test_a_phone_is_read_as_people_of_the_region_write_it(typed: str) -> None:
    number = Fields({"phone": typed}).phone("phone", "MA")

    assert number is not None
    assert number.e164 == "+212661234567"


def test_the_same_digits_are_another_phone_in_another_region() -> None:
    number = Fields({"phone": "0612345678"}).phone("phone", "FR")

    assert number is not None
    assert number.e164 == "+33612345678"


@pytest.mark.parametrize("typed", ["12", "06123456789012345", "x", "+"])
def test_what_is_no_phone_is_refused(typed: str) -> None:
    fields = Fields({"phone": typed})

    assert fields.phone("phone", "MA") is None
    assert wrong(fields) == {"phone"}


@pytest.mark.parametrize(
    ("typed", "read"),
    [("Fatima@EXAMPLE.com", "Fatima@example.com"), (" f@example.com ", "f@example.com")],
)
def test_an_email_is_normalised_and_nobody_is_asked_about_it(typed: str, read: str) -> None:
    assert Fields({"email": typed}).email("email") == read


@pytest.mark.parametrize("typed", ["x@", "@example.com", "a b@example.com", "x@y", "x"])
def test_what_is_no_email_is_refused(typed: str) -> None:
    fields = Fields({"email": typed})

    assert fields.email("email") is None
    assert wrong(fields) == {"email"}


def test_money_is_minor_units_of_its_currency() -> None:
    fields = Fields({"fee": "1 250,500"})

    assert fields.money("fee", "TND") == 1250500
    assert fields.money("fee", "MAD") == 125050


def test_rows_come_in_the_order_of_their_numbers_whatever_was_removed() -> None:
    posted = {
        "lines[10].quantity": "3",
        "lines[2].quantity": "x",
        "lines[2].name": "Sac",
        "lines[__].quantity": "9",
        "lines[1]": "9",
        "other[0].quantity": "9",
    }

    rows = Fields(posted).rows("lines")

    assert [(row.text("name"), row.whole("quantity")) for row in rows] == [("Sac", None), ("", 3)]
    assert [wrong(row) for row in rows] == [{"quantity"}, set()]


def test_an_identifier_is_read_and_nothing_else() -> None:
    id_ = uuid4()

    assert Fields({"stage_id": str(id_)}).uuid("stage_id") == id_
    assert isinstance(Fields({"stage_id": id_.hex}).uuid("stage_id"), UUID)


# st.text() leaves halves of surrogate pairs out; among all characters they are too rare to occur.
HALVES = st.characters(categories=["Cs", "Nd"])
TYPED = st.text(max_size=40) | st.text(HALVES, max_size=40)


@settings(deadline=None, max_examples=examples(40))
@given(st.dictionaries(st.sampled_from(["a", "lines[0].a", "lines[1].a"]), TYPED))
def test_no_text_whatsoever_breaks_the_reading(posted: dict[str, str]) -> None:
    fields = Fields(posted)

    for one in (fields, *fields.rows("lines")):
        one.text("a").encode()
        one.lines("a").encode()
        one.money("a", "MAD")
        one.whole("a")
        one.uuid("a")
        one.phone("a", "MA")
        one.email("a")
