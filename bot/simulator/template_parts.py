"""What the phone draws of a template's buttons that are neither reply, link nor phone."""

from __future__ import annotations

from bot.simulator.world import Json

NAMES = {
    "COPY_CODE": "Copy code",
    "OTP": "Copy code",
    "CATALOG": "View catalog",
    "MPM": "View items",
    "SPM": "View",
    "FLOW": "Start",
    "VOICE_CALL": "Call",
    "REQUEST_CONTACT_INFO": "Share contact info",
}
KINDS = {"VOICE_CALL": "call", "REQUEST_CONTACT_INFO": "contact"}


def special_choice(button: Json, value: Json | None) -> Json | None:
    """The choice such a button is; None for the plain ones."""
    kind = str(button["type"]).upper()
    if kind not in NAMES:
        return None
    text, given = button.get("text") or NAMES[kind], value or {}
    if kind in ("COPY_CODE", "OTP"):
        code = given.get("coupon_code") or given.get("text") or button.get("example")
        return {"kind": "copy_code", "text": text, "code": code}
    if kind == "FLOW":
        action = given.get("action") or {}
        return {"kind": "flow", "text": text, "token": action.get("flow_token")}
    return {"kind": KINDS.get(kind, "cart"), "text": text}
