"""What Meta says of templates: its list, and what it tells between two looks at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from flows.events import TemplateNews
from models import db
from models.template import MessageTemplate
from models.types import Json, new_id, utcnow


def keep(waba_id: str, raws: Iterable[Mapping[str, Any]]) -> None:
    """The templates of this messaging account are as Meta lists them; unnamed ones are skipped."""
    rows = {(row["name"], row["language"]): row for raw in raws if (row := _row(waba_id, raw))}
    if not rows:
        return
    statement = insert(MessageTemplate).values(list(rows.values()))
    told: dict[str, Any] = {column: statement.excluded[column] for column in _TOLD}
    # What Meta has not judged yet must not hide what it said before.
    told["quality"] = func.coalesce(statement.excluded.quality, MessageTemplate.quality)
    db.session().execute(
        statement.on_conflict_do_update(
            index_elements=["merchant_id", "waba_id", "name", "language"], set_=told
        )
    )


_TOLD = ("meta_id", "category", "state", "named", "components", "reason", "synced_at")


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
    }


def _language(raw: Any) -> str:
    """Meta writes en_US, and sometimes en-US."""
    return str(raw or "").replace("-", "_")


def _reason(raw: Any) -> str | None:
    return None if str(raw or "NONE").upper() == "NONE" else str(raw)


def _quality(raw: Any) -> str | None:
    score = raw.get("score") if isinstance(raw, Mapping) else raw
    return None if str(score or "UNKNOWN").upper() == "UNKNOWN" else str(score).lower()


def hear(news: TemplateNews) -> None:
    """What Meta told about a template stands on its row; what it did not tell stays as it was."""
    for template in _meant(news):
        if news.status:
            template.state = news.status.lower()
            template.reason = _reason(news.reason)
        if news.category:
            template.category = news.category.lower()
        if news.quality:
            template.quality = _quality(news.quality)


def _meant(news: TemplateNews) -> Sequence[MessageTemplate]:
    wanted = select(MessageTemplate).where(MessageTemplate.waba_id == news.waba_id)
    if news.template_id:
        wanted = wanted.where(MessageTemplate.meta_id == news.template_id)
    else:
        wanted = wanted.where(
            MessageTemplate.name == news.name, MessageTemplate.language == news.language
        )
    return db.session().scalars(wanted).all()
