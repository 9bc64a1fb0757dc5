"""What Meta says of templates: its list, and what it tells between two looks at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from flows import live, notifications
from flows.events import Status, TemplateNews
from flows.templates import holding
from flows.templates.drafts import users
from flows.verdicts import verdict
from models import db
from models.channel import Channel, ChannelEvent
from models.message import Message, Sending
from models.template import MessageTemplate
from models.types import Json, new_id, utcnow

BAD = ("paused", "rejected", "disabled")
"""States that somebody should hear of."""
LOST = ("deleted", "pending_deletion", "locked")
"""States that matter to those whose automations are to send it."""


# --- its list -------------------------------------------------------------------------------------


def keep(
    waba_id: str, raws: Iterable[Mapping[str, Any]], *, complete_at: datetime | None = None
) -> None:
    """The templates of this messaging account are as Meta lists them; unnamed ones are skipped.

    `complete_at`: the list is whole and was begun then; what it does not name any more is deleted.
    """
    rows = {(row["name"], row["language"]): row for raw in raws if (row := _row(waba_id, raw))}
    before = {(t.name, t.language): _facts(t) for t in _of_account(waba_id)}
    if rows:
        _upsert(list(rows.values()))
        for template in _of_account(waba_id):
            _compare(template, before.get((template.name, template.language)), rows)
    if complete_at is not None:
        _forget_unlisted(waba_id, complete_at)
    live.changed("templates")


def _upsert(rows: Sequence[Json]) -> None:
    own = ("merchant_id", "id", "waba_id", "name", "language")
    told_columns = [column for column in rows[0] if column not in (*own, "coming")]
    values = [{key: value for key, value in row.items() if key != "coming"} for row in rows]
    statement = insert(MessageTemplate).values(values)
    told: dict[str, Any] = {column: statement.excluded[column] for column in told_columns}
    # What Meta has not judged yet must not hide what it said before.
    told["quality"] = func.coalesce(statement.excluded.quality, MessageTemplate.quality)
    db.session().execute(
        statement.on_conflict_do_update(
            index_elements=["merchant_id", "waba_id", "name", "language"], set_=told
        )
    )


def _row(waba_id: str, raw: Mapping[str, Any]) -> Json | None:
    name, language = str(raw.get("name") or ""), _language(raw.get("language"))
    if not name or not language:
        return None
    components = raw.get("components")
    return {
        "merchant_id": db.session().merchant_id,
        "id": new_id(),
        "waba_id": waba_id,
        "meta_id": str(raw["id"]) if raw.get("id") else None,
        "name": name,
        "language": language,
        "category": str(raw.get("category") or "").lower(),
        "state": str(raw.get("status") or "").lower(),
        "named": str(raw.get("parameter_format") or "").upper() == "NAMED",
        "components": components if isinstance(components, list) else [],
        "reason": _reason(raw.get("rejected_reason")),
        "quality": _quality(raw.get("quality_score")),
        "synced_at": utcnow(),
        "coming": str(raw.get("correct_category") or "").lower() or None,
    }


def _of_account(waba_id: str) -> Sequence[MessageTemplate]:
    wanted = select(MessageTemplate).where(MessageTemplate.waba_id == waba_id)
    return db.session().scalars(wanted, execution_options={"populate_existing": True}).all()


def _facts(template: MessageTemplate) -> tuple[str, str]:
    return template.state, template.category


def _compare(
    template: MessageTemplate,
    before: tuple[str, str] | None,
    rows: Mapping[tuple[str, str], Json],
) -> None:
    """Rings for what changed since the last look, as a webhook would have."""
    row = rows.get((template.name, template.language))
    if row is None or before is None or before[0] in ("draft", "deleted"):
        return
    state, category = before
    if template.state != state:
        _changed_state(template, state)
    if template.category != category:
        _changed_category(template, category)
    if row["coming"]:
        _announced(template, row["coming"])


def _forget_unlisted(waba_id: str, since: datetime) -> None:
    """Not what was made or told after the listing began, and not what is on its way there."""
    gone = (
        update(MessageTemplate)
        .where(
            MessageTemplate.waba_id == waba_id,
            MessageTemplate.meta_id.is_not(None),
            MessageTemplate.synced_at < since,
            MessageTemplate.state != "deleted",
            or_(
                MessageTemplate.sending.is_(None),
                MessageTemplate.sending.not_in((Sending.CLAIMED, Sending.QUEUED, Sending.WAITING)),
            ),
        )
        .values(state="deleted", draft=None, problem=None)
        .returning(MessageTemplate)
    )
    for template in db.session().scalars(gone).all():
        holding.settle(template)
        _lost(template)


def _language(raw: Any) -> str:
    """Meta writes en_US, and sometimes en-US."""
    return str(raw or "").replace("-", "_")


def _reason(raw: Any) -> str | None:
    return None if str(raw or "NONE").upper() == "NONE" else str(raw)


def _quality(raw: Any) -> str | None:
    score = raw.get("score") if isinstance(raw, Mapping) else raw
    return None if str(score or "UNKNOWN").upper() == "UNKNOWN" else str(score).lower()


# --- what it tells in between ---------------------------------------------------------------------


def hear(news: TemplateNews) -> None:
    """What Meta told about a template stands on its row; what it did not tell stays as it was."""
    for template in _meant(news):
        if template.meta_id is None and (news.status or "").endswith(_GONE):
            continue  # this is about the one of the same name that was deleted before
        template.meta_id = template.meta_id or news.template_id
        _hear(template, news)
    live.changed("templates")


def _hear(template: MessageTemplate, news: TemplateNews) -> None:
    state, category = _facts(template)
    if news.status:
        template.state = _STATES.get(news.status.lower(), news.status.lower())
        template.reason = _reason(news.reason)
    if news.category:
        template.category = news.category.lower()
    if news.quality:
        template.quality = _quality(news.quality)
    if template.state != state:
        _changed_state(template, state)
    if template.category != category:
        _changed_category(template, category)
    if news.coming_category:
        _announced(template, news.coming_category.lower())


_GONE = ("DELETED", "DELETION")
# Meta's words for "as before" and "still working": neither stops a send.
_STATES = {"reinstated": "approved", "flagged": "approved"}


def _meant(news: TemplateNews) -> Sequence[MessageTemplate]:
    """By Meta's id; by its name too where our own submission has not been answered yet."""
    named = (MessageTemplate.name == news.name) & (MessageTemplate.language == news.language)
    wanted = select(MessageTemplate).where(MessageTemplate.waba_id == news.waba_id)
    if news.template_id:
        unanswered = MessageTemplate.meta_id.is_(None) & named
        wanted = wanted.where(or_(MessageTemplate.meta_id == news.template_id, unanswered))
    else:
        wanted = wanted.where(named)
    return db.session().scalars(wanted).all()


