"""Files a customer can send without having any: photo, voice note, video, sticker, PDF."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).with_name("samples")
SAMPLES = {
    "image": ("photo.jpg", "image/jpeg"),
    "audio": ("voice.ogg", "audio/ogg; codecs=opus"),
    "video": ("clip.mp4", "video/mp4"),
    "sticker": ("sticker.webp", "image/webp"),
    "document": ("ticket.pdf", "application/pdf"),
}


def sample(kind: str) -> tuple[bytes, str, str]:
    """(bytes, media type, file name) of the sample of this kind; KeyError for other kinds."""
    name, mime_type = SAMPLES[kind]
    return (FOLDER / name).read_bytes(), mime_type, name
