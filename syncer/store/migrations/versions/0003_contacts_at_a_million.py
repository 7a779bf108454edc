"""contacts at a million"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contact_conflicts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("crm", sa.Text(), nullable=False),
        sa.Column("crm_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("base", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("ours", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("theirs", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("kept", sa.Text(), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("settled_as", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_conflicts")),
    )
    op.create_index("ix_contact_conflicts_contact_id", "contact_conflicts", ["contact_id"], unique=False)
    op.create_index(
        "uq_contact_conflicts_open",
        "contact_conflicts",
        ["crm", "crm_id", "field"],
        unique=True,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "departed_sources",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("crm", sa.Text(), nullable=False),
        sa.Column("crm_id", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.Column("departed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departed_sources")),
    )
    op.create_index("ix_departed_sources_contact_id", "departed_sources", ["contact_id"], unique=False)
    op.create_index("ix_departed_sources_row", "departed_sources", ["crm", "crm_id"], unique=False)
    op.create_table(
        "erasures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("files", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_table(
        "merge_suggestions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("one_id", sa.BigInteger(), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("score", sa.Numeric(precision=3, scale=2), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.CheckConstraint("one_id < other_id", name="ck_merge_suggestions_in_order"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_suggestions")),
        sa.UniqueConstraint("one_id", "other_id", name=op.f("uq_merge_suggestions_one_id_other_id")),
    )
    op.create_index("ix_merge_suggestions_other_id", "merge_suggestions", ["other_id"], unique=False)
    op.create_table(
        "row_separations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("crm", sa.Text(), nullable=False),
        sa.Column("crm_id", sa.Text(), nullable=False),
        sa.Column("kept_id", sa.BigInteger(), nullable=False),
        sa.Column("apart_id", sa.BigInteger(), nullable=False),
        sa.Column("kept_before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kept_after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("apart", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("separated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_row_separations")),
    )
    op.create_index("ix_row_separations_apart", "row_separations", ["apart_id"], unique=False)
    op.create_index("ix_row_separations_kept", "row_separations", ["kept_id"], unique=False)
    op.create_table(
        "sync_seen",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=True),
        sa.Column("crm_id", sa.Text(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_sync_seen_batch", "sync_seen", ["run_id", "batch"], unique=False)
    op.create_table(
        "erased_identifiers",
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("erasure_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasures.id"], name=op.f("fk_erased_identifiers_erasure_id")),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_erased_identifiers")),
    )
    op.create_table(
        "opt_ins",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("outgoing_id", sa.BigInteger(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="asked", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["outgoing_id"], ["outgoing.id"], name=op.f("fk_opt_ins_outgoing_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opt_ins")),
    )
    op.create_index("ix_opt_ins_outgoing_id", "opt_ins", ["outgoing_id"], unique=True)
    op.add_column("contact_joins", sa.Column("by", sa.Text(), nullable=True))
    op.add_column("contact_joins", sa.Column("undone_by", sa.Text(), nullable=True))
    op.add_column(
        "contact_sources",
        sa.Column("stamps", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("contact_sources", sa.Column("said_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("contact_sources", sa.Column("writing", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("contact_sources", sa.Column("apart", sa.Boolean(), server_default="false", nullable=False))
    op.create_index(
        "ix_contact_sources_email",
        "contact_sources",
        [sa.literal_column("(fields ->> 'email')")],
        unique=False,
        postgresql_where=sa.text("(fields ->> 'email') IS NOT NULL"),
    )
    op.create_index(
        "ix_contact_sources_same_as",
        "contact_sources",
        [sa.literal_column("(fields ->> 'same_as')")],
        unique=False,
        postgresql_where=sa.text("(fields ->> 'same_as') IS NOT NULL"),
    )
    op.add_column(
        "contacts", sa.Column("edits", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False)
    )
    op.drop_index(op.f("ix_contacts_phone"), table_name="contacts")
    op.add_column("sync_runs", sa.Column("stage", sa.Text(), server_default="pages", nullable=False))
    op.add_column(
        "sync_runs", sa.Column("lost", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("sync_runs", "lost")
    op.drop_column("sync_runs", "stage")
    op.create_index(op.f("ix_contacts_phone"), "contacts", ["phone"], unique=False)
    op.drop_column("contacts", "edits")
    op.drop_index(
        "ix_contact_sources_same_as",
        table_name="contact_sources",
        postgresql_where=sa.text("(fields ->> 'same_as') IS NOT NULL"),
    )
    op.drop_index(
        "ix_contact_sources_email",
        table_name="contact_sources",
        postgresql_where=sa.text("(fields ->> 'email') IS NOT NULL"),
    )
    op.drop_column("contact_sources", "apart")
    op.drop_column("contact_sources", "writing")
    op.drop_column("contact_sources", "said_at")
    op.drop_column("contact_sources", "stamps")
    op.drop_column("contact_joins", "undone_by")
    op.drop_column("contact_joins", "by")
    op.drop_index("ix_opt_ins_outgoing_id", table_name="opt_ins")
    op.drop_table("opt_ins")
    op.drop_table("erased_identifiers")
    op.drop_index("ix_sync_seen_batch", table_name="sync_seen")
    op.drop_table("sync_seen")
    op.drop_index("ix_row_separations_kept", table_name="row_separations")
    op.drop_index("ix_row_separations_apart", table_name="row_separations")
    op.drop_table("row_separations")
    op.drop_index("ix_merge_suggestions_other_id", table_name="merge_suggestions")
    op.drop_table("merge_suggestions")
    op.drop_table("erasures")
    op.drop_index("ix_departed_sources_row", table_name="departed_sources")
    op.drop_index("ix_departed_sources_contact_id", table_name="departed_sources")
    op.drop_table("departed_sources")
    op.drop_index(
        "uq_contact_conflicts_open", table_name="contact_conflicts", postgresql_where=sa.text("settled_at IS NULL")
    )
    op.drop_index("ix_contact_conflicts_contact_id", table_name="contact_conflicts")
    op.drop_table("contact_conflicts")
