"""Meta's desk for templates: reviews, later changes of mind, samples of header files."""

from __future__ import annotations

import secrets
import threading
from dataclasses import asdict
from typing import Any

from bot.simulator import events
from bot.simulator.errors import GraphError, missing, unknown_object
from bot.simulator.names import new_object_id
from bot.simulator.office import Office
from bot.simulator.template_checks import FILES, check_edit, check_new
from bot.simulator.world import Account, Json, Template

DAY = 86_400


class Reviews(Office):
    review_after: float | None = None
    """Seconds until a submitted template is judged; None: only by `review`, `decide` or `judge`."""

    def take_template(self, account: Account, body: Any) -> Template:
        """A new template waits for its review; GraphError when Meta would not even look at it."""
        with self.turn():
            facts = check_new(self.world, account, body, self.clock.time())
            template = self.keep_template(account, facts)
        self._review_later()
        return template

    def change_template(self, template: Template, body: Any) -> Template:
        """The template says something else, and waits for its review again."""
        with self.turn():
            facts = check_edit(self.world, template, body, self.clock.time())
            self.note("template", **asdict(template) | facts)
        self._review_later()
        return self.world.templates[template.id]

    def keep_template(self, account: Account, facts: Json) -> Template:
        """A new template, or one that replaces the template with the same id."""
        template = Template(**{"id": new_object_id(), "account": account.id, **facts})
        with self.turn():
            self.note("template", **asdict(template))
        return self.world.templates[template.id]

    def judge(self) -> int:
        """Every template that waits for a review a business asked for is approved; how many."""
        waiting = self.waiting_templates()
        for template in waiting:
            self.review(template, "APPROVED")
        return len(waiting)

    def waiting_templates(self) -> list[Template]:
        """What a business asked to be reviewed and nobody has judged."""
        templates = list(self.world.templates.values())
        return [t for t in templates if t.status == "PENDING" and t.submitted_at is not None]

    def decide(self) -> int:
        """Every template that waits is judged, as the reviewer of this simulator judges."""
        return self.judge()

    def review(self, template: Template, event: str, **facts: Any) -> None:
        """Meta's review says APPROVED, REJECTED, PAUSED...; the business is told.

        `category` may differ from the one asked for; `reason` says why it was rejected.
        """
        category = facts.pop("category", template.category)
        reason = facts.pop("reason", "NONE")
        changed = {
            "status": event,
            "category": category,
            "rejected_reason": reason,
            "submitted_at": None,
        }
        news = {"event": event, "reason": reason, "message_template_category": category} | facts
        self._change(template, changed, "message_template_status_update", news)

    def recategorise(self, template: Template, category: str, *, announce: bool = False) -> None:
        """Meta charges it as something else: from now on, or (announced) from tomorrow on."""
        if announce:
            self._change(
                template,
                {"correct_category": category, "category_due": self.clock.time() + DAY},
                "template_category_update",
                {
                    "correct_category": category,
                    "new_category": template.category,
                    "category_update_timestamp": int(self.clock.time()) + DAY,
                },
            )
            return
        self._change(
            template,
            {"category": category, "correct_category": None, "category_due": None},
            "template_category_update",
            {"previous_category": template.category, "new_category": category},
        )

    def grade(self, template: Template, score: str) -> None:
        """Customers' judgement changed its quality: GREEN, YELLOW, RED or UNKNOWN."""
        news = {"previous_quality_score": template.quality, "new_quality_score": score}
        self._change(template, {"quality": score}, "message_template_quality_update", news)

    def _change(self, template: Template, changed: Json, field: str, news: Json) -> None:
        account = self.world.accounts[template.account]
        with self.turn():
            self.note("template", **asdict(template) | changed)
            value = events.template_news(template.id, template.name, template.language, news)
            self.emit(account, value, field=field)

    def _review_later(self) -> None:
        if self.review_after is not None:
            # Daemon: a simulator that stops leaves the review to its next life.
            timer = threading.Timer(self.review_after, self.decide)
            timer.daemon = True
            timer.start()

    # --- samples: the Resumable Upload API --------------------------------------------------------

    def open_upload(self, file_type: str, length: int) -> str:
        """The name of a session that waits for so many bytes of this type."""
        if file_type not in {mime_type for kinds in FILES.values() for mime_type in kinds}:
            raise GraphError(100, message=f"(#100) Param file_type {file_type} is not supported.")
        if length < 1:
            raise missing("file_length")
        session = secrets.token_urlsafe(24)
        self.uploads[session] = (file_type, length, b"")
        return f"upload:{session}"

    def add_to_upload(self, session: str, offset: int, data: bytes) -> str:
        """The handle of the sample, once all of its bytes are there."""
        if session not in self.uploads:
            raise unknown_object(f"upload:{session}", "post")
        file_type, length, before = self.uploads[session]
        if offset != len(before) or len(before) + len(data) != length:
            raise GraphError(100, message="(#100) The bytes do not make up the file.")
        handle = "4::aW" + secrets.token_urlsafe(48)
        with self.turn():
            self.note("sample", handle=handle, mime_type=file_type)
        del self.uploads[session]
        return handle
