"""A draft on its way to Meta: claimed, posted by the worker, concluded (as messages are, D6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select

from flows import leases, live
from flows.errors import N_
from flows.letters import Ending, Upload
from flows.templates import holding, news
from flows.templates.composing import MEDIA, written
from flows.verdicts import verdict
from models import db
from models.channel import Channel, ChannelState
from models.message import Media, Sending
from models.template import MessageTemplate
from models.types import Json, utcnow

"""Longer than a file's upload and the three calls of one submission may last together."""
TRIES = 8
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Submission:
    """What the worker takes to Meta: plain values. `act`: create, edit or delete."""

    template_id: UUID
    attempt: int
    act: str
    waba_id: str
    token: str = field(repr=False)
    meta_id: str | None
    name: str
    language: str
    category: str
    named: bool
    components: list[Json]
    upload: Upload | None
    """The file of its header, of which Meta wants a sample."""
    cards: tuple[Upload | None, ...]
    """The files of its cards, likewise."""
    unsure: bool
    """An earlier try may have succeeded: look before doing it again."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """How it ended. `listed`: the template as Meta has it now, where it told."""

    ending: Ending
    listed: Mapping[str, Any] | None = None
    code: int | None = None
    subcode: int | None = None
    words: str | None = None
    """Meta's own, for people."""


# Meta's sub-codes (and our own endings) → what to tell people. Anything else: Meta's own words.
PROBLEMS: dict[str, str] = {
    "2388023": N_("This name was deleted less than 30 days ago. Choose another name."),
    "2388024": N_("This name is taken in this language. Choose another name."),
    "2388019": N_("This account has as many templates as Meta allows. Delete one first."),
    "2388039": N_("Meta takes no change of this template now."),
    "2388040": N_("A part of it is too long for WhatsApp."),
    "2388043": N_("An example is missing."),
    "2388044": N_("WhatsApp does not take this name: small letters a–z, digits and _ only."),
    "2388047": N_("WhatsApp does not take the header: no line breaks, emoji or signs."),
    "2388060": N_("WhatsApp does not take a button: no variables, line breaks or emoji."),
    "2388072": N_("WhatsApp does not take the text: look at its variables and signs."),
    "2388073": N_("WhatsApp does not take the footer: no variables or emoji."),
    "2388293": N_("Too many variables for so few words."),
    "2388299": N_("A variable cannot be the first or the last word."),
    "token": N_("The access token of this number has expired or was revoked."),
    "permission": N_("Meta does not let this token change templates."),
    "account": N_("Meta has restricted or locked this WhatsApp account."),
    "no_number": N_("No WhatsApp number of yours belongs to this account any more."),
    "no_answer": N_("Meta did not answer clearly, several times. Refresh the list, then look."),
    "no_connection": N_("Meta could not be reached."),
    "throttled": N_("Meta takes no more templates for now (100 an hour). Try again later."),
    "temporary": N_("Meta has a temporary problem. Try again later."),
    "media": N_("The file of the header could not be read."),
}


# --- claim ----------------------------------------------------------------------------------------


def claim(*, limit: int = 4) -> list[Submission]:
    """What is due and nobody else has, leased to this worker. A lost lease makes it unsure."""
    session, now = db.session(), utcnow()
    ready = and_(
        MessageTemplate.sending.in_((Sending.QUEUED, Sending.WAITING)),
        MessageTemplate.due_at <= now,
    )
    lost = and_(MessageTemplate.sending == Sending.CLAIMED, MessageTemplate.lease_until < now)
    due = select(MessageTemplate).where(or_(ready, lost)).order_by(MessageTemplate.due_at)
    rows = session.scalars(due.limit(limit).with_for_update(skip_locked=True)).all()
    taken = [submission for row in rows if (submission := _take(row))]
    if rows:
        live.changed("templates")
    return taken


def _take(template: MessageTemplate) -> Submission | None:
    act = str((template.draft or {}).get("act", ""))
    token = _token(template.waba_id)
    if act == "create" and template.meta_id is not None:
        _accepted(template, {})  # a webhook told of it before its own answer could
        return None
    if token is None:
        _give_up(template, "no_number", None)
        return None
    template.sending = Sending.CLAIMED
    template.lease_until = utcnow() + leases.LEASE
    template.attempt += 1
    form = written(template)
    return Submission(
        template_id=template.id,
        attempt=template.attempt,
        act=act,
        waba_id=template.waba_id,
        token=token,
        meta_id=template.meta_id,
        name=template.name,
        language=template.language,
        category=form.category.upper(),
        named=form.named,
        components=form.components,
        upload=_upload(form.media) if form.header in MEDIA and act != "delete" else None,
        cards=tuple(_upload(card.media) for card in form.cards) if act != "delete" else (),
        unsure=template.attempt > 1,
    )


