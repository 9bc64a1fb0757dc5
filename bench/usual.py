"""What people write today: pywa's own webhook in Flask, and a handler that stores each message.

One insert and one commit for each, over a pool of connections, under the flags that ours has.
"""

from __future__ import annotations

from typing import Any

from flask import Flask
from sqlalchemy import Identity, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from config import settings

THREADS = 32
TABLE = "usual_messages"
VIEW = "/usual"


class Base(DeclarativeBase):
    pass


class Message(Base):
    __tablename__ = TABLE

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    wamid: Mapped[str] = mapped_column(unique=True)
    sender: Mapped[str | None]
    text: Mapped[str | None]


def serve() -> Flask:
    """The app, for `granian --factory bench.usual:serve`; its table is there already."""
    from pywa import WhatsApp
    from pywa import types as pywa

    app = Flask("usual")
    engine = create_engine(settings().database_url, pool_size=THREADS)
    whatsapp: Any = WhatsApp(
        phone_id="bench",
        token="none",  # noqa: S106 - it opens nothing
        server=app,
        webhook_endpoint=VIEW,
        verify_token=settings().verify_token,
        app_secret=settings().app_secrets[0],
        filter_updates=False,
    )

    def keep(_: WhatsApp, message: pywa.Message) -> None:
        with Session(engine) as session:
            sender = message.from_user.wa_id
            session.add(Message(wamid=message.id, sender=sender, text=message.text))
            session.commit()

    whatsapp.on_message(keep)
    return app


def make_table() -> None:
    engine = create_engine(settings().database_url)
    Base.metadata.create_all(engine)
    engine.dispose()


def stored() -> int:
    """How many it has kept."""
    from sqlalchemy import func, select

    engine = create_engine(settings().database_url)
    with engine.connect() as connection:
        count = connection.scalar(select(func.count()).select_from(Message))
    engine.dispose()
    return int(count or 0)
