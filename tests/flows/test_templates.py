from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from flows import templates
from flows.errors import Refused
from flows.events import TemplateNews
from models import db
from models.db import MerchantSession
from models.merchant import Merchant
from models.order import OrderLine
from models.template import MessageTemplate
from models.types import Json
from tests.flows import shop

NBSP, NNBSP = "\u00a0", "\u202f"


def listed(**changes: Any) -> Json:
    """One template as Meta's listing gives it."""
    return {
        "id": "777",
        "name": "commande_prete",
        "language": "fr",
        "status": "APPROVED",
        "category": "UTILITY",
        "parameter_format": "POSITIONAL",
        "rejected_reason": "NONE",
        "quality_score": {"score": "GREEN"},
        "components": [{"type": "BODY", "text": "Bonjour {{1}}"}],
    } | changes


def kept() -> list[MessageTemplate]:
    stored = select(MessageTemplate).order_by(MessageTemplate.name, MessageTemplate.language)
    return list(db.session().scalars(stored, execution_options={"populate_existing": True}))


def named(body: str) -> MessageTemplate:
    return shop.template(body, components=[{"type": "BODY", "text": body}])


# --- facts ----------------------------------------------------------------------------------------


def test_every_fact_has_a_label_and_every_label_a_fact(session: MerchantSession) -> None:
    order = shop.order((shop.bag(), 1))

    assert templates.facts(order, "fr").keys() == templates.FACTS.keys()


def test_facts_say_what_the_order_says(merchant: Merchant, session: MerchantSession) -> None:
    order = shop.order(
        (shop.bag(couleur="Noir"), 2),
        (None, 1),
        number=1042,
        created_at=datetime(2026, 11, 20, 23, 30, tzinfo=UTC),
        carrier="Amana",
        tracking="AM 4711",
    )

    assert templates.facts(order, "fr") == {
        "customer.name": "Fatima Zahra El Idrissi",
        "customer.first_name": "Fatima",
        "customer.phone": "+212661234567",
        "order.number": "1042",
        "order.amount": f"335,00{NBSP}MAD",
        "order.products_amount": f"300,00{NBSP}MAD",
        "order.delivery_fee": f"35,00{NBSP}MAD",
        "order.items": "2 × Sac cuir (Noir), 1 × Cadeau",
        "order.city": "Marrakech",
        "order.address": "12 rue des Orangers",
        "order.stage": "Nouvelle",
        # Half an hour before midnight in Greenwich is tomorrow in Casablanca.
        "order.date": "21 novembre 2026",
        "order.carrier": "Amana",
        "order.tracking": "AM 4711",
        "agent.name": "",
        "merchant.name": "Boutique Atlas",
    }


@pytest.mark.parametrize(
    ("language", "amount"),
    [
        ("fr", f"1{NNBSP}250,50{NBSP}MAD"),
        ("fr_MA", f"1{NNBSP}250,50{NBSP}MAD"),
        ("en_US", "MAD1,250.50"),
        ("ar", f"\u200f1,250.50{NBSP}د.م.\u200f"),
        ("zz", "MAD1,250.50"),
    ],
)
def test_amounts_are_written_for_readers_of_the_template(
    language: str, amount: str, session: MerchantSession
) -> None:
    order = shop.order(applied_total=125050, catalog_total=125050, delivery_fee=0)

    assert templates.facts(order, language)["order.amount"] == amount


def test_products_are_listed_with_the_comma_of_the_language(session: MerchantSession) -> None:
    order = shop.order((None, 1), (None, 2))

    assert templates.facts(order, "ar")["order.items"] == "1 × Cadeau، 2 × Cadeau"


# --- filling --------------------------------------------------------------------------------------


def test_blanks_are_filled_from_the_order(session: MerchantSession) -> None:
    order = shop.order((None, 1), number=1042)

    values = templates.fill(shop.template(), shop.MAPPING, order)

    assert values == {"body.1": "Fatima", "body.2": "1042", "body.3": f"135,00{NBSP}MAD"}


def test_a_template_with_names_header_and_link_is_filled_in_every_part(
    session: MerchantSession,
) -> None:
    order = shop.order((None, 1), number=1042)
    template = shop.template(
        named=True,
        components=[
            {"type": "HEADER", "format": "TEXT", "text": "Commande {{order_number}}"},
            {"type": "BODY", "text": "Bonjour {{first_name}}, merci {{first_name}} !"},
            {"type": "FOOTER", "text": "Boutique Atlas"},
            {
                "type": "BUTTONS",
                "buttons": [{"type": "URL", "text": "Suivre", "url": "https://s.ma/{{1}}"}],
            },
        ],
    )
    mapping = {
        "header.order_number": "order.number",
        "body.first_name": "customer.first_name",
        "button:0.1": "order.number",
    }

    values = templates.fill(template, mapping, order)
    rendered = templates.render(template, values)

    assert values == {
        "header.order_number": "1042",
        "body.first_name": "Fatima",
        "button:0.1": "1042",
    }
    assert rendered.header == "Commande 1042"
    assert rendered.body == "Bonjour Fatima, merci Fatima !"
    assert rendered.buttons[0].url == "https://s.ma/1042"
    assert rendered.text == "Commande 1042\nBonjour Fatima, merci Fatima !\nBoutique Atlas"


@pytest.mark.parametrize(
    ("mapping", "missing"),
    [
        ({"body.1": "order.city"}, ["order.city"]),
        ({"body.1": "agent.name"}, ["agent.name"]),
        ({"body.1": "no.such_fact"}, ["no.such_fact"]),
        ({}, ["body.1"]),
    ],
)
def test_what_the_order_does_not_say_is_named(
    mapping: dict[str, str], missing: list[str], session: MerchantSession
) -> None:
    order = shop.order(ship_city="  ")

    with pytest.raises(Refused) as no:
        templates.fill(named("Livraison à {{1}} ?"), mapping, order)

    assert no.value.code == "missing_variable"
    assert no.value.facts["missing"] == missing


