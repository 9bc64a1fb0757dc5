"""Templates of our own: written, submitted, copied, deleted. What leaves is a row (submitting)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from sqlalchemy import select

from flows import audit, live, outbox
from flows.errors import N_, NotFound, Refused
from flows.templates.checking import check, check_identity
from flows.templates.composing import Form, written
from models import db
from models.automation import Automation
from models.message import Media, Sending
from models.template import MessageTemplate
from models.types import Json, utcnow

ON_ITS_WAY = (Sending.QUEUED, Sending.CLAIMED, Sending.WAITING)
EDITABLE = ("draft", "approved", "rejected", "paused")
"""States in which Meta takes a change; "draft" is our own word for what it has not seen."""


def find(template_id: UUID) -> MessageTemplate:
    """NotFound when there is none, or when it was deleted."""
    wanted = select(MessageTemplate).where(
        MessageTemplate.id == template_id, MessageTemplate.state != "deleted"
    )
    found = db.session().scalars(wanted).one_or_none()
    if found is None:
        raise NotFound
    return found


def on_its_way(template: MessageTemplate) -> bool:
    """Whether something of it is on its way to Meta."""
    return template.sending in ON_ITS_WAY


def obstacle(template: MessageTemplate) -> Refused | None:
    """Why it cannot be changed now; None when it can."""
    if on_its_way(template):
        return Refused("on_its_way", N_("This template is just being submitted."))
    if template.category == "authentication":
        return Refused("authentication", N_("Templates for codes are made with Meta."))
    if template.state not in EDITABLE:
        return Refused(
            "in_review", N_("WhatsApp takes no change while a template is in review or disabled.")
        )
    return None


def save(form: Form, template: MessageTemplate | None = None) -> MessageTemplate:
    """The draft is kept as it is, right or not; Meta has not seen it.

    Invalid when its name, language or category cannot be; Refused while it cannot be changed. The
    name and language of what Meta has already stay as they are, and the category once approved.
    """
    check_identity(form, template)
    kept = template or _fresh(form)
    _hold(kept)
    if why := obstacle(kept):
        raise why
    category = kept.category if kept.state == "approved" else form.category
    kept.draft = {
        "category": category,
        "components": form.components,
        "media_id": str(form.media.id) if form.media else None,
        "card_media": ([str(card.media.id) if card.media else None for card in form.cards] or None),
    }
    kept.problem = None
    if kept.meta_id is None:
        kept.name, kept.language, kept.waba_id = form.name, form.language, form.account
        kept.category, kept.components, kept.named = category, form.components, form.named
        kept.media_id = form.media.id if form.media else None
        kept.card_media = kept.draft["card_media"]
    live.changed("templates")
    _note("templates.drafted", kept, {"category": category, "language": kept.language})
    return kept


def submit(template: MessageTemplate, form: Form | None = None) -> None:
    """Its draft is on its way to Meta; Invalid, with each wrong field, where Meta would refuse.

    `form`: what was just saved as this draft, with what a draft does not keep (an empty header).
    """
    _hold(template)
    if why := obstacle(template):
        raise why
    if template.draft is None:
        raise Refused("no_draft", N_("There is nothing new to submit."))
    check(form or written(template), template)
    _post(template, "edit" if template.meta_id else "create")
    _note("templates.submitted", template, {"language": template.language})


def discard(template: MessageTemplate) -> None:
    """The draft is gone; with it the template, if Meta never had it."""
    _hold(template)
    if on_its_way(template):
        raise Refused("on_its_way", N_("This template is just being submitted."))
    _note("templates.discarded", template, {"language": template.language})
    if template.meta_id is None:
        _forget(template)
    else:
        template.draft = template.problem = template.sending = None
    live.changed("templates")


def remove(template: MessageTemplate, *, everywhere: bool = False) -> None:
    """Meta will delete it, or all its languages; the name is then blocked there for 30 days.

    Refused while automations use it: `users` names them.
    """
    doomed = languages_of(template) if everywhere else [template]
    if users(*doomed):
        raise Refused("in_use", N_("Automations send this template. Change them first."))
    for one in doomed:
        _hold(one)
        if on_its_way(one):
            raise Refused("on_its_way", N_("This template is just being submitted."))
    for one in doomed:
        _note("templates.deleted", one, {"language": one.language, "everywhere": everywhere})
        if one.meta_id is None:
            _forget(one)
        else:
            one.draft = {}
            _post(one, "delete")
    live.changed("templates")


def users(*templates: MessageTemplate) -> list[Automation]:
    """The automations that send one of these, first or after a failure."""
    known = users_by_template()
    found = {a.id: a for template in templates for a in known.get(template.id, ())}
    return list(found.values())


def users_by_template() -> dict[UUID, list[Automation]]:
    """Template id → the automations that send it, by name."""
    found: dict[UUID, list[Automation]] = {}
    everyone = select(Automation).order_by(Automation.name, Automation.id)
    for automation in db.session().scalars(everyone):
        for template_id in {automation.template_id, *_resorts_to(automation)}:
            found.setdefault(template_id, []).append(automation)
    return found


def _resorts_to(automation: Automation) -> Iterator[UUID]:
    for deed in automation.on_failure.values():
        if isinstance(deed, dict) and deed.get("template_id"):
            yield UUID(str(deed["template_id"]))


def languages_of(template: MessageTemplate) -> Sequence[MessageTemplate]:
    """The template in each of its languages, itself included."""
    same = select(MessageTemplate).where(
        MessageTemplate.waba_id == template.waba_id,
        MessageTemplate.name == template.name,
        MessageTemplate.state != "deleted",
    )
    return db.session().scalars(same.order_by(MessageTemplate.language)).all()


def attach(template: MessageTemplate, media: Media) -> None:
    """From now on this file stands above its text: Meta keeps only a sample of its own."""
    template.media_id = media.id
    live.changed("templates")
    _note("templates.file", template, {"file": media.filename})


def acknowledge(template: MessageTemplate) -> None:
    """Somebody has seen what Meta charges it as; an announcement stays seen ("")."""
    template.recategorised_from = None
    if template.next_category:
        template.next_category = ""
    live.changed("templates")
    _note("templates.acknowledged", template, {"category": template.category})


# --- the row --------------------------------------------------------------------------------------


def _fresh(form: Form) -> MessageTemplate:
    """A new row, or that of a deleted template of the same name."""
    session = db.session()
    gone = session.scalars(
        select(MessageTemplate).where(
            MessageTemplate.waba_id == form.account,
            MessageTemplate.name == form.name,
            MessageTemplate.language == form.language,
        )
    ).one_or_none()
    kept = gone or MessageTemplate(
        waba_id=form.account, name=form.name, language=form.language, category=form.category
    )
    kept.state, kept.meta_id = "draft", None
    kept.quality = kept.reason = kept.next_category = kept.recategorised_from = None
    kept.sending, kept.components = None, form.components
    session.add(kept)
    session.flush()  # it is locked below like any other
    return kept


def _hold(template: MessageTemplate) -> None:
    """Locked and read anew: two people, or a worker, may hold the same template."""
    db.session().flush()  # what this request has changed of it must not be read over
    db.session().refresh(template, with_for_update=True)


def _note(kind: str, template: MessageTemplate, facts: Json) -> None:
    """Told by its name: what it says is no fact of the audit."""
    audit.note(kind, on=template.name, on_id=template.id, after=facts)


def _post(template: MessageTemplate, act: str) -> None:
    template.draft = (template.draft or {}) | {"act": act}
    template.sending, template.due_at, template.attempt = Sending.QUEUED, utcnow(), 0
    template.lease_until = template.problem = None
    outbox.wake("drafts")
    live.changed("templates")


def _forget(template: MessageTemplate) -> None:
    db.session().delete(template)
