"""Every route, by everybody: nobody, each role, and the owner of another merchant.

A route that is not in TABLE fails the test: nothing new escapes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from flows import (
    arrivals,
    automations,
    bulk,
    catalog,
    messages,
    notifications,
    orders,
    permissions,
    pipeline,
    plans,
    team,
    templates,
)
from flows.customers import Number
from flows.orders import NewLine, NewOrder
from flows.talks import drafts
from flows.talks.cart import Cart, Line
from inbox.auth import needs_of
from models import db
from models.automation import Automation, Run
from models.catalog import Product
from models.channel import Channel
from models.conversation import Conversation
from models.db import Base, Row
from models.delivery import DeliveryCity, DeliveryZone
from models.envelope import Envelope, EnvelopeState
from models.merchant import Merchant
from models.message import Media, Message, Sending
from models.notice import Notice
from models.notification import Notification
from models.order import CallAttempt, Order
from models.pipeline import Stage, SystemState
from models.snippet import Snippet
from models.talk import Bot, OrderDraft, Phrase, Question, Turn
from models.team import CustomRole, Team
from models.template import MessageTemplate
from models.timeline import By
from models.types import fold, utcnow
from models.user import Membership, Role
from models.view import View
from tests import factories

CANARY = "Kanari-B-7f3a"
# What has been delivered: a sum that is an indicator (R12), and no price of anything.
SPENT = 733_117
TEMPLATE = {
    "name": f"{CANARY.lower().replace('-', '_')}",
    "language": "fr",
    "status": "APPROVED",
    "category": "UTILITY",
    "parameter_format": "POSITIONAL",
    "components": [
        {"type": "BODY", "text": f"{CANARY} {{{{1}}}}"},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": f"Oui {CANARY}"}]},
    ],
    "id": "1",
}

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True)
class Call:
    """How to call a route of the world below: names of its ids, and a form that would work."""

    ids: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)


CONVERSATION = {"conversation_id": "conversation"}
CUSTOMER = {"customer_id": "customer"}
ADDRESS = CUSTOMER | {"address_id": "address"}
ORDER = {"number": "number"}
STAGE = {"stage_id": "stage"}
PIPELINE = {"pipeline_id": "pipeline"}
A_TEMPLATE = {"template_id": "template"}
BULK = {"bulk_id": "bulk"}
RUN = {"run_id": "run"}
ZONE = {"zone_id": "zone"}
VIEW = {"view_id": "view"}
CHANNEL = {"channel_id": "channel"}
MEMBER = {"member_id": "colleague"}
TEAM = {"team_id": "team"}
ROLE = {"role_id": "custom_role"}
INVITATION = {"invitation_id": "invitation"}
BODY = {"envelope_id": "envelope"}
DRAFT = {"draft_id": "draft"}
CONTACT = {"message_id": "contact", "place": "first"}
PRODUCT = {"product_id": "product"}
QUESTION = {"question_id": "question"}
TURN = {"turn_id": "turn"}
AGREED = {"given": "1", "wording": "stolen"}
TABLE: dict[str, Call] = {
    "account.change": Call(form={"name": "x", "email": "x@example.com"}),
    "account.change_password": Call(form={"present": "x", "new": "x"}),
    "account.confirm_second_step": Call(form={"code": "000000"}),
    "account.end_browser": Call({"session": "browser"}),
    "account.end_others": Call(),
    "account.end_sessions": Call(MEMBER),
    "account.index": Call(),
    "account.renew_codes": Call(form={"codes_password": "x", "codes_code": "0"}),
    "account.require": Call(form={"role": "nobody"}),
    "account.reset_second_step": Call(MEMBER),
    "account.second_step": Call(),
    "account.security": Call(),
    "account.start_second_step": Call(form={"password": "x"}),
    "account.turn_off_second_step": Call(form={"off_password": "x", "off_code": "0"}),
    "audit.export": Call(),
    "audit.index": Call(),
    "auth.home": Call(),
    "auth.live_ticket": Call(),
    "automations.index": Call(),
    "automations.create": Call(form={"name": "x", "stage": "stage", "template": "template"}),
    "automations.edit": Call({"automation_id": "automation"}),
    "automations.change": Call({"automation_id": "automation"}, {"name": "stolen"}),
    "automations.switch": Call({"automation_id": "automation"}, {"active": ""}),
    "automations.new": Call(query={"stage": "stage", "template": "template"}),
    "automations.parts": Call(query={"stage": "stage", "template": "template"}),
    "beside.accept": Call(DRAFT),
    "beside.dismiss": Call(DRAFT),
    "beside.give_back": Call(CONVERSATION),
    "beside.take_back": Call(DRAFT),
    "beside.take_over": Call(CONVERSATION),
    "board.index": Call(),
    "board.column": Call({"stage_id": "stage"}),
    "board.older": Call({"stage_id": "stage"}, query={"before": "2026-01-01T00:00:00+00:00"}),
    "board.drop": Call({"number": "number"}, {"stage": "stage", "version": "2"}),
    "catalog.search": Call(query={"q": "kanari"}),
    "channels.ask_token": Call(CHANNEL),
    "channels.change": Call(CHANNEL, {"name": "stolen"}),
    "channels.create": Call(form={"name": "x", "phone_number_id": "1" * 15, "token": "x"}),
    "channels.dismiss": Call({"notice_id": "notice"}),
    "channels.edit": Call(CHANNEL),
    "channels.index": Call(),
    "channels.listed": Call(),
    "channels.look": Call(CHANNEL),
    "channels.new": Call(),
    "channels.pause": Call(CHANNEL),
    "channels.qr": Call(CHANNEL),
    "channels.remove": Call(CHANNEL),
    "channels.replace_token": Call(CHANNEL, {"token": "stolen"}),
    "channels.resume": Call(CHANNEL),
    "channels.show": Call(CHANNEL),
    "channels.starter": Call(),
    "channels.take_starter": Call(form={"language": "fr"}),
    "channels.test": Call(CHANNEL, {"phone": "0661000000", "template": "template"}),
    "conversations.index": Call(query={"q": "kanari"}),
    "conversations.listed": Call(query={"q": "kanari"}),
    "conversations.show": Call(CONVERSATION),
    "conversations.assignees": Call(CONVERSATION),
    "contacts.add": Call(CONTACT),
    "contacts.save": Call(CONTACT),
    "contacts.write": Call(CONTACT),
    "conversations.assign": Call(CONVERSATION, {"member": "member"}),
    "conversations.panel": Call(CONVERSATION),
    "conversations.read": Call(CONVERSATION),
    "conversations.refreshed": Call(CONVERSATION),
    "conversations.unread": Call(),
    "costs.index": Call(),
    "costs.ask_list": Call(),
    "costs.bring_in": Call(form={"text": "Market,Marketing\nMorocco,0.05", "currency": "USD"}),
    "costs.budget": Call(),
    "costs.export": Call(),
    "costs.lists": Call(),
    "costs.mean_to_spend": Call(form={"USD": "10"}),
    "costs.price_now": Call(),
    "costs.show": Call(query={"currency": "USD", "day": "2026-10-01"}),
    "costs.unpriced": Call(),
    "media.fetch": Call({"media_id": "media"}),
    "media.small": Call({"media_id": "media"}),
    "media.show": Call({"media_id": "media"}),
    "composing.ask": Call(CONVERSATION | {"kind": "location"}),
    "composing.found": Call(CONVERSATION | {"kind": "contact"}),
    "composing.send": Call(
        CONVERSATION | {"kind": "location"}, {"client_id": "uuid", "place": "1, 2"}
    ),
    "composing.typing": Call(CONVERSATION),
    "composing.react": Call({"message_id": "message"}, {"emoji": "👍"}),
    "composing.ask_forward": Call({"message_id": "message"}),
    "composing.forward": Call(
        {"message_id": "message"}, {"client_id": "uuid", "conversation": "conversation"}
    ),
    "library.index": Call(query={"q": "kanari"}),
    "library.found": Call(query={"q": "kanari"}),
    "library.new": Call(),
    "library.edit": Call({"snippet_id": "snippet"}),
    "library.create": Call(form={"name": "x", "text": "y"}),
    "library.change": Call({"snippet_id": "snippet"}, {"name": "stolen", "text": "y"}),
    "library.delete": Call({"snippet_id": "snippet"}),
    "messages.composer": Call(CONVERSATION),
    "messages.attach": Call(CONVERSATION, {"client_id": "uuid"}),
    "messages.send": Call(CONVERSATION, {"text": "stolen", "client_id": "uuid"}),
    "messages.template": Call(CONVERSATION | {"template_id": "template"}),
    "messages.send_template": Call(
        CONVERSATION | {"template_id": "template"}, {"client_id": "uuid"}
    ),
    "messages.preview": Call(CONVERSATION | {"template_id": "template"}),
    "messages.again": Call({"message_id": "message"}),
    "orders.create": Call(CONVERSATION, {"name": "stolen", "client_id": "uuid"}),
    "orders.new": Call(CONVERSATION),
    "orders.older": Call(CONVERSATION, query={"before": "999999"}),
    "orders.show": Call({"number": "number"}),
    "runs.index": Call(),
    "automations.copy": Call({"automation_id": "automation"}),
    "automations.delete": Call({"automation_id": "automation"}),
    "board.strip": Call(),
    "board.undo": Call(ORDER),
    "bot.add_question": Call(form={"name": "x", "answers.fr": "y"}),
    "bot.behaviour": Call(CHANNEL),
    "bot.change_behaviour": Call(CHANNEL, {"order_rule": "order", "silence_hours": "1"}),
    "bot.change_menu": Call(CHANNEL, {"order": "human", "item": "human"}),
    "bot.change_product": Call(PRODUCT, {"names": "stolen"}),
    "bot.change_question": Call(QUESTION, {"name": "stolen", "answers.fr": "y"}),
    "bot.change_texts": Call(CHANNEL, {"texts.greeting.fr": "stolen"}),
    "bot.delete_question": Call(QUESTION),
    "bot.dismiss": Call(TURN),
    "bot.edit_question": Call(QUESTION),
    "bot.forget": Call({"phrase_id": "phrase"}),
    "bot.form": Call(CHANNEL),
    "bot.index": Call(),
    "bot.learn": Call(form={"text": "x", "intent": "price"}),
    "bot.menu": Call(CHANNEL),
    "bot.new_question": Call(),
    "bot.order_questions": Call(form={"order": "question"}),
    "bot.preview": Call(CHANNEL, query={"key": "greeting", "language": "fr"}),
    "bot.product": Call(PRODUCT),
    "bot.products": Call(query={"q": "kanari"}),
    "bot.publish_form": Call(CHANNEL),
    "bot.questions": Call(),
    "bot.say": Call(CHANNEL, {"typed": "Bonjour"}),
    "bot.show": Call(CHANNEL),
    "bot.switch": Call(CHANNEL, {"on": "1"}),
    "bot.teach": Call(),
    "bot.texts": Call(CHANNEL),
    "bot.transcripts": Call(query={"number": "channel"}),
    "bot.try_it": Call(CHANNEL),
    "bot.turn": Call(TURN),
    "bulk.again": Call(BULK),
    "bulk.show": Call(BULK),
    "bulk.start": Call(form={"order": "order", "stage": "stage", "client_id": "uuid"}),
    "bulk.stop": Call(BULK),
    "bulk.undo": Call(BULK),
    "calls.conclude": Call(ORDER, {"outcome": "no_answer", "client_id": "uuid"}),
    "calls.index": Call(),
    "calls.next_order": Call(),
    "calls.numbers": Call(),
    "calls.release": Call(),
    "calls.renew": Call(ORDER),
    "calls.show": Call(ORDER),
    "calls.undo": Call({"attempt_id": "attempt"}),
    "calls.urgent": Call(ORDER),
    "calls.waiting": Call(),
    "customers.add_address": Call(CUSTOMER, {"line": "stolen", "city": "Fès"}),
    "customers.add_phone": Call(CUSTOMER, {"phone": "0661000000"}),
    "customers.ask_address": Call(CUSTOMER),
    "customers.ask_block": Call(CUSTOMER),
    "customers.ask_block_beside": Call(CONVERSATION),
    "customers.ask_consent": Call(CUSTOMER),
    "customers.ask_consent_beside": Call(CONVERSATION),
    "customers.ask_phone": Call(CUSTOMER),
    "customers.block": Call(CUSTOMER, {"reason": "stolen"}),
    "customers.block_beside": Call(CONVERSATION, {"reason": "stolen"}),
    "customers.change": Call(CUSTOMER, {"name": "stolen"}),
    "customers.change_address": Call(ADDRESS, {"line": "stolen", "city": "Fès"}),
    "customers.consent": Call(CUSTOMER, AGREED),
    "customers.consent_beside": Call(CONVERSATION, AGREED),
    "customers.edit": Call(CUSTOMER),
    "customers.edit_address": Call(ADDRESS),
    "customers.older": Call(CUSTOMER),
    "customers.remove_address": Call(ADDRESS),
    "customers.remove_phone": Call(CUSTOMER | {"phone_id": "phone"}),
    "customers.show": Call(CUSTOMER),
    "customers.unblock": Call(CUSTOMER),
    "customers.unblock_beside": Call(CONVERSATION),
    "delivery.ask_list": Call(),
    "delivery.bring_in": Call(form={"text": "Fès;20;15", "go": "1"}),
    "delivery.change": Call(ZONE, {"name": "stolen", "home": "1"}),
    "delivery.cities": Call(query={"q": "kanari"}),
    "delivery.create": Call(form={"name": "Nord", "home": "20", "cities": "Tanger"}),
    "delivery.delete": Call(ZONE),
    "delivery.edit": Call(ZONE),
    "delivery.export": Call(),
    "delivery.fee": Call(query={"city": "Fès"}),
    "delivery.index": Call(),
    "delivery.new": Call(),
    "delivery.set_usual": Call(form={"usual": "35"}),
    "message_templates.acknowledge": Call(A_TEMPLATE),
    "message_templates.attach": Call(A_TEMPLATE),
    "message_templates.change": Call(A_TEMPLATE, {"body": "stolen"}),
    "message_templates.create": Call(form={"name": "x", "body": "x"}),
    "message_templates.delete": Call(A_TEMPLATE),
    "message_templates.discard": Call(A_TEMPLATE),
    "message_templates.edit": Call(A_TEMPLATE),
    "message_templates.index": Call(query={"q": "kanari"}),
    "message_templates.leave": Call(A_TEMPLATE),
    "message_templates.new": Call(),
    "message_templates.preview": Call(form={"body": "x"}),
    "message_templates.refresh": Call(),
    "message_templates.show": Call(A_TEMPLATE),
    "message_templates.submit": Call(A_TEMPLATE),
    "message_templates.upload": Call(),
    "notifications.choose": Call(form={"kind": "review"}),
    "notifications.follow": Call({"notification_id": "notification"}),
    "notifications.index": Call(),
    "notifications.preferences": Call(),
    "notifications.read": Call(),
    "notifications.unread": Call(),
    "orders.begin": Call(),
    "orders.cancel_duplicate": Call(ORDER),
    "orders.change": Call(ORDER, {"name": "stolen", "version": "2"}),
    "orders.duplicate": Call(ORDER),
    "orders.edit": Call(ORDER),
    "orders.keep_both": Call(ORDER),
    "orders.known": Call(query={"phone": "0661234567"}),
    "orders.people": Call(query={"name": "kanari"}),
    "orders.seen": Call(ORDER, {"flag": "review"}),
    "orders.take": Call(form={"name": "x", "client_id": "uuid"}),
    "orders.twins": Call(query={"phone": "0661234567", "lines[0].name": "Sac"}),
    "picking.index": Call(),
    "pipeline.add_stage": Call(PIPELINE, {"name": "stolen", "color": "red"}),
    "pipeline.allow": Call(STAGE, {"all": "1"}),
    "pipeline.appear": Call(STAGE, {"active": ""}),
    "pipeline.change_stage": Call(STAGE, {"name": "stolen", "color": "red"}),
    "pipeline.create": Call(form={"preset": "services"}),
    "pipeline.delete_stage": Call(STAGE),
    "pipeline.describe": Call(PIPELINE, {"name": "stolen"}),
    "pipeline.edit": Call(PIPELINE),
    "pipeline.edit_stage": Call(STAGE),
    "pipeline.give_up": Call(PIPELINE),
    "pipeline.impact": Call(STAGE, query={"state": "shipped"}),
    "pipeline.index": Call(),
    "pipeline.leaving": Call(STAGE),
    "pipeline.matrix": Call(),
    "pipeline.new": Call(),
    "pipeline.new_stage": Call(PIPELINE),
    "pipeline.reorder": Call(PIPELINE, {"stage": "stage"}),
    "pulse.line": Call(),
    "rules.change": Call(form={"call_limit": "3", "call_again_minutes": "60"}),
    "rules.index": Call(),
    "runs.again": Call(RUN),
    "runs.cancel": Call(RUN),
    "runs.show": Call(RUN),
    "settings.index": Call(),
    "signup.moving_in": Call(),
    "signup.put_away": Call(),
    "troubles.bodies": Call(),
    "troubles.body": Call(BODY),
    "troubles.count": Call(),
    "troubles.deal": Call(form={"what": "discard", "reason": "stolen", "ids": "failed"}),
    "troubles.deal_runs": Call(form={"what": "discard", "reason": "stolen", "ids": "run"}),
    "troubles.discard_body": Call(BODY, {"reason": "stolen"}),
    "troubles.index": Call(),
    "troubles.messages": Call(query={"state": "failed", "cause": "undeliverable"}),
    "troubles.read_again": Call(BODY),
    "troubles.reopen": Call({"message_id": "failed"}),
    "troubles.reopen_run": Call(RUN),
    "troubles.runs": Call(query={"cause": "no_phone"}),
    "team.add_role": Call(form={"name": "x", "permission": "orders.read"}),
    "team.add_team": Call(form={"name": "x"}),
    "team.ask_disable": Call(MEMBER),
    "team.change_role": Call(MEMBER, {"role": "viewer"}),
    "team.change_role_of_ours": Call(ROLE, {"name": "stolen", "permission": "orders.read"}),
    "team.change_team": Call(TEAM, {"name": "stolen"}),
    "team.choose": Call(),
    "team.delete_role": Call(ROLE),
    "team.delete_team": Call(TEAM),
    "team.disable": Call(MEMBER),
    "team.edit_role": Call(ROLE),
    "team.edit_team": Call(TEAM),
    "team.enable": Call(MEMBER),
    "team.index": Call(),
    "team.invite": Call(form={"email": "somebody@example.com", "role": "viewer"}),
    "team.member": Call(MEMBER),
    "team.new_invitation": Call(),
    "team.new_role": Call(),
    "team.new_team": Call(),
    "team.resend": Call(INVITATION),
    "team.reset": Call(MEMBER),
    "team.sign_out": Call(MEMBER),
    "team.switch": Call(form={"merchant": "merchant"}),
    "team.withdraw": Call(INVITATION),
    "table.change": Call(VIEW, {"name": "stolen"}),
    "table.choose_columns": Call(form={"column": "number"}),
    "table.delete": Call(VIEW),
    "table.edit": Call(VIEW),
    "table.export_csv": Call(),
    "table.export_xlsx": Call(),
    "table.filters": Call(),
    "table.find": Call(query={"q": "kanari"}),
    "table.index": Call(query={"q": "kanari"}),
    "table.keep": Call(form={"name": "mine"}),
    "table.new": Call(),
}
# Open to everybody: they show nothing of a merchant.
PUBLIC = {
    "auth.language",
    "auth.second_step",
    "auth.second_step_form",
    "auth.sign_in",
    "auth.sign_in_form",
    "auth.sign_out",
    "auth.theme",
    "health.alive",
    "health.figures",
    "health.ready",
    "signup.create",
    "signup.form",
    "static",
    "team.accept",
    "team.ask",
    "team.join",
    "team.password",
    "team.send_link",
    "team.set_password",
    "vendor.file",
    "webhook.challenge",
    "webhook.forms.exchange",
    "webhook.receive",
}


@pytest.fixture
def world(merchant: Merchant, owner: Membership) -> SimpleNamespace:
    return build(merchant, owner)


def build(merchant: Merchant, owner: Membership) -> SimpleNamespace:
    """A merchant with the canary in every text people can write, and something of everything."""
    plans.change(merchant.id, "plus")
    colleague = factories.member(merchant, "viewer")
    with db.merchant(merchant.id) as session:
        conversation = _conversation()
        template = _template(conversation)
        stage = _stage(SystemState.NEW)
        automation = _automation(template, stage)
        number = _delivered_order(conversation, owner)
        media = Media(file="x", filename=CANARY, mime_type="text/plain", size=1, sha256="0")
        session.add(media)
        message = messages.queue_text(conversation, f"Bonjour {CANARY}", by=owner)
        order = orders.find(number)
        zone = DeliveryZone(name=CANARY, position=1, home=1000)
        zone.cities = [DeliveryCity(name=CANARY, key=fold(CANARY))]
        view = View(member_id=owner.id, name=CANARY, filters={"q": CANARY}, columns=["number"])
        attempt = CallAttempt(order_id=order.id, by_id=owner.id, outcome="busy", note=CANARY)
        notice = Notice(about="1" * 15, kind="quality", facts={"name": CANARY})
        nord, role = Team(name=CANARY), CustomRole(name=CANARY, permissions=["orders.read"])
        snippet = Snippet(name=fold(CANARY), text=CANARY)
        snippet.index()
        session.add_all([zone, view, attempt, notice, nord, role, snippet])
        question, phrase, turn = _of_bot(conversation)
        product = session.scalars(select(Product)).one()
        product.aliases = [CANARY]
        failed = messages.queue_text(conversation, f"Échec {CANARY}", by=owner)
        failed.sending, failed.reason, failed.failed_at = Sending.FAILED, "undeliverable", utcnow()
        failed.error_detail = CANARY
        session.flush()
        notifications.tell("review", order=order)
        moved = bulk.start_move([order.id], _stage(SystemState.RETURNED), by=owner, client_id=None)
        rung = session.scalars(
            select(Notification).where(Notification.member_id == owner.id)
        ).first()
        assert rung is not None
        card = order.customer
        draft = _draft(conversation, order)
        invited, _ = team.invite("kanari@example.com", Role.VIEWER, by=owner)
        return SimpleNamespace(
            conversation=conversation.id,
            template=template.id,
            stage=stage.id,
            automation=automation.id,
            number=number,
            media=media.id,
            message=message.id,
            failed=failed.id,
            envelope=_body(merchant, conversation.channel),
            contact=session.scalars(select(Message.id).where(Message.kind == "contacts")).one(),
            first=0,
            member=owner.id,
            merchant=merchant.id,
            order=order.id,
            customer=card.id,
            address=card.addresses[0].id,
            phone=card.phones[0].id,
            pipeline=_stage(SystemState.NEW).pipeline_id,
            zone=zone.id,
            view=view.id,
            snippet=snippet.id,
            question=question.id,
            phrase=phrase.id,
            turn=turn.id,
            product=product.id,
            attempt=attempt.id,
            bulk=moved.id,
            channel=conversation.channel_id,
            notice=notice.id,
            run=session.scalars(select(Run.id)).one(),
            notification=rung.id,
            browser=factories.signed_in(owner)[1].hex(),
            colleague=colleague.id,
            team=nord.id,
            custom_role=role.id,
            draft=draft.id,
            invitation=invited.id,
        )


def _draft(conversation: Conversation, order: Order) -> OrderDraft:
    """The same once more, as the bot put it together."""
    (line,) = order.lines
    cart = Cart([Line(str(line.variant_id), 1)], name=CANARY, city=CANARY, address=CANARY)
    drafts.keep(conversation, cart)
    waiting = drafts.waiting(conversation)
    assert waiting is not None
    return waiting


def _body(merchant: Merchant, channel: Channel) -> int:
    """A body of Meta's about this number in which something fails."""
    metadata = {"phone_number_id": channel.phone_number_id}
    value = {"metadata": metadata, "messages": [{"id": "wamid.x", "text": {"body": CANARY}}]}
    told = {"entry": [{"id": channel.waba_id, "changes": [{"value": value}]}]}
    body = json.dumps(told).encode()
    with db.house() as house:
        kept = Envelope(body=body, sha256=hashlib.sha256(body).digest(), concerns=[merchant.id])
        kept.state, kept.error, kept.attempts = EnvelopeState.QUARANTINED, CANARY, 3
        house.add(kept)
        house.flush()
        return kept.id


