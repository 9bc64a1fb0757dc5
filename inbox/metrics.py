"""/metrics, as Prometheus reads it: what was counted, and what tables and queues know."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from itertools import accumulate

import redis
from flask import abort, request
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry
from werkzeug.wrappers import Response

from config import settings
from flows import counters, figures
from flows.counters import COUNTED, Counted
from inbox.addresses import LOOPBACK

PROXIED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via")


def answer() -> Response:
    """Everything, for whoever has the token; without one, for this machine alone."""
    if not (_has_token() if settings().metrics_token else _is_here()):
        abort(403)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _has_token() -> bool:
    said = request.headers.get("Authorization", "").encode("latin-1", "replace")
    return hmac.compare_digest(said, f"Bearer {settings().metrics_token}".encode())


def _is_here() -> bool:
    """Asked from this machine, by its own name, and not through a proxy."""
    asked = request.environ.get("werkzeug.proxy_fix.orig", request.environ)
    name = re.sub(r":\d+$", "", asked.get("HTTP_HOST") or "")
    local = asked.get("REMOTE_ADDR") in ("127.0.0.1", "::1") and name in LOOPBACK
    return local and not any(header in request.headers for header in PROXIED)


class _Everything(Collector):
    def collect(self) -> Iterator[Metric]:
        for figure in figures.figures():
            family = CounterMetricFamily if figure.grows else GaugeMetricFamily
            metric = family(figure.name, figure.meaning, labels=figure.labels)
            for labels, value in figure.samples.items():
                metric.add_metric(labels, value)
            yield metric
        yield from _counted()


def _counted() -> Iterator[Metric]:
    try:
        known = counters.read()
    except redis.RedisError:
        return  # no figure rather than a wrong one; wa_redis_up says why
    for name, what in COUNTED.items():
        mine = {key[1:]: value for key, value in known.items() if key[0] == name}
        yield _durations(name, what, mine) if what.buckets else _counter(name, what, mine)


def _counter(name: str, what: Counted, mine: dict[tuple[str, ...], float]) -> Metric:
    metric = CounterMetricFamily(name, what.meaning, labels=what.labels)
    for labels, value in mine.items() or ([((), 0.0)] if not what.labels else []):
        metric.add_metric(labels, value)
    return metric


def _durations(name: str, what: Counted, mine: dict[tuple[str, ...], float]) -> Metric:
    metric = HistogramMetricFamily(name, what.meaning, labels=what.labels)
    bounds = [*map(str, what.buckets), "+Inf"]
    for labels in dict.fromkeys(key[:-1] for key in mine):
        upto = accumulate(mine.get((*labels, bound), 0.0) for bound in bounds)
        buckets = list(zip(bounds, upto, strict=True))
        metric.add_metric(labels, buckets, mine.get((*labels, "sum"), 0.0))
    return metric
