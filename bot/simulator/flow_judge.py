"""Meta's judgement on forms: published once the endpoint answers, throttled, blocked, given up."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from typing import Any

from cryptography.exceptions import InvalidTag

from bot.simulator import events, flow_line
from bot.simulator.office import Office
from bot.simulator.world import Flow, Json

log = logging.getLogger(__name__)


class FlowJudge(Office):
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
        if not flow.endpoint:
            return "Missing Flow-level endpoint_uri."
        numbers = list(self.world.numbers.values())
        keys = [n.public_key for n in numbers if n.account == flow.account and n.public_key]
        if not keys:
            return "No phone number of the account has a public key."
        if not any(self._is_active(flow, key) for key in keys):
            return f"The endpoint {flow.endpoint} did not answer the health check."
        return None

    def _is_active(self, flow: Flow, public_key: str) -> bool:
        told = self.ask_endpoint(flow, public_key, {"version": "3.0", "action": "ping"})
        return told == (200, {"data": {"status": "active"}})

    def ask_endpoint(self, flow: Flow, public_key: str, question: Json) -> tuple[int, Json]:
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
