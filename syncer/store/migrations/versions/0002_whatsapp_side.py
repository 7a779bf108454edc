"""whatsapp side"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stopped_reason", sa.Text(), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sends_by", sa.Text(), server_default="auto", nullable=False),
        sa.Column("sends_by_who", sa.Text(), nullable=True),
        sa.Column("sends_by_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index("uq_alerts_open", "alerts", ["key"], unique=True, postgresql_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "contact_joins",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kept_id", sa.BigInteger(), nullable=False),
        sa.Column("absorbed_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kept", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("absorbed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("moved", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("conversations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_joins")),
    )
    op.create_index("ix_contact_joins_absorbed", "contact_joins", ["absorbed_id"], unique=False)
    op.create_index("ix_contact_joins_kept", "contact_joins", ["kept_id"], unique=False)
    op.create_table(
        "doors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("missed_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_doors")),
    )
    op.create_table(
        "numbers",
        sa.Column("phone_number_id", sa.Text(), nullable=False),
        sa.Column("display_phone_number", sa.Text(), server_default="", nullable=False),
        sa.Column("verified_name", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), server_default="", nullable=False),
        sa.Column("quality", sa.Text(), server_default="UNKNOWN", nullable=False),
        sa.Column("name_status", sa.Text(), server_default="", nullable=False),
        sa.Column("code_verification_status", sa.Text(), server_default="", nullable=False),
        sa.Column("throughput", sa.Text(), server_default="", nullable=False),
        sa.Column("messaging_limit", sa.BigInteger(), nullable=True),
        sa.Column("can_send", sa.Text(), server_default="", nullable=False),
        sa.Column("on_business_app", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("well_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.Column("exhausted_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exhausted_reason", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("phone_number_id", name=op.f("pk_numbers")),
    )
    op.create_table(
        "reached",
        sa.Column("contact_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_reached")),
    )
    op.create_index("ix_reached_at", "reached", ["reached_at"], unique=False)
    op.create_table(
        "template_pulls",
        sa.Column("one", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_template_pulls")),
    )
    op.create_table(
        "templates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("template_id", sa.Text(), server_default="", nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("previous_category", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("quality", sa.Text(), server_default="UNKNOWN", nullable=False),
        sa.Column("parameter_format", sa.Text(), server_default="POSITIONAL", nullable=False),
        sa.Column("components", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("listed", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quality_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("category_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pulled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_reason", sa.Text(), nullable=True),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("strikes", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
        sa.UniqueConstraint("name", "language", name=op.f("uq_templates_name_language")),
    )
    op.create_index("ix_templates_template_id", "templates", ["template_id"], unique=False)
    op.create_table(
        "former_identities",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_former_identities_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_identities")),
    )
    op.create_index("ix_former_identities_contact_id", "former_identities", ["contact_id"], unique=False)
    op.create_table(
        "media",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("phone_number_id", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Text(), nullable=False),
        sa.Column("mime_type", sa.Text(), server_default="", nullable=False),
        sa.Column("filename", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claimed_by", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_media_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("message_id", name=op.f("uq_media_message_id")),
    )
    op.create_index(
        "ix_media_held", "media", ["lease_until"], unique=False, postgresql_where=sa.text("state = 'claimed'")
    )
    op.create_index("ix_media_ready", "media", ["id"], unique=False, postgresql_where=sa.text("state = 'pending'"))
    op.add_column("campaigns", sa.Column("asked_language", sa.Text(), nullable=True))
    op.add_column("campaigns", sa.Column("held_reason", sa.Text(), nullable=True))
    op.add_column(
        "early_statuses", sa.Column("price", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True)
    )
    op.add_column(
        "early_statuses",
        sa.Column("recipient", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    )
    op.add_column("messages", sa.Column("played_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("price_category", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("price_type", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("billable", sa.Boolean(), nullable=True))
    op.add_column("messages", sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("origin", sa.Text(), nullable=True))
    op.add_column("outgoing", sa.Column("reply_to", sa.Text(), nullable=True))
    op.add_column(
        "outgoing", sa.Column("fallback", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True)
    )
    op.add_column(
        "outgoing", sa.Column("replaced", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True)
    )
    op.create_index(
        "ix_outgoing_replaced",
        "outgoing",
        ["contact_id"],
        unique=False,
        postgresql_where=sa.text("replaced IS NOT NULL"),
    )
    op.create_index(
        "ix_outgoing_template_failed",
        "outgoing",
        ["settled_at"],
        unique=False,
        postgresql_where=sa.text("kind = 'template' AND state = 'failed'"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_outgoing_template_failed",
        table_name="outgoing",
        postgresql_where=sa.text("kind = 'template' AND state = 'failed'"),
    )
    op.drop_index("ix_outgoing_replaced", table_name="outgoing", postgresql_where=sa.text("replaced IS NOT NULL"))
    op.drop_column("outgoing", "replaced")
    op.drop_column("outgoing", "fallback")
    op.drop_column("outgoing", "reply_to")
    op.drop_column("messages", "origin")
    op.drop_column("messages", "revoked_at")
    op.drop_column("messages", "edited_at")
    op.drop_column("messages", "billable")
    op.drop_column("messages", "price_type")
    op.drop_column("messages", "price_category")
    op.drop_column("messages", "played_at")
    op.drop_column("early_statuses", "recipient")
    op.drop_column("early_statuses", "price")
    op.drop_column("campaigns", "held_reason")
    op.drop_column("campaigns", "asked_language")
    op.drop_index("ix_media_ready", table_name="media", postgresql_where=sa.text("state = 'pending'"))
    op.drop_index("ix_media_held", table_name="media", postgresql_where=sa.text("state = 'claimed'"))
    op.drop_table("media")
    op.drop_index("ix_former_identities_contact_id", table_name="former_identities")
    op.drop_table("former_identities")
    op.drop_index("ix_templates_template_id", table_name="templates")
    op.drop_table("templates")
    op.drop_table("template_pulls")
    op.drop_index("ix_reached_at", table_name="reached")
    op.drop_table("reached")
    op.drop_table("numbers")
    op.drop_table("doors")
    op.drop_index("ix_contact_joins_kept", table_name="contact_joins")
    op.drop_index("ix_contact_joins_absorbed", table_name="contact_joins")
    op.drop_table("contact_joins")
    op.drop_index("uq_alerts_open", table_name="alerts", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_table("alerts")
    op.drop_table("account")
