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
    """Whether its orders are parcels that somebody carries to an address."""
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

DIGITAL = Preset(
    names={"fr": "Produits numériques", "ar": "المنتجات الرقمية", "en": "Digital products"},
    ships=False,
    stages=(
        _stage("green", SystemState.NEW, "Nouvelle", "جديد", "New"),
        _stage(
            "yellow",
            SystemState.TO_CONFIRM,
            "Paiement en attente",
            "في انتظار الدفع",
            "Payment pending",
        ),
        _stage("blue", SystemState.CONFIRMED, "Payée", "مدفوع", "Paid"),
        _stage("green", SystemState.DELIVERED, "Accès envoyé", "تم إرسال الوصول", "Access sent"),
        _stage("red", SystemState.RETURNED, "Remboursée", "تم رد المبلغ", "Refunded"),
        _stage("gray", SystemState.CANCELLED, "Annulée", "ملغى", "Cancelled"),
    ),
)

SERVICES = Preset(
    names={"fr": "Services", "ar": "الخدمات", "en": "Services"},
    ships=False,
    stages=(
        _stage("green", SystemState.NEW, "Demande", "طلب", "Request"),
        _stage("blue", SystemState.CONFIRMED, "Planifiée", "مجدول", "Planned"),
        _stage("orange", None, "En cours", "قيد التنفيذ", "In progress"),
        _stage("green", SystemState.DELIVERED, "Terminée", "منجز", "Done"),
        _stage("gray", SystemState.CANCELLED, "Annulée", "ملغى", "Cancelled"),
    ),
)

# Where an order starts and where it ends; the rest is the merchant's.
BLANK = Preset(
    names={"fr": "Mon pipeline", "ar": "مسار طلباتي", "en": "My pipeline"},
    ships=False,
    stages=(
        _stage("green", SystemState.NEW, "Nouvelle", "جديد", "New"),
        _stage("blue", SystemState.DELIVERED, "Terminée", "منجز", "Done"),
    ),
)

PRESETS: dict[str, Preset] = {
    "cod": COD,
    "digital": DIGITAL,
    "services": SERVICES,
    "blank": BLANK,
}


def _words(fr: str, ar: str, en: str) -> Names:
    return {"fr": fr, "ar": ar, "en": en}


# What people choose from at first when an order comes to such a stage (R53, spec §3.7).
_OTHER = _words("Autre", "سبب آخر", "Other")
REASONS: dict[SystemState, tuple[Names, ...]] = {
    SystemState.CANCELLED: (
        _words("Le client a changé d’avis", "غيّر الزبون رأيه", "Customer changed their mind"),
        _words("Client injoignable", "الزبون لا يجيب", "Customer unreachable"),
        _words("Mauvais numéro", "رقم خاطئ", "Wrong number"),
        _words("Doublon", "طلب مكرر", "Duplicate"),
        _words("Fausse commande", "طلب وهمي", "Fake order"),
        _words("Rupture de stock", "نفاد المخزون", "Out of stock"),
        _OTHER,
    ),
    SystemState.DELIVERY_FAILURE: (
        _words("Client injoignable", "الزبون لا يجيب", "Customer unreachable"),
        _words("Client absent", "الزبون غائب", "Customer absent"),
        _words("Mauvaise adresse", "عنوان خاطئ", "Wrong address"),
        _words("Livraison reportée", "تأجيل التوصيل", "Delivery postponed"),
        _words("Colis refusé", "رفض الطرد", "Parcel refused"),
        _OTHER,
    ),
    SystemState.RETURNED: (
        _words("Colis refusé", "رفض الطرد", "Parcel refused"),
        _words("Mauvais produit", "منتج خاطئ", "Wrong product"),
        _words("Produit endommagé", "منتج تالف", "Damaged product"),
        _words("Désaccord sur le prix", "خلاف على السعر", "Price dispute"),
        _words("Client injoignable", "الزبون لا يجيب", "Customer unreachable"),
        _OTHER,
    ),
}


def apply(merchant: Merchant, preset: str, language: str | None = None) -> Pipeline:
    """A new pipeline of the merchant, its stages named in `language` (the merchant's by default).

    The merchant's session must be the current one. KeyError for a preset that does not exist.
    """
    plan = PRESETS[preset]
    spoken = language or merchant.language
    pipeline = Pipeline(name=_in(spoken, plan.names), ships=plan.ships)
    pipeline.every_stage = [
        Stage(
            position=place,
            name=_in(spoken, s.names),
            color=s.color,
            state=s.state,
            reasons=reasons_of(s.state, spoken),
        )
        for place, s in enumerate(plan.stages, start=1)
    ]
    db.session().add(pipeline)
    return pipeline


def state_name(state: SystemState, language: str) -> str:
    """What the trade calls the state: the name of its stage in the COD pipeline."""
    return _in(language, next(stage.names for stage in COD.stages if stage.state is state))


def reasons_of(state: SystemState | None, language: str) -> list[str]:
    """The reasons a stage of this state starts with; none where no reason is asked for."""
    known = REASONS.get(state, ()) if state else ()
    return [_in(language, names) for names in known]


def _in(language: str, names: Names) -> str:
    return names.get(language, names["en"])