def test_values_are_what_meta_accepts(session: MerchantSession) -> None:
    order = shop.order(ship_line="12 rue\n\tdes     Orangers\r\n", ship_city="Fès")

    values = templates.fill(named("{{1}} x"), {"body.1": "order.address"}, order)

    assert values["body.1"] == "12 rue des Orangers"


def test_text_of_a_customer_is_never_a_template_itself(session: MerchantSession) -> None:
    order = shop.order(ship_city="{{2}}", ship_line="Rue \\1 {{1}}")
    template = named("{{1}} / {{2}}")

    values = templates.fill(template, {"body.1": "order.city", "body.2": "order.address"}, order)

    assert templates.render(template, values).body == "{{2}} / Rue \\1 {{1}}"


def test_a_preview_shows_the_blanks_that_are_not_mapped_yet(session: MerchantSession) -> None:
    order = shop.order(number=1042, ship_city="")
    mapping = {"body.1": "order.city", "body.2": "order.number"}

    shown = templates.preview(named("{{1}} {{2}} {{3}}."), mapping, order)

    assert shown.body == "{{1}} 1042 {{3}}."


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "paused"}, "template_state"),
        ({"state": "pending"}, "template_state"),
        ({"components": [{"type": "HEADER", "format": "IMAGE"}]}, "template_unsupported"),
        ({"components": [{"type": "HEADER", "format": "GIF"}]}, "template_unsupported"),
        (
            {"components": [{"type": "BUTTONS", "buttons": [{"type": "ORDER_DETAILS"}]}]},
            "template_unsupported",
        ),
    ],
)
def test_what_cannot_be_sent_is_told_before(
    changes: dict[str, Any], code: str, session: MerchantSession
) -> None:
    with pytest.raises(Refused, match=code):
        templates.check_sendable(shop.template(**changes))


# --- what Meta says -------------------------------------------------------------------------------


def test_what_meta_lists_is_kept_in_plain_words(session: MerchantSession) -> None:
    templates.keep("91", [listed(language="en-US", parameter_format="NAMED")])

    (template,) = kept()
    assert (template.waba_id, template.meta_id) == ("91", "777")
    assert (template.name, template.language) == ("commande_prete", "en_US")
    assert (template.category, template.state) == ("utility", "approved")
    assert (template.named, template.reason, template.quality) == (True, None, "green")
    assert template.body == "Bonjour {{1}}"
    assert template.approved


def test_listing_again_updates_and_doubles_nothing(session: MerchantSession) -> None:
    templates.keep("91", [listed(), listed(language="ar")])
    before = {t.language: t.id for t in kept()}

    templates.keep(
        "91",
        [
            listed(status="PAUSED", category="MARKETING", quality_score=None),
            listed(status="REJECTED", rejected_reason="INVALID_FORMAT", language="ar"),
            listed(status="REJECTED", rejected_reason="INVALID_FORMAT", language="ar"),
        ],
    )

    arabic, french = kept()
    assert {t.language: t.id for t in kept()} == before
    assert (french.state, french.category, french.quality) == ("paused", "marketing", "green")
    assert (arabic.state, arabic.reason) == ("rejected", "INVALID_FORMAT")


def test_a_listing_with_holes_is_kept_as_far_as_it_can_be_read(session: MerchantSession) -> None:
    bare = {"name": "nu", "language": "fr", "components": None}

    templates.keep("91", [bare, {"id": "1"}, {"name": "sans_langue"}])
    templates.keep("91", [])

    (template,) = kept()
    assert (template.name, template.state, template.components) == ("nu", "", [])
    assert not template.approved
    assert template.body == ""


def test_the_same_name_in_two_accounts_is_two_templates(session: MerchantSession) -> None:
    templates.keep("91", [listed()])
    templates.keep("92", [listed()])

    assert [t.waba_id for t in kept()] == ["91", "92"]


def news(**changes: Any) -> TemplateNews:
    values: Json = {
        "phone_number_id": None,
        "waba_id": "91",
        "field": "message_template_status_update",
        "key": "k",
        "at": None,
        "payload": {},
        "template_id": "777",
        "name": "commande_prete",
        "language": "fr",
    }
    return TemplateNews(**(values | changes))


def test_news_changes_what_it_tells_and_nothing_else(session: MerchantSession) -> None:
    templates.keep("91", [listed()])
    (template,) = kept()

    templates.hear(news(status="PAUSED", reason="LOW_QUALITY"))
    assert (template.state, template.reason) == ("paused", "LOW_QUALITY")
    assert (template.category, template.quality) == ("utility", "green")

    templates.hear(news(category="MARKETING"))
    templates.hear(news(template_id=None, quality="RED"))
    assert (template.state, template.category, template.quality) == ("paused", "marketing", "red")


def test_news_of_another_account_or_template_changes_nothing(session: MerchantSession) -> None:
    templates.keep("91", [listed()])
    (template,) = kept()

    templates.hear(news(waba_id="92", status="PAUSED"))
    templates.hear(news(template_id="778", status="PAUSED"))
    templates.hear(news(template_id=None, language="ar", status="PAUSED"))

    assert template.state == "approved"


def test_a_line_is_named_as_it_was_ordered(session: MerchantSession) -> None:
    bag = shop.bag(couleur="Noir")
    order = shop.order((bag, 1))
    bag.product.name = "Renamed"

    assert isinstance(order.lines[0], OrderLine)
    assert templates.facts(order, "fr")["order.items"] == "1 × Sac cuir (Noir)"
