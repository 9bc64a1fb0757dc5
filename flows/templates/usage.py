"""What templates are used for: the list, who sends them, how often, what Meta charges for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from flows import costs
from flows.costs import Estimate
from flows.templates.drafts import users_by_template
from flows.templates.news import announced_for
from models import db
from models.channel import Channel
from models.cost import Charge
from models.merchant import Merchant
from models.message import Message
from models.template import MessageTemplate
from models.types import fold, utcnow

LATELY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Listed:
    """A template in all its languages. `used`: how many automations send it."""

    name: str
    templates: Sequence[MessageTemplate]
    used: int

    @property
    def categories(self) -> list[str]:
        return list(dict.fromkeys(template.category for template in self.templates))

    def in_language(self, wish: str) -> MessageTemplate:
        """The one a reader of this language understands, else the first."""
        fitting = (t for t in self.templates if t.language[:2] == wish[:2])
        return next(fitting, self.templates[0])


def listed(*, text: str = "", state: str = "", category: str = "") -> list[Listed]:
    """Every template but deleted ones, by name; those in which every word of `text` stands.

    A name stays whole: it is there with all its languages when one of them fits.
    """
    wanted = select(MessageTemplate).where(MessageTemplate.state != "deleted")
    by_name = wanted.order_by(MessageTemplate.name, MessageTemplate.language)
    named: dict[tuple[str, str], list[MessageTemplate]] = {}
    for template in db.session().scalars(by_name):
        named.setdefault((template.name, template.waba_id), []).append(template)
    users = users_by_template()
    words = fold(text).split()
    return [
        Listed(name, same, len({a.id for t in same for a in users.get(t.id, ())}))
        for (name, _), same in named.items()
        if any(_fits(template, words, state, category) for template in same)
    ]


def _fits(template: MessageTemplate, words: list[str], state: str, category: str) -> bool:
    said = fold(f"{template.name} {template.name.replace('_', ' ')} {template.body}")
    return (
        all(word in said for word in words)
        and state in ("", template.state)
        and category in ("", template.category)
    )


def delivered(ids: Collection[UUID]) -> dict[UUID, int]:
    """Template id → how many of it Meta delivered in the last thirty days."""
    today = utcnow().date()
    since = today - LATELY
    months = {day.replace(day=1) for day in (since, since.replace(day=28) + timedelta(4), today)}
    counted = (
        select(Message.template_id, func.count())
        .join(Charge, Charge.message_id == Message.id)
        .where(Charge.month.in_(months), Charge.local_date >= since, Message.template_id.in_(ids))
        .group_by(Message.template_id)
    )
    return {id_: count for id_, count in db.session().execute(counted) if id_ is not None}


def prices(account: str, categories: Iterable[str]) -> dict[str, Estimate]:
    """Category → what one message costs in the merchant's own country."""
    session = db.session()
    numbers = select(Channel).where(Channel.waba_id == account).order_by(Channel.created_at)
    channel = session.scalars(numbers).first() or session.scalars(select(Channel)).first()
    if channel is None:
        return {}
    home = session.get_one(Merchant, session.merchant_id).country
    # A user id tells the country as a phone would, and names nobody.
    return costs.estimates_for(
        channel, phone=None, user_id=f"{home}.0", categories=set(categories), window_open=False
    )


@dataclass(frozen=True, slots=True)
class Dearer:
    """Meta charges it as something else: since it said so, or (announced) from `at` on."""

    template: MessageTemplate
    before: str
    after: str
    announced: bool
    at: datetime | None
    old: Estimate | None
    new: Estimate | None
    count: int
    """Delivered in the last thirty days."""

    @property
    def more(self) -> int | None:
        """Micro-units a month more (or less) at that count; None where a price is not known."""
        if self.old is None or self.new is None:
            return None
        if self.old.micros is None or self.new.micros is None:
            return None
        return (self.new.micros - self.old.micros) * self.count


def dearer(templates: Iterable[MessageTemplate]) -> list[Dearer]:
    """What nobody has acknowledged yet, of these."""
    changed = [t for t in templates if t.recategorised_from or t.next_category]
    if not changed:
        return []
    counts = delivered([template.id for template in changed])
    starts = announced_for(changed)
    known = {
        account: prices(account, {name for t in same for name in _before_and_after(t)})
        for account, same in _by_account(changed).items()
    }
    return [
        _dearer(t, known[t.waba_id], starts.get(t.meta_id), counts.get(t.id, 0)) for t in changed
    ]


def _by_account(templates: Iterable[MessageTemplate]) -> dict[str, list[MessageTemplate]]:
    found: dict[str, list[MessageTemplate]] = {}
    for template in templates:
        found.setdefault(template.waba_id, []).append(template)
    return found


def _before_and_after(template: MessageTemplate) -> tuple[str, str]:
    if template.recategorised_from is None:
        return template.category, str(template.next_category)
    return template.recategorised_from, template.category


def _dearer(
    template: MessageTemplate, known: Mapping[str, Estimate], at: datetime | None, count: int
) -> Dearer:
    announced = template.recategorised_from is None
    before, after = _before_and_after(template)
    return Dearer(
        template,
        before,
        after,
        announced,
        at if announced else None,
        known.get(before),
        known.get(after),
        count,
    )
