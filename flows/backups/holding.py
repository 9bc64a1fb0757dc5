"""What a restored install would do by itself and may have done already: people decide.

Between the backup and its restoring messages left that the rows do not know of. So what was on its
way is *uncertain*, shown with its reason; what was due meanwhile has failed with that reason; and
nothing goes out twice in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg

REASON = "restored"


@dataclass(slots=True)
class Held:
    """How many of each kind were held back."""

    messages: int = 0
    runs: int = 0
    silences: int = 0
    bulks: int = 0
    mails: int = 0


_ENDED = "num_nonnulls(r.failure, r.cancelled_at, r.replied_at, r.expired_at) > 0"

# Timers that are still ahead have not gone off in any life of this install; those of runs made
# since `since` repeat what was made before.
_RUNS = f"""
    WITH held AS (
        UPDATE runs r SET failure = 'restored', detail = NULL, due_at = NULL, timeout_at = NULL
        WHERE r.due_at IS NOT NULL AND (r.due_at <= now() OR r.created_at >= %(since)s)
          AND NOT {_ENDED}
        RETURNING r.merchant_id, r.order_id),
    flagged AS (
        UPDATE orders o SET flags = array_append(o.flags, 'action_failed')
        WHERE (o.merchant_id, o.id) IN (SELECT merchant_id, order_id FROM held)
          AND NOT 'action_failed' = ANY (o.flags))
    SELECT count(*) FROM held"""  # noqa: S608 - our own words

_SILENCES = f"""
    WITH held AS (
        UPDATE runs r SET timeout_at = NULL
        WHERE r.timeout_at <= now() AND NOT {_ENDED}
        RETURNING r.merchant_id, r.id, r.order_id, r.automation_id),
    told AS (
        INSERT INTO entries (merchant_id, id, order_id, kind, actor, facts, at)
        SELECT h.merchant_id, gen_random_uuid(), h.order_id, 'waiting_stopped', 'system',
            jsonb_build_object('automation', a.name, 'run', h.id, 'why', 'restored'), now()
        FROM held h JOIN automations a ON a.merchant_id = h.merchant_id AND a.id = h.automation_id),
    flagged AS (
        UPDATE orders o SET flags = array_append(o.flags, 'review')
        WHERE (o.merchant_id, o.id) IN (SELECT merchant_id, order_id FROM held)
          AND NOT 'review' = ANY (o.flags))
    SELECT count(*) FROM held"""  # noqa: S608

# A try that may have been made is written down as one, so that a status which names it settles it.
_MESSAGES = """
    WITH held AS (
        UPDATE messages SET sending = 'uncertain', reason = 'restored', lease_until = NULL,
            error_code = NULL, error_detail = NULL,
            attempt = attempt + CASE WHEN sending = 'claimed' THEN 0 ELSE 1 END
        WHERE sending IN ('queued', 'claimed', 'waiting', 'held')
        RETURNING merchant_id, id, attempt)
    INSERT INTO attempts
        (merchant_id, id, message_id, number, claimed_at, concluded_at, outcome, detail)
    SELECT merchant_id, gen_random_uuid(), id, attempt, now(), now(), 'unknown', 'restored'
    FROM held
    ON CONFLICT (merchant_id, message_id, number)
    DO UPDATE SET concluded_at = now(), outcome = 'unknown', detail = 'restored'"""

# As for every uncertain message: unless Meta's status settles it soon, people are told.
_DOUBTS = f"""
    UPDATE runs r SET timeout_at = now() + interval '2 minutes'
    FROM messages m WHERE m.merchant_id = r.merchant_id AND m.id = r.message_id
      AND m.sending = 'uncertain' AND m.reason = 'restored'
      AND r.due_at IS NULL AND NOT {_ENDED}"""  # noqa: S608

_BULKS = """
    UPDATE bulks SET state = 'stopped', finished_at = now(), lease_until = NULL
    WHERE state IN ('queued', 'working')"""

_MAILS = """
    UPDATE mails SET state = 'failed', reason = 'restored', sealed_text = NULL
    WHERE state IN ('queued', 'claimed')"""

# Whether Meta has it is looked up before it is submitted (flows/templates/submitting.py).
_DRAFTS = """
    UPDATE message_templates SET sending = 'claimed', attempt = greatest(attempt, 1),
        lease_until = now() - interval '1 second'
    WHERE sending IN ('queued', 'claimed', 'waiting')"""

# Browsers that were signed out since, and links that were used, would open doors again.
_DOORS = (
    "UPDATE login_sessions SET ended_at = now() WHERE ended_at IS NULL",
    "DELETE FROM half_sign_ins",
    "DELETE FROM password_resets",
)


def hold(connection: psycopg.Connection, since: datetime) -> Held:
    """Nothing that may have been done before is done by itself; how many were held back.

    `connection` is the owner's, above the merchants; `since`: runs made from then on repeat.
    """
    held = Held()
    held.runs = _count(connection.execute(_RUNS, {"since": since}))
    held.silences = _count(connection.execute(_SILENCES))
    held.messages = connection.execute(_MESSAGES).rowcount
    connection.execute(_DOUBTS)
    held.bulks = connection.execute(_BULKS).rowcount
    held.mails = connection.execute(_MAILS).rowcount
    connection.execute(_DRAFTS)
    return held


def _count(answer: psycopg.Cursor[tuple[int]]) -> int:
    found = answer.fetchone()
    return found[0] if found else 0


def shut_doors(connection: psycopg.Connection) -> None:
    """Everybody signs in anew."""
    for statement in _DOORS:
        connection.execute(statement)
