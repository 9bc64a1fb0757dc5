"""Meta's own examples of what may be posted: ours, through the true client, is the same JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from bot import client
from flows import arrivals, messages
from flows.letters import Letter, ReadLetter
from flows.messages import interactives
from flows.messages.interactives import Row, Section
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Media, Message, Origin
from models.template import MessageTemplate
from models.types import Json, new_id
from tests import factories
from tests.recorded import SENT

EXAMPLES: dict[str, Json] = json.loads(SENT.read_text())["examples"]

OUT_OF_SCOPE = {
    "Send Sample Issue Resolution Template": (
        "from before the Cloud API: a language policy that Meta removed, and quick replies told a "
        "truth value, where the reference wants a payload"
    ),
}
# Meta's example leaves out what it assumes; pywa says it aloud.
ASSUMED = {
    "Send Contact Message": {"recipient_type": "individual"},
    "Send Reply to Contact Message": {"recipient_type": "individual"},
    "Send Flow Template Message": {"recipient_type": "individual"},
    "Send Test Message": {"recipient_type": "individual"},
    "Send Text Message with Preview URL": {"recipient_type": "individual", "type": "text"},
    # Without a type Meta takes a message for a text: this example would be refused as it stands.
    "Send Reply to List Message": {"type": "interactive"},
}
# Where the example has words in place of an address, a real one.
LINK = "https://shop.example/file"
STAND_INS = (
    *("<http(s)://audio-url>", "http(s)://audio-url", "<http(s)://document-url>"),
    *("http(s)://image-url", "<http(s)://sticker-url>", "<http(s)://video-url>"),
    "http(s)://the-image-url",
)

Queue = Callable[[Conversation, Json], Message]


@pytest.fixture
def posted() -> Iterator[list[httpx.Request]]:
    """What reaches the network."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"messages": [{"id": "wamid.1"}], "success": True})

    client.reach(lambda: httpx.MockTransport(answer))
    yield requests
    client.reach(client._to_meta)


# --- each kind of example, queued as the product queues it ----------------------------------------


def text(talk: Conversation, one: Json) -> Message:
    return messages.queue_text(talk, one["text"]["body"], reply_to=answered(one))


def media(talk: Conversation, one: Json) -> Message:
    kind = one["type"]
    said = one[kind]
    stored = None if "link" in said else file(said)
    return messages.queue_media(
        talk,
        kind,
        media=stored,
        link=said.get("link"),
        caption=said.get("caption", ""),
        reply_to=answered(one),
    )


def file(said: Json) -> Media:
    stored = Media(
        id=new_id(),
        file="x/x.bin",
        filename=said.get("filename", "x.bin"),
        mime_type="audio/ogg",
        size=1,
        sha256="",
    )
    db.session().add(stored)
    return stored


def location(talk: Conversation, one: Json) -> Message:
    return messages.queue_location(talk, **one["location"], reply_to=answered(one))


def contacts(talk: Conversation, one: Json) -> Message:
    return messages.queue_contacts(talk, one["contacts"], reply_to=answered(one))


def reaction(talk: Conversation, one: Json) -> Message:
    target = messages.queue_text(talk, "Bonjour")
    target.wamid = one["reaction"]["message_id"]
    target.sending = None
    return messages.react(target, one["reaction"]["emoji"])


def interactive(talk: Conversation, one: Json) -> Message:
    said = one["interactive"]
    body = INTERACTIVE[said["type"]](said, said["action"])
    return messages.queue_interactive(talk, body, reply_to=answered(one))


def framed(said: Json, *parts: str) -> Json:
    header = said.get("header", {})
    found = {
        "header": header.get("text") or header,
        "text": said.get("body", {}).get("text", ""),
        "footer": said.get("footer", {}).get("text", ""),
    }
    return {name: found[name] for name in parts}


def sections(action: Json) -> list[Section]:
    return [
        Section(
            one["title"],
            rows=[Row(**row) for row in one.get("rows", ())],
            products=[item["product_retailer_id"] for item in one.get("product_items", ())],
        )
        for one in action["sections"]
    ]


