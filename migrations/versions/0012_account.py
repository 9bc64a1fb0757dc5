"""The second step of signing in, who must have it, and the audit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import EVERYTHING, LEDGER, protect

revision = "0012"
down_revision = "0011"

OF_USERS = ("totps", "recovery_codes", "half_sign_ins")


def upgrade() -> None:
    _second_step()
    _audit()
    for table in OF_USERS:
        op.execute(f"GRANT {EVERYTHING} ON {table} TO wasl_house")
    protect("second_step_rules")
    protect("audit_entries", allowed=LEDGER)
    # Who reads every merchant's rows must not be able to tidy up behind itself either.
    op.execute("REVOKE UPDATE, DELETE ON audit_entries FROM wasl_house")


def _second_step() -> None:
    op.create_table(
        "totps",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_totps_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_totps")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint("user_id", "digest", name=op.f("uq_recovery_codes_user_id_digest")),
    )
    op.create_table(
        "half_sign_ins",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("remember", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_half_sign_ins_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_half_sign_ins")),
    )
    op.create_index(op.f("ix_half_sign_ins_user_id"), "half_sign_ins", ["user_id"])
    op.create_table(
        "second_step_rules",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "by_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_second_step_rules_merchant_id_by_id"),
            ondelete="SET NULL (by_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_second_step_rules_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_second_step_rules")),
        sa.UniqueConstraint(
            "merchant_id", "role", name=op.f("uq_second_step_rules_merchant_id_role")
        ),
    )


def _audit() -> None:
    facts = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
    op.create_table(
        "audit_entries",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("ip", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("on", sa.Text(), nullable=False),
        sa.Column("on_id", sa.Uuid(), nullable=True),
        sa.Column("before", facts, nullable=True),
        sa.Column("after", facts, nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "by_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_audit_entries_merchant_id_by_id"),
            ondelete="SET NULL (by_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_audit_entries_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_audit_entries")),
    )
    for columns in (["at", "id"], ["room", "at", "id"], ["by_id", "at", "id"]):
        name = f"ix_audit_entries_merchant_id_{'_'.join(columns)}"
        op.create_index(op.f(name), "audit_entries", ["merchant_id", *columns])


def downgrade() -> None:
    op.drop_table("audit_entries")
    op.drop_table("second_step_rules")
    for table in reversed(OF_USERS):
        op.drop_table(table)
