"""Pictures of the demo's products, drawn: a shape on a ground, each in its own colours."""

from __future__ import annotations

import hashlib
import io

from PIL import Image, ImageDraw
from sqlalchemy import select

from flows import files
from models import db
from models.catalog import Product
from models.message import Media
from models.types import new_id

SIDE = 640
_SCALE = 2
"""Drawn larger, then made small: edges are smooth."""
Point = tuple[float, float]

# reference → ground, shape, line; then what is drawn, in hundredths of the side
LOOKS: dict[str, tuple[str, str, str]] = {
    "SAC": ("#f1e4d3", "#7a4a2b", "#3d2415"),
    "CEINT": ("#e6e9e4", "#5d3a22", "#c9a24d"),
    "FOUL": ("#e9eef7", "#c0527d", "#f3c6d6"),
    "BAB": ("#f7edd6", "#d9a322", "#8a6410"),
    "ARG": ("#edf1e3", "#b9892f", "#4d5a2a"),
    "MIEL": ("#fbf0d9", "#d48a1c", "#7d4a08"),
    "DATTE": ("#f3e8df", "#6b3a1e", "#a8693f"),
}


def hang() -> None:
    """Every product of the current merchant that has a look has its picture."""
    for product in db.session().scalars(select(Product).where(Product.sku.in_(LOOKS))):
        data = draw(product.sku)
        media = Media(
            id=new_id(),
            merchant_id=product.merchant_id,
            filename=f"{product.sku.lower()}.png",
            mime_type="image/png",
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            width=SIDE,
            height=SIDE,
        )
        media.file = f"{media.merchant_id}/{media.id}.png"
        files.put(media.file, io.BytesIO(data))
        db.session().add(media)
        product.picture = media


def draw(sku: str) -> bytes:
    """A PNG of SIDE × SIDE."""
    ground, shape, line = LOOKS[sku]
    large = SIDE * _SCALE
    picture = Image.new("RGB", (large, large), ground)
    pen = _Pen(ImageDraw.Draw(picture), large / 100, shape, line)
    pen.ellipse((22, 82), (78, 90), _shade(ground))
    _DRAWINGS[sku](pen)
    stored = io.BytesIO()
    picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(stored, "PNG", optimize=True)
    return stored.getvalue()


def _shade(colour: str) -> str:
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{int(part * 0.92):02x}" for part in parts)


class _Pen:
    def __init__(self, on: ImageDraw.ImageDraw, unit: float, shape: str, line: str) -> None:
        self.on, self.unit, self.shape, self.line = on, unit, shape, line

    def _at(self, *points: Point) -> list[Point]:
        return [(x * self.unit, y * self.unit) for x, y in points]

    def ellipse(self, start: Point, end: Point, colour: str = "") -> None:
        self.on.ellipse(self._at(start, end), fill=colour or self.shape)

    def box(self, start: Point, end: Point, colour: str = "", radius: float = 0) -> None:
        fill = colour or self.shape
        self.on.rounded_rectangle(self._at(start, end), radius * self.unit, fill=fill)

    def shape_of(self, *points: Point, colour: str = "") -> None:
        self.on.polygon(self._at(*points), fill=colour or self.shape)

    def arc(self, start: Point, end: Point, first: float, last: float, width: float) -> None:
        thick = round(width * self.unit)
        self.on.arc(self._at(start, end), first, last, fill=self.line, width=thick)


def _bag(pen: _Pen) -> None:
    pen.arc((36, 16), (64, 60), 180, 360, 4)
    pen.shape_of((22, 40), (78, 40), (84, 84), (16, 84))
    pen.shape_of((22, 40), (78, 40), (70, 60), (30, 60), colour=pen.line)
    pen.ellipse((46, 55), (54, 63), "#d7b46a")


def _belt(pen: _Pen) -> None:
    for edge, colour in ((16, ""), (25, _shade("#e6e9e4"))):
        pen.ellipse((edge, edge + 4), (100 - edge, 96 - edge), colour or pen.shape)
    pen.box((40, 68), (66, 90), pen.line, radius=3)
    pen.box((45, 73), (61, 85), pen.shape, radius=1)


def _scarf(pen: _Pen) -> None:
    pen.shape_of((24, 26), (76, 26), (84, 40), (50, 52), (16, 40))
    pen.shape_of((40, 48), (60, 48), (68, 86), (54, 82), (36, 86))
    for x in range(22, 80, 9):
        pen.ellipse((x, 32), (x + 4, 36), pen.line)
    for y in range(56, 84, 9):
        pen.ellipse((48, y), (52, y + 4), pen.line)


def _slippers(pen: _Pen) -> None:
    for x in (14, 52):
        pen.ellipse((x, 30), (x + 34, 86))
        pen.ellipse((x + 7, 38), (x + 27, 62), pen.line)
        pen.shape_of((x + 11, 70), (x + 23, 70), (x + 17, 94))


def _bottle(pen: _Pen) -> None:
    pen.box((43, 12), (57, 28), pen.line, radius=2)
    pen.box((45, 26), (55, 38))
    pen.box((32, 36), (68, 86), radius=7)
    pen.box((36, 52), (64, 74), "#fffaf0", radius=2)
    pen.ellipse((46, 56), (54, 70), pen.line)


def _jar(pen: _Pen) -> None:
    pen.box((32, 20), (68, 32), pen.line, radius=3)
    pen.box((28, 31), (72, 86), radius=9)
    pen.shape_of((50, 44), (62, 51), (62, 65), (50, 72), (38, 65), (38, 51), colour="#fff3d6")


def _dates(pen: _Pen) -> None:
    for x, y in ((30, 34), (48, 30), (38, 52), (58, 50), (48, 68), (28, 62)):
        pen.ellipse((x, y), (x + 16, y + 24))
        pen.ellipse((x + 4, y + 5), (x + 7, y + 13), pen.line)


_DRAWINGS = {
    "SAC": _bag,
    "CEINT": _belt,
    "FOUL": _scarf,
    "BAB": _slippers,
    "ARG": _bottle,
    "MIEL": _jar,
    "DATTE": _dates,
}
