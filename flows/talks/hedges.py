"""A yes with an "if" or an "except", a no that is none: they move nothing, and are asked about."""

from __future__ import annotations

import re

from flows.understanding import Understood
from flows.understanding.hedges import CONDITIONS
from models.search import words

SOFT_NOES = (
    *("لا مانع", "لا باس", "لا مشكل", "pas de probleme", "no problem", "makayn mochkil"),
    *("لا تلغ", "ما تلغ", "n annule", "ne l annule", "don t cancel", "dont cancel", "ma tannul"),
    *("pas annuler", "la ba2s", "la bas"),
)
"""Words that begin like a no and are none, or that say not to cancel."""


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


def hedged(text: str, said: Understood) -> bool:
    """Whether a sentence heard as a yes or a no may mean something else."""
    told = words(text)
    whole = f" {' '.join(told)} "
    if said.intent == "confirm":
        return bool(CONDITIONS & set(told)) or _ends_in_no(told)
    if said.intent in ("refuse", "cancel"):
        return bool(said.products) or any(f" {one}" in whole for one in map(_plain, SOFT_NOES))
    return False


def tells_of_past(text: str) -> bool:
    """ "j'ai commandé hier un sac": an order that is placed, unless they want something as well."""
    return _PAST.search(text) is not None and _WANTS.search(text) is None


def _ends_in_no(told: list[str]) -> bool:
    """ "ah la", "ewa la": a sound, then a no."""
    return len(told) <= 3 and told[-1:] in (["la"], ["non"], ["no"], ["لا"])


def _plain(phrase: str) -> str:
    return " ".join(words(phrase))
