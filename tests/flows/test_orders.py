from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, func, select

from flows import customers, orders, pipeline, team, threads
from flows.errors import Invalid, NotFound, Refused
from flows.events import Person
from flows.orders import NewLine, NewOrder
from models import db
from models.catalog import Product
from models.conversation import Activity, Conversation
from models.customer import Address, Customer, Phone
from models.db import MerchantSession, Row
from models.merchant import Merchant
from models.message import Message
from models.order import Order, PriceAdjustment
from models.pipeline import Pipeline, Stage, SystemState
from models.stock import Movement
from models.timeline import SYSTEM, Entry
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop

FATIMA = "Fatima Zahra El Idrissi"
HERS = customers.Number("0661234567", "+212661234567")


def form(*lines: NewLine, **values: Any) -> NewOrder:
    """An order of Fatima's that lacks nothing; `values` changes what a test is about."""
    usual: dict[str, Any] = {
        "client_id": uuid4(),
        "name": FATIMA,
        "phone": HERS,
        "address": "12 rue Ibn Aïcha",
        "city": "Marrakech",
        "lines": lines or (NewLine(name="Cadeau", unit_price=10000),),
        "delivery_fee": 3500,
    }
    return NewOrder(**usual | values)


def taken(by: Membership, talk: Conversation | None, *lines: NewLine, **values: Any) -> Order:
    order = orders.create(form(*lines, **values), by=by, conversation=talk)
    db.session().flush()
    return order


def refused(by: Membership, talk: Conversation | None, *lines: NewLine, **values: Any) -> Invalid:
    with pytest.raises(Invalid) as no:
        orders.create(form(*lines, **values), by=by, conversation=talk)
    return no.value


def count(table: type[Row]) -> int:
    return db.session().scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def talk(agent: Membership, session: MerchantSession) -> Conversation:
    """Fatima has written; nobody knows her yet."""
    return shop.conversation()


@pytest.fixture
def nameless(agent: Membership, session: MerchantSession) -> Conversation:
    """Somebody has written whose number WhatsApp keeps to itself."""
    person = Person(user_id="MA.13491208655302741918", username="hamza_92")
    return shop.conversation(sender=person)


# --- what the form begins with --------------------------------------------------------------------


def test_the_draft_of_a_stranger_has_the_profiles_name_and_the_number(
    talk: Conversation, agent: Membership
) -> None:
    draft = orders.prefill(talk)

    assert (draft.name, draft.phone, draft.existing) == (FATIMA, "+212661234567", False)
    assert (draft.addresses, draft.duplicates) == ((), [])
    assert draft.stages[0].name == "Nouvelle"
    assert [member.id for member in draft.members] == [agent.id]


def test_the_draft_of_a_known_customer_is_their_card(talk: Conversation, agent: Membership) -> None:
    taken(agent, talk, name="Fatima", email="fatima@example.com")
    taken(agent, talk, address="3 derb Sidi", city="Fès")

    draft = orders.prefill(talk)

    assert (draft.name, draft.existing, draft.email) == ("Fatima", True, "fatima@example.com")
    assert [(a.line, a.city) for a in draft.addresses] == [
        ("3 derb Sidi", "Fès"),
        ("12 rue Ibn Aïcha", "Marrakech"),
    ]


def test_a_card_made_elsewhere_is_recognised_by_its_number(talk: Conversation) -> None:
    card = customers.open_card(
        "Mme El Idrissi", number=customers.read_phone("06 61 23 45 67", "MA")
    )
    db.session().flush()

    assert orders.prefill(talk).card is card


def test_the_form_asks_for_a_number_that_whatsapp_does_not_tell(nameless: Conversation) -> None:
    draft = orders.prefill(nameless)

    assert (draft.name, draft.phone) == ("", None)


def test_other_cards_with_the_same_number_are_named(talk: Conversation, agent: Membership) -> None:
    taken(agent, talk)
    customers.open_card("Hassan", number=HERS)
    db.session().flush()

    assert [card.name for card in orders.prefill(talk).duplicates] == ["Hassan"]


def test_without_a_pipeline_there_is_nothing_to_begin_on(talk: Conversation) -> None:
    db.session().delete(shop.pipeline_of())
    db.session().flush()

    with pytest.raises(Refused, match="no_stage"):
        orders.prefill(talk)


