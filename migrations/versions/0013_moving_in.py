"""Moving in: what Meta says of a number, errands to it, notices, secrets of own apps."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import protect

revision = "0013"
down_revision = "0012"

JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
INSTANT = sa.DateTime(timezone=True)
OPEN_ERRAND, OPEN_NOTICE = sa.text("done_at IS NULL"), sa.text("ended_at IS NULL")
STATES = ("queued", "claimed", "waiting", "held", "accepted", "failed", "uncertain", "discarded")


def upgrade() -> None:
    _channels()
    op.add_column("envelopes", sa.Column("signed_for", postgresql.ARRAY(sa.Uuid()), nullable=True))
    op.add_column("merchants", sa.Column("moved_in_at", INSTANT, nullable=True))
    _errands()
    _notices()


def downgrade() -> None:
    op.drop_table("notices")
    op.drop_table("errands")
    op.drop_column("merchants", "moved_in_at")
    op.drop_column("envelopes", "signed_for")
    # Of several who typed the same number, those who never proved it go.
    op.execute("DELETE FROM channels WHERE proven_at IS NULL")
    op.drop_index(op.f("ix_channels_merchant_id_phone_number_id"), table_name="channels")
    op.drop_index("uq_channels_phone_number_id", table_name="channels")
    op.create_index("uq_channels_phone_number_id", "channels", ["phone_number_id"], unique=True)
    for name in (
        "proven_at",
        "heard_at",
        "looked_at",
        "profile",
        "facts",
        "templates_problem",
        "sealed_app_secret",
    ):
        op.drop_column("channels", name)


def _channels() -> None:
    op.add_column("channels", sa.Column("sealed_app_secret", sa.LargeBinary(), nullable=True))
    op.add_column("channels", sa.Column("templates_problem", sa.Text(), nullable=True))
    for name in ("facts", "profile"):
        op.add_column("channels", sa.Column(name, JSON, nullable=False, server_default="{}"))
        op.alter_column("channels", name, server_default=None)
    op.add_column("channels", sa.Column("proven_at", INSTANT, nullable=True))
    op.execute("UPDATE channels SET proven_at = created_at")
    op.drop_index("uq_channels_phone_number_id", table_name="channels")
    op.create_index(
        "uq_channels_phone_number_id",
        "channels",
        ["phone_number_id"],
        unique=True,
        postgresql_where=sa.text("proven_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_channels_merchant_id_phone_number_id"),
        "channels",
        ["merchant_id", "phone_number_id"],
        unique=True,
    )
    op.add_column("channels", sa.Column("looked_at", INSTANT, nullable=True))
    op.add_column("channels", sa.Column("heard_at", INSTANT, nullable=True))


def _key(table: str, column: str, target: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["merchant_id", column],
        [f"{target}.merchant_id", f"{target}.id"],
        name=op.f(f"fk_{table}_merchant_id_{column}"),
        ondelete=ondelete,
    )


def _own(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["merchant_id"],
        ["merchants.id"],
        name=op.f(f"fk_{table}_merchant_id"),
        ondelete="CASCADE",
    )


def _errands() -> None:
    op.create_table(
        "errands",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=True),
        sa.Column(
            "sending",
            sa.Enum(*STATES, name="sending", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("done_at", INSTANT, nullable=True),
        _key("errands", "channel_id", "channels", "CASCADE"),
        _key("errands", "media_id", "media", "SET NULL (media_id)"),
        _own("errands"),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_errands")),
    )
    op.create_index(
        "uq_errands_open",
        "errands",
        ["merchant_id", "channel_id", "act"],
        unique=True,
        postgresql_where=OPEN_ERRAND,
    )
    op.create_index(
        op.f("ix_errands_merchant_id_channel_id"), "errands", ["merchant_id", "channel_id"]
    )
    op.create_index("ix_errands_due", "errands", ["due_at"], postgresql_where=OPEN_ERRAND)
    protect("errands")


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=True),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        _key("notices", "channel_id", "channels", "CASCADE"),
        _key("notices", "ended_by_id", "memberships", "SET NULL (ended_by_id)"),
        _own("notices"),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_notices")),
    )
    op.create_index(
        "uq_notices_open",
        "notices",
        ["merchant_id", "about", "kind"],
        unique=True,
        postgresql_where=OPEN_NOTICE,
    )
    protect("notices")
