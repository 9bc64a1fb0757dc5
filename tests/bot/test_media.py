"""Files customers send: fetched by a worker, checked, kept; or given up with a reason."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import time_machine
from PIL import Image
from sqlalchemy import select

from bot import client as meta
from bot import jobs
from bot import media as fetching
from bot.simulator import Simulator
from bot.simulator.demo import ATLAS_ONE
from flows import arrivals, files, media, outbox
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Media, MediaState, Message
from models.types import Json, utcnow
from tests import factories

Work = Callable[[], None]
PDF = b"%PDF-1.4\n1 0 obj<</Type /Pages /Kids [2 0 R] /Count 3>>endobj\n%%EOF"
OGG = b"OggS\x00\x02" + b"\0" * 22 + b"OpusHead" + b"\0" * 40
MP4 = b"\0\0\0\x20ftypisom" + b"\0" * 40
WORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 40


@pytest.fixture
def shop() -> Merchant:
    """The demo's shop, whose number the simulator knows."""
    return factories.demo_shop()


def picture(kind: str = "JPEG", size: tuple[int, int] = (1200, 900), **more: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, kind, **more)
    return file.getvalue()


def only(merchant: Merchant) -> Media:
    with db.merchant(merchant.id) as session:
        return session.scalars(select(Media)).one()


