"""Versions of a ledger and its rows, notes on events, payloads that may be dropped.

Rows that stand already bear the version 1; the former release writes on without moving it, which
is no worse than before.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

LEDGER = ('subscriptions', 'payments', 'project_totals')
DROPPABLE = sa.text("state = 'processed' AND payload IS NOT NULL")


def upgrade() -> None:
    for table in LEDGER:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(
                sa.Column('version', sa.BigInteger(), nullable=False, server_default='1')
            )
    with op.batch_alter_table('webhook_events', schema=None) as batch_op:
        batch_op.add_column(sa.Column('note', sa.String(length=500), nullable=True))
        batch_op.alter_column('payload', existing_type=sa.Text(), nullable=True)
        batch_op.create_index(
            'ix_webhook_events_payload', ['processed_at'], unique=False,
            postgresql_where=DROPPABLE, sqlite_where=DROPPABLE,
        )


def downgrade() -> None:
    op.execute("UPDATE webhook_events SET payload = '{}' WHERE payload IS NULL")
    with op.batch_alter_table('webhook_events', schema=None) as batch_op:
        batch_op.drop_index('ix_webhook_events_payload')
        batch_op.alter_column('payload', existing_type=sa.Text(), nullable=False)
        batch_op.drop_column('note')
    for table in reversed(LEDGER):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column('version')
