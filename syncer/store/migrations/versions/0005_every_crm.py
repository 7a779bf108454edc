"""every crm"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("sha256", name=op.f("uq_api_keys_sha256")),
    )
    op.create_index(
        "uq_api_keys_living", "api_keys", ["name"], unique=True, postgresql_where=sa.text("revoked_at IS NULL")
    )
    op.create_table(
        "crm_breakers",
        sa.Column("crm", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("open_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("crm", name=op.f("pk_crm_breakers")),
    )
    op.create_table(
        "crm_notices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("crm", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claimed_by", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_notices")),
        sa.UniqueConstraint("crm", "kind", "record_id", name=op.f("uq_crm_notices_crm_kind_record_id")),
    )
    op.create_index(
        "ix_crm_notices_held",
        "crm_notices",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'claimed'"),
    )
    op.create_index(
        "ix_crm_notices_ready",
        "crm_notices",
        ["crm", "kind", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_crm_notices_told", "crm_notices", ["crm", "kind", "told_at"], unique=False)
    op.create_table(
        "hook_subscriptions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("target_url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("batch", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_subscriptions")),
    )
    op.create_index(
        "ix_hook_subscriptions_active",
        "hook_subscriptions",
        ["topic"],
        unique=False,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "uq_hook_subscriptions_there",
        "hook_subscriptions",
        ["owner", "event", "target_url"],
        unique=True,
        postgresql_where=sa.text("state != 'gone'"),
    )
    op.create_table(
        "idempotent_requests",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_idempotent_requests")),
    )
    op.create_index("ix_idempotent_requests_created_at", "idempotent_requests", ["created_at"], unique=False)
    op.create_table(
        "reply_polls",
        sa.Column("crm", sa.Text(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("crm", name=op.f("pk_reply_polls")),
    )
    op.create_table(
        "hook_deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claimed_by", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["hook_subscriptions.id"], name=op.f("fk_hook_deliveries_subscription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_deliveries")),
        sa.UniqueConstraint("subscription_id", "event_id", name=op.f("uq_hook_deliveries_subscription_id_event_id")),
    )
    op.create_index("ix_hook_deliveries_contact", "hook_deliveries", ["contact_id"], unique=False)
    op.create_index("ix_hook_deliveries_created", "hook_deliveries", ["created_at"], unique=False)
    op.create_index(
        "ix_hook_deliveries_line",
        "hook_deliveries",
        ["contact_id", "subscription_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('pending', 'claimed', 'waiting')"),
    )
    op.create_index(
        "ix_hook_deliveries_ready",
        "hook_deliveries",
        ["subscription_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "agent_replies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("crm", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("outgoing_id", sa.BigInteger(), nullable=True),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_agent_replies_contact_id")),
        sa.ForeignKeyConstraint(["outgoing_id"], ["outgoing.id"], name=op.f("fk_agent_replies_outgoing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_replies")),
        sa.UniqueConstraint("crm", "record_id", name=op.f("uq_agent_replies_crm_record_id")),
    )
    op.create_index("ix_agent_replies_contact", "agent_replies", ["contact_id"], unique=False)
    op.create_index("ix_agent_replies_outgoing", "agent_replies", ["outgoing_id"], unique=False)
    op.add_column("campaigns", sa.Column("fingerprint", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_contacts_said_email",
        "contacts",
        ["email"],
        unique=False,
        postgresql_where=sa.text("jsonb_exists(edits, 'email')"),
    )
    op.add_column("crm_writes", sa.Column("line", sa.Text(), server_default="person", nullable=False))
    op.create_index(
        "ix_crm_writes_contacts",
        "crm_writes",
        ["crm", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending' AND line = 'contact'"),
    )
    op.create_index(
        "ix_crm_writes_people",
        "crm_writes",
        ["crm", "contact_id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending' AND topic = 'contact'"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_crm_writes_people",
        table_name="crm_writes",
        postgresql_where=sa.text("state = 'pending' AND topic = 'contact'"),
    )
    op.drop_index(
        "ix_crm_writes_contacts",
        table_name="crm_writes",
        postgresql_where=sa.text("state = 'pending' AND line = 'contact'"),
    )
    op.drop_column("crm_writes", "line")
    op.drop_index(
        "ix_contacts_said_email", table_name="contacts", postgresql_where=sa.text("jsonb_exists(edits, 'email')")
    )
    op.drop_column("campaigns", "fingerprint")
    op.drop_index("ix_agent_replies_outgoing", table_name="agent_replies")
    op.drop_index("ix_agent_replies_contact", table_name="agent_replies")
    op.drop_table("agent_replies")
    op.drop_index(
        "ix_hook_deliveries_ready", table_name="hook_deliveries", postgresql_where=sa.text("state = 'pending'")
    )
    op.drop_index(
        "ix_hook_deliveries_line",
        table_name="hook_deliveries",
        postgresql_where=sa.text("state IN ('pending', 'claimed', 'waiting')"),
    )
    op.drop_index("ix_hook_deliveries_created", table_name="hook_deliveries")
    op.drop_index("ix_hook_deliveries_contact", table_name="hook_deliveries")
    op.drop_table("hook_deliveries")
    op.drop_table("reply_polls")
    op.drop_index("ix_idempotent_requests_created_at", table_name="idempotent_requests")
    op.drop_table("idempotent_requests")
    op.drop_index(
        "uq_hook_subscriptions_there", table_name="hook_subscriptions", postgresql_where=sa.text("state != 'gone'")
    )
    op.drop_index(
        "ix_hook_subscriptions_active", table_name="hook_subscriptions", postgresql_where=sa.text("state = 'active'")
    )
    op.drop_table("hook_subscriptions")
    op.drop_index("ix_crm_notices_told", table_name="crm_notices")
    op.drop_index("ix_crm_notices_ready", table_name="crm_notices", postgresql_where=sa.text("state = 'pending'"))
    op.drop_index("ix_crm_notices_held", table_name="crm_notices", postgresql_where=sa.text("state = 'claimed'"))
    op.drop_table("crm_notices")
    op.drop_table("crm_breakers")
    op.drop_index("uq_api_keys_living", table_name="api_keys", postgresql_where=sa.text("revoked_at IS NULL"))
    op.drop_table("api_keys")
