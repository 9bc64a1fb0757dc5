"""Where files lie: a folder, and a store that speaks S3; both through one door."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from obstore.store import MemoryStore

import config
from config import Misconfigured
from flows import files
from flows.files import Bucket, Folder, Store


class SmallS3(BaseHTTPRequestHandler):
    """As much of S3 as four calls need, in memory."""

    kept: dict[str, bytes]
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        self.kept[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        body = self.kept.get(self.path)
        if body is None:
            return self._answer(404)
        asked = self.headers.get("Range")
        if asked is None:
            return self._answer(200, body)
        start, end = (int(n) for n in asked.removeprefix("bytes=").split("-"))
        part = body[start : end + 1]
        return self._answer(206, part, f"bytes {start}-{start + len(part) - 1}/{len(body)}")

    def do_POST(self) -> None:
        """Deleting is a list, in S3's newer words."""
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = re.findall("<Key>(.*?)</Key>", asked)
        for key in keys:
            self.kept.pop(f"/wasl/{key}", None)
        done = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{done}</DeleteResult>".encode())

    def _answer(self, status: int, body: bytes = b"", place: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Mon, 30 Nov 2026 10:00:00 GMT")
        if place:
            self.send_header("Content-Range", place)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test's output is its own."""


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """WASL_FILES names a bucket of an S3 on this machine; what it holds."""
    kept: dict[str, bytes] = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("S3", (SmallS3,), {"kept": kept}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "WASL_FILES": "s3://wasl/shop",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-west-3",
    }.items():
        monkeypatch.setenv(name, value)
    _forget()
    yield kept
    monkeypatch.undo()
    _forget()
    server.shutdown()
    server.server_close()


def _forget() -> None:
    config.settings.cache_clear()
    files.store.cache_clear()


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Folder(tmp_path) if request.param == "folder" else Bucket(MemoryStore())


def test_a_file_is_kept_read_from_any_place_and_gone_when_deleted(store: Store) -> None:
    store.put("m/a.txt", io.BytesIO(b"0123456789"))

    file, size = store.open("m/a.txt")
    with file:
        file.seek(4)
        middle = file.read(3)

    assert (size, middle) == (10, b"456")
    assert store.exists("m/a.txt")
    store.delete("m/a.txt")
    store.delete("m/a.txt")
    assert not store.exists("m/a.txt")
    with pytest.raises(FileNotFoundError):
        store.open("m/a.txt")


def test_a_file_put_twice_is_the_second_one(store: Store) -> None:
    store.put("m/a.txt", io.BytesIO(b"long, and first"))
    store.put("m/a.txt", io.BytesIO(b"second"))

    file, size = store.open("m/a.txt")
    with file:
        assert (file.read(), size) == (b"second", 6)


def test_a_folder_keeps_no_half_of_a_file(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        Folder(tmp_path).put("m/a.txt", Broken(b"x"))

    assert not (tmp_path / "m/a.txt").exists()
    assert list((tmp_path / "m").iterdir()) == []


@pytest.mark.parametrize("key", ["../secrets.json", "/etc/passwd", "m/../../x", "", "m//x", "m/"])
def test_no_key_leads_out_of_the_store(key: str) -> None:
    with pytest.raises(FileNotFoundError):
        files.open(key)
    with pytest.raises(FileNotFoundError):
        files.put(key, io.BytesIO(b"x"))


def test_a_bucket_is_used_where_the_environment_names_one(s3: dict[str, bytes]) -> None:
    files.put("m/a.txt", io.BytesIO(b"hello"))

    assert s3 == {"/wasl/shop/m/a.txt": b"hello"}
    assert files.read("m/a.txt") == b"hello"
    assert files.exists("m/a.txt")
    files.delete("m/a.txt")
    assert not files.exists("m/a.txt")
    with pytest.raises(FileNotFoundError):
        files.read("m/a.txt")


@pytest.mark.parametrize("wrong", ["s3://", "ftp://bucket", "bucket", "s3:///folder"])
def test_a_store_nobody_knows_is_refused_at_the_start(wrong: str) -> None:
    env = {
        "DATABASE_URL": "postgresql+psycopg://x/y",
        "REDIS_URL": "redis://x",
        "WASL_SECRET_KEY": "0123456789-abcdefghijklmnopqrstuv",
        "WASL_DATA_KEY": "dGVzdHMgb25seSwgbm90IGEgcmVhbCBzZWNyZXQhISE=",
        "META_APP_SECRET": "x",
        "META_VERIFY_TOKEN": "x",
    }

    with pytest.raises(Misconfigured, match="WASL_FILES"):
        config.read(env | {"WASL_FILES": wrong})
