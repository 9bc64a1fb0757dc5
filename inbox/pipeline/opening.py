"""The wizard: one more pipeline, from a ready-made one, from nothing, or adjusted at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import presets
from flows.errors import Invalid
from flows.stages import pipelines
from inbox import htmx, languages, life
from inbox.auth import needs
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import N_, gettext
from inbox.languages import gettext as _
from inbox.pipeline import pages, words

# What each ready-made pipeline is for.
FOR = {
    "cod": N_("You send parcels; the courier collects the money."),
    "digital": N_("You sell files, access or codes, paid before they are sent."),
    "services": N_("You plan work, do it, and finish it."),
    "blank": N_("Two stages, and you add your own."),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A preset as a card: its stages in the language its reader would get them in."""

    key: str
    name: str
    purpose: str
    stages: list[tuple[str, str]]
    """Name and colour of each."""


@pages.get("/pipeline/new")
@needs("pipeline.edit")
def new() -> str:
    """The page; as a fragment, only what it offers, in another language."""
    chosen = {"preset": "cod", "language": current.merchant.language} | request.args.to_dict()
    return _page(chosen, {})


@pages.post("/pipeline")
@needs("pipeline.edit")
def create() -> Response | tuple[str, int]:
    """The pipeline exists; `adjust` opens its stages, else the board."""
    fields = Fields(request.form)
    try:
        made = pipelines.begin(
            request.form.get("preset", ""), name=fields.text("name"), language=_language()
        )
    except Invalid as refusal:
        life.undo()
        return _page(request.form.to_dict(), words.told(refusal.fields)), 422
    htmx.toast(_("“%(name)s” is ready.", name=made.name))
    adjusted = "adjust" in request.form or request.form.get("preset") == "blank"
    page = "pipeline.index" if adjusted else "board.index"
    return redirect(url_for(page, pipeline=made.id), 303)


def _language() -> str:
    return languages.choose(request.form.get("language"), current.merchant.language)


def _page(typed: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    language = languages.choose(typed.get("language"), current.merchant.language)
    return render_template(
        "pipeline/_offers.html" if current.wants_fragment else "pipeline/new.html",
        typed=typed,
        wrong=wrong,
        offers=[offer(key, preset, language) for key, preset in presets.PRESETS.items()],
        languages=list(languages.NAMES.items()),
        pipelines=pipelines.listed(),
    )


def offer(key: str, preset: presets.Preset, language: str) -> Offer:
    """A preset, its stages named in this language."""
    names = [(stage.names[language], stage.color) for stage in preset.stages]
    return Offer(key, preset.names[language], gettext(FOR[key]), names)
