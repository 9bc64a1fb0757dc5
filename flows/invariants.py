"""What must always be true of the data: one SQL question each, for `wasl verify` and the tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import text

from models import db
from models.db import Base


@dataclass(frozen=True, slots=True)
class Check:
    """An invariant and how many rows break it."""

    name: str
    found: int

    @property
    def holds(self) -> bool:
        return self.found == 0


# Each counts the rows that break it (spec: trust.md §2.4, I1-I11).
QUESTIONS: dict[str, str] = {
    "no body is waiting to be read for more than two minutes": """
        SELECT count(*) FROM envelopes
        WHERE state = 'new' AND received_at < now() - interval '2 minutes'""",
    "every send is accepted, failed, uncertain, discarded or still on its way": """
        SELECT count(*) FROM messages
        WHERE origin IN ('agent', 'automation', 'bot') AND sending IS NULL""",
    "no claim is older than two leases": """
        SELECT count(*) FROM messages
        WHERE sending = 'claimed' AND lease_until < now() - interval '60 seconds'""",
    "no other claim is older than two leases": """
        SELECT (SELECT count(*) FROM read_marks r
                WHERE sending = 'claimed' AND lease_until < now() - interval '60 seconds'
                  AND NOT EXISTS (SELECT 1 FROM channels c WHERE c.merchant_id = r.merchant_id
                    AND c.id = r.channel_id AND c.state = 'paused'))
             + (SELECT count(*) FROM message_templates
                WHERE sending = 'claimed' AND lease_until < now() - interval '2 minutes')
             + (SELECT count(*) FROM errands WHERE done_at IS NULL
                AND sending = 'claimed' AND lease_until < now() - interval '2 minutes')
             + (SELECT count(*) FROM media
                WHERE state = 'waiting' AND lease_until < now() - interval '10 minutes')
             + (SELECT count(*) FROM bulks
                WHERE state = 'working' AND lease_until < now() - interval '10 minutes')""",
    "no timer is overdue for more than two minutes": """
        SELECT count(*) FROM runs WHERE due_at < now() - interval '2 minutes'
        OR timeout_at < now() - interval '10 minutes'""",
    "what is held waits for a template that may come back": """
        SELECT count(*) FROM messages m LEFT JOIN message_templates t
        ON t.merchant_id = m.merchant_id AND t.id = m.template_id
        WHERE m.sending = 'held'
          AND (t.id IS NULL OR t.state NOT IN ('paused', 'pending', 'in_appeal'))""",
    "what is accepted has Meta's name, or the word of a person": """
        SELECT count(*) FROM messages
        WHERE sending = 'accepted' AND wamid IS NULL AND settled_at IS NULL""",
    "no message was accepted twice": """
        SELECT count(*) FROM (
            SELECT merchant_id, message_id FROM attempts a
            WHERE wamid IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM message_statuses s WHERE s.merchant_id = a.merchant_id
                AND s.message_id = a.message_id AND s.wamid = a.wamid AND s.status = 'failed')
            GROUP BY merchant_id, message_id HAVING count(DISTINCT wamid) > 1) twice""",
    "a message's rank is the highest that Meta reported": """
        SELECT count(*) FROM messages m JOIN (
            SELECT merchant_id, message_id, wamid, max(CASE status WHEN 'sent' THEN 1
                WHEN 'delivered' THEN 2 WHEN 'read' THEN 3 WHEN 'played' THEN 4 END) AS top
            FROM message_statuses WHERE message_id IS NOT NULL GROUP BY 1, 2, 3) s
        ON s.merchant_id = m.merchant_id AND s.message_id = m.id AND s.wamid = m.wamid
        WHERE s.top IS NOT NULL AND m.rank IS DISTINCT FROM s.top""",
    "stock never sinks below zero unless the merchant allows it": """
        SELECT count(*) FROM stock_levels l JOIN merchants m ON m.id = l.merchant_id
        WHERE l.available < 0 AND NOT m.allow_negative_stock""",
    "the ledger of stock adds up to every level": """
        SELECT count(*) FROM stock_levels l LEFT JOIN (
            SELECT merchant_id, variant_id, warehouse_id,
                   sum(available) AS available, sum(reserved) AS reserved
            FROM movements GROUP BY 1, 2, 3) m USING (merchant_id, variant_id, warehouse_id)
        WHERE l.available <> coalesce(m.available, 0) OR l.reserved <> coalesce(m.reserved, 0)""",
    "what is reserved is what the lines of orders hold": """
        SELECT count(*) FROM stock_levels l LEFT JOIN (
            SELECT merchant_id, variant_id, warehouse_id, sum(quantity) AS held
            FROM order_lines WHERE stock = 'reserved' GROUP BY 1, 2, 3) o
        USING (merchant_id, variant_id, warehouse_id)
        WHERE l.reserved <> coalesce(o.held, 0)""",
    "an automation ran once for each order, or each entry": """
        SELECT count(*) FROM (
            SELECT 1 FROM runs GROUP BY merchant_id, order_id, automation_id, trigger
            HAVING count(*) > 1) twice""",
    "a run was answered or expired, never both, and an ended one has no timer": """
        SELECT count(*) FROM runs WHERE replied_at IS NOT NULL AND expired_at IS NOT NULL
        OR cancelled_at IS NOT NULL AND (due_at IS NOT NULL OR timeout_at IS NOT NULL)""",
    "every delivered message of ours has one charge": """
        SELECT count(*) FROM messages m
        WHERE m.direction = 'out' AND m.rank >= 2 AND m.wamid IS NOT NULL
          AND m.sending IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM charges c WHERE c.merchant_id = m.merchant_id
            AND c.channel_id = m.channel_id AND c.wamid = m.wamid)""",
    "every order stands where its timeline last put it": """
        SELECT count(*) FROM orders o JOIN LATERAL (
            SELECT to_stage_id FROM entries e
            WHERE e.merchant_id = o.merchant_id AND e.order_id = o.id
              AND e.to_stage_id IS NOT NULL ORDER BY e.seq DESC LIMIT 1) last ON true
        WHERE last.to_stage_id <> o.stage_id""",
    "what a board counts is what there is": """
        SELECT count(*) FROM (
            SELECT merchant_id, stage_id, day, sum(orders) AS orders, sum(due) AS due,
                sum(confirmed) AS confirmed, sum(shipped) AS shipped,
                sum(delivered) AS delivered, sum(revenue) AS revenue
            FROM tallies GROUP BY 1, 2, 3) kept FULL JOIN (
            SELECT merchant_id, stage_id, (created_at AT TIME ZONE 'UTC')::date AS day,
                count(*) AS orders, sum(applied_total + delivery_fee) AS due,
                count(confirmed_at) AS confirmed, count(shipped_at) AS shipped,
                count(*) FILTER (WHERE state = 'delivered') AS delivered,
                sum(applied_total) FILTER (WHERE state = 'delivered') AS revenue
            FROM orders GROUP BY 1, 2, 3) real USING (merchant_id, stage_id, day)
        WHERE (coalesce(kept.orders, 0), coalesce(kept.due, 0), coalesce(kept.confirmed, 0),
               coalesce(kept.shipped, 0), coalesce(kept.delivered, 0), coalesce(kept.revenue, 0))
           <> (coalesce(real.orders, 0), coalesce(real.due, 0), coalesce(real.confirmed, 0),
               coalesce(real.shipped, 0), coalesce(real.delivered, 0), coalesce(real.revenue, 0))
        """,
    "what a month of charges adds up to is what there is": """
        SELECT count(*) FROM (
            SELECT merchant_id, channel_id, local_date, currency, category, reason,
                sum(messages) AS messages, sum(amount) AS amount, sum(estimated) AS estimated
            FROM spendings GROUP BY 1, 2, 3, 4, 5, 6) kept FULL JOIN (
            SELECT merchant_id, channel_id, local_date, currency, category, reason,
                count(*) AS messages, coalesce(sum(amount_micros), 0) AS amount,
                count(*) FILTER (WHERE source = 'estimate') AS estimated
            FROM charges GROUP BY 1, 2, 3, 4, 5, 6) real
        USING (merchant_id, channel_id, local_date, currency, category, reason)
        WHERE (coalesce(kept.messages, 0), coalesce(kept.amount, 0), coalesce(kept.estimated, 0))
           <> (coalesce(real.messages, 0), coalesce(real.amount, 0), coalesce(real.estimated, 0))
        """,
    "one conversation for each number and person": """
        SELECT count(*) FROM (
            SELECT 1 FROM conversations GROUP BY merchant_id, channel_id, identity_id
            HAVING count(*) > 1) twice""",
}


def check() -> Iterator[Check]:
    """Every invariant, asked of the whole house; then that no link crosses merchants."""
    with db.house() as house:
        for name, question in QUESTIONS.items():
            yield Check(name, int(house.scalar(text(question)) or 0))
        for name, question in _links().items():
            yield Check(name, int(house.scalar(text(question)) or 0))


def _links() -> dict[str, str]:
    """Every key between merchants' tables: does the row it names exist for that merchant?"""
    return {
        f"{table.name}.{key.column_keys[1]} stays within its merchant": (
            f"SELECT count(*) FROM {table.name} a WHERE a.{key.column_keys[1]} IS NOT NULL"  # noqa: S608
            f" AND NOT EXISTS (SELECT 1 FROM {key.referred_table.name} b"
            f" WHERE b.merchant_id = a.merchant_id AND b.id = a.{key.column_keys[1]})"
        )
        for table in Base.metadata.sorted_tables
        for key in table.foreign_key_constraints
        if len(key.column_keys) == 2
    }
