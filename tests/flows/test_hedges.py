"""A yes that is none, a no that is none."""

from __future__ import annotations

import pytest

from flows.talks.hedges import hedged, tells_of_past
from flows.understanding import Catalogue, Item, understand

SHOP = Catalogue.of([Item("CEINT", "Ceinture en cuir", {}), Item("SAC", "Sac en cuir", {})])


@pytest.mark.parametrize(
    "text",
    [
        *("of course not", "ah la", "oui si la livraison est gratuite", "yes if delivery is free"),
        *("oui sauf la ceinture", "oui c'est faux", "oui mais annulez la ceinture"),
        *("wakha ila kan fabor", "لا تلغوا الطلب", "n'annulez pas svp"),
    ],
)
def test_a_yes_to_something_else_confirms_nothing(text: str) -> None:
    said = understand(text, SHOP, context="asked_confirm")

    assert said.intent != "confirm" or hedged(text, said)


@pytest.mark.parametrize(
    "text",
    ["لا مانع", "لا بأس", "لا تلغوا الطلب", "n'annulez pas svp", "oui mais annulez la ceinture"],
)
def test_a_no_that_is_none_refuses_nothing(text: str) -> None:
    said = understand(text, SHOP, context="asked_confirm")

    assert said.intent not in ("refuse", "cancel") or hedged(text, said)


@pytest.mark.parametrize(
    "text",
    [
        *("oui", "wakha", "ah", "نعم", "oui je confirme svp", "ah safi akked", "yes please", "👍"),
        *("non", "la", "لا", "annulez", "non merci je ne veux plus", "mabghitch", "no thanks"),
    ],
)
def test_a_plain_yes_or_no_is_one(text: str) -> None:
    said = understand(text, SHOP, context="asked_confirm")

    assert said.intent in ("confirm", "refuse", "cancel")
    assert not hedged(text, said)


@pytest.mark.parametrize(
    ("text", "past"),
    [
        ("j'ai commandé hier un sac noir", True),
        ("i ordered a black bag yesterday", True),
        ("chrit men 3endkom sac", True),
        ("طلبت حقيبة البارح", True),
        ("j'ai commandé un sac et je veux aussi un foulard", False),
        ("je veux commander un sac", False),
        ("bghit ncommander sac", False),
    ],
)
def test_what_was_ordered_before_is_no_order(text: str, past: bool) -> None:
    assert tells_of_past(text) is past
