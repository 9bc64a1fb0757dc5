"""Whatever is posted to the webhook: no 5xx, no dead reader, and neighbours are read.

WASL_EXAMPLES=2000 makes it a long search.
"""

from __future__ import annotations

import copy
import itertools
import json
import random
import re
import select as select_
import socket
import string
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bin.lib import ports
from bot import jobs, signatures
from models import db
from models.channel import Channel, ChannelEvent
from models.customer import WhatsAppIdentity
from models.envelope import Envelope, EnvelopeState
from models.merchant import Merchant
from models.message import Message, MessageStatus
from models.user import Membership
from tests import factories
from tests.bot.test_bodies import bodies
from tests.bot.test_webhook import SECRET, sign, until
from tests.effort import examples

WHERE = "/webhooks/whatsapp"
MEGABYTE = 1 << 20
_count = itertools.count(1)
BODIES = [path.read_bytes() for path in bodies()]
OURS = {"phone_number_id": factories.NUMBER}


# --- what somebody might send ---------------------------------------------------------------------


def _nested(depth: int, inner: Any = 1) -> Any:
    for n in range(depth):
        inner = [inner] if n % 2 else {"a": inner}
    return inner


_noise = "".join(random.Random(5).choices(string.printable, k=9000))
HOSTILE: list[Any] = [
    *(None, True, False, "", " ", [], {}, [[]], [None], {"": ""}, {"value": None}),
    *(0, -1, 1e308, 0.1, 2**31, 2**63, 2**64, -(2**70), 10**400, "1e999", "NaN", "-5"),
    *("\0", "a\0b", "\ud800", "\udfff\ud800", "\u202e\u200f", "\ufeff", "é" * 300, "😀" * 99),
    *(_noise, "9" * 4000, "../../etc/passwd", "'; DROP TABLE x; --", "%s%(a)s{0}"),
    *("212661234567", "+212661234567", "MA.13491208655302741918", "wamid.1", factories.NUMBER),
    *(253402300800, "253402300800", 99999999999999, "1e3", "٣٤٥"),
    *(_nested(30), _nested(99), [1, "a", None, {"b": [{}]}], [{"id": "a"}, {"id": "a"}]),
]
ANYTHING = st.recursive(
    st.sampled_from(HOSTILE)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None), max_size=20),
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3)
    ),
    max_leaves=8,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    names: Iterable[Any] = ()
    if isinstance(value, dict | list):
        names = value if isinstance(value, dict) else range(len(value))
    for name in names:
        yield from _places(value[name], (*path, name))


def _ours(value: Any) -> Any:
    """The same body about our number, so that it is read to the end."""
    if isinstance(value, list):
        return [_ours(part) for part in value]
    if isinstance(value, dict):
        return {name: OURS.get(name) or _ours(part) for name, part in value.items()}
    return value


