"""The team: more roles, invitations, teams, plans, mail; who sees only their own orders."""

import sqlalchemy as sa
from alembic import op

from migrations.protect import EVERYTHING, narrow, protect, widen

revision = "0011"
down_revision = "0010"

ROLES = ("owner", "manager", "confirmation_agent", "delivery_agent", "viewer", "custom")
STATES = ("queued", "claimed", "sent", "failed")

ME = "nullif(current_setting('wasl.member', true), '')::uuid"
MINE = "SELECT o.{column} FROM orders o"
OF_ORDER = f"order_id IN ({MINE.format(column='id')})"
OF_CUSTOMER = f"customer_id IN ({MINE.format(column='customer_id')})"
OF_IDENTITY = "identity_id IN (SELECT i.id FROM whatsapp_identities i)"
OF_CONVERSATION = "conversation_id IN (SELECT c.id FROM conversations c)"
OF_MESSAGE = "message_id IN (SELECT m.id FROM messages m)"

# What somebody sees who sees only their own orders. Inside each condition `orders` is narrowed
# already, so that "the conversations of those orders" is said once.
NARROW = {
    "orders": f"assignee_id = {ME}",
    "order_lines": OF_ORDER,
    "price_adjustments": OF_ORDER,
    "entries": OF_ORDER,
    "call_attempts": OF_ORDER,
    "runs": OF_ORDER,
    "bulk_items": OF_ORDER,
    "order_words": f"id IN ({MINE.format(column='id')})",
    "customers": f"id IN ({MINE.format(column='customer_id')})",
    "phones": OF_CUSTOMER,
    "addresses": OF_CUSTOMER,
    "consents": OF_CUSTOMER,
    "whatsapp_identities": OF_CUSTOMER,
    "conversations": f"id IN ({MINE.format(column='conversation_id')}) AND {OF_IDENTITY}",
    "activities": OF_CONVERSATION,
    "messages": OF_CONVERSATION,
    "read_marks": OF_CONVERSATION,
    "attempts": OF_MESSAGE,
    "message_statuses": OF_MESSAGE,
    "media": "id IN (SELECT m.media_id FROM messages m)",
    "bulks": f"by_id = {ME}",
    "notifications": f"member_id = {ME} AND (order_id IS NULL OR {OF_ORDER})",
    "preferences": f"member_id = {ME}",
    "views": f"member_id = {ME}",
    "tallies": "false",
    "charges": "false",
    "invitations": "false",
    "mails": "false",
}


