"""Numbers are connected, looked after and paused: real jobs, the true client, the simulator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete, select
from werkzeug.test import Client

from bot.simulator import Simulator
from bot.simulator import demo as world
from config import settings
from flows import arrivals, channels, messages, outbox
from flows.channels import NewNumber, notices, profile
from flows.errors import Invalid, Refused
from models import db
from models.channel import Channel, ChannelState
from models.conversation import Conversation
from models.errand import Errand
from models.merchant import Merchant
from models.message import Media, Message, Sending
from models.notice import Notice
from models.notification import Notification
from models.types import utcnow
from models.user import Membership
from tests import factories

Work = Callable[[], None]
TOKEN = f"EAA-demo-{world.SPARE}"


def connected(merchant: Merchant, **changes: str) -> Channel:
    form = {
        "name": "Boutique",
        "phone_number_id": world.SPARE_ONE,
        "waba_id": world.SPARE,
        "token": TOKEN,
    }
    with db.merchant(merchant.id):
        return channels.connect(NewNumber(**(form | changes)))


def now(channel: Channel) -> Channel:
    with db.merchant(channel.merchant_id) as session:
        return session.get_one(Channel, (channel.merchant_id, channel.id))


def looked(channel: Channel, act: str = "look") -> Errand:
    with db.merchant(channel.merchant_id):
        errand = channels.last(channel, act)
    assert errand is not None
    return errand


def standing(merchant: Merchant) -> set[str]:
    with db.merchant(merchant.id) as session:
        return set(session.scalars(select(Notice.kind).where(Notice.ended_at.is_(None))))


def rung(merchant: Merchant) -> list[str]:
    with db.merchant(merchant.id) as session:
        found = session.scalars(select(Notification).where(Notification.kind == "number"))
        return sorted(one.facts["what"] for one in found)


def hears(channel: Channel, text: str = "Salam") -> None:
    """Fatima writes to the number."""
    with db.merchant(channel.merchant_id):
        event = factories.inbound(
            text, phone_number_id=channel.phone_number_id, waba_id=channel.waba_id
        )
        arrivals.take_in([event])


def queued(channel: Channel, count: int = 1) -> list[Message]:
    with db.merchant(channel.merchant_id) as session:
        talk = session.scalars(
            select(Conversation).where(Conversation.channel_id == channel.id)
        ).one()
        return [messages.queue_text(talk, f"Bonjour {n}") for n in range(count)]


def endings(channel: Channel) -> list[Sending | None]:
    with db.merchant(channel.merchant_id) as session:
        ours = select(Message).where(Message.channel_id == channel.id, Message.direction == "out")
        return [m.sending for m in session.scalars(ours.order_by(Message.seq))]


@pytest.fixture
def shop(merchant: Merchant, owner: Membership, simulator: Simulator) -> Merchant:
    """A merchant without a number yet."""
    with db.merchant(merchant.id) as session:
        session.execute(delete(Channel))
    outbox.connection().flushdb()
    return merchant


# --- connecting -----------------------------------------------------------------------------------


def test_a_connected_number_is_checked_subscribed_and_known_by_all_its_facts(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    with simulator.turn():
        simulator.note("subscribed", account=world.SPARE, subscribed=False)

    channel = connected(shop)
    before = now(channel)
    work()

    found, facts = now(channel), channels.facts_of(now(channel))
    assert (before.proven_at, before.looked_at) == (None, None)
    assert found.proven_at is not None
    assert found.looked_at is not None
    assert found.display_phone_number == "+212 520-000009"
    assert (facts.quality, facts.limit, facts.throughput) == ("GREEN", "TIER_2K", "STANDARD")
    assert (facts.on_phone, facts.per_second) == (False, 80)
    assert (facts.verified_name, facts.name_status) == ("Nouvelle boutique", "APPROVED")
    assert (facts.payment, facts.subscribed, facts.missing) == (True, True, [])
    assert simulator.world.accounts[world.SPARE].subscribed
    assert looked(channel).sending is Sending.ACCEPTED


def test_the_same_form_twice_is_one_number(shop: Merchant, work: Work) -> None:
    first = connected(shop)
    second = connected(shop, name="Magasin")

    work()

    assert second.id == first.id
    assert now(first).name == "Magasin"


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"token": "EAA-wrong"}, "token"),
        ({"phone_number_id": "999999999999999"}, "not_found"),
        ({"phone_number_id": world.ATLAS_ONE}, "not_found"),
        ({"waba_id": "999999999999999"}, "account_unknown"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_meta_says_comes_here(
    shop: Merchant, work: Work, typed: dict[str, str], problem: str
) -> None:
    channel = connected(shop, **typed)

    work()

    errand = looked(channel)
    assert (errand.sending, errand.problem) == (Sending.FAILED, problem)
    assert now(channel).proven_at is None
    assert now(channel).state is ChannelState.ACTIVE
    assert arrivals.owners([factories.inbound(phone_number_id=channel.phone_number_id)]) == [[]]
    assert rung(shop) == []


def test_a_corrected_form_connects_the_number(shop: Merchant, work: Work) -> None:
    channel = connected(shop, token="EAA-wrong")
    work()

    connected(shop)
    work()

    assert now(channel).proven_at is not None
    assert looked(channel).problem is None


def test_a_number_of_another_account_of_the_same_token_is_refused(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    with simulator.turn():
        simulator.note(
            "number", id="406540352242926", account=world.ATLAS, display="+1 555", name="x"
        )
    channel = connected(shop, phone_number_id="406540352242926")

    work()

    assert looked(channel).problem == "not_found"


def test_typing_somebodys_number_keeps_it_from_nobody(
    shop: Merchant, stranger: Membership, work: Work
) -> None:
    squatted = connected(shop, token="EAA-wrong")
    work()
    with db.house() as house:
        other = house.get_one(Merchant, stranger.merchant_id)

    mine = connected(other)
    work()
    connected_later = connected  # the first merchant has no way in any more

    assert now(mine).proven_at is not None
    with pytest.raises(Invalid):
        connected_later(shop)
    assert now(squatted).proven_at is None
    event = factories.inbound(phone_number_id=world.SPARE_ONE, waba_id=world.SPARE)
    assert arrivals.owners([event]) == [[other.id]]


def test_two_who_prove_the_same_number_at_once_are_told_apart(
    shop: Merchant, stranger: Membership, work: Work
) -> None:
    first = connected(shop)
    with db.house() as house:
        second = connected(house.get_one(Merchant, stranger.merchant_id))

    work()

    proven = [c for c in (now(first), now(second)) if c.proven_at]
    assert len(proven) == 1
    assert sorted(str(looked(c).problem) for c in (first, second)) == ["None", "taken"]


def test_what_came_before_the_number_was_proven_is_read_then(
    app: Any, shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.write("fatima", "Vous êtes là ?", to=world.SPARE_ONE)
    simulator.deliver()
    work()

    channel = connected(shop)
    work()

    with db.merchant(shop.id) as session:
        texts = session.scalars(select(Message.text).where(Message.channel_id == channel.id)).all()
    assert texts == ["Vous êtes là ?"]
    assert now(channel).heard_at is not None


def test_the_look_is_tried_again_when_meta_cannot_be_reached(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.fail("refuse", on="any", times=None)
    channel = connected(shop)
    work()
    first = looked(channel)
    simulator.faults.clear()
    with db.merchant(shop.id) as session:
        session.merge(first).due_at = utcnow()
    outbox.sweep()

    work()

    assert (now(channel).proven_at is None) is False
    assert looked(channel).sending is Sending.ACCEPTED


def test_a_look_whose_worker_died_is_found_by_the_sweep(shop: Merchant, work: Work) -> None:
    channel = connected(shop)
    with db.merchant(shop.id):
        (task,) = channels.claim()
    with db.merchant(shop.id) as session:
        session.get_one(Errand, (shop.id, task.errand_id)).lease_until = utcnow()
    outbox.connection().flushdb()
    outbox.sweep()

    work()
    with db.merchant(shop.id):
        channels.conclude(task, channels.Done("refused", problem="token"))  # too late

    assert now(channel).looked_at is not None
    assert looked(channel).problem is None


def test_every_number_is_looked_at_once_a_day(shop: Merchant, work: Work) -> None:
    channel = connected(shop)
    work()
    today = channels.ask_daily()
    last = looked(channel)
    with db.merchant(shop.id) as session:
        session.merge(last).done_at = utcnow() - timedelta(hours=25)

    tomorrow = channels.ask_daily()
    twice = channels.ask_daily()

    assert (today, tomorrow, twice) == (0, 1, 0)


def test_a_number_without_payment_or_with_a_token_that_may_not_send_says_so(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    with simulator.turn():
        facts = {"funded": False, "scopes": ["whatsapp_business_management"]}
        simulator.note("account_changed", account=world.SPARE, facts=facts)

    channel = connected(shop)
    work()

    facts_now = channels.facts_of(now(channel))
    assert facts_now.payment is False
    assert facts_now.missing == ["whatsapp_business_messaging"]
    assert looked(channel).problem == "permission"
    assert now(channel).pause_reason == "permission"


def test_secrets_are_sealed_and_never_in_a_repr(
    shop: Merchant, owner_connection: Any, work: Work
) -> None:
    channel = connected(shop, app_secret="own-app-secret")

    rows = owner_connection.execute("SELECT c::text FROM channels c").fetchall()
    with db.merchant(shop.id):
        (task,) = channels.claim()

    assert now(channel).app_secret == "own-app-secret"
    assert "own-app-secret" not in repr(rows)
    assert TOKEN not in repr(rows)
    assert TOKEN not in repr(task)
    assert TOKEN not in repr(NewNumber("x", "1", "2", TOKEN))


# --- the token ------------------------------------------------------------------------------------


@pytest.fixture
def number(shop: Merchant, work: Work) -> Channel:
    """Connected, and Fatima has written to it."""
    channel = connected(shop)
    work()
    hears(channel)
    return now(channel)


def revoke(simulator: Simulator, *tokens: str) -> None:
    with simulator.turn():
        simulator.note("account_changed", account=world.SPARE, facts={"revoked": list(tokens)})


def test_a_revoked_token_pauses_the_number_loses_nothing_and_rings_once(
    shop: Merchant, number: Channel, simulator: Simulator, work: Work
) -> None:
    revoke(simulator, TOKEN)
    queued(number, 3)

    work()

    assert (now(number).state, now(number).pause_reason) == (ChannelState.PAUSED, "token")
    assert set(endings(number)) <= {Sending.QUEUED, Sending.WAITING}
    assert standing(shop) == {"token"}
    assert rung(shop) == ["token"]


def test_a_new_token_lets_everything_leave_in_order(
    shop: Merchant, number: Channel, simulator: Simulator, work: Work
) -> None:
    revoke(simulator, TOKEN)
    queued(number, 3)
    work()

    with db.merchant(shop.id):
        channels.replace_token(channels.get(number.id, lock=True), f"{TOKEN}-2")
    work()

    assert now(number).state is ChannelState.ACTIVE
    assert now(number).templates_problem is None
    assert endings(number) == [Sending.ACCEPTED] * 3
    assert standing(shop) == set()
    sent = [b.content["body"] for b in simulator.world.bubbles.values() if not b.from_customer]
    assert sent == ["Bonjour 0", "Bonjour 1", "Bonjour 2"]


def test_a_new_token_that_is_no_better_leaves_the_number_paused(
    shop: Merchant, number: Channel, simulator: Simulator, work: Work
) -> None:
    revoke(simulator, TOKEN, f"{TOKEN}-2")
    queued(number)
    work()

    with db.merchant(shop.id):
        channels.replace_token(channels.get(number.id, lock=True), f"{TOKEN}-2")
    work()

    assert now(number).pause_reason == "token"
    assert looked(number).problem == "token"
    assert endings(number) == [Sending.WAITING]


def test_messages_of_a_paused_number_wait_longer_than_a_day(
    shop: Merchant, number: Channel, simulator: Simulator, work: Work
) -> None:
    simulator.fail(190, times=None)
    (message,) = queued(number)
    with db.merchant(shop.id) as session:
        session.get_one(Message, (shop.id, message.id)).created_at = utcnow().replace(year=2020)
    work()

    assert endings(number) == [Sending.WAITING]


def test_a_paused_number_wakes_no_worker(shop: Merchant, number: Channel, work: Work) -> None:
    outbox.sweep()
    work()  # what Meta charged so far is asked once
    with db.merchant(shop.id):
        channels.pause(channels.get(number.id, lock=True))
    queued(number)
    outbox.sweep()  # what else is due
    work()

    lanes = outbox.sweep()

    assert endings(number) == [Sending.QUEUED]
    assert lanes == 0
    with db.merchant(shop.id):
        channels.go_on(channels.get(number.id, lock=True))
    work()
    assert endings(number) == [Sending.ACCEPTED]


def test_a_persons_pause_is_not_ended_by_a_look(
    shop: Merchant, number: Channel, work: Work
) -> None:
    with db.merchant(shop.id):
        channel = channels.get(number.id, lock=True)
        channels.pause(channel)
        channels.look(channel)
    work()

    assert now(number).pause_reason == "person"
    assert standing(shop) == {"person"}
    assert rung(shop) == []


def test_a_missing_payment_method_pauses_the_number_and_is_told(
    shop: Merchant, number: Channel, simulator: Simulator, work: Work
) -> None:
    simulator.fail(131042, times=None)
    queued(number)

    work()

    assert now(number).state is ChannelState.PAUSED
    assert standing(shop) == {"payment"}
    assert rung(shop) == ["payment"]


# --- the profile ----------------------------------------------------------------------------------


def test_the_profile_is_changed_at_meta_and_read_again(
    shop: Merchant, number: Channel, simulator: Simulator, work: Work
) -> None:
    form = profile.Profile(
        about="متجر الجلد", description="Sacs", websites=("https://atlas.example",)
    )
    with db.merchant(shop.id):
        profile.change(channels.get(number.id), form)
    work()

    assert simulator.world.numbers[world.SPARE_ONE].profile["about"] == "متجر الجلد"
    assert profile.of(now(number)) == form
    assert looked(number, "profile").sending is Sending.ACCEPTED


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (profile.Profile(about="x" * 140), "about"),
        (profile.Profile(description="x" * 513), "description"),
        (profile.Profile(email="nobody"), "email"),
        (profile.Profile(websites=("atlas",)), "website0"),
        (profile.Profile(websites=("https://a.ma", "javascript:x")), "website1"),
    ],
)
def test_a_profile_meta_would_refuse_is_refused_here(
    shop: Merchant, number: Channel, form: profile.Profile, field: str
) -> None:
    with db.merchant(shop.id), pytest.raises(Invalid) as no:
        profile.change(channels.get(number.id), form)

    assert set(no.value.fields) == {field}


# --- what Meta tells ------------------------------------------------------------------------------


def change(simulator: Simulator, **facts: Any) -> None:
    door = f"/_control/numbers/{world.SPARE_ONE}"
    assert Client(simulator.app).put(door, json=facts).status_code == 200
    simulator.deliver()


def tell(simulator: Simulator, field: str, **value: Any) -> None:
    with simulator.turn():
        simulator.emit(simulator.world.accounts[world.SPARE], value, field=field)
    simulator.deliver()


def test_a_flagged_number_shows_its_quality_and_what_to_do_until_it_is_good_again(
    shop: Merchant, number: Channel, simulator: Simulator, work: Work
) -> None:
    change(simulator, quality="RED")
    work()
    flagged = standing(shop), channels.facts_of(now(number)).quality, rung(shop)
    change(simulator, quality="GREEN")
    work()

    assert flagged == ({"quality"}, "RED", ["quality"])
    assert standing(shop) == set()
    assert channels.facts_of(now(number)).quality == "GREEN"


def test_a_lower_limit_is_told_and_shown(
    shop: Merchant, number: Channel, simulator: Simulator, work: Work
) -> None:
    change(simulator, limit="TIER_250")
    work()

    assert standing(shop) == {"limit_down"}
    assert channels.facts_of(now(number)).limit == "TIER_250"


def test_a_refused_display_name_is_told(
    shop: Merchant, number: Channel, simulator: Simulator, work: Work
) -> None:
    change(simulator, name_status="DECLINED", name="Apple")
    work()

    assert standing(shop) == {"name_refused"}
    assert channels.facts_of(now(number)).name_status == "DECLINED"


@pytest.mark.parametrize(
    ("field", "value", "kinds"),
    [
        ("account_update", {"event": "ACCOUNT_RESTRICTION"}, {"restriction"}),
        (
            "account_update",
            {"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "SPAM"}},
            {"violation"},
        ),
        (
            "account_update",
            {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}},
            {"banned"},
        ),
        (
            "account_update",
            {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "SCHEDULE_FOR_DISABLE"}},
            {"ban_soon"},
        ),
        ("account_update", {"event": "VERIFIED_ACCOUNT"}, set()),
        ("account_update", {"event": "SOMETHING_NEW"}, set()),
        ("account_review_update", {"decision": "REJECTED"}, {"review_refused"}),
        (
            "account_alerts",
            {"alert_info": {"alert_severity": "CRITICAL", "alert_description": "Verify"}},
            {"alert"},
        ),
        ("account_alerts", {"alert_info": "odd"}, {"alert"}),
        (
            "security",
            {"display_phone_number": "212520000009", "event": "PIN_CHANGED"},
            {"security"},
        ),
        ("business_capability_update", {"max_daily_conversations_per_business": 2000}, set()),
    ],
)
def test_news_of_the_account_is_said_in_our_words_and_kept(
    shop: Merchant,
    number: Channel,
    simulator: Simulator,
    work: Work,
    field: str,
    value: dict[str, Any],
    kinds: set[str],
) -> None:
    tell(simulator, field, **value)
    work()

    assert standing(shop) == kinds
    known = now(number)
    with db.merchant(shop.id):
        assert [e.field for e in channels.lately(known)] == [field]


def test_the_same_news_twice_is_one_notice_and_a_dismissed_one_stays_away(
    shop: Merchant, owner: Membership, number: Channel, simulator: Simulator, work: Work
) -> None:
    with simulator.manners(duplicate=2):
        tell(simulator, "account_update", event="ACCOUNT_RESTRICTION")
    work()
    with db.merchant(shop.id) as session:
        (notice,) = session.scalars(select(Notice))
        notices.dismiss(notice.id, by=owner)
        notices.dismiss(notice.id, by=owner)

    assert standing(shop) == set()
    assert rung(shop) == ["restriction"]


def test_news_during_an_outage_of_meta_begins_its_patience_anew(
    shop: Merchant, number: Channel, simulator: Simulator, work: Work
) -> None:
    asked = utcnow()
    simulator.fail("refuse", on="any", times=None)
    with db.merchant(shop.id):
        channels.look(channels.get(number.id, lock=True))
    work()

    with time_machine.travel(asked + timedelta(minutes=14)):
        tell(simulator, "account_update", event="VERIFIED_ACCOUNT")
        work()
    tries = []
    for minutes in (20, 28, 36):
        with time_machine.travel(asked + timedelta(minutes=minutes)):
            outbox.sweep()
            work()
        tries.append(looked(number).sending)

    assert tries == [Sending.WAITING, Sending.WAITING, Sending.FAILED]


def test_news_about_one_number_says_nothing_of_another(
    shop: Merchant, number: Channel, simulator: Simulator, work: Work
) -> None:
    tell(
        simulator,
        "phone_number_quality_update",
        display_phone_number="212520000001",
        event="FLAGGED",
        current_limit="TIER_50",
    )
    work()

    assert standing(shop) == set()
    assert channels.facts_of(now(number)).limit == "TIER_2K"


# --- removing -------------------------------------------------------------------------------------


def test_only_a_number_that_never_opened_can_be_removed(
    shop: Merchant, number: Channel, work: Work
) -> None:
    wrong = connected(shop, phone_number_id="999999999999999")
    work()
    with db.merchant(shop.id):
        channels.remove(channels.get(wrong.id))
    with db.merchant(shop.id), pytest.raises(Refused):
        channels.remove(channels.get(number.id))

    with db.merchant(shop.id):
        assert wrong.id not in {c.id for c in channels.all_of_merchant()}


def test_a_picture_is_uploaded_to_meta_and_seen_at_the_next_look(
    shop: Merchant, number: Channel, simulator: Simulator, work: Work
) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
    with db.merchant(shop.id) as session:
        media = Media(
            file=f"{shop.id}/p.png", filename="p.png", mime_type="image/png", size=48, sha256="0"
        )
        session.add(media)
        path = settings().var / "media" / media.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
        session.flush()
        profile.change(channels.get(number.id), profile.Profile(about="Sacs"), media)
    work()

    assert "profile_picture_url" in simulator.world.numbers[world.SPARE_ONE].profile
    assert channels.facts_of(now(number)).photo is True


def test_a_profile_meta_refuses_says_why(
    shop: Merchant, number: Channel, simulator: Simulator, work: Work
) -> None:
    with db.merchant(shop.id):
        channels.ask(channels.get(number.id), "profile", {"about": "x" * 200})
    work()

    errand = looked(number, "profile")
    assert (errand.sending, errand.problem) == (Sending.FAILED, "refused")
    assert "139" in str(errand.words)
