"""A worker of one queue: at work until it is told to stop, whatever becomes of Redis meanwhile."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import time
from contextlib import suppress
from types import FrameType
from typing import Any

import redis
from rq import SimpleWorker, Worker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker, WorkerStatus

from flows import counters, heartbeats, logs, outbox
from flows.heartbeats import Life

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds between two looks for a Redis that is away."""

_told: list[int] = []


def stopping() -> bool:
    """Whether this process was told to end: who holds something finishes it and takes no more."""
    return bool(_told)


def run(queue: str) -> None:
    """Work for this queue until SIGTERM or SIGINT; then the batch at hand is finished, no other is
    begun, and what is left of its lane is nudged for the next worker.

    Redis may go and come back: this process waits for it and goes on.
    """
    _listen()
    for job in outbox.JOBS.values():  # loaded once here, not by the first job
        if job.queue == queue:
            importlib.import_module(job.function.rpartition(".")[0])
    with heartbeats.beating(queue) as life:
        while not stopping():
            with suppress(StopRequested):
                _work(queue, life)
                life.waits()
                if not stopping():
                    time.sleep(PAUSE)


def _work(queue: str, life: Life) -> None:
    """Until told to stop, or until Redis goes."""
    through = outbox.patient_connection()
    try:
        # A stranger's picture is opened in a process of its own: what it breaks ends with the job.
        kind = _Forking if queue == "media" else _Plain
        worker = kind(
            [outbox.queue(queue, through)],
            connection=through,
            serializer=JSONSerializer,
            worker_ttl=30,
            maintenance_interval=10,
            job_monitoring_interval=5,
        )
        worker.life = life
        worker.work(logging_level="WARNING")
    except redis.RedisError as error:
        log.warning("no work from Redis, trying again: %s", error)
    finally:
        _listen()
        through.close()


def _listen() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _note)


def _note(number: int, _: FrameType | None) -> None:
    _told.append(number)


class _Lasting(BaseWorker):
    """rq's worker, but for how it ends and how long it waits for Redis."""

    max_connection_wait_time = 2

    def subscribe(self) -> None:
        """Nobody gives our workers orders through Redis: a thread and a connection less."""

    def unsubscribe(self) -> None:
        pass

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Told twice is told once: what is being sent is not cut off, it would be uncertain."""
        _note(signum, frame)
        self._stop_requested = True
        if self.is_horse or self.get_state() == WorkerStatus.BUSY:
            self.handle_warm_shutdown_request()
        else:
            raise StopRequested

    def handle_warm_shutdown_request(self) -> None:
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)

    def setup_work_horse_signals(self) -> None:
        """A child of ours is told by us, and then finishes its batch as we do."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)


class Seen(BaseWorker):
    """What every worker of ours tells of itself; `life` is given to it before it works."""

    life: Life

    def execute_job(self, job: Job, queue: Queue) -> None:
        lane = job.args[0]
        self.life.turn(lane.partition(":")[0])
        try:
            with logs.about(job=job.id, lane=lane):
                super().execute_job(job, queue)
        finally:
            self.life.turn()

    def perform_job(self, job: Job, queue: Queue) -> bool:
        try:
            return super().perform_job(job, queue)
        finally:
            if self.is_horse:
                counters.flush()  # a forked child ends without a word

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        log.error("a job failed", exc_info=exc_info)  # rq's own line tells no traceback here
        super().handle_exception(job, *exc_info)

    def heartbeat(self, *arguments: Any, **options: Any) -> None:
        self.life.waits()
        super().heartbeat(*arguments, **options)


class _Plain(_Lasting, Seen, SimpleWorker):
    pass


class _Forking(_Lasting, Seen, Worker):
    pass
