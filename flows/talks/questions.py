"""What customers ask again and again, and the merchant's answers in three languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import func, select

from flows import audit, turns
from flows.errors import N_, Invalid, NotFound, Refused
from models import db
from models.search import words
from models.talk import Question
from models.types import Json, clean

LONGEST_NAME, LONGEST_ANSWER, MOST_KEYWORDS = 60, 1000, 40
LANGUAGES = ("fr", "ar", "en")


def listed() -> Sequence[Question]:
    wanted = select(Question).order_by(Question.position, Question.id)
    return db.session().scalars(wanted).all()


def find(question_id: UUID) -> Question:
    """NotFound when there is none."""
    found = db.session().scalars(select(Question).where(Question.id == question_id)).first()
    if found is None:
        raise NotFound
    return found


def save(
    question: Question | None,
    *,
    name: str,
    keywords: Sequence[str],
    answers: Mapping[str, str],
    active: bool = True,
) -> Question:
    """Kept, at the end of the list when it is new; Invalid with every wrong field."""
    turns.take()
    name = " ".join(clean(name).split())
    told = {lang: clean(answers.get(lang, "")).strip() for lang in LANGUAGES}
    kept = list(dict.fromkeys(k for k in (" ".join(clean(k).split()) for k in keywords) if k))
    if wrong := dict(_wrong(name, kept, told)):
        raise Invalid(wrong)
    before = _told(question) if question else {}
    saved = question or Question(position=_end())
    saved.name, saved.keywords, saved.active = name, kept, active
    saved.answers = {lang: text for lang, text in told.items() if text}
    db.session().add(saved)
    kind = "bot.question_changed" if question else "bot.question_added"
    audit.changed(kind, before, _told(saved), on=name)
    return saved


def remove(question: Question) -> None:
    audit.note("bot.question_deleted", on=question.name, before=_told(question))
    db.session().delete(question)


def reorder(ids: Sequence[UUID]) -> None:
    """The questions stand in this order; those it does not name follow, as they stood."""
    turns.take()
    before = listed()
    place = {id_: number for number, id_ in enumerate(ids)}
    after = sorted(before, key=lambda question: place.get(question.id, len(place)))
    for position, question in enumerate(after, 1):
        question.position = position
    names = [{"questions": [question.name for question in order]} for order in (before, after)]
    audit.changed("bot.questions_reordered", *names)


def _wrong(
    name: str, keywords: Sequence[str], answers: Mapping[str, str]
) -> Sequence[tuple[str, Refused]]:
    wrong = []
    if not name:
        wrong.append(("name", Refused("required", N_("Give it a name: it is a row of the menu."))))
    if len(name) > LONGEST_NAME:
        no = Refused("too_long", N_("At most {limit} characters."), limit=LONGEST_NAME)
        wrong.append(("name", no))
    if not any(answers.values()):
        wrong.append(("answers.fr", Refused("required", N_("Write an answer in one language."))))
    for language, text in answers.items():
        if len(text) > LONGEST_ANSWER:
            no = Refused("too_long", N_("At most {limit} characters."), limit=LONGEST_ANSWER)
            wrong.append((f"answers.{language}", no))
    if len(keywords) > MOST_KEYWORDS:
        no = Refused("too_many", N_("At most {limit} words."), limit=MOST_KEYWORDS)
        wrong.append(("keywords", no))
    if any(not words(keyword) for keyword in keywords):
        no = Refused("keyword", N_("A keyword needs letters or digits."))
        wrong.append(("keywords", no))
    return wrong


def _end() -> int:
    return (db.session().scalar(select(func.max(Question.position))) or 0) + 1


def _told(question: Question) -> Json:
    return {
        "name": question.name,
        "keywords": list(question.keywords),
        "answers": dict(question.answers),
        "active": question.active,
    }
