"""The words by which people take advertising back or ask for it again, in four languages.

Only as the whole message: "stop le colis n'est pas arrivé" is about a parcel. Accents, case, the
spellings of an Arabic letter, punctuation and polite words around them do not matter.
"""

from __future__ import annotations

from models import search

LONGEST = 80
"""Characters: whoever writes more says more than one of these."""

STOP = (
    # French, and the word every operator obeys
    "stop", "arret", "arrêt", "arrêter", "arrêtez", "désabonner", "désabonnez moi",
    "me désabonner", "se désabonner", "désabonnement", "désinscrire", "désinscrivez moi",
    "me désinscrire", "se désinscrire", "désinscription", "plus de pub", "plus de publicité",
    "plus de promo", "plus de promos", "plus de promotions", "pas de pub", "pas de publicité",
    # English, and what WhatsApp's own button of a marketing template says
    "unsubscribe", "unsubscribe me", "opt out", "optout", "stop all", "stopall",
    "no ads", "no more ads", "no more promotions",
    # Arabic
    "إيقاف", "توقف", "توقفوا", "أوقف", "أوقفوا", "قف", "إلغاء الاشتراك", "إلغاء اشتراك",
    "ألغ الاشتراك", "ألغي الاشتراك", "إلغاء الإعلانات", "إيقاف الرسائل", "أوقفوا الرسائل",
    "لا أريد إعلانات", "لا أريد عروض", "لا أريد رسائل إعلانية", "بدون إعلانات",
    # Darija in Arabic letters; the bare word for "enough" is also said about an order
    "باركا من الإعلانات", "باراكا من العروض", "ما بغيتش الإعلانات", "ما بغيتش العروض",
    "مابغيتش العروض", "مابغيتش الإعلانات", "حبسو الإعلانات", "حبس الإعلانات",
)  # fmt: skip

# A word that means "stop" is clear only with what shall stop.
_ENOUGH = (
    "stop", "cancel", "arret", "arreter", "arretez", "baraka", "baraka men", "safi", "sali",
    "saliw", "7bess", "7bes", "7ebess", "hbess", "hbes", "habess", "habsou", "7absou", "ma bghitch",
    "mabghitch", "mab9itch baghi", "ma bqitch baghi", "إيقاف", "وقف", "أوقف", "أوقفوا", "توقف",
)  # fmt: skip
_OF_WHAT = (
    "pub", "pubs", "publicite", "publicites", "promo", "promos", "promotion", "promotions",
    "offre", "offres", "offer", "offers", "lofr", "lofre", "lpub", "ads", "marketing",
    "newsletter", "إعلانات", "الإعلانات", "عروض", "العروض", "إشهار", "الإشهار",
)  # fmt: skip

START = (
    # asked for advertising in so many words: consent, whatever was before
    "oui offres", "oui aux offres", "oui promos", "oui promotions", "oui pub", "recevoir offres",
    "recevoir promos", "recevoir promotions", "yes offers", "yes promos", "yes promotions",
    "start offers", "start promos", "start promotions", "resume promotions",
    "أريد العروض", "أريد عروض", "نعم للعروض", "نعم العروض",
    "ah offres", "ah bghit offres", "bghit offres", "bghit les offres", "bghit promos",
    "بغيت العروض",
)  # fmt: skip

AGAIN = (
    # what undoes a STOP; from somebody who never said it "start" only begins a talk, and
    # "abonnement" asks for something that is sold
    "start", "unstop", "resume", "restart", "subscribe", "resubscribe", "opt in", "optin",
    "reprendre", "recommencer", "abonner", "abonnez moi", "m abonner", "s abonner", "réabonner",
    "me réabonner", "réabonnement", "ابدأ", "بدء", "استئناف", "استأنف", "اشتراك", "اشترك", "أشترك",
    "bda", "3awed bda",
)  # fmt: skip

# Nobody means anything else by these.
_AROUND = (
    "svp", "stp", "s", "il", "vous", "te", "plait", "merci", "please", "pls", "thanks", "thank",
    "you", "the", "les", "la", "le", "l", "des", "de", "cette", "ces", "your", "my",
    "شكرا", "رجاء", "فضلك", "من", "لو", "سمحت", "سمحتم", "3afak", "afak", "chokran", "عافاك",
)  # fmt: skip


def said(text: str) -> str | None:
    """ "stop", "start" or "again" when the whole text is one of the words; None for all others."""
    return _MEANINGS.get(_plain(text)) if len(text) <= LONGEST else None


def _plain(text: str) -> str:
    words = dict.fromkeys(search.words(text))  # STOP STOP STOP is one
    return " ".join(word for word in words if word not in _FILLERS)


_FILLERS = frozenset(word for each in _AROUND for word in search.words(each))
_MEANINGS = {
    _plain(phrase): meaning
    for meaning, phrases in (
        ("again", AGAIN),
        ("start", START),
        ("stop", (f"{enough} {what}" for enough in _ENOUGH for what in _OF_WHAT)),
        ("stop", STOP),
    )
    for phrase in phrases
}
