"""How long Meta takes to answer, by what was asked."""

from __future__ import annotations

from time import perf_counter

import httpx

from flows import counters

ENDPOINTS = (
    *("messages", "media", "message_templates", "subscribed_apps", "phone_numbers"),
    *("pricing_analytics", "whatsapp_business_profile", "message_qrdls", "uploads", "debug_token"),
)


class Timed(httpx.BaseTransport):
    """Counts each request that passes, however it ends."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        # What it is redirected to is no endpoint of Meta.
        endpoint, begun, code = _endpoint(request.url), perf_counter(), "none"
        try:
            response = self.inner.handle_request(request)
            code = str(response.status_code)
        except httpx.TimeoutException:
            code = "timeout"
            raise
        finally:
            took = perf_counter() - begun
            counters.took("graph_request_seconds", took, endpoint, code)
        return response

    def close(self) -> None:
        self.inner.close()


def _endpoint(url: httpx.URL) -> str:
    """The last word of the path: everything before it names a number, an account or a file."""
    last = url.path.rstrip("/").rpartition("/")[2]
    return last if last in ENDPOINTS else "other"
