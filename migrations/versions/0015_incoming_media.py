"""What customers send is fetched from Meta; what a message is about can be found."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

STATE = sa.Enum("waiting", "fetched", "failed", "gone", native_enum=False, length=24)


def upgrade() -> None:
    # What is there today was uploaded by people: all of it is here.
    op.add_column("media", sa.Column("state", STATE, nullable=False, server_default="fetched"))
    op.alter_column("media", "state", server_default=None)
    op.add_column("media", sa.Column("channel_id", sa.Uuid(), nullable=True))
    op.add_column("media", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("media", sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "media", sa.Column("attempt", sa.SmallInteger(), nullable=False, server_default="0")
    )
    op.alter_column("media", "attempt", server_default=None)
    for name in ("reason", "thumbnail"):
        op.add_column("media", sa.Column(name, sa.Text(), nullable=True))
    for name in ("width", "height", "pages"):
        op.add_column("media", sa.Column(name, sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_media_merchant_id_channel_id"),
        "media",
        "channels",
        ["merchant_id", "channel_id"],
        ["merchant_id", "id"],
        ondelete="SET NULL (channel_id)",
    )
    op.create_index(
        "ix_media_waiting",
        "media",
        ["merchant_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.add_column("messages", sa.Column("target_wamid", sa.Text(), nullable=True))
    op.execute(
        "UPDATE messages SET target_wamid = payload->>'target_wamid'"
        " WHERE jsonb_exists(payload, 'target_wamid')"
    )
    op.create_index(
        "ix_messages_target",
        "messages",
        ["merchant_id", "channel_id", "target_wamid"],
        unique=False,
        postgresql_where=sa.text("target_wamid IS NOT NULL"),
    )
    op.create_index(
        "ix_messages_media",
        "messages",
        ["merchant_id", "media_id"],
        unique=False,
        postgresql_where=sa.text("media_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_messages_media", table_name="messages")
    op.drop_index("ix_messages_target", table_name="messages")
    op.drop_column("messages", "target_wamid")
    op.drop_index("ix_media_waiting", table_name="media")
    op.drop_constraint(op.f("fk_media_merchant_id_channel_id"), "media", type_="foreignkey")
    for name in ("pages", "height", "width", "thumbnail", "reason", "attempt"):
        op.drop_column("media", name)
    for name in ("lease_until", "due_at", "channel_id", "state"):
        op.drop_column("media", name)
