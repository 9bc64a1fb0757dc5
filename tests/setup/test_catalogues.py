"""What bin/translations finds wrong in a catalogue, and how it writes one."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from bin.lib import catalogues

MONEY = "Charged: %(amount)s"
LINK = "Read <a>{page}</a>."
ORDERS = ("%(num)s order", "%(num)s orders")
Sentence = str | tuple[str, str]
Text = str | tuple[str, ...]
GOOD: dict[Sentence, Text] = {
    MONEY: "Facturé\u00a0: %(amount)s",
    LINK: "Lisez <a>{page}</a>.",
    ORDERS: ("Une commande", "%(num)s commandes"),
}


def catalogue(texts: Mapping[Sentence, Text], language: str) -> Catalog:
    made = Catalog(locale=language)
    for sentence, text in texts.items():
        made.add(sentence, text)
    return made


def faults(changed: dict[str, Text] | None = None, language: str = "fr") -> list[str]:
    """What is wrong with the good catalogue once these of its texts are others."""
    names: dict[str, Sentence] = {"money": MONEY, "link": LINK, "orders": ORDERS}
    texts = GOOD | {names[name]: text for name, text in (changed or {}).items()}
    said = catalogue(dict.fromkeys(GOOD, ""), "en")
    return catalogues.compare(catalogue(texts, language), said)


def test_a_whole_catalogue_has_no_fault() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"money": ""}, f"missing: {MONEY}"),
        ({"orders": ("Une commande", "")}, "missing: %(num)s order"),
        ({"money": "Facturé"}, f"other facts or tags than in the sentence: {MONEY}"),
        ({"money": "Facturé %(sum)s"}, f"other facts or tags than in the sentence: {MONEY}"),
        ({"money": "%(amount)s, 18 %"}, f"other facts or tags than in the sentence: {MONEY}"),
        ({"link": "Lisez <a>{}</a>."}, f"other facts or tags than in the sentence: {LINK}"),
        ({"link": "Lisez <b>{page}</b>."}, f"other facts or tags than in the sentence: {LINK}"),
        ({"orders": ("%(num)s",)}, "1 forms instead of 2: %(num)s order"),
    ],
)
def test_each_fault_is_named_with_its_sentence(changed: dict[str, Text], fault: str) -> None:
    assert faults(changed) == [fault]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "Facturé : %(amount)s"),
        ("fr", "«\u00a0%(amount)s »"),
        ("fr", "L'amount %(amount)s"),
        ("ar", "المبلغ, %(amount)s"),
        ("ar", "%(amount)s?"),
    ],
)
def test_each_language_has_its_own_punctuation(language: str, text: str) -> None:
    said = catalogue({MONEY: ""}, "en")

    found = catalogues.compare(catalogue({MONEY: text}, language), said)

    assert found == [f"{catalogues.SPELLING[language][1]}: {MONEY}"]


def test_a_sentence_nobody_says_any_more_is_a_fault() -> None:
    said = catalogue({MONEY: ""}, "en")

    assert catalogues.compare(catalogue({MONEY: GOOD[MONEY], LINK: ""}, "fr"), said) == [
        f"obsolete: {LINK}"
    ]


def test_a_doubtful_translation_is_a_fault() -> None:
    doubtful = Catalog(locale="fr")
    doubtful.add(MONEY, GOOD[MONEY], flags=["fuzzy"])

    found = catalogues.compare(doubtful, catalogue({MONEY: ""}, "en"))

    assert found == [f"to be looked at again (fuzzy): {MONEY}"]


def test_a_written_catalogue_reads_the_same_and_names_no_day_and_no_place() -> None:
    made = catalogue(GOOD, "fr")
    made.add("Again", "Encore", locations=[("inbox/board.py", 7)])

    once = catalogues.written(made)

    assert catalogues.written(read_po(BytesIO(once), locale="fr")) == once
    assert b"Date" not in once
    assert b"board.py" not in once
    assert once.index(b"Again") < once.index(b"Charged")
