"""Mail is a row that leaves through one door, against a mail server on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from config import Misconfigured, read, settings
from flows import clock, leases, mail, outbox
from models import db
from models.mail import Mail, MailState
from models.merchant import Merchant
from models.types import utcnow
from tests.mailbox import Mailbox

Work = Callable[[], None]


def post(merchant: Merchant, text: str = "Bonjour,\n\nhttp://example.com/join/x\n") -> None:
    with db.merchant(merchant.id):
        mail.post("zineb@example.com", "Équipe\nde Fès", text)


def kept(merchant: Merchant) -> Mail:
    with db.merchant(merchant.id) as session:
        return session.scalars(select(Mail)).one()


def test_a_mail_leaves_after_the_commit_and_its_text_is_forgotten(
    merchant: Merchant, mailbox: Mailbox, work: Work
) -> None:
    post(merchant)

    work()

    (came,) = mailbox.mails
    assert came["To"] == "zineb@example.com"
    assert came["From"] == "Wasl <wasl@example.com>"
    assert came["Subject"] == "Équipe de Fès"  # nobody writes headers of their own
    assert "http://example.com/join/x" in came.get_content()
    assert (kept(merchant).state, kept(merchant).sealed_text) == (MailState.SENT, None)


def test_what_was_rolled_back_is_not_mailed(
    merchant: Merchant, mailbox: Mailbox, work: Work
) -> None:
    db.begin(merchant.id)
    mail.post("zineb@example.com", "x", "x")
    db.rollback()
    db.close()

    work()

    assert mailbox.mails == []


def test_its_text_is_sealed_while_it_waits(merchant: Merchant, mailbox: Mailbox) -> None:
    post(merchant, "a secret link")

    assert b"secret" not in (kept(merchant).sealed_text or b"")


def test_a_server_that_is_busy_is_asked_again(
    merchant: Merchant, mailbox: Mailbox, work: Work
) -> None:
    mailbox.answer = "450 later"
    post(merchant)
    work()
    waiting = kept(merchant)
    assert (waiting.state, waiting.attempt, waiting.reason) == (MailState.QUEUED, 1, "450 later")

    mailbox.answer = "250 OK"
    with time_machine.travel(utcnow() + timedelta(minutes=2)):
        outbox.sweep()
        work()

    assert kept(merchant).state is MailState.SENT
    assert len(mailbox.mails) == 1


def test_an_address_that_does_not_exist_is_not_asked_again(
    merchant: Merchant, mailbox: Mailbox, work: Work
) -> None:
    mailbox.answer = "550 no such user"
    post(merchant)

    work()

    failed = kept(merchant)
    assert (failed.state, failed.sealed_text) == (MailState.FAILED, None)
    assert failed.reason == "550 no such user"


def test_a_server_that_is_never_there_is_given_up_after_some_hours(
    merchant: Merchant, mailbox: Mailbox
) -> None:
    mailbox.answer = "450 later"
    post(merchant)

    for hours in range(0, 20, 3):
        with time_machine.travel(utcnow() + timedelta(hours=hours)):
            mail.drain(merchant.id)

    assert (kept(merchant).state, kept(merchant).attempt) == (MailState.FAILED, 5)


def test_a_mail_whose_worker_died_leaves_when_its_lease_is_over(
    merchant: Merchant, mailbox: Mailbox
) -> None:
    post(merchant)
    mail._claim(merchant.id)  # and then nothing more

    mail.drain(merchant.id)
    assert mailbox.mails == []

    with time_machine.travel(utcnow() + leases.LEASE + timedelta(seconds=1)):
        mail.drain(merchant.id)
    assert len(mailbox.mails) == 1


def test_what_left_a_month_ago_is_forgotten(
    merchant: Merchant, mailbox: Mailbox, work: Work
) -> None:
    post(merchant)
    clock.prune()
    work()
    assert kept(merchant).state is MailState.SENT

    with time_machine.travel(utcnow() + timedelta(days=31)):
        clock.prune()

    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Mail)).all() == []


def test_without_a_server_nothing_is_written(merchant: Merchant) -> None:
    post(merchant)

    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Mail)).all() == []


@pytest.mark.parametrize(
    "said",
    [
        {"WASL_SMTP_URL": "http://mail.example.com", "WASL_MAIL_FROM": "a@b.c"},
        {"WASL_SMTP_URL": "smtp://", "WASL_MAIL_FROM": "a@b.c"},
        {"WASL_SMTP_URL": "smtp://mail.example.com"},
        {"WASL_SMTP_URL": "smtp://mail.example.com", "WASL_MAIL_FROM": "nobody"},
    ],
)
def test_a_mail_server_that_cannot_be_is_said_at_the_start(said: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="WASL_"):
        read({**os.environ, **said})
    assert settings().smtp_url is None
