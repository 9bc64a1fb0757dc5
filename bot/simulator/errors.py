"""Graph's refusals: code, title and HTTP status as on Meta's page of error codes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import NamedTuple

from bot.simulator.problems import MORE_DETAILS, MORE_PROBLEMS
from bot.simulator.world import Json


class Problem(NamedTuple):
    http: int
    title: str


# Meta's page says 400 for the throttling codes, which is why clients must read the code.
PROBLEMS = {
    0: Problem(401, "AuthException"),
    1: Problem(400, "API Unknown"),
    2: Problem(503, "Service temporarily unavailable"),
    3: Problem(500, "API Method"),
    4: Problem(400, "Application request limit reached"),
    10: Problem(403, "Application does not have permission for this action"),
    33: Problem(400, "Parameter value is not valid"),
    100: Problem(400, "Invalid parameter"),
    190: Problem(401, "Error validating access token"),
    200: Problem(403, "Permissions error"),
    368: Problem(403, "Temporarily blocked for policies violations"),
    2500: Problem(400, "Unknown path components"),
    80007: Problem(400, "Rate limit issues"),
    80008: Problem(400, "There have been too many calls to this WhatsApp Business account"),
    130403: Problem(400, "This user is blocked by the business"),
    130429: Problem(400, "Rate limit hit"),
    130472: Problem(400, "User's number is part of an experiment"),
    130497: Problem(403, "Business account is restricted from messaging users in this country"),
    131000: Problem(500, "Something went wrong"),
    131005: Problem(403, "Access denied"),
    131008: Problem(400, "Required parameter is missing"),
    131009: Problem(400, "Parameter value is not valid"),
    131016: Problem(500, "Service unavailable"),
    131021: Problem(400, "Recipient cannot be sender"),
    131026: Problem(400, "Message undeliverable"),
    131030: Problem(400, "Recipient phone number not in allowed list"),
    131031: Problem(403, "Business Account locked"),
    131042: Problem(400, "Business eligibility payment issue"),
    131045: Problem(500, "Incorrect certificate"),
    131047: Problem(400, "Re-engagement message"),
    131048: Problem(400, "Spam Rate limit hit"),
    131049: Problem(
        400, "This message was not delivered to maintain healthy ecosystem engagement."
    ),
    131050: Problem(400, "User has stopped marketing messages"),
    131051: Problem(400, "Unsupported message type"),
    131052: Problem(400, "Media download error"),
    131053: Problem(400, "Media upload error"),
    131056: Problem(400, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: Problem(500, "Account in maintenance mode"),
    131062: Problem(400, "Business-scoped user ids are not supported for this message"),
    132000: Problem(400, "Number of parameters does not match the expected number of params"),
    132001: Problem(404, "Template name does not exist in the translation"),
    132005: Problem(400, "Translated text too long"),
    132007: Problem(400, "Template format character policy violated"),
    132012: Problem(400, "Parameter format does not match format in the created template"),
    132015: Problem(400, "Template is paused"),
    132016: Problem(400, "Template is disabled"),
    132018: Problem(400, "There is an issue with the parameters of the template"),
    133000: Problem(500, "Incomplete deregistration"),
    133004: Problem(503, "Server temporarily unavailable"),
    133010: Problem(400, "Phone number not registered"),
    134011: Problem(400, "WhatsApp Payments terms of service have not been accepted"),
    135000: Problem(400, "Generic user error"),
    137000: Problem(400, "Recipient identity key mismatch"),
}
PROBLEMS |= {code: Problem(*facts) for code, facts in MORE_PROBLEMS.items()}
TRANSIENT = {1, 2, 4, 80007, 130429, 131000, 131016, 131056, 131057, 133004, 613, 2494100}

WINDOW_CLOSED = (
    "Message failed to send because more than 24 hours have passed since the customer last "
    "replied to this number."
)
DETAILS = {
    130429: "Message failed to send because there were too many messages sent from this phone "
    "number in a short period of time",
    131026: "Message Undeliverable.",
    131047: WINDOW_CLOSED,
    131049: "In order to maintain a healthy ecosystem engagement, the message failed to be "
    "delivered.",
    131050: "Unable to deliver the message. This recipient has chosen to stop receiving marketing "
    "messages on WhatsApp from your business.",
    131056: "Message failed to send because there were too many messages sent from this phone "
    "number to the same phone number in a short period of time.",
}
DETAILS = MORE_DETAILS | DETAILS


def problem(code: int) -> Problem:
    return PROBLEMS.get(code, Problem(400, "Unknown error"))


def details_of(code: int) -> str:
    return DETAILS.get(code, problem(code).title)


@dataclass
class GraphError(Exception):
    """A refusal in Graph's own words; nothing was accepted."""

    code: int
    details: str | None = None
    subcode: int | None = None
    http: int | None = None
    message: str | None = None
    type: str = "OAuthException"
    user_title: str | None = None
    retry_after: float | None = None

    @property
    def status(self) -> int:
        return self.http or problem(self.code).http

    def body(self) -> Json:
        """{"error": {...}} with a fresh fbtrace_id."""
        facts: Json = {
            "message": self.message or f"(#{self.code}) {problem(self.code).title}",
            "type": self.type,
            "code": self.code,
        }
        if self.code in TRANSIENT:
            facts["is_transient"] = True
        if self.user_title:
            facts |= {"error_user_title": self.user_title, "error_user_msg": self.details}
        elif self.details:
            facts["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.subcode:
            facts["error_subcode"] = self.subcode
        return {"error": facts | {"fbtrace_id": "A" + secrets.token_urlsafe(16)}}


def bad_token() -> GraphError:
    """The token is wrong, expired or revoked."""
    message = "Error validating access token: The session is invalid or has expired."
    return GraphError(190, message=message, subcode=463)


def unknown_object(object_id: str, method: str = "get") -> GraphError:
    """Graph's one answer for "does not exist" and "belongs to somebody else"."""
    message = (
        f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, "
        "cannot be loaded due to missing permissions, or does not support this operation. "
        "Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api"
    )
    return GraphError(100, subcode=33, message=message, type="GraphMethodException")


def missing(parameter: str) -> GraphError:
    return GraphError(100, message=f"(#100) The parameter {parameter} is required.")
