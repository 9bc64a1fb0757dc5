"""Stock by position: promised, gone, on its way back; every change is a level and a ledger line.

A line of an order is at one position; the state of its order says at which one it should be, and
`follow` writes the difference (spec §3.4). So any jump and any correction ends right, and doing
it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from flows import counters
from flows.errors import N_, Refused
from models import db
from models.catalog import Variant
from models.merchant import Merchant
from models.order import Order, OrderLine, StockPosition
from models.pipeline import SystemState
from models.stock import Movement, StockLevel, Warehouse
from models.timeline import Entry
from models.types import new_id
from models.user import Membership

NONE, RESERVED, ISSUED, IN_RETURN, RESTOCKED = StockPosition


class OutOfStock(Refused):
    """There is not enough to promise; `needed` pieces were asked for, `available` are there."""

    def __init__(self, variant: Variant, *, available: int, needed: int) -> None:
        super().__init__(
            "insufficient_stock",
            N_("Not enough {name} in stock: {needed} needed, {available} available."),
            sku=variant.sku,
            name=variant.name,
            available=available,
            needed=needed,
        )
        counters.count("stock_rejected_total")


@dataclass(frozen=True, slots=True)
class Change:
    """A kind of movement and what one piece of it adds to a level."""

    kind: str
    available: int
    reserved: int


RESERVE = Change("reserve", -1, +1)
RELEASE = Change("release", +1, -1)
ISSUE = Change("issue", 0, -1)
# A correction by a manager: the goods had not left after all.
RECALL = Change("recall", 0, +1)

# How goods get from one position to another. A pair that is not here moves nothing: what is on
# its way back stays out of every level until somebody receives it.
CHANGES: dict[tuple[StockPosition, StockPosition], tuple[Change, ...]] = {
    (NONE, RESERVED): (RESERVE,),
    (NONE, ISSUED): (RESERVE, ISSUE),
    (NONE, IN_RETURN): (RESERVE, ISSUE),
    (RESERVED, NONE): (RELEASE,),
    (RESERVED, ISSUED): (ISSUE,),
    (RESERVED, IN_RETURN): (ISSUE,),
    (ISSUED, RESERVED): (RECALL,),
    (ISSUED, NONE): (RECALL, RELEASE),
    (IN_RETURN, RESERVED): (RESERVE,),
    (RESTOCKED, RESERVED): (RESERVE,),
    (RESTOCKED, ISSUED): (RESERVE, ISSUE),
}

# Where a state wants the goods, and the positions it leaves as they are.
WANTED: dict[SystemState, tuple[StockPosition, frozenset[StockPosition]]] = {
    SystemState.NEW: (NONE, frozenset({IN_RETURN, RESTOCKED})),
    SystemState.UNREACHABLE: (NONE, frozenset({IN_RETURN, RESTOCKED})),
    SystemState.TO_CONFIRM: (NONE, frozenset({IN_RETURN, RESTOCKED})),
    SystemState.CONFIRMED: (RESERVED, frozenset()),
    SystemState.SHIPPED: (ISSUED, frozenset()),
    SystemState.DELIVERY_FAILURE: (ISSUED, frozenset()),
    SystemState.DELIVERED: (ISSUED, frozenset()),
    SystemState.RETURNED: (IN_RETURN, frozenset({RESTOCKED})),
    SystemState.CANCELLED: (NONE, frozenset({IN_RETURN, RESTOCKED})),
}


def position(now: StockPosition, state: SystemState) -> StockPosition:
    """Where the goods of a line should be once its order is in `state`."""
    if state is SystemState.CANCELLED and now is ISSUED:
        return IN_RETURN  # a click does not bring a parcel back: its reception does
    wanted, kept = WANTED[state]
    return now if now in kept else wanted


def follow(order: Order, entry: Entry) -> None:
    """Every tracked line of the order is where its state wants it, with ledger lines for `entry`.

    Refuses with OutOfStock, unless the merchant allows to sell what is not there. The caller
    holds the order; free products and untracked ones never move.
    """
    recount(order, {}, entry)


def recount(order: Order, quantities: Mapping[UUID, int], entry: Entry) -> None:
    """The same, and each line named by its id asks for so many pieces now; 0 gives all of it up.

    What is promised follows the difference. Goods that have left are not to be named.
    """
    tracked = _tracked(order)
    for line in order.lines:
        if line not in tracked:
            line.quantity = quantities.get(line.id, line.quantity)
    # Sorted by variant: two orders that want the same goods never wait for each other.
    for line in sorted(tracked, key=lambda line: (str(line.variant_id), line.position)):
        _resize(line, quantities.get(line.id, line.quantity), entry)
        wanted = position(line.stock, order.state) if line.quantity else NONE
        for change in CHANGES.get((line.stock, wanted), ()):
            _move(line, change, entry)
        line.stock = wanted


def _resize(line: OrderLine, quantity: int, entry: Entry) -> None:
    """Only what is promised moves; the line that is given up promises nothing any more."""
    more = quantity - line.quantity
    if line.stock is RESERVED and more:
        _move(line, RESERVE if more > 0 else RELEASE, entry, abs(more))
    line.quantity = quantity
    if not quantity:
        line.stock = NONE


def adjust(variant: Variant, quantity: int, *, reason: str, by: Membership | None = None) -> None:
    """`quantity` pieces more (or, below zero, fewer) are there to sell; the ledger says why.

    Refuses with OutOfStock to take away what is not there, unless the merchant allows it.
    """
    warehouse = default_warehouse()
    _open_level(variant, warehouse)
    if not _change(variant, warehouse, available=quantity, reserved=0):
        raise OutOfStock(variant, available=_available(variant, warehouse), needed=-quantity)
    db.session().add(
        Movement(
            variant_id=variant.id,
            warehouse_id=warehouse.id,
            kind="adjust",
            available=quantity,
            reserved=0,
            reason=reason,
            by_id=by.id if by else None,
        )
    )


def levels(variant: Variant) -> list[StockLevel]:
    """What every warehouse holds of the variant, as the database says now; oldest first."""
    wanted = select(StockLevel).where(StockLevel.variant_id == variant.id).order_by(StockLevel.id)
    return list(db.session().scalars(wanted, execution_options={"populate_existing": True}))


def default_warehouse() -> Warehouse:
    """The merchant's oldest warehouse; every merchant starts with one."""
    oldest = select(Warehouse).order_by(Warehouse.created_at, Warehouse.id).limit(1)
    return db.session().scalars(oldest).one()