# --- taking it ------------------------------------------------------------------------------------


def test_an_order_stands_on_its_stage_linked_to_the_conversation_and_the_card(
    talk: Conversation, agent: Membership
) -> None:
    bag = shop.bag()

    order = taken(agent, talk, NewLine(variant_id=bag.id, quantity=2), note="Après 18 h")

    assert (order.number, order.stage.name, order.state) == (1001, "Nouvelle", SystemState.NEW)
    assert order.conversation is talk
    assert order.customer is talk.identity.customer
    assert (order.customer.name, [p.e164 for p in order.customer.phones]) == (
        FATIMA,
        ["+212661234567"],
    )
    assert [(a.line, a.city) for a in order.customer.addresses] == [
        ("12 rue Ibn Aïcha", "Marrakech")
    ]
    assert (order.ship_name, order.ship_phone, order.ship_city) == (
        FATIMA,
        "+212661234567",
        "Marrakech",
    )
    assert [(e.kind, e.actor_id) for e in shop.entries_of(order)] == [("created", agent.id)]
    activity = db.session().scalars(select(Activity)).one()
    assert (activity.kind, activity.facts, activity.actor_id) == (
        "order_created",
        {"number": 1001},
        agent.id,
    )


def test_a_conversation_may_have_several_orders(talk: Conversation, agent: Membership) -> None:
    first, second = taken(agent, talk), taken(agent, talk)

    assert (first.number, second.number) == (1001, 1002)
    assert first.customer is second.customer
    assert [o.number for o in orders.listed(talk)] == [1002, 1001]


def test_lines_are_copies_so_that_a_new_price_is_for_future_orders_only(
    talk: Conversation, agent: Membership
) -> None:
    product = factories.product("Sac cuir", price=32000, couleur=["Noir", "Rouge"])
    red = product.variants[1]
    red.price = 35000

    order = taken(agent, talk, NewLine(product_id=product.id, variant_id=red.id, quantity=2))
    product.name, red.price = "Sac", 99000
    talk.identity.customer.addresses[0].city = "Rabat"  # type: ignore[union-attr]  # it has one
    db.session().flush()
    db.session().expire_all()

    (line,) = order.lines
    assert (line.name, line.sku, line.unit_price, line.quantity) == (
        "Sac cuir (Rouge)",
        red.sku,
        35000,
        2,
    )
    assert (order.catalog_total, order.ship_city) == (70000, "Marrakech")


def test_the_amount_due_is_lines_less_discount_plus_delivery(
    talk: Conversation, agent: Membership
) -> None:
    order = taken(agent, talk, NewLine(name="Tapis", unit_price=40000, quantity=2), discount=5000)

    assert (order.catalog_total, order.applied_total, order.discount) == (80000, 75000, 5000)
    assert (order.delivery_fee, order.amount_due.minor) == (3500, 78500)


def test_the_merchants_usual_fee_counts_when_nobody_says_another(
    talk: Conversation, agent: Membership, merchant: Merchant
) -> None:
    db.session().get_one(Merchant, merchant.id).delivery_fee = 2900

    assert taken(agent, talk, delivery_fee=None).delivery_fee == 2900


@pytest.mark.parametrize("typed", [{"discount": 4000}, {"applied_total": 6000}])
def test_a_discount_leaves_a_trace_of_who_gave_it_and_why(
    typed: dict[str, int], talk: Conversation, agent: Membership
) -> None:
    order = taken(agent, talk, reason="Cliente fidèle", **typed)

    given = db.session().scalars(select(PriceAdjustment)).one()
    assert (given.catalog_total, given.applied_total) == (10000, 6000)
    assert (given.reason, given.by_id) == ("Cliente fidèle", agent.id)
    (entry,) = shop.entries_of(order, "discounted")
    assert entry.actor_id == agent.id
    assert entry.facts == {
        "catalog_total": 10000,
        "applied_total": 6000,
        "discount": 4000,
        "reason": "Cliente fidèle",
    }


def test_without_a_discount_there_is_nothing_to_trace(
    talk: Conversation, agent: Membership
) -> None:
    order = taken(agent, talk, applied_total=10000)

    assert count(PriceAdjustment) == 0
    assert shop.entries_of(order, "discounted") == []


