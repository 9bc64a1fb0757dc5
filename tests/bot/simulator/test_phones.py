"""What customers can do on their phones, and what the business hears of it."""

from __future__ import annotations

from typing import Any

import pytest
from pywa.client import WhatsApp

from bot.simulator import Simulator, demo
from tests.bot.simulator.business import FATIMA, Business, confirm


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("location", {"latitude": 33.57, "longitude": -7.58, "name": "Casablanca"}),
        ("contacts", [{"name": {"formatted_name": "Omar"}, "phones": [{"phone": "+2126"}]}]),
        ("order", {"catalog_id": "1", "product_items": [{"product_retailer_id": "a"}]}),
        ("unsupported", {"type": "poll"}),
        ("hologram", {"depth": 3}),
    ],
)
def test_a_phone_sends_any_type_as_meta_words_it(
    sim: Simulator, business: Business, kind: str, body: Any
) -> None:
    sim.write("fatima", type=kind, **{kind: body})
    sim.deliver()

    (message,) = business.messages
    assert (message["type"], message[kind]) == (kind, body)


@pytest.mark.parametrize(
    ("kind", "mime_type", "extra"),
    [
        ("image", "image/jpeg", {"caption": "le voilà"}),
        ("document", "application/pdf", {"caption": "le voilà", "filename": "f"}),
        ("audio", "audio/ogg", {"voice": True}),
        ("sticker", "image/webp", {"animated": False}),
    ],
)
def test_a_file_comes_with_its_hash_and_a_link_that_opens_with_the_token(
    sim: Simulator,
    atlas: WhatsApp,
    business: Business,
    kind: str,
    mime_type: str,
    extra: dict[str, Any],
) -> None:
    media = sim.keep_media(b"some bytes", mime_type, "f")
    text = "le voilà" if "caption" in extra else None

    content: dict[str, Any] = {kind: {"id": media.id}}
    sim.write("fatima", text, type=kind, **content)
    sim.deliver()

    file = business.messages[0][kind]
    assert file.items() >= extra.items()
    assert (file["id"], file["mime_type"]) == (media.id, mime_type)
    assert file["sha256"].endswith("=")
    assert atlas.get_media_bytes(file["url"]) == b"some bytes"


def test_a_reply_quotes_the_message_it_answers(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.write("fatima", "Salam")
    asked = atlas.send_text(FATIMA, "Quelle taille ?")

    sim.write("fatima", "M", reply_to=asked.id)
    sim.deliver()

    assert business.messages[-1]["context"] == {"from": "212520000001", "id": asked.id}


def test_a_reaction_is_taken_back_without_an_emoji(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    wamid = confirm(atlas)

    sim.react("fatima", wamid, "👍")
    sim.react("fatima", wamid)
    sim.deliver()

    assert [m["reaction"] for m in business.messages] == [
        {"message_id": wamid, "emoji": "👍"},
        {"message_id": wamid},
    ]


def test_offline_nothing_leaves_and_nothing_arrives_until_the_network_is_back(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.write("fatima", "Salam")
    sim.go_offline("fatima")
    mine = sim.write("fatima", "Vous êtes là ?")
    theirs = atlas.send_text(FATIMA, "Oui").id
    sim.read("fatima")
    sim.deliver()

    assert sim.world.bubbles[mine].status == "waiting"
    assert [s["status"] for s in business.statuses] == ["sent"]
    assert len(business.messages) == 1

    sim.advance(3600)
    sim.go_online("fatima")
    sim.deliver()

    assert [m["id"] for m in business.messages][1:] == [mine]
    assert int(business.messages[1]["timestamp"]) >= int(business.messages[0]["timestamp"]) + 3600
    assert [(s["id"], s["status"]) for s in business.statuses][1:] == [(theirs, "delivered")]


def test_ticks_of_the_customer_follow_the_business(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    wamid = sim.write("fatima", "Salam")
    states = [sim.world.bubbles[wamid].status]

    business.answers = [503]
    sim.deliver()
    states.append(sim.world.bubbles[wamid].status)
    sim.deliver()
    states.append(sim.world.bubbles[wamid].status)
    atlas.mark_message_as_read(wamid)
    states.append(sim.world.bubbles[wamid].status)

    assert states == ["sent", "sent", "delivered", "read"]


def test_opening_the_chat_reads_what_arrived_there_and_only_there(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.write("fatima", "Salam")
    sim.write("fatima", "Salam", to=demo.ATLAS_TWO)
    first = atlas.send_text(FATIMA, "un")
    atlas.send_text(FATIMA, "deux", sender=demo.ATLAS_TWO)

    assert sim.read("fatima", demo.ATLAS_ONE) == 1
    assert sim.read("fatima", demo.ATLAS_ONE) == 0
    sim.deliver()

    assert [s["id"] for s in business.statuses if s["status"] == "read"] == [first.id]


def test_a_voice_message_is_played(sim: Simulator, atlas: WhatsApp, business: Business) -> None:
    sim.write("fatima", "Salam")
    voice = atlas.upload_media(b"OggS", mime_type="audio/ogg", filename="v.ogg")
    assert voice is not None
    sent = atlas.send_voice(FATIMA, voice)

    sim.play("fatima", sent.id)
    sim.deliver()

    names = [status["status"] for status in business.statuses]
    assert names == ["sent", "delivered", "read", "played"]


def test_the_customer_writes_on_to_the_number_they_wrote_to_last(
    sim: Simulator, business: Business
) -> None:
    sim.write("amine", "Salam")
    sim.write("amine", "Salam", to=demo.ATLAS_TWO)
    sim.advance(1)
    sim.write("amine", "Toujours là ?")
    sim.deliver()

    asked = [value["metadata"]["phone_number_id"] for value in business.values]
    assert asked == [demo.ALGIERS_ONE, demo.ATLAS_TWO, demo.ATLAS_TWO]


def test_a_new_customer_may_have_only_a_username(sim: Simulator, business: Business) -> None:
    omar = sim.new_customer("Omar", username="@omar")

    sim.write(omar, "Salam")
    sim.deliver()

    contact = business.values[0]["contacts"][0]
    assert contact["profile"] == {"name": "Omar", "username": "@omar"}
    assert contact["user_id"] == omar.user_id
    assert "wa_id" not in contact
