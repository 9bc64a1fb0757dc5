"""Voice notes: what Chromium records becomes what WhatsApp plays, or is refused."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from config import settings
from flows import arrivals
from inbox import voice
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Message
from models.user import Membership
from tests import factories

HEAD = b"OpusHead\x01\x01" + struct.pack("<HIhB", 312, 48000, 0, 0)
PACKET = b"\xf8\xff\xfe"  # 20 ms of silence: CELT, one frame
UNKNOWN = b"\x01" + b"\xff" * 7


def element(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">Q", 1 << 56 | len(content)) + content


def webm(packets: int = 120, *, head: bytes = HEAD, flags: bytes = b"\x80") -> bytes:
    """As MediaRecorder writes it: segment and clusters of unknown size."""
    track = element(b"\xae", element(b"\x86", b"A_OPUS") + element(b"\x63\xa2", head))
    blocks = [
        element(b"\xa3", b"\x81" + struct.pack(">h", n * 20) + flags + PACKET)
        for n in range(packets)
    ]
    cluster = b"\x1f\x43\xb6\x75" + UNKNOWN + element(b"\xe7", b"\0") + b"".join(blocks)
    segment = b"\x18\x53\x80\x67" + UNKNOWN + element(b"\x16\x54\xae\x6b", track) + cluster
    return element(b"\x1a\x45\xdf\xa3", element(b"\x42\x82", b"webm")) + segment


def pages(ogg: bytes) -> list[tuple[int, int, int, bytes]]:
    """(flags, samples heard, number, content) of each page, its checksum proved."""
    found, at = [], 0
    while at < len(ogg):
        magic, _, flags, heard, _, number, sum_, count = struct.unpack_from("<4sBBQIIIB", ogg, at)
        assert magic == b"OggS"
        end = at + 27 + count + sum(ogg[at + 27 : at + 27 + count])
        whole = ogg[at:end]
        assert voice._checksum(whole[:22] + b"\0" * 4 + whole[26:]) == sum_
        found.append((flags, heard, number, whole[27 + count :]))
        at = end
    return found


def say(client: FlaskClient, talk: UUID, data: bytes) -> Any:
    form = {"client_id": str(uuid4()), "voice": "1", "file": (io.BytesIO(data), "voice.ogg")}
    return client.post(f"/inbox/{talk}/files", data=form, headers={"Accept": "application/json"})


@pytest.fixture
def talk(merchant: Merchant) -> UUID:
    with db.merchant(merchant.id) as session:
        arrivals.take_in([factories.inbound("Salam")])
        return session.scalars(select(Conversation.id)).one()


def test_the_packets_are_the_same_and_the_length_is_told() -> None:
    first, tags, *sound = pages(voice.to_ogg(io.BytesIO(webm(120))))

    assert (first[0], first[3]) == (2, HEAD)
    assert tags[3].startswith(b"OpusTags")
    assert [number for _, _, number, _ in sound] == [2, 3, 4]
    assert [heard for _, heard, _, _ in sound] == [48_000, 96_000, 115_200]
    assert sound[-1][0] == 4
    assert b"".join(content for *_, content in sound) == PACKET * 120


def test_a_recording_is_sent_as_a_voice_note(
    signed_in: Callable[[Membership], FlaskClient],
    merchant: Merchant,
    agent: Membership,
    talk: UUID,
) -> None:
    answer = say(signed_in(agent), talk, webm())

    assert answer.status_code == 201
    with db.merchant(merchant.id) as session:
        sent = session.scalars(select(Message).where(Message.direction == "out")).one()
        assert (sent.kind, sent.payload["body"]) == ("audio", {"voice": True})
        assert sent.media is not None
        assert sent.media.mime_type == "audio/ogg"
        assert (settings().var / "media" / sent.media.file).read_bytes().startswith(b"OggS")


@pytest.mark.parametrize(
    "data",
    [
        webm(0),
        webm(head=b"VorbisHead"),
        webm(flags=b"\x82"),
        webm()[:90],
        b"\x1a\x45\xdf\xa3" + b"\0" * 40,
        b"ID3\x03\0" + b"\0" * 40,
        b"MZ\x90\0",
    ],
)
def test_what_is_no_voice_note_is_refused_and_nothing_leaves(
    signed_in: Callable[[Membership], FlaskClient],
    merchant: Merchant,
    agent: Membership,
    talk: UUID,
    data: bytes,
) -> None:
    answer = say(signed_in(agent), talk, data)

    assert answer.status_code in (409, 422)
    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Message).where(Message.direction == "out")).all() == []
