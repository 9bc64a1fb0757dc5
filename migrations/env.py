"""Alembic: the tables of models.db.Base, migrated as their owner (no role, no merchant)."""

from alembic import context
from sqlalchemy import NullPool, create_engine

import models  # noqa: F401 - makes every table known
from config import settings
from models.db import Base

connection = context.config.attributes.get("connection")
if connection is None:
    engine = create_engine(settings().database_url, poolclass=NullPool)
    connection = engine.connect()

with connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