INTERACTIVE: dict[str, Callable[[Json, Json], Json]] = {
    "button": lambda said, action: interactives.reply_buttons(
        said["body"]["text"], {b["reply"]["id"]: b["reply"]["title"] for b in action["buttons"]}
    ),
    "list": lambda said, action: interactives.menu(
        button=action["button"],
        sections=sections(action),
        **framed(said, "text", "header", "footer"),
    ),
    "product": lambda said, action: interactives.product(
        action["catalog_id"], action["product_retailer_id"], **framed(said, "text", "footer")
    ),
    "product_list": lambda said, action: interactives.products(
        action["catalog_id"], sections(action), **framed(said, "text", "header", "footer")
    ),
    "catalog_message": lambda said, action: interactives.catalogue(
        thumbnail=action["parameters"]["thumbnail_product_retailer_id"],
        **framed(said, "text", "footer"),
    ),
    "flow": lambda said, action: interactives.flow(
        label=action["parameters"]["flow_cta"],
        parameters={k: v for k, v in action["parameters"].items() if k != "flow_cta"},
        **framed(said, "text", "header", "footer"),
    ),
    "order_details": lambda said, action: interactives.order_details(
        parameters=action["parameters"], **framed(said, "text", "header", "footer")
    ),
    "order_status": lambda said, action: interactives.order_status(
        said["body"]["text"],
        action["parameters"]["reference_id"],
        action["parameters"]["order"],
    ),
}


def template(talk: Conversation, one: Json) -> Message:
    said = one["template"]
    parts = {c["type"]: c["parameters"] for c in said.get("components", ()) if "index" not in c}
    buttons = [c for c in said.get("components", ()) if "index" in c]
    values = {f"body.{n}": value(p) for n, p in enumerate(parts.get("body", ()), 1)}
    for header in parts.get("header", ()):
        values["header.link"] = header[header["type"]]["link"]
    payloads = {}
    for button in buttons:
        parameter = button["parameters"][0]
        if parameter["type"] == "payload":
            payloads[int(button["index"])] = parameter["payload"]
        elif "flow_token" in parameter["action"]:
            values[f"button:{button['index']}.action"] = parameter["action"]
        else:
            reference = parameter["action"]["thumbnail_product_retailer_id"]
            values[f"button:{button['index']}.product"] = reference
    ready = MessageTemplate(
        waba_id=talk.channel.waba_id,
        name=said["name"],
        language=said["language"]["code"],
        category="utility",
        state="approved",
        components=[
            *([{"type": "HEADER", "format": "IMAGE"}] if "header" in parts else []),
            {"type": "BODY", "text": "…"},
        ],
    )
    db.session().add(ready)
    return messages.queue_template(talk, ready, values, payloads=payloads, origin=Origin.AGENT)


def value(parameter: Json) -> str | Json:
    found: str | Json = parameter["text"] if parameter["type"] == "text" else parameter
    return found


def answered(one: Json) -> str | None:
    found: str | None = one.get("context", {}).get("message_id")
    return found


KINDS: dict[str, Queue] = {
    "text": text,
    "image": media,
    "video": media,
    "audio": media,
    "document": media,
    "sticker": media,
    "location": location,
    "contacts": contacts,
    "reaction": reaction,
    "interactive": interactive,
    "template": template,
}


# --- the comparison -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in EXAMPLES if n not in OUT_OF_SCOPE])
def test_what_we_post_is_what_metas_example_says(
    merchant: Merchant, posted: list[httpx.Request], name: str
) -> None:
    example = usable(EXAMPLES[name]) | ASSUMED.get(name, {})

    if "status" in example:
        client.show_typing(ReadLetter(new_id(), 1, "1", "token", example["message_id"]))
    else:
        client.send(written(merchant, example))

    sent = json.loads(posted[-1].content)
    assert sent.pop("biz_opaque_callback_data", "") == ""
    assert canonical(sent) == canonical(example)


def written(merchant: Merchant, example: Json) -> Letter:
    """The letter of what the product queues for it, to the example's recipient, with its file."""
    with db.merchant(merchant.id) as session:
        arrivals.take_in([factories.inbound("Salam")])
        talk = session.scalars(select(Conversation)).one()
        queued = KINDS[example["type"]](talk, example).id
    with db.merchant(merchant.id):
        [letter] = [x for x in messages.claim(talk.channel_id) if x.message_id == queued]
    said = example[example["type"]]
    uploaded = said.get("id") if isinstance(said, dict) else None
    return replace(letter, to=example["to"], callback="", upload=None, uploaded=uploaded)


def test_all_examples_but_those_of_the_table_are_compared() -> None:
    assert set(OUT_OF_SCOPE) | set(ASSUMED) <= set(EXAMPLES)
    assert len(EXAMPLES) - len(OUT_OF_SCOPE) == 49


def usable(example: Any) -> Any:
    """The example with an address where it has words for one."""
    whole = json.dumps(example)
    for stand_in in STAND_INS:
        whole = whole.replace(json.dumps(stand_in), json.dumps(LINK))
    whole = whole.replace('"<HEADER_TYPE>"', '"text"')
    return json.loads(whole)


def canonical(body: Json) -> bytes:
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
