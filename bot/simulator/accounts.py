"""Tokens, accounts, numbers and their profiles: Graph's side, and what a trial may change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, jsonify, request

from bot.simulator import demo
from bot.simulator.asking import done, json_body
from bot.simulator.errors import GraphError, missing, unknown_object
from bot.simulator.line import asked
from bot.simulator.listing import picked
from bot.simulator.world import SCOPES, Account, Json, Number

if TYPE_CHECKING:
    from bot.simulator.simulator import Simulator

APP = "1"
PROFILE = ("about", "address", "description", "email", "websites", "vertical")
LIMITS = {"about": 139, "address": 256, "description": 512, "email": 128}
OF_ACCOUNT = ("funded", "review", "scopes", "revoked")
OF_NUMBER = ("quality", "limit", "status", "name_status", "throughput", "on_phone", "name")


def account_facts(account: Account) -> Json:
    facts: Json = {
        "id": account.id,
        "name": account.name,
        "currency": account.currency,
        "country": account.country,
        "status": "ACTIVE",
        "account_review_status": account.review,
        "timezone_id": "1",
    }
    return facts | ({"primary_funding_id": "1184"} if account.funded else {})


class AccountDesk:
    """Graph's answers about tokens and profiles."""

    sim: Simulator
    account: Any

    def debug_token(self) -> Response:
        """What the token named is worth, told to whoever has one that is worth something."""
        self.account()
        token = request.args.get("input_token", "")
        if not token:
            raise missing("input_token")
        known = self.sim.world.accounts.get(token.removeprefix(demo.TOKEN).split("-")[0])
        valid = token.startswith(demo.TOKEN) and known and token not in known.revoked
        if not known or not valid:
            wrong = {"code": 190, "message": "The session is invalid", "subcode": 463}
            return jsonify({"data": {"is_valid": False, "error": wrong, "scopes": []}})
        facts = {"app_id": APP, "type": "SYSTEM_USER", "application": "Wasl", "expires_at": 0}
        return jsonify({"data": facts | {"is_valid": True, "scopes": known.scopes}})

    def permissions(self) -> Response:
        granted: list[str] = self.account().scopes
        states = {scope: "granted" if scope in granted else "declined" for scope in SCOPES}
        listed = [{"permission": scope, "status": state} for scope, state in states.items()]
        return jsonify({"data": listed})

    def profile(self, object_id: str) -> Response:
        number = self._own(object_id)
        facts = {"messaging_product": "whatsapp"} | number.profile
        return jsonify({"data": [picked(facts)]})

    def change_profile(self, object_id: str) -> Response:
        number, body = self._own(object_id), json_body()
        if body.get("messaging_product") != "whatsapp":
            raise missing("messaging_product")
        for name, limit in LIMITS.items():
            if len(str(body.get(name, ""))) > limit:
                raise GraphError(100, f"{name} must be at most {limit} characters long")
        if body.get("about") == "":
            raise GraphError(100, "about must not be empty")
        self._take_profile(number, body)
        return jsonify({"success": True})

    def _take_profile(self, number: Number, body: Json) -> None:
        told = {name: body[name] for name in PROFILE if name in body}
        if handle := body.get("profile_picture_handle"):
            if handle not in self.sim.world.samples:
                raise GraphError(100, "Invalid profile picture handle")
            told["profile_picture_url"] = f"https://pps.whatsapp.net/{number.id}.jpg"
        kept = {name: value for name, value in (number.profile | told).items() if value}
        with self.sim.turn():
            self.sim.note("number_changed", number=number.id, facts={"profile": kept})

    def _own(self, object_id: str) -> Number:
        account: Account = self.account()
        number = self.sim.world.numbers.get(object_id)
        if number is None or number.account != account.id:
            raise unknown_object(object_id, request.method)
        return number


class AccountRoom:
    """What a trial may change of accounts and numbers, as Meta would."""

    def change_account(self, account_id: str) -> Response:
        body, sim = json_body(), asked()
        account = sim.world.accounts[account_id]
        with sim.turn():
            facts = {name: body[name] for name in OF_ACCOUNT if name in body}
            sim.note("account_changed", account=account.id, facts=facts)
            if "subscribed" in body:
                sim.note("subscribed", account=account.id, subscribed=bool(body["subscribed"]))
            if "review" in body:
                value = {"decision": body["review"]}
                sim.emit(account, value, field="account_review_update")
        return done()

    def change_number(self, number_id: str) -> Response:
        body, sim = json_body(), asked()
        number = sim.world.numbers[number_id]
        before = number.limit
        facts = {name: body[name] for name in OF_NUMBER if name in body}
        with sim.turn():
            sim.note("number_changed", number=number.id, facts=facts)
            for field, value in _webhooks(number, facts, before):
                sim.emit(sim.world.account_of(number.id), value, field=field)
        return done()


def _webhooks(number: Number, facts: Json, before: str) -> list[tuple[str, Json]]:
    """What Meta tells of such a change."""
    told: list[tuple[str, Json]] = []
    shown = "".join(filter(str.isdigit, number.display))
    quality = {"RED": "FLAGGED", "GREEN": "UNFLAGGED"}.get(facts.get("quality", ""))
    tiers = [*_TIERS, facts.get("limit", before)]
    if quality or "limit" in facts:
        grown = tiers.index(number.limit) >= tiers.index(before) if before in tiers else True
        event = quality or ("UPGRADE" if grown else "DOWNGRADE")
        value = {"display_phone_number": shown, "event": event, "current_limit": number.limit}
        told.append(("phone_number_quality_update", value | {"old_limit": before}))
    if facts.get("throughput") == "HIGH":
        value = {"display_phone_number": shown, "event": "THROUGHPUT_UPGRADE"}
        told.append(("phone_number_quality_update", value | {"current_limit": number.limit}))
    if "name_status" in facts:
        decision: Json = {"display_phone_number": shown, "decision": number.name_status}
        reason = None if number.name_status == "APPROVED" else "NAME_NOT_CONSISTENT"
        value = decision | {"requested_verified_name": number.name, "rejection_reason": reason}
        told.append(("phone_number_name_update", value))
    return told


_TIERS = ("TIER_50", "TIER_250", "TIER_1K", "TIER_2K", "TIER_10K", "TIER_100K", "TIER_UNLIMITED")