def _token(waba_id: str) -> str | None:
    owned = select(Channel).where(Channel.waba_id == waba_id).order_by(Channel.created_at)
    channels: Sequence[Channel] = db.session().scalars(owned).all()
    channels = sorted(channels, key=lambda c: c.state is not ChannelState.ACTIVE)
    return channels[0].token if channels else None


def _upload(media: Media | None) -> Upload | None:
    if media is None:
        return None
    return Upload(media.id, media.file, media.mime_type, media.filename)


# --- conclude -------------------------------------------------------------------------------------


def conclude(submission: Submission, outcome: Submitted) -> None:
    """The template knows how its submission ended; a late conclusion changes nothing."""
    wanted = select(MessageTemplate).where(MessageTemplate.id == submission.template_id)
    template = db.session().scalars(wanted.with_for_update()).one_or_none()
    if template is None or template.attempt != submission.attempt:
        return
    if template.sending is not Sending.CLAIMED:
        return
    template.lease_until = None
    if outcome.ending == "accepted":
        _accepted(template, outcome.listed or {})
    elif outcome.ending == "unknown":
        _again(template, "no_answer", 10.0)
    elif outcome.ending == "not_sent":
        _again(template, "no_connection", 5.0)
    else:
        _refused(template, outcome)
    live.changed("templates")


def _accepted(template: MessageTemplate, listed: Mapping[str, Any]) -> None:
    draft, named = template.draft or {}, written(template).named
    first = template.meta_id is None
    template.sending = template.due_at = template.draft = template.problem = None
    if draft.get("act") == "delete":
        template.state = "deleted"
        holding.settle(template)
        return
    template.components = draft.get("components") or template.components
    template.named = named
    chosen = draft.get("media_id")
    template.media_id = UUID(chosen) if chosen else None
    template.card_media = draft.get("card_media")
    if first or draft.get("act") == "edit":  # else news overtook the answer, and are newer
        asked = str(draft.get("category") or template.category)
        _charge_as(template, str(listed.get("category") or "").lower(), asked)
        template.state = str(listed.get("status") or "pending").lower()
        template.reason = None
        holding.settle(template)
    if listed.get("id"):
        template.meta_id = str(listed["id"])
    template.synced_at = utcnow()


def _charge_as(template: MessageTemplate, told: str, asked: str) -> None:
    """What Meta told stands; the bell rings once when that is not what was asked."""
    known = template.category
    template.category = told or (asked if template.meta_id is None else known)
    if template.category in (asked, known):
        return  # as somebody wished, or as was said before
    template.recategorised_from = asked
    news.ring(template, "recategorised", before=asked)


def _refused(template: MessageTemplate, outcome: Submitted) -> None:
    if str(outcome.subcode) in PROBLEMS:
        _give_up(template, str(outcome.subcode), outcome.words)
        return
    said = verdict(outcome.code)
    if said.reason in ("throttled", "temporary", "spam_limit"):
        _again(template, said.reason, said.delay, outcome.words)
    elif said.reason in PROBLEMS:
        _give_up(template, said.reason, outcome.words)
    else:
        _give_up(template, outcome.words or "temporary", outcome.words)


def _again(template: MessageTemplate, why: str, delay: float, words: str | None = None) -> None:
    """Later, until it has been tried often enough."""
    if template.attempt >= TRIES:
        _give_up(template, why, words)
        return
    template.sending = Sending.WAITING
    wait = timedelta(seconds=delay * 2 ** (template.attempt - 1))
    template.due_at = utcnow() + min(wait, LONGEST_WAIT)


def _give_up(template: MessageTemplate, problem: str, words: str | None) -> None:
    """Back to whoever wrote it, who may change it and submit it again."""
    template.sending = template.due_at = template.lease_until = None
    template.problem = problem
    draft = {key: value for key, value in (template.draft or {}).items() if key != "act"}
    template.draft = draft | ({"said": words} if words else {}) if draft else None
    live.changed("templates")
