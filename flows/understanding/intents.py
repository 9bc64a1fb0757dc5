"""What somebody wants, weighed from the cues that their message shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from flows.understanding.cues import Sign
from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.reading import Message

SURE, LIKELY = 4.0, 2.5

# Who speaks of several things means the first of these: a grievance before a question, a question
# before an order, anything before a greeting.
FIRST = (
    *("stop", "start", "complaint", "human", "change_address", "cancel", "change_order", "refuse"),
    *("later", "where_is_my_order", "delivery_time", "delivery_cost", "price", "availability"),
    *("order", "confirm", "thanks", "greeting"),
)
QUESTIONS = ("where_is_my_order", "delivery_time", "delivery_cost", "price", "availability")
SMALL_TALK = frozenset(("greeting", "thanks"))


@dataclass(frozen=True, slots=True)
class Weighed:
    intent: str
    confidence: float
    rule: str


@dataclass
class Evidence:
    """All that speaks for one intent or another."""

    message: Message
    signs: Sequence[Sign]
    core: tuple[int, int]
    yes: bool
    no: bool
    strong_yes: bool
    """A yes that is no mere "enough" or "fine"."""
    asked: bool
    """The business asked to confirm an order."""
    has_product: bool
    has_lines: bool
    has_quantity: bool
    has_option: bool
    """An option, or an article that counts one: "un sac"."""
    has_city: bool
    has_time: bool
    leftover: int
    """Content words that nothing explains."""

    def __post_init__(self) -> None:
        self.scores: dict[str, float] = defaultdict(float)
        self.why: dict[str, str] = {}
        for intent in {sign.intent for sign in self.signs}:
            mine = sorted((s for s in self.signs if s.intent == intent), key=lambda s: -s.strength)
            self.scores[intent] = mine[0].strength + min(
                1.0, sum(0.25 for s in mine[1:] if not _overlap(s, mine[0]))
            )
            self.why[intent] = mine[0].cue

    @property
    def question(self) -> bool:
        return "?" in self.message.marks

    def sure(self, *intents: str) -> str:
        """The first of these intents with sure evidence, else ""."""
        return next((i for i in intents if self.scores[i] >= SURE), "")

    def likely(self, *intents: str) -> str:
        return next((i for i in intents if self.scores[i] >= LIKELY), "")


def _overlap(one: Sign, other: Sign) -> bool:
    return one.first < other.end and other.first < one.end


def weigh(evidence: Evidence) -> Weighed:
    """The intent, how sure, and by which evidence; "other" where that is not enough."""
    found = (_answer(evidence) if evidence.asked else None) or _said(evidence)
    if found is None:
        return Weighed("other", 0.3, "nothing")
    doubt = 0.06 * max(0, evidence.leftover - 2)
    return Weighed(
        found.intent, round(max(0.05, found.confidence - min(0.25, doubt)), 2), found.rule
    )


def _answer(of: Evidence) -> Weighed | None:
    """What a message answers to the question to confirm; None when it answers nothing."""
    if sure := of.sure("stop", "start", "complaint", "human"):
        return _by(of, sure, 0.9)
    if of.sure("change_address"):
        return _by(of, "change_address", 0.92)
    if of.yes and of.has_time and _but(of) and not of.question:
        return Weighed("later", 0.85, "yes, but <time>")
    if of.sure("other") and (of.question or (not of.yes and not of.no)):
        return _by(of, "other", 0.8)
    if of.question and (question := of.sure(*QUESTIONS)) and not of.sure("later"):
        return _by(of, question, 0.85)
    if of.sure("later") and not of.sure("cancel"):
        return _by(of, "later", 0.92)
    if of.sure("change_order") or (
        of.likely("change_order") and (of.has_lines or of.has_quantity or of.has_option)
    ):
        return _by(of, "change_order", 0.9)
    if of.sure("cancel", "refuse"):
        sure = of.sure("cancel", "refuse")
        return Weighed("refuse", 0.92, of.why[sure])
    if (question := of.sure(*QUESTIONS)) and (of.question or not of.yes or _asks(of) or _but(of)):
        return _by(of, question, 0.85)
    if of.question and (question := of.likely(*QUESTIONS)):
        return _by(of, question, 0.75)
    if of.scores["later"] >= LIKELY or (of.has_time and _put_off(of)):
        return Weighed("later", 0.8, of.why.get("later", "later: <time>"))
    if of.likely("change_address") and of.has_city:
        return _by(of, "change_address", 0.75)
    if of.yes and _but(of) and of.has_quantity and not of.question and not of.has_time:
        return Weighed("change_order", 0.8, "yes, but <number>")
    if of.strong_yes and of.no and not of.sure("confirm"):
        return Weighed("other", 0.4, "yes and no")
    if of.no and of.sure("confirm") and not of.scores["refuse"]:
        return _by(of, "confirm", 0.75)
    confirms = of.yes or of.scores["confirm"] >= LIKELY
    if of.likely("refuse") and not of.strong_yes:
        return _by(of, "refuse", 0.88)
    if confirms and not of.no and not of.likely("refuse"):
        if (
            of.scores["order"] >= SURE
            and of.has_lines
            and of.scores["confirm"] < LIKELY
            and not of.yes
        ):
            return None
        sureness = 0.95 if of.scores["confirm"] >= SURE or of.yes else 0.85
        return Weighed(
            "confirm", sureness - (0.25 if of.question else 0), of.why.get("confirm", "yes")
        )
    if of.no and (not confirms or (not of.strong_yes and not of.scores["confirm"])):
        if of.has_lines or of.has_quantity:
            return Weighed("change_order", 0.75, "no, with a thing that is wanted")
        return Weighed("refuse", 0.93, "no")
    return None


def _but(of: Evidence) -> bool:
    but = lexicon().sections["but"]
    return any(but.at(of.message.phrases, i) for i in range(len(of.message.words)))


def _put_off(of: Evidence) -> bool:
    """ "demain", "oui mais samedi": a day as the answer puts it off."""
    return _but(of) or (len(of.message.words) <= 4 and not of.has_lines and of.leftover == 0)


def _said(of: Evidence) -> Weighed | None:
    """What a message wants by itself."""
    if _orders(of):
        return _order(of, 0.93)
    if of.sure("other") and of.why["other"].startswith("other: {where}"):
        return _by(of, "other", 0.8)
    for intent in FIRST:
        if intent in ("order", "greeting", "thanks") or of.scores[intent] < SURE:
            continue
        return _by(of, intent, 0.9)
    if of.sure("other"):
        return _by(of, "other", 0.8)
    if of.sure("order") and not _asks(of):
        return _order(of, 0.9)
    if of.has_lines and not _wonders(of) and not of.likely(*MOVES):
        return _order(of, 0.75)
    if of.has_product and of.has_option and not _wonders(of) and not of.likely(*MOVES):
        return _order(of, 0.65)
    for intent in FIRST:
        if intent in ("greeting", "thanks", "confirm", "refuse") or of.scores[intent] < LIKELY:
            continue
        if intent == "order":
            return _order(of, 0.75)
        return _by(of, intent, 0.72)
    if (of.has_lines or (of.has_product and of.has_option)) and not _wonders(of):
        return _order(of, 0.65)
    for intent in ("thanks", "greeting"):
        if of.scores[intent] >= LIKELY and not of.has_product:
            return _by(of, intent, 0.9)
    for intent in FIRST:
        if of.scores[intent] > 0 and intent in SLIGHT:
            return _by(of, intent, 0.61)
    return None


MOVES = (
    "complaint",
    "human",
    "change_address",
    "cancel",
    "change_order",
    "later",
    "price",
    "availability",
    "where_is_my_order",
)
SLIGHT = frozenset(("price", "where_is_my_order", "greeting", "thanks"))
"""What a hint is enough for: nothing moves by it."""


def _orders(of: Evidence) -> bool:
    """What orders wins over what only asks: "chhal twsil? sift liya wa7ed" is an order."""
    if of.scores["order"] < SURE or _asks(of) or _supposes(of):
        return False
    if not (of.has_product or of.has_quantity):
        return False
    before = ("stop", "start", "complaint", "change_address", "change_order", "cancel")
    if of.sure(*before):
        return False
    if of.sure("human", "later", "price", "availability", "where_is_my_order", "delivery_time"):
        return of.has_lines and not (
            of.question and of.sure("price", "availability") and of.scores["order"] < SURE + 0.25
        )
    return True


def _supposes(of: Evidence) -> bool:
    """ "if i take two", "si je commande ce soir": nothing is ordered yet."""
    words = of.message.words
    return any(
        word.key in _IF and any(s.intent == "order" and 0 < s.first - i <= 3 for s in of.signs)
        for i, word in enumerate(words)
    ) and (of.question or bool(of.likely(*QUESTIONS)))


_IF = word_list("if")


def _wonders(of: Evidence) -> bool:
    """A question, with its mark or without."""
    words = of.message.words
    return of.question or any(
        word.keys & _ASKING
        or (
            word.keys & _ASKING_FIRST
            and (i in (0, of.core[0]) or word.sentence != words[i - 1].sentence)
        )
        for i, word in enumerate(words)
    )


_ASKING = word_list("asks")
_ASKING_FIRST = word_list("asks at the beginning")


def _asks(of: Evidence) -> bool:
    """ "bghit n3ref chhal": wants to know, not to have."""
    return any(word.keys & _KNOW for word in of.message.words)


_KNOW = word_list("wants to know")


def _order(of: Evidence, confidence: float) -> Weighed:
    if of.has_lines or of.has_product:
        return Weighed("order", confidence, of.why.get("order", "order: a product"))
    if of.scores["order"] >= SURE or of.has_quantity:
        return Weighed("order", min(confidence, 0.8), of.why.get("order", ""))
    return Weighed("order", 0.5 if of.question or _asks(of) else 0.62, of.why.get("order", ""))


def _by(of: Evidence, intent: str, confidence: float) -> Weighed:
    return Weighed(intent, confidence, of.why[intent])
