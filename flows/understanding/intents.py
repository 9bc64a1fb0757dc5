"""What somebody wants, weighed from the cues that their message shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
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
    beside: int
    """Words besides yes, no and what is only polite."""

    def __post_init__(self) -> None:
        self.scores: dict[str, float] = defaultdict(float)
        self.why: dict[str, str] = {}
        for intent in {sign.intent for sign in self.signs}:
            mine = sorted((s for s in self.signs if s.intent == intent), key=_strongest)
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


def _strongest(sign: Sign) -> tuple[float, int, int, str]:
    return -sign.strength, sign.first, sign.end, sign.cue


def _overlap(one: Sign, other: Sign) -> bool:
    return one.first < other.end and other.first < one.end


def weigh(evidence: Evidence) -> Weighed:
    """The intent, how sure, and by which evidence; "other" where that is not enough."""
    found = (_answer(evidence) if evidence.asked else None) or _said(evidence)
    if found and found.intent == "order" and evidence.asked and evidence.has_lines:
        found = Weighed("change_order", found.confidence, found.rule)  # one is in progress
    if found is None:
        return Weighed("other", 0.3, "nothing")
    doubt = 0.06 * max(0, evidence.leftover - 2)
    return Weighed(
        found.intent, round(max(0.05, found.confidence - min(0.25, doubt)), 2), found.rule
    )


def _answer(of: Evidence) -> Weighed | None:
    """What a message answers to the question to confirm; None when it answers nothing."""
    return next((found for rule in ANSWERS if (found := rule(of)) is not None), None)


def _speaks_of_something_else(of: Evidence) -> Weighed | None:
    sure = of.sure("stop", "start", "complaint", "human", "change_address")
    return _by(of, sure, 0.9) if sure else None


def _doubts(of: Evidence) -> Weighed | None:
    decided = of.sure("later", "cancel", "change_order", *QUESTIONS)
    return Weighed("other", 0.8, of.why["unsure"]) if of.sure("unsure") and not decided else None


def _yes_on_another_day(of: Evidence) -> Weighed | None:
    """ "oui mais samedi"."""
    put_off = of.yes and of.has_time and _but(of) and not of.question
    return Weighed("later", 0.85, "yes, but <time>") if put_off else None


def _yes_elsewhere(of: Evidence) -> Weighed | None:
    """ "oui mais à Rabat"."""
    elsewhere = of.yes and of.has_city and _but(of) and not of.question
    return Weighed("change_address", 0.8, "yes, but <city>") if elsewhere else None


def _asks_back(of: Evidence) -> Weighed | None:
    other = of.sure("shop", "other")
    if other and (of.question or not (of.yes or of.no)):
        return Weighed("other", 0.8, of.why[other])
    question = of.sure(*QUESTIONS)
    return _by(of, question, 0.85) if of.question and question and not of.sure("later") else None


def _later(of: Evidence) -> Weighed | None:
    return _by(of, "later", 0.92) if of.sure("later") and not of.sure("cancel") else None


def _undoes(of: Evidence) -> Weighed | None:
    undone = of.sure("cancel") and not of.has_lines
    return Weighed("refuse", 0.92, of.why["cancel"]) if undone else None


def _changes(of: Evidence) -> Weighed | None:
    something = of.has_lines or of.has_quantity or of.has_option
    said = of.sure("change_order") or (something and of.likely("change_order", "contrast"))
    return Weighed("change_order", 0.9, of.why[said]) if said else None


def _refuses(of: Evidence) -> Weighed | None:
    sure = of.sure("cancel", "refuse")
    return Weighed("refuse", 0.92, of.why[sure]) if sure else None


def _wants_to_know_first(of: Evidence) -> Weighed | None:
    question = of.sure(*QUESTIONS)
    if question and (of.question or not of.yes or _asks(of) or _but(of)):
        return _by(of, question, 0.85)
    question = of.likely(*QUESTIONS)
    return _by(of, question, 0.75) if of.question and question else None


def _puts_off(of: Evidence) -> Weighed | None:
    if of.likely("later") or (of.has_time and _put_off(of)):
        return Weighed("later", 0.8, of.why.get("later", "later: <time>"))
    return None


def _moves_house(of: Evidence) -> Weighed | None:
    elsewhere = of.likely("change_address") and of.has_city
    return _by(of, "change_address", 0.75) if elsewhere else None


def _yes_in_another_number(of: Evidence) -> Weighed | None:
    told = of.has_quantity or of.has_option or of.has_product
    other = of.yes and _but(of) and told and not (of.question or of.has_time)
    return Weighed("change_order", 0.8, "yes, but <number>") if other else None


def _contradicts_itself(of: Evidence) -> Weighed | None:
    if of.no and of.sure("confirm") and not of.scores["refuse"]:
        return _by(of, "confirm", 0.75)  # "non non c'est bon, je confirme"
    both = of.strong_yes and of.no and not of.sure("confirm")
    return Weighed("other", 0.4, "yes and no") if both else None


def _declines(of: Evidence) -> Weighed | None:
    declined = of.likely("refuse") and not of.strong_yes
    return _by(of, "refuse", 0.88) if declined else None


def _agrees(of: Evidence) -> Weighed | None:
    said = of.scores["confirm"] >= LIKELY
    if not (of.yes or said) or of.no or of.likely("refuse"):
        return None
    if of.sure("order") and of.has_lines and not (of.yes or said):
        return None
    sureness = 0.95 if of.sure("confirm") or of.yes else 0.85
    if of.question:
        sureness -= 0.25 if of.sure("confirm") else 0.45
    if of.has_city and not of.yes and not of.sure("confirm"):
        return None  # "sifto l Salé" may be another place than the order's
    if _but(of) and not of.sure("confirm"):
        sureness -= 0.4  # "oui mais …" of what nothing here explains
    if not said:
        sureness -= 0.05 * max(0, of.beside - 4)  # a yes before a long story may be of the story
    return Weighed("confirm", sureness, of.why.get("confirm", "yes"))


def _says_no(of: Evidence) -> Weighed | None:
    if not of.no:
        return None
    if of.has_lines or of.has_quantity:
        return Weighed("change_order", 0.75, "no, with a thing that is wanted")
    return Weighed("refuse", 0.93, "no")


# The first that finds something decides.
ANSWERS: tuple[Callable[[Evidence], Weighed | None], ...] = (
    *(_speaks_of_something_else, _doubts, _yes_on_another_day, _yes_elsewhere, _asks_back, _later),
    *(_undoes, _changes, _refuses, _wants_to_know_first, _puts_off, _moves_house),
    *(_yes_in_another_number, _contradicts_itself, _declines, _agrees, _says_no),
)


def _but(of: Evidence) -> bool:
    but = lexicon().sections["but"]
    return any(but.at(of.message.phrases, i) for i in range(len(of.message.words)))


def _put_off(of: Evidence) -> bool:
    """ "demain", "oui mais samedi": a day as the answer puts it off."""
    return _but(of) or (len(of.message.words) <= 4 and not of.has_lines and of.leftover == 0)


def _said(of: Evidence) -> Weighed | None:
    """What a message wants by itself."""
    return next((found for rule in SAYINGS if (found := rule(of)) is not None), None)


def _orders_whatever_else(of: Evidence) -> Weighed | None:
    return _order(of, 0.93) if _orders(of) else None


def _surely_wants(of: Evidence) -> Weighed | None:
    if of.sure("shop"):
        return Weighed("other", 0.8, of.why["shop"])
    sure = of.sure(*(intent for intent in FIRST if intent not in ("order", "greeting")))
    if sure:
        return _by(of, sure, 0.9)
    return _by(of, "other", 0.8) if of.sure("other") else None


def _surely_orders(of: Evidence) -> Weighed | None:
    return _order(of, 0.9) if of.sure("order") and not _asks(of) else None


def _names_what_it_wants(of: Evidence) -> Weighed | None:
    """ "2 sacs noirs": an order, unless it wonders or something else is likely."""
    if _wonders(of) or of.likely(*MOVES):
        return None
    if of.has_lines:
        return _order(of, 0.75)
    return _order(of, 0.65) if of.has_product and of.has_option else None


def _contrasts(of: Evidence) -> Weighed | None:
    contrast = of.likely("contrast") and not of.has_lines
    return Weighed("change_order", 0.72, of.why["contrast"]) if contrast else None


def _likely_wants(of: Evidence) -> Weighed | None:
    unsaid = ("greeting", "thanks", "confirm", "refuse", *(("order",) if _asks(of) else ()))
    likely = of.likely(*(intent for intent in FIRST if intent not in unsaid))
    if likely == "order":
        return _order(of, 0.75)
    return _by(of, likely, 0.72) if likely else None


def _names_goods(of: Evidence) -> Weighed | None:
    named = of.has_lines or (of.has_product and of.has_option)
    return _order(of, 0.65) if named and not _wonders(of) else None


def _is_polite(of: Evidence) -> Weighed | None:
    polite = of.likely("thanks", "greeting")
    return _by(of, polite, 0.9) if polite and not of.has_product else None


def _hints(of: Evidence) -> Weighed | None:
    hinted = next((i for i in FIRST if i in SLIGHT and of.scores[i] > 0), "")
    return _by(of, hinted, 0.61) if hinted else None


# The first that finds something decides.
SAYINGS: tuple[Callable[[Evidence], Weighed | None], ...] = (
    *(_orders_whatever_else, _surely_wants, _surely_orders, _names_what_it_wants, _contrasts),
    *(_likely_wants, _names_goods, _is_polite, _hints),
)
MOVES = (
    *("complaint", "human", "change_address", "cancel", "change_order", "later"),
    *("price", "availability", "where_is_my_order"),
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
    words, phrases = of.message.words, of.message.phrases
    or_not = lexicon().sections["or not"]
    if of.question or any(or_not.at(phrases, i) for i in range(len(words))):
        return True
    return any(
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
