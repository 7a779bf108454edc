"""every crm"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "crm_breakers",
        sa.Column("crm", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("open_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
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
    op.create_table(
        "reply_polls",
        sa.Column("crm", sa.Text(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("crm", name=op.f("pk_reply_polls")),
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


def downgrade() -> None:
    op.drop_index("ix_agent_replies_outgoing", table_name="agent_replies")
    op.drop_index("ix_agent_replies_contact", table_name="agent_replies")
    op.drop_table("agent_replies")
    op.drop_table("reply_polls")
    op.drop_index("ix_crm_notices_ready", table_name="crm_notices", postgresql_where=sa.text("state = 'pending'"))
    op.drop_index("ix_crm_notices_held", table_name="crm_notices", postgresql_where=sa.text("state = 'claimed'"))
    op.drop_table("crm_notices")
    op.drop_table("crm_breakers")
