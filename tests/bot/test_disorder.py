"""The same events once and in order, or repeated, shuffled and in other batches: the same house."""

from __future__ import annotations

import itertools
import json
from typing import Any

from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot import jobs
from models import db
from models.conversation import Conversation
from models.cost import Charge
from models.customer import WhatsAppIdentity
from models.merchant import Merchant
from models.message import Message, MessageStatus
from tests import factories
from tests.bot.test_webhook import post
from tests.effort import examples

_numbers = itertools.count(60_000)
PEOPLE = {"212661000001": "Fatima", "212661000002": "Youssef"}
START = 1_795_424_400


def events(number: str) -> list[dict[str, Any]]:
    """Two people write, and four messages of ours, sent by another program, make their way."""
    about: dict[str, Any] = {"metadata": {"phone_number_id": number}}
    values: list[dict[str, Any]] = []
    for n, wa_id in enumerate([*PEOPLE] * 3):
        said = {
            "id": f"{number}.in.{n}",
            "from": wa_id,
            "timestamp": str(START + n),
            "type": "text",
        }
        contact = {"wa_id": wa_id, "profile": {"name": PEOPLE[wa_id]}}
        text = {"type": "text", "text": {"body": f"Salam {n}"}}
        values.append(about | {"contacts": [contact], "messages": [said | text]})
    pricing = {"billable": True, "category": "utility", "type": "regular", "pricing_model": "PMP"}
    for n, ladder in enumerate(["sent delivered read", "sent failed", "delivered", "sent"]):
        for step, name in enumerate(ladder.split()):
            told: dict[str, Any] = {
                "id": f"{number}.out.{n}",
                "status": name,
                "recipient_id": "212661000001",
            }
            told |= {"timestamp": str(START + 20 * n + step), "pricing": pricing}
            values.append(about | {"statuses": [told]})
    return [{"field": "messages", "value": value} for value in values]


def dump(merchant: Merchant) -> list[Any]:
    """What people see of it, without ids and without the time we heard it."""
    with db.merchant(merchant.id) as session:
        asked = [
            select(WhatsAppIdentity.wa_id, WhatsAppIdentity.profile_name),
            select(Conversation.unread, Conversation.last_preview, Conversation.last_message_at),
            select(Message.wamid, Message.text, Message.at, Message.rank),
            select(MessageStatus.wamid, MessageStatus.status, MessageStatus.at),
            select(Charge.wamid, Charge.amount_micros, Charge.local_date, Charge.category),
        ]
        return [sorted(map(str, session.execute(each))) for each in asked]


def brought(client: FlaskClient, batches: list[list[Any]]) -> list[Any]:
    number = str(next(_numbers))
    merchant = factories.merchant(number=number)
    every = events(number * 15)
    for batch in batches:
        entry = {"id": f"9{number * 14}", "changes": [every[index] for index in batch]}
        assert post(client.application, json.dumps({"entry": [entry]}).encode()) == 200
        jobs.read_envelopes("ingest")
    return json.loads(json.dumps(dump(merchant)).replace(number * 15, "number"))  # type: ignore[no-any-return]


COUNT = len(events(""))


@given(data=st.data())
@settings(
    max_examples=examples(5),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink) if examples(5) > 5 else (Phase.generate,),
)
def test_disorder_changes_nothing(data: st.DataObject, client: FlaskClient) -> None:
    in_order = brought(client, [[index] for index in range(COUNT)])
    again = data.draw(st.lists(st.sampled_from(range(COUNT)), max_size=COUNT))
    shuffled = data.draw(st.permutations([*range(COUNT), *again]))
    size = data.draw(st.sampled_from([1, 3, 10, 40]))

    disorderly = brought(client, [shuffled[at : at + size] for at in range(0, len(shuffled), size)])

    assert disorderly == in_order
