"""The bot: how it behaves, where it is with each customer, what it heard and did, its drafts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import narrow, protect

revision = "0022"
down_revision = "0021"

AT = sa.DateTime(timezone=True)
JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
TABLES = ("bots", "questions", "phrases", "talks", "turns", "order_drafts")
OF_TALKS = "conversation_id IN (SELECT c.id FROM conversations c)"


def upgrade() -> None:
    _questions()
    _bots()
    _phrases()
    _talks()
    _order_drafts()
    _turns()
    _beside()
    for table in TABLES:
        protect(table)
    for table in ("talks", "turns", "order_drafts"):
        narrow(table, OF_TALKS)


def downgrade() -> None:
    op.drop_constraint(op.f("fk_products_merchant_id_picture_id"), "products", type_="foreignkey")
    op.drop_column("products", "picture_id")
    op.drop_column("products", "aliases")
    op.drop_index("ix_messages_bot", table_name="messages")
    op.drop_column("messages", "turn_id")
    for table in ("order_drafts", "turns", "talks", "phrases", "bots", "questions"):
        op.drop_table(table)


def _questions() -> None:
    op.create_table(
        "questions",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("keywords", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("answers", JSON, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_questions_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_questions")),
    )
    op.create_index(
        op.f("ix_questions_merchant_id_position"),
        "questions",
        ["merchant_id", "position"],
        unique=False,
    )


def _bots() -> None:
    op.create_table(
        "bots",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("speaks_from", sa.Time(), nullable=True),
        sa.Column("speaks_until", sa.Time(), nullable=True),
        sa.Column("formal", sa.Boolean(), nullable=False),
        sa.Column("texts", JSON, nullable=False),
        sa.Column("menu", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "order_rule",
            sa.Enum("draft", "order", "none", name="orderrule", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("confirms", sa.Boolean(), nullable=False),
        sa.Column("silence_hours", sa.SmallInteger(), nullable=False),
        sa.Column("paid", sa.Boolean(), nullable=False),
        sa.Column("days_from", sa.SmallInteger(), nullable=True),
        sa.Column("days_until", sa.SmallInteger(), nullable=True),
        sa.Column("catalogue_id", sa.Text(), nullable=False),
        sa.Column("forms", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["channels.merchant_id", "channels.id"],
            name=op.f("fk_bots_merchant_id_channel_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_bots_merchant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_bots")),
        sa.UniqueConstraint(
            "merchant_id", "channel_id", name=op.f("uq_bots_merchant_id_channel_id")
        ),
    )


def _phrases() -> None:
    op.create_table(
        "phrases",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "by_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_phrases_merchant_id_by_id"),
            ondelete="SET NULL (by_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_phrases_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_phrases")),
        sa.UniqueConstraint("merchant_id", "folded", name=op.f("uq_phrases_merchant_id_folded")),
    )


def _talks() -> None:
    op.create_table(
        "talks",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("facts_at", AT, nullable=True),
        sa.Column("misses", sa.SmallInteger(), nullable=False),
        sa.Column("seen_seq", sa.BigInteger(), nullable=False),
        sa.Column("waiting_since", AT, nullable=True),
        sa.Column("due_at", AT, nullable=True),
        sa.Column("silent_until", AT, nullable=True),
        sa.Column("back_at", AT, nullable=True),
        sa.Column("left_because", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "conversation_id"],
            ["conversations.merchant_id", "conversations.id"],
            name=op.f("fk_talks_merchant_id_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_talks_merchant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_talks")),
        sa.UniqueConstraint(
            "merchant_id", "conversation_id", name=op.f("uq_talks_merchant_id_conversation_id")
        ),
    )
    op.create_index(
        "ix_talks_due",
        "talks",
        ["merchant_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )


def _order_drafts() -> None:
    op.create_table(
        "order_drafts",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "waiting", "accepted", "dismissed", name="draftstate", native_enum=False, length=24
            ),
            nullable=False,
        ),
        sa.Column("cart", JSON, nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("settled_at", AT, nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "by_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_order_drafts_merchant_id_by_id"),
            ondelete="SET NULL (by_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "conversation_id"],
            ["conversations.merchant_id", "conversations.id"],
            name=op.f("fk_order_drafts_merchant_id_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["orders.merchant_id", "orders.id"],
            name=op.f("fk_order_drafts_merchant_id_order_id"),
            ondelete="SET NULL (order_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_order_drafts_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_order_drafts")),
    )
    op.create_index(
        "uq_order_drafts_waiting",
        "order_drafts",
        ["merchant_id", "conversation_id"],
        unique=True,
        postgresql_where=sa.text("state = 'waiting'"),
    )


def _turns() -> None:
    op.create_table(
        "turns",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("heard_id", sa.Uuid(), nullable=True),
        sa.Column("heard", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("entities", JSON, nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("did", sa.Text(), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("taught_at", AT, nullable=True),
        sa.Column("at", AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["channels.merchant_id", "channels.id"],
            name=op.f("fk_turns_merchant_id_channel_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "conversation_id"],
            ["conversations.merchant_id", "conversations.id"],
            name=op.f("fk_turns_merchant_id_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "heard_id"],
            ["messages.merchant_id", "messages.id"],
            name=op.f("fk_turns_merchant_id_heard_id"),
            ondelete="SET NULL (heard_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["orders.merchant_id", "orders.id"],
            name=op.f("fk_turns_merchant_id_order_id"),
            ondelete="SET NULL (order_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_turns_merchant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_turns")),
    )
    op.create_index(
        op.f("ix_turns_merchant_id_at_id"), "turns", ["merchant_id", "at", "id"], unique=False
    )
    op.create_index(
        op.f("ix_turns_merchant_id_conversation_id_at"),
        "turns",
        ["merchant_id", "conversation_id", "at"],
        unique=False,
    )
    op.create_index(
        "ix_turns_missed",
        "turns",
        ["merchant_id", "at"],
        unique=False,
        postgresql_where=sa.text("did = 'not_understood'"),
    )


def _beside() -> None:
    op.add_column("messages", sa.Column("turn_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_messages_bot",
        "messages",
        ["merchant_id", "at"],
        unique=False,
        postgresql_include=["turn_id"],
        postgresql_where=sa.text("origin = 'bot'"),
    )
    op.add_column(
        "products", sa.Column("aliases", sa.ARRAY(sa.Text()), nullable=False, server_default="{}")
    )
    op.add_column("products", sa.Column("picture_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_products_merchant_id_picture_id"),
        "products",
        "media",
        ["merchant_id", "picture_id"],
        ["merchant_id", "id"],
        ondelete="SET NULL (picture_id)",
    )
    op.alter_column("products", "aliases", server_default=None)