def _conversation() -> Conversation:
    channel = db.session().scalars(select(Channel)).one()
    here: dict[str, Any] = {"sender": factories.person(CANARY)}
    here |= {"phone_number_id": channel.phone_number_id, "waba_id": channel.waba_id}
    shared = {"name": {"formatted_name": CANARY}, "phones": [{"phone": "+212661999888"}]}
    card = factories.inbound(CANARY, kind="contacts", payload={"contacts": [shared]}, **here)
    arrivals.take_in([factories.inbound(CANARY, **here), card])
    return db.session().scalars(select(Conversation)).one()


def _of_bot(conversation: Conversation) -> tuple[Question, Phrase, Turn]:
    """A bot that is on, what it answers, what it was taught, what it did not understand."""
    here = {"conversation_id": conversation.id, "channel_id": conversation.channel_id}
    bot = Bot(channel_id=conversation.channel_id, active=True, texts={"greeting": {"fr": CANARY}})
    question = Question(name=CANARY, keywords=[CANARY], answers={"fr": CANARY})
    phrase = Phrase(text=CANARY, folded=fold(CANARY), intent="price")
    found = {"kind": "city", "value": CANARY, "start": 0, "end": len(CANARY)}
    turn = Turn(**here, heard=CANARY, did="not_understood", entities=[found], rule=CANARY)
    db.session().add_all([bot, question, phrase, turn])
    return question, phrase, turn