def test_a_free_product_is_in_no_catalogue_and_moves_no_stock(
    talk: Conversation, agent: Membership
) -> None:
    confirmed = shop.stage(SystemState.CONFIRMED)

    order = taken(agent, talk, NewLine(name="Emballage", unit_price=0), stage_id=confirmed.id)

    assert [(line.name, line.variant_id) for line in order.lines] == [("Emballage", None)]
    assert (count(Product), count(Movement)) == (0, 0)


def test_starting_on_a_stage_that_reserves_promises_the_goods(
    talk: Conversation, agent: Membership
) -> None:
    bag, confirmed = shop.bag(stock_of=5), shop.stage(SystemState.CONFIRMED)

    taken(agent, talk, NewLine(variant_id=bag.id, quantity=2), stage_id=confirmed.id)

    assert shop.held(bag) == (3, 2)


def test_without_the_goods_nothing_at_all_has_happened(
    talk: Conversation, agent: Membership
) -> None:
    bag, confirmed = shop.bag(stock_of=1), shop.stage(SystemState.CONFIRMED)
    db.session().commit()

    with pytest.raises(Refused) as no:
        taken(agent, talk, NewLine(variant_id=bag.id, quantity=2), stage_id=confirmed.id)
    db.session().rollback()

    assert (no.value.code, no.value.status) == ("insufficient_stock", 409)
    assert (no.value.facts["available"], no.value.facts["needed"]) == (1, 2)
    for table in (Order, Customer, Phone, Address, Entry, Activity, PriceAdjustment):
        assert count(table) == 0
    assert taken(agent, talk).number == 1002  # its number is not given twice


def test_the_stages_automation_queues_its_message(talk: Conversation, agent: Membership) -> None:
    shop.automation(on=SystemState.NEW)

    order = taken(agent, talk)

    sent = db.session().scalars(select(Message).where(Message.order_id == order.id)).one()
    assert sent.text.startswith("Bonjour Fatima, votre commande 1001")
    assert orders.said(order) == [sent]


# --- once -----------------------------------------------------------------------------------------


def test_the_same_form_twice_is_one_order(talk: Conversation, agent: Membership) -> None:
    twice = uuid4()

    first = taken(agent, talk, client_id=twice)
    second = taken(agent, talk, client_id=twice, name="Somebody else")

    assert second is first
    assert (count(Order), first.ship_name) == (1, FATIMA)


def test_five_clicks_at_once_are_one_order_and_one_number(
    talk: Conversation, agent: Membership, merchant: Merchant
) -> None:
    click = form()
    db.session().commit()

    made = _at_once(merchant, agent, talk.id, [click] * 5)

    assert len(set(made)) == 1
    assert (count(Order), count(Customer), count(Activity)) == (1, 1, 1)
    assert taken(agent, talk).number == made[0] + 1


def test_two_agents_taking_a_new_customers_first_orders_open_one_card(
    talk: Conversation, agent: Membership, merchant: Merchant
) -> None:
    db.session().commit()

    made = _at_once(merchant, agent, talk.id, [form(), form()])

    assert sorted(made) == [1001, 1002]
    assert (count(Order), count(Customer), count(Phone), count(Address)) == (2, 1, 1, 1)


def _at_once(
    merchant: Merchant, agent: Membership, talk_id: UUID, forms: list[NewOrder]
) -> list[int]:
    together = Barrier(len(forms))

    def click(one: NewOrder) -> int:
        with db.merchant(merchant.id) as session:
            talk = session.get_one(Conversation, (merchant.id, talk_id))
            by = session.get_one(Membership, (merchant.id, agent.id))
            together.wait()
            return orders.create(one, by=by, conversation=talk).number

    with ThreadPoolExecutor(len(forms)) as clicks:
        return list(clicks.map(click, forms))


# --- whose order it is ----------------------------------------------------------------------------


