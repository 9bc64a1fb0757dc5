"""What customers ask again and again, and what the bot answers them for the merchant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import UUID

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows.errors import Invalid
from flows.talks import questions as answers
from inbox import htmx, languages, life
from inbox.auth import needs
from inbox.bot import pages, words
from inbox.bot.settings import LANGUAGES
from inbox.conversations.asked import read_id
from inbox.forms import Fields
from inbox.languages import gettext as _
from models.talk import Question

Answer = str | tuple[str, int] | Response

COMMAS = re.compile(r"[,،;؛\n]+")


@pages.get("/bot/questions")
@needs("automations.read")
def questions() -> str:
    return render_template("bot/questions.html", listed=answers.listed())


@pages.get("/bot/questions/new")
@needs("automations.edit")
def new_question() -> str:
    return _form(None)


@pages.get("/bot/questions/<uuid:question_id>")
@needs("automations.edit")
def edit_question(question_id: UUID) -> str:
    return _form(answers.find(question_id))


@pages.post("/bot/questions")
@needs("automations.edit")
def add_question() -> Answer:
    return _save(None)


@pages.post("/bot/questions/<uuid:question_id>")
@needs("automations.edit")
def change_question(question_id: UUID) -> Answer:
    return _save(question_id)


@pages.post("/bot/questions/<uuid:question_id>/delete")
@needs("automations.edit")
def delete_question(question_id: UUID) -> Answer:
    answers.remove(answers.find(question_id))
    htmx.toast(_("Deleted."))
    return _changed()


@pages.post("/bot/questions/order")
@needs("automations.edit")
def order_questions() -> Answer:
    """The questions stand in the order of the form; `up` and `down` move one."""
    ids = [id_ for id_ in map(read_id, dict.fromkeys(request.form.getlist("order"))) if id_]
    for step, name in ((-1, "up"), (1, "down")):
        moved = read_id(request.form.get(name))
        if moved in ids:
            place = ids.index(moved)
            ids.insert(max(place + step, 0), ids.pop(place))
    answers.reorder(ids)
    if not htmx.asked():
        return redirect(url_for("bot.questions"), 303)
    return render_template("bot/_questions.html", listed=answers.listed())


def _save(question_id: UUID | None) -> Answer:
    question = answers.find(question_id) if question_id else None
    fields = Fields(request.form)
    try:
        answers.save(
            question,
            name=fields.text("name"),
            keywords=COMMAS.split(fields.lines("keywords")),
            answers={language: fields.lines(f"answers.{language}") for language in LANGUAGES},
            active="active" in request.form,
        )
    except Invalid as refusal:
        life.undo()
        errors = languages.told_each(refusal)
        return _form(answers.find(question_id) if question_id else None, errors), 422
    htmx.toast(_("Saved."))
    return _changed()


def _changed() -> Answer:
    if not htmx.asked():
        return redirect(url_for("bot.questions"), 303)
    htmx.close_dialog()
    return render_template("bot/_questions_changed.html", listed=answers.listed())


def _form(question: Question | None, errors: Mapping[str, str] | None = None) -> str:
    return render_template(
        "bot/_question.html",
        question=question,
        typed=request.form.to_dict() if request.method == "POST" else _typed(question),
        errors=errors or {},
        spoken={language: words.LANGUAGES[language] for language in LANGUAGES},
        limit=answers.LONGEST_ANSWER,
    )


def _typed(question: Question | None) -> dict[str, str]:
    if question is None:
        return {"active": "1"}
    told = {"name": question.name, "keywords": ", ".join(question.keywords)}
    told |= {f"answers.{language}": text for language, text in question.answers.items()}
    return told | ({"active": "1"} if question.active else {})
