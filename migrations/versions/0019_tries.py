"""Tries of a message are counted for each reason, and its patience from the first refusal."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    tries = sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False)
    op.add_column("messages", tries)
    op.add_column("messages", sa.Column("tried_since", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("messages", "tried_since")
    op.drop_column("messages", "tries")
