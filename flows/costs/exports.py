"""The charges of a month as CSV: any number of them, a thousand in memory at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select

from flows import audit
from flows.costs.ledger import ESTIMATE
from flows.errors import N_
from flows.exports import Cell, Codes, Export
from models import db
from models.automation import Automation
from models.channel import Channel
from models.cost import Charge
from models.merchant import Merchant
from models.order import Order


def _amount(row: Any) -> Decimal | str:
    """No amount is an empty cell: a 0 would say that it was free."""
    return "" if row.amount_micros is None else Decimal(row.amount_micros).scaleb(-6)


CELLS = (
    Cell(N_("Delivered"), lambda row: row.delivered_at),
    Cell(N_("Day in the account's time zone"), lambda row: row.local_date.isoformat()),
    Cell(N_("WhatsApp number"), lambda row: row.channel),
    Cell(N_("Country"), lambda row: row.country or ""),
    Cell(N_("Market"), lambda row: row.market or ""),
    Cell(N_("Category"), lambda row: row.category, code="categories"),
    Cell(N_("Template"), lambda row: row.template or ""),
    Cell(N_("Automation"), lambda row: row.automation or ""),
    Cell(N_("Order"), lambda row: row.order_number or ""),
    Cell(N_("Amount"), _amount),
    Cell(N_("Currency"), lambda row: row.currency),
    Cell(N_("Reason"), lambda row: row.reason, code="reasons"),
    Cell(N_("Confirmed by Meta"), lambda row: int(row.source != ESTIMATE)),
    Cell(N_("Message id"), lambda row: row.wamid),
)


def prepare(
    first_day: date,
    channel_id: UUID | None,
    *,
    language: str,
    say: Callable[[str], str],
    codes: Codes,
) -> Export:
    """The charges of a month in the order they were made, of all numbers or of one."""
    session = db.session()
    merchant = session.get_one(Merchant, session.merchant_id)
    mine = Charge.merchant_id
    columns: list[Any] = [
        *(Charge.delivered_at, Charge.local_date, Charge.country, Charge.market),
        *(Charge.category, Charge.template, Charge.amount_micros, Charge.currency),
        *(Charge.reason, Charge.source, Charge.wamid),
        Channel.display_phone_number.label("channel"),
        Automation.name.label("automation"),
        Order.number.label("order_number"),
    ]
    wanted = (
        select(*columns)
        .join(Channel, and_(Channel.merchant_id == mine, Channel.id == Charge.channel_id))
        .outerjoin(
            Automation,
            and_(Automation.merchant_id == mine, Automation.id == Charge.automation_id),
        )
        .outerjoin(Order, and_(Order.merchant_id == mine, Order.id == Charge.order_id))
        .where(Charge.month == first_day)
        .order_by(Charge.id)
    )
    if channel_id is not None:
        wanted = wanted.where(Charge.channel_id == channel_id)
    audit.note("exports.charges", after={"month": f"{first_day:%Y-%m}"})
    return Export(
        merchant_id=merchant.id,
        only=db.session().only,
        wanted=wanted,
        cells=CELLS,
        zone=merchant.zone,
        currency=merchant.currency,
        language=language,
        say=say,
        codes=codes,
    )
