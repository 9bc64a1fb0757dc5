"""What people and automations ask to send becomes a row that will leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from flows import consents, conversations, costs, customers, live, outbox, templates
from flows.errors import N_, Refused
from flows.messages import limits
from models import db
from models.conversation import Conversation
from models.message import Direction, Media, Message, Origin, Sending
from models.order import Order
from models.template import MessageTemplate
from models.types import Json, clean, new_id, utcnow
from models.user import Membership

SERVICE = "service"
MAX_TEXT = limits.TEXT
MEDIA_KINDS = ("image", "video", "audio", "document", "sticker")
WORDLESS = ("audio", "sticker")
VOICE = "audio/ogg"


def find(message_id: UUID) -> Message | None:
    return (
        db.session()
        .scalars(
            select(Message)
            .where(Message.id == message_id)
            .options(joinedload(Message.conversation))
        )
        .first()
    )


def queue_text(
    conversation: Conversation,
    text: str,
    *,
    preview: bool = True,
    by: Membership | None = None,
    client_id: UUID | None = None,
    reply_to: str | None = None,
    origin: Origin = Origin.AGENT,
) -> Message:
    """A text on its way to the customer; refused outside the 24-hour window, empty or too long."""
    text = clean(text).strip()
    if not text:
        raise Refused("empty", N_("There is nothing to send."))
    if len(text) > MAX_TEXT:
        raise Refused("too_long", N_("WhatsApp takes at most {limit} characters."), limit=MAX_TEXT)
    window_must_be_open(conversation)
    return queue(
        conversation,
        kind="text",
        text=text,
        payload={"preview_url": preview and "https://" in text},
        category=SERVICE,
        client_id=client_id,
        reply_to_wamid=reply_to,
        sender_id=by.id if by else None,
        origin=origin,
    )


def queue_media(
    conversation: Conversation,
    kind: str,
    *,
    media: Media | None = None,
    link: str | None = None,
    caption: str = "",
    voice: bool = False,
    by: Membership | None = None,
    client_id: UUID | None = None,
    reply_to: str | None = None,
    origin: Origin = Origin.AGENT,
) -> Message:
    """A picture, film, sound, sticker or document, uploaded by us or fetched by Meta from `link`.

    `voice` makes a sound a voice note: WhatsApp plays Ogg with Opus as one, nothing else.
    """
    if kind not in MEDIA_KINDS or (media is None) == (link is None):
        raise ValueError("one of media or link, of a kind WhatsApp knows")
    caption = clean(caption).strip()
    limits.refuse(_media_wrong(kind, media, link, caption, voice=voice))
    window_must_be_open(conversation)
    body = {"link": link} if link else {"filename": media.filename} if media else {}
    return queue(
        conversation,
        kind=kind,
        text=caption,
        payload=body | ({"body": {"voice": True}} if voice else {}),
        category=SERVICE,
        client_id=client_id,
        reply_to_wamid=reply_to,
        media_id=media.id if media else None,
        sender_id=by.id if by else None,
        origin=origin,
    )


def _media_wrong(
    kind: str, media: Media | None, link: str | None, caption: str, *, voice: bool
) -> limits.Wrong:
    yield from limits.sized("text", caption, limits.CAPTION, needed=False)
    if caption and kind in WORDLESS:
        yield "text", Refused("no_caption", N_("Nothing can be written under this kind of file."))
    if voice and (kind != "audio" or (media is not None and media.mime_type != VOICE)):
        yield "file", Refused("voice", N_("WhatsApp takes voice notes as Ogg with Opus only."))
    if link is not None:
        yield from limits.linked("link", link)


def queue_template(
    conversation: Conversation,
    template: MessageTemplate,
    values: Mapping[str, str | Json],
    *,
    origin: Origin,
    by: Membership | None = None,
    order: Order | None = None,
    payloads: dict[int, str] | None = None,
    run_id: UUID | None = None,
    client_id: UUID | None = None,
    reply_to: str | None = None,
) -> Message:
    """An approved template, every blank filled ({"body.1": "Fatima"}); allowed at any time.

    A value may be Meta's own parameter ({"type": "currency", …}) in place of a text.
    """
    if not template.approved:
        raise Refused("template_state", N_("Meta has not approved this template (yet)."))
    if template.waba_id != conversation.channel.waba_id:
        raise Refused("template_account", N_("This template belongs to another WhatsApp account."))
    templates.check_values(template, values)
    rendered = templates.render(template, templates.shown_values(values))
    file = templates.file_of(template)
    return queue(
        conversation,
        kind="template",
        text=rendered.text,
        payload={
            "name": template.name,
            "language": template.language,
            "named": template.named,
            "values": dict(values),
            "payloads": {str(index): payload for index, payload in (payloads or {}).items()},
            "header": rendered.header,
            "body": rendered.body,
            "footer": rendered.footer,
            "buttons": [button.text for button in rendered.buttons],
            **templates.shape_of(template, file),
            **({"card_media": template.card_media} if template.card_media else {}),
            **(
                {"shown_cards": [asdict(card) for card in rendered.cards]} if rendered.cards else {}
            ),
        },
        media_id=file.id if file else None,
        category=template.category,
        client_id=client_id,
        reply_to_wamid=reply_to,
        template_id=template.id,
        order_id=order.id if order else None,
        run_id=run_id,
        sender_id=by.id if by else None,
        origin=origin,
    )


def window_must_be_open(conversation: Conversation) -> None:
    """Refused when only templates may be sent: the customer has been silent for 24 hours."""
    if not conversation.window_open:
        raise Refused(
            "window_closed",
            N_("More than 24 hours have passed since the customer last wrote. Send a template."),
        )


def queue(
    conversation: Conversation, *, category: str, quiet: bool = False, **values: Any
) -> Message:
    """The row that will leave; the same client_id twice is the same message.

    A quiet one is not what the list shows of the conversation, and answers nobody.
    """
    session = db.session()
    estimate = costs.estimate(
        conversation.channel,
        phone=conversation.identity.phone,
        user_id=conversation.identity.user_id,
        category=category,
        window_open=conversation.window_open,
    )
    now = utcnow()
    statement = (
        insert(Message)
        .values(
            merchant_id=session.merchant_id,
            id=new_id(),
            conversation_id=conversation.id,
            channel_id=conversation.channel_id,
            direction=Direction.OUT,
            sending=Sending.QUEUED,
            due_at=now,
            at=now,
            created_at=now,
            attempt=0,
            category=category,
            estimate_micros=estimate.micros,
            estimate_currency=estimate.currency,
            **values,
        )
        .on_conflict_do_nothing(index_elements=["merchant_id", "conversation_id", "client_id"])
        .returning(Message)
    )
    message = session.scalars(statement).first()
    if message is None:
        return session.scalars(
            select(Message).where(
                Message.conversation_id == conversation.id,
                Message.client_id == values["client_id"],
            )
        ).one()
    if not quiet:
        conversations.show_last(message)
    outbox.deliver(conversation.channel_id)
    live.changed("inbox", f"conversation:{conversation.id}")
    return message


def send_again(message: Message) -> None:
    """A person decided: a failed or uncertain message goes out once more, knowing the risk.

    Refused as a new one would be: window_closed, blocked, no_consent, template_state, ….
    Of a failed one Meta's name and reports are forgotten here (its statuses and attempts stay):
    the next attempt has its own.
    """
    # Locked and read anew: a double click or a status may have decided meanwhile.
    db.session().refresh(message, with_for_update={"key_share": True, "of": Message})
    if message.sending not in (Sending.FAILED, Sending.UNCERTAIN):
        raise Refused("not_ended", N_("This message is still on its way."))
    _check_welcome(message)
    if message.sending is Sending.FAILED:
        message.wamid = message.rank = None
        message.sent_at = message.delivered_at = message.read_at = message.accepted_at = None
    message.sending = Sending.QUEUED
    message.due_at = utcnow()
    message.reason = message.error_code = message.error_detail = message.failed_at = None
    message.unsettle()
    message.tries, message.tried_since = 0, None
    outbox.deliver(message.channel_id)
    live.changed(f"conversation:{message.conversation_id}", "runs", "troubles")


def _check_welcome(message: Message) -> None:
    """Refused when today nobody may write this to the customer."""
    identity = message.conversation.identity
    customers.check_not_blocked(identity.customer)
    if message.kind != "template":
        window_must_be_open(message.conversation)
        return
    wanted = select(MessageTemplate).where(MessageTemplate.id == message.template_id)
    template = db.session().scalars(wanted).first()
    if template is None:
        raise Refused("template_state", N_("Meta has not approved this template (yet)."))
    templates.check_sendable(template)
    consents.check_may_send(template, identity.customer, identity)
