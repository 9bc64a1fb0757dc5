"""An install is made of a backup: nobody gets in before what may have been done is held back."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg
from sqlalchemy import select

from config import settings
from flows import costs, invariants
from flows.backups import archive, holding, programs
from flows.backups.archive import DATABASE, FILES, Impossible, Manifest
from flows.backups.holding import Held
from models import db, schema
from models.envelope import Envelope, EnvelopeState

ROLES = ("wasl_app", "wasl_house", "wasl_courier")
"""What sessions run as; they belong to the server and are in no dump (migrations 0001 and 0011)."""
SENDERS = "wasl_app, wasl_house"
"""Who writes down an attempt, which every send is before it leaves."""
_MAKE_ROLE = """DO $$ BEGIN CREATE ROLE {role} NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"""


@dataclass(slots=True)
class Restored:
    """What there is now."""

    taken_at: datetime
    rows: int
    files: int
    held: Held = field(default_factory=Held)
    read: int = 0
    """Webhook bodies that nobody had read when the backup was taken."""
    broken: list[invariants.Check] = field(default_factory=list)


def restore(
    folder: Path, *, read: Callable[[], object], replace: bool = False, resume: bool = False
) -> Restored:
    """The install is as it was when the backup was taken, brought to this code's schema, checked.

    What was on its way then is uncertain, what was due since has failed, everybody signs in anew,
    and bodies nobody had read are read now (by `read`) with the same care; with `resume` (nothing
    ran since the backup was taken) all goes on as if nothing had been.

    Refused: a folder that is no whole backup, one of a newer Wasl or of another WASL_DATA_KEY, a
    database with something in it unless `replace`, one that programs are connected to. Until it is
    done no program of Wasl gets into the database; what broke off is begun anew, with `replace`.
    """
    manifest = archive.read(folder)
    _check(manifest)
    db.forget_connections()
    with _owner() as connection:
        _empty(connection, replace=replace)
        _make_roles(connection)
    _load(folder, manifest)
    done = Restored(
        taken_at=datetime.fromisoformat(manifest.taken_at),
        rows=sum(manifest.rows.values()),
        files=_unpack(folder),
    )
    schema.upgrade()
    if not resume:
        done.held = _hold(datetime.fromisoformat(manifest.taken_at), first=True)
    _open_up()
    costs.load_rate_cards()
    if not resume:
        begun = _now()
        done.read = _read_on(read)
        again = _hold(begun, first=False)
        done.held = Held(*(a + b for a, b in zip(_parts(done.held), _parts(again), strict=True)))
    done.broken = [check for check in invariants.check() if not check.holds]
    return done


def _check(manifest: Manifest) -> None:
    if not schema.knows(manifest.schema):
        raise Impossible(
            f"This backup is of a newer Wasl (schema {manifest.schema}): update this one first."
        )
    if manifest.key not in archive.key_names():
        raise Impossible(
            "The secrets in this backup were sealed by another WASL_DATA_KEY: set that one, or put "
            "it into WASL_DATA_KEY_PREVIOUS."
        )
    if manifest.files is None and not settings().files:
        raise Impossible("The files of this backup lie in a bucket: set WASL_FILES to it.")


@contextmanager
def _owner() -> Iterator[psycopg.Connection]:
    """A transaction of the owner of the database, above row-level security."""
    with psycopg.connect(settings().database_url.replace("+psycopg", "", 1)) as connection:
        yield connection


def _now() -> datetime:
    with _owner() as connection:
        found = connection.execute("SELECT now()").fetchone()
    assert found is not None  # noqa: S101 - it has one row
    return found[0]  # type: ignore[no-any-return]


# --- an empty database that nobody else is in -----------------------------------------------------


def _empty(connection: psycopg.Connection, *, replace: bool) -> None:
    """A schema that the sessions' roles may not enter."""
    others = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    ).fetchone()
    if others and others[0]:
        raise Impossible(
            f"{others[0]} connections to this database are open: stop every program of Wasl first."
        )
    there = connection.execute(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    ).fetchone()
    if there and there[0] and not replace:
        raise Impossible(
            "This database is not empty: choose another, or add --replace to lose what it holds."
        )
    connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
    connection.execute("CREATE SCHEMA public")


def _make_roles(connection: psycopg.Connection) -> None:
    for role in ROLES:
        connection.execute(_MAKE_ROLE.format(role=role))
        connection.execute(f"GRANT {role} TO CURRENT_USER")
    connection.execute("GRANT wasl_app TO wasl_courier")


def _open_up() -> None:
    with _owner() as connection:
        for role in (*ROLES, "PUBLIC"):
            connection.execute(f"GRANT USAGE ON SCHEMA public TO {role}")


# --- what the backup holds ------------------------------------------------------------------------


def _load(folder: Path, manifest: Manifest) -> None:
    """All of the dump or nothing, but for who may enter: that is ours to say, at the end."""
    dump = folder / DATABASE
    listed = programs.run("pg_restore", "--list", dump, server=manifest.server).decode()
    wanted = [line for line in listed.splitlines() if " SCHEMA " not in f"{line} "]
    with tempfile.NamedTemporaryFile("w", suffix=".list") as chosen:
        chosen.write("\n".join(wanted) + "\n")
        chosen.flush()
        how = ("--no-owner", "--exit-on-error", "--single-transaction")
        into = ("--use-list", chosen.name, "--dbname", programs.address())
        programs.run("pg_restore", *how, *into, dump, server=manifest.server)


def _unpack(folder: Path) -> int:
    """How many files are where rows look for them; what lay there already stays."""
    if settings().files or not (folder / FILES).exists():
        return 0
    root = settings().var / "media"
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / FILES) as tar:
        tar.extractall(root, filter="data")
        return len(tar.getmembers())


# --- what may have been done since ----------------------------------------------------------------


def _hold(since: datetime, *, first: bool) -> Held:
    """Between the first and the second time nobody sends, whoever gets in."""
    with _owner() as connection:
        held = holding.hold(connection, since)
        if first:
            holding.shut_doors(connection)
            connection.execute(f"REVOKE INSERT ON attempts FROM {SENDERS}")
        else:
            connection.execute(f"GRANT INSERT ON attempts TO {SENDERS}")
        return held


def _read_on(read: Callable[[], object]) -> int:
    """Nobody sends yet: what reading brings about is held back as well."""
    waiting = _unread()
    while _unread():
        read()
    return waiting


def _unread() -> int:
    with db.house() as house:
        found = house.scalars(select(Envelope.id).where(Envelope.state == EnvelopeState.NEW))
        return len(found.all())


def _parts(held: Held) -> tuple[int, ...]:
    return held.messages, held.runs, held.silences, held.bulks, held.mails
