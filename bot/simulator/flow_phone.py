"""A form in the customer's hands: it asks the business's endpoint, is typed into, and is sent."""

from __future__ import annotations

import logging
import secrets

from bot.simulator.flow_judge import FlowJudge
from bot.simulator.flow_sheet import FIELDS, Sheet, fill
from bot.simulator.offers import choices_of
from bot.simulator.phones import Phones
from bot.simulator.world import Customer, Json

log = logging.getLogger(__name__)

BROKEN = "Something went wrong. Please try again later."
OTHER_KEY, NOT_VALID = 421, 427


class FlowPhone(FlowJudge, Phones):
    """Sheets live as long as the simulator: who closes a form begins anew, as on a phone."""

    def open_form(self, who: str | Customer, wamid: str, index: int = 0) -> Json:
        """The customer taps the button of a form; what the phone shows (`Sheet.view`)."""
        customer, bubble = self.customer(who), self.world.bubbles[wamid]
        if choices_of(bubble)[index]["kind"] != "flow":
            raise ValueError("this choice opens no form")
        parameters: Json = (bubble.content.get("action") or {}).get("parameters") or {}
        flow = self.world.flows.get(str(parameters.get("flow_id")))
        token = str(parameters.get("flow_token") or "unused")
        sheet = Sheet(secrets.token_hex(6), customer.id, wamid, index, flow, token)
        self.sheets[sheet.id] = sheet
        if flow is None or flow.status in ("DRAFT", "BLOCKED", "DEPRECATED"):
            sheet.trouble, sheet.closed = BROKEN, True
        elif parameters.get("flow_action") == "data_exchange":
            self._ask(sheet, {"action": "INIT"})
        else:
            first = parameters.get("flow_action_payload") or {}
            sheet.go(str(first.get("screen")), first.get("data") or {})
        return sheet.view()

    def fill_form(self, form: str, values: dict[str, str]) -> Json:
        """The customer typed this and taps the button at the foot; what the phone shows then.

        ValueError while something needed is empty: the button sleeps.
        """
        sheet = self.sheets[form]
        if sheet.closed:
            raise ValueError("this form is closed")
        fields = {part["name"]: part for part in sheet.parts() if part["type"] in FIELDS}
        for name, part in fields.items():
            stood = sheet.typed.get(name, part["value"])
            sheet.typed[name] = str(values.get(name, stood) or "")
        empty = [n for n, p in fields.items() if p.get("required") and not sheet.typed[n].strip()]
        if empty:
            raise ValueError(f"the button sleeps until these are filled in: {', '.join(empty)}")
        self._tap_foot(sheet, {name: sheet.typed[name] for name in fields})
        return sheet.view()

    def go_back(self, form: str) -> Json:
        """To the screen before, as the phone still has it."""
        sheet = self.sheets[form]
        if sheet.before is not None:
            sheet.go(sheet.before, sheet.seen.get(sheet.before, {}) | {"errors": {}})
        return sheet.view()

    def _tap_foot(self, sheet: Sheet, shown: Json) -> None:
        action = sheet.footer["on-click-action"]
        filled = fill(action.get("payload") or {}, {"data": sheet.data, "form": shown})
        # Of fields that are not shown nothing is said.
        payload = {name: value for name, value in filled.items() if value is not None}
        if action["name"] == "complete":
            self._complete(sheet, payload)
        else:
            self._ask(sheet, {"action": "data_exchange", "screen": sheet.screen, "data": payload})

    def _ask(self, sheet: Sheet, question: Json) -> None:
        status, told = self._exchange(sheet, question)
        if status == OTHER_KEY:  # the key is fetched anew, once
            status, told = self._exchange(sheet, question)
        if status == 200:
            self._follow(sheet, told, question)
        elif status == NOT_VALID:
            sheet.trouble, sheet.closed = str(told.get("error_msg") or BROKEN), True
        else:
            sheet.trouble = BROKEN

    def _follow(self, sheet: Sheet, told: Json, question: Json) -> None:
        """The phone goes where the answer says, or tells the endpoint why it cannot."""
        screen, data = str(told.get("screen")), told.get("data") or {}
        if screen == "SUCCESS":
            response = data.get("extension_message_response") or {}
            self._complete(sheet, response.get("params") or {})
        elif wrong := sheet.unshowable(screen, data):
            sheet.trouble = BROKEN
            log.warning("the form cannot follow its endpoint: %s", wrong)
            error = {"error": wrong.partition(":")[0], "error_message": wrong}
            self._exchange(sheet, question | {"data": error})
        else:
            sheet.go(screen, data)

    def _complete(self, sheet: Sheet, params: Json) -> None:
        given = {key: value for key, value in params.items() if key != "flow_token"}
        sheet.sent = self.tap(sheet.customer, sheet.wamid, sheet.index, given=given)
        sheet.closed = True

    def _exchange(self, sheet: Sheet, question: Json) -> tuple[int, Json]:
        flow = sheet.flow
        assert flow is not None  # noqa: S101 - a form nobody knows is closed at once
        number = self.world.numbers[self.world.bubbles[sheet.wamid].number]
        version = str((flow.screens or {}).get("data_api_version"))
        whole = {"version": version, "flow_token": sheet.token, **question}
        return self.ask_endpoint(flow, number.public_key or "", whole)
