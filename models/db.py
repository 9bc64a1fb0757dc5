"""Base, Row, ref/one/many, the two kinds of session, transactions: the only file that commits."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import InsufficientPrivilege
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Engine,
    Enum,
    ExceptionContext,
    ForeignKey,
    ForeignKeyConstraint,
    MetaData,
    Text,
    Uuid,
    create_engine,
    event,
)
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedColumn,
    ORMExecuteState,
    Session,
    SessionTransaction,
    mapped_column,
    relationship,
    with_loader_criteria,
)

from config import settings
from models.types import Instant, JsonColumn, new_id


class Base(DeclarativeBase):
    """A table outside every merchant; a test lists them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - the name and shape are SQLAlchemy's
        str: Text,
        int: BigInteger,
        UUID: Uuid,
        datetime: Instant,
        dict[str, Any]: JsonColumn,
        list[Any]: JsonColumn,
        list[datetime]: ARRAY(Instant),
        list[str]: ARRAY(Text),
        enum.Enum: Enum(
            enum.Enum,
            native_enum=False,
            length=24,
            values_callable=lambda kind: [member.value for member in kind],
        ),
    }


@dataclass(frozen=True, slots=True)
class _Link:
    """A relationship to be: made in Row.__init_subclass__, where the owner's name is known."""

    target: str
    via: str | None
    to_many: bool
    options: dict[str, Any]

    def relationship(self, owner: str, name: str) -> Any:
        # Comparing merchant_id but marking only the id as foreign keeps SQLAlchemy from
        # writing merchant_id twice and from clearing it when a link is set to None.
        if self.to_many:
            via = self.via or f"{_snake(owner)}_id"
            join = f"{owner}.id == foreign({self.target}.{via})"
        else:
            there = f"{self.target}.id"
            there = f"remote({there})" if self.target == owner else there
            join = f"foreign({owner}.{self.via or name + '_id'}) == {there}"
        return relationship(
            self.target,
            primaryjoin=f"and_({owner}.merchant_id == {self.target}.merchant_id, {join})",
            **self.options,
        )


def ref(table: str, *, nullable: bool = False, ondelete: str | None = None) -> MappedColumn[Any]:
    """A column that points at a row of the same merchant; the database refuses any other."""
    return mapped_column(Uuid, nullable=nullable, info={"ref": table, "ondelete": ondelete})


def one(target: str, *, via: str | None = None, **options: Any) -> Any:
    """The row a `ref` column points at; the column is `<name>_id` unless `via` names it."""
    return _Link(target, via, False, options)


def many(target: str, *, via: str | None = None, **options: Any) -> Any:
    """The rows that point here through `<this>_id`, or through `via`."""
    return _Link(target, via, True, options)


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


class Row(Base):
    """A row of one merchant: primary key (merchant_id, id), so that no link can cross merchants."""

    __abstract__ = True
    # Half a key finds nothing: a link to nobody is followed without asking the database.
    __mapper_args__ = {"allow_partial_pks": False}  # noqa: RUF012 - SQLAlchemy's name and shape

    merchant_id: Mapped[UUID] = mapped_column(
        ForeignKey("merchants.id", ondelete="CASCADE"), primary_key=True, sort_order=-2
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-1)

    def __init__(self, **values: Any) -> None:
        super().__init__(**{"id": new_id()} | values)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        for name, mark in list(vars(cls).items()):
            if isinstance(mark, _Link):
                setattr(cls, name, mark.relationship(cls.__name__, name))
        references = [
            _foreign_key(name, mark)
            for name, mark in vars(cls).items()
            if isinstance(mark, MappedColumn) and "ref" in mark.column.info
        ]
        cls.__table_args__ = (*references, *getattr(cls, "__table_args__", ()))
        super().__init_subclass__(**kwargs)


def _foreign_key(name: str, column: MappedColumn[Any]) -> ForeignKeyConstraint:
    table, ondelete = column.column.info["ref"], column.column.info["ondelete"]
    if ondelete == "SET NULL":
        ondelete = f"SET NULL ({name})"  # PostgreSQL >= 15: merchant_id must stay
    return ForeignKeyConstraint(
        ["merchant_id", name],
        [f"{table}.merchant_id", f"{table}.id"],
        ondelete=ondelete,
    )


# --- sessions -----------------------------------------------------------------------------------


class ForeignRow(Exception):
    """A row of another merchant reached this merchant's session: always a bug."""


_on_violation: list[Callable[[], object]] = []


def on_violation(tell: Callable[[], object]) -> None:
    """Call `tell` whenever a row of another merchant is refused, by us or by the database."""
    _on_violation.append(tell)


def _violated() -> None:
    for tell in _on_violation:
        tell()


class MerchantSession(Session):
    """A session that sees one merchant, from birth to death.

    With `only`, of that merchant nothing but the orders this member looks after, and what hangs on
    them: it runs as the role wasl_courier, and the database refuses the rest (migration 0011).
    """

    def __init__(self, merchant_id: UUID, only: UUID | None = None) -> None:
        role = "wasl_app" if only is None else "wasl_courier"
        super().__init__(_engine(role), expire_on_commit=False)
        self.merchant_id = merchant_id
        self.only = only


class HouseSession(Session):
    """A session above the merchants: only to claim, route, sign in and sweep."""

    def __init__(self) -> None:
        super().__init__(_engine("wasl_house"), expire_on_commit=False)


