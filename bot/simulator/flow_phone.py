"""A form in the customer's hands: it asks the business's endpoint, shows, checks, and is sent."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cryptography.exceptions import InvalidTag

from bot.simulator import events, flow_line
from bot.simulator.flow_checks import parts
from bot.simulator.offers import choices_of
from bot.simulator.phones import Phones
from bot.simulator.world import Bubble, Customer, Flow, Json

log = logging.getLogger(__name__)

BLANK = re.compile(r"\$\{(data|form)\.(\w+)\}")
TEXTS = {
    "TextHeading": "heading",
    "TextSubheading": "subheading",
    "TextBody": "body",
    "TextCaption": "caption",
}
FIELDS = {
    "TextInput": "input",
    "TextArea": "area",
    "RadioButtonsGroup": "radio",
    "Dropdown": "dropdown",
}
BROKEN = "Something went wrong. Please try again later."
AGAIN = 421


@dataclass
class Sheet:
    """One form that is open on a phone."""

    id: str
    customer: str
    wamid: str
    index: int
    flow: str
    token: str
    screen: str = ""
    data: Json = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)
    trouble: str | None = None
    closed: bool = False
    sent: str | None = None


class FlowPhone(Phones):
    """Sheets live as long as the simulator: who closes a form begins anew, as on a phone."""

    _sheets: dict[str, Sheet]

    # --- the business's desk ----------------------------------------------------------------------

    def keep_flow(self, flow: Flow, **changes: Any) -> Flow:
        """The form is what it was, with these changes."""
        with self.turn():
            self.note("flow", **asdict(replace(flow, **changes)))
        return self.world.flows[flow.id]

    def judge_flow(self, flow: Flow | str, status: str) -> None:
        """A form is published, throttled, blocked or given up, and the business hears of it."""
        found = self.world.flows[flow] if isinstance(flow, str) else flow
        value = {
            "event": "FLOW_STATUS_CHANGE",
            "message": f"Flow {found.name} changed status from {found.status} to {status}",
            "flow_id": found.id,
            "old_status": found.status,
            "new_status": status,
        }
        with self.turn():
            self.keep_flow(found, status=status)
            self.emit(self.world.accounts[found.account], value, field="flows")

    def unpublishable(self, flow: Flow) -> str | None:
        """Why Meta would not publish it."""
        if flow.status != "DRAFT":
            return "Publishing Flow in invalid state: it is not a draft."
        if not flow.screens or flow.errors:
            return "Publishing Flow with validation errors: fix its Flow JSON first."
        if not flow.screens.get("data_api_version"):
            return None
        keys = [n for n in self.world.numbers.values() if n.account == flow.account]
        if not flow.endpoint:
            return "Missing Flow-level endpoint_uri."
        if not any(number.public_key for number in keys):
            return "No phone number of the account has a public key."
        if not any(self._is_active(flow, number.public_key) for number in keys):
            return f"The endpoint {flow.endpoint} did not answer the health check."
        return None

    def _is_active(self, flow: Flow, public_key: str | None) -> bool:
        if not public_key:
            return False
        status, told = self._exchange(flow, public_key, {"version": "3.0", "action": "ping"})
        return status == 200 and told == {"data": {"status": "active"}}

    # --- the customer's hands ---------------------------------------------------------------------

    def open_form(self, who: str | Customer, wamid: str, index: int = 0) -> Json:
        """The customer taps the button of a form; what the phone shows (see `sheet_view`)."""
        customer, bubble = self.customer(who), self.world.bubbles[wamid]
        parameters = _parameters(bubble)
        if choices_of(bubble)[index]["kind"] != "flow":
            raise ValueError("this choice opens no form")
        sheet = Sheet(
            id=secrets.token_hex(6),
            customer=customer.id,
            wamid=wamid,
            index=index,
            flow=str(parameters.get("flow_id")),
            token=str(parameters.get("flow_token") or "unused"),
        )
        vars(self).setdefault("_sheets", {})[sheet.id] = sheet
        flow = self.world.flows.get(sheet.flow)
        if flow is None or flow.status in ("DRAFT", "BLOCKED", "DEPRECATED"):
            sheet.trouble, sheet.closed = BROKEN, True
        elif parameters.get("flow_action") == "data_exchange":
            self._ask(sheet, {"action": "INIT"})
        else:
            first = parameters.get("flow_action_payload") or {}
            sheet.screen, sheet.data = str(first.get("screen")), first.get("data") or {}
        return self._view(sheet)

    def fill_form(self, form: str, values: dict[str, str]) -> Json:
        """The customer typed this and taps the button at the foot; what the phone shows then."""
        sheet = self._sheets[form]
        if sheet.closed:
            raise ValueError("this form is closed")
        fields = [part for part in self._parts(sheet) if part["type"] in FIELDS]
        names = [part["name"] for part in fields]
        stood = {part["name"]: sheet.typed.get(part["name"], part["value"]) for part in fields}
        sheet.typed |= {name: str(values.get(name, stood[name]) or "") for name in names}
        needed = [part["name"] for part in fields if part.get("required")]
        empty = [name for name in needed if not sheet.typed[name].strip()]
        if empty:
            raise ValueError(f"the button sleeps until these are filled in: {', '.join(empty)}")
        footer = next(part for part in self._parts(sheet, raw=True) if part["type"] == "Footer")
        action = footer["on-click-action"]
        payload = self._payload(sheet, action.get("payload") or {}, names)
        if action["name"] == "complete":
            self._complete(sheet, payload)
        else:
            self._ask(sheet, {"action": "data_exchange", "screen": sheet.screen, "data": payload})
        return self._view(sheet)

    def go_back(self, form: str) -> Json:
        """From the second screen to the one before, as the phone still has it."""
        sheet = self._sheets[form]
        flow = self.world.flows[sheet.flow]
        before = [name for name, then in _routes(flow).items() if sheet.screen in then]
        if before:
            sheet.screen, sheet.data = before[0], vars(sheet)["data"] | {"errors": {}}
        return self._view(sheet)

    def _ask(self, sheet: Sheet, question: Json) -> None:
        flow = self.world.flows[sheet.flow]
        number = self.world.numbers[self.world.bubbles[sheet.wamid].number]
        version = str((flow.screens or {}).get("data_api_version"))
        whole = {"version": version, "flow_token": sheet.token, **question}
        sheet.trouble = None
        status, told = self._exchange(flow, number.public_key or "", whole)
        if status == AGAIN:  # the key is fetched anew, once
            status, told = self._exchange(flow, number.public_key or "", whole)
        if status == 427:
            sheet.trouble, sheet.closed = str(told.get("error_msg") or BROKEN), True
        elif status != 200:
            sheet.trouble = BROKEN
        else:
            self._follow(sheet, flow, told, whole)

    def _follow(self, sheet: Sheet, flow: Flow, told: Json, question: Json) -> None:
        """The phone follows the answer, or tells the endpoint why it cannot."""
        screen, data = str(told.get("screen")), told.get("data") or {}
        if screen == "SUCCESS":
            self._complete(
                sheet, (data.get("extension_message_response") or {}).get("params") or {}
            )
            return
        wrong = _wrong(flow, sheet.screen, screen, data)
        if wrong:
            sheet.trouble = BROKEN
            log.warning("the form cannot follow its endpoint: %s", wrong)
            error = {"error": wrong.partition(":")[0], "error_message": wrong}
            number = self.world.numbers[self.world.bubbles[sheet.wamid].number]
            self._exchange(flow, number.public_key or "", question | {"data": error})
            return
        sheet.screen, sheet.data = screen, data
        sheet.trouble = data.get("error_message")

    def _complete(self, sheet: Sheet, params: Json) -> None:
        given = {key: value for key, value in params.items() if key != "flow_token"}
        sheet.sent = self.tap(sheet.customer, sheet.wamid, sheet.index, given=given)
        sheet.closed = True

    def _exchange(self, flow: Flow, public_key: str, question: Json) -> tuple[int, Json]:
        """Status and answer; 0 when nobody answered, or nothing that can be read."""
        if not public_key or not flow.endpoint:
            return 0, {}
        sent = flow_line.sealed(question, public_key)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            events.SIGNATURE: events.signature(sent.body, self._secret.decode()),
        }
        try:
            status, answer = self.exchange(flow.endpoint, sent.body, headers)
            return status, sent.open(answer) if status in (200, 427) else {}
        except (ValueError, InvalidTag) as error:
            log.warning("the endpoint's answer cannot be read: %s", type(error).__name__)
        except Exception as error:
            # Whatever broke, the endpoint has not answered: that is all a phone may know.
            log.info("endpoint not answered: %s", type(error).__name__)
        return 0, {}

    # --- what is shown ----------------------------------------------------------------------------

    def _view(self, sheet: Sheet) -> Json:
        """{form, title, screen, texts and fields in order, submit, trouble, closed, sent}."""
        flow = self.world.flows.get(sheet.flow)
        shown = list(self._parts(sheet)) if sheet.screen else []
        footer = next((part for part in shown if part["type"] == "Footer"), {})
        screen = _screen(flow, sheet.screen) if flow else {}
        return {
            "form": sheet.id,
            "title": screen.get("title", ""),
            "screen": sheet.screen,
            "back": bool(flow) and any(sheet.screen in then for then in _routes(flow).values()),
            "parts": [drawn for part in shown if (drawn := _drawn(part, sheet))],
            "submit": footer.get("label", ""),
            "trouble": sheet.trouble,
            "closed": sheet.closed,
            "sent": sheet.sent,
        }

    def _parts(self, sheet: Sheet, *, raw: bool = False) -> Iterator[Json]:
        """The visible components of the screen, their blanks filled; `raw`: as they are written."""
        flow = self.world.flows[sheet.flow]
        whole: Json = {}
        for part in parts(_screen(flow, sheet.screen).get("layout") or {}):
            filled = _filled(part, {"data": sheet.data})
            if part["type"] == "Form":
                whole = filled
            elif filled.get("visible", True) is not False:
                named = str(part.get("name"))
                facts = {
                    "value": (whole.get("init-values") or {}).get(named, ""),
                    "error": (whole.get("error-messages") or {}).get(named),
                }
                yield part if raw else filled | (facts if part["type"] in FIELDS else {})

    def _payload(self, sheet: Sheet, payload: Json, names: list[str]) -> Json:
        """What leaves: of fields that are not shown nothing is said."""
        values = {name: sheet.typed.get(name, "") for name in names}
        filled = _filled(payload, {"data": sheet.data, "form": values})
        return {key: value for key, value in filled.items() if value is not None}


def _parameters(bubble: Bubble) -> Json:
    found: Json = (bubble.content.get("action") or {}).get("parameters") or {}
    return found


def _routes(flow: Flow | None) -> dict[str, list[str]]:
    return ((flow.screens if flow else None) or {}).get("routing_model") or {}


def _screen(flow: Flow, name: str) -> Json:
    screens = (flow.screens or {}).get("screens") or []
    return next((screen for screen in screens if screen["id"] == name), {})


def _wrong(flow: Flow, before: str, screen: str, data: Json) -> str | None:
    """Why a phone cannot show this screen after that one."""
    declared = _screen(flow, screen).get("data")
    if declared is None:
        return f"unknown-screen: {screen}"
    routes = _routes(flow)
    near = (before, *routes.get(before, ()))
    if before and screen not in near and before not in routes.get(screen, ()):
        return f"invalid-screen-transition: {before} to {screen}"
    lacking = declared.keys() - data.keys()
    return f"missing-data: {', '.join(sorted(lacking))}" if lacking else None


def _filled(value: Any, known: dict[str, Json]) -> Any:
    """The value with its blanks filled; a blank that is the whole text keeps its type."""
    if isinstance(value, dict):
        return {key: _filled(each, known) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, known) for each in value]
    if not isinstance(value, str):
        return value
    if whole := BLANK.fullmatch(value):
        return known.get(whole[1], {}).get(whole[2]) if whole[1] in known else value
    return BLANK.sub(lambda blank: str(known.get(blank[1], {}).get(blank[2], blank[0])), value)


def _drawn(part: Json, sheet: Sheet) -> Json | None:
    kind = part["type"]
    if kind in TEXTS:
        return {"kind": TEXTS[kind], "text": part["text"]}
    if kind not in FIELDS:
        return None
    return {
        "kind": FIELDS[kind],
        "name": part["name"],
        "label": part["label"],
        "help": part.get("helper-text", ""),
        "type": part.get("input-type", "text"),
        "required": bool(part.get("required")),
        "most": part.get("max-chars") or part.get("max-length"),
        "value": sheet.typed.get(part["name"], part["value"]),
        "error": part["error"],
        "options": part.get("data-source"),
    }
