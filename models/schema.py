"""The schema as migrations make it: upgrade to the newest, compare with the models."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine

from config import settings
from models.db import Base

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def upgrade(to: str = "head") -> None:
    """Bring the database of DATABASE_URL to a revision, as its owner."""
    command.upgrade(_config(), to)


def downgrade(to: str) -> None:
    command.downgrade(_config(), to)


def newest() -> str | None:
    """The revision the code expects."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def knows(revision: str) -> bool:
    """Whether this code can bring a database of that revision to the newest."""
    steps = ScriptDirectory.from_config(_config()).walk_revisions()
    return revision in {step.revision for step in steps}


def differences() -> list[object]:
    """What the models say and the migrated database does not, or the other way round."""
    engine = create_engine(settings().database_url, poolclass=NullPool)
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
