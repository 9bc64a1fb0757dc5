"""What Meta's pricing_analytics say of a number's last days (docs/whatsapp.md)."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bot.client import answer, client
from flows.costs import Point, Question
from models.types import Json

log = logging.getLogger(__name__)


def ask(question: Question) -> list[Point] | None:
    """Meta's sums of the days asked for; None when it could not be reached or told nothing.

    By the half-hour: whatever Meta calls a day, we cut it on the account's own calendar.
    """
    fields = (
        f"pricing_analytics.start({int(question.start.timestamp())})"
        f".end({int(question.end.timestamp())}).granularity(HALF_HOUR)"
        ".metric_types(COST,VOLUME).dimensions(PRICING_CATEGORY,PRICING_TYPE,PHONE)"
    )
    api = client(question.token).api
    ended, told = answer(
        lambda: api.send_raw_request("GET", f"/{question.waba_id}", params={"fields": fields})
    )
    if ended.ending != "accepted":
        log.warning("analytics of account %s: %s", question.waba_id, ended.detail)
        return None
    return _points(told)


def _points(told: Any) -> list[Point] | None:
    try:
        analytics = told.get("pricing_analytics")
        if analytics is None:
            return None
        return [_point(point) for part in analytics["data"] for point in part["data_points"]]
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        log.warning("unreadable analytics: %s", error)
        return None


def _point(told: Json) -> Point:
    cost = told.get("cost")
    return Point(
        start=datetime.fromtimestamp(int(told["start"]), UTC),
        phone=str(told["phone_number"]) if told.get("phone_number") else None,
        category=str(told.get("pricing_category") or ""),
        kind=str(told.get("pricing_type") or ""),
        volume=int(told.get("volume") or 0),
        # Meta adds prices up in binary fractions: 0.069 comes as 0.06899999999999999.
        micros=None if cost is None else round(Decimal(str(cost)) * 1_000_000),
    )
