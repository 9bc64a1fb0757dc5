"""The tables the main job stands on, each seen by one merchant only."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import LEDGER, create_roles, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_roles()
    op.create_table(
        "envelopes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "new",
                "settled",
                "unrouted",
                "quarantined",
                name="envelopestate",
                native_enum=False,
                length=24,
            ),
            server_default=sa.text("'new'"),
            nullable=False,
        ),
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_envelopes")),
    )
    op.create_index(
        "ix_envelopes_new",
        "envelopes",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'new'"),
    )
    op.create_index("uq_envelopes_sha256", "envelopes", ["sha256"], unique=True)
    op.create_table(
        "merchants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("allow_negative_stock", sa.Boolean(), nullable=False),
        sa.Column("delivery_fee", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merchants")),
    )
    op.create_table(
        "rate_cards",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate_cards")),
        sa.UniqueConstraint(
            "currency",
            "market",
            "category",
            "effective_from",
            name=op.f("uq_rate_cards_currency_market_category_effective_from"),
        ),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_sign_ins", sa.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index("uq_users_email", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "channels",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone_number_id", sa.Text(), nullable=False),
        sa.Column("waba_id", sa.Text(), nullable=False),
        sa.Column("display_phone_number", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("active", "paused", name="channelstate", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.Column("sealed_token", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_channels_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_channels")),
    )
    op.create_index(op.f("ix_channels_waba_id"), "channels", ["waba_id"], unique=False)
    op.create_index("uq_channels_phone_number_id", "channels", ["phone_number_id"], unique=True)
    op.create_table(
        "counters",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_counters_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_counters")),
        sa.UniqueConstraint("merchant_id", "name", name=op.f("uq_counters_merchant_id_name")),
    )
    op.create_table(
        "customers",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_customers_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_customers")),
    )
    op.create_table(
        "login_sessions",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remember", sa.Boolean(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("ip", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_login_sessions_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_login_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
    )
    op.create_index(op.f("ix_login_sessions_user_id"), "login_sessions", ["user_id"], unique=False)
    op.create_table(
        "media",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("mime_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("meta_id", sa.Text(), nullable=True),
        sa.Column("meta_id_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_media_merchant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_media")),
    )
    op.create_table(
        "memberships",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "owner", "manager", "confirmation_agent", name="role", native_enum=False, length=24
            ),
            nullable=False,
        ),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_memberships_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_memberships_user_id")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_memberships")),
        sa.UniqueConstraint(
            "merchant_id", "user_id", name=op.f("uq_memberships_merchant_id_user_id")
        ),
    )
    op.create_index(op.f("ix_memberships_user_id"), "memberships", ["user_id"], unique=False)
    op.create_table(
        "message_templates",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("waba_id", sa.Text(), nullable=False),
        sa.Column("meta_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("named", sa.Boolean(), nullable=False),
        sa.Column(
            "components", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("quality", sa.Text(), nullable=True),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_message_templates_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_message_templates")),
        sa.UniqueConstraint(
            "merchant_id",
            "waba_id",
            "name",
            "language",
            name=op.f("uq_message_templates_merchant_id_waba_id_name_language"),
        ),
    )
    op.create_table(
        "pipelines",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ships", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_pipelines_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_pipelines")),
    )
    op.create_table(
        "products",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("track_stock", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_products_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_products")),
        sa.UniqueConstraint("merchant_id", "sku", name=op.f("uq_products_merchant_id_sku")),
    )
    op.create_table(
        "warehouses",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_warehouses_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_warehouses")),
    )
    op.create_table(
        "addresses",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customers.merchant_id", "customers.id"],
            name=op.f("fk_addresses_merchant_id_customer_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_addresses_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_addresses")),
    )
    op.create_index(
        op.f("ix_addresses_merchant_id_customer_id"),
        "addresses",
        ["merchant_id", "customer_id"],
        unique=False,
    )
    op.create_table(
        "channel_events",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=True),
        sa.Column("waba_id", sa.Text(), nullable=True),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "payload", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["channels.merchant_id", "channels.id"],
            name=op.f("fk_channel_events_merchant_id_channel_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_channel_events_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_channel_events")),
        sa.UniqueConstraint("merchant_id", "key", name=op.f("uq_channel_events_merchant_id_key")),
    )
    op.create_index(
        op.f("ix_channel_events_merchant_id_at"),
        "channel_events",
        ["merchant_id", "at"],
        unique=False,
    )
    op.create_table(
        "phones",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("e164", sa.Text(), nullable=True),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("reversed_digits", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customers.merchant_id", "customers.id"],
            name=op.f("fk_phones_merchant_id_customer_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_phones_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_phones")),
    )
    op.create_index(
        op.f("ix_phones_merchant_id_customer_id"),
        "phones",
        ["merchant_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_phones_merchant_id_e164"), "phones", ["merchant_id", "e164"], unique=False
    )
    op.create_index(
        "ix_phones_reversed",
        "phones",
        ["merchant_id", "reversed_digits"],
        unique=False,
        postgresql_ops={"reversed_digits": "text_pattern_ops"},
    )
    op.create_table(
        "stages",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pipeline_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("color", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "new",
                "unreachable",
                "to_confirm",
                "confirmed",
                "shipped",
                "delivery_failure",
                "delivered",
                "returned",
                "cancelled",
                name="systemstate",
                native_enum=False,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "pipeline_id"],
            ["pipelines.merchant_id", "pipelines.id"],
            name=op.f("fk_stages_merchant_id_pipeline_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_stages_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_stages")),
    )
    op.create_index(
        op.f("ix_stages_merchant_id_pipeline_id_position"),
        "stages",
        ["merchant_id", "pipeline_id", "position"],
        unique=False,
    )
    op.create_table(
        "variants",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column(
            "options", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "product_id"],
            ["products.merchant_id", "products.id"],
            name=op.f("fk_variants_merchant_id_product_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_variants_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_variants")),
        sa.UniqueConstraint("merchant_id", "sku", name=op.f("uq_variants_merchant_id_sku")),
    )
    op.create_index(
        op.f("ix_variants_merchant_id_product_id"),
        "variants",
        ["merchant_id", "product_id"],
        unique=False,
    )
    op.create_table(
        "whatsapp_identities",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("wa_id", sa.Text(), nullable=True),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column("profile_name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("reversed_digits", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customers.merchant_id", "customers.id"],
            name=op.f("fk_whatsapp_identities_merchant_id_customer_id"),
            ondelete="SET NULL (customer_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_whatsapp_identities_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_whatsapp_identities")),
    )
    op.create_index(
        "ix_identities_reversed",
        "whatsapp_identities",
        ["merchant_id", "reversed_digits"],
        unique=False,
        postgresql_ops={"reversed_digits": "text_pattern_ops"},
    )
    op.create_index(
        op.f("ix_whatsapp_identities_merchant_id_customer_id"),
        "whatsapp_identities",
        ["merchant_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        "uq_identities_user_id", "whatsapp_identities", ["merchant_id", "user_id"], unique=True
    )
    op.create_index(
        "uq_identities_wa_id", "whatsapp_identities", ["merchant_id", "wa_id"], unique=True
    )
    op.create_table(
        "automations",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("stage_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column(
            "variables", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("retrigger", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "stage_id"],
            ["stages.merchant_id", "stages.id"],
            name=op.f("fk_automations_merchant_id_stage_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "template_id"],
            ["message_templates.merchant_id", "message_templates.id"],
            name=op.f("fk_automations_merchant_id_template_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_automations_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_automations")),
    )
    op.create_index(
        op.f("ix_automations_merchant_id_stage_id"),
        "automations",
        ["merchant_id", "stage_id"],
        unique=False,
    )
    op.create_table(
        "conversations",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("unread", sa.BigInteger(), nullable=False),
        sa.Column("last_inbound_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_message_id", sa.Uuid(), nullable=True),
        sa.Column("last_direction", sa.Text(), nullable=True),
        sa.Column("last_preview", sa.Text(), nullable=False),
        sa.Column("last_kind", sa.Text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "assignee_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_conversations_merchant_id_assignee_id"),
            ondelete="SET NULL (assignee_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["channels.merchant_id", "channels.id"],
            name=op.f("fk_conversations_merchant_id_channel_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "identity_id"],
            ["whatsapp_identities.merchant_id", "whatsapp_identities.id"],
            name=op.f("fk_conversations_merchant_id_identity_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_conversations_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_conversations")),
        sa.UniqueConstraint(
            "merchant_id",
            "channel_id",
            "identity_id",
            name=op.f("uq_conversations_merchant_id_channel_id_identity_id"),
        ),
    )
    op.create_index(
        "ix_conversations_assignee",
        "conversations",
        [
            "merchant_id",
            "assignee_id",
            sa.literal_column("last_message_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
    )
    op.create_index(
        op.f("ix_conversations_merchant_id_identity_id"),
        "conversations",
        ["merchant_id", "identity_id"],
        unique=False,
    )
    op.create_index(
        "ix_conversations_recent",
        "conversations",
        ["merchant_id", sa.literal_column("last_message_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_conversations_unanswered",
        "conversations",
        ["merchant_id", sa.literal_column("last_message_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("last_direction = 'in'"),
    )
    op.create_index(
        "ix_conversations_unread",
        "conversations",
        ["merchant_id", sa.literal_column("last_message_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("unread > 0"),
    )
    op.create_table(
        "stock_levels",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("warehouse_id", sa.Uuid(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_stock_levels_reserved_not_negative")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variants.merchant_id", "variants.id"],
            name=op.f("fk_stock_levels_merchant_id_variant_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "warehouse_id"],
            ["warehouses.merchant_id", "warehouses.id"],
            name=op.f("fk_stock_levels_merchant_id_warehouse_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_stock_levels_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_stock_levels")),
        sa.UniqueConstraint(
            "merchant_id",
            "variant_id",
            "warehouse_id",
            name=op.f("uq_stock_levels_merchant_id_variant_id_warehouse_id"),
        ),
    )
    op.create_table(
        "transitions",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_stage_id", sa.Uuid(), nullable=False),
        sa.Column("to_stage_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "from_stage_id"],
            ["stages.merchant_id", "stages.id"],
            name=op.f("fk_transitions_merchant_id_from_stage_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "to_stage_id"],
            ["stages.merchant_id", "stages.id"],
            name=op.f("fk_transitions_merchant_id_to_stage_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_transitions_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_transitions")),
        sa.UniqueConstraint(
            "merchant_id",
            "from_stage_id",
            "to_stage_id",
            name=op.f("uq_transitions_merchant_id_from_stage_id_to_stage_id"),
        ),
    )
    op.create_table(
        "activities",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "facts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "actor_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_activities_merchant_id_actor_id"),
            ondelete="SET NULL (actor_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "conversation_id"],
            ["conversations.merchant_id", "conversations.id"],
            name=op.f("fk_activities_merchant_id_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_activities_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_activities")),
    )
    op.create_index(
        op.f("ix_activities_merchant_id_conversation_id_at"),
        "activities",
        ["merchant_id", "conversation_id", "at"],
        unique=False,
    )
    op.create_table(
        "automation_buttons",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("automation_id", sa.Uuid(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("stage_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "automation_id"],
            ["automations.merchant_id", "automations.id"],
            name=op.f("fk_automation_buttons_merchant_id_automation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "stage_id"],
            ["stages.merchant_id", "stages.id"],
            name=op.f("fk_automation_buttons_merchant_id_stage_id"),
            ondelete="SET NULL (stage_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_automation_buttons_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_automation_buttons")),
        sa.UniqueConstraint(
            "merchant_id",
            "automation_id",
            "index",
            name=op.f("uq_automation_buttons_merchant_id_automation_id_index"),
        ),
    )
    op.create_table(
        "orders",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("stage_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "new",
                "unreachable",
                "to_confirm",
                "confirmed",
                "shipped",
                "delivery_failure",
                "delivered",
                "returned",
                "cancelled",
                name="systemstate",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("flag", sa.Text(), nullable=True),
        sa.Column("stage_entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("payment_method", sa.Text(), nullable=False),
        sa.Column("payment_status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("catalog_total", sa.BigInteger(), nullable=False),
        sa.Column("applied_total", sa.BigInteger(), nullable=False),
        sa.Column("delivery_fee", sa.BigInteger(), nullable=False),
        sa.Column("ship_name", sa.Text(), nullable=False),
        sa.Column("ship_phone", sa.Text(), nullable=False),
        sa.Column("ship_line", sa.Text(), nullable=False),
        sa.Column("ship_city", sa.Text(), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "assignee_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_orders_merchant_id_assignee_id"),
            ondelete="SET NULL (assignee_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "conversation_id"],
            ["conversations.merchant_id", "conversations.id"],
            name=op.f("fk_orders_merchant_id_conversation_id"),
            ondelete="SET NULL (conversation_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customers.merchant_id", "customers.id"],
            name=op.f("fk_orders_merchant_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "stage_id"],
            ["stages.merchant_id", "stages.id"],
            name=op.f("fk_orders_merchant_id_stage_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_orders_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "merchant_id", "client_id", name=op.f("uq_orders_merchant_id_client_id")
        ),
        sa.UniqueConstraint("merchant_id", "number", name=op.f("uq_orders_merchant_id_number")),
    )
    op.create_index(
        "ix_orders_board",
        "orders",
        [
            "merchant_id",
            "stage_id",
            sa.literal_column("stage_entered_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
    )
    op.create_index(
        op.f("ix_orders_merchant_id_conversation_id"),
        "orders",
        ["merchant_id", "conversation_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_orders_merchant_id_customer_id"),
        "orders",
        ["merchant_id", "customer_id", sa.literal_column("number DESC")],
        unique=False,
    )
    op.create_table(
        "read_marks",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("wamid", sa.Text(), nullable=False),
        sa.Column(
            "sending",
            sa.Enum(
                "queued",
                "claimed",
                "waiting",
                "held",
                "accepted",
                "failed",
                "uncertain",
                "discarded",
                name="sending",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("error_code", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["channels.merchant_id", "channels.id"],
            name=op.f("fk_read_marks_merchant_id_channel_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "conversation_id"],
            ["conversations.merchant_id", "conversations.id"],
            name=op.f("fk_read_marks_merchant_id_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_read_marks_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_read_marks")),
        sa.UniqueConstraint(
            "merchant_id",
            "channel_id",
            "wamid",
            name=op.f("uq_read_marks_merchant_id_channel_id_wamid"),
        ),
    )
    op.create_index(
        "ix_read_marks_outbox",
        "read_marks",
        ["merchant_id", "channel_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("sending IN ('queued', 'claimed', 'waiting')"),
    )
    op.create_table(
        "entries",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "actor",
            sa.Enum(
                "user",
                "customer",
                "automation",
                "carrier",
                "store",
                "system",
                name="actor",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("from_stage_id", sa.Uuid(), nullable=True),
        sa.Column("to_stage_id", sa.Uuid(), nullable=True),
        sa.Column(
            "facts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "actor_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_entries_merchant_id_actor_id"),
            ondelete="SET NULL (actor_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["orders.merchant_id", "orders.id"],
            name=op.f("fk_entries_merchant_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_entries_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_entries")),
    )
    op.create_index(
        op.f("ix_entries_merchant_id_order_id_seq"),
        "entries",
        ["merchant_id", "order_id", "seq"],
        unique=False,
    )
    op.create_table(
        "messages",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "direction",
            sa.Enum("in", "out", name="direction", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column(
            "origin",
            sa.Enum(
                "customer",
                "agent",
                "automation",
                "phone",
                name="origin",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "payload", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("wamid", sa.Text(), nullable=True),
        sa.Column("reply_to_wamid", sa.Text(), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("sender_id", sa.Uuid(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("template_id", sa.Uuid(), nullable=True),
        sa.Column("media_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "sending",
            sa.Enum(
                "queued",
                "claimed",
                "waiting",
                "held",
                "accepted",
                "failed",
                "uncertain",
                "discarded",
                name="sending",
                native_enum=False,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error_code", sa.BigInteger(), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.Column("rank", sa.SmallInteger(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("estimate_micros", sa.BigInteger(), nullable=True),
        sa.Column("estimate_currency", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["channels.merchant_id", "channels.id"],
            name=op.f("fk_messages_merchant_id_channel_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "conversation_id"],
            ["conversations.merchant_id", "conversations.id"],
            name=op.f("fk_messages_merchant_id_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "media_id"],
            ["media.merchant_id", "media.id"],
            name=op.f("fk_messages_merchant_id_media_id"),
            ondelete="SET NULL (media_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["orders.merchant_id", "orders.id"],
            name=op.f("fk_messages_merchant_id_order_id"),
            ondelete="SET NULL (order_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "sender_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_messages_merchant_id_sender_id"),
            ondelete="SET NULL (sender_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "template_id"],
            ["message_templates.merchant_id", "message_templates.id"],
            name=op.f("fk_messages_merchant_id_template_id"),
            ondelete="SET NULL (template_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_messages_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_messages")),
        sa.UniqueConstraint(
            "merchant_id",
            "channel_id",
            "wamid",
            name=op.f("uq_messages_merchant_id_channel_id_wamid"),
        ),
        sa.UniqueConstraint(
            "merchant_id",
            "conversation_id",
            "client_id",
            name=op.f("uq_messages_merchant_id_conversation_id_client_id"),
        ),
    )
    op.create_index(
        op.f("ix_messages_merchant_id_order_id"),
        "messages",
        ["merchant_id", "order_id"],
        unique=False,
    )
    op.create_index(
        "ix_messages_outbox",
        "messages",
        ["merchant_id", "channel_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("sending IN ('queued', 'claimed', 'waiting')"),
    )
    op.create_index(
        "ix_messages_thread",
        "messages",
        ["merchant_id", "conversation_id", "at", "seq"],
        unique=False,
    )
    op.create_index(
        "ix_messages_troubled",
        "messages",
        ["merchant_id", "at"],
        unique=False,
        postgresql_where=sa.text("sending IN ('uncertain', 'failed', 'held')"),
    )
    op.create_index(
        "ix_messages_unfinished",
        "messages",
        ["merchant_id", "conversation_id", "seq"],
        unique=False,
        postgresql_where=sa.text("sending IN ('queued', 'claimed', 'waiting')"),
    )
    op.create_table(
        "order_lines",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column(
            "stock",
            sa.Enum(
                "none",
                "reserved",
                "issued",
                "in_return",
                "restocked",
                name="stockposition",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("warehouse_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["orders.merchant_id", "orders.id"],
            name=op.f("fk_order_lines_merchant_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variants.merchant_id", "variants.id"],
            name=op.f("fk_order_lines_merchant_id_variant_id"),
            ondelete="SET NULL (variant_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "warehouse_id"],
            ["warehouses.merchant_id", "warehouses.id"],
            name=op.f("fk_order_lines_merchant_id_warehouse_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_order_lines_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_order_lines")),
    )
    op.create_index(
        op.f("ix_order_lines_merchant_id_order_id_position"),
        "order_lines",
        ["merchant_id", "order_id", "position"],
        unique=False,
    )
    op.create_index(
        op.f("ix_order_lines_merchant_id_variant_id"),
        "order_lines",
        ["merchant_id", "variant_id"],
        unique=False,
    )
    op.create_table(
        "price_adjustments",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("catalog_total", sa.BigInteger(), nullable=False),
        sa.Column("applied_total", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "by_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_price_adjustments_merchant_id_by_id"),
            ondelete="SET NULL (by_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["orders.merchant_id", "orders.id"],
            name=op.f("fk_price_adjustments_merchant_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_price_adjustments_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_price_adjustments")),
    )
    op.create_index(
        op.f("ix_price_adjustments_merchant_id_order_id"),
        "price_adjustments",
        ["merchant_id", "order_id"],
        unique=False,
    )
    op.create_table(
        "attempts",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("concluded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("wamid", sa.Text(), nullable=True),
        sa.Column("error_code", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "message_id"],
            ["messages.merchant_id", "messages.id"],
            name=op.f("fk_attempts_merchant_id_message_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_attempts_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_attempts")),
        sa.UniqueConstraint(
            "merchant_id",
            "message_id",
            "number",
            name=op.f("uq_attempts_merchant_id_message_id_number"),
        ),
    )
    op.create_table(
        "charges",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("wamid", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("pricing_model", sa.Text(), nullable=True),
        sa.Column("pricing_type", sa.Text(), nullable=True),
        sa.Column("market", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("amount_micros", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("quota_index", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["channels.merchant_id", "channels.id"],
            name=op.f("fk_charges_merchant_id_channel_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "message_id"],
            ["messages.merchant_id", "messages.id"],
            name=op.f("fk_charges_merchant_id_message_id"),
            ondelete="SET NULL (message_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["orders.merchant_id", "orders.id"],
            name=op.f("fk_charges_merchant_id_order_id"),
            ondelete="SET NULL (order_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_charges_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_charges")),
        sa.UniqueConstraint(
            "merchant_id",
            "channel_id",
            "wamid",
            name=op.f("uq_charges_merchant_id_channel_id_wamid"),
        ),
    )
    op.create_index(
        op.f("ix_charges_merchant_id_message_id"),
        "charges",
        ["merchant_id", "message_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_charges_merchant_id_month"), "charges", ["merchant_id", "month"], unique=False
    )
    op.create_index(
        op.f("ix_charges_merchant_id_order_id"),
        "charges",
        ["merchant_id", "order_id"],
        unique=False,
    )
    op.create_table(
        "message_statuses",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("wamid", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("callback", sa.Text(), nullable=True),
        sa.Column(
            "payload", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["channels.merchant_id", "channels.id"],
            name=op.f("fk_message_statuses_merchant_id_channel_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "message_id"],
            ["messages.merchant_id", "messages.id"],
            name=op.f("fk_message_statuses_merchant_id_message_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_message_statuses_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_message_statuses")),
        sa.UniqueConstraint(
            "merchant_id",
            "channel_id",
            "wamid",
            "status",
            "recipient",
            name=op.f("uq_message_statuses_merchant_id_channel_id_wamid_status_recipient"),
        ),
    )
    op.create_index(
        op.f("ix_message_statuses_merchant_id_message_id"),
        "message_statuses",
        ["merchant_id", "message_id"],
        unique=False,
    )
    op.create_table(
        "movements",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("warehouse_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "by_id"],
            ["memberships.merchant_id", "memberships.id"],
            name=op.f("fk_movements_merchant_id_by_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "entry_id"],
            ["entries.merchant_id", "entries.id"],
            name=op.f("fk_movements_merchant_id_entry_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_line_id"],
            ["order_lines.merchant_id", "order_lines.id"],
            name=op.f("fk_movements_merchant_id_order_line_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variants.merchant_id", "variants.id"],
            name=op.f("fk_movements_merchant_id_variant_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "warehouse_id"],
            ["warehouses.merchant_id", "warehouses.id"],
            name=op.f("fk_movements_merchant_id_warehouse_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.id"],
            name=op.f("fk_movements_merchant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_movements")),
        sa.UniqueConstraint(
            "merchant_id",
            "order_line_id",
            "kind",
            "entry_id",
            name=op.f("uq_movements_merchant_id_order_line_id_kind_entry_id"),
        ),
    )
    op.create_index(
        op.f("ix_movements_merchant_id_variant_id_at"),
        "movements",
        ["merchant_id", "variant_id", "at"],
        unique=False,
    )
    op.create_table(
        "runs",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("automation_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("trigger", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "automation_id"],
            ["automations.merchant_id", "automations.id"],
            name=op.f("fk_runs_merchant_id_automation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "entry_id"],
            ["entries.merchant_id", "entries.id"],
            name=op.f("fk_runs_merchant_id_entry_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "message_id"],
            ["messages.merchant_id", "messages.id"],
            name=op.f("fk_runs_merchant_id_message_id"),
            ondelete="SET NULL (message_id)",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["orders.merchant_id", "orders.id"],
            name=op.f("fk_runs_merchant_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_runs_merchant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_runs")),
        sa.UniqueConstraint(
            "merchant_id",
            "order_id",
            "automation_id",
            "trigger",
            name=op.f("uq_runs_merchant_id_order_id_automation_id_trigger"),
        ),
    )
    op.create_index(
        op.f("ix_runs_merchant_id_created_at_id"),
        "runs",
        ["merchant_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_runs_merchant_id_message_id"), "runs", ["merchant_id", "message_id"], unique=False
    )
    protect("channels")
    protect("counters")
    protect("customers")
    protect("media")
    protect("memberships")
    protect("message_templates")
    protect("pipelines")
    protect("products")
    protect("warehouses")
    protect("addresses")
    protect("channel_events")
    protect("phones")
    protect("stages")
    protect("variants")
    protect("whatsapp_identities")
    protect("automations")
    protect("conversations")
    protect("stock_levels")
    protect("transitions")
    protect("activities")
    protect("automation_buttons")
    protect("orders")
    protect("read_marks")
    protect("entries", allowed=LEDGER)
    protect("messages")
    protect("order_lines")
    protect("price_adjustments", allowed=LEDGER)
    protect("attempts")
    protect("charges")
    protect("message_statuses")
    protect("movements", allowed=LEDGER)
    protect("runs")
    protect("merchants", allowed="SELECT, UPDATE", column="id")
    for table in ("users", "login_sessions", "envelopes", "rate_cards"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO wasl_house")
    op.execute("GRANT SELECT ON rate_cards TO wasl_app")
    op.execute("GRANT SELECT ON alembic_version TO wasl_app, wasl_house")


def downgrade() -> None:
    op.drop_index(op.f("ix_runs_merchant_id_message_id"), table_name="runs")
    op.drop_index(op.f("ix_runs_merchant_id_created_at_id"), table_name="runs")
    op.drop_table("runs")
    op.drop_index(op.f("ix_movements_merchant_id_variant_id_at"), table_name="movements")
    op.drop_table("movements")
    op.drop_index(op.f("ix_message_statuses_merchant_id_message_id"), table_name="message_statuses")
    op.drop_table("message_statuses")
    op.drop_index(op.f("ix_charges_merchant_id_order_id"), table_name="charges")
    op.drop_index(op.f("ix_charges_merchant_id_month"), table_name="charges")
    op.drop_index(op.f("ix_charges_merchant_id_message_id"), table_name="charges")
    op.drop_table("charges")
    op.drop_table("attempts")
    op.drop_index(op.f("ix_price_adjustments_merchant_id_order_id"), table_name="price_adjustments")
    op.drop_table("price_adjustments")
    op.drop_index(op.f("ix_order_lines_merchant_id_variant_id"), table_name="order_lines")
    op.drop_index(op.f("ix_order_lines_merchant_id_order_id_position"), table_name="order_lines")
    op.drop_table("order_lines")
    op.drop_index(
        "ix_messages_unfinished",
        table_name="messages",
        postgresql_where=sa.text("sending IN ('queued', 'claimed', 'waiting')"),
    )
    op.drop_index(
        "ix_messages_troubled",
        table_name="messages",
        postgresql_where=sa.text("sending IN ('uncertain', 'failed', 'held')"),
    )
    op.drop_index("ix_messages_thread", table_name="messages")
    op.drop_index(
        "ix_messages_outbox",
        table_name="messages",
        postgresql_where=sa.text("sending IN ('queued', 'claimed', 'waiting')"),
    )
    op.drop_index(op.f("ix_messages_merchant_id_order_id"), table_name="messages")
    op.drop_table("messages")
    op.drop_index(op.f("ix_entries_merchant_id_order_id_seq"), table_name="entries")
    op.drop_table("entries")
    op.drop_index(
        "ix_read_marks_outbox",
        table_name="read_marks",
        postgresql_where=sa.text("sending IN ('queued', 'claimed', 'waiting')"),
    )
    op.drop_table("read_marks")
    op.drop_index(op.f("ix_orders_merchant_id_customer_id"), table_name="orders")
    op.drop_index(op.f("ix_orders_merchant_id_conversation_id"), table_name="orders")
    op.drop_index("ix_orders_board", table_name="orders")
    op.drop_table("orders")
    op.drop_table("automation_buttons")
    op.drop_index(op.f("ix_activities_merchant_id_conversation_id_at"), table_name="activities")
    op.drop_table("activities")
    op.drop_table("transitions")
    op.drop_table("stock_levels")
    op.drop_index(
        "ix_conversations_unread",
        table_name="conversations",
        postgresql_where=sa.text("unread > 0"),
    )
    op.drop_index(
        "ix_conversations_unanswered",
        table_name="conversations",
        postgresql_where=sa.text("last_direction = 'in'"),
    )
    op.drop_index("ix_conversations_recent", table_name="conversations")
    op.drop_index(op.f("ix_conversations_merchant_id_identity_id"), table_name="conversations")
    op.drop_index("ix_conversations_assignee", table_name="conversations")
    op.drop_table("conversations")
    op.drop_index(op.f("ix_automations_merchant_id_stage_id"), table_name="automations")
    op.drop_table("automations")
    op.drop_index("uq_identities_wa_id", table_name="whatsapp_identities")
    op.drop_index("uq_identities_user_id", table_name="whatsapp_identities")
    op.drop_index(
        op.f("ix_whatsapp_identities_merchant_id_customer_id"), table_name="whatsapp_identities"
    )
    op.drop_index(
        "ix_identities_reversed",
        table_name="whatsapp_identities",
        postgresql_ops={"reversed_digits": "text_pattern_ops"},
    )
    op.drop_table("whatsapp_identities")
    op.drop_index(op.f("ix_variants_merchant_id_product_id"), table_name="variants")
    op.drop_table("variants")
    op.drop_index(op.f("ix_stages_merchant_id_pipeline_id_position"), table_name="stages")
    op.drop_table("stages")
    op.drop_index(
        "ix_phones_reversed",
        table_name="phones",
        postgresql_ops={"reversed_digits": "text_pattern_ops"},
    )
    op.drop_index(op.f("ix_phones_merchant_id_e164"), table_name="phones")
    op.drop_index(op.f("ix_phones_merchant_id_customer_id"), table_name="phones")
    op.drop_table("phones")
    op.drop_index(op.f("ix_channel_events_merchant_id_at"), table_name="channel_events")
    op.drop_table("channel_events")
    op.drop_index(op.f("ix_addresses_merchant_id_customer_id"), table_name="addresses")
    op.drop_table("addresses")
    op.drop_table("warehouses")
    op.drop_table("products")
    op.drop_table("pipelines")
    op.drop_table("message_templates")
    op.drop_index(op.f("ix_memberships_user_id"), table_name="memberships")
    op.drop_table("memberships")
    op.drop_table("media")
    op.drop_index(op.f("ix_login_sessions_user_id"), table_name="login_sessions")
    op.drop_table("login_sessions")
    op.drop_table("customers")
    op.drop_table("counters")
    op.drop_index("uq_channels_phone_number_id", table_name="channels")
    op.drop_index(op.f("ix_channels_waba_id"), table_name="channels")
    op.drop_table("channels")
    op.drop_index("uq_users_email", table_name="users")
    op.drop_table("users")
    op.drop_table("rate_cards")
    op.drop_table("merchants")
    op.drop_index("uq_envelopes_sha256", table_name="envelopes")
    op.drop_index(
        "ix_envelopes_new", table_name="envelopes", postgresql_where=sa.text("state = 'new'")
    )
    op.drop_table("envelopes")
