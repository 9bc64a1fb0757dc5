"""Finding orders by number, name, any spelling of the phone, tracking number: words under a btree.

`index` keeps the words of an order; whoever writes one of these texts calls it. What is typed is
some prefixes of words, in any order, and an order is found when it has them all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from flows import places
from flows.customers.phones import SUFFIX, phone_words
from models import db, search
from models.customer import Customer
from models.merchant import Merchant
from models.order import Order
from models.types import clean
from models.word import Word

FOUND = 8
"""How many orders the search box proposes while somebody types."""
MOST = 1000
"""Of more orders that have all the words only the newest are looked at."""
CROWD = 20_000
"""From so many words on, a prefix is too common to sort what it finds."""
LONGEST = 60
"""Characters of a search that are read; nobody types a longer name."""
MOST_WORDS = 6

# Above every character a word can hold: where the range of a prefix ends.
_END = "\U0010ffff"
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s.()\-/\u2010-\u2015]+(?=\d)")


# --- keeping the words ----------------------------------------------------------------------------


def index(*orders: Order) -> None:
    """Each order is found by what it says now. Flushes; a few statements for all of them."""
    session = db.session()
    session.flush()  # words point at their order
    country = session.get_one(Merchant, session.merchant_id).country
    wanted = {(order.id, word) for order in orders for word in _words(order, country)}
    stored = select(Word.id, Word.word).where(Word.id.in_([order.id for order in orders]))
    known = {(id_, word) for id_, word in session.execute(stored)}
    if known - wanted:
        gone = delete(Word).where(tuple_(Word.id, Word.word).in_(known - wanted))
        session.execute(gone.execution_options(synchronize_session=False))
    if wanted - known:
        ids, words = zip(*sorted(wanted - known), strict=True)
        rows = select(
            literal(session.merchant_id),
            func.unnest(literal(ids, ARRAY(Uuid))),
            func.unnest(literal(words, ARRAY(Text))),
        )
        fresh = insert(Word).from_select(["merchant_id", "id", "word"], rows)
        session.execute(fresh.on_conflict_do_nothing())


def index_card(card: Customer) -> None:
    """The orders of a card are found by the name it has now."""
    index(*db.session().scalars(select(Order).where(Order.customer_id == card.id)))


def _words(order: Order, country: str) -> set[str]:
    return words_of(
        number=order.number,
        phone=order.ship_phone,
        tracking=order.tracking,
        city=order.ship_city,
        country=country,
        names=(order.ship_name, order.customer.name),
    )


def words_of(
    *, number: int, phone: str, tracking: str, city: str, country: str, names: Iterable[str]
) -> set[str]:
    """All that people may begin to type to find such an order, and its city to filter by."""
    found = {str(number), "".join(search.words(tracking)), _in(city, country)}
    for text in (tracking, *names):
        found.update(search.words(text), search.words(_joined(text)))
    found.update(phone_words(phone).split() or search.words(_joined(phone)))
    return found - {""}


def _in(city: str, country: str) -> str:
    """The word of a city, whichever way and in whichever script it is written."""
    place = places.find(city, country)
    key = place.key if place else places.key(city)
    return f"={key}" if key else ""  # a sign nobody can search for: no name begins with it


# --- finding --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hits:
    """The orders that have all the words, the newest first."""

    ids: list[UUID]
    more: bool
    """There were older ones, which nobody looked at."""

    @property
    def condition(self) -> ColumnElement[bool]:
        return Order.id == any_(literal(self.ids, ARRAY(Uuid)))


def hits(text: str, limit: int = MOST) -> Hits | None:
    """The orders that have every word of the text; None when it has no word.

    The longest word is most likely the rarest: its range of the index is read, the others only
    checked. Identifiers are made in the order of time, so nothing but the index is read.
    """
    wanted = sorted(typed(text), key=len, reverse=True)
    if not wanted:
        return None
    alone = len(wanted) == 1 and _crowded(wanted[0])
    newest = _newest_with(wanted[0]) if alone else _among(wanted)
    ids = list(db.session().scalars(newest.limit(limit + 1)))
    return Hits(ids[:limit], more=len(ids) > limit)


def _among(wanted: Sequence[str]) -> Select[UUID]:
    # Found before it is sorted: PostgreSQL would rather walk every word of every order from the
    # newest on, which takes twenty times as long where only old orders have this one.
    rarest = _having(wanted[0]).cte().prefix_with("MATERIALIZED")
    newest = select(rarest.c.id).distinct().order_by(rarest.c.id.desc())
    return newest.where(*(rarest.c.id.in_(_having(word)) for word in wanted[1:]))


def _crowded(word: str) -> bool:
    """Whether so many words begin like this that sorting them would be felt: AM00, 2126."""
    beyond = _having(word).offset(CROWD).limit(1)
    return db.session().scalar(beyond) is not None


def _newest_with(word: str) -> Select[UUID]:
    """Nearly every order has it: the newest orders are asked one by one."""
    has_it = or_(
        *(
            select(Word.id).where(Word.id == Order.id, _begins(prefix)).exists()
            for prefix in _prefixes(word)
        )
    )
    return select(Order.id).where(has_it).order_by(Order.id.desc())


def found(text: str) -> Sequence[Order]:
    """The newest orders that have every word of the text; before them the one of this number."""
    known = hits(text, FOUND)
    if known is None:
        return []
    number = next((int(word) for word in typed(text) if word.isdecimal() and len(word) < 15), 0)
    meant = or_(known.condition, Order.number == number)
    orders = select(Order).where(meant).options(joinedload(Order.stage))
    newest = orders.order_by(Order.created_at.desc(), Order.id.desc())
    listed = db.session().scalars(newest).all()
    return sorted(listed, key=lambda order: order.number != number)[:FOUND]


def in_cities(cities: Sequence[str]) -> ColumnElement[bool]:
    """Orders that go to one of these cities, in any spelling of either script."""
    session = db.session()
    country = session.get_one(Merchant, session.merchant_id).country
    keys = {_in(city, country) for city in cities}
    return Order.id.in_(select(Word.id).where(Word.word.in_(keys)))


def typed(text: str) -> list[str]:
    """The words of a search, folded; what stands between the digits of a phone is nothing."""
    return search.words(_joined(unicodedata.normalize("NFKC", clean(text))[:LONGEST]))[:MOST_WORDS]


def _joined(text: str) -> str:
    return _BETWEEN_DIGITS.sub("", _latin_digits(text))


def _latin_digits(text: str) -> str:
    return "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text)


def _having(word: str) -> Select[UUID]:
    ranges = [select(Word.id).where(_begins(prefix)) for prefix in _prefixes(word)]
    if len(ranges) == 1:
        return ranges[0]
    either = union_all(*ranges).subquery()
    return select(either.c.id)


def _begins(prefix: str) -> ColumnElement[bool]:
    return and_(Word.word >= prefix, Word.word < prefix + _END)


def _prefixes(word: str) -> list[str]:
    """What the stored words may begin with: a phone is also known by its last digits."""
    if not word.isdecimal():
        return [word]
    digits = word.removeprefix("00") or word
    prefixes = [digits]
    if len(digits) > SUFFIX and digits[3] == "0":  # +212 0661…, as people write it
        prefixes.append(digits[:3] + digits[4:])
    if len(digits) >= SUFFIX:
        prefixes.append("r" + digits[::-1])
    return prefixes
