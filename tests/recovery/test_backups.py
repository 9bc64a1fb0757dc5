"""A backup is whole or not there; what is made of it does nothing twice in silence."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

import cli
from bot import jobs
from bot.simulator import Simulator
from config import settings
from flows import backups, callbacks, files, messages, statuses
from flows.backups import archive
from flows.events import Status
from models import db, schema
from models.automation import Automation, Run, RunState
from models.channel import Channel
from models.envelope import Envelope, EnvelopeState
from models.merchant import Merchant
from models.message import Message, Sending
from models.order import Order
from models.pipeline import Stage
from models.types import utcnow
from models.user import LoginSession
from tests import factories
from tests.stories.conftest import ordered, shop  # noqa: F401 - fixtures
from tests.stories.steps import Work, only

UNFINISHED = (Sending.QUEUED, Sending.CLAIMED, Sending.WAITING, Sending.HELD)


@pytest.fixture(autouse=True)
def own_database(
    owner_connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    """A database that only this test is connected to, and a data folder."""
    name = f"wasl_backups_{os.getpid()}"
    owner_connection.execute(f"CREATE DATABASE {name} TEMPLATE wasl_template")
    address = make_url(settings().database_url).set(database=name)
    with monkeypatch.context() as changed:
        changed.setenv("DATABASE_URL", address.render_as_string(hide_password=False))
        changed.setenv("WASL_VAR", str(tmp_path / "var"))
        _anew()
        yield
    _anew()
    owner_connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _anew() -> None:
    db.close()
    db.forget_connections()
    settings.cache_clear()
    files.store.cache_clear()


def read() -> None:
    jobs.read_envelopes("ingest")


def restored(folder: Path, read: Callable[[], object] = read) -> backups.Restored:
    _stop_the_web()
    done = backups.restore(folder, read=read, replace=True)
    assert done.broken == []
    return done


def _stop_the_web() -> None:
    """The webhook holds a connection for as long as its process lives."""
    here = make_url(settings().database_url)
    address = here.set(drivername="postgresql", database="postgres")
    with psycopg.connect(address.render_as_string(hide_password=False)) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
            (here.database,),
        )


def test_a_backup_is_for_its_owner_alone_and_never_overwritten(
    merchant: Merchant, tmp_path: Path
) -> None:
    folder = backups.take(tmp_path / "kept")

    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert archive.read(folder).rows["merchants"] == 1
    with pytest.raises(backups.Impossible, match="never overwritten"):
        backups.take(folder)
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
    (tmp_path / "many").mkdir()
    assert backups.take(tmp_path / "many").parent == tmp_path / "many"


def test_a_damaged_foreign_or_newer_backup_is_refused(
    merchant: Merchant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = backups.take(tmp_path / "kept")
    with pytest.raises(backups.Impossible, match="not empty"):
        backups.restore(folder, read=read)
    with monkeypatch.context() as changed:
        changed.setattr(schema, "knows", lambda _: False)
        with pytest.raises(backups.Impossible, match="newer Wasl"):
            backups.restore(folder, read=read, replace=True)
    with monkeypatch.context() as changed:
        changed.setattr(archive, "key_names", lambda: ["another"])
        with pytest.raises(backups.Impossible, match="WASL_DATA_KEY"):
            backups.restore(folder, read=read, replace=True)
    dump = folder / archive.DATABASE
    dump.write_bytes(dump.read_bytes()[:-1])
    with pytest.raises(backups.Impossible, match="cannot be trusted"):
        backups.restore(folder, read=read, replace=True)
    with db.house() as house:
        assert house.get(Merchant, merchant.id)


def test_nobody_may_be_connected(merchant: Merchant, tmp_path: Path) -> None:
    folder = backups.take(tmp_path / "kept")
    address = settings().database_url.replace("+psycopg", "")

    with psycopg.connect(address), pytest.raises(backups.Impossible, match="1 connections"):
        backups.restore(folder, read=read, replace=True)


def test_what_was_on_its_way_is_uncertain_until_meta_or_a_person_says(
    ordered: int,  # noqa: F811
    shop: Merchant,  # noqa: F811
    simulator: Simulator,
    work: Work,
    tmp_path: Path,
) -> None:
    with db.merchant(shop.id):
        talk = only(Order).conversation
        only(Run).due_at = utcnow() - timedelta(seconds=1)
        sent = messages.queue_text(talk, "Bonjour").id
        lost = messages.queue_text(talk, "Toujours là ?").id
    with db.house() as house:
        house.add(LoginSession(id=b"x", user_id=member(shop), merchant_id=shop.id))
    files.put("shop/picture.jpg", io.BytesIO(b"a picture"))
    folder = backups.take(tmp_path / "kept")
    work()  # and both leave: the backup knows nothing of it
    files.delete("shop/picture.jpg")
    before = len(simulator.ledger.records("accepted"))

    done = restored(folder)
    work()

    assert len(simulator.ledger.records("accepted")) == before
    assert (done.held.messages, done.held.runs, done.files) == (2, 1, 1)
    with db.merchant(shop.id):
        assert (only(Run).state, only(Run).failure) == (RunState.FAILED, "restored")
        assert only(Order).flags == ["action_failed"]
    assert files.read("shop/picture.jpg") == b"a picture"
    assert states(shop, sent, lost) == [(Sending.UNCERTAIN, "restored")] * 2
    with db.house() as house:
        assert [s.ended_at is None for s in house.scalars(select(LoginSession))] == [False]
    settle(shop, sent)
    assert states(shop, sent)[0][0] is Sending.ACCEPTED
    with db.merchant(shop.id) as session:
        messages.send_again(session.get_one(Message, (shop.id, lost)))
    work()
    assert len(simulator.ledger.records("accepted")) == before + 1


def test_moving_to_another_machine_sends_what_waited(
    ordered: int,  # noqa: F811
    shop: Merchant,  # noqa: F811
    simulator: Simulator,
    work: Work,
    tmp_path: Path,
) -> None:
    with db.merchant(shop.id):
        sent = messages.queue_text(only(Order).conversation, "Bonjour").id
    run = CliRunner()
    assert run.invoke(cli.wasl, ["backup", str(tmp_path / "kept")]).exit_code == 0

    _stop_the_web()
    said = run.invoke(cli.wasl, ["restore", str(tmp_path / "kept"), "--replace", "--resume"])
    work()

    assert said.exit_code == 0, said.output
    assert "0 messages" in said.output
    assert said.output.endswith("verified\n")
    assert states(shop, sent)[0][0] is Sending.ACCEPTED


def test_what_nobody_had_read_is_read_and_brings_nothing_about_twice(
    ordered: int,  # noqa: F811
    shop: Merchant,  # noqa: F811
    simulator: Simulator,
    work: Work,
    tmp_path: Path,
) -> None:
    with db.merchant(shop.id) as session:
        asks = session.scalars(select(Run)).one().automation
        confirmed = session.scalars(select(Stage).where(Stage.state == "confirmed")).one()
        same = {"template": asks.template, "variables": asks.variables}
        session.add(Automation(name="Thanks", stage=confirmed, **same))
    simulator.tap("fatima", simulator.seen(simulator.customer("fatima"))[-1].wamid, 0)
    simulator.deliver()  # kept, and nobody has read it
    folder = backups.take(tmp_path / "kept")
    work()  # the tap moves the order, and its new stage writes to Fatima
    assert simulator.seen(simulator.customer("fatima"))[-1].type == "template"
    before = len(simulator.ledger.records("accepted"))
    with db.merchant(shop.id):
        moved = only(Order).stage_id

    def read_beside_a_worker() -> None:
        """Somebody starts a program too early."""
        read()
        with pytest.raises(ProgrammingError, match="attempts"), db.merchant(shop.id):
            messages.claim(only(Order).conversation.channel_id)

    done = restored(folder, read_beside_a_worker)
    work()

    assert (done.read, done.held.messages) == (1, 1)
    assert len(simulator.ledger.records("accepted")) == before
    with db.house() as house:
        assert set(house.scalars(select(Envelope.state))) == {EnvelopeState.SETTLED}
    with db.merchant(shop.id) as session:
        assert only(Order).stage_id == moved
        unfinished = select(Message.id).where(Message.sending.in_(UNFINISHED))
        assert session.scalars(unfinished).all() == []


def member(shop: Merchant) -> UUID:  # noqa: F811
    return factories.member(shop, "owner").user_id


def states(shop: Merchant, *ids: UUID) -> list[tuple[Sending | None, str | None]]:  # noqa: F811
    with db.merchant(shop.id) as session:
        rows = [session.get_one(Message, (shop.id, id_)) for id_ in ids]
        return [(row.sending, row.reason) for row in rows]


def settle(shop: Merchant, message_id: UUID) -> None:  # noqa: F811
    """Meta reports on the message that left before the restoring."""
    with db.merchant(shop.id) as session:
        message = session.get_one(Message, (shop.id, message_id))
        channel = session.get_one(Channel, (shop.id, message.channel_id))
        status = Status(
            phone_number_id=channel.phone_number_id,
            waba_id=None,
            field="messages",
            wamid="wamid.of-another-life",
            status="sent",
            at=utcnow(),
            recipient=factories.person("Fatima"),
            callback=callbacks.write(message_id, 1),
        )
        statuses.apply([(channel, status)])