@event.listens_for(MerchantSession, "after_begin")
def _tell_postgres(
    session: MerchantSession, transaction: SessionTransaction, connection: Any
) -> None:
    if not transaction.nested:
        connection.exec_driver_sql(
            "SELECT set_config('wasl.merchant', %s, true), set_config('wasl.member', %s, true)",
            (str(session.merchant_id), str(session.only or "")),
        )


@event.listens_for(MerchantSession, "do_orm_execute")
def _only_this_merchant(state: ORMExecuteState) -> None:
    if state.is_column_load or state.is_relationship_load:
        return
    merchant_id = state.session.merchant_id  # type: ignore[attr-defined]  # it is a MerchantSession
    state.statement = state.statement.options(
        with_loader_criteria(Row, lambda row: row.merchant_id == merchant_id, include_aliases=True)
    )


@event.listens_for(MerchantSession, "before_flush")
def _refuse_foreign_rows(session: MerchantSession, *_: Any) -> None:
    for row in [*session.new, *session.dirty, *session.deleted]:
        if isinstance(row, Row):
            if row.merchant_id is None:
                row.merchant_id = session.merchant_id
            elif row.merchant_id != session.merchant_id:
                _violated()
                raise ForeignRow(repr(row))


_engines: dict[str, Engine] = {}


def _engine(role: str) -> Engine:
    """The engine of a database role; made on first use, so after any fork."""
    if role not in _engines:
        _engines[role] = create_engine(
            settings().database_url,
            # Disks have no arms any more: an index is worth reading for a small part of a table.
            connect_args={
                "options": f"-c role={role} -c timezone=UTC -c lock_timeout=15s"
                " -c random_page_cost=1.1"
                # What a process holds that stands still, or whose machine is gone, is let go.
                " -c idle_in_transaction_session_timeout=150s -c tcp_keepalives_idle=10"
                " -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
            },
            pool_size=10,
            max_overflow=40,
            pool_pre_ping=True,
            hide_parameters=True,  # an error in a log must not hold what customers wrote
        )
        event.listen(_engines[role], "handle_error", _note_forbidden)
    return _engines[role]


def _note_forbidden(context: ExceptionContext) -> None:
    if isinstance(context.original_exception, InsufficientPrivilege):
        _violated()


def forget_connections(*, close: bool = True) -> None:
    """Drop every engine of this process; the next session connects anew."""
    for engine in _engines.values():
        engine.dispose(close=close)
    _engines.clear()


# A connection shared with the parent would mix two conversations with PostgreSQL.
os.register_at_fork(after_in_child=lambda: forget_connections(close=False))


# --- transactions -------------------------------------------------------------------------------

_current: ContextVar[MerchantSession | None] = ContextVar("session", default=None)


def session() -> MerchantSession:
    """The session of the merchant this request or job works for."""
    current = _current.get()
    if current is None:
        raise LookupError("no merchant session is open here")
    return current


def begin(merchant_id: UUID, *, only: UUID | None = None) -> MerchantSession:
    """Open this merchant's session and make it the current one; one at a time.

    `only`: the member whose orders are all it sees.
    """
    if _current.get() is not None:
        raise RuntimeError("a merchant session is already open: a session never switches")
    current = MerchantSession(merchant_id, only)
    _current.set(current)
    return current


def commit() -> None:
    """Make the current session's work true, then let what waits for that leave."""
    _commit(session())


def rollback() -> None:
    current = session()
    current.info.clear()
    current.rollback()


def close() -> None:
    """Forget the current session; whatever was not committed never happened."""
    current = _current.get()
    if current is not None:
        _current.set(None)
        current.close()


@contextmanager
def merchant(merchant_id: UUID) -> Iterator[MerchantSession]:
    """One transaction for one merchant: committed at the end, rolled back on any exception."""
    current = begin(merchant_id)
    try:
        yield current
        commit()
    finally:
        close()


@contextmanager
def house() -> Iterator[HouseSession]:
    """One transaction above the merchants: committed at the end, rolled back on any exception."""
    with HouseSession() as current:
        yield current
        _commit(current)


@contextmanager
def savepoint() -> Iterator[None]:
    """What happens inside is undone alone when it fails; the exception flies on."""
    with session().begin_nested():
        yield


@contextmanager
def aside() -> Iterator[MerchantSession]:
    """A short transaction of the same merchant beside the current one, true when it ends."""
    current = session()
    with MerchantSession(current.merchant_id, current.only) as beside:
        yield beside
        beside.commit()


# Connection exceptions, insufficient resources (a full disk), shutting down or starting up.
_GONE = ("08", "53", "57P", "58")


def is_gone(error: BaseException) -> bool:
    """Whether the database went away, or has no room: no row of ours is to blame."""
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    lost = isinstance(error, OperationalError) and state is None
    return error.connection_invalidated or lost or (state or "").startswith(_GONE)


def is_busy(error: BaseException) -> bool:
    """Whether others held what it needed for too long, or it and they waited for one another."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    return isinstance(error, DBAPIError) and state.startswith(("40", "55P03", "57014"))


def after_commit(leave: Callable[[], object], *, of: Session | None = None) -> None:
    """Call `leave` once the work of the session (the current one) is true; never if it is not."""
    (of or session()).info.setdefault("after_commit", []).append(leave)


def _commit(current: Session) -> None:
    current.commit()
    # Not SQLAlchemy's after_commit event: that one also fires when a savepoint is released.
    waiting: list[Callable[[], object]] = current.info.pop("after_commit", [])
    current.info.clear()
    for leave in waiting:
        leave()
