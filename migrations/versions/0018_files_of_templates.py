"""Files of templates are everybody's, as templates are; the text of a mail is named as sealed."""

from alembic import op

from migrations.protect import narrow, widen

revision = "0018"
down_revision = "0017"

OF_MESSAGES = "id IN (SELECT m.media_id FROM messages m)"
OF_ANSWERS = "id IN (SELECT s.media_id FROM snippets s)"
# Who moves an order sends its stage's template: without its picture Meta refuses it.
OF_TEMPLATES = "id IN (SELECT t.media_id FROM message_templates t)"


def upgrade() -> None:
    widen("media")
    narrow("media", f"{OF_MESSAGES} OR {OF_ANSWERS} OR {OF_TEMPLATES}")
    op.alter_column("mails", "text_sealed", new_column_name="sealed_text")


def downgrade() -> None:
    op.alter_column("mails", "sealed_text", new_column_name="text_sealed")
    widen("media")
    narrow("media", f"{OF_MESSAGES} OR {OF_ANSWERS}")
