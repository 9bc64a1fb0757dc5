import pytest

from flows import presets, stages
from models import db
from models.db import MerchantSession
from models.merchant import Merchant
from tests.flows import shop

COD = [
    ("New", "green", "new"),
    ("Unreachable", "orange", "unreachable"),
    ("To confirm by call", "yellow", "to_confirm"),
    ("Confirmed", "blue", "confirmed"),
    ("Preparation", "orange", None),
    ("Shipped", "purple", "shipped"),
    ("Delivered", "green", "delivered"),
    ("Delivery failure", "red", "delivery_failure"),
    ("Returned", "red", "returned"),
    ("Cancelled", "gray", "cancelled"),
]
DIGITAL = [
    ("New", "new"),
    ("Payment pending", "to_confirm"),
    ("Paid", "confirmed"),
    ("Access sent", "delivered"),
    ("Refunded", "returned"),
    ("Cancelled", "cancelled"),
]
SERVICES = [
    ("Request", "new"),
    ("Planned", "confirmed"),
    ("In progress", None),
    ("Done", "delivered"),
    ("Cancelled", "cancelled"),
]


def test_the_cod_preset_has_the_ten_stages_of_the_trade(
    merchant: Merchant, session: MerchantSession
) -> None:
    pipeline = presets.apply(merchant, "cod", "en")

    db.session().flush()
    assert [(s.name, s.color, s.state) for s in pipeline.stages] == COD
    assert [s.position for s in pipeline.stages] == list(range(1, 11))
    assert all(s.active for s in pipeline.stages)
    assert pipeline.ships


@pytest.mark.parametrize(("preset", "expected"), [("digital", DIGITAL), ("services", SERVICES)])
def test_what_is_not_shipped_has_the_stages_of_its_trade(
    preset: str,
    expected: list[tuple[str, str | None]],
    merchant: Merchant,
    session: MerchantSession,
) -> None:
    pipeline = presets.apply(merchant, preset, "en")

    db.session().flush()
    assert [(s.name, s.state) for s in pipeline.stages] == expected
    assert not pipeline.ships


@pytest.mark.parametrize("preset", presets.PRESETS)
def test_in_every_preset_an_order_can_come_from_the_first_stage_to_every_other(
    preset: str, merchant: Merchant, session: MerchantSession
) -> None:
    made = presets.apply(merchant, preset, "en")
    db.session().flush()

    assert stages.out_of_reach(made) == []


def test_only_stages_that_are_entered_for_a_reason_have_some(
    merchant: Merchant, session: MerchantSession
) -> None:
    pipeline = presets.apply(merchant, "cod", "fr")

    with_reasons = {stage.state for stage in pipeline.stages if stage.reasons}
    assert with_reasons == {"cancelled", "delivery_failure", "returned"}
    assert "Doublon" in pipeline.stages[-1].reasons


@pytest.mark.parametrize(
    ("language", "pipeline_name", "first", "last"),
    [
        ("fr", "Paiement à la livraison", "Nouvelle", "Annulée"),
        ("ar", "الدفع عند الاستلام", "جديد", "ملغى"),
        ("en", "Cash on delivery", "New", "Cancelled"),
    ],
)
def test_a_preset_speaks_the_language_asked_for(
    merchant: Merchant,
    language: str,
    pipeline_name: str,
    first: str,
    last: str,
    session: MerchantSession,
) -> None:
    pipeline = presets.apply(merchant, "cod", language)

    assert pipeline.name == pipeline_name
    assert (pipeline.stages[0].name, pipeline.stages[-1].name) == (first, last)


@pytest.mark.parametrize("preset", presets.PRESETS.values(), ids=presets.PRESETS)
def test_every_text_of_a_preset_exists_in_every_language(preset: presets.Preset) -> None:
    texts = [preset.names, *(stage.names for stage in preset.stages)]

    assert all(set(names) == {"fr", "ar", "en"} for names in texts)
    for language in ("fr", "ar", "en"):
        names = [stage.names[language] for stage in preset.stages]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("reasons", presets.REASONS.values(), ids=presets.REASONS)
def test_every_reason_exists_in_every_language(reasons: tuple[presets.Names, ...]) -> None:
    for language in ("fr", "ar", "en"):
        assert len({names[language] for names in reasons}) == len(reasons)


def test_a_new_merchant_starts_with_the_cod_pipeline(session: MerchantSession) -> None:
    assert shop.pipeline_of().first_stage.name == "Nouvelle"
