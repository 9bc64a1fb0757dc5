"""A recording as WhatsApp plays it: the Opus packets of a WebM file, put into Ogg, untouched.

Chromium records WebM, WhatsApp's voice notes are Ogg (RFC 7845); both hold the same packets, so
nothing is decoded and no sound is lost.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterator
from typing import IO

from flows.errors import N_, Refused

WEBM = b"\x1a\x45\xdf\xa3"
# Elements that hold others are entered, all else is stepped over (Matroska, RFC 9559).
_ENTERED = {0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0xA0}
_PRIVATE, _BLOCKS = 0x63A2, (0xA3, 0xA1)
_LACED = 0x06
_PACKETS = 50
"""Of one page: a second of sound."""


def is_webm(start: bytes) -> bool:
    return start.startswith(WEBM)


def to_ogg(stream: IO[bytes]) -> bytes:
    """The Ogg file of a WebM recording; refused when it holds anything but one Opus track."""
    stream.seek(0)
    try:
        return b"".join(_pages(stream.read()))
    except (IndexError, ValueError, struct.error) as error:
        raise Refused("voice", N_("This recording cannot be read.")) from error


# --- reading WebM ---------------------------------------------------------------------------------


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(id, content) of every element that holds no others."""
    at = 0
    while at < len(data):
        name, at = _number(data, at, marked=True)
        size, at = _number(data, at, marked=False)
        if name not in _ENTERED:
            yield name, data[at : at + size]
            at += size


def _number(data: bytes, at: int, *, marked: bool) -> tuple[int, int]:
    """A number of variable length, and where it ends; `marked` keeps the bit of its length."""
    first = data[at]
    length = 9 - first.bit_length()
    if length > 8:
        raise ValueError("no number")
    value = first if marked else first & ((1 << (8 - length)) - 1)
    for byte in data[at + 1 : at + length]:
        value = value << 8 | byte
    return value, at + length


def _opus(data: bytes) -> tuple[bytes, list[bytes]]:
    """OpusHead and the packets."""
    head, packets = b"", []
    for name, content in _elements(data):
        if name == _PRIVATE:
            head = content
        elif name in _BLOCKS:
            _, at = _number(content, 0, marked=False)
            if content[at + 2] & _LACED:
                raise ValueError("laced")
            packets.append(content[at + 3 :])
    if not head.startswith(b"OpusHead") or not packets:
        raise ValueError("no Opus")
    return head, packets


# --- writing Ogg ----------------------------------------------------------------------------------


def _pages(data: bytes) -> Iterator[bytes]:
    head, packets = _opus(data)
    serial, heard = secrets.randbits(32), 0
    tags = b"OpusTags" + struct.pack("<I", 4) + b"Wasl" + struct.pack("<I", 0)
    yield _page([head], serial, 0, 0, first=True)
    yield _page([tags], serial, 1, 0)
    for number, start in enumerate(range(0, len(packets), _PACKETS), 2):
        piece = packets[start : start + _PACKETS]
        heard += sum(map(_samples, piece))
        yield _page(piece, serial, number, heard, last=start + _PACKETS >= len(packets))


def _samples(packet: bytes) -> int:
    """How long it lasts, in samples of 48 kHz (RFC 6716, 3.1)."""
    kind, count = packet[0] >> 3, packet[0] & 3
    if kind < 12:
        frame = (480, 960, 1920, 2880)[kind % 4]
    elif kind < 16:
        frame = (480, 960)[kind % 2]
    else:
        frame = (120, 240, 480, 960)[kind % 4]
    return frame * (packet[1] & 0x3F if count == 3 else 2 if count else 1)


def _page(
    packets: list[bytes],
    serial: int,
    number: int,
    heard: int,
    *,
    first: bool = False,
    last: bool = False,
) -> bytes:
    lacing = b"".join(b"\xff" * (len(p) // 255) + bytes([len(p) % 255]) for p in packets)
    if len(lacing) > 255:
        raise ValueError("packets too long for a page")
    flags = (2 if first else 0) | (4 if last else 0)
    head = struct.pack("<4sBBQIII", b"OggS", 0, flags, heard, serial, number, 0)
    page = head + bytes([len(lacing)]) + lacing + b"".join(packets)
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
        table.append(value)
    return table


_TABLE = _table()


def _checksum(page: bytes) -> int:
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ _TABLE[value >> 24 ^ byte]
    return value
