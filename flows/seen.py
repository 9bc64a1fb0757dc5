"""A worker of rq that is seen to live, and says in every line of its log which job it is at."""

from __future__ import annotations

import logging
from typing import Any

from rq.job import Job
from rq.queue import Queue
from rq.worker import BaseWorker

from flows import counters, logs
from flows.heartbeats import Life

log = logging.getLogger(__name__)


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
