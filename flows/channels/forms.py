"""What Meta says of a number's address form: kept when it is published, and when Meta tells."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from flows import live
from models import db
from models.channel import Channel
from models.form import Form, FormState
from models.types import utcnow


@dataclass(frozen=True, slots=True)
class Published:
    """How far publishing got; None is what was not reached."""

    key_taken: bool = False
    flow_id: str | None = None
    state: str | None = None
    """Meta's own word: DRAFT, PUBLISHED, …"""
    version: str | None = None
    endpoint: str | None = None


STATES = {
    "DRAFT": FormState.DRAFTED,
    "PUBLISHED": FormState.PUBLISHED,
    "THROTTLED": FormState.THROTTLED,
    "BLOCKED": FormState.BLOCKED,
    "DEPRECATED": FormState.DEPRECATED,
}


def of(channel: Channel) -> Form | None:
    """The form of a number; None where nobody asked for one yet."""
    return db.session().scalars(select(Form).where(Form.channel_id == channel.id)).one_or_none()


def keep(channel: Channel, done: Published | None, problem: str | None, words: str | None) -> None:
    """The form is as far as publishing got, and knows why no further."""
    wanted = select(Form).where(Form.channel_id == channel.id).with_for_update()
    form = db.session().scalars(wanted).one_or_none()
    if form is None:
        return
    form.problem, form.words = problem, words if problem else None
    if done is not None:
        _keep(form, done)
    live.changed("channels")


def _keep(form: Form, done: Published) -> None:
    if done.key_taken:
        form.key_taken_at = form.key_taken_at or utcnow()
    if done.flow_id is not None:
        form.flow_id, form.version, form.endpoint = done.flow_id, done.version, done.endpoint
    if done.state is not None:
        _stands(form, STATES.get(done.state, FormState.NONE))


def hear(flow_id: str, state: str) -> None:
    """Meta tells that a form of this id now stands so; what is none of ours changes nothing."""
    wanted = select(Form).where(Form.flow_id == flow_id).with_for_update()
    form = db.session().scalars(wanted).one_or_none()
    if form is not None and state in STATES:
        _stands(form, STATES[state])
        live.changed("channels")


def _stands(form: Form, state: FormState) -> None:
    if state is FormState.PUBLISHED and form.state is not FormState.PUBLISHED:
        form.published_at = utcnow()
    form.state = state
