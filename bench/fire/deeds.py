"""What people do more rarely, done by the flows that their pages call; workers do the rest."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable

from sqlalchemy import select

from bench.fire.shops import Place
from flows import bulk, channels, conversations, mail, stock
from flows import templates as library
from models import db
from models.catalog import Variant
from models.channel import Channel
from models.conversation import Conversation
from models.order import Order
from models.pipeline import Stage, SystemState
from models.user import Membership


def read_a_chat(place: Place, _: random.Random) -> None:
    """An agent has read what somebody wrote; Meta is to be told."""
    with db.merchant(place.merchant) as session:
        wanted = select(Conversation).where(Conversation.unread > 0).limit(1)
        for talk in session.scalars(wanted):
            conversations.mark_read(talk)


def move_many(place: Place, chance: random.Random) -> None:
    """A manager moves a dozen orders at once."""
    with db.merchant(place.merchant) as session:
        ids = session.scalars(select(Order.id).order_by(Order.created_at.desc()).limit(12)).all()
        to = chance.choice((SystemState.TO_CONFIRM, SystemState.CONFIRMED))
        stage = session.get_one(Stage, (place.merchant, place.stages[to]))
        by = session.scalars(select(Membership)).all()
        if ids:
            bulk.start_move(list(ids), stage, by=by[0])


def count_stock(place: Place, chance: random.Random) -> None:
    _, variant = chance.choice(place.products)
    with db.merchant(place.merchant) as session:
        row = session.get_one(Variant, (place.merchant, variant))
        stock.adjust(row, chance.choice((5, 3, -2, -1)), reason="count")


def draft_a_template(place: Place, _: random.Random) -> None:
    form = library.Form(
        account=place.account,
        name=f"retard_{secrets.token_hex(4)}",
        language="fr",
        category="utility",
        body="Bonjour {{1}}, votre commande arrivera un jour plus tard que prévu.",
        examples={"body.1": "Fatima"},
    )
    with db.merchant(place.merchant):
        library.submit(library.save(form))


def ask_about_the_number(place: Place, _: random.Random) -> None:
    with db.merchant(place.merchant) as session:
        channels.ask(session.scalars(select(Channel)).one(), "look")


def write_a_mail(place: Place, _: random.Random) -> None:
    with db.merchant(place.merchant):
        mail.post(f"{secrets.token_hex(4)}@fire.example", "Équipe", "Bonjour")


PROVOKES: dict[str, Callable[[Place, random.Random], None]] = {
    "mark": read_a_chat,
    "bulk": move_many,
    "draft": draft_a_template,
    "errand": ask_about_the_number,
    "mail": write_a_mail,
}
"""By the first word of a crash point: what brings a process there that the day seldom does."""
