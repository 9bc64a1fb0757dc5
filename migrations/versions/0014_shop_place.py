"""Where a shop is, for agents to send; the pictures of a carousel's cards."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("merchants", sa.Column("place", postgresql.JSONB(), nullable=True))
    op.add_column("message_templates", sa.Column("card_media", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("message_templates", "card_media")
    op.drop_column("merchants", "place")
