"""What the form says to customers, in their language. Meta's limits: see LIMITS and a test."""

from __future__ import annotations

from dataclasses import dataclass

LANGUAGES = ("fr", "ar", "en", "darija")
LABEL, CHOICE, FOOTER, HELP, HEADING, ERROR, OPTION = 20, 30, 35, 80, 80, 30, 30
"""How many characters the phone shows of each (Meta's page "Components of Flow JSON")."""


@dataclass(frozen=True, slots=True)
class Word:
    fr: str
    ar: str
    en: str
    darija: str
    most: int = LABEL


WORDS: dict[str, Word] = {
    "intro": Word(
        "Où devons-nous livrer\u00a0?",
        "أين نوصل طلبك؟",
        "Where shall we deliver?",
        "Fin nwesslo lik?",
        HEADING,
    ),
    "name": Word("Nom et prénom", "الاسم الكامل", "Full name", "Smiya kamla"),
    "phone": Word("Téléphone", "رقم الهاتف", "Phone", "Numiro d tilifun"),
    "city": Word("Ville", "المدينة", "City", "Lmdina"),
    "line": Word("Adresse", "العنوان", "Address", "L3onwan"),
    "landmark": Word("Point de repère", "علامة قريبة", "Landmark", "Chi 7aja 9riba"),
    "note": Word("Note au livreur", "ملاحظة للموزع", "Delivery note", "Note l livreur"),
    "phone_help": Word(
        "Pour que le livreur vous appelle.",
        "ليتصل بك الموزع.",
        "So that the courier can call you.",
        "Bach y3eyyet lik livreur.",
        HELP,
    ),
    "city_help": Word(
        "La ville ou la commune.",
        "المدينة أو البلدية.",
        "City or town.",
        "Lmdina wla ljama3a.",
        HELP,
    ),
    "line_help": Word(
        "Rue, numéro, immeuble, quartier.",
        "الشارع والرقم والعمارة والحي.",
        "Street, number, building, district.",
        "Zen9a, numiro, 3imara, 7ay.",
        HELP,
    ),
    "landmark_help": Word(
        "Une mosquée, un café, une école…",
        "مسجد، مقهى، مدرسة…",
        "A mosque, a café, a school…",
        "Jame3, 9ahwa, madrassa…",
        HELP,
    ),
    "which": Word("Quelle ville\u00a0?", "أي مدينة؟", "Which city?", "Achmen mdina?", CHOICE),
    "next": Word("Continuer", "متابعة", "Continue", "Zid", FOOTER),
    "heading": Word(
        "Vérifiez avant d’envoyer",
        "تحقق قبل الإرسال",
        "Check before you send",
        "Chouf wach kolchi mezyan",
        HEADING,
    ),
    "send": Word("Envoyer l’adresse", "إرسال العنوان", "Send the address", "Sift l3onwan", FOOTER),
    "fee": Word("Livraison", "التوصيل", "Delivery", "Livraison"),
    "free": Word("Gratuite", "مجاني", "Free", "Fabor", OPTION),
    # What is wrong with a field.
    "need_name": Word("Écrivez votre nom", "اكتب اسمك", "Write your name", "Kteb smiytek", ERROR),
    "need_phone": Word(
        "Écrivez votre numéro", "اكتب رقم هاتفك", "Write your number", "Kteb numiro dyalek", ERROR
    ),
    "bad_phone": Word(
        "Ce numéro est incorrect",
        "هذا الرقم غير صحيح",
        "This number is not right",
        "Had numiro ghalet",
        ERROR,
    ),
    "need_city": Word(
        "Écrivez votre ville", "اكتب مدينتك", "Write your city", "Kteb lmdina dyalek", ERROR
    ),
    "which_city": Word(
        "Choisissez votre ville", "اختر مدينتك", "Choose your city", "Khtar lmdina dyalek", ERROR
    ),
    "need_line": Word(
        "Écrivez votre adresse", "اكتب عنوانك", "Write your address", "Kteb l3onwan dyalek", ERROR
    ),
    "expired": Word(
        "Ce formulaire n’est plus valable. Écrivez-nous, nous vous en enverrons un autre.",
        "لم تعد هذه الاستمارة صالحة. راسلنا وسنرسل لك أخرى.",
        "This form is no longer valid. Write to us and we will send you another one.",
        "Had lformulaire mab9ach khddam. Kteb lina w nsifto lik wa7ed akhor.",
        HEADING + HELP,
    ),
}


def said(name: str, language: str) -> str:
    """The words in this language; in French where we have no other."""
    found: str = getattr(WORDS[name], language if language in LANGUAGES else "fr")
    return found