HOWS = ("put", "put", "drop", "twice")


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A body as Meta documents it, in which one to four pieces are something else, or gone."""
    try:
        root = _ours(json.loads(draw(st.sampled_from(BODIES))))
    except ValueError:
        return b"{"
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(list(_places(root))))
        root = _put(root, path, draw(st.sampled_from(HOWS)), draw(ANYTHING))
    return _bytes(root)


def _put(root: Any, path: tuple[Any, ...], how: str, value: Any) -> Any:
    if not path:
        return value
    root = copy.deepcopy(root)
    holder = root
    for name in path[:-1]:
        holder = holder[name]
    if how == "drop":
        del holder[path[-1]]
    elif how == "twice" and isinstance(holder, list):
        holder.append(holder[path[-1]])
    else:
        holder[path[-1]] = value
    return root


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "field": st.sampled_from(["messages", "account_update", "calls", "", "\0"]) | ANYTHING,
        "value": st.dictionaries(
            st.sampled_from(["messages", "statuses", "contacts", "errors", "metadata", "calls"]),
            ANYTHING,
        ).map(lambda value: {"metadata": OURS} | value),
    },
)
SHAPED = st.lists(CHANGES | ANYTHING, max_size=3).map(
    lambda changes: _bytes(
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": factories.ACCOUNT, "changes": changes}],
        }
    )
)
RAW = st.sampled_from(
    [
        *(b"", b"null", b"[]", b"{}", b'"a"', b"1", b"NaN", b'{"entry":NaN}', b'{"a":1e999}'),
        *(b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe{}", b'{"entry":' + b"9" * 5000 + b"}"),
        *(
            b'{"entry":[],"entry":[{}]}',
            b"\0",
            b'{"entry":"\\u0000"}',
            b"{}" * 9,
            b"\xef\xbb\xbf{}",
        ),
    ]
)
HOSTILE_BODIES = st.lists(
    mutated() | mutated() | SHAPED | RAW | st.binary(max_size=60) | ANYTHING.map(_bytes),
    min_size=1,
    max_size=8,
)


# --- the door and the reader ----------------------------------------------------------------------


def post(client: FlaskClient, body: bytes, signature: str | None = None) -> int:
    headers = {"X-Hub-Signature-256": sign(body) if signature is None else signature}
    return client.post(WHERE, data=body, headers=headers).status_code


def neighbour() -> tuple[str, bytes]:
    """A text that has nothing wrong; its wamid, and its body."""
    wamid = f"wamid.neighbour.{next(_count)}"
    message = {"id": wamid, "from": "212699999999", "timestamp": "1764500000", "type": "text"}
    value = {"metadata": OURS, "messages": [message | {"text": {"body": "Salam"}}]}
    change = {"field": "messages", "value": value}
    return wamid, _bytes({"entry": [{"id": factories.ACCOUNT, "changes": [change]}]})


@given(hostile=HOSTILE_BODIES)
@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink) if examples(40) > 40 else (Phase.generate,),
    derandomize=examples(40) == 40,
)
def test_whatever_is_posted_the_door_stands_and_neighbours_are_read(
    hostile: list[bytes], client: FlaskClient, merchant: Merchant
) -> None:
    first, before = neighbour()
    last, after = neighbour()

    answers = [post(client, body) for body in (before, *hostile, after)]
    jobs.read_envelopes("ingest")

    assert set(answers) == {200}
    with db.house() as house:
        left = house.scalars(select(Envelope).where(Envelope.state.in_(NOT_READ))).all()
        # What is no JSON was put aside; an exception of ours says its own name.
        assert [e.error for e in left if re.match(r"\w+: |None", str(e.error))] == []
    with db.merchant(merchant.id) as session:
        mine = select(Message.wamid).where(Message.wamid.in_([first, last]))
        assert set(session.scalars(mine)) == {first, last}


NOT_READ = (EnvelopeState.NEW, EnvelopeState.QUARANTINED)


# --- signatures -----------------------------------------------------------------------------------


LATIN = st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")
HEADER = st.text(LATIN, max_size=90)
RIGHT = sign(b"{}")
NEARLY = st.sampled_from(
    [
        *(RIGHT[:-1], RIGHT + "0", RIGHT.upper(), RIGHT[7:], f"{RIGHT},{RIGHT}", RIGHT + RIGHT),
        *(RIGHT.replace("=", "=="), RIGHT.replace("sha256", "sha1"), f"{RIGHT[:40]}é{RIGHT[41:]}"),
        *(f"sha256={RIGHT}", sign(b"{} "), sign(b"{}", SECRET[:-1]), f"sha256={RIGHT[:6:-1]}"),
    ]
)


@given(signature=HEADER | NEARLY)
@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
def test_only_the_right_signature_opens(
    signature: str, client: FlaskClient, merchant: Merchant
) -> None:
    opened = post(client, b"{}", signature) == 200

    assert opened == (signature.strip() == RIGHT)


def test_a_signature_that_is_missing_or_comes_twice_opens_nothing(client: FlaskClient) -> None:
    twice = [("X-Hub-Signature-256", RIGHT)] * 2

    assert client.post(WHERE, data=b"{}").status_code == 403
    assert client.post(WHERE, data=b"{}", headers=twice).status_code == 403


@given(hostile=mutated() | SHAPED)
@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=examples(15) == 15,
)
def test_whatever_a_merchants_app_signs_tells_nobody_else_anything(
    hostile: bytes, client: FlaskClient, merchant: Merchant, strangers_app: str
) -> None:
    """All of it speaks of the merchant's number; the app that signs is somebody else's."""
    answer = post(client, hostile, sign(hostile, strangers_app))
    jobs.read_envelopes("ingest")

    assert answer == 200
    with db.merchant(merchant.id) as session:
        told = [session.scalars(select(table.id).limit(1)).first() for table in TOLD]
    assert told == [None] * len(TOLD)


TOLD = (Message, MessageStatus, ChannelEvent, WhatsAppIdentity)


@pytest.fixture
def strangers_app(stranger: Membership) -> Iterator[str]:
    """The secret of the app that another merchant brought."""
    with db.merchant(stranger.merchant_id) as session:
        session.scalars(select(Channel)).one().app_secret = "of the stranger's own app"
    signatures.forget()
    yield "of the stranger's own app"
    signatures.forget()


# --- too much -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Where the server of production listens."""
    port = ports.free()
    options = f"--interface wsgi --port {port} --workers 1 --blocking-threads 4 --no-ws"
    command = [
        sys.executable,
        "-m",
        "granian",
        *options.split(),
        "--log-level",
        "error",
        "wsgi:app",
    ]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as server:
        until(lambda: _listens(port))
        yield "127.0.0.1", port
        server.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    ("framing", "most"),
    [("Content-Length: 1073741824", MEGABYTE), ("Transfer-Encoding: chunked", 5 * MEGABYTE)],
    ids=["a gigabyte by its length", "chunks without an end"],
)
def test_what_is_too_long_is_answered_long_before_it_is_sent(
    address: tuple[str, int], framing: str, most: int
) -> None:
    """The server of production, over a socket; what lies in the buffers of both sides was sent, and
    those grow to 36 megabytes on Linux."""
    block = b"x" * 65_536
    if "chunked" in framing:
        block = b"10000\r\n%b\r\n" % block
    with socket.create_connection(address, timeout=10) as line:
        line.sendall(f"POST {WHERE} HTTP/1.1\r\nHost: wasl\r\n{framing}\r\n\r\n".encode())
        sent = 0
        with suppress(ConnectionError):  # it hangs up once it has answered
            while not select_.select([line], [], [], 0)[0] and sent < 64 * MEGABYTE:
                line.sendall(block)
                sent += len(block)

        assert line.recv(12) == b"HTTP/1.1 413"
    assert sent < most + 40 * MEGABYTE