def test_an_exact_number_finds_the_card_and_keeps_its_name(
    nameless: Conversation, agent: Membership
) -> None:
    card = customers.open_card("Hamza Ouazzani", number=customers.read_phone("0612345678", "MA"))
    db.session().flush()

    order = taken(
        agent, nameless, name="Hamza O.", phone=customers.read_phone("+212 6 12-34-56-78", "MA")
    )

    assert order.customer is card
    assert (card.name, order.ship_name) == ("Hamza Ouazzani", "Hamza O.")
    assert nameless.identity.customer is card
    assert count(Phone) == 1


def test_a_number_that_only_ends_alike_is_somebody_else(
    nameless: Conversation, agent: Membership
) -> None:
    french = customers.open_card("Jean", number=customers.read_phone("0612345678", "FR"))
    db.session().flush()

    order = taken(agent, nameless, phone=customers.read_phone("0612345678", "MA"))

    assert order.customer is not french


def test_a_typed_number_joins_the_card_of_whoever_writes(
    talk: Conversation, agent: Membership
) -> None:
    taken(agent, talk)

    order = taken(agent, talk, phone=customers.read_phone("0522334455", "MA"))

    assert order.ship_phone == "+212522334455"
    assert count(Customer) == 1
    assert {p.e164 for p in order.customer.phones} == {"+212661234567", "+212522334455"}


def test_of_two_cards_with_the_number_the_one_of_that_name_is_meant(
    nameless: Conversation, agent: Membership
) -> None:
    number = customers.read_phone("0612345678", "MA")
    for name in ("خديجة العلوي", "حمزة"):
        customers.open_card(name, number=number)
        db.session().flush()

    order = taken(agent, nameless, name="حمزه", phone=number)

    assert order.customer.name == "حمزة"


def test_an_arabic_customer_is_found_by_name_afterwards(
    talk: Conversation, agent: Membership
) -> None:
    taken(agent, talk, name="خديجة العلوي", address="حي السلام، زنقة 12", city="فاس")

    (found,) = threads.listed(search="خديجه")
    assert found.conversation is talk


def test_a_saved_address_is_used_again_rather_than_saved_twice(
    talk: Conversation, agent: Membership
) -> None:
    first = taken(agent, talk)
    saved = first.customer.addresses[0]
    before = saved.used_at

    chosen = taken(agent, talk, address_id=saved.id, address="ignored", city="")
    typed = taken(agent, talk, address="12 RUE  IBN AICHA", city="marrakech")

    assert (chosen.ship_line, chosen.ship_city) == ("12 rue Ibn Aïcha", "Marrakech")
    assert (count(Address), typed.ship_line) == (1, "12 RUE  IBN AICHA")
    assert saved.used_at > before


def test_an_email_that_was_typed_is_kept_and_an_empty_one_erases_nothing(
    talk: Conversation, agent: Membership
) -> None:
    card = taken(agent, talk, email="old@example.com").customer
    taken(agent, talk, email="new@example.com")
    taken(agent, talk, email=None)

    assert card.email == "new@example.com"


# --- what is wrong with it ------------------------------------------------------------------------


def test_every_wrong_field_is_named_at_once(talk: Conversation, agent: Membership) -> None:
    no = refused(
        agent,
        talk,
        NewLine(name="", unit_price=None, quantity=0),
        name="",
        phone=None,
        address="",
        city="",
        stage_id=uuid4(),
        assignee_id=uuid4(),
        payment_method="barter",
        payment_status="promised",
        delivery_fee=-1,
        reason="x" * 201,
        unread={"email": Refused("unreadable", "This is not an e-mail address.")},
    )

    assert no.status == 422
    assert set(no.fields) == {
        "name",
        "phone",
        "email",
        "address",
        "city",
        "stage_id",
        "assignee_id",
        "payment_method",
        "payment_status",
        "delivery_fee",
        "reason",
        "lines[0].name",
        "lines[0].unit_price",
        "lines[0].quantity",
    }


