"""Templates go to Meta and come back, with the real jobs, the true client and the simulator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from bot import submissions
from bot.simulator import Simulator
from bot.simulator.world import Template
from config import settings
from flows import channels, messages, outbox, templates
from flows.errors import Refused
from models import db
from models.channel import Channel
from models.merchant import Merchant
from models.message import Media, Origin, Sending
from models.notification import Notification
from models.template import MessageTemplate
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop as small

Work = Callable[[], None]
ACCOUNT, NUMBER = "9" + "1" * 14, "1" * 15
DEMO = "102290129340398"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


@pytest.fixture
def shop(merchant: Merchant, owner: Membership, simulator: Simulator) -> Merchant:
    """A merchant whose account Meta knows, still without a template."""
    with simulator.turn():
        facts = {"name": "Boutique Atlas", "country": "MA", "time_zone": "Africa/Casablanca"}
        simulator.note("account", id=ACCOUNT, **facts)
        simulator.note("number", id=NUMBER, account=ACCOUNT, display="+212 520", name="Atlas")
    with db.merchant(merchant.id) as session:
        session.scalars(select(Channel)).one().token = f"EAA-demo-{ACCOUNT}"
    factories.work()
    return merchant


@pytest.fixture
def demo(simulator: Simulator) -> Merchant:
    """The demo's first merchant, with the templates Meta lists for it."""
    found = factories.demo_shop()
    factories.work()
    return found


def form(**changes: Any) -> templates.Form:
    values: dict[str, Any] = {
        "account": ACCOUNT,
        "name": "retard_de_livraison",
        "language": "fr",
        "category": "utility",
        "body": "Bonjour {{1}}, votre commande {{2}} arrivera un jour plus tard que prévu.",
        "examples": {"body.1": "Fatima", "body.2": "1042"},
        "footer": "Boutique Atlas",
        "buttons": (templates.FormButton("quick_reply", "C'est noté"),),
    }
    return templates.Form(**(values | changes))


def submitted(shop: Merchant, **changes: Any) -> MessageTemplate:
    """Written and submitted by a person; nothing has left yet."""
    with db.merchant(shop.id):
        template = templates.save(form(**changes))
        templates.submit(template)
    return template


def now(template: MessageTemplate) -> MessageTemplate:
    with db.merchant(template.merchant_id) as session:
        return session.get_one(MessageTemplate, (template.merchant_id, template.id))


def at_meta(
    simulator: Simulator, name: str = "retard_de_livraison", account: str = ACCOUNT
) -> list[Template]:
    known = simulator.world.templates.values()
    return [t for t in known if t.account == account and t.name == name]


def rung(shop: Merchant) -> list[str]:
    with db.merchant(shop.id) as session:
        return [n.facts["what"] for n in session.scalars(select(Notification))]


def picture(shop: Merchant) -> Media:
    with db.merchant(shop.id) as session:
        media = Media(
            file=f"{shop.id}/a.png",
            filename="a.png",
            mime_type="image/png",
            size=len(PNG),
            sha256="0",
        )
        session.add(media)
    path = settings().var / "media" / media.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PNG)
    return media


# --- creating -------------------------------------------------------------------------------------


