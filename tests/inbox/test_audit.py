"""The audit: every room where something is set leaves a line; who reads them, and how."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from flows import audit, catalog, channels, permissions, plans, snippets, team, templates
from flows.talks import questions, teaching
from flows.team import groups, roles
from inbox.audit import words
from models import db
from models.audit import AuditEntry
from models.automation import Automation
from models.channel import BY_A_PERSON, Channel, ChannelState
from models.delivery import DeliveryZone
from models.merchant import Merchant
from models.message import Media
from models.pipeline import Pipeline, Stage
from models.template import MessageTemplate
from models.types import new_id, utcnow
from models.user import Membership, Role
from models.view import View
from tests import factories
from tests.flows.test_delivery import counted
from tests.inbox.test_second_step import enrol

Browser = Callable[[Any], FlaskClient]
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36"
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Act:
    """A form that changes something of the shop below, and the line it must leave."""

    kind: str
    ids: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)


STAGE, ZONE, VIEW = {"stage_id": "stage"}, {"zone_id": "zone"}, {"view_id": "view"}
AUTOMATION, PIPELINE = {"automation_id": "automation"}, {"pipeline_id": "pipeline"}
DRAFT, MEMBER = {"template_id": "draft"}, {"member_id": "member"}
SET = {"stage": "stage", "template": "template", "timeout": "", "variables.body.1": "customer.name"}
NUMBER, GROUP, OWN = {"channel_id": "number"}, {"team_id": "group"}, {"role_id": "own_role"}
QUESTION = {"question_id": "question"}
INVITED, ANSWER = {"invitation_id": "invitation"}, {"snippet_id": "answer"}
LIST = "Market,Marketing\nMorocco,0.05"
WRITTEN = {"name": "new_one", "language": "fr", "category": "utility", "body": "Salam"}
ACTS: dict[str, Act] = {
    "account.change": Act("account.renamed", form={"name": "Olé", "email": "owner@a.example"}),
    "account.change_password": Act(
        "account.password_changed", form={"present": PASSWORD, "new": "another long sentence"}
    ),
    "account.end_others": Act("account.browsers_ended"),
    "account.end_sessions": Act("team.browsers_ended", MEMBER),
    "account.require": Act("security.required", form={"role": "manager"}),
    "account.reset_second_step": Act("team.second_step_reset", MEMBER),
    "automations.change": Act("automations.changed", AUTOMATION, SET | {"name": "Merci"}),
    "automations.copy": Act("automations.added", AUTOMATION),
    "automations.create": Act("automations.added", form=SET | {"name": "Bonjour"}),
    "automations.delete": Act("automations.deleted", AUTOMATION),
    "automations.switch": Act("automations.switched_off", AUTOMATION),
    "bot.add_question": Act("bot.question_added", form={"name": "Est", "answers.fr": "Oui"}),
    "bot.change_behaviour": Act(
        "bot.changed", NUMBER, {"order_rule": "none", "silence_hours": "6"}
    ),
    "bot.change_menu": Act("bot.changed", NUMBER, {"order": "human", "item": "human"}),
    "bot.change_product": Act("bot.product", {"product_id": "product"}, {"names": "chkara"}),
    "bot.change_question": Act(
        "bot.question_changed", QUESTION, {"name": "Heures", "answers.fr": "Oui"}
    ),
    "bot.change_texts": Act("bot.changed", NUMBER, {"texts.greeting.fr": "Salut"}),
    "bot.delete_question": Act("bot.question_deleted", QUESTION),
    "bot.forget": Act("bot.forgotten", {"phrase_id": "phrase"}),
    "bot.learn": Act("bot.taught", form={"text": "wach kayn", "intent": "availability"}),
    "bot.order_questions": Act("bot.questions_reordered", form={"order": "question"}),
    "bot.switch": Act("bot.changed", NUMBER, {"on": "1"}),
    "channels.change": Act("channels.renamed", NUMBER, {"name": "Comptoir"}),
    "channels.create": Act(
        "channels.added",
        form={"name": "Deux", "phone_number_id": "5" * 15, "waba_id": "6" * 15, "token": "EAAx"},
    ),
    "channels.pause": Act("channels.paused", NUMBER),
    "channels.remove": Act("channels.removed", {"channel_id": "unproven"}),
    "channels.replace_token": Act("channels.token", NUMBER, {"token": "EAAnew"}),
    "channels.resume": Act("channels.resumed", {"channel_id": "paused"}),
    "channels.take_starter": Act("templates.submitted", form={"language": "fr"}),
    "costs.bring_in": Act(
        "costs.list_taken", form={"text": LIST, "currency": "USD", "day": "2030-01-01", "go": "1"}
    ),
    "costs.mean_to_spend": Act("costs.budget", form={"USD": "100"}),
    "delivery.bring_in": Act("delivery.imported", form={"text": "Fès;20;15", "go": "1"}),
    "delivery.change": Act("delivery.zone_changed", ZONE, {"name": "Sud", "home": "30"}),
    "delivery.create": Act("delivery.zone_added", form={"name": "Nord", "home": "20"}),
    "delivery.delete": Act("delivery.zone_deleted", ZONE),
    "delivery.set_usual": Act("delivery.usual", form={"usual": "35"}),
    "library.change": Act("library.changed", ANSWER, {"name": "salam", "text": "Salam !"}),
    "library.create": Act("library.added", form={"name": "merci", "text": "Merci !"}),
    "library.delete": Act("library.deleted", ANSWER),
    "message_templates.acknowledge": Act("templates.acknowledged", DRAFT),
    "message_templates.change": Act("templates.drafted", DRAFT, WRITTEN | {"name": "draft"}),
    "message_templates.create": Act("templates.drafted", form=WRITTEN),
    "message_templates.delete": Act("templates.deleted", DRAFT),
    "message_templates.discard": Act("templates.discarded", DRAFT),
    "message_templates.submit": Act("templates.submitted", DRAFT),
    "pipeline.add_stage": Act("pipeline.stage_added", PIPELINE, {"name": "X", "color": "red"}),
    "pipeline.allow": Act("pipeline.moves", STAGE, {"to": "other"}),
    "pipeline.appear": Act("pipeline.stage_changed", {"stage_id": "other"}),
    "pipeline.change_stage": Act(
        "pipeline.stage_changed",
        STAGE,
        {"name": "Neuf", "color": "red", "state": "new", "active": "1"},
    ),
    "pipeline.create": Act("pipeline.added", form={"preset": "services"}),
    "pipeline.delete_stage": Act("pipeline.stage_deleted", {"stage_id": "other"}),
    "pipeline.describe": Act("pipeline.changed", PIPELINE, {"name": "Colis"}),
    "pipeline.give_up": Act("pipeline.deleted", {"pipeline_id": "spare"}),
    "pipeline.reorder": Act("pipeline.reordered", PIPELINE, {"ids": "order"}),
    "rules.change": Act("rules.changed", form={"call_limit": "5", "call_again_minutes": "60"}),
    "signup.put_away": Act("team.moved_in"),
    "team.add_role": Act("team.own_role_added", form={"name": "X", "permission": "orders.read"}),
    "team.add_team": Act("team.group_added", form={"name": "Est"}),
    "team.change_role": Act("team.role_changed", MEMBER, {"role": "viewer"}),
    "team.change_role_of_ours": Act(
        "team.own_role_changed", OWN, {"name": "Stock", "permission": "orders.all"}
    ),
    "team.change_team": Act("team.group_changed", GROUP, {"name": "Ouest"}),
    "team.delete_role": Act("team.own_role_deleted", OWN),
    "team.delete_team": Act("team.group_deleted", GROUP),
    "team.disable": Act("team.disabled", MEMBER, {"to": "nobody"}),
    "team.enable": Act("team.enabled", {"member_id": "gone"}),
    "team.invite": Act("team.invited", form={"email": "n@a.example", "role": "viewer"}),
    "team.resend": Act("team.invited_again", INVITED),
    "team.reset": Act("team.reset_link", MEMBER),
    "team.sign_out": Act("team.browsers_ended", MEMBER),
    "team.withdraw": Act("team.withdrawn", INVITED),
    "table.change": Act("views.changed", VIEW, {"name": "Autre"}),
    "table.delete": Act("views.deleted", VIEW),
    "table.keep": Act("views.shared", form={"name": "Mine", "shared": "1"}),
}
# Taken out rather than changed: these are asked for with GET.
EXPORTS = {
    "audit.export": "exports.audit",
    "costs.export": "exports.charges",
    "delivery.export": "exports.delivery",
    "table.export_csv": "exports.orders",
    "table.export_xlsx": "exports.orders",
}
# What people do all day is told by timelines, threads and ledgers; all else sets something.
WORK = {
    *("auth", "board", "bulk", "calls", "conversations", "customers", "messages", "orders"),
    *("runs", "webhook", "composing", "contacts", "media", "troubles", "beside"),
}
EXCEPTIONS = {
    "account.confirm_second_step": "told by test_the_second_step_is_noted_from_its_beginning",
    "account.end_browser": "told by test_the_second_step_is_noted_from_its_beginning",
    "account.renew_codes": "told by test_the_second_step_is_noted_from_its_beginning",
    "account.start_second_step": "a key that no code has confirmed protects nothing yet",
    "account.turn_off_second_step": "told by test_the_second_step_is_noted_from_its_beginning",
    "bot.dismiss": "nothing is learnt: the turn keeps that somebody saw to it",
    "bot.preview": "changes nothing",
    "bot.publish_form": "told by test_the_form_is_published_by_a_worker_and_told",
    "bot.say": "a trial, all of which is undone",
    "channels.dismiss": "the notice keeps who has seen to it",
    "channels.look": "asks Meta; what that changes is Meta's doing",
    "channels.test": "a message like any other: its conversation tells it",
    "costs.price_now": "told by test_charges_priced_anew_are_noted",
    "message_templates.attach": "told by test_the_file_of_a_template_is_noted",
    "message_templates.preview": "changes nothing",
    "message_templates.refresh": "asks Meta for its list; what that changes is Meta's doing",
    "message_templates.upload": "a file that belongs to no template yet",
    "notifications.choose": "what rings one's own bell",
    "notifications.read": "what one has read",
    "signup.create": "told by test_the_first_line_of_a_merchant_is_its_beginning",
    "team.accept": "told by test_who_joins_is_noted_under_their_own_name",
    "team.send_link": "a link nobody has followed changes nothing",
    "team.set_password": "told by test_a_password_set_by_a_link_is_noted_without_it",
    "team.switch": "told by test_coming_over_from_another_business_is_noted_there",
    "table.choose_columns": "the columns one person looks at",
}


@pytest.fixture
def boss(merchant: Merchant) -> Membership:
    return team.add_user(
        merchant.id, email="owner@a.example", name="Omar", role=Role.OWNER, password=PASSWORD
    )


@pytest.fixture
def shop(merchant: Merchant, boss: Membership, agent: Membership) -> SimpleNamespace:
    """Something of everything that can be set; without orders, so that all of it may go."""
    plans.change(merchant.id, "plus")
    gone = factories.member(merchant, "viewer")
    with db.house() as house:
        house.get_one(Membership, (merchant.id, gone.id)).disabled_at = utcnow()
    with db.merchant(merchant.id) as session:
        channel = channels.all_of_merchant()[0].waba_id
        listed = {
            "name": "hello",
            "language": "fr",
            "status": "APPROVED",
            "category": "UTILITY",
            "parameter_format": "POSITIONAL",
            "components": [{"type": "BODY", "text": "Bonjour {{1}} !"}],
            "id": "1",
        }
        templates.keep(channel, [listed])
        template = session.scalars(select(MessageTemplate)).one()
        pipeline = session.scalars(select(Pipeline)).one()
        stage, other = pipeline.stages[0], pipeline.stages[3]
        automation = Automation(name="Bonjour", stage=stage, template=template)
        automation.variables = {"body.1": "customer.name"}
        form = templates.Form(
            account=channel, name="draft", language="fr", category="utility", body="Bonjour"
        )
        draft = templates.save(form)
        zone = DeliveryZone(name="Sud", position=1, home=1000)
        view = View(name="Tout", filters={"q": ["secret customer"]}, columns=["number"])
        invitation, _ = team.invite("i@a.example", Role.VIEWER, by=boss)
        own_role = roles.keep(team.NewRole("Stock", frozenset({"orders.read"})))
        group = groups.keep(team.NewTeam("Nord"))
        answer = snippets.save(None, name="salam", text="Salam", media=None)
        unproven, paused = (_number(f"{digit}" * 15) for digit in (7, 8))
        paused.proven_at, paused.state = utcnow(), ChannelState.PAUSED
        paused.pause_reason = BY_A_PERSON
        session.add_all([unproven, paused])
        spare = Pipeline(name="Spare")
        spare.every_stage = [Stage(position=1, name="A", color="red", state=stage.state)]
        session.add_all([automation, zone, view, spare])
        session.flush()
        asked = [questions.save(None, name=n, keywords=[], answers={"fr": n}) for n in "AB"]
        phrase = teaching.teach("wakha", "confirm", by=boss)
        product = catalog.create("Sac", sku="S1", price=1000)
        session.flush()
        known = SimpleNamespace(
            merchant=merchant.id,
            stage=stage.id,
            other=other.id,
            template=template.id,
            draft=draft.id,
            pipeline=pipeline.id,
            automation=automation.id,
            zone=zone.id,
            view=view.id,
            spare=spare.id,
            member=agent.id,
            gone=gone.id,
            invitation=invitation.id,
            own_role=own_role.id,
            group=group.id,
            answer=answer.id,
            question=asked[1].id,
            phrase=phrase.id,
            product=product.id,
            number=channels.all_of_merchant()[0].id,
            unproven=unproven.id,
            paused=paused.id,
            order=" ".join(str(one.id) for one in reversed(pipeline.stages[1:])),
        )
        known.order = f"{stage.id} {known.order}"
    factories.signed_in(boss)
    return known


def _number(phone_number_id: str) -> Channel:
    channel = Channel(
        name=phone_number_id[:1],
        phone_number_id=phone_number_id,
        waba_id="1" * 15,
        display_phone_number="",
        country="MA",
        time_zone="Africa/Casablanca",
    )
    channel.merchant_id, channel.id = db.session().merchant_id, new_id()
    channel.token = "EAAold"
    return channel


def lines(merchant_id: UUID) -> list[AuditEntry]:
    with db.merchant(merchant_id) as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.at, AuditEntry.id)))


def do(app: Flask, browser: FlaskClient, shop: SimpleNamespace, endpoint: str) -> TestResponse:
    act = ACTS[endpoint]

    def fill(given: dict[str, str]) -> dict[str, str]:
        return {name: str(getattr(shop, value, value)) for name, value in given.items()}

    with app.test_request_context():
        url = app.url_for(endpoint, **fill(act.ids))  # type: ignore[arg-type]
    headers = {"User-Agent": CHROME, "HX-Request": "true"}
    return browser.post(url, data=fill(act.form), headers=headers)


# --- nothing is set without a line ----------------------------------------------------------------


def test_every_form_that_sets_something_is_tried_or_has_a_reason(app: Flask) -> None:
    posted = {r.endpoint for r in app.url_map.iter_rules() if "POST" in (r.methods or ())}
    forms = {endpoint for endpoint in posted if endpoint.partition(".")[0] not in WORK}

    assert forms == set(ACTS) | set(EXCEPTIONS)


@pytest.mark.parametrize("endpoint", ACTS)
def test_what_is_set_leaves_a_line(
    app: Flask, signed_in: Browser, boss: Membership, shop: SimpleNamespace, endpoint: str
) -> None:
    before = len(lines(shop.merchant))

    answer = do(app, signed_in(boss), shop, endpoint)

    assert answer.status_code < 400, answer.text
    found = {line.kind: line for line in lines(shop.merchant)[before:]}
    assert ACTS[endpoint].kind in found
    line = found[ACTS[endpoint].kind]
    assert (line.by_id, line.by_name) == (boss.id, "Omar")
    assert (line.ip, line.agent) == ("127.0.0.1", CHROME)


@pytest.mark.parametrize("endpoint", EXPORTS)
def test_what_is_taken_out_leaves_a_line(
    app: Flask, signed_in: Browser, boss: Membership, shop: SimpleNamespace, endpoint: str
) -> None:
    with app.test_request_context():
        url = app.url_for(endpoint, q="0661234567")

    signed_in(boss).get(url).get_data()

    line = lines(shop.merchant)[-1]
    assert line.kind == EXPORTS[endpoint]
    assert "0661234567" not in str(line.after)


@pytest.mark.parametrize("kind", words.LOOKS)
def test_every_kind_belongs_to_a_room_with_a_name_and_an_icon(kind: str) -> None:
    assert kind.partition(".")[0] in words.ROOMS
    assert kind.partition(".")[0] in words.ICONS


def test_every_kind_that_is_noted_has_its_sentence() -> None:
    root = Path(words.__file__).parents[2]
    sources = [*root.glob("flows/**/*.py"), root / "inbox/sessions.py"]
    kinds = re.compile(rf'"((?:{"|".join(words.ROOMS)})\.[a-z_]+)"')
    noting = [text for one in sources if "audit." in (text := one.read_text("utf-8"))]
    noted = {kind for text in noting for kind in kinds.findall(text)} - permissions.EVERY

    assert len(noted) > 40
    assert noted <= set(words.LOOKS)


# --- what a line tells ----------------------------------------------------------------------------


def test_a_change_is_told_by_what_differs(
    signed_in: Browser, boss: Membership, merchant: Merchant
) -> None:
    form = {"call_limit": "5", "call_again_minutes": "60", "quiet_from": "21:00"}
    signed_in(boss).post("/rules", data=form | {"quiet_until": "09:00"})

    line = lines(merchant.id)[-1]
    assert line.before == {"call_limit": 3, "quiet_from": None, "quiet_until": None}
    assert line.after == {"call_limit": 5, "quiet_from": "21:00", "quiet_until": "09:00"}


def test_saving_without_a_change_leaves_no_line(
    signed_in: Browser, boss: Membership, merchant: Merchant
) -> None:
    before = len(lines(merchant.id))

    signed_in(boss).post("/rules", data={"call_limit": "3", "call_again_minutes": "60"})

    assert len(lines(merchant.id)) == before


def test_what_was_refused_leaves_no_line(
    signed_in: Browser, boss: Membership, merchant: Merchant
) -> None:
    before = len(lines(merchant.id))

    signed_in(boss).post("/rules", data={"call_limit": "99", "call_again_minutes": "60"})
    signed_in(boss).post("/delivery/zones", data={"name": "", "home": "1"})

    assert len(lines(merchant.id)) == before


def test_a_shared_view_is_told_without_what_it_looks_for(
    app: Flask, signed_in: Browser, boss: Membership, shop: SimpleNamespace
) -> None:
    do(app, signed_in(boss), shop, "table.delete")

    line = lines(shop.merchant)[-1]
    assert line.before == {"name": "Tout", "filters": ["q"], "columns": ["number"]}


def test_signing_in_and_out_and_trying_to_are_noted(
    client: FlaskClient, boss: Membership, merchant: Merchant
) -> None:
    form = {"email": "owner@a.example", "password": "wrong"}
    client.post("/sign-in", data=form, headers={"User-Agent": CHROME})
    client.post("/sign-in", data=form | {"password": PASSWORD})
    client.post("/sign-out")

    found = lines(merchant.id)[-3:]
    assert [line.kind for line in found] == ["door.password_refused", "door.in", "door.out"]
    assert [line.by_name for line in found] == ["", "Omar", "Omar"]
    assert (found[0].on, found[0].agent) == ("Omar", CHROME)
    assert "wrong" not in str([vars(line) for line in found])


def test_the_second_step_is_noted_from_its_beginning(
    app: Flask, boss: Membership, merchant: Merchant
) -> None:
    client, other = app.test_client(), app.test_client()
    form = {"email": "owner@a.example", "password": PASSWORD}
    start = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
    with time_machine.travel(start, tick=True) as clock:
        client.post("/sign-in", data=form)
        phone = enrol(client)
        for path in ("codes", "off"):
            clock.shift(timedelta(minutes=1))
            proof = {f"{path}_password": PASSWORD, f"{path}_code": phone.code()}
            client.post(f"/account/second-step/{path}", data=proof)
        other.post("/sign-in", data=form)
        client.post(f"/account/browsers/{_key(other)}/end")

    kinds = [line.kind for line in lines(merchant.id) if line.room in ("door", "account")]
    assert kinds == [
        "door.in",
        "account.second_step_on",
        "account.codes_renewed",
        "account.second_step_off",
        "door.in",
        "account.browser_ended",
    ]
    told = str([vars(line) for line in lines(merchant.id)])
    assert phone.totp.secret not in told
    assert not any(code in told for code in phone.printed)


def test_the_file_of_a_template_is_noted(shop: SimpleNamespace) -> None:
    with db.merchant(shop.merchant) as session:
        media = Media(file="x", filename="sac.png", mime_type="image/png", size=1, sha256="0")
        session.add(media)
        session.flush()
        templates.attach(session.get_one(MessageTemplate, (shop.merchant, shop.draft)), media)

    assert lines(shop.merchant)[-1].kind == "templates.file"


def test_what_the_terminal_does_is_nobodys(merchant: Merchant, boss: Membership) -> None:
    found = next(line for line in lines(merchant.id) if line.kind == "team.added")

    assert (found.by_id, found.by_name, found.ip, found.on) == (None, "", "", "Omar")


def test_the_next_request_of_a_thread_is_not_the_last_ones(
    signed_in: Browser, boss: Membership, merchant: Merchant
) -> None:
    signed_in(boss).post("/rules", data={"call_limit": "5", "call_again_minutes": "60"})

    with db.merchant(merchant.id):
        audit.note("rules.changed")

    assert lines(merchant.id)[-1].by_name == ""


# --- the page -------------------------------------------------------------------------------------


def written(merchant: Merchant, by: Membership, count: int, at: datetime) -> None:
    with db.merchant(merchant.id) as session:
        for number in range(count):
            entry = AuditEntry(
                room="rules",
                kind="rules.changed",
                at=at + timedelta(seconds=number),
                by_id=by.id,
                by_name=by.name,
                ip="10.0.0.1",
                agent=CHROME,
                on=f"line {number}",
                before={"call_limit": number},
                after={"call_limit": number + 1},
            )
            session.add(entry)


def test_the_owner_reads_it_and_nobody_else(
    signed_in: Browser, boss: Membership, manager: Membership, agent: Membership
) -> None:
    assert signed_in(boss).get("/audit").status_code == 200
    for other in (manager, agent):
        assert signed_in(other).get("/audit").status_code == 403
        assert signed_in(other).get("/audit.csv").status_code == 403


def test_the_newest_come_first_and_the_older_ones_page_by_page(
    signed_in: Browser, boss: Membership, merchant: Merchant
) -> None:
    written(merchant, boss, 120, datetime(2026, 11, 1, tzinfo=UTC))
    browser, address = signed_in(boss), "/audit?room=rules"
    counts = []
    for _ in range(4):
        page = browser.get(address).text
        counts.append(page.count('class="audit-line"'))
        more = re.search(r'hx-get="(/audit\?before=[^"]+)"', page)
        if more is None:
            break
        address = more[1].replace("&amp;", "&")

    assert counts == [50, 50, 20]


def test_it_is_narrowed_by_person_room_and_day(
    signed_in: Browser, boss: Membership, agent: Membership, merchant: Merchant
) -> None:
    written(merchant, boss, 2, datetime(2026, 11, 1, 23, 30, tzinfo=UTC))
    written(merchant, agent, 3, datetime(2026, 11, 3, 12, 0, tzinfo=UTC))
    browser = signed_in(boss)

    def count(query: str) -> int:
        return browser.get(f"/audit?{query}").text.count('class="audit-line"')

    assert count(f"person={agent.id}") == 3
    assert count("room=rules") == 5
    assert count("room=delivery") == 0
    # Half past eleven in the evening in London is the next day in Casablanca.
    assert count("from=2026-11-02&to=2026-11-02") == 2
    assert count("from=2026-11-03&to=2026-11-03") == 3
    assert count("person=nonsense&room=nonsense&from=x&to=0001-01-01&before=1.2") >= 5


def test_a_name_that_is_markup_stays_a_name(
    signed_in: Browser, boss: Membership, merchant: Merchant
) -> None:
    with db.merchant(merchant.id):
        facts = {"name": "<b>%(on)s</b>", "<i>": "{x}"}
        audit.note("pipeline.added", on="<script>%s %(who)s</script>", after=facts)
        audit.note("tomorrow.unknown", on="<script>", before={"a": [1, {"b": None}]})

    page = signed_in(boss).get("/audit").text

    assert "<script>%s" not in page
    assert "&lt;script&gt;%s %(who)s&lt;/script&gt;" in page
    assert "tomorrow.unknown" in page


def test_another_merchants_lines_are_not_there(
    signed_in: Browser, boss: Membership, stranger: Membership
) -> None:
    with db.merchant(stranger.merchant_id):
        audit.note("pipeline.added", on="Kanari")

    assert "Kanari" not in signed_in(boss).get("/audit").text
    assert "Kanari" not in signed_in(boss).get("/audit.csv").text
    assert "Kanari" in signed_in(stranger).get("/audit").text


def test_as_a_file_it_has_every_line_and_no_formula(
    signed_in: Browser, boss: Membership, merchant: Merchant
) -> None:
    written(merchant, boss, 120, datetime(2026, 11, 1, tzinfo=UTC))
    with db.merchant(merchant.id):
        audit.note("pipeline.added", on="=1+1", after={"preset": "@cod"})
    browser = signed_in(boss)
    browser.post("/language", data={"language": "en"})

    text = browser.get("/audit.csv").text

    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) - 1 == len(lines(merchant.id))
    assert "'=1+1" in text
    assert not any(cell.startswith(("=", "@")) for row in rows for cell in row)


@pytest.mark.usefixtures("steady_pulse")
def test_a_page_of_the_audit_is_two_questions(
    signed_in: Browser, boss: Membership, merchant: Merchant
) -> None:
    written(merchant, boss, 60, datetime(2026, 11, 1, tzinfo=UTC))
    browser = signed_in(boss)

    with counted() as asked:
        browser.get("/audit")

    assert len([one for one in asked if "audit_entries" in one]) == 1
    assert len(asked) <= 5


def _key(client: FlaskClient) -> str:
    cookie = client.get_cookie("wasl")
    return hashlib.sha256((cookie.value if cookie else "").encode()).hexdigest()
