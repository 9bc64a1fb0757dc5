"""What Meta refuses at once when a template is created or changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from bot.simulator.errors import GraphError, missing
from bot.simulator.filled import VARIABLE
from bot.simulator.world import Account, Json, Template, World

NAME = re.compile(r"[a-z0-9_]{1,512}")
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
FILES = {
    "IMAGE": ("image/jpeg", "image/jpg", "image/png"),
    "VIDEO": ("video/mp4",),
    "DOCUMENT": ("application/pdf",),
}
EDGE = re.compile(r"^\s*\{\{|\}\}\s*$")
EMOJI = re.compile("[\u231a-\u2bff\U0001f000-\U0001faff]")
EDITABLE = ("APPROVED", "REJECTED", "PAUSED")
PROMOTIONAL = re.compile(
    r"(?i)\b(promo\w*|remises?|soldes?|offres?|offerte?s?|gratuite?s?|discount|sale|deals?|"
    r"free|coupons?|profitez)\b|\d+ ?%|خصم|تخفيض|عروض|مجان"
)
HOUR, DAY = 3600.0, 86_400.0
AN_HOUR, BLOCKED_DAYS, A_MONTH = 100, 30, 10


def check_new(world: World, account: Account, body: Any, now: float) -> Json:
    """The facts of a template that goes to review, or GraphError as Meta words it."""
    facts = body if isinstance(body, dict) else {}
    for field in ("name", "language", "category", "components"):
        if not facts.get(field):
            raise missing(field)
    if not NAME.fullmatch(facts["name"]):
        raise _refusal(2388044, "Invalid name", "Only a-z, 0-9 and _ are allowed in the name.")
    _check_room(world, account, facts, now)
    return {
        "name": facts["name"],
        "language": facts["language"],
        "status": "PENDING",
        "submitted_at": now,
        **check_content(world, account, facts),
    }


def check_edit(world: World, template: Template, body: Any, now: float) -> Json:
    """The facts that replace those of a template, or GraphError as Meta words it."""
    facts = body if isinstance(body, dict) else {}
    if template.status not in EDITABLE:
        text = f"A template in the state {template.status} can't be edited."
        raise _refusal(2388039, "Message template can't be edited", text)
    category = str(facts.get("category") or template.category).upper()
    recent = [at for at in template.edited_at if at > now - 30 * DAY]
    if template.status == "APPROVED":
        if category != template.category:
            text = "The category of an approved template can't be changed."
            raise _refusal(2388039, "Category can't be changed", text)
        if len(recent) >= A_MONTH or any(at > now - DAY for at in recent):
            text = "An approved template can be edited once a day and 10 times in 30 days."
            raise GraphError(100, text, message="Invalid parameter", user_title="Edit limit")
        recent.append(now)
    account = world.accounts[template.account]
    asked = {"components": template.components, **facts, "category": category}
    content = check_content(world, account, asked, template)
    return content | {"status": "PENDING", "submitted_at": now, "edited_at": recent}


def check_content(
    world: World, account: Account, facts: Json, template: Template | None = None
) -> Json:
    """Category, format and components, or GraphError."""
    category = str(facts["category"]).upper()
    if category not in CATEGORIES:
        raise GraphError(100, message=f"(#100) Param category must be one of {CATEGORIES}")
    format_ = str(facts.get("parameter_format") or "POSITIONAL").upper()
    components = [_plain(component) for component in facts["components"]]
    parts = {component["type"]: component for component in components}
    for part, check in CHECKS.items():
        check(world, parts.get(part) or {}, format_)
    _check_twin(world, account, parts, template)
    promotional = category == "UTILITY" and PROMOTIONAL.search(_words(components))
    return {
        # Since April 2025 Meta decides, and does not ask whether it may.
        "category": "MARKETING" if promotional else category,
        "parameter_format": format_,
        "components": components,
    }


def _check_room(world: World, account: Account, facts: Json, now: float) -> None:
    key = (account.id, facts["name"], facts["language"])
    if world.template(*key):
        text = "There is already content in this language for this template."
        raise _refusal(2388024, "Content in this language already exists", text)
    if world.deleted_at.get(key, 0.0) > now - BLOCKED_DAYS * DAY:
        text = "New content can't be added while the existing content is being deleted."
        raise _refusal(2388023, "Message template language is being deleted", text)
    if sum(at > now - HOUR for at in world.created_at.get(account.id, [])) >= AN_HOUR:
        raise GraphError(80008, "There have been too many calls to this account. Wait a bit.")


# --- the parts ------------------------------------------------------------------------------------


def _check_header(world: World, header: Json, format_: str) -> None:
    shape = str(header.get("format") or "TEXT").upper()
    if shape in FILES:
        handles = (header.get("example") or {}).get("header_handle") or [""]
        if world.samples.get(handles[0]) not in FILES[shape]:
            raise _refusal(2388043, "Missing example", f"Header of type {shape} needs an example.")
    text = header.get("text") or ""
    if len(text) > 60 or len(VARIABLE.findall(text)) > 1 or "\n" in text or EMOJI.search(text):
        raise _refusal(2388047, "Message header format is incorrect", "Look at the header.")
    _check_examples(header, "header", format_)


def _check_body(_: World, body: Json, format_: str) -> None:
    text = body.get("text")
    if not text:
        raise missing("components[BODY]['text']")
    if len(text) > 1024:
        raise _refusal(2388040, "Too long", "The body has more than 1024 characters.")
    if EDGE.search(text):
        why = "Variables can't be at the start or end of the template."
        raise _refusal(2388299, "Leading or trailing params not allowed", why)
    blanks = list(dict.fromkeys(VARIABLE.findall(text)))
    wanted = [str(n) for n in range(1, len(blanks) + 1)]
    if format_ == "POSITIONAL" and blanks != wanted:
        raise _refusal(2388072, "Message body format is incorrect", "Variables are not in order.")
    if len(re.findall(r"\w+", VARIABLE.sub(" ", text))) < 2 * len(blanks) + (1 if blanks else 0):
        why = "This template has too many variables for its length."
        raise _refusal(2388293, "Parameters words ratio exceeds limit", why)
    _check_examples(body, "body", format_)


def _check_examples(component: Json, part: str, format_: str) -> None:
    blanks = set(VARIABLE.findall(component.get("text") or ""))
    example = component.get("example") or {}
    if format_ == "NAMED":
        said: list[Any] = example.get(f"{part}_text_named_params") or []
    else:
        said = example.get(f"{part}_text") or []
        said = said[0] if said and isinstance(said[0], list) else said
    if len(said) < len(blanks) or not all(said):
        raise _refusal(2388043, "Missing example", "Every variable needs an example.")


def _check_footer(_: World, footer: Json, _format: str) -> None:
    text = footer.get("text") or ""
    if len(text) > 60 or "{{" in text or "\n" in text or EMOJI.search(text):
        raise _refusal(2388073, "Message footer format is incorrect", "Look at the footer.")


def _check_buttons(_: World, component: Json, _format: str) -> None:
    buttons = component.get("buttons") or []
    kinds = [str(button.get("type")).upper() for button in buttons]
    if len(buttons) > 10:
        raise _refusal(2388040, "Too many buttons", "A template has at most 10 buttons.")
    if kinds.count("URL") > 2 or kinds.count("PHONE_NUMBER") > 1 or kinds.count("COPY_CODE") > 1:
        raise _refusal(2388060, "Too many buttons", "At most two links and one phone number.")
    if sum((a == "QUICK_REPLY") != (b == "QUICK_REPLY") for a, b in pairwise(kinds)) > 1:
        raise _refusal(2388060, "Buttons are mixed", "Quick replies must stand together.")
    for button in buttons:
        _check_button(button)


def _check_button(button: Json) -> None:
    text, url = str(button.get("text") or ""), str(button.get("url") or "")
    if button.get("type") != "COPY_CODE" and not 1 <= len(text) <= 25:
        raise _refusal(2388040, "Too long", "A button has 1 to 25 characters.")
    if "{{" in text or "\n" in text or EMOJI.search(text):
        why = "Buttons can't have any variables, newlines, emojis, or formatting characters."
        raise _refusal(2388060, "Button format is incorrect", why)
    if "{{" in url and not (url.endswith("{{1}}") and button.get("example")):
        raise _refusal(2388043, "Missing example", "A link ends with {{1}} and has an example.")


def _check_carousel(world: World, component: Json, format_: str) -> None:
    cards = component.get("cards")
    if cards is None:
        return
    if not 2 <= len(cards) <= 10:
        raise _refusal(2388040, "Too many cards", "A carousel has 2 to 10 cards.")
    shapes = set()
    for card in cards:
        parts = {str(part["type"]).upper(): part for part in card.get("components") or []}
        if "HEADER" not in parts:
            raise _refusal(2388043, "Missing header", "Every card needs a header.")
        _check_header(world, parts["HEADER"], format_)
        buttons = parts.get("BUTTONS", {}).get("buttons") or []
        shapes.add((parts["HEADER"].get("format"), tuple(b.get("type") for b in buttons)))
    if len(shapes) != 1:
        raise _refusal(2388060, "Cards differ", "All cards need the same components.")


CHECKS: dict[str, Callable[[World, Json, str], None]] = {
    "HEADER": _check_header,
    "BODY": _check_body,
    "FOOTER": _check_footer,
    "BUTTONS": _check_buttons,
    "CAROUSEL": _check_carousel,
}


def _check_twin(
    world: World, account: Account, parts: dict[str, Json], template: Template | None
) -> None:
    """The same body and footer as another template of the account."""
    mine = [(parts.get(part) or {}).get("text") for part in ("BODY", "FOOTER")]
    for other in list(world.templates.values()):
        if other.account != account.id or other is template or other.category == CATEGORIES[2]:
            continue
        theirs = {component["type"]: component.get("text") for component in other.components}
        if mine == [theirs.get("BODY"), theirs.get("FOOTER")]:
            why = f"The template {other.name} has the same content."
            raise GraphError(100, why, message="Invalid parameter", user_title="Duplicate content")


def _words(components: Iterable[Json]) -> str:
    buttons = [b for c in components for b in c.get("buttons") or []]
    return "\n".join(str(part.get("text") or "") for part in (*components, *buttons))


def _plain(component: Json) -> Json:
    return {**component, "type": str(component["type"]).upper()}


def _refusal(subcode: int, title: str, text: str) -> GraphError:
    message = "Invalid parameter"
    return GraphError(100, text, subcode=subcode, message=message, user_title=title)
