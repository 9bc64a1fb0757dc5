"""Word: what an order is found by, one row for each word people may begin to type."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row


class Word(Row):
    """A folded word of an order: its number, its names, its phone in every spelling.

    Under row-level security only leakproof operators may use an index: `word >= 'moh' AND word <
    'moi'` on text in the "C" collation is one (docs/decisions/0002). The key is (order, word), so
    the same word twice is once; identifiers are made in the order of time, so the newest orders of
    a prefix are read from the index alone.
    """

    __tablename__ = "order_words"
    __table_args__ = (Index("ix_order_words_word", "merchant_id", "word", "id"),)

    id: Mapped[UUID] = mapped_column(
        primary_key=True, sort_order=-1, info={"ref": "orders", "ondelete": "CASCADE"}
    )
    """The order's."""
    word: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
