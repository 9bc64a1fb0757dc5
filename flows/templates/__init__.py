"""Ready messages: what Meta lists, what fills their blanks, how they read, how new ones are made.

blanks: the facts of an order. filling: a template for one order. sending: which may be sent.
composing, checking: a template as a person writes it, and Meta's rules for it. drafts: kept,
submitted, deleted. submitting: on its way to Meta. news: what Meta says. syncing: when to ask it.
"""

from flows.templates.blanks import FACTS, facts
from flows.templates.carousels import CardButton, FormCard, files_of
from flows.templates.checking import LIMITS, suggest_name
from flows.templates.composing import (
    BUTTONS,
    CATEGORIES,
    HEADERS,
    LANGUAGES,
    MEDIA,
    Form,
    FormButton,
    examples,
    written,
)
from flows.templates.drafts import (
    acknowledge,
    attach,
    discard,
    find,
    languages_of,
    obstacle,
    on_its_way,
    remove,
    save,
    submit,
    users,
)
from flows.templates.filling import (
    Card,
    Rendered,
    clean_value,
    fill,
    preview,
    render,
    sampled,
    shown_values,
)
from flows.templates.news import hear, keep
from flows.templates.offers import offers
from flows.templates.sending import (
    EXAMPLE,
    SENDABLE_BUTTONS,
    check_sendable,
    check_values,
    file_of,
    media_of,
    needs_file,
    sendable,
    shape_of,
    taps,
)
from flows.templates.submitting import PROBLEMS, Submission, Submitted, claim, conclude
from flows.templates.syncing import Account, Freshness, freshness, keep_listed, refresh, take
from flows.templates.usage import Dearer, dearer, delivered, listed, prices

__all__ = [
    "BUTTONS",
    "CATEGORIES",
    "EXAMPLE",
    "FACTS",
    "HEADERS",
    "LANGUAGES",
    "LIMITS",
    "MEDIA",
    "PROBLEMS",
    "SENDABLE_BUTTONS",
    "Account",
    "Card",
    "CardButton",
    "Dearer",
    "Form",
    "FormButton",
    "FormCard",
    "Freshness",
    "Rendered",
    "Submission",
    "Submitted",
    "acknowledge",
    "attach",
    "check_sendable",
    "check_values",
    "claim",
    "clean_value",
    "conclude",
    "dearer",
    "delivered",
    "discard",
    "examples",
    "facts",
    "file_of",
    "files_of",
    "fill",
    "find",
    "freshness",
    "hear",
    "keep",
    "keep_listed",
    "languages_of",
    "listed",
    "media_of",
    "needs_file",
    "obstacle",
    "offers",
    "on_its_way",
    "preview",
    "prices",
    "refresh",
    "remove",
    "render",
    "sampled",
    "save",
    "sendable",
    "shape_of",
    "shown_values",
    "submit",
    "suggest_name",
    "take",
    "taps",
    "users",
    "written",
]
