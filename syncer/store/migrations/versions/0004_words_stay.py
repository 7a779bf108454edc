"""a word of consent is never changed: only whose it is may follow a join (R7, X4)"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create function consents_stay() returns trigger language plpgsql as
        $$ begin raise exception 'a word of consent is never changed'; end $$""")
    op.execute("""
        create trigger consents_stay
        before update of tier, word, at, source, proof, explicit, recorded_at on consents
        for each row execute function consents_stay()""")


def downgrade() -> None:
    op.execute("drop trigger consents_stay on consents")
    op.execute("drop function consents_stay()")
