"""Finding orders by number, name, any spelling of the phone, tracking number: words under a btree.

`index` keeps the words of an order; whoever writes one of these texts calls it. What is typed is
some prefixes of words, in any order, and an order is found when it has them all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    delete,
    false,
    intersect,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from flows.customers import SUFFIX, phone_words
from models import db, search
from models.customer import Customer
from models.order import Order
from models.types import clean
from models.word import Word

FOUND = 8
"""How many orders the search box proposes while somebody types."""
LONGEST = 60
"""Characters of a search that are looked at; nobody types a longer name."""
MOST_WORDS = 6

# Above every character a word can hold: where the range of a prefix ends.
_END = "\U0010ffff"
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s.()\-/\u2010-\u2015]+(?=\d)")


# --- keeping the words ----------------------------------------------------------------------------


def index(*orders: Order) -> None:
    """Each order is found by what it says now; the orders are flushed. A few statements in all."""
    session = db.session()
    wanted = {(order.id, word) for order in orders for word in _words(order)}
    stored = select(Word.id, Word.word).where(Word.id.in_([order.id for order in orders]))
    known = {(id_, word) for id_, word in session.execute(stored)}
    if known - wanted:
        gone = delete(Word).where(tuple_(Word.id, Word.word).in_(known - wanted))
        session.execute(gone.execution_options(synchronize_session=False))
    if wanted - known:
        columns = ("merchant_id", "id", "word")
        rows = [(session.merchant_id, id_, word) for id_, word in sorted(wanted - known)]
        fresh = insert(Word).values([dict(zip(columns, row, strict=True)) for row in rows])
        session.execute(fresh.on_conflict_do_nothing())


def index_card(card: Customer) -> None:
    """The orders of a card whose name changed are found by the new one."""
    theirs = select(Order).where(Order.customer_id == card.id)
    index(*db.session().scalars(theirs))


def _words(order: Order) -> set[str]:
    return words_of(
        order.number, order.ship_phone, order.tracking, order.ship_name, order.customer.name
    )


def words_of(number: int, phone: str, tracking: str, *names: str) -> set[str]:
    """Everything people may begin to type to find such an order."""
    found = {str(number), "".join(search.words(tracking))}
    for text in (tracking, *names):
        found.update(search.words(text), search.words(_joined(text)))
    found.update(phone_words(phone).split() or search.words(_joined(phone)))
    return found - {""}


# --- finding --------------------------------------------------------------------------------------


def matching(text: str) -> ColumnElement[bool] | None:
    """The orders that hold every word of the text; None when it has no word."""
    wanted = [_range(word) for word in typed(text)]
    if not wanted:
        return None
    having = [select(Word.id).where(condition) for condition in wanted]
    # Together, each from its own range of the index: no plan can meet them order by order.
    hits: Select[tuple[UUID]] | CompoundSelect[tuple[UUID]] = (
        having[0] if len(having) == 1 else intersect(*having)
    )
    return Order.id.in_(hits)


def found(text: str, limit: int = FOUND) -> Sequence[Order]:
    """The newest orders that hold every word of the text; the one with this number first."""
    hits = matching(text)
    if hits is None:
        return []
    number = next((int(word) for word in typed(text) if word.isdecimal() and len(word) < 15), 0)
    newest = select(Order).where(hits).order_by(Order.created_at.desc(), Order.id.desc())
    with_stage = newest.limit(limit).options(joinedload(Order.stage), joinedload(Order.customer))
    listed = db.session().scalars(with_stage).all()
    return sorted(listed, key=lambda order: order.number != number)


def typed(text: str) -> list[str]:
    """The words of a search, folded; what is between the digits of a phone is nothing."""
    digits_joined = _joined(unicodedata.normalize("NFKC", clean(text))[:LONGEST])
    return search.words(digits_joined)[:MOST_WORDS]


def _joined(text: str) -> str:
    return _BETWEEN_DIGITS.sub("", _latin_digits(text))


def _latin_digits(text: str) -> str:
    return "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text)


def _range(word: str) -> ColumnElement[bool]:
    return or_(*(_begins(prefix) for prefix in _prefixes(word)))


def _prefixes(word: str) -> list[str]:
    if not word.isdecimal():
        return [word]
    digits = word.removeprefix("00") or word
    prefixes = [digits]
    if len(digits) > SUFFIX and digits[3:4] == "0":  # +212 0661…, as people write it
        prefixes.append(digits[:3] + digits[4:])
    if len(digits) >= SUFFIX:
        prefixes.append("r" + digits[::-1])
    return prefixes


def _begins(prefix: str) -> ColumnElement[bool]:
    return and_(Word.word >= prefix, Word.word < prefix + _END)


def nothing() -> ColumnElement[bool]:
    """What a search of mere signs finds."""
    return false()