def _tracked(order: Order) -> list[OrderLine]:
    """The lines stock knows of; one that was promised is followed to its end, come what may."""
    ids = [line.variant_id for line in order.lines if line.variant_id]
    wanted = select(Variant).where(Variant.id.in_(ids)).options(joinedload(Variant.product))
    variants = {variant.id: variant for variant in db.session().scalars(wanted)}
    return [
        line
        for line in order.lines
        if (variant := variants.get(line.variant_id)) is not None  # type: ignore[arg-type]  # None finds none
        and (variant.product.track_stock or line.stock is not NONE)
    ]


def _move(line: OrderLine, change: Change, entry: Entry, quantity: int | None = None) -> None:
    """`quantity` pieces of the line, all of it unless said otherwise."""
    session, pieces = db.session(), quantity or line.quantity
    variant = session.get_one(Variant, (line.merchant_id, line.variant_id))
    warehouse = _warehouse_of(line)
    available, reserved = change.available * pieces, change.reserved * pieces
    if not _change(variant, warehouse, available=available, reserved=reserved):
        left = _available(variant, warehouse)
        raise OutOfStock(variant, available=left, needed=pieces)
    line.warehouse_id = warehouse.id
    session.add(
        Movement(
            variant_id=variant.id,
            warehouse_id=warehouse.id,
            kind=change.kind,
            available=available,
            reserved=reserved,
            order_line_id=line.id,
            entry_id=entry.id,
            by_id=entry.actor_id,
        )
    )


def _warehouse_of(line: OrderLine) -> Warehouse:
    """Where the line's goods were promised; the default one before that."""
    if line.warehouse_id is None:
        return default_warehouse()
    return db.session().get_one(Warehouse, (line.merchant_id, line.warehouse_id))


def _change(variant: Variant, warehouse: Warehouse, *, available: int, reserved: int) -> bool:
    """Add to a level in one statement; False, and nothing changed, if it would sell thin air."""
    session = db.session()
    statement = update(StockLevel).where(
        StockLevel.variant_id == variant.id, StockLevel.warehouse_id == warehouse.id
    )
    if session.get_one(Merchant, session.merchant_id).allow_negative_stock:
        _open_level(variant, warehouse)
    elif available < 0:
        statement = statement.where(StockLevel.available >= -available)
    changed = session.execute(
        statement.values(
            available=StockLevel.available + available, reserved=StockLevel.reserved + reserved
        ).returning(StockLevel.id),
        execution_options={"synchronize_session": False},
    )
    return changed.first() is not None


def _available(variant: Variant, warehouse: Warehouse) -> int:
    wanted = select(StockLevel.available).where(
        StockLevel.variant_id == variant.id, StockLevel.warehouse_id == warehouse.id
    )
    return db.session().scalar(wanted) or 0


def _open_level(variant: Variant, warehouse: Warehouse) -> None:
    session = db.session()
    empty = insert(StockLevel).values(
        merchant_id=session.merchant_id,
        id=new_id(),
        variant_id=variant.id,
        warehouse_id=warehouse.id,
        available=0,
        reserved=0,
    )
    session.execute(
        empty.on_conflict_do_nothing(index_elements=["merchant_id", "variant_id", "warehouse_id"])
    )