def test_a_draft_reaches_meta_waits_for_its_review_and_can_then_be_sent(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template = submitted(shop)

    work()
    waiting = now(template)
    simulator.judge()
    simulator.deliver()
    work()

    (made,) = at_meta(simulator)
    assert (waiting.state, waiting.meta_id, waiting.draft) == ("pending", made.id, None)
    assert waiting.sending is None
    assert now(template).state == "approved"
    with db.merchant(shop.id):
        assert template.id in {t.id for t in templates.sendable()}


def test_meta_may_answer_another_category_and_it_is_said(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    body = "Bonjour {{1}}, profitez de votre remise sur la commande {{2}} dès maintenant."
    template = submitted(shop, body=body)

    work()

    known = now(template)
    assert (known.category, known.recategorised_from) == ("marketing", "utility")


def test_a_create_whose_answer_got_lost_is_found_again_and_not_made_twice(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.fail("accept_then_close", on="submit")
    template = submitted(shop)

    work()
    unsure = now(template)
    with time_machine.travel(utcnow() + timedelta(minutes=5), tick=True):
        outbox.sweep()
        work()

    assert unsure.sending is Sending.WAITING
    assert len(at_meta(simulator)) == 1
    assert (now(template).state, now(template).meta_id) == ("pending", at_meta(simulator)[0].id)


def test_a_worker_killed_after_the_call_does_not_make_it_twice(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template = submitted(shop)
    with db.merchant(shop.id):
        (taken,) = templates.claim()
    submissions.submit(taken)  # and then the machine is gone

    with time_machine.travel(utcnow() + timedelta(minutes=5), tick=True):
        outbox.sweep()
        work()

    assert len(at_meta(simulator)) == 1
    assert now(template).state == "pending"


def test_a_connection_that_was_refused_is_tried_again(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.fail("refuse", on="submit")
    template = submitted(shop)

    work()
    assert now(template).sending is Sending.WAITING
    with time_machine.travel(utcnow() + timedelta(minutes=1), tick=True):
        outbox.sweep()
        work()

    assert now(template).state == "pending"


def test_news_that_overtakes_the_answer_is_not_undone_by_it(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template = submitted(shop)
    with db.merchant(shop.id):
        (taken,) = templates.claim()
    outcome = submissions.submit(taken)
    simulator.judge()
    simulator.deliver()
    work()

    with db.merchant(shop.id):
        templates.conclude(taken, outcome)

    assert now(template).state == "approved"
    assert now(template).sending is None


@pytest.mark.parametrize(
    ("fault", "problem"),
    [(190, "token"), (368, "account"), (200, "permission")],
)
def test_what_meta_refuses_comes_back_to_whoever_wrote_it(
    shop: Merchant, simulator: Simulator, work: Work, fault: int, problem: str
) -> None:
    simulator.fail(fault, on="submit")
    template = submitted(shop)

    work()

    back = now(template)
    assert (back.state, back.problem, back.sending) == ("draft", problem, None)
    with db.merchant(shop.id):
        assert templates.written(back).body == form().body


def test_a_name_deleted_lately_is_refused_in_plain_words(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    first = submitted(shop)
    work()
    simulator.judge()
    simulator.deliver()
    work()
    with db.merchant(shop.id):
        templates.remove(templates.find(first.id))
    work()

    again = submitted(shop)
    work()

    assert at_meta(simulator) == []
    assert again.id == first.id
    assert now(again).problem == "2388023"


def test_a_hundred_an_hour_is_waited_out(shop: Merchant, simulator: Simulator, work: Work) -> None:
    simulator.world.created_at[ACCOUNT] = [simulator.clock.time()] * 100
    template = submitted(shop)

    work()

    assert now(template).sending is Sending.WAITING
    assert now(template).problem is None


def test_a_picture_goes_ahead_of_the_template_and_then_with_each_message(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    media = picture(shop)
    template = submitted(shop, header="image", media=media)
    work()
    simulator.judge()
    simulator.deliver()
    work()

    with db.merchant(shop.id):
        talk = small.conversation()
        approved = templates.find(template.id)
        for _ in range(2):
            messages.queue_template(
                talk,
                approved,
                {"body.1": "Fatima", "body.2": "1042"},
                origin=Origin.AGENT,
            )
    work()
    work()

    bubbles = [b for b in simulator.world.bubbles.values() if b.type == "template"]
    assert [list(b.shown["header"]) for b in bubbles] == [["image"], ["image"]]
    # The second message uses the file that went up with the first.
    assert len({b.shown["header"]["image"]["id"] for b in bubbles}) == 1
    (made,) = at_meta(simulator)
    assert made.components[0]["format"] == "IMAGE"


# --- editing, deleting ----------------------------------------------------------------------------


def approved(shop: Merchant, simulator: Simulator, work: Work) -> MessageTemplate:
    template = submitted(shop)
    work()
    simulator.judge()
    simulator.deliver()
    work()
    return now(template)


def call(phone: str) -> templates.FormButton:
    return templates.FormButton("phone_number", "Appeler", phone)


def change(shop: Merchant, template: MessageTemplate, **changes: Any) -> None:
    with db.merchant(shop.id):
        found = templates.find(template.id)
        templates.save(form(**changes), found)
        templates.submit(found)


def test_an_approved_template_says_the_old_until_meta_has_the_new(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template = approved(shop, simulator, work)
    change(shop, template, footer="L'équipe Atlas")
    assert now(template).footer == "Boutique Atlas"

    work()

    edited = now(template)
    assert (edited.footer, edited.state, edited.draft) == ("L'équipe Atlas", "pending", None)
    assert at_meta(simulator)[0].components[1]["text"] == "L'équipe Atlas"


def test_an_edit_whose_answer_got_lost_is_not_made_twice(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template = approved(shop, simulator, work)
    change(shop, template, footer="L'équipe Atlas")
    simulator.fail("accept_then_close", on="submit")

    work()
    with time_machine.travel(utcnow() + timedelta(minutes=5), tick=True):
        outbox.sweep()
        work()

    assert (now(template).state, now(template).problem) == ("pending", None)
    assert len(at_meta(simulator)[0].edited_at) == 1


@pytest.mark.parametrize("reviewed", [False, True])
def test_an_edit_of_what_the_list_does_not_show_is_made_after_a_call_that_never_arrived(
    shop: Merchant, simulator: Simulator, work: Work, reviewed: bool
) -> None:
    template = approved(shop, simulator, work)
    change(shop, template, examples={"body.1": "Youssef", "body.2": "7"})
    simulator.fail("accept_then_close" if reviewed else 502, on="submit")

    work()
    simulator.judge()
    simulator.deliver()
    work()
    with time_machine.travel(utcnow() + timedelta(minutes=5), tick=True):
        outbox.sweep()
        work()

    (made,) = at_meta(simulator)
    assert made.components[0]["example"] == {"body_text": [["Youssef", "7"]]}
    assert len(made.edited_at) == 1
    assert now(template).problem is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"buttons": (call("+212520000002"),)}, ("UTILITY", "+212520000002")),
        ({"category": "marketing"}, ("MARKETING", "+212520000001")),
    ],
)
def test_a_lost_edit_of_a_phone_or_a_category_is_not_taken_for_done(
    shop: Merchant,
    simulator: Simulator,
    work: Work,
    changes: dict[str, Any],
    expected: tuple[str, str],
) -> None:
    before = {"buttons": (call("+212520000001"),)}
    template = submitted(shop, **before)
    work()
    simulator.review(at_meta(simulator)[0], "REJECTED", reason="INVALID_FORMAT")
    simulator.deliver()
    work()
    change(shop, template, **(before | changes))
    simulator.fail(502, on="submit")

    work()
    with time_machine.travel(utcnow() + timedelta(minutes=5), tick=True):
        outbox.sweep()
        work()

    (made,) = at_meta(simulator)
    phone = made.components[-1]["buttons"][0]["phone_number"]
    assert (made.category, phone) == expected
    assert (now(template).state, now(template).draft) == ("pending", None)


def test_another_picture_is_taken_to_meta_after_a_lost_call(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template = submitted(shop, header="image", media=picture(shop))
    work()
    simulator.judge()
    simulator.deliver()
    work()
    change(shop, template, header="image", media=picture(shop))
    simulator.fail(502, on="submit")

    work()
    with time_machine.travel(utcnow() + timedelta(minutes=5), tick=True):
        outbox.sweep()
        work()

    assert len(at_meta(simulator)[0].edited_at) == 1


def test_a_second_edit_within_a_day_is_refused_with_metas_words(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template = approved(shop, simulator, work)
    change(shop, template, footer="L'équipe Atlas")
    work()
    simulator.advance(60)
    simulator.judge()
    simulator.deliver()
    work()

    change(shop, template, footer="Votre équipe Atlas")
    work()

    back = now(template)
    assert "once a day" in (back.problem or "")
    assert (back.state, back.footer) == ("approved", "L'équipe Atlas")
    assert back.draft is not None


def test_a_deleted_template_is_gone_there_and_here(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template = approved(shop, simulator, work)
    with db.merchant(shop.id):
        templates.remove(templates.find(template.id))

    work()

    assert at_meta(simulator) == []
    assert now(template).state == "deleted"


def test_all_languages_go_together(demo: Merchant, simulator: Simulator, work: Work) -> None:
    with db.merchant(demo.id) as session:
        thanks = select(MessageTemplate).where(MessageTemplate.name == "thank_you")
        first = session.scalars(thanks).first()
        assert first is not None
        templates.remove(first, everywhere=True)

    work()

    assert at_meta(simulator, "thank_you", DEMO) == []


def test_what_an_automation_sends_is_not_deleted(demo: Merchant) -> None:
    with db.merchant(demo.id) as session:
        used = select(MessageTemplate).where(
            MessageTemplate.name == "order_confirmation", MessageTemplate.language == "fr"
        )
        template = session.scalars(used).one()

        assert templates.users(template)
        with pytest.raises(Refused, match="in_use"):
            templates.remove(template)


# --- the list -------------------------------------------------------------------------------------


def due(shop: Merchant) -> Any:
    with db.merchant(shop.id) as session:
        return session.scalars(select(Channel.templates_due_at)).first()


def test_the_list_is_asked_for_every_hour_and_what_is_missing_is_deleted(
    demo: Merchant, simulator: Simulator, work: Work
) -> None:
    outbox.sweep()
    work()
    assert due(demo) > utcnow() + timedelta(minutes=59)
    gone = at_meta(simulator, "thank_you", DEMO)[0]
    with simulator.turn():
        simulator.note("template_gone", template=gone.id)

    with time_machine.travel(utcnow() + timedelta(minutes=61), tick=True):
        outbox.sweep()
        work()

    with db.merchant(demo.id) as session:
        state = select(MessageTemplate.state).where(MessageTemplate.meta_id == gone.id)
        assert session.scalar(state) == "deleted"


def test_a_list_that_could_not_be_had_is_asked_for_again_and_deletes_nothing(
    demo: Merchant, simulator: Simulator, work: Work
) -> None:
    with db.merchant(demo.id) as session:
        before = len(session.scalars(select(MessageTemplate)).all())
        templates.refresh()
    simulator.fail(2, on="templates", times=9)

    work()

    assert utcnow() + timedelta(minutes=4) < due(demo) < utcnow() + timedelta(minutes=6)
    with db.merchant(demo.id) as session:
        kept = select(MessageTemplate).where(MessageTemplate.state != "deleted")
        assert len(session.scalars(kept).all()) == before


def test_a_new_number_brings_its_templates(
    merchant: Merchant, simulator: Simulator, work: Work
) -> None:
    with db.merchant(merchant.id) as session:
        channels.add(
            name="Alger",
            phone_number_id="206540352242924",
            waba_id="202290129340399",
            display_phone_number="+213 21 00 00 03",
            country="DZ",
            token="EAA-demo-202290129340399",
        )

    work()

    with db.merchant(merchant.id) as session:
        mine = select(MessageTemplate).where(MessageTemplate.waba_id == "202290129340399")
        assert len(session.scalars(mine).all()) > 5


# --- what Meta changes its mind about -------------------------------------------------------------


@pytest.mark.parametrize("event", ["PAUSED", "DISABLED", "REJECTED"])
def test_the_bell_rings_when_meta_takes_a_template_back(
    shop: Merchant, simulator: Simulator, work: Work, event: str
) -> None:
    template = approved(shop, simulator, work)

    simulator.review(at_meta(simulator)[0], event, reason="INVALID_FORMAT")
    simulator.deliver()
    work()

    assert now(template).state == event.lower()
    assert set(rung(shop)) == {event.lower()}


def test_another_price_is_announced_a_day_ahead_and_then_charged(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template = approved(shop, simulator, work)

    simulator.recategorise(at_meta(simulator)[0], "MARKETING", announce=True)
    simulator.deliver()
    work()
    with db.merchant(shop.id):
        (soon,) = templates.dearer([templates.find(template.id)])
    simulator.recategorise(at_meta(simulator)[0], "MARKETING")
    simulator.deliver()
    work()
    with db.merchant(shop.id):
        (done,) = templates.dearer([templates.find(template.id)])
        templates.acknowledge(templates.find(template.id))

    assert (soon.before, soon.after, soon.announced) == ("utility", "marketing", True)
    assert soon.at is not None
    assert abs(soon.at - utcnow() - timedelta(days=1)) < timedelta(minutes=1)
    assert soon.old is not None
    assert soon.new is not None
    assert (soon.old.micros, soon.new.micros) == (23_000, 41_400)
    assert (done.before, done.after, done.announced) == ("utility", "marketing", False)
    assert set(rung(shop)) == {"announced", "recategorised"}
    with db.merchant(shop.id):
        assert templates.dearer([templates.find(template.id)]) == []


def test_what_a_webhook_did_not_bring_the_list_does(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template = approved(shop, simulator, work)
    with simulator.manners(drop=True):
        simulator.recategorise(at_meta(simulator)[0], "MARKETING")
    with db.merchant(shop.id):
        templates.refresh()

    work()

    known = now(template)
    assert (known.category, known.recategorised_from) == ("marketing", "utility")
    assert set(rung(shop)) == {"recategorised"}
