"""contacts at a million"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "contact_sources",
        sa.Column("stamps", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("contact_sources", sa.Column("said_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("contact_sources", sa.Column("apart", sa.Boolean(), server_default="false", nullable=False))
    op.add_column(
        "contacts", sa.Column("edits", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("contacts", "edits")
    op.drop_column("contact_sources", "apart")
    op.drop_column("contact_sources", "said_at")
    op.drop_column("contact_sources", "stamps")