def test_the_edges_word_about_a_field_is_the_one_people_read(
    talk: Conversation, agent: Membership
) -> None:
    unread = {"phone": Refused("unreadable", "This is not a phone number.")}

    assert refused(agent, talk, phone=None, unread=unread).fields["phone"].code == "unreadable"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (NewLine(name="Tapis", unit_price=1, quantity=10000), "quantity"),
        (NewLine(name="Tapis", unit_price=1, quantity=-1), "quantity"),
        (NewLine(name="Tapis", unit_price=-1), "unit_price"),
        (NewLine(name="Tapis", unit_price=10**13), "unit_price"),
        (NewLine(name="x" * 201, unit_price=1), "name"),
        (NewLine(product_id=uuid4()), "variant_id"),
        (NewLine(variant_id=uuid4()), "variant_id"),
    ],
)
def test_a_line_that_cannot_be_is_refused(
    line: NewLine, wrong: str, talk: Conversation, agent: Membership
) -> None:
    fine = NewLine(name="Cadeau", unit_price=1)

    assert set(refused(agent, talk, fine, line).fields) == {f"lines[1].{wrong}"}


def test_a_product_with_versions_needs_one_of_its_own(
    talk: Conversation, agent: Membership
) -> None:
    bag = factories.product("Sac", couleur=["Noir", "Rouge"])
    belt = factories.product("Ceinture")

    no = refused(
        agent,
        talk,
        NewLine(product_id=bag.id),
        NewLine(product_id=bag.id, variant_id=belt.variants[0].id),
        NewLine(product_id=belt.id),
    )

    assert {key: why.code for key, why in no.fields.items()} == {
        "lines[0].variant_id": "required",
        "lines[1].variant_id": "unknown",
    }


def test_what_is_no_longer_sold_is_not_sold(talk: Conversation, agent: Membership) -> None:
    product = factories.product("Sac")
    product.active = False
    db.session().flush()

    no = refused(agent, talk, NewLine(product_id=product.id))

    assert no.fields["lines[0].variant_id"].code == "not_sold"


@pytest.mark.parametrize(
    ("typed", "field", "code"),
    [
        ({"discount": 10001}, "discount", "discount_too_large"),
        ({"discount": -1}, "discount", "amount"),
        ({"applied_total": 10001}, "applied_total", "surcharge"),
        ({"applied_total": 9000, "discount": 500}, "applied_total", "disagree"),
        ({"amount_due": 13499}, "amount_due", "changed"),
    ],
)
def test_amounts_that_do_not_add_up_are_refused(
    typed: dict[str, int], field: str, code: str, talk: Conversation, agent: Membership
) -> None:
    no = refused(agent, talk, **typed)

    assert {key: why.code for key, why in no.fields.items()} == {field: code}


def test_an_order_needs_a_product_and_takes_at_most_a_hundred(
    talk: Conversation, agent: Membership
) -> None:
    many = [NewLine(name="Perle", unit_price=1)] * 101

    assert set(refused(agent, talk, lines=()).fields) == {"lines"}
    assert set(refused(agent, talk, *many).fields) == {"lines"}


def test_a_pipeline_that_ships_nothing_asks_for_no_address(
    talk: Conversation, agent: Membership
) -> None:
    shop.pipeline_of().ships = False

    order = taken(agent, talk, address="", city="")

    assert (order.ship_line, order.ship_city, count(Address)) == ("", "", 0)


def test_no_order_begins_on_a_hidden_stage_or_one_of_another_pipeline(
    talk: Conversation, agent: Membership
) -> None:
    shop.stage("Préparation").active = False
    other = Pipeline(name="Services", ships=False)
    other.every_stage = [Stage(position=1, name="Demande", color="green", state=SystemState.NEW)]
    db.session().add(other)
    db.session().flush()

    for stage in (shop.stage("Préparation"), other.stages[0]):
        assert set(refused(agent, talk, stage_id=stage.id).fields) == {"stage_id"}


def test_nothing_of_another_merchant_can_be_named(
    stranger: Membership, talk: Conversation, agent: Membership
) -> None:
    db.session().commit()
    db.close()
    with db.merchant(stranger.merchant_id):
        bag = shop.bag()
        theirs = shop.stage(SystemState.NEW)
        there = shop.conversation(phone_number_id="2" * 15)
        address = taken(stranger, there).customer.addresses[0]
    db.begin(agent.merchant_id)
    talk = db.session().get_one(Conversation, (agent.merchant_id, talk.id))

    no = refused(
        agent,
        talk,
        NewLine(variant_id=bag.id),
        stage_id=theirs.id,
        assignee_id=stranger.id,
        address_id=address.id,
    )

    assert set(no.fields) == {"lines[0].variant_id", "stage_id", "assignee_id", "address_id"}


