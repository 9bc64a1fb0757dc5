"""A worker of one queue."""

from __future__ import annotations

import importlib

from rq import SimpleWorker, Worker
from rq.serializers import JSONSerializer

from flows import heartbeats, outbox
from flows.seen import Seen


def run(queue: str) -> None:
    """Work for this queue until told to stop."""
    for job in outbox.JOBS.values():  # loaded once here, not by the first job
        if job.queue == queue:
            importlib.import_module(job.function.rpartition(".")[0])
    redis = outbox.patient_connection()
    # A stranger's picture is opened in a process of its own: what it breaks ends with the job.
    kind = _Forking if queue == "media" else _Plain
    worker = kind(
        [outbox.queue(queue, redis)],
        connection=redis,
        serializer=JSONSerializer,
        worker_ttl=30,
        maintenance_interval=10,
        job_monitoring_interval=5,
    )
    with heartbeats.beating(queue) as worker.life:
        worker.work(logging_level="WARNING")


class _Plain(Seen, SimpleWorker):
    pass


class _Forking(Seen, Worker):
    pass
