"""Messages a customer answers with a tap: buttons, lists, links, products, requests."""

from __future__ import annotations

from uuid import UUID

from config import settings
from flows.errors import N_, Refused
from flows.messages import interactives
from flows.messages.queueing import SERVICE, queue, window_must_be_open
from models.conversation import Conversation
from models.message import Media, Message, Origin
from models.types import Json
from models.user import Membership


def queue_interactive(
    conversation: Conversation,
    body: Json,
    *,
    media: Media | None = None,
    by: Membership | None = None,
    client_id: UUID | None = None,
    reply_to: str | None = None,
    origin: Origin = Origin.AGENT,
) -> Message:
    """A body of `interactives` on its way; `media` is the file above its text.

    Invalid with every field that Meta would refuse; refused outside the 24-hour window.
    """
    if media is not None:
        body = body | {"header": _above(media)}
    interactives.check(body)
    if body["type"] == "request_contact_info" and not settings().contact_request:
        raise Refused(
            "not_offered", N_("Asking for phone numbers is switched off on this install.")
        )
    window_must_be_open(conversation)
    return queue(
        conversation,
        kind="interactive",
        text=(body.get("body") or {}).get("text", ""),
        payload={"body": body},
        category=SERVICE,
        client_id=client_id,
        reply_to_wamid=reply_to,
        media_id=media.id if media else None,
        sender_id=by.id if by else None,
        origin=origin,
    )


def _above(media: Media) -> Json:
    """The header that this file will be; its id at Meta comes in when it leaves."""
    kind = media.mime_type.partition("/")[0]
    kind = kind if kind in interactives.FILES else "document"
    return {"type": kind, kind: {"filename": media.filename} if kind == "document" else {}}