def _template(conversation: Conversation) -> MessageTemplate:
    templates.keep(conversation.channel.waba_id, [TEMPLATE])
    return db.session().scalars(select(MessageTemplate)).one()


def _stage(state: SystemState) -> Stage:
    return db.session().scalars(select(Stage).where(Stage.state == state)).one()


def _automation(template: MessageTemplate, stage: Stage) -> Automation:
    variables = {"body.1": "customer.name"}
    form = automations.Form(name=CANARY, stage=stage, template=template, variables=variables)
    return automations.save(form)


def _delivered_order(conversation: Conversation, owner: Membership) -> int:
    product = catalog.create(CANARY, sku=CANARY, price=SPENT, track_stock=False)
    db.session().flush()
    form = NewOrder(
        client_id=uuid4(),
        name=CANARY,
        phone=Number("0661234567", "+212661234567"),
        address=CANARY,
        city=CANARY,
        note=CANARY,
        lines=(NewLine(product_id=product.id, variant_id=product.variants[0].id),),
    )
    order = orders.create(form, by=owner, conversation=conversation)
    for state in (SystemState.CONFIRMED, SystemState.SHIPPED, SystemState.DELIVERED):
        pipeline.move(order, _stage(state), by=By.user(owner))
    return order.number


def calls(app: Flask) -> list[tuple[str, str, str]]:
    """(endpoint, method, rule) of every route but the public ones."""
    return [
        (rule.endpoint, method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if rule.endpoint not in PUBLIC
    ]


def ask(
    app: Flask, client: FlaskClient, world: SimpleNamespace, endpoint: str, method: str
) -> TestResponse:
    call = TABLE[endpoint]
    known = vars(world) | {"uuid": uuid4()}

    def fill(given: dict[str, str]) -> dict[str, str]:
        return {name: str(known.get(value, value)) for name, value in given.items()}

    with app.test_request_context():
        values: dict[str, Any] = fill(call.ids) | fill(call.query)
        url = app.url_for(endpoint, **values)
    form = fill(call.form) if method == "POST" else None
    return client.open(url, method=method, data=form, headers=SAME_ORIGIN)


def test_every_route_is_in_the_table(app: Flask) -> None:
    assert {endpoint for endpoint, _, _ in calls(app)} == set(TABLE)
    assert {rule.endpoint for rule in app.url_map.iter_rules()} >= PUBLIC


def test_nobody_gets_in_without_signing_in(
    app: Flask, client: FlaskClient, world: SimpleNamespace
) -> None:
    for endpoint, method, _ in calls(app):
        answer = ask(app, client, world, endpoint, method)

        assert answer.status_code in (302, 303, 401), endpoint
        assert CANARY not in _plain(answer), endpoint


def test_a_stranger_finds_nothing_and_changes_nothing(
    app: Flask,
    signed_in: Callable[[Membership], FlaskClient],
    stranger: Membership,
    world: SimpleNamespace,
    owner_connection: psycopg.Connection,
) -> None:
    before = everything_of(world.merchant, owner_connection)
    browser = signed_in(stranger)

    for endpoint, method, _ in calls(app):
        answer = ask(app, browser, world, endpoint, method)

        # Their own empty page, or a form that finds nothing: what its fields name is not theirs.
        own = {200, 204, 302, 303, 400, 404, 422}
        expected = {404} if TABLE[endpoint].ids else own
        assert answer.status_code in expected, (endpoint, answer.status_code)
        assert CANARY not in _plain(answer), endpoint

    assert everything_of(world.merchant, owner_connection) == before


@pytest.mark.parametrize("role", list(Role))
def test_a_role_gets_exactly_what_its_permissions_say(
    app: Flask,
    signed_in: Callable[[Membership], FlaskClient],
    merchant: Merchant,
    world: SimpleNamespace,
    role: Role,
) -> None:
    who = factories.member(merchant, role.value)
    browser = signed_in(who)

    for endpoint, method, _ in calls(app):
        answer = ask(app, browser, world, endpoint, method)

        entitled = all(permissions.may(who, p) for p in needs_of(app, endpoint) or ())
        assert (answer.status_code == 403) != entitled, (endpoint, method, answer.status_code)
        assert answer.status_code < 500, (endpoint, answer.status_code)
        if not permissions.sees_money(who):
            assert "7 331,17" not in _plain(answer) or _tells_one_order(endpoint), endpoint


# The one order an agent takes or reads has an amount, and the catalogue has prices.
ITS_OWN_AMOUNT = {
    "orders.show",
    "orders.create",
    "orders.new",
    "orders.older",
    "catalog.search",
    "board.index",
    "board.column",
    "board.older",
    "board.drop",
    "board.undo",
    "bulk.show",
    "calls.conclude",
    "calls.index",
    "calls.show",
    "conversations.show",
    "conversations.panel",
    "conversations.refreshed",
    "beside.accept",
    "orders.begin",
    "orders.cancel_duplicate",
    "orders.change",
    "orders.duplicate",
    "orders.edit",
    "orders.known",
    "orders.take",
    "orders.twins",
    "table.find",
    "table.index",
}


def _tells_one_order(endpoint: str) -> bool:
    # A customer's card lists their orders, each with its own amount.
    return endpoint in ITS_OWN_AMOUNT or endpoint.startswith("customers.")


@pytest.mark.parametrize("endpoint", ["conversations.panel", "customers.show"])
def test_the_sum_a_customer_spent_is_absent_for_an_agent_and_there_for_the_owner(
    app: Flask,
    signed_in: Callable[[Membership], FlaskClient],
    owner: Membership,
    agent: Membership,
    world: SimpleNamespace,
    endpoint: str,
) -> None:
    def amounts(who: Membership) -> int:
        return _plain(ask(app, signed_in(who), world, endpoint, "GET")).count("7 331,17")

    # Everybody sees what the one order costs; what the customer spent in all is an indicator.
    assert (amounts(owner), amounts(agent)) == (2, 1)


def _plain(answer: TestResponse) -> str:
    # A workbook is no text: what could be read in it is.
    text = answer.get_data().decode(errors="replace")
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def everything_of(merchant_id: Any, connection: psycopg.Connection) -> str:
    """A fingerprint of every row of the merchant."""
    digest = hashlib.sha256()
    for mapper in sorted(Base.registry.mappers, key=lambda m: m.local_table.name):  # type: ignore[attr-defined]
        if issubclass(mapper.class_, Row):
            name = mapper.local_table.name  # type: ignore[attr-defined]
            rows = connection.execute(
                f"SELECT t::text FROM {name} t WHERE merchant_id = %s ORDER BY 1",  # noqa: S608
                (merchant_id,),
            ).fetchall()
            digest.update(repr((name, rows)).encode())
    return digest.hexdigest()
