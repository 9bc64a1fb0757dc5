"""What customers write is understood in four languages, by the same rules every time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import understanding as bench
from cli import wasl
from flows.understanding import Catalogue, Item, Taught, Understood, understand
from flows.understanding.catalogues import catalogue_of_merchant
from models import db
from models.db import MerchantSession
from models.merchant import Merchant
from tests import factories

ASKED = "asked_confirm"
SHOP = Catalogue.of(
    [
        Item("SAC-N", "Sac à main cuir", {"couleur": "Noir"}),
        Item("SAC-R", "Sac à main cuir", {"couleur": "Rouge"}),
        Item("CEI", "Ceinture homme"),
        *(
            Item(f"ROB-{colour}-{size}", "Robe longue", {"couleur": colour, "taille": size})
            for colour in ("Noir", "Bleu marine")
            for size in ("M", "L")
        ),
        *(Item(f"BAS-{size}", "Baskets sport", {"taille": str(size)}) for size in (40, 41, 42)),
        Item("ARG-50", "Huile d'argan", {"contenance": "50 ml"}),
        Item("ARG-100", "Huile d'argan", {"contenance": "100 ml"}),
        Item("MIE-500", "Miel de thym", {"contenance": "500 g"}),
        Item("MIE-1", "Miel de thym", {"contenance": "1 kg"}),
        Item("FOU-V", "Foulard", {"couleur": "Vert"}),
        Item("FOU-B", "Foulard", {"couleur": "Bleu"}),
    ]
)


def said(text: str, context: str | None = None) -> Understood:
    return understand(text, SHOP, context=context)


def lines(text: str, context: str | None = None) -> list[tuple[int, str]]:
    return [(line.quantity, line.sku) for line in said(text, context).lines]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("je veux 2 sacs noirs", [(2, "SAC-N")]),
        ("bghit sac k7el", [(1, "SAC-N")]),
        ("bghiiit jouj siikan 7omr 3afaaak", [(2, "SAC-R")]),
        ("بغيت حقيبة سوداء وحزام", [(1, "SAC-N"), (1, "CEI")]),
        ("أريد ٣ حقائب حمراء", [(3, "SAC-R")]),
        ("أرسلوا لي حقيبتين سوداوين", [(2, "SAC-N")]),
        ("two black bags and a belt please", [(2, "SAC-N"), (1, "CEI")]),
        ("je veux 2 sacs un noir et un rouge", [(1, "SAC-N"), (1, "SAC-R")]),
        ("je prends 2 sacs noirs et 1 rouge", [(2, "SAC-N"), (1, "SAC-R")]),
        ("sac rouge x3 svp", [(3, "SAC-R")]),
        ("bghit sac SAC-N", [(1, "SAC-N")]),
        ("je veux un sac", []),
        ("je veux un sac vert", []),
        ("je veux le sac noir ou rouge", []),
        ("robe noire taille M", [(1, "ROB-Noir-M")]),
        ("robe noire", []),
        ("2 robes bleu marine en L", [(2, "ROB-Bleu marine-L")]),
        ("bghit sbardila 42", [(1, "BAS-42")]),
        ("une paire de baskets 41", [(1, "BAS-41")]),
        ("une paire de foulards verts", [(2, "FOU-V")]),
        ("zit argan 100ml wa7da", [(1, "ARG-100")]),
        ("بغيت زيت الأركان 50 مل", [(1, "ARG-50")]),
        ("نص كيلو ديال العسل عافاك", [(1, "MIE-500")]),
        ("je voudrais 2 kilos de miel", [(2, "MIE-1")]),
        ("je veux l'huile d'olive", []),
        ("sac noir, tel 0612345678, 3eme etage apt 5", [(1, "SAC-N")]),
        ("je veux le sac noir à 250 dh", [(1, "SAC-N")]),
    ],
)
def test_an_order_has_the_lines_that_are_clear(text: str, wanted: list[tuple[int, str]]) -> None:
    assert (said(text).intent, lines(text)) == ("order", wanted)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("non 3 pas 2", []),
        ("bla smta", []),
        ("sans la ceinture svp", []),
        ("le sac noir au lieu du rouge", [(1, "SAC-N")]),
        ("remplacez le sac rouge par le noir", [(1, "SAC-N")]),
        ("beddel liya sac l7mer b lk7el", [(1, "SAC-N")]),
        ("make it the green scarf instead of the blue one", [(1, "FOU-V")]),
        ("زيد ليا حزام مع الطلب", [(1, "CEI")]),
    ],
)
def test_a_change_has_what_is_wanted_and_nothing_else(
    text: str, wanted: list[tuple[int, str]]
) -> None:
    assert (said(text, ASKED).intent, lines(text, ASKED)) == ("change_order", wanted)


BAZAAR = Catalogue.of(
    [
        *(Item(f"PWB-{n}", "Power bank", {"contenance": f"{n} mAh"}) for n in (10000, 20000)),
        *(Item(f"MUG-{colour}", "Mug en grès", {"couleur": colour}) for colour in ("noir", "bleu")),
        *(Item(f"LAM-{colour}", "Lampe", {"couleur": colour}) for colour in ("noir", "blanc")),
        *(Item(f"DRA-{n}", "Drap housse", {"taille": f"{n} places"}) for n in (1, 2)),
        *(Item(f"CAB-{n}", "Câble USB-C", {"taille": f"{n} m"}) for n in (1, 2)),
        *(Item(f"TAP-{n}", "Tapis", {"taille": n}) for n in ("120x170", "200x290")),
        Item("CAF", "Service à café 6 tasses"),
        Item("FRI", "Friteuse sans huile"),
    ]
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("power bank 20 000", [(1, "PWB-20000")]),
        ("two 10k mah power banks", [(2, "PWB-10000")]),
        ("the lamp and the mug, both in black", [(1, "LAM-noir"), (1, "MUG-noir")]),
        ("jouj mugat zer9in", [(2, "MUG-bleu")]),
        ("4 mugs, 2 bleus et 2 noirs", [(2, "MUG-bleu"), (2, "MUG-noir")]),
        ("ghta d nass d jouj blayss", [(1, "DRA-2")]),
        ("a fitted sheet for a double bed", [(1, "DRA-2")]),
        ("كابل تيب سي متر", [(1, "CAB-1")]),
        ("cable usb c 2m x3", [(3, "CAB-2")]),
        ("tapis 200x290", [(1, "TAP-200x290")]),
        ("- 1 lampe blanche\n- 2 draps 1 place", [(1, "LAM-blanc"), (2, "DRA-1")]),
        ("une friteuse sans huile svp", [(1, "FRI")]),
        ("iPhone 15 user here: black lamp", [(1, "LAM-noir")]),
    ],
)
def test_numbers_measures_and_names_are_told_apart(
    text: str, wanted: list[tuple[int, str]]
) -> None:
    found = understand(text, BAZAAR)

    assert (found.intent, [(line.quantity, line.sku) for line in found.lines]) == ("order", wanted)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("chhal taman dyal sac noir", "price"),
        ("bghit n3ref chhal sac k7el", "price"),
        ("wach kayn sac k7el", "availability"),
        ("vous livrez à Fès ?", "delivery_cost"),
        ("chhal tawsil l fes", "delivery_cost"),
        ("imta ghadi twsel", "delivery_time"),
        ("fin wslat commande dyali", "where_is_my_order"),
        ("je confirme ma commande", "confirm"),
        ("je souhaite annuler ma commande", "cancel"),
        ("stop", "stop"),
        ("START", "start"),
        ("stop le colis n'est pas arrivé", "complaint"),
        ("bghit nrja3 sac jani mherres", "complaint"),
        ("bghit nhder m3a chi wa7ed", "human"),
        ("beddel liya l3onwan", "change_address"),
        ("appelez moi demain à 18h", "later"),
        ("salam", "greeting"),
        ("barak allah fik", "thanks"),
        ("oui", "other"),
        ("wakha", "other"),
        ("👍", "other"),
        ("vous êtes situés où ?", "other"),
        ("hello, do you have red bags?", "availability"),
        ("montrez-moi vos produits", "availability"),
        ("qu'est-ce que vous vendez ?", "availability"),
        ("بغيت نشوف المنتجات ديالكم", "availability"),
        ("catalogue svp", "availability"),
        ("what is your exchange policy", "other"),
        ("vous parlez français ?", "other"),
    ],
)
def test_a_message_by_itself_means(text: str, intent: str) -> None:
    found = said(text)

    assert (found.intent, found.lines) == (intent, ())


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("oui", "confirm"),
        ("wakha khoya", "confirm"),
        ("نعم أؤكد", "confirm"),
        ("👍", "confirm"),
        ("✅✅", "confirm"),
        ("pas de souci, envoyez", "confirm"),
        ("non", "refuse"),
        ("la", "refuse"),
        ("❌", "refuse"),
        ("annulez", "refuse"),
        ("ma bghitch", "refuse"),
        ("non je confirme pas", "refuse"),
        ("لا أؤكد الطلب", "refuse"),
        ("machi daba", "later"),
        ("la machi daba", "later"),
        ("oui mais pas demain", "later"),
        ("نعم ولكن ماشي غدا", "later"),
        ("oui mais livrez à Rabat pas à Salé", "change_address"),
        ("oui mais 2 pas 1", "change_order"),
        ("oui mais c'est combien la livraison ?", "delivery_cost"),
    ],
)
def test_an_answer_to_the_question_to_confirm_means(text: str, intent: str) -> None:
    assert said(text, ASKED).intent == intent


@pytest.mark.parametrize(
    ("text", "city"),
    [
        ("sac noir l fes", "Fès"),
        ("توصيل لمراكش", "Marrakech"),
        ("livraison à Casa svp", "Casablanca"),
        ("بغيت حزام لبني ملال", "Béni Mellal"),
        ("tawsil l wahran chhal", "Oran"),
        ("pas à Casa, à Rabat", "Rabat"),
        ("je suis à Agdal", None),
        ("safi khoya", None),
        ("rue de Fès n° 4, Tanger", "Tanger"),
    ],
)
def test_the_city_is_where_the_parcel_goes(text: str, city: str | None) -> None:
    assert said(text).city == city


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("je voudrais deux sacs", "fr"),
        ("bghit 2 sac noir 3afak", "darija"),
        ("بغيت جوج صاكات", "ar"),
        ("can I get two bags", "en"),
        ("👍", "fr"),
    ],
)
def test_a_message_is_in_one_of_four_languages(text: str, language: str) -> None:
    assert said(text).language == language


def test_entities_say_what_they_are_and_where_they_stand() -> None:
    text = "2 sacs noirs, rue Ibn Sina 14, Fès, 0612 34 56 78, commande #1042, demain"

    found = {entity.kind: entity for entity in said(text).entities}

    assert {kind: entity.value for kind, entity in found.items()} == {
        "quantity": "2",
        "product": "Sac à main cuir",
        "variant": "couleur=Noir",
        "address": "rue Ibn Sina 14",
        "city": "Fès",
        "phone": "+212612345678",
        "order_number": "1042",
        "time": "tomorrow",
    }
    assert all(text[e.start : e.end] == e.text for e in found.values())


def test_what_is_unclear_is_said_to_be_missing() -> None:
    found = said("je veux une robe noire et un sac")

    assert found.products == ("Robe longue", "Sac à main cuir")
    assert found.missing == {"Robe longue": ("taille",), "Sac à main cuir": ("couleur",)}


@pytest.mark.parametrize(
    ("text", "goods"),
    [("chhal f lfoulard ?", ["foulard"]), ("salam chhal twsil l fes ?", []), ("châle", ["châle"])],
)
def test_how_much_is_no_shawl(text: str, goods: list[str]) -> None:
    assert [e.text for e in said(text).entities if e.kind == "product"] == goods


def test_a_bare_quantity_is_told() -> None:
    assert said("jouj", ASKED).quantity == 2


@pytest.mark.parametrize("text", ["tfaddal a si", "salam, TFADDAL a si 3afak"])
def test_a_taught_phrase_means_what_the_merchant_says(text: str) -> None:
    assert said(text).intent != "confirm"

    found = understand(text, SHOP, taught=[Taught("tfaddal a si", "confirm")])

    assert (found.intent, found.rule) == ("confirm", "taught: tfaddal a si")


def test_other_names_of_a_product_are_its_names() -> None:
    items = [Item("B", "Modèle Yasmine"), Item("C", "Modèle Zahra")]
    shop = Catalogue.of(items, {"Modèle Yasmine": ["caftan"]})

    assert [line.sku for line in understand("bghit qaftan", shop).lines] == ["B"]


PIECES = """bghit je veux 2 sac noir ou et machi بغيت حقيبة سوداء , . ? 100 ml kilo ل f fes 06 👍 L
m pas au lieu de non oui demain x3 #12 rue shkara"""
ANY_TEXT = st.one_of(
    st.text(max_size=300), st.lists(st.sampled_from(PIECES.split()), max_size=40).map(" ".join)
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(text=ANY_TEXT, context=st.sampled_from([None, ASKED]))
def test_any_text_is_understood_the_same_twice_and_stands_where_it_says(
    text: str, context: str | None
) -> None:
    found = said(text, context)

    assert all(text[e.start : e.end] == e.text for e in found.entities)
    assert 0 <= found.confidence <= 1
    assert said(text, context) == found


@pytest.mark.parametrize("part", ["tuning", "tuning_goods", "tuning_shops"])
def test_the_corpus_that_is_tuned_on_keeps_the_bars(part: str) -> None:
    scores = bench.score(bench.utterances(part))
    times = bench.milliseconds([entry["text"] for entry in bench.utterances(part)[:150]])

    assert bench.holds(scores, times)


def test_products_of_a_merchant_are_read_once_until_they_change(session: MerchantSession) -> None:
    product = factories.product("Sac cuir", couleur=["Noir", "Rouge"])
    db.session().flush()
    first = catalogue_of_merchant()
    assert [line.quantity for line in understand("bghit 2 sac k7el", first).lines] == [2]
    assert catalogue_of_merchant() is first

    product.active = False
    db.session().flush()

    assert catalogue_of_merchant().products == []


def test_the_terminal_understands_a_text_and_a_file_of_them(tmp_path: Path) -> None:
    goods = tmp_path / "goods.json"
    entry = {"sku": "S", "name": "Sac", "options": {"couleur": ["Noir", "Rouge"]}, "price": 1}
    goods.write_text(json.dumps({"products": [entry]}))
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "bghit sac k7el"}\n{"text": "oui", "context": "asked_confirm"}\n')

    one = CliRunner().invoke(wasl, ["understand", "--catalogue", str(goods), "chhal sac?"])
    many = CliRunner().invoke(wasl, ["understand", "--catalogue", str(goods), "--file", str(texts)])

    assert json.loads(one.output)["intent"] == "price"
    first, second = map(json.loads, many.output.splitlines())
    assert first["lines"] == [{"quantity": 1, "sku": "S", "name": "Sac"}]
    assert second["intent"] == "confirm"


@pytest.mark.parametrize("by", ["id", "name"])
def test_the_terminal_knows_the_products_of_a_merchant(merchant: Merchant, by: str) -> None:
    with db.merchant(merchant.id):
        factories.product("Ceinture")

    whose = str(getattr(merchant, by))
    told = CliRunner().invoke(wasl, ["understand", "--merchant", whose, "bghit smta"])

    assert json.loads(told.output)["lines"][0]["name"] == "Ceinture"


def test_the_terminal_refuses_a_merchant_it_does_not_know(merchant: Merchant) -> None:
    told = CliRunner().invoke(wasl, ["understand", "--merchant", "Nobody", "salam"])

    assert told.exit_code == 1