def upgrade() -> None:
    op.add_column("merchants", sa.Column("plan", sa.Text(), nullable=True))
    # Nobody loses what they had: who was here before plans were has the one without limits.
    op.execute("UPDATE merchants SET plan = 'plus'")
    op.alter_column("merchants", "plan", nullable=False)
    _custom_roles()
    _memberships()
    _teams()
    _invitations()
    _password_resets()
    _mails()
    op.create_index(
        op.f("ix_orders_merchant_id_assignee_id"), "orders", ["merchant_id", "assignee_id"]
    )
    for table in ("custom_roles", "teams", "team_members", "invitations", "mails"):
        protect(table)
    op.execute(f"GRANT {EVERYTHING} ON password_resets TO wasl_house")
    op.execute(
        "DO $$ BEGIN CREATE ROLE wasl_courier NOLOGIN;"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    op.execute("GRANT wasl_app TO wasl_courier")
    op.execute("GRANT wasl_courier TO CURRENT_USER")
    for table, condition in NARROW.items():
        narrow(table, condition)


def downgrade() -> None:
    for table in NARROW:
        widen(table)
    op.drop_index(op.f("ix_orders_merchant_id_assignee_id"), table_name="orders")
    op.drop_table("mails")
    op.drop_table("password_resets")
    op.drop_table("invitations")
    op.drop_index(op.f("ix_conversations_merchant_id_team_id"), table_name="conversations")
    op.drop_constraint(
        op.f("fk_conversations_merchant_id_team_id"), "conversations", type_="foreignkey"
    )
    op.drop_column("conversations", "team_id")
    op.drop_table("team_members")
    op.drop_table("teams")
    # Who had a role that is no more may do least of what is left.
    op.execute(
        "UPDATE memberships SET role = 'confirmation_agent', disabled_at = coalesce(disabled_at,"
        " now()) WHERE role NOT IN ('owner', 'manager', 'confirmation_agent')"
    )
    op.drop_constraint(
        op.f("fk_memberships_merchant_id_custom_role_id"), "memberships", type_="foreignkey"
    )
    for column in ("created_at", "grants", "custom_role_id"):
        op.drop_column("memberships", column)
    op.drop_table("custom_roles")
    op.drop_column("merchants", "plan")


def _row() -> list[sa.Column[object]]:
    return [
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
    ]


def _keys(table: str) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f(f"fk_{table}_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f(f"pk_{table}")),
    ]


def _ref(table: str, column: str, to: str, ondelete: str | None = None) -> sa.Constraint:
    return sa.ForeignKeyConstraint(
        ["merchant_id", column],
        [f"{to}.merchant_id", f"{to}.id"],
        name=op.f(f"fk_{table}_merchant_id_{column}"),
        ondelete=ondelete,
    )


def _role(*roles: str) -> sa.Enum:
    return sa.Enum(*roles, name="role", native_enum=False, length=24)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _custom_roles() -> None:
    op.create_table(
        "custom_roles",
        *_row(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("permissions", sa.ARRAY(sa.Text()), nullable=False),
        _time("created_at"),
        *_keys("custom_roles"),
        sa.UniqueConstraint("merchant_id", "name", name=op.f("uq_custom_roles_merchant_id_name")),
    )


def _memberships() -> None:
    op.add_column("memberships", sa.Column("custom_role_id", sa.Uuid(), nullable=True))
    op.add_column(
        "memberships",
        sa.Column("grants", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column(
        "memberships",
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    for column in ("grants", "created_at"):
        op.alter_column("memberships", column, server_default=None)
    op.create_foreign_key(
        op.f("fk_memberships_merchant_id_custom_role_id"),
        "memberships",
        "custom_roles",
        ["merchant_id", "custom_role_id"],
        ["merchant_id", "id"],
    )


def _teams() -> None:
    op.create_table(
        "teams",
        *_row(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("languages", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("cities", sa.ARRAY(sa.Text()), nullable=False),
        _time("created_at"),
        *_keys("teams"),
        sa.UniqueConstraint("merchant_id", "name", name=op.f("uq_teams_merchant_id_name")),
    )
    op.create_table(
        "team_members",
        *_row(),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        _ref("team_members", "team_id", "teams", "CASCADE"),
        _ref("team_members", "member_id", "memberships", "CASCADE"),
        *_keys("team_members"),
        sa.UniqueConstraint(
            "merchant_id",
            "team_id",
            "member_id",
            name=op.f("uq_team_members_merchant_id_team_id_member_id"),
        ),
    )
    op.create_index(
        op.f("ix_team_members_merchant_id_member_id"), "team_members", ["merchant_id", "member_id"]
    )
    op.add_column("conversations", sa.Column("team_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_conversations_merchant_id_team_id"),
        "conversations",
        "teams",
        ["merchant_id", "team_id"],
        ["merchant_id", "id"],
        ondelete="SET NULL (team_id)",
    )
    op.create_index(
        op.f("ix_conversations_merchant_id_team_id"),
        "conversations",
        ["merchant_id", "team_id"],
        postgresql_where=sa.text("team_id IS NOT NULL"),
    )


def _invitations() -> None:
    op.create_table(
        "invitations",
        *_row(),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", _role(*ROLES), nullable=False),
        sa.Column("custom_role_id", sa.Uuid(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        _time("created_at"),
        _time("expires_at"),
        _time("accepted_at", nullable=True),
        _time("withdrawn_at", nullable=True),
        _ref("invitations", "custom_role_id", "custom_roles"),
        _ref("invitations", "by_id", "memberships", "SET NULL (by_id)"),
        *_keys("invitations"),
    )
    op.create_index("uq_invitations_token", "invitations", ["token_hash"], unique=True)
    op.create_index(
        "uq_invitations_open",
        "invitations",
        ["merchant_id", sa.literal_column("lower(email)")],
        unique=True,
        postgresql_where=sa.text("accepted_at IS NULL AND withdrawn_at IS NULL"),
    )


def _password_resets() -> None:
    op.create_table(
        "password_resets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        _time("created_at"),
        _time("expires_at"),
        _time("used_at", nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_password_resets_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_resets")),
    )
    op.create_index("uq_password_resets_token", "password_resets", ["token_hash"], unique=True)
    op.create_index(
        op.f("ix_password_resets_user_id_created_at"),
        "password_resets",
        ["user_id", "created_at"],
    )


def _mails() -> None:
    op.create_table(
        "mails",
        *_row(),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(*STATES, name="mailstate", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        _time("due_at"),
        sa.Column("reason", sa.Text(), nullable=False),
        _time("created_at"),
        _time("sent_at", nullable=True),
        *_keys("mails"),
    )
    op.create_index(
        "ix_mails_due",
        "mails",
        ["merchant_id", "due_at"],
        postgresql_where=sa.text("state IN ('queued', 'claimed')"),
    )
