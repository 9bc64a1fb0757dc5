"""Writing a template: Meta's rules told before Meta does, drafts, what is said of their price."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import Engine, event, select

from flows import outbox, templates
from flows.errors import Invalid, NotFound, Refused
from flows.events import TemplateNews
from flows.templates import CardButton, FormButton, FormCard
from models import db
from models.channel import Channel
from models.db import MerchantSession
from models.message import Media, Sending
from models.notification import Notification
from models.template import MessageTemplate
from models.types import Json, utcnow
from models.user import Membership
from tests.flows import shop

ACCOUNT = "9" + "1" * 14
BODY = "Bonjour {{1}}, votre commande {{2}} arrivera un jour plus tard que prévu."
TAP = FormButton("quick_reply", "Oui")


def form(**changes: Any) -> templates.Form:
    values: dict[str, Any] = {
        "account": ACCOUNT,
        "name": "retard",
        "language": "fr",
        "category": "utility",
        "body": BODY,
        "examples": {"body.1": "Fatima", "body.2": "1042"},
    }
    return templates.Form(**(values | changes))


def media(session: MerchantSession, mime_type: str = "image/png") -> Media:
    found = Media(file=str(uuid4()), filename="f", mime_type=mime_type, size=1, sha256="")
    session.add(found)
    return found


def wrong(**changes: Any) -> dict[str, str]:
    """Field → code of what Meta would refuse."""
    asked = form(**changes)
    with pytest.raises(Invalid) as refused, db.savepoint():
        templates.submit(templates.save(asked), asked)
    return {field: why.code for field, why in refused.value.fields.items()}


# --- the rules ------------------------------------------------------------------------------------


REFUSED: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"body": ""}, {"body": "no_body"}),
    ({"body": "x" * 1025, "examples": {}}, {"body": "too_long"}),
    ({"body": "{{1}}, bonjour à vous"}, {"body": "edge"}),
    ({"body": "Bonjour à vous chère *{{1}}*"}, {"body": "edge"}),
    ({"body": "Bonjour à vous {{1}} {{2}} et merci beaucoup"}, {"body": "adjacent"}),
    (
        {"body": "Un deux {{1}} trois {{3}} quatre cinq six"},
        {"body": "order", "examples.body.3": "example"},
    ),
    ({"body": "Un deux {{2}} trois {{1}} quatre cinq six"}, {"body": "order"}),
    ({"body": "Oui {{1}} non"}, {"body": "ratio"}),
    ({"body": "Bonjour {{1} et merci pour la commande"}, {"body": "braces"}),
    ({"body": "Un\n\n\n\ndeux"}, {"body": "gaps"}),
    (
        {"body": "Un deux {{1}} trois {{name}} quatre cinq"},
        {"body": "names", "examples.body.name": "example"},
    ),
    ({"examples": {"body.1": "Fatima"}}, {"examples.body.2": "example"}),
    ({"footer": "{{1}}"}, {"footer": "no_blank"}),
    ({"footer": "Merci 🎉"}, {"footer": "plain"}),
    ({"footer": "x" * 61}, {"footer": "too_long"}),
    ({"header": "text"}, {"header_text": "no_header"}),
    ({"header": "text", "header_text": "x" * 61}, {"header_text": "too_long"}),
    ({"header": "text", "header_text": "*Gras*"}, {"header_text": "plain_header"}),
    (
        {"header": "text", "header_text": "{{1}} et {{2}}"},
        {
            "header_text": "one_blank",
            "examples.header.1": "example",
            "examples.header.2": "example",
        },
    ),
    ({"header": "image"}, {"media": "file"}),
    ({"header": "gif"}, {"header": "choose"}),
    ({"buttons": [FormButton("quick_reply", "")]}, {"buttons.0.text": "no_words"}),
    ({"buttons": [FormButton("quick_reply", "x" * 26)]}, {"buttons.0.text": "too_long"}),
    ({"buttons": [FormButton("quick_reply", "Oui ✅")]}, {"buttons.0.text": "plain_button"}),
    ({"buttons": [TAP, TAP]}, {"buttons.1.text": "twice"}),
    (
        {"buttons": [FormButton("quick_reply", f"n{n}") for n in range(11)]},
        {"buttons": "ten_buttons"},
    ),
    (
        {"buttons": [FormButton("url", f"n{n}", "https://a.ma") for n in range(3)]},
        {"buttons": "too_many"},
    ),
    ({"buttons": [FormButton("otp", "Code")]}, {"buttons.0.kind": "kind"}),
    ({"buttons": [FormButton("copy_code", "", "A-B")]}, {"buttons.0.value": "code"}),
    (
        {"buttons": [FormButton("flow", "Ouvrir", "x", "order")]},
        {"buttons.0.value": "flow", "buttons.0.example": "screen"},
    ),
    (
        {"buttons": [FormButton("catalog", "Voir"), FormButton("quick_reply", "Non")]},
        {"buttons": "alone"},
    ),
    (
        {"offer": "x" * 17},
        {"offer": "too_long", "category": "offer_category", "buttons": "offer_button"},
    ),
    ({"buttons": [FormButton("url", "Voir", "atlas")]}, {"buttons.0.value": "url"}),
    (
        {"buttons": [FormButton("url", "Voir", "https://a.ma/{{1}}/x", "1")]},
        {"buttons.0.value": "url_blank"},
    ),
    (
        {"buttons": [FormButton("url", "Voir", "https://a.ma/{{1}}")]},
        {"buttons.0.example": "example"},
    ),
    ({"buttons": [FormButton("phone_number", "Appel", "0522")]}, {"buttons.0.value": "phone"}),
]


def test_what_meta_would_refuse_is_told_by_field(session: MerchantSession) -> None:
    told = {n: wrong(**changes) for n, (changes, _) in enumerate(REFUSED)}

    assert told == {n: expected for n, (_, expected) in enumerate(REFUSED)}


def test_one_brace_is_only_a_brace(session: MerchantSession) -> None:
    kept = templates.save(form(body="Bonjour {1} et merci pour la commande"))

    templates.submit(kept)

    assert kept.sending is Sending.QUEUED


def test_a_card_has_only_buttons_that_meta_takes_there(session: MerchantSession) -> None:
    code = CardButton("copy_code", "Copier", "SOLDES")
    cards = [FormCard(media(session), "Sac cuir", [code]) for _ in range(2)]

    refused = wrong(category="marketing", cards=cards)

    assert refused == {"cards.0.buttons": "kind", "cards.1.buttons": "kind"}


def test_a_file_of_another_type_is_no_example(session: MerchantSession) -> None:
    assert wrong(header="video", media=media(session)) == {"media": "file_type"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "Retard !"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 513}, "name"),
        ({"language": "zz"}, "language"),
        ({"category": "authentication"}, "category"),
    ],
)
def test_a_draft_needs_a_name_a_language_and_a_category(
    changes: dict[str, Any], field: str, session: MerchantSession
) -> None:
    with pytest.raises(Invalid) as refused:
        templates.save(form(**changes))

    assert list(refused.value.fields) == [field]


def test_the_same_body_and_footer_are_taken_once(session: MerchantSession) -> None:
    shop.template(name="autre", components=[{"type": "BODY", "text": BODY}])

    assert wrong() == {"body": "twin"}
    templates.submit(templates.save(form(name="retard_2", footer="Boutique Atlas")))


def test_titles_become_names() -> None:
    assert templates.suggest_name("Commande confirmée : merci !") == "commande_confirmee_merci"
    assert templates.suggest_name("order_confirmed") == "order_confirmed"
    assert templates.suggest_name("تأكيد") == ""


# --- what Meta is told ----------------------------------------------------------------------------


def test_a_form_becomes_components_and_components_a_form(session: MerchantSession) -> None:
    written = form(
        header="text",
        header_text="Commande {{1}}",
        footer="Boutique Atlas",
        examples={"header.1": "1042", "body.1": "Fatima", "body.2": "1042"},
        buttons=(
            FormButton("url", "Suivre", "https://a.ma/s/{{1}}", "1042"),
            FormButton("phone_number", "Appeler", "+212520000001"),
            FormButton("quick_reply", "Merci"),
        ),
    )

    kept = templates.save(written)

    header, body, footer, buttons = kept.components
    assert header["example"] == {"header_text": ["1042"]}
    assert body["example"] == {"body_text": [["Fatima", "1042"]]}
    assert footer == {"type": "FOOTER", "text": "Boutique Atlas"}
    assert [b["type"] for b in buttons["buttons"]] == ["QUICK_REPLY", "URL", "PHONE_NUMBER"]
    assert buttons["buttons"][1]["example"] == ["https://a.ma/s/1042"]
    again = templates.written(kept)
    assert again.components == written.components
    assert templates.sampled(again).text == (
        "Commande 1042\n"
        "Bonjour Fatima, votre commande 1042 arrivera un jour plus tard que prévu.\n"
        "Boutique Atlas"
    )


def test_variables_may_have_names(session: MerchantSession) -> None:
    named = form(
        body="Bonjour {{prenom}}, votre commande {{numero}} arrivera demain matin.",
        examples={"body.prenom": "Fatima", "body.numero": "1042"},
    )

    template = templates.save(named)
    templates.submit(template)

    assert template.named
    assert template.components[0]["example"] == {
        "body_text_named_params": [
            {"param_name": "prenom", "example": "Fatima"},
            {"param_name": "numero", "example": "1042"},
        ]
    }
    assert templates.written(template).examples == named.examples


# --- drafts ---------------------------------------------------------------------------------------


def test_a_draft_is_not_sendable_and_goes_nowhere_by_itself(session: MerchantSession) -> None:
    template = templates.save(form(body="{{1}}"))

    assert (template.state, template.sending) == ("draft", None)
    assert list(templates.sendable()) == []
    assert templates.claim() == []


def test_a_submitted_template_is_left_alone_until_meta_has_answered(
    session: MerchantSession,
) -> None:
    template = templates.save(form())
    templates.submit(template)

    for attempt in (
        lambda: templates.save(form(footer="x"), template),
        lambda: templates.submit(template),
        lambda: templates.discard(template),
        lambda: templates.remove(template),
    ):
        with pytest.raises(Refused, match="on_its_way"):
            attempt()


def test_two_workers_do_not_take_the_same_draft(session: MerchantSession) -> None:
    templates.submit(templates.save(form()))

    (first,) = templates.claim()

    assert templates.claim() == []
    assert (first.act, first.unsure, first.category) == ("create", False, "UTILITY")


def test_an_account_without_a_number_gives_the_draft_back(session: MerchantSession) -> None:
    template = templates.save(form(account="elsewhere"))
    templates.submit(template)

    assert templates.claim() == []
    assert (template.problem, template.sending) == ("no_number", None)


def test_after_many_tries_it_is_given_back(session: MerchantSession) -> None:
    template = templates.save(form())
    templates.submit(template)
    waits: list[timedelta] = []
    with time_machine.travel(utcnow(), tick=False) as clock:
        while template.sending is not None:
            (taken,) = templates.claim()
            templates.conclude(taken, templates.Submitted("not_sent"))
            if template.due_at is not None:
                waits.append(template.due_at - utcnow())
                clock.move_to(template.due_at)

    assert template.problem == "no_connection"
    assert waits == sorted(waits)
    assert len(waits) == 7


def test_a_late_conclusion_changes_nothing(session: MerchantSession) -> None:
    template = templates.save(form())
    templates.submit(template)
    (lost,) = templates.claim()
    template.lease_until = utcnow() - timedelta(seconds=1)
    (taken,) = templates.claim()

    templates.conclude(lost, templates.Submitted("refused", code=190))
    assert template.sending is Sending.CLAIMED
    templates.conclude(taken, templates.Submitted("accepted", {"id": "7", "status": "PENDING"}))

    assert taken.unsure
    assert (template.state, template.meta_id) == ("pending", "7")


def test_the_sweep_finds_drafts_lists_and_charges_that_are_due(session: MerchantSession) -> None:
    templates.submit(templates.save(form()))
    session.commit()
    outbox.connection().flushdb()

    outbox.sweep()

    wakes = {key.decode().partition(":")[2] for key in outbox.connection().keys("wake:*")}  # type: ignore[union-attr]
    channel = session.scalars(select(Channel)).one()
    assert wakes == {
        f"drafts:{session.merchant_id}",
        f"templates:{session.merchant_id}:{channel.id}",
        f"reckon:{session.merchant_id}:{channel.id}",
    }


def test_a_deleted_template_is_found_nowhere_and_its_name_is_free(
    session: MerchantSession,
) -> None:
    template = shop.template(name="retard", meta_id="7", state="deleted")
    session.flush()

    with pytest.raises(NotFound):
        templates.find(template.id)
    assert templates.listed() == []
    assert templates.save(form()).id == template.id


def test_a_template_that_only_follows_a_failure_is_in_use_too(session: MerchantSession) -> None:
    other = shop.template(name="secours", meta_id="8")
    session.flush()
    deed = {"marketing_limit": {"do": "template", "template_id": str(other.id)}}
    automation = shop.automation(on_failure=deed)

    assert templates.users(other) == [automation]


def test_late_news_of_a_deleted_namesake_does_not_reach_the_new_draft(
    session: MerchantSession,
) -> None:
    template = templates.save(form())

    templates.hear(news(template_id="6", status="DELETED"))

    assert (template.state, template.meta_id) == ("draft", None)


# --- the price of what was submitted --------------------------------------------------------------


def news(**told: Any) -> TemplateNews:
    """What Meta tells of the template that `form` writes."""
    where: Json = {"phone_number_id": None, "waba_id": ACCOUNT, "field": "f", "key": "k"}
    about: Json = {"at": None, "payload": {}, "name": "retard", "language": "fr"}
    return TemplateNews(**(where | about | told))


def rung(session: MerchantSession) -> list[str]:
    session.flush()
    return [one.facts["what"] for one in session.scalars(select(Notification))]


def test_a_webhook_that_tells_the_price_of_a_lost_creation_is_believed(
    owner: Membership, session: MerchantSession
) -> None:
    template = templates.save(form())
    templates.submit(template)
    (lost,) = templates.claim()
    templates.conclude(lost, templates.Submitted("unknown"))
    templates.hear(news(template_id="7", status="APPROVED", category="MARKETING"))

    with time_machine.travel(utcnow() + timedelta(minutes=1), tick=False):
        assert templates.claim() == []

    assert (template.state, template.category) == ("approved", "marketing")
    assert (template.recategorised_from, template.sending) == ("utility", None)
    assert rung(session) == ["recategorised"]


@pytest.mark.parametrize("answered", ["UTILITY", "MARKETING"])
def test_news_that_overtook_the_answer_are_newer_and_ring_once(
    answered: str, owner: Membership, session: MerchantSession
) -> None:
    template = templates.save(form())
    templates.submit(template)
    (taken,) = templates.claim()
    templates.hear(news(template_id="7", status="APPROVED", category="MARKETING"))

    told = {"id": "7", "status": "PENDING", "category": answered}
    templates.conclude(taken, templates.Submitted("accepted", told))

    assert (template.state, template.category) == ("approved", "marketing")
    assert rung(session) == ["recategorised"]


def test_an_edit_does_not_ring_again_for_the_price_of_before(
    owner: Membership, session: MerchantSession
) -> None:
    template = shop.template(name="retard", meta_id="7")
    templates.hear(news(template_id="7", category="MARKETING"))
    templates.submit(templates.save(form(), template))
    (taken,) = templates.claim()

    told = {"id": "7", "status": "PENDING", "category": "MARKETING"}
    templates.conclude(taken, templates.Submitted("accepted", told))

    assert (template.category, template.recategorised_from) == ("marketing", "utility")
    assert rung(session) == ["recategorised"]


# --- a template that is gone ----------------------------------------------------------------------


@pytest.mark.parametrize("status", ["DELETED", "LOCKED", "PENDING_DELETION"])
def test_the_bell_rings_for_a_template_that_an_automation_cannot_send_any_more(
    status: str, owner: Membership, session: MerchantSession
) -> None:
    template = shop.template(name="retard", meta_id="7")
    shop.automation(template=template)

    templates.hear(news(template_id="7", status=status))

    assert rung(session) == [status.lower()]


def test_it_rings_too_when_the_list_names_it_no_more(
    owner: Membership, session: MerchantSession
) -> None:
    shop.automation(template=shop.template(name="retard", meta_id="7"))
    shop.template(name="autre", meta_id="8")

    templates.keep(ACCOUNT, [], complete_at=utcnow())

    assert rung(session) == ["deleted"]


def test_nobody_hears_of_one_that_no_automation_is_to_send(
    owner: Membership, session: MerchantSession
) -> None:
    template = shop.template(name="retard", meta_id="7")
    shop.automation(template=template, active=False)

    templates.hear(news(template_id="7", status="DELETED"))

    assert rung(session) == []


# --- offers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("Votre commande est expédiée.", []),
        ("Votre commande est offerte.", ["offerte"]),
        ("Profitez de nos Soldes : -20 % !", ["profitez", "soldes", "20 %"]),
        ("Your order shipped. Get a discount coupon.", ["discount", "coupon"]),
        ("طلبك في الطريق.", []),
        ("عندنا تخفيضات و الهدايا مجانا", ["تخفيضات", "الهدايا", "مجانا"]),
    ],
)
def test_words_of_an_offer_are_seen(body: str, words: Sequence[str]) -> None:
    assert templates.offers(form(body=body, examples={})) == list(words)
    assert templates.offers(form(body=body, category="marketing")) == []


# --- the list -------------------------------------------------------------------------------------


def raw(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "language": "fr",
        "status": "APPROVED",
        "category": "UTILITY",
        "components": [{"type": "BODY", "text": name}],
    } | changes


def states(session: MerchantSession) -> dict[str, str]:
    rows = session.execute(select(MessageTemplate.name, MessageTemplate.state))
    return {row.name: row.state for row in rows}


def test_only_a_whole_list_says_what_is_gone(session: MerchantSession) -> None:
    templates.keep(ACCOUNT, [raw("a"), raw("b")])
    session.commit()

    templates.keep(ACCOUNT, [raw("a")])
    partly = states(session)
    templates.keep(ACCOUNT, [raw("a")], complete_at=utcnow())

    assert partly == {"a": "approved", "b": "approved"}
    assert states(session) == {"a": "approved", "b": "deleted"}


def test_a_whole_list_spares_drafts_and_what_was_made_meanwhile(session: MerchantSession) -> None:
    began = utcnow()
    templates.save(form())
    templates.keep(ACCOUNT, [raw("just_made")])

    templates.keep(ACCOUNT, [], complete_at=began)

    assert states(session) == {"retard": "draft", "just_made": "approved"}


def test_a_number_from_before_is_due_at_once(session: MerchantSession) -> None:
    channel = session.scalars(select(Channel)).one()
    channel.templates_due_at = None
    session.commit()
    outbox.connection().flushdb()

    outbox.sweep()

    assert outbox.connection().exists(f"wake:templates:{session.merchant_id}:{channel.id}")
    assert templates.take(channel.id) is not None


def test_a_refresh_while_the_list_is_on_its_way_is_not_lost(session: MerchantSession) -> None:
    channel = session.scalars(select(Channel)).one()
    account = templates.take(channel.id)
    assert account is not None
    assert templates.take(channel.id) is None

    templates.refresh()
    templates.keep_listed(account, templates.Listed([]))

    session.refresh(channel)
    assert channel.templates_due_at is not None
    assert channel.templates_due_at <= utcnow()


def test_an_announcement_that_was_seen_does_not_come_back_with_every_list(
    session: MerchantSession,
) -> None:
    coming = raw("a", correct_category="MARKETING")
    templates.keep(ACCOUNT, [raw("a")])
    templates.keep(ACCOUNT, [coming])
    template = session.scalars(select(MessageTemplate)).one()
    assert [d.announced for d in templates.dearer([template])] == [True]

    templates.acknowledge(template)
    session.flush()
    templates.keep(ACCOUNT, [coming])
    assert templates.dearer([template]) == []

    templates.keep(ACCOUNT, [raw("a", category="MARKETING")])
    assert [d.announced for d in templates.dearer([template])] == [False]
    assert template.next_category is None


def test_prices_are_those_of_the_merchants_country(session: MerchantSession) -> None:
    with time_machine.travel("2026-11-21T12:00:00Z"):
        known = templates.prices(ACCOUNT, ("utility", "marketing"))

    assert {name: estimate.micros for name, estimate in known.items()} == {
        "utility": 23_000,
        "marketing": 41_400,
    }
    assert db.session() is session


def test_many_dearer_templates_cost_as_few_questions_as_one(session: MerchantSession) -> None:
    changed = [
        shop.template(name=f"t{n}", meta_id=str(n), recategorised_from="marketing")
        for n in range(5)
    ]
    templates.dearer(changed)  # what a session asks only once

    assert questions(lambda: templates.dearer(changed)) == questions(
        lambda: templates.dearer(changed[:1])
    )


def questions(ask: Callable[[], object]) -> int:
    """How many statements the database is asked meanwhile."""
    asked: list[Any] = []

    def note(*statement: Any) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    ask()
    event.remove(Engine, "before_cursor_execute", note)
    return len(asked)
