"""Pictures looked at: how large they are, and a small one that tells nothing of camera or place."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from typing import IO

from PIL import Image, ImageOps

MOST_PIXELS = 40_000_000
"""A file of a few kilobytes can unfold to gigabytes: what is larger is never decoded, nor shown."""
SIDE = 640

Image.MAX_IMAGE_PIXELS = None  # we ask by ourselves, before anything is decoded
_one_at_a_time = threading.Lock()


class TooManyPixels(Exception):
    """Whoever opens this picture runs out of memory."""


@dataclass(frozen=True, slots=True)
class Looked:
    width: int
    height: int
    small: io.BytesIO
    """At most SIDE pixels wide and high, WebP."""


def look(file: IO[bytes]) -> Looked | None:
    """What the picture is; None when it cannot be read. Raises TooManyPixels."""
    file.seek(0)
    try:
        with Image.open(file, formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise TooManyPixels
            with _one_at_a_time:
                return _looked(picture)
    except (OSError, ValueError, SyntaxError, MemoryError):
        return None  # cut, or made to annoy


def _looked(picture: Image.Image) -> Looked:
    picture.draft("RGB", (SIDE, SIDE))  # a JPEG is not decoded larger than needed
    width, height = picture.size
    upright = ImageOps.exif_transpose(picture)
    if upright.size != picture.size:
        width, height = height, width
    upright.thumbnail((SIDE, SIDE))
    plain = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    plain.info.clear()
    small = io.BytesIO()
    plain.save(small, "WEBP", quality=80)
    return Looked(width, height, small)
