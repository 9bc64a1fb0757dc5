"""What sounds like a yes, a no or an order and is none: weighed once more."""

from __future__ import annotations

import re

from flows.understanding.intents import Weighed
from models.search import words

CONDITIONS = frozenset(
    words(
        "si condition sauf seulement uniquement faux if unless except only wrong course"
        " ila ida ghir bessah bessa7 besah bsah bsa7 bse7 walakin walayni"
        " إذا لو إلا غير بشرط لكن فقط بصح"
    )
)
"""A yes beside one of these is a yes to something else."""
BARGAINS = frozenset(
    words(
        "baisse baisser baissez reduire reduisez remise reduction rabais lower cheaper discount"
        " n9es n9ess n9sou n9so tn9es tn9ess tn9sou tn9so tne9es tna9es takhfid"
        " نقص نقصو نقصوا نقصولي تنقص تنقصو تخفيض خصم تخفض تخفضو"
    )
)
"""So is one that asks for another price: "faites une remise et je confirme"."""
NOES = frozenset(("la", "non", "no", "لا"))
YESES = frozenset(("oui", "yes", "ok", "ah", "wakha", "نعم", "واخا"))
SOUNDS = frozenset(words("ah ewa iwa wa oh euh hm mmm bon ben اه ايوا"))
_FINE = re.compile(
    r"^(?:لا مانع|لا باس|لا مشكل|ماشي مشكل|pas de (?:probleme|souci)|no problem|la ba2?s\b"
    r"|ma(?:ch|sh)i mou?(?:ch|sh)kil|(?:علاش لا|3lach la|pourquoi pas|why not) \w)"
)
"""Words that begin like a no and mean that it is fine."""
_KEEP = re.compile(
    r"(?:^|\s)(?:لا تلغ|ما تلغ|n annule|ne l annule|don ?t cancel|do not cancel|ma tannul"
    r"|pas annuler)"
)
"""Do not cancel."""
_PAST = re.compile(
    r"\bj.?ai (?:deja |déjà )?(?:command|achet|pris)|\ba (?:command|achet)é"
    r"|\bi (?:have |already )*(?:ordered|bought)"
    r"|\b(?:commandit|kommandit|chrit|khdit|tlebt)\b|(?:^|\s)(?:طلبت|اشتريت|شريت|كومونديت)",
    re.IGNORECASE,
)
_WANTS = re.compile(
    r"\bje (?:veux|voudrais|prends)|\bbghit|\b3awed|\bwant|\bnzid|\bzid|encore|aussi|أريد|بغيت",
    re.IGNORECASE,
)


def reconsidered(weighed: Weighed, text: str, *, asked: bool, goods: bool) -> Weighed:
    """The same, unless the yes or the no was a hedged one, or the order is an old one. `asked`:
    whether it answers the confirm question; `goods`: whether a product is named."""
    if weighed.intent == "order" and _PAST.search(text) and not _WANTS.search(text):
        return Weighed("where_is_my_order", 0.7, "ordered before")
    told = words(text)
    if not asked or not told:
        return weighed
    if weighed.intent == "confirm":
        return _yes(weighed, told)
    if weighed.intent in ("refuse", "cancel"):
        return _no(weighed, told, goods=goods)
    return weighed


def _yes(weighed: Weighed, told: list[str]) -> Weighed:
    if (CONDITIONS | BARGAINS) & set(told):
        return Weighed("other", 0.5, "yes, on a condition")
    if len(told) in (2, 3) and told[-1] in NOES:
        if set(told[:-1]) <= SOUNDS:
            return Weighed("refuse", 0.85, "no, after a sound")
        return Weighed("other", 0.4, "yes and no")
    return weighed


def _no(weighed: Weighed, told: list[str], *, goods: bool) -> Weighed:
    whole = " ".join(told)
    if _KEEP.search(whole):
        return Weighed("other", 0.5, "not to be cancelled")
    if _FINE.match(whole):
        return Weighed("confirm", 0.85, "yes, no objection")
    if goods and "cancel" in weighed.rule and told[0] in YESES:
        return Weighed("change_order", 0.8, "cancel … <product>")
    return weighed
