"""Row-level security of a table, for migrations: one merchant sees one merchant's rows."""

from alembic import op

# nullif: after a transaction the setting is '' in that connection, not NULL.
MERCHANT = "nullif(current_setting('wasl.merchant', true), '')::uuid"
EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
LEDGER = "SELECT, INSERT"


def create_roles() -> None:
    """The two roles sessions run as; they own nothing and cannot sign in by themselves."""
    for role in ("wasl_app", "wasl_house"):
        op.execute(
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN;"
            " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        op.execute(f"GRANT {role} TO CURRENT_USER")
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")


def protect(table: str, *, allowed: str = EVERYTHING, column: str = "merchant_id") -> None:
    """Let wasl_app see and do `allowed` on its merchant's rows, wasl_house on all of them."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY one_merchant ON {table} TO wasl_app"
        f" USING ({column} = {MERCHANT}) WITH CHECK ({column} = {MERCHANT})"
    )
    op.execute(f"CREATE POLICY house ON {table} TO wasl_house USING (true) WITH CHECK (true)")
    op.execute(f"GRANT {allowed} ON {table} TO wasl_app")
    op.execute(f"GRANT {EVERYTHING} ON {table} TO wasl_house")


def narrow(table: str, condition: str) -> None:
    """Let wasl_courier find, change and delete only the rows of `table` that meet the condition.

    It inherits from wasl_app all that `protect` gives; this takes away. Writing a new row is not
    narrowed: an order that moves may leave rows for others, a bell's for a manager.
    """
    for deed, check in (("select", ""), ("update", " WITH CHECK (true)"), ("delete", "")):
        op.execute(
            f"CREATE POLICY assigned_{deed} ON {table} AS RESTRICTIVE FOR {deed} TO wasl_courier"
            f" USING ({condition}){check}"
        )


def widen(table: str) -> None:
    for deed in ("select", "update", "delete"):
        op.execute(f"DROP POLICY assigned_{deed} ON {table}")
