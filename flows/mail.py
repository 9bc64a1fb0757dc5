"""The one door to SMTP: a mail is a row, claimed, sent without a transaction, concluded."""

from __future__ import annotations

import logging
import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit
from uuid import UUID

from sqlalchemy import select, update

from config import settings
from flows import crashpoints, leases, outbox, workers
from models import db
from models.mail import Mail, MailState
from models.types import utcnow

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 15
# How long to wait after each try that did not work; after the last one it has failed.
AGAIN = tuple(timedelta(minutes=m) for m in (1, 5, 30, 120))
WAITING = (MailState.QUEUED, MailState.CLAIMED)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A mail ready to leave: plain values, no row."""

    id: UUID
    recipient: str
    subject: str
    text: str = field(repr=False)


class NotAccepted(Exception):
    """The server does not take this mail, now (`again`) or ever."""

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(reason)
        self.again = again


def possible() -> bool:
    """Whether this install can send mail at all."""
    return settings().smtp_url is not None


def post(recipient: str, subject: str, text: str) -> None:
    """The mail leaves once this transaction is true; nothing without a mail server."""
    if not possible():
        return
    session = db.session()
    mail = Mail(merchant_id=session.merchant_id, recipient=recipient, subject=subject)
    mail.text = text
    session.add(mail)
    outbox.wake("mail")


def drain(merchant_id: UUID) -> None:
    """What is due has left or waits for its next try. Twice is harmless, and rare: only a worker
    that died after the server took a mail has it sent again."""
    while envelope := _claim(merchant_id):
        with leases.renewed(merchant_id, Mail.due_at, [envelope.id]):
            said_no = _tried(envelope)
        crashpoints.reached("mail.sent")
        _conclude(merchant_id, envelope.id, said_no)
        if workers.stopping():
            outbox.nudge(f"mail:{merchant_id}")
            return


def _claim(merchant_id: UUID) -> Envelope | None:
    # One: a server that hangs costs a worker its life, and the mail under way one try.
    now = utcnow()
    with db.merchant(merchant_id) as session:
        due = (
            select(Mail)
            .where(Mail.state.in_(WAITING), Mail.due_at <= now)
            .order_by(Mail.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        mail = session.scalars(due).one_or_none()
        if mail is None:
            return None
        mail.state, mail.due_at = MailState.CLAIMED, now + leases.LEASE
        mail.attempt += 1
        return Envelope(mail.id, mail.recipient, mail.subject, mail.text)


def _tried(envelope: Envelope) -> NotAccepted | None:
    try:
        _send(envelope)
    except NotAccepted as no:
        log.warning("a mail was not accepted: %s", no)
        return no
    return None


def _conclude(merchant_id: UUID, mail_id: UUID, no: NotAccepted | None) -> None:
    with db.merchant(merchant_id) as session:
        own = (merchant_id, mail_id)
        mail = session.get_one(Mail, own)
        if no is None:
            mail.state, mail.sent_at, mail.reason = MailState.SENT, utcnow(), ""
        elif no.again and mail.attempt <= len(AGAIN):
            mail.state, mail.reason = MailState.QUEUED, str(no)[:200]
            mail.due_at = utcnow() + AGAIN[mail.attempt - 1]
        else:
            mail.state, mail.reason = MailState.FAILED, str(no)[:200]
        if mail.state is not MailState.QUEUED:
            mail.sealed_text = None  # the link in it opens a door


def withdraw(recipient: str) -> None:
    """What waits to leave for this address never will: its link is no good any more."""
    waiting = update(Mail).where(Mail.recipient == recipient, Mail.state == MailState.QUEUED)
    db.session().execute(
        waiting.values(state=MailState.FAILED, reason="withdrawn", sealed_text=None)
    )


# --- the door -------------------------------------------------------------------------------------


def _send(envelope: Envelope) -> None:
    message = EmailMessage()
    message["From"] = settings().mail_from
    message["To"] = envelope.recipient
    message["Subject"] = " ".join(envelope.subject.split())
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = make_msgid(str(envelope.id), domain="wasl.invalid")
    message.set_content(envelope.text)
    try:
        with _connected() as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        raise NotAccepted(_said(code, said), again=code < 500) from error
    except smtplib.SMTPResponseException as error:
        said_no = _said(error.smtp_code, error.smtp_error)
        raise NotAccepted(said_no, again=error.smtp_code < 500) from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotAccepted(str(error), again=True) from error


def _connected() -> smtplib.SMTP:
    url = urlsplit(settings().smtp_url or "")
    host, safely = url.hostname or "", ssl.create_default_context()
    server: smtplib.SMTP
    if url.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, url.port or 465, timeout=PATIENCE_SECONDS, context=safely)
    else:
        server = smtplib.SMTP(host, url.port or 587, timeout=PATIENCE_SECONDS)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=safely)
    if url.username:
        server.login(unquote(url.username), unquote(url.password or ""))
    return server


def _said(code: int, said: bytes | str) -> str:
    return f"{code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"
