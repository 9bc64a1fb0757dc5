"""What the numbers, templates, automations and stages of troubles are called."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select

from models import db
from models.automation import Automation
from models.channel import Channel
from models.pipeline import Stage
from models.template import MessageTemplate


def channel_names() -> dict[UUID, str]:
    return _names(select(Channel.id, Channel.name))


def template_names(ids: Collection[UUID]) -> dict[UUID, str]:
    return _names(select(MessageTemplate.id, MessageTemplate.name).where(_in(MessageTemplate, ids)))


def automation_names(ids: Collection[UUID]) -> dict[UUID, str]:
    return _names(select(Automation.id, Automation.name).where(_in(Automation, ids)))


def stage_names() -> dict[UUID, str]:
    """In the order of the board."""
    return _names(select(Stage.id, Stage.name).order_by(Stage.pipeline_id, Stage.position))


def _in(table: Any, ids: Collection[UUID]) -> ColumnElement[bool]:
    found: ColumnElement[bool] = table.id.in_(ids)
    return found


def _names(wanted: Select[UUID, str]) -> dict[UUID, str]:
    return {row.id: row.name for row in db.session().execute(wanted)}
