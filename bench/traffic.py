"""What Meta would post: statuses of messages that shops sent, and texts of their customers."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import select

from bench import staff
from config import settings
from flows import arrivals, callbacks, channels, costs, team
from flows.events import Inbound, Person
from models import db
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.message import Attempt, Direction, Message, Origin, Sending
from models.rowsets import insertion
from models.types import new_id, utcnow
from models.user import Role

MARK = "bench"
LADDER = ("sent", "delivered", "read")
AT_ONCE = 300
"""Messages whose three statuses come mixed with each other, as they do a second after a send."""

Item = dict[str, Any]
_count = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Shop:
    merchant_id: UUID
    channel_id: UUID
    phone_number_id: str
    waba_id: str
    people: list[tuple[UUID, str]]
    """(conversation, wa_id) of each customer."""


def open_shops(count: int, *, people: int) -> list[Shop]:
    """Merchants with a number each, to which so many people have written before."""
    costs.load_rate_cards()
    return [_open(number, people) for number in range(1, count + 1)]


def _open(number: int, people: int) -> Shop:
    merchant_id = team.add_merchant(name=f"Bench {number}", country="MA", language="fr")
    phone_number_id, waba_id = f"{MARK}{number:015}", f"{MARK}{number:014}"
    with db.merchant(merchant_id) as session:
        channel = channels.add(
            name="Bench",
            phone_number_id=phone_number_id,
            waba_id=waba_id,
            display_phone_number="+212 520-000001",
            country="MA",
            token="none",  # noqa: S106 - it opens nothing
        )
        session.flush()
        arrivals.take_in([_hello(phone_number_id, waba_id, n) for n in range(people)])
        known = select(Conversation.id, WhatsAppIdentity.wa_id).join(Conversation.identity)
        rows = [(row.id, str(row.wa_id)) for row in session.execute(known)]
    return Shop(merchant_id, channel.id, phone_number_id, waba_id, rows)


def _hello(phone_number_id: str, waba_id: str, number: int) -> Inbound:
    return Inbound(
        phone_number_id=phone_number_id,
        waba_id=waba_id,
        field="messages",
        wamid=f"wamid.{MARK}.{next(_count)}",
        at=utcnow(),
        kind="text",
        text="Salam",
        payload={"body": "Salam"},
        sender=Person(wa_id=f"2126{number:08}", profile_name=f"Salma {number}"),
    )


def owner_signed_in(shop: Shop) -> str:
    """The value of the cookie "wasl" of somebody who owns this shop."""
    return staff.signed_in(staff.hired(shop.merchant_id, f"owner-{shop.waba_id}", Role.OWNER))


# --- statuses -------------------------------------------------------------------------------------


def statuses(shops: Sequence[Shop], count: int) -> list[tuple[Shop, Item]]:
    """`count` statuses, three for each of the messages that these shops have now sent."""
    sent = [_sent(shop, -(-count // 3 // len(shops))) for shop in shops]
    mixed = [one for group in itertools.zip_longest(*sent) for one in group if one]
    told: list[tuple[Shop, Item]] = []
    for start in range(0, len(mixed), AT_ONCE):
        for status in LADDER:
            told += [(shop, _status(one, status)) for shop, one in mixed[start : start + AT_ONCE]]
    return told[:count]


def _sent(shop: Shop, count: int) -> list[tuple[Shop, Item]]:
    """Templates on their way: Meta has accepted each at its first attempt."""
    now = utcnow()
    people = itertools.islice(itertools.cycle(shop.people), count)
    rows = [
        {
            "merchant_id": shop.merchant_id,
            "id": new_id(),
            "conversation_id": conversation_id,
            "channel_id": shop.channel_id,
            "direction": Direction.OUT,
            "origin": Origin.AUTOMATION,
            "kind": "template",
            "text": "Bonjour Salma, votre commande 1042 est prête ?",
            "payload": {"name": "confirmation", "language": "fr"},
            "wamid": f"wamid.{MARK}.{next(_count)}",
            "sending": Sending.ACCEPTED,
            "attempt": 1,
            "rank": 0,
            "accepted_at": now,
            "category": "utility",
        }
        for conversation_id, _ in people
    ]
    attempts = [
        {
            "merchant_id": shop.merchant_id,
            "id": new_id(),
            "message_id": row["id"],
            "number": 1,
            "claimed_at": now,
            "concluded_at": now,
            "outcome": "accepted",
            "wamid": row["wamid"],
        }
        for row in rows
    ]
    with db.merchant(shop.merchant_id) as session:
        for table, values in ((Message, rows), (Attempt, attempts)):
            session.execute(insertion(table, values[0], values))
    numbers = dict(shop.people)
    return [(shop, row | {"wa_id": numbers[row["conversation_id"]]}) for row in rows]


def _status(sent: Item, status: str) -> Item:
    return {
        "statuses": [
            {
                "id": sent["wamid"],
                "status": status,
                "timestamp": str(int(time.time())),
                "recipient_id": sent["wa_id"],
                "biz_opaque_callback_data": callbacks.write(sent["id"], 1),
                "pricing": {
                    "billable": True,
                    "pricing_model": "PMP",
                    "type": "regular",
                    "category": "utility",
                },
            }
        ]
    }


# --- texts ----------------------------------------------------------------------------------------


def texts(shops: Sequence[Shop], count: int) -> Iterator[tuple[Shop, Item]]:
    """`count` texts, by turns from the customers of each shop."""
    for number in range(count):
        shop = shops[number % len(shops)]
        _, wa_id = shop.people[number // len(shops) % len(shop.people)]
        yield shop, text(wa_id, f"Où est ma commande ? {number}")


def text(wa_id: str, words: str) -> Item:
    return {
        "contacts": [{"profile": {"name": f"Salma {int(wa_id[4:])}"}, "wa_id": wa_id}],
        "messages": [
            {
                "from": wa_id,
                "id": f"wamid.{MARK}.{time.time_ns()}.{next(_count)}",
                "timestamp": str(int(time.time())),
                "type": "text",
                "text": {"body": words},
            }
        ],
    }


# --- bodies ---------------------------------------------------------------------------------------


def bodies(told: Iterable[tuple[Shop, Item]], *, each: int = 1) -> list[bytes]:
    """These items as webhook bodies of so many changes each, every body about one number."""
    by_shop: dict[str, list[Item]] = {}
    made: list[bytes] = []
    for shop, item in told:
        waiting = by_shop.setdefault(shop.waba_id, [])
        waiting.append(_change(shop, item))
        if len(waiting) == each:
            made.append(_body(shop.waba_id, waiting))
            waiting.clear()
    return made + [_body(waba_id, left) for waba_id, left in by_shop.items() if left]


def _change(shop: Shop, item: Item) -> Item:
    number = {
        "display_phone_number": "212520000001",
        "phone_number_id": shop.phone_number_id,
    }
    value = {"messaging_product": "whatsapp", "metadata": number} | item
    return {"field": "messages", "value": value}


def _body(waba_id: str, changes: Sequence[Item]) -> bytes:
    entry = {"id": waba_id, "changes": list(changes)}
    body = {"object": "whatsapp_business_account", "entry": [entry]}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def unknown(run: str, count: int) -> Iterator[bytes]:
    """Texts to a number that nobody owns, a kilobyte each with all that Meta says today."""
    return (_UNKNOWN.replace(b"{wamid}", f"{run}{number:09}".encode()) for number in range(count))


def keep(bodies: Sequence[bytes]) -> None:
    """These wait to be read, as if the webhook had kept them."""
    address = settings().database_url.replace("+psycopg", "", 1)
    with psycopg.connect(address, options="-c role=wasl_house") as house:
        for start in range(0, len(bodies), 1000):
            some = bodies[start : start + 1000]
            sums = [hashlib.sha256(body).digest() for body in some]
            house.execute(
                "INSERT INTO envelopes (body, sha256)"
                " SELECT * FROM unnest(%b::bytea[], %b::bytea[])",
                [some, sums],
            )


_UNKNOWN = (
    b'{"object":"whatsapp_business_account","entry":[{"id":"bench-nobody","changes":[{"field":'
    b'"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":'
    b'"212500000000","phone_number_id":"bench-nobody"},"contacts":[{"profile":{"name":"Salma"},'
    b'"wa_id":"212600000000","user_id":"MA.13491208655302741918"}],"messages":[{"from":'
    b'"212600000000","from_user_id":"MA.13491208655302741918","id":"wamid.HBgMMjEyNjAwMDAw'
    b'MDAwFQIAERgS{wamid}","timestamp":"1795200000","type":"text","text":{"body":"Salam, je'
    b" voudrais savoir si le sac en cuir noir est encore disponible, et en combien de temps"
    b' vous livrez \xc3\xa0 Marrakech. Merci beaucoup et bonne journ\xc3\xa9e."}}]}}]}]}'
)
