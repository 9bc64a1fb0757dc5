"""The bot's place beside a conversation: who has it, and the order of the bot that waits there."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, request, url_for

from flows import orders, threads
from flows.errors import Refused
from flows.talks import beside, drafts, leaving
from inbox import htmx, life
from inbox.auth import needs
from inbox.current import current
from inbox.languages import gettext as _
from inbox.orders import dialog, proposing, taking
from models.conversation import Conversation
from models.talk import OrderDraft

pages = Blueprint("beside", __name__)

Empty = tuple[str, int]


# --- who has the conversation ---------------------------------------------------------------------


@pages.post("/inbox/<uuid:conversation_id>/bot/take-over")
@needs("inbox.reply")
def take_over(conversation_id: UUID) -> Empty:
    """The bot keeps out of this conversation: whoever asks has it."""
    conversation = threads.find(conversation_id)
    talk, hours = beside.hold(conversation)
    leaving.take_over(conversation, talk, hours, by=current.member)
    return _seen()


@pages.post("/inbox/<uuid:conversation_id>/bot/give-back")
@needs("inbox.reply")
def give_back(conversation_id: UUID) -> Empty:
    """The bot answers here again, from the next message on."""
    conversation = threads.find(conversation_id)
    talk, _hours = beside.hold(conversation)
    leaving.give_back(conversation, talk, by=current.member)
    return _seen()


def _seen() -> Empty:
    # The screen follows by itself, also while the live stream is down.
    htmx.trigger("live", target="#newest")
    return "", 204


# --- the order that waits -------------------------------------------------------------------------


@pages.post("/drafts/<uuid:draft_id>/accept")
@needs("orders.create")
def accept(draft_id: UUID) -> taking.Answer:
    """The draft is an order, as it was shown; with something missing its dialog, and what."""
    draft = drafts.find(draft_id)
    conversation = threads.find(draft.conversation_id)
    try:
        order = orders.create(
            _form(draft, conversation), by=current.member, conversation=conversation
        )
        drafts.accept(draft, order, by=current.member)
    except Refused as refusal:
        life.undo()
        return _opened(draft_id, refusal)
    return taking.created(order)


def _form(draft: OrderDraft, conversation: Conversation) -> orders.NewOrder:
    cart = proposing.of_draft(draft).cart
    shown = request.form.get("amount_due", type=int)
    return drafts.form_of(cart, draft.id, conversation.channel.country, amount_due=shown)


def _opened(draft_id: UUID, refusal: Refused) -> tuple[str, int]:
    """The dialog filled from the draft, with what is wrong beside each field."""
    draft = drafts.find(draft_id)
    if refusal.code == "draft_settled":
        raise refusal
    conversation = threads.find(draft.conversation_id)
    begun = dialog.fresh(orders.prefill(conversation), proposal=proposing.of_draft(draft))
    return taking.shown(dialog.accused(begun, refusal)), refusal.status


@pages.post("/drafts/<uuid:draft_id>/dismiss")
@needs("orders.create")
def dismiss(draft_id: UUID) -> Empty:
    """Nobody makes an order of it; whoever did that by mistake takes it back."""
    draft = drafts.find(draft_id)
    drafts.dismiss(draft, by=current.member)
    url = url_for("beside.take_back", draft_id=draft.id)
    htmx.trigger("undoable", text=_("The order of the bot is put away."), undo=_("Undo"), url=url)
    return "", 204


@pages.post("/drafts/<uuid:draft_id>/take-back")
@needs("orders.create")
def take_back(draft_id: UUID) -> Empty:
    """What was dismissed waits again."""
    drafts.take_back(drafts.find(draft_id))
    return _seen()
