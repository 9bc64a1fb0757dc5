"""Heartbeats of the workers; indexes for what is looked at every few seconds."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("started_at", AT, nullable=False),
        sa.Column("beat_at", AT, nullable=False),
        sa.Column("doing", sa.Text(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeats")),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON heartbeats TO wasl_house")
    op.create_index(
        "ix_messages_uncertain",
        "messages",
        ["merchant_id"],
        postgresql_where=sa.text("sending = 'uncertain'"),
    )
    op.create_index(
        "ix_attempts_again",
        "attempts",
        ["merchant_id", "message_id"],
        postgresql_where=sa.text("number > 1 AND wamid IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_attempts_again", table_name="attempts")
    op.drop_index("ix_messages_uncertain", table_name="messages")
    op.drop_table("heartbeats")