def test_an_address_of_somebody_elses_card_cannot_be_chosen(
    talk: Conversation, nameless: Conversation, agent: Membership
) -> None:
    hers = taken(agent, talk).customer.addresses[0]
    other = customers.read_phone("0612345678", "MA")

    assert set(refused(agent, nameless, phone=other, address_id=hers.id).fields) == {"address_id"}


def test_somebody_who_left_the_team_gets_no_order(
    manager: Membership, talk: Conversation, agent: Membership
) -> None:
    left = db.session().get_one(Membership, (manager.merchant_id, manager.id))
    left.disabled_at = utcnow()
    db.session().flush()

    assert set(refused(agent, talk, assignee_id=left.id).fields) == {"assignee_id"}
    assert left.id not in {member.id for member in team.members()}


# --- what people see ------------------------------------------------------------------------------


def test_the_panel_of_a_stranger_is_empty_but_has_their_number(talk: Conversation) -> None:
    panel = orders.panel(talk, money=True)

    assert (panel.card, panel.phones, panel.count, panel.orders) == (None, ["+212661234567"], 0, ())


def test_total_spent_counts_what_was_delivered_without_the_delivery(
    talk: Conversation, agent: Membership
) -> None:
    for _ in range(2):
        delivered = taken(agent, talk, discount=1000)
        for state in (SystemState.CONFIRMED, SystemState.SHIPPED, SystemState.DELIVERED):
            pipeline.move(delivered, shop.stage(state), by=SYSTEM)
    taken(agent, talk)
    db.session().flush()

    panel = orders.panel(talk, money=True)

    assert [order.number for order in panel.orders] == [1003, 1002, 1001]
    assert (panel.count, panel.spent) == (3, in_dirham(18000))


def in_dirham(minor: int) -> Any:
    return db.session().get_one(Merchant, db.session().merchant_id).money(minor)


def test_money_is_not_even_asked_for_on_behalf_of_who_may_not_see_it(
    talk: Conversation, agent: Membership
) -> None:
    taken(agent, talk)

    with statements() as asked:
        panel = orders.panel(talk, money=False)

    assert panel.spent is None
    assert not any("sum(" in statement for statement in asked)


def test_a_panel_of_many_orders_costs_no_more_questions_than_one_of_two(
    talk: Conversation, agent: Membership
) -> None:
    def questions() -> int:
        db.session().commit()
        db.session().expire_all()
        with statements() as asked:
            for order in orders.panel(talk, money=True).orders:
                assert order.stage.name
                assert order.lines
        return len(asked)

    for _ in range(2):
        taken(agent, talk)
    few = questions()
    for _ in range(23):
        taken(agent, talk)

    assert questions() == few <= 12
    panel = orders.panel(talk, money=True)
    assert (len(panel.orders), panel.count, panel.more) == (20, 25, True)
    older = orders.listed(talk, before=panel.orders[-1].number)
    assert [order.number for order in older] == [1005, 1004, 1003, 1002, 1001]


class statements(list[str]):  # noqa: N801 - used like a function: with statements() as asked
    """What the database is asked inside the block."""

    def __enter__(self) -> "statements":
        self.engine: Any = db.session().get_bind()
        event.listen(self.engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.append(statement)


def test_an_order_is_found_by_its_number_by_its_own_merchant_only(
    stranger: Membership, talk: Conversation, agent: Membership
) -> None:
    number = taken(agent, talk).number
    db.session().commit()
    assert orders.find(number).ship_name == FATIMA
    db.close()

    with db.merchant(stranger.merchant_id), pytest.raises(NotFound):
        orders.find(number)


def test_the_timeline_says_newest_first_who_did_what(talk: Conversation, agent: Membership) -> None:
    order = taken(agent, talk, discount=500)
    pipeline.move(order, shop.stage(SystemState.CANCELLED), by=SYSTEM)
    db.session().flush()

    told = orders.timeline(order)

    assert [entry.kind for entry in told] == ["moved", "discounted", "created"]
    assert [entry.member.name if entry.member else None for entry in told] == [
        None,
        "Salma",
        "Salma",
    ]
