"""Where a shop is, for agents to send to customers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("merchants", sa.Column("place", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("merchants", "place")
