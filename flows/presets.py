"""The ready-made pipelines, as data: a merchant applies one and then makes it their own."""

from __future__ import annotations

from dataclasses import dataclass

from models import db
from models.merchant import Merchant
from models.pipeline import Pipeline, Stage, SystemState

Names = dict[str, str]
"""One text per language: fr, ar, en."""


@dataclass(frozen=True, slots=True)
class StagePreset:
    color: str
    state: SystemState | None
    names: Names


@dataclass(frozen=True, slots=True)
class Preset:
    names: Names
    ships: bool
    stages: tuple[StagePreset, ...]


def _stage(color: str, state: SystemState | None, fr: str, ar: str, en: str) -> StagePreset:
    return StagePreset(color, state, {"fr": fr, "ar": ar, "en": en})


COD = Preset(
    names={
        "fr": "Paiement à la livraison",
        "ar": "الدفع عند الاستلام",
        "en": "Cash on delivery",
    },
    ships=True,
    stages=(
        _stage("green", SystemState.NEW, "Nouvelle", "جديد", "New"),
        _stage("orange", SystemState.UNREACHABLE, "Injoignable", "لا يجيب", "Unreachable"),
        _stage(
            "yellow",
            SystemState.TO_CONFIRM,
            "À confirmer par appel",
            "للتأكيد هاتفيًا",
            "To confirm by call",
        ),
        _stage("blue", SystemState.CONFIRMED, "Confirmée", "مؤكد", "Confirmed"),
        # No state on purpose: packing changes nothing for stock, indicators or the API.
        _stage("orange", None, "Préparation", "قيد التحضير", "Preparation"),
        _stage("purple", SystemState.SHIPPED, "Expédiée", "تم الشحن", "Shipped"),
        _stage("green", SystemState.DELIVERED, "Livrée", "تم التسليم", "Delivered"),
        _stage(
            "red",
            SystemState.DELIVERY_FAILURE,
            "Échec de livraison",
            "تعذر التسليم",
            "Delivery failure",
        ),
        _stage("red", SystemState.RETURNED, "Retournée", "مرتجع", "Returned"),
        _stage("gray", SystemState.CANCELLED, "Annulée", "ملغى", "Cancelled"),
    ),
)

PRESETS: dict[str, Preset] = {"cod": COD}


def apply(merchant: Merchant, preset: str, language: str | None = None) -> Pipeline:
    """A new pipeline of the merchant, its stages named in `language` (the merchant's by default).

    The merchant's session must be the current one. KeyError for a preset that does not exist.
    """
    plan = PRESETS[preset]
    spoken = language or merchant.language
    pipeline = Pipeline(name=_in(spoken, plan.names), ships=plan.ships)
    pipeline.every_stage = [
        Stage(position=place, name=_in(spoken, s.names), color=s.color, state=s.state)
        for place, s in enumerate(plan.stages, start=1)
    ]
    db.session().add(pipeline)
    return pipeline


def _in(language: str, names: Names) -> str:
    return names.get(language, names["en"])