def said(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


# --- from a customer's phone to the folder --------------------------------------------------------


SENT = [
    ("image", picture(), "image/jpeg", "image/jpeg"),
    ("image", picture("PNG"), "image/png", "image/png"),
    ("sticker", picture("WEBP", (64, 64)), "image/webp", "image/webp"),
    ("audio", OGG, "audio/ogg", "audio/ogg"),
    ("video", MP4, "video/mp4", "video/mp4"),
    ("document", PDF, "application/pdf", "application/pdf"),
    ("document", WORD, "application/msword", "application/msword"),
]


@pytest.mark.parametrize(("kind", "data", "mime_type", "real"), SENT, ids=[x[3] for x in SENT])
def test_what_a_phone_sends_is_fetched_and_kept(
    simulator: Simulator,
    shop: Merchant,
    work: Work,
    kind: str,
    data: bytes,
    mime_type: str,
    real: str,
) -> None:
    stored = simulator.keep_media(data, mime_type, "facture.pdf")

    content: dict[str, Any] = {kind: {"id": stored.id}}
    simulator.write("fatima", type=kind, **content)
    simulator.deliver()
    work()

    kept = only(shop)
    assert (kept.state, kept.mime_type, kept.size) == (MediaState.FETCHED, real, len(data))
    assert files.read(kept.file) == data
    assert kept.sha256 == hashlib.sha256(data).hexdigest()
    assert kept.file.startswith(f"{shop.id}/{kept.id}.")


def test_the_caption_is_there_before_the_file(simulator: Simulator, shop: Merchant) -> None:
    stored = simulator.keep_media(picture(), "image/jpeg", "f")
    simulator.write("fatima", "Celui-ci ?", type="image", image={"id": stored.id})
    simulator.deliver()

    jobs.read_envelopes("ingest")  # the worker of files is busy elsewhere

    with db.merchant(shop.id) as session:
        message = session.scalars(select(Message)).one()
        assert message.media is not None
        assert (message.text, message.media.state) == ("Celui-ci ?", MediaState.WAITING)


def test_a_lost_nudge_is_found_by_the_sweep(
    simulator: Simulator, shop: Merchant, work: Work
) -> None:
    stored = simulator.keep_media(picture(), "image/jpeg", "f")
    simulator.write("fatima", type="image", image={"id": stored.id})
    simulator.deliver()
    outbox.connection().flushdb()
    outbox.sweep()
    work()

    assert only(shop).here


def test_one_message_in_two_batches_waits_for_one_file(
    shop: Merchant, simulator: Simulator
) -> None:
    body = {"id": "77", "mime_type": "image/jpeg"}
    event = factories.inbound(phone_number_id=ATLAS_ONE, kind="image", payload=body)

    for _ in range(2):
        with db.merchant(shop.id):
            arrivals.take_in([event])

    with db.merchant(shop.id) as session:
        (row,) = session.scalars(select(Media)).all()
        assert session.scalars(select(Message.media_id)).one() == row.id


def test_a_small_picture_tells_nothing_of_the_camera(
    simulator: Simulator, shop: Merchant, work: Work
) -> None:
    told = Image.Exif()
    told[0x010F], told[0x0112] = "Kamera of Fatima", 6  # maker, and turned by a quarter
    told.get_ifd(0x8825)[1] = "N"
    data = picture("JPEG", (1200, 600), exif=told)
    stored = simulator.keep_media(data, "image/jpeg", "f")

    simulator.write("fatima", type="image", image={"id": stored.id})
    simulator.deliver()
    work()

    kept = only(shop)
    assert kept.thumbnail is not None
    small = files.read(kept.thumbnail)
    with Image.open(io.BytesIO(small)) as seen:
        assert seen.size == (320, 640)
        assert not seen.getexif()
    assert b"Kamera" in files.read(kept.file)
    assert b"Kamera" not in small
    assert (kept.width, kept.height) == (600, 1200)


def test_a_picture_that_would_unfold_to_gigabytes_is_only_downloaded(
    simulator: Simulator, shop: Merchant, work: Work
) -> None:
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    stored = simulator.keep_media(file.getvalue(), "image/png", "f")

    simulator.write("fatima", type="image", image={"id": stored.id})
    simulator.deliver()
    work()

    kept = only(shop)
    assert (kept.state, kept.mime_type, kept.thumbnail) == (
        MediaState.FETCHED,
        "application/octet-stream",
        None,
    )


LIES = [
    ("image", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/jpeg"),
    ("image", b"<html><script>alert(1)</script>", "image/png"),
    ("image", PDF, "image/jpeg"),
    ("audio", picture(), "audio/ogg"),
    ("document", b"MZ\x90\0 a program", "application/pdf"),
    ("document", b"<html><script>alert(1)</script>", "application/pdf"),
]


@pytest.mark.parametrize(("kind", "data", "mime_type"), LIES, ids=range(6))
def test_a_file_that_is_not_what_it_says_is_only_downloaded(
    simulator: Simulator, shop: Merchant, work: Work, kind: str, data: bytes, mime_type: str
) -> None:
    stored = simulator.keep_media(data, mime_type, "photo.jpg")

    content: dict[str, Any] = {kind: {"id": stored.id}}
    simulator.write("fatima", type=kind, **content)
    simulator.deliver()
    work()

    assert only(shop).mime_type == "application/octet-stream"
    assert only(shop).file.endswith(".bin")


def test_a_file_deleted_at_meta_is_gone_and_nobody_asks_for_it_again(
    simulator: Simulator, shop: Merchant, work: Work
) -> None:
    stored = simulator.keep_media(picture(), "image/jpeg", "f")
    simulator.write("fatima", type="image", image={"id": stored.id})
    simulator.world.media.pop(stored.id)
    simulator.deliver()
    work()

    kept = only(shop)
    assert (kept.state, kept.reason, kept.due_at) == (MediaState.GONE, "expired", None)
    outbox.sweep()
    assert outbox.queue("media").count == 0


def test_the_file_of_an_edited_message_and_of_the_shops_phone_are_fetched_too(
    simulator: Simulator, shop: Merchant, work: Work
) -> None:
    one, two = (simulator.keep_media(picture(), "image/jpeg", "f") for _ in range(2))
    edit = {"original_message_id": "w", "message": {"type": "image", "image": {"id": one.id}}}
    typed = factories.echo(
        phone_number_id=ATLAS_ONE,
        kind="image",
        payload={"id": two.id, "mime_type": "image/jpeg"},
    )
    with db.merchant(shop.id):
        arrivals.take_in(
            [factories.inbound(phone_number_id=ATLAS_ONE, kind="edit", payload=edit), typed]
        )

    work()

    with db.merchant(shop.id) as session:
        assert set(session.scalars(select(Media.state))) == {MediaState.FETCHED}
        assert len(session.scalars(select(Message.media_id)).all()) == 2


def test_the_media_of_history_takes_its_placeholders_place(
    simulator: Simulator, shop: Merchant, work: Work
) -> None:
    stored = simulator.keep_media(picture(), "image/jpeg", "f")
    facts: Json = {
        "phone_number_id": ATLAS_ONE,
        "field": "history",
        "wamid": "wamid.old",
        "at": utcnow() - timedelta(days=40),
        "outgoing": False,
        "historic": True,
    }
    before = factories.echo(kind="media_placeholder", payload={}, **facts)
    after = factories.echo(kind="image", payload={"id": stored.id}, **facts)
    for event in (before, after, before, after):
        with db.merchant(shop.id):
            arrivals.take_in([event])
    work()

    with db.merchant(shop.id) as session:
        message = session.scalars(select(Message)).one()
        assert message.media is not None
        assert (message.kind, message.media.state) == ("image", MediaState.FETCHED)
        assert len(session.scalars(select(Media)).all()) == 1
        assert session.scalars(select(Conversation)).one().last_inbound_at is None


# --- what Meta and the road to it may do ----------------------------------------------------------


class Road:
    """Something that stands for Meta and answers as told: by address, one answer after another."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.asked: list[tuple[str, str | None]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((str(request.url), request.headers.get("Authorization")))
        prepared = self.answers[request.url.path]
        answer = prepared.pop(0) if len(prepared) > 1 else prepared[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, **answer)


@pytest.fixture
def road() -> Iterator[Road]:
    found = Road()
    meta.reach(lambda: httpx.MockTransport(found))
    yield found
    meta.reach(meta._to_meta)


def address(url: str = "https://lookaside.fbsbx.com/f", **more: str) -> Json:
    return {"json": {"id": "77", "url": url, **more}}


@pytest.fixture
def waits(merchant: Merchant) -> Callable[..., UUID]:
    """A picture that somebody sent and that is still to be fetched."""

    def expected(data: bytes = b"", **more: Any) -> UUID:
        body = {"id": "77", "mime_type": "image/jpeg", "sha256": said(data) if data else None}
        with db.merchant(merchant.id):
            arrivals.take_in([factories.inbound("", kind="image", payload=body | more)])
        return only(merchant).id

    return expected


def graph(road: Road, *answers: Any) -> None:
    """Whatever version of Graph is asked."""
    version = next(iter(meta.client("x").api._session.base_url.path.split("/")[1:]), "")
    road.answers[f"/{version}/77"] = list(answers)


UNKNOWN = {
    "error": {"message": "x", "code": 100, "error_subcode": 33, "type": "G", "fbtrace_id": "t"}
}
DENIED = {"error": {"message": "x", "code": 190, "type": "OAuth", "fbtrace_id": "t"}}


def test_a_stale_address_is_asked_for_anew(
    road: Road, merchant: Merchant, waits: Callable[..., UUID], work: Work
) -> None:
    graph(road, address())
    road.answers["/f"] = [httpx.Response(404), {"content": picture()}]
    waits()
    work()

    assert only(merchant).here


def test_an_id_whose_addresses_open_nothing_is_gone(
    road: Road, merchant: Merchant, waits: Callable[..., UUID], work: Work
) -> None:
    graph(road, address())
    road.answers["/f"] = [httpx.Response(404)]
    waits()
    work()

    assert (only(merchant).state, only(merchant).reason) == (MediaState.GONE, "expired")
    assert [httpx.URL(url).path.rpartition("/")[2] for url, _ in road.asked[-4:]] == [
        "77",
        "f",
        "77",
        "f",
    ]


LATER = [
    (httpx.Response(500), "no_answer"),
    (httpx.Response(401, json=DENIED), "refused"),
    (httpx.ConnectTimeout("x"), "no_answer"),
    (httpx.ReadError("x"), "no_answer"),
]


@pytest.mark.parametrize(("trouble", "reason"), LATER)
def test_trouble_on_the_way_is_tried_again_later(
    road: Road,
    merchant: Merchant,
    waits: Callable[..., UUID],
    work: Work,
    trouble: Any,
    reason: str,
) -> None:
    graph(road, trouble, address())
    road.answers["/f"] = [{"content": picture()}]
    waits()
    work()

    kept = only(merchant)
    assert (kept.state, kept.reason) == (MediaState.WAITING, reason)
    assert kept.due_at is not None
    assert kept.due_at > utcnow()

    with time_machine.travel(utcnow() + timedelta(minutes=1)):
        outbox.sweep()
        work()
    assert only(merchant).here


def test_a_file_that_comes_damaged_is_believed_the_third_time(
    road: Road, merchant: Merchant, waits: Callable[..., UUID], work: Work
) -> None:
    graph(road, address())
    road.answers["/f"] = [{"content": picture()}]
    waits(b"something else")
    states = []
    for hours in range(3):
        with time_machine.travel(utcnow() + timedelta(hours=hours)):
            outbox.sweep()
            work()
            states.append(only(merchant).state)

    assert states == [MediaState.WAITING, MediaState.WAITING, MediaState.FAILED]
    assert only(merchant).reason == "damaged"


def test_a_hash_in_hex_or_none_at_all_is_no_trouble(
    road: Road, merchant: Merchant, waits: Callable[..., UUID], work: Work
) -> None:
    graph(road, address(sha256=hashlib.sha256(picture()).hexdigest()))
    road.answers["/f"] = [{"content": picture()}]
    waits(sha256="a1b2c3d4e5f6...")
    work()

    assert only(merchant).here


def dripping(size: int) -> Iterator[bytes]:
    yield from (b"\xff\xd8\xff" + b"\0" * 1_000_000 for _ in range(size))


@pytest.mark.parametrize("told", [True, False])
def test_a_file_larger_than_may_be_is_not_read_to_its_end(
    road: Road, merchant: Merchant, waits: Callable[..., UUID], work: Work, told: bool
) -> None:
    graph(road, address())
    headers = {"Content-Length": "900000000"} if told else {}
    left = dripping(900)
    road.answers["/f"] = [httpx.Response(200, headers=headers, content=left)]
    waits()
    work()

    assert (only(merchant).state, only(merchant).reason) == (MediaState.FAILED, "too_large")
    assert sum(1 for _ in left) > 880


def test_a_file_that_comes_drop_by_drop_is_left_when_patience_ends(
    road: Road,
    merchant: Merchant,
    waits: Callable[..., UUID],
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph(road, address())
    monkeypatch.setattr(fetching, "PATIENCE", 0.0)
    left = (b"\0" for _ in range(1000))
    road.answers["/f"] = [httpx.Response(200, content=left)]
    waits()
    work()

    assert only(merchant).reason == "no_answer"
    assert sum(1 for _ in left) > 990


ELSEWHERE = [
    "http://lookaside.fbsbx.com/f",
    "https://evil.example/f",
    "https://fbsbx.com.evil.example/f",
    "https://lookaside.fbsbx.com:8443/f",
    "http://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "//127.0.0.1/f",
    "",
]


@pytest.mark.parametrize("url", ELSEWHERE)
@pytest.mark.parametrize("redirected", [True, False])
def test_only_metas_own_machines_are_asked_and_get_the_token(
    road: Road,
    merchant: Merchant,
    waits: Callable[..., UUID],
    work: Work,
    url: str,
    redirected: bool,
) -> None:
    graph(road, address() if redirected else address(url))
    road.answers["/f"] = [httpx.Response(302, headers={"Location": url or "http://x/"})]
    waits()
    work()

    assert only(merchant).reason == "refused"
    hosts = {httpx.URL(asked).host for asked, _ in road.asked}
    assert hosts <= {"graph.facebook.com", "lookaside.fbsbx.com"}
    assert all(asked.startswith("https://") for asked, _ in road.asked)


def test_a_redirect_to_metas_own_machines_is_followed(
    road: Road, merchant: Merchant, waits: Callable[..., UUID], work: Work
) -> None:
    graph(road, address())
    there = {"Location": "https://scontent.fbcdn.net/g"}
    road.answers["/f"] = [httpx.Response(302, headers=there)]
    road.answers["/g"] = [{"content": picture()}]
    waits()
    work()

    assert only(merchant).here


def test_after_a_week_nobody_asks_any_more_and_a_person_still_can(
    road: Road, merchant: Merchant, waits: Callable[..., UUID], work: Work
) -> None:
    graph(road, httpx.Response(500))
    road.answers["/f"] = [{"content": picture()}]
    id_ = waits()
    with time_machine.travel(utcnow() + timedelta(days=8)):
        outbox.sweep()
        work()
        assert (only(merchant).state, only(merchant).reason) == (MediaState.GONE, "expired")

        graph(road, address())
        with db.merchant(merchant.id) as session:
            media.fetch_again(session.get_one(Media, (merchant.id, id_)))
        work()
        assert only(merchant).here


def test_a_worker_killed_half_way_leaves_the_file_to_the_next(
    road: Road, merchant: Merchant, waits: Callable[..., UUID], work: Work
) -> None:
    graph(road, address())
    road.answers["/f"] = [{"content": picture()}]
    waits()
    with db.merchant(merchant.id):
        (errand,) = media.claim()
    outbox.sweep()
    work()
    assert only(merchant).state is MediaState.WAITING

    with time_machine.travel(utcnow() + timedelta(minutes=4)):
        outbox.sweep()
        work()
        assert only(merchant).here
        with db.merchant(merchant.id):
            media.conclude(errand, media.Missed("no_answer", "gone"))
    assert only(merchant).here
