"""A yes that is none, a no that is none, an order that is an old one."""

from __future__ import annotations

import pytest

from flows.understanding import Catalogue, Item, understand

SHOP = Catalogue.of([Item("CEINT", "Ceinture en cuir", {}), Item("SAC", "Sac en cuir", {})])
ASKED = "asked_confirm"


@pytest.mark.parametrize(
    "text",
    [
        *("of course not", "ah la", "oui si la livraison est gratuite", "yes if delivery is free"),
        *("oui sauf la ceinture", "oui c'est faux", "oui mais annulez la ceinture", "oui non"),
        *("wakha ila kan fabor", "لا تلغوا الطلب", "n'annulez pas svp"),
        *("wallah ma nakhodha b had taman", "oui confirmé bsah mor nhar 15"),
        *("ma t9derch tn9es chwiya w nconfirmi", "faites une petite remise et je confirme"),
        *("can you lower the price and I confirm", "نقصو ليا شوية ونأكد"),
    ],
)
def test_a_yes_to_something_else_confirms_nothing(text: str) -> None:
    assert understand(text, SHOP, context=ASKED).intent != "confirm"


@pytest.mark.parametrize(
    "text",
    [
        *("لا مانع", "لا بأس", "لا تلغوا الطلب", "n'annulez pas svp", "don't cancel"),
        *("oui mais annulez la ceinture", "oui non", "علاش لا، صيفطو", "machi mouchkil siftouha"),
    ],
)
def test_a_no_that_is_none_refuses_nothing(text: str) -> None:
    assert understand(text, SHOP, context=ASKED).intent not in ("refuse", "cancel")


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        *((yes, ("confirm",)) for yes in ("oui", "wakha", "ah", "نعم", "oui je confirme svp")),
        *((yes, ("confirm",)) for yes in ("ah safi akked", "yes please", "👍", "لا مانع")),
        *((no, ("refuse", "cancel")) for no in ("non", "la", "لا", "annulez", "ah la")),
        *((no, ("refuse", "cancel")) for no in ("non merci je ne veux plus", "mabghitch")),
    ],
)
def test_a_plain_yes_or_no_is_one(text: str, intents: tuple[str, ...]) -> None:
    assert understand(text, SHOP, context=ASKED).intent in intents


@pytest.mark.parametrize(
    "text", ["annulez la ceinture", "oui mais annulez la ceinture", "oui sauf la ceinture"]
)
def test_what_is_cancelled_by_its_name_is_not_wanted(text: str) -> None:
    said = understand(text, SHOP, context=ASKED)

    assert said.removed == ("Ceinture en cuir",)
    assert said.lines == ()


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("j'ai commandé hier un sac", "where_is_my_order"),
        ("i ordered a bag yesterday", "where_is_my_order"),
        ("طلبت حقيبة البارح", "where_is_my_order"),
        ("j'ai commandé un sac et je veux aussi une ceinture", "order"),
        ("je veux commander un sac", "order"),
        ("bghit ncommander sac", "order"),
    ],
)
def test_what_was_ordered_before_is_no_order(text: str, intent: str) -> None:
    assert understand(text, SHOP).intent == intent