# --- what somebody should know --------------------------------------------------------------------


def hear_refused(message: Message) -> None:
    """Meta refused it because its template is paused: it is held, with all that wait for that.

    It fails where the template never comes back: nobody would let it go any more.
    """
    template = _paused(message.template_id)
    if template is not None and template.may_return:
        holding.hold(message)
    else:
        message.sending, message.failed_at, message.due_at = Sending.FAILED, utcnow(), None
        message.reason = holding.why_not(template)


def hear_failures(
    channels: Mapping[str | None, Channel], failures: Iterable[tuple[Status, int]]
) -> None:
    """What Meta took and then dropped because its template is paused tells that it is."""
    dropped = [status.wamid for status, code in failures if verdict(code).action == "hold"]
    if dropped:
        here = Message.channel_id.in_([channel.id for channel in channels.values()])
        wanted = select(Message.template_id).where(here, Message.wamid.in_(dropped)).distinct()
        for template_id in db.session().scalars(wanted.order_by(Message.template_id)):
            _paused(template_id)


def _paused(template_id: UUID | None) -> MessageTemplate | None:
    """The template, locked; paused from now on if we thought that it could be sent."""
    wanted = select(MessageTemplate).where(MessageTemplate.id == template_id)
    locked = wanted.with_for_update(key_share=True).execution_options(populate_existing=True)
    template = db.session().scalars(locked).one_or_none()
    if template is not None and template.approved:
        template.state = "paused"
        _changed_state(template, "approved")
        live.changed("templates")
    return template


def _changed_state(template: MessageTemplate, before: str) -> None:
    holding.settle(template)
    if template.state in BAD:
        ring(template, template.state, reason=template.reason)
    elif template.state in LOST and before not in LOST:
        _lost(template)


def _lost(template: MessageTemplate) -> None:
    if any(automation.active for automation in users(template)):
        ring(template, template.state)


def _changed_category(template: MessageTemplate, before: str) -> None:
    template.next_category = None
    if before and template.category:
        template.recategorised_from = before
        ring(template, "recategorised", before=before)


def _announced(template: MessageTemplate, coming: str) -> None:
    """A day ahead Meta tells what it will charge it as; "" was seen by somebody."""
    if coming == template.category:
        template.next_category = None
    elif template.next_category is None:
        template.next_category = coming
        ring(template, "announced", coming=coming)


def ring(template: MessageTemplate, what: str, **facts: str | None) -> None:
    """The bell rings: one of BAD or LOST, announced (another price), recategorised."""
    told = {"what": what, "template": template.name, "language": template.language}
    about = None if template.state == "deleted" else template  # that has no page any more
    notifications.tell("template_paused", template=about, facts=told | facts)


def announced_for(templates: Iterable[MessageTemplate]) -> dict[str | None, datetime]:
    """Meta's id → when the announced category will be charged; those for which Meta has told."""
    about = ChannelEvent.payload["message_template_id"].as_string()
    at = ChannelEvent.payload["category_update_timestamp"].as_integer()
    told = (
        select(about, at)
        .where(
            ChannelEvent.field == "template_category_update",
            about.in_([template.meta_id for template in templates]),
            at.is_not(None),
        )
        .order_by(ChannelEvent.at)  # the last word is the one that stays
    )
    rows = db.session().execute(told)
    return {meta_id: datetime.fromtimestamp(moment, UTC) for meta_id, moment in rows}
