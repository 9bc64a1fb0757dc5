"""How Graph lists and trims what it tells: fields, filters and cursors."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

from flask import request

from bot.simulator.errors import GraphError
from bot.simulator.world import Json, Number, Template

FILTERS = ("status", "category", "language", "name")
DEFAULT_FIELDS = ("name", "status", "category", "language", "components", "parameter_format")
PAGE = 25


def number_facts(number: Number) -> Json:
    return {
        "verified_name": number.name,
        "code_verification_status": "VERIFIED",
        "display_phone_number": number.display,
        "quality_rating": number.quality,
        "platform_type": "CLOUD_API",
        "throughput": {"level": number.throughput},
        "is_on_biz_app": number.on_phone,
        "status": number.status,
        "name_status": number.name_status,
        "account_mode": "LIVE",
        "whatsapp_business_manager_messaging_limit": number.limit,
        "id": number.id,
    }


def template_facts(template: Template) -> Json:
    return {
        "name": template.name,
        "parameter_format": template.parameter_format,
        "components": template.components,
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "rejected_reason": template.rejected_reason,
        "correct_category": template.correct_category or template.category,
        "quality_score": {"score": template.quality, "date": 1790000000},
        "id": template.id,
    }


def picked(facts: Json, default: tuple[str, ...] = ()) -> Json:
    """The facts the request's `fields` name (the id always), else the default ones, else all."""
    named = request.args.get("fields", "")
    wanted = tuple(filter(None, (field.strip() for field in named.split(",")))) or default
    if not wanted:
        return facts
    return {key: value for key, value in facts.items() if key in wanted or key == "id"}


def page(templates: list[Template]) -> Json:
    """One page of templates as the request asks: fields, filters, limit and after."""
    fitting = [template for template in templates if _fits(template)]
    limit = min(_integer("limit", PAGE), 1000)
    start = _position(request.args.get("after"))
    chunk = fitting[start : start + limit]
    paging: Json = {"cursors": {"before": _cursor(start), "after": _cursor(start + len(chunk))}}
    if start + limit < len(fitting):
        arguments = dict(request.args) | {"after": _cursor(start + limit)}
        paging["next"] = f"{request.base_url}?{urlencode(arguments)}"
    answer: Json = {"data": [picked(template_facts(t), DEFAULT_FIELDS) for t in chunk]}
    answer["paging"] = paging
    if "summary" in request.args:
        answer["summary"] = _summary(len(templates))
    return answer


def _fits(template: Template) -> bool:
    facts: dict[str, Any] = vars(template)
    asked = {key: request.args[key] for key in FILTERS if key in request.args}
    return all(_same(key, facts[key], value) for key, value in asked.items())


def _same(key: str, fact: str, value: str) -> bool:
    # Meta looks for the name anywhere in a template's name, and takes several statuses.
    return value in fact if key == "name" else fact in value.replace('"', "").strip("[]").split(",")


def _integer(name: str, default: int) -> int:
    value = request.args.get(name, "")
    return int(value) if value.isdigit() and int(value) > 0 else default


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def _position(cursor: str | None) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor)) if cursor else 0
    except ValueError:
        raise GraphError(131059, "Invalid cursor") from None


def _summary(count: int) -> Json:
    return {
        "total_count": count,
        "message_template_count": count,
        "message_template_limit": 250,
        "are_translations_complete": True,
    }
