"""Failures on request, in this process and over a real socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest
from pywa.client import WhatsApp
from pywa.errors import WhatsAppError

from bot.simulator import Simulator, demo, listen
from tests.bot.simulator.business import FATIMA, YOUSSEF, Business


@pytest.fixture(autouse=True)
def _open_windows(sim: Simulator) -> None:
    sim.write("fatima", "Salam")
    sim.write("youssef", "Salam")


@pytest.fixture
def online(sim: Simulator) -> Iterator[httpx.Client]:
    """A client of the simulator over a real socket."""
    server = listen(sim)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    headers = {"Authorization": f"Bearer {demo.TOKEN}{demo.ATLAS}"}
    address = f"http://127.0.0.1:{server.server_port}"
    with httpx.Client(base_url=address, headers=headers, trust_env=False, timeout=2.0) as http:
        yield http
    server.shutdown()
    thread.join()
    server.server_close()


def _accepted(sim: Simulator) -> int:
    return len(sim.ledger.records("accepted"))


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (4, 400), (80007, 400), (130429, 400), (131056, 400), (131008, 400), (131000, 500),
        (2, 503), (131016, 500), (190, 401), (131026, 400), (131049, 400), (132015, 400),
    ],
)  # fmt: skip
def test_a_graph_error_refuses_the_next_sends_and_no_more(
    sim: Simulator, atlas: WhatsApp, code: int, status: int
) -> None:
    sim.fail(code, times=2)

    for _ in range(2):
        with pytest.raises(WhatsAppError) as refused:
            atlas.send_text(FATIMA, "Bonjour")
        assert (refused.value.code, refused.value.status_code) == (code, status)
    assert _accepted(sim) == 0

    assert atlas.send_text(FATIMA, "Bonjour")


def test_a_refusal_may_ask_to_wait(sim: Simulator, atlas: WhatsApp) -> None:
    sim.fail(130429, status=429, retry_after=7)

    with pytest.raises(WhatsAppError) as refused:
        atlas.send_text(FATIMA, "Bonjour")

    assert refused.value.raw_response is not None
    assert refused.value.raw_response.headers["Retry-After"] == "7"
    assert refused.value.status_code == 429


@pytest.mark.parametrize(("accept", "count"), [(False, 0), (True, 1)])
def test_a_proxy_error_has_no_graph_body_and_tells_nothing(
    sim: Simulator, atlas: WhatsApp, accept: bool, count: int
) -> None:
    sim.fail(502, accept=accept)

    with pytest.raises(WhatsAppError) as refused:
        atlas.send_text(FATIMA, "Bonjour")

    assert refused.value.code == 502
    assert _accepted(sim) == count


def test_a_late_error_comes_as_a_failed_status(
    sim: Simulator, atlas: WhatsApp, business: Business
) -> None:
    sim.fail(131049, late=True)

    atlas.send_text(FATIMA, "Bonjour", tracker="v1.x")
    sim.deliver()

    failed = business.statuses[0]
    assert (failed["status"], failed["errors"][0]["code"]) == ("failed", 131049)
    assert failed["biz_opaque_callback_data"] == "v1.x"


def test_a_failure_may_be_meant_for_one_customer(sim: Simulator, atlas: WhatsApp) -> None:
    sim.fail(131056, times=None, customer="fatima")

    assert atlas.send_text(YOUSSEF, "Salam")
    with pytest.raises(WhatsAppError):
        atlas.send_text(FATIMA, "Bonjour")


@pytest.mark.parametrize(
    ("fault", "seen", "count"),
    [
        ("refuse", httpx.ConnectError, 0),
        ("close_before_reading", httpx.ReadError, 0),
        ("accept_then_close", httpx.RemoteProtocolError, 1),
        ("accept_then_delay", httpx.ReadTimeout, 1),
        ("half_a_body", httpx.RemoteProtocolError, 1),
    ],
)
def test_in_process_the_line_breaks_as_a_client_would_see_it(
    sim: Simulator, atlas: WhatsApp, fault: str, seen: type[Exception], count: int
) -> None:
    sim.fail(fault)

    with pytest.raises(seen):
        atlas.send_text(FATIMA, "Bonjour")

    assert _accepted(sim) == count


@pytest.mark.parametrize(
    ("fault", "seen", "count"),
    [
        ("close_before_reading", httpx.TransportError, 0),
        ("accept_then_close", httpx.RemoteProtocolError, 1),
        ("accept_then_delay", httpx.ReadTimeout, 1),
        ("half_a_body", httpx.RemoteProtocolError, 1),
    ],
)
def test_over_a_socket_the_line_really_breaks(
    sim: Simulator, online: httpx.Client, fault: str, seen: type[Exception], count: int
) -> None:
    online.timeout = httpx.Timeout(0.3)
    sim.fail(fault, seconds=0.6)

    with pytest.raises(seen):
        _send(online)

    assert _accepted(sim) == count
    online.timeout = httpx.Timeout(5.0)
    assert _send(online).status_code == 200


def test_a_garbled_200_was_accepted(sim: Simulator, online: httpx.Client) -> None:
    sim.fail("garbage")

    answer = _send(online)

    assert answer.status_code == 200
    assert "json" not in answer.headers["Content-Type"]
    assert _accepted(sim) == 1


def test_uploads_and_template_lists_fail_on_request_too(sim: Simulator, atlas: WhatsApp) -> None:
    sim.fail(131053, on="media")
    sim.fail(80007, on="templates")

    with pytest.raises(WhatsAppError) as upload:
        atlas.upload_media(b"x", mime_type="image/png", filename="x.png")
    with pytest.raises(WhatsAppError) as listing:
        atlas.get_templates()

    assert (upload.value.code, listing.value.code) == (131053, 80007)


def test_an_unknown_fault_is_refused_when_it_is_asked_for(sim: Simulator) -> None:
    with pytest.raises(ValueError, match="earthquake"):
        sim.fail("earthquake")


def _send(http: httpx.Client) -> httpx.Response:
    body = {"messaging_product": "whatsapp", "to": FATIMA, "text": {"body": "Bonjour"}}
    return http.post(f"/v26.0/{demo.ATLAS_ONE}/messages", json=body)
