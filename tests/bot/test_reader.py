"""One webhook body becomes every event in it: recorded bodies, our own, thousands of bad ones."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from bot.reader import Unreadable, events
from flows.events import (
    AccountNews,
    Call,
    Echo,
    Event,
    Fault,
    Inbound,
    News,
    Person,
    Preference,
    Status,
    TemplateNews,
    Unknown,
)
from tests.effort import examples
from tests.recorded import OFFICIAL, OURS

INDEX = OFFICIAL / "INDEX.json"

NOW = 1795170000


def ours(name: str) -> list[Event]:
    return events((OURS / f"{name}.json").read_bytes())


def body(*changes: Any, time: int | None = None) -> bytes:
    entry = {"id": "91111111111111", "changes": list(changes)} | ({"time": time} if time else {})
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def change(field: str = "messages", **lists: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "212520000001", "phone_number_id": "111111111111111"}
    return {
        "field": field,
        "value": {"messaging_product": "whatsapp", "metadata": metadata} | lists,
    }


def message(**more: Any) -> dict[str, Any]:
    return {"from": "212661234567", "id": "wamid.1", "timestamp": str(NOW)} | more


def read(raw: bytes) -> Any:
    (event,) = events(raw)
    return event


def read_message(**more: Any) -> Any:
    return read(body(change(messages=[message(**more)])))


# --- every recorded body is what its index says ---------------------------------------------------


def recorded() -> list[tuple[str, str]]:
    index = json.loads(INDEX.read_text()) if INDEX.exists() else []
    return [(entry["file"], kind) for entry in index for kind in entry["kinds"]]


FIELDS: dict[str, tuple[type[Event], str | None]] = {
    "account_update": (AccountNews, "event"),
    "account_review_update": (AccountNews, None),
    "automatic_events": (Unknown, None),
    "business_capability_update": (AccountNews, None),
    "calls": (Call, "event"),
    "group_lifecycle_update": (Unknown, None),
    "group_participants_update": (Unknown, None),
    "group_settings_update": (Unknown, None),
    "group_status_update": (Unknown, None),
    "history": (Echo, None),
    "message_template_components_update": (TemplateNews, None),
    "message_template_quality_update": (TemplateNews, None),
    "message_template_status_update": (TemplateNews, "status"),
    "messages": (Fault, None),
    "partner_solutions": (AccountNews, "event"),
    "payment_configuration_update": (AccountNews, None),
    "phone_number_name_update": (AccountNews, None),
    "phone_number_quality_update": (AccountNews, "event"),
    "security": (AccountNews, "event"),
    "smb_app_state_sync": (Unknown, None),
    "smb_message_echoes": (Echo, None),
    "template_category_update": (TemplateNews, None),
    "user_preferences": (Preference, None),
    "?": (Unknown, None),
}


@pytest.mark.skipif(not INDEX.exists(), reason="the recorded webhooks lie beside the project")
@pytest.mark.parametrize(("file", "kind"), recorded())
def test_a_recorded_body_is_read_as_what_its_index_says(file: str, kind: str) -> None:
    found = events((OFFICIAL / file).read_bytes())

    where, _, what = kind.partition("/")
    if what.startswith("msg:"):
        is_message(found, what.removeprefix("msg:"), Echo if where == "history" else Inbound)
    elif what.startswith("status:") and where == "messages":
        is_status(found, what.removeprefix("status:").split("+")[0].split(":"))
    else:
        is_news(found, where, what.removeprefix("status:"))


def is_message(found: list[Event], what: str, expected: type[Inbound] | type[Echo]) -> None:
    kind, *marks = what.split("+")
    (written,) = [event for event in found if isinstance(event, expected)]
    assert written.kind == kind.split(":")[0]
    assert {type(event) for event in found} <= {expected, Fault}
    assert "errors" not in marks or written.errors
    assert "group" not in marks or written.group_id
    if isinstance(written, Inbound):
        assert written.sender.wa_id or "bsuid_only" in marks
        assert written.sender.user_id or not {"bsuid", "bsuid_only"} & set(marks)
        assert ("referral" in marks) == (written.referral is not None)
        assert ("context" in marks) == bool(written.context_wamid or written.forwarded)


def is_status(found: list[Event], words: list[str]) -> None:
    status = found[0]
    assert isinstance(status, Status)
    assert [status] == found
    assert status.status == words.pop(0)
    assert status.recipient != Person() or status.participant is not None
    if words and words[0].startswith("err"):
        assert [f"err{error['code']}" for error in status.errors] == words
    elif words:
        assert status.pricing is not None
        names = ("pricing_model", "category", "type")
        assert [status.pricing.get(name, "") for name in names] == words


def is_news(found: list[Event], where: str, what: str) -> None:
    field, _, word = where.partition(":")
    expected, attribute = FIELDS[field]
    assert found
    assert {type(event) for event in found} <= {expected, Fault}
    if attribute and (word or what):
        assert getattr(found[0], attribute) == (word or what)


@pytest.mark.skipif(not INDEX.exists(), reason="the recorded webhooks lie beside the project")
def test_the_recorded_messages_say_what_a_person_would_read() -> None:
    said = {
        file[:3]: event.text
        for file, _ in recorded()
        for event in events((OFFICIAL / file).read_bytes())
        if isinstance(event, Inbound)
    }

    assert said["030"] == "Updated image caption"
    assert said["046"] == "Facebook HQ"
    assert said["047"] == "Chandler Bing, Monica, Rachel Green"
    assert said["083"] == "Unsubscribe"
    assert said["084"] == "Priority Mail Express"
    assert said["183"] == "👍"


# --- batches --------------------------------------------------------------------------------------


def test_every_message_and_status_of_a_batch_is_read_with_its_own_number() -> None:
    found = ours("two_entries_two_changes")

    assert [type(event) for event in found] == ([Inbound] * 3 + [Status] * 3) * 4
    assert len({event.phone_number_id for event in found}) == 4
    assert {event.waba_id for event in found} == {"91111111111111", "92222222222222"}
    assert len({event.wamid for event in found if isinstance(event, Inbound | Status)}) == 24


def test_a_contact_belongs_to_the_message_that_names_it_not_to_the_one_beside_it() -> None:
    found = [event for event in ours("two_entries_two_changes") if isinstance(event, Inbound)]

    names = {(event.sender.wa_id, event.sender.profile_name) for event in found}
    assert names == {
        ("212661234567", "Fatima Zahra"),
        ("212662345678", "Youssef"),
        ("213551234567", "نادية"),
    }


def test_a_message_is_the_same_event_in_whatever_batch_it_comes() -> None:
    first, second = ours("one_message_first_batch"), ours("one_message_second_batch")

    assert first[1] == second[0]
    assert isinstance(first[1], Inbound)
    assert first[1].wamid == "wamid.twice"


def test_a_thousand_messages_of_a_body_are_a_thousand_events() -> None:
    many = [message(id=f"wamid.{n}", type="text", text={"body": "x"}) for n in range(1000)]

    found = events(body(change(messages=many)))

    assert [event.wamid for event in found if isinstance(event, Inbound)] == [
        f"wamid.{n}" for n in range(1000)
    ]


def test_a_change_without_a_field_is_read_by_its_shape() -> None:
    nameless = change(messages=[message(type="text", text={"body": "Salam"})])
    del nameless["field"]

    event = read(body(nameless))

    assert isinstance(event, Inbound)
    assert (event.field, event.text) == ("", "Salam")


# --- who ------------------------------------------------------------------------------------------


def test_messages_and_statuses_without_contacts_still_name_their_person() -> None:
    inbound, status = ours("without_contacts")

    assert isinstance(inbound, Inbound)
    assert inbound.sender == Person(wa_id="212661234567")
    assert isinstance(status, Status)
    assert status.recipient == Person(wa_id="212661234567")
    assert (status.callback, status.errors[0]["code"]) == ("v1.x.1.y", 131026)


def test_a_customer_without_a_phone_number_is_known_by_the_bsuid() -> None:
    inbound, status = ours("bsuid_only")

    assert isinstance(inbound, Inbound)
    assert isinstance(status, Status)
    salma = Person(user_id="MA.13491208655302741918", username="salma.b", profile_name="Salma")
    assert inbound.sender == status.recipient == salma


def test_a_bsuid_in_the_place_of_the_number_is_recognised() -> None:
    (inbound,) = ours("bsuid_in_from")

    assert isinstance(inbound, Inbound)
    assert inbound.sender == Person(user_id="DZ.22491208655302741918", profile_name="Karim")


def test_a_contact_of_somebody_else_lends_nothing() -> None:
    contacts = [{"profile": {"name": "Somebody else"}, "wa_id": "212699999999"}]

    event = read(body(change(messages=[message(type="text")], contacts=contacts)))

    assert event.sender == Person(wa_id="212661234567")


def test_the_only_contact_names_the_sender_whom_the_message_does_not() -> None:
    anonymous = {"id": "wamid.1", "timestamp": str(NOW), "type": "text", "text": {"body": "Salam"}}
    contacts = [{"profile": {"name": "Fatima"}, "wa_id": "212661234567"}]

    event = read(body(change(messages=[anonymous], contacts=contacts)))

    assert event.sender == Person(wa_id="212661234567", profile_name="Fatima")


def test_a_change_of_number_carries_who_they_were_and_who_they_are() -> None:
    moved = {
        "type": "user_changed_number",
        "body": "User A changed",
        "wa_id": "212677777777",
        "user_id": "MA.2",
        "previous_user_id": "MA.1",
    }

    event = read_message(type="system", system=moved)

    assert event.sender == Person(wa_id="212661234567", user_id="MA.1")
    assert event.became == Person(wa_id="212677777777", user_id="MA.2")


def test_a_new_device_is_no_change_of_number() -> None:
    identity = {"type": "customer_identity_changed", "wa_id": "212661234567", "body": "New code"}

    event = read_message(type="system", system=identity, identity={"hash": "h"})

    assert event.became is None
    assert event.extra == {"identity": {"hash": "h"}}


def test_a_status_of_a_group_message_names_the_group_and_the_participant() -> None:
    status = {
        "id": "wamid.1",
        "status": "READ",
        "recipient_id": "group-1",
        "recipient_type": "group",
        "recipient_participant_id": "212661234567",
    }

    event = read(body(change(statuses=[status]), time=NOW))

    assert (event.status, event.group_id, event.recipient) == ("read", "group-1", Person())
    assert event.participant == Person(wa_id="212661234567")


# --- what -----------------------------------------------------------------------------------------

SAID = [
    ("text", {"body": "Salam\nça va ?"}, "Salam\nça va ?"),
    ("image", {"id": "1", "caption": "k7el"}, "k7el"),
    ("image", {"id": "1"}, ""),
    ("document", {"id": "1", "filename": "cin.pdf"}, "cin.pdf"),
    ("audio", {"id": "1", "voice": True}, ""),
    ("location", {"latitude": 33.5, "longitude": -7.6, "address": "Rue 12, Casa"}, "Rue 12, Casa"),
    ("contacts", [{"name": {"formatted_name": "Ali"}}, {"name": {"first_name": "Mi"}}], "Ali, Mi"),
    ("reaction", {"message_id": "wamid.0", "emoji": "❤️"}, "❤️"),
    ("reaction", {"message_id": "wamid.0"}, ""),
    ("button", {"payload": "confirm", "text": "Confirmer"}, "Confirmer"),
    ("interactive", {"type": "button_reply", "button_reply": {"id": "b", "title": "Oui"}}, "Oui"),
    ("interactive", {"type": "list_reply", "list_reply": {"id": "l", "title": "Noir"}}, "Noir"),
    ("interactive", {"type": "nfm_reply", "nfm_reply": {"body": "Sent", "name": "flow"}}, "Sent"),
    ("interactive", {"type": "something new"}, ""),
    ("order", {"catalog_id": "1", "text": "svp", "product_items": []}, "svp"),
    ("edit", {"original_message_id": "w", "message": {"type": "text", "text": {"body": "2"}}}, "2"),
    ("revoke", {"original_message_id": "wamid.0"}, ""),
    ("unsupported", {"type": "poll"}, ""),
    ("hologram", {"caption": "new in 2027"}, "new in 2027"),
    ("hologram", "not an object", ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "typed", "words"), SAID)
def test_the_text_of_a_message_is_what_a_person_would_read(
    kind: str, typed: Any, words: str
) -> None:
    event = read_message(type=kind, **{kind: typed})

    assert isinstance(event, Inbound)
    assert (event.kind, event.text) == (kind, words)
    assert event.payload == (typed if isinstance(typed, dict) else {kind: typed})


def test_a_tap_carries_the_payload_of_its_button_and_the_message_it_answers() -> None:
    reply = {"type": "button_reply", "button_reply": {"id": "order:41:yes", "title": "Oui"}}

    template = read_message(type="button", button={"payload": "p", "text": "Oui"})
    interactive = read_message(type="interactive", interactive=reply, context={"id": "wamid.out"})

    assert (template.button_payload, template.button_text) == ("p", "Oui")
    assert (interactive.button_payload, interactive.button_text) == ("order:41:yes", "Oui")
    assert interactive.context_wamid == "wamid.out"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("reaction", "message_id"),
        ("edit", "original_message_id"),
        ("revoke", "original_message_id"),
    ],
)
def test_what_changes_another_message_names_it(kind: str, name: str) -> None:
    assert read_message(type=kind, **{kind: {name: "wamid.0"}}).target_wamid == "wamid.0"


def test_a_message_of_no_type_is_what_its_body_is_and_unknown_keys_are_kept() -> None:
    typeless = read_message(text={"body": "Salam"}, from_logical_id="7")
    shapeless = read_message(mystery={"a": 1})

    assert (typeless.kind, typeless.text, typeless.extra) == (
        "text",
        "Salam",
        {"from_logical_id": "7"},
    )
    assert (shapeless.kind, shapeless.extra) == ("unknown", {"mystery": {"a": 1}})


def test_where_a_message_comes_from_is_kept() -> None:
    product = {"catalog_id": "1", "product_retailer_id": "sku-1"}
    event = read_message(
        type="text",
        referral={"source_type": "ad", "ctwa_clid": "c"},
        context={"id": "wamid.0", "frequently_forwarded": True, "referred_product": product},
    )

    assert event.referral == {"source_type": "ad", "ctwa_clid": "c"}
    assert (event.forwarded, event.often_forwarded, event.product) == (True, True, product)


@pytest.mark.parametrize("when", ["soon", "", None, "0", -5, 10**30, 1.5e300, {}, "9" * 4000])
def test_a_time_that_is_none_falls_back_to_the_entry_and_then_to_nothing(when: Any) -> None:
    late = change(messages=[message(type="text", timestamp=when)])

    assert read(body(late, time=NOW)).at == datetime.fromtimestamp(NOW, UTC)
    assert read(body(late)).at is None


def test_quantities_may_be_numbers_or_strings() -> None:
    status = {"id": 17, "status": "sent", "recipient_id": 212661234567, "timestamp": NOW}

    event = read(body(change(statuses=[status])))

    assert (event.wamid, event.recipient.wa_id) == ("17", "212661234567")
    assert event.at == datetime.fromtimestamp(NOW, UTC)


def test_an_error_code_may_be_a_word() -> None:
    first, second = events(
        body(change(errors=[{"code": "130429", "title": "Rate limit hit"}, {"code": "NEW"}]))
    )

    assert isinstance(first, Fault)
    assert isinstance(second, Fault)
    assert (first.code, first.title, second.code) == (130429, "Rate limit hit", None)


# --- the phone app --------------------------------------------------------------------------------


def test_what_the_merchant_writes_on_the_phone_goes_to_the_customer() -> None:
    echo = message(**{"from": "212520000001"}, to="212661234567", type="text", text={"body": "Oui"})

    event = read(body(change("smb_message_echoes", message_echoes=[echo])))

    assert isinstance(event, Echo)
    assert (event.person.wa_id, event.outgoing, event.historic) == ("212661234567", True, False)


def test_an_echo_with_its_numbers_exchanged_is_still_the_merchants() -> None:
    echo = message(to="212520000001", type="revoke", revoke={"original_message_id": "wamid.0"})

    event = read(body(change("smb_message_echoes", message_echoes=[echo])))

    assert (event.person.wa_id, event.outgoing) == ("212661234567", True)


def test_history_brings_both_sides_of_every_thread() -> None:
    said = [
        message(id="wamid.1", **{"from": "212520000001"}, history_context={"status": "READ"}),
        message(id="wamid.2"),
    ]
    threads = [{"id": "212661234567", "messages": said}, {"id": "MA.1", "messages": said[:1]}]

    found = events(body(change("history", history=[{"metadata": {}, "threads": threads}])))

    assert all(isinstance(event, Echo) and event.historic for event in found)
    sides = [(e.person.wa_id, e.person.user_id, e.outgoing) for e in found if isinstance(e, Echo)]
    assert sides == [
        ("212661234567", None, True),
        ("212661234567", None, False),
        (None, "MA.1", True),
    ]
    assert isinstance(found[0], Echo)
    assert found[0].status == "read"


def test_a_declined_history_is_a_fault() -> None:
    declined = {"errors": [{"code": 2593109, "title": "History sharing is turned off"}]}

    event = read(body(change("history", history=[declined])))

    assert (type(event), event.code) == (Fault, 2593109)


# --- news -----------------------------------------------------------------------------------------


def test_a_templates_language_has_an_underscore_and_its_coming_category_a_date() -> None:
    value = {
        "message_template_id": 1,
        "message_template_name": "suivi",
        "message_template_language": "fr-MA",
        "new_category": "UTILITY",
        "correct_category": "MARKETING",
        "category_update_timestamp": NOW,
    }

    event = read(body({"field": "template_category_update", "value": value}, time=NOW - 86400))

    assert isinstance(event, TemplateNews)
    assert (event.template_id, event.name, event.language) == ("1", "suivi", "fr_MA")
    assert (event.category, event.coming_category) == ("UTILITY", "MARKETING")
    assert event.category_at == datetime.fromtimestamp(NOW, UTC)
    assert event.status is event.quality is event.reason is None


def test_news_about_a_client_of_a_partner_belongs_to_the_clients_account() -> None:
    value = {"event": "PARTNER_ADDED", "waba_info": {"waba_id": "92222222222222"}}

    event = read(body({"field": "account_update", "value": value}, time=NOW))

    assert (event.event, event.waba_id) == ("PARTNER_ADDED", "92222222222222")


def test_the_same_news_has_the_same_key_and_another_time_another() -> None:
    paused = {"field": "message_template_status_update", "value": {"event": "PAUSED", "a": [1]}}
    shuffled = {"value": {"a": [1], "event": "PAUSED"}, "field": "message_template_status_update"}

    first, again = read(body(paused, time=NOW)), read(body(shuffled, time=NOW))
    later = read(body(paused, time=NOW + 1))

    assert first.key == again.key != later.key
    assert len(first.key) == 64


def test_a_wish_has_the_same_key_alone_and_in_company() -> None:
    stop = {"wa_id": "212661234567", "category": "marketing_messages", "value": "stop"}
    resume = stop | {"wa_id": "212662345678", "value": "resume"}

    alone = read(body(change("user_preferences", user_preferences=[stop])))
    both = events(body(change("user_preferences", user_preferences=[resume, stop])))

    assert isinstance(alone, Preference)
    assert (alone.person.wa_id, alone.value) == ("212661234567", "stop")
    assert both[1] == alone


def test_a_call_names_the_customer_whoever_called() -> None:
    call = {"id": "wacid.1", "event": "connect", "from": "212661234567", "to": "212520000001"}
    ringing = {"id": "wacid.1", "type": "call", "status": "RINGING", "recipient_id": "212661234567"}

    found = events(
        body(
            change("calls", calls=[call | {"direction": "USER_INITIATED"}]),
            change("calls", statuses=[ringing]),
        )
    )

    assert [(type(e), e.person.wa_id, e.event) for e in found if isinstance(e, Call)] == [
        (Call, "212661234567", "connect"),
        (Call, "212661234567", "RINGING"),
    ]


def test_a_failed_payment_is_not_a_failed_message() -> None:
    payment = {"id": "wamid.1", "type": "payment", "status": "failed", "recipient_id": "1"}

    assert isinstance(read(body(change(statuses=[payment]))), Unknown)


# --- what is wrong --------------------------------------------------------------------------------


def test_nul_and_lone_surrogates_become_the_replacement_character() -> None:
    nul, healthy = ours("poison_nul")
    lone, smiling = ours("poison_surrogate")

    assert isinstance(nul, Inbound)
    assert isinstance(healthy, Inbound)
    assert (nul.text, healthy.text) == ("avant\ufffdaprès", "sain")
    assert nul.sender.profile_name == "Nul\ufffd"
    assert isinstance(lone, Inbound)
    assert isinstance(smiling, Inbound)
    assert (lone.text, smiling.text) == ("\ufffd", "😀")
    assert "\ufffd" in lone.payload


def test_a_malformed_piece_is_kept_and_its_neighbours_are_read() -> None:
    found = ours("malformed_items")

    good = [event for event in found if not isinstance(event, Unknown)]
    assert [event.wamid for event in good if isinstance(event, Inbound | Status)] == [
        "wamid.good.1",
        "wamid.good.2",
        "wamid.out.good",
    ]
    assert [event.reason for event in found if isinstance(event, Unknown)] == [
        "not an object", "not an object", "nobody", "no id", "no id", "a status of a payment",
        "not a list", "unknown part", "no value", "no value", "no value",
        "no changes", "no changes",
    ]  # fmt: skip
    assert [event.payload for event in found if isinstance(event, Unknown)][6:8] == [
        {"errors": {"code": "130429", "title": "Rate limit hit"}},
        {"novelties": [{"id": "x"}]},
    ]


def test_a_piece_nobody_foresaw_holds_no_neighbour_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from bot import reader

    def broken(place: Any, item: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setitem(reader.READERS, "statuses", broken)
    both = change(statuses=[{"id": "wamid.9"}], messages=[message(type="text")])

    status, inbound = events(body(both))

    assert isinstance(status, Unknown)
    assert (status.reason, status.payload) == ("ZeroDivisionError", {"id": "wamid.9"})
    assert isinstance(inbound, Inbound)
    assert "could not be read" in caplog.text


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b"[]",
        b"null",
        b"17",
        b'{"entry": NaN}',
        b'{"entry": "\xff\xfe"}',
        b'{"entry": ' + b"9" * 5000 + b"}",
        b'{"entry":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"a":' * 200 + b"1" + b"}" * 200,
        (OURS / "nested_deeply.json").read_bytes(),
    ],
)
def test_what_is_no_json_object_or_too_deep_is_unreadable(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        events(raw)


@pytest.mark.parametrize("raw", [b"{}", b'{"entry": []}', b'{"entry": {}}', b'{"object": "page"}'])
def test_an_object_without_entries_is_kept_as_unknown(raw: bytes) -> None:
    event = read(raw)

    assert isinstance(event, Unknown)
    assert event.payload == json.loads(raw)


def test_a_number_too_large_for_the_database_stays_as_written() -> None:
    raw = body({"field": "new", "value": {"n": 0}}).replace(b'"n": 0', b'"n": 1e999')

    assert read(raw).payload == {"n": "1e999"}


# --- fuzz -----------------------------------------------------------------------------------------

words = st.text(st.characters(), max_size=6)  # NUL and surrogates included
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
NAMES = [
    "id", "from", "to", "type", "text", "body", "timestamp", "status", "context", "errors", "entry",
    "messages", "statuses", "recipient_id", "interactive", "button", "edit", "message", "reaction",
    "contacts", "system", "wa_id", "user_id", "threads", "history", "changes", "field", "value",
]  # fmt: skip
names = words | st.sampled_from(NAMES)
anything = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)
LIKELY = {
    "id": st.just("wamid.1"),
    "from": st.just("212661234567"),
    "status": st.just("sent"),
    "value": st.just("stop"),
    "wa_id": st.just("212661234567"),
    "type": st.sampled_from(["text", "button", "interactive", "edit", "system", "contacts"]),
}
WILD = ("text", "interactive", "edit", "system", "contacts", "context", "timestamp", "errors")
items = st.fixed_dictionaries({}, optional=LIKELY | dict.fromkeys(WILD, anything)) | anything
LISTS = ("messages", "statuses", "message_echoes", "user_preferences", "calls", "errors")
field_names = st.sampled_from(["messages", "calls", "history", "new", ""])
changes = st.tuples(field_names, st.sampled_from(LISTS), st.lists(items, max_size=3), anything)


@given(st.lists(changes, min_size=1, max_size=3))
@effort(deadline=None, max_examples=examples(70))
def test_as_many_events_come_out_as_items_went_in(batch: Any) -> None:
    made = [change(field, contacts=people, **{name: some}) for field, name, some, people in batch]

    found = unless_unreadable(body(*made))

    assert found is not None
    assert len(found) == sum(len(some) for _, _, some, _ in batch)


@given(anything)
@effort(deadline=None, max_examples=examples(60))
def test_any_json_is_read_or_unreadable_and_every_text_can_be_stored(whole: Any) -> None:
    unless_unreadable(json.dumps(whole).encode())
    unless_unreadable(json.dumps({"entry": whole}).encode())
    unless_unreadable(json.dumps({"entry": [{"changes": whole}]}).encode())
    unless_unreadable(json.dumps({"entry": [{"changes": [whole]}]}).encode())
    unless_unreadable(body({"field": "history", "value": {"history": whole}}))
    unless_unreadable(body({"field": "account_update", "value": whole}))


@given(st.binary(max_size=200))
@effort(deadline=None, max_examples=examples(60))
def test_any_bytes_are_read_or_unreadable(raw: bytes) -> None:
    unless_unreadable(raw)


def unless_unreadable(raw: bytes) -> list[Event] | None:
    try:
        found = events(raw)
    except Unreadable:
        return None
    for event in found:
        assert_storable(event)
    return found


def assert_storable(event: Event) -> None:
    facts = {field.name: getattr(event, field.name) for field in fields(event)}
    text = json.dumps(facts, ensure_ascii=False, allow_nan=False, default=str)
    assert "\\u0000" not in text.replace("\\\\", "")
    text.encode()  # a lone surrogate cannot be
    assert not isinstance(event, News) or len(event.key) == 64
