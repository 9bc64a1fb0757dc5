"""Who sees only their own orders sees nothing of the audit, of charges and of price lists."""

from migrations.protect import narrow, widen

revision = "0017"
down_revision = "0016"

NOTHING = (
    *("audit_entries", "second_step_rules", "errands"),
    *("budgets", "price_lists", "reckonings", "repricings", "spendings"),
)
OF_MESSAGES = "id IN (SELECT m.media_id FROM messages m)"
# Saved answers are everybody's, and so are their files.
OF_ANSWERS = "id IN (SELECT s.media_id FROM snippets s)"


def upgrade() -> None:
    for table in NOTHING:
        narrow(table, "false")
    widen("media")
    narrow("media", f"{OF_MESSAGES} OR {OF_ANSWERS}")


def downgrade() -> None:
    widen("media")
    narrow("media", OF_MESSAGES)
    for table in NOTHING:
        widen(table)
