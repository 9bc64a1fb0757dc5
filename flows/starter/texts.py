"""The starter set, as data. Blanks: 1 the first name, 2 the order's number, 3 what is due."""

from __future__ import annotations

from dataclasses import dataclass

from flows.errors import N_

LANGUAGES = ("fr", "ar", "en")


@dataclass(frozen=True, slots=True)
class Text:
    customer: str
    """The name in its examples."""
    body: str
    header: str = ""
    buttons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    name: str
    purpose: str
    blanks: int
    texts: dict[str, Text]


def _texts(
    fr: str,
    ar: str,
    en: str,
    headers: tuple[str, str, str] = ("", "", ""),
    buttons: tuple[tuple[str, ...], ...] = ((), (), ()),
) -> dict[str, Text]:
    names, bodies = ("Fatima", "فاطمة", "Fatima"), (fr, ar, en)
    parts = zip(names, bodies, headers, buttons, strict=True)
    return dict(zip(LANGUAGES, (Text(*part) for part in parts), strict=True))


READY = (
    Ready(
        "order_confirmation",
        N_("Asks the customer to confirm a new order"),
        3,
        _texts(
            "Bonjour {{1}}, merci pour votre commande n° *{{2}}*, d'un montant de *{{3}}* à payer"
            " à la livraison.\n\nLa confirmez-vous ?",
            "مرحبا {{1}}، شكرا على طلبك رقم *{{2}}* بمبلغ *{{3}}* يُدفع عند الاستلام.\n\n"
            "هل تؤكد الطلب؟",
            "Hello {{1}}, thank you for your order no. *{{2}}* of *{{3}}*, to be paid on"
            " delivery.\n\nDo you confirm it?",
            ("Confirmation de votre commande", "تأكيد طلبك", "Please confirm your order"),
            (
                ("Confirmer", "Modifier", "Annuler"),
                ("تأكيد", "تعديل", "إلغاء"),
                ("Confirm", "Modify", "Cancel"),
            ),
        ),
    ),
    Ready(
        "order_shipped",
        N_("Says that the order has left"),
        2,
        _texts(
            "Bonjour {{1}}, votre commande n° *{{2}}* est partie. Le livreur vous appellera avant"
            " de passer.",
            "مرحبا {{1}}، تم شحن طلبك رقم *{{2}}*. سيتصل بك الموزع قبل الوصول.",
            "Hello {{1}}, your order no. *{{2}}* has left. The courier will call you before"
            " coming.",
            ("Votre commande est en route", "طلبك في الطريق", "Your order is on its way"),
        ),
    ),
    Ready(
        "out_for_delivery",
        N_("Says that the courier comes today, and what to have ready"),
        3,
        _texts(
            "Bonjour {{1}}, votre commande n° *{{2}}* arrive aujourd'hui. Merci de préparer"
            " *{{3}}* pour le livreur.",
            "مرحبا {{1}}، طلبك رقم *{{2}}* يصلك اليوم. المرجو تحضير *{{3}}* للموزع.",
            "Hello {{1}}, your order no. *{{2}}* arrives today. Please have *{{3}}* ready for the"
            " courier.",
        ),
    ),
    Ready(
        "delivery_failed",
        N_("Asks what to do after a delivery that failed"),
        2,
        _texts(
            "Bonjour {{1}}, le livreur n'a pas pu vous remettre la commande n° *{{2}}*. Que"
            " souhaitez-vous faire ?",
            "مرحبا {{1}}، لم يتمكن الموزع من تسليمك الطلب رقم *{{2}}*. ماذا تريد أن تفعل؟",
            "Hello {{1}}, the courier could not hand over your order no. *{{2}}*. What would you"
            " like to do?",
            buttons=(
                ("Reprogrammer", "Annuler"),
                ("موعد جديد", "إلغاء"),
                ("Deliver again", "Cancel"),
            ),
        ),
    ),
    Ready(
        "thank_you",
        N_("Thanks the customer once the order is there"),
        2,
        _texts(
            "Merci {{1}} ! Votre commande n° *{{2}}* vous a bien été livrée. Une question ?"
            " Répondez à ce message.",
            "شكرا {{1}}! تم تسليم طلبك رقم *{{2}}*. هل لديك سؤال؟ أجب على هذه الرسالة.",
            "Thank you {{1}}! Your order no. *{{2}}* has been delivered. A question? Reply to"
            " this message.",
        ),
    ),
)
