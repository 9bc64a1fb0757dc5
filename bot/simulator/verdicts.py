"""How Meta's reviewers judge a template: by what it says, with a reason and some advice."""

from __future__ import annotations

import re
from typing import NamedTuple

from bot.simulator.template_checks import PROMOTIONAL
from bot.simulator.world import Json, Template

ARABIC = re.compile(r"[\u0600-\u06ff]")
LATIN = re.compile(r"[A-Za-z\u00c0-\u017f]")
SECRETS = re.compile(
    r"(?i)\b(mot de passe|password|code pin|pin code|numéro de carte|card number|cvv|iban)\b|"
    r"كلمة السر|رقم البطاقة"
)
ABUSE = re.compile(r"(?i)\b(menace\w*|threat\w*|idiot\w*|huissier|sinon nous)\b")
SHORTENED = re.compile(r"(?i)\b(bit\.ly|tinyurl\.com|t\.co|goo\.gl|wa\.me)\b")
TOUCHING = re.compile(r"\}\}\s*\{\{")


class Verdict(NamedTuple):
    """APPROVED or REJECTED, as which category, and why not."""

    event: str
    category: str
    reason: str = "NONE"
    advice: str | None = None

    @property
    def info(self) -> Json:
        """What the webhook adds about a rejection."""
        if self.advice is None:
            return {}
        return {"rejection_info": {"reason": _WORDS[self.reason], "recommendation": self.advice}}


_WORDS = {
    "SCAM": "The template asks for data that a business must not ask for in a chat.",
    "ABUSIVE_CONTENT": "The template threatens or insults its reader.",
    "TAG_CONTENT_MISMATCH": "The language of the template is not the language of its text.",
    "INVALID_FORMAT": "The template has links or parameters in a form that is not allowed.",
    "INCORRECT_CATEGORY": "The content does not fit the category that was asked for.",
}


def verdict(template: Template) -> Verdict:
    """What a review of this template comes to; the same template is always judged the same."""
    text = _text(template)
    for reason, advice, found in _faults(template, text):
        if found:
            return Verdict("REJECTED", template.category, reason, advice)
    promotes = template.category == "UTILITY" and PROMOTIONAL.search(text)
    return Verdict("APPROVED", "MARKETING" if promotes else template.category)


def _faults(template: Template, text: str) -> list[tuple[str, str, bool]]:
    return [
        ("SCAM", "Do not ask for passwords, PINs or card numbers.", bool(SECRETS.search(text))),
        ("ABUSIVE_CONTENT", "Write politely and do not threaten.", bool(ABUSE.search(text))),
        (
            "TAG_CONTENT_MISMATCH",
            "Choose the language the text is written in.",
            _foreign(template.language, text),
        ),
        ("INVALID_FORMAT", "Write the whole address of your own site.", _shortened(text)),
        (
            "INVALID_FORMAT",
            "Put words or punctuation between the parameters.",
            bool(TOUCHING.search(text)),
        ),
        (
            "INCORRECT_CATEGORY",
            "Choose MARKETING for offers: AUTHENTICATION is for codes only.",
            template.category == "AUTHENTICATION" and bool(PROMOTIONAL.search(text)),
        ),
    ]


def _foreign(language: str, text: str) -> bool:
    words = re.sub(r"\{\{.*?\}\}|https?://\S+", "", text)
    arabic, latin = len(ARABIC.findall(words)), len(LATIN.findall(words))
    return arabic < latin if language.startswith("ar") else latin < arabic


def _shortened(text: str) -> bool:
    return bool(SHORTENED.search(text))


def _text(template: Template) -> str:
    parts = list(template.components)
    cards = [card for c in template.components for card in c.get("cards") or []]
    parts += [part for card in cards for part in card.get("components") or []]
    parts += [button for c in list(parts) for button in c.get("buttons") or []]
    said = [str(part[name]) for part in parts for name in ("text", "url") if part.get(name)]
    return "\n".join(said)
