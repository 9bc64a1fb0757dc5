"""Everything but messages and statuses: templates, accounts, calls, preferences, errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from bot.reader.parts import Place, first, identified, instant, need, part, person, text
from flows.events import AccountNews, Call, Fault, Json, Person, Preference, TemplateNews, Unknown

TEMPLATE_FIELDS = (
    "message_template_status_update",
    "message_template_quality_update",
    "message_template_components_update",
    "template_category_update",
)
ACCOUNT_FIELDS = (
    "account_update",
    "account_alerts",
    "account_review_update",
    "account_settings_update",
    "business_capability_update",
    "business_username_update",
    "flows",
    "partner_solutions",
    "payment_configuration_update",
    "phone_number_name_update",
    "phone_number_quality_update",
    "security",
)


def template(place: Place) -> TemplateNews:
    """What a change of any template field says."""
    value = place.value
    reason = first(value, "reason")
    return TemplateNews(
        **place.news(value),
        template_id=first(value, "message_template_id"),
        name=first(value, "message_template_name"),
        language=_underscored(first(value, "message_template_language")),
        status=first(value, "event"),
        reason=None if reason == "NONE" else reason,
        # Meta's "new_category" is today's, also where it announces another ("correct_category").
        category=first(value, "new_category", "message_template_category"),
        coming_category=first(value, "correct_category"),
        category_at=instant(value.get("category_update_timestamp")),
        quality=first(value, "new_quality_score"),
    )


def account(place: Place) -> AccountNews:
    """What a change of any account field says."""
    value = place.value
    news = place.news(value)
    # To a partner the entry names its own business; the account stands inside.
    inside = first(part(value, "waba_info"), "waba_id")
    event = first(value, "event", "decision", "alert_type", "solution_status", "status")
    return AccountNews(
        **news | {"waba_id": inside or news["waba_id"]},
        event=event or first(part(value, "alert_info"), "alert_type") or place.field,
        display_phone_number=first(value, "display_phone_number", "phone_number"),
    )


def preference(place: Place, item: Json) -> Iterator[Preference]:
    """A customer's wish; Malformed when it names nobody or no wish."""
    wisher = person(item.get("wa_id"), item.get("user_id"), item.get("parent_user_id"))
    yield Preference(
        **place.news(item),
        person=identified(place.people.complete(wisher)),
        category=first(item, "category") or "",
        value=need(item, "value"),
        detail=first(item, "detail") or "",
    )


def call(place: Place, item: Json) -> Iterator[Call]:
    """A call's event or its status; Malformed without an id."""
    direction = first(item, "direction")
    other = _other_end(item, direction)
    # Seen with both ends ours: then only the contact tells who it is.
    other = Person() if other.wa_id and other.wa_id == place.our_number else other
    yield Call(
        **place.news(item),
        call_id=need(item, "id"),
        event=first(item, "event", "status") or "",
        person=place.people.complete(other),
        direction=direction,
    )


def fault(place: Place, item: Json) -> Iterator[Fault]:
    """An error of the number itself."""
    yield Fault(
        **place.news(item),
        code=_code(item),
        title=first(item, "title", "message") or "",
        details=first(part(item, "error_data"), "details") or "",
    )


def unknown(place: Place, piece: object, reason: str) -> Unknown:
    """A piece kept as it came."""
    return Unknown(**place.news(piece), reason=reason)


def _underscored(language: str | None) -> str | None:
    return language and language.replace("-", "_")


def _other_end(item: Json, direction: str | None) -> Person:
    if "recipient_id" in item or "recipient_user_id" in item:
        return person(item.get("recipient_id"), item.get("recipient_user_id"))
    side = "to" if direction == "BUSINESS_INITIATED" else "from"
    return person(item.get(side), item.get(f"{side}_user_id"))


def _code(item: Json) -> int | None:
    with suppress(ValueError):
        return int(text(item.get("code")) or "")
    return None
