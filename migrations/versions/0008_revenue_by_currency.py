"""Revenue by currency: unlike currencies are no longer added in one counter.

Filled from the payments: what succeeded, less what of it was refunded. A worker of the former
release cannot move the counters any more; its events are tried again, and the new one counts them.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

FILL = """
INSERT INTO project_revenues
    (project_id, is_test_mode, currency, owner_id, successful_payments, revenue_cents)
SELECT project_id, is_test_mode, currency, MAX(owner_id),
    SUM(CASE WHEN status = 'succeeded' THEN 1 ELSE 0 END),
    SUM(amount_cents - refunded_amount_cents)
FROM payments
WHERE status IN ('succeeded', 'partially_refunded')
GROUP BY project_id, is_test_mode, currency
"""
# As the former release counted: what was refunded in part is left out, currencies are added.
FILL_BACK = """
UPDATE project_totals SET {column} = (
    SELECT COALESCE({sum}, 0) FROM payments
    WHERE payments.project_id = project_totals.project_id
        AND payments.is_test_mode = project_totals.is_test_mode
        AND payments.status = 'succeeded'
)
"""


def upgrade() -> None:
    op.create_table('project_revenues',
    sa.Column('project_id', sa.String(length=36), nullable=False),
    sa.Column('is_test_mode', sa.Boolean(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('owner_id', sa.BigInteger(), nullable=False),
    sa.Column('successful_payments', sa.BigInteger(), nullable=False),
    sa.Column('revenue_cents', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name=op.f('fk_project_revenues_project_id_projects')),
    sa.PrimaryKeyConstraint('project_id', 'is_test_mode', 'currency', name=op.f('pk_project_revenues'))
    )
    with op.batch_alter_table('project_revenues', schema=None) as batch_op:
        batch_op.create_index('ix_project_revenues_owner', ['owner_id'], unique=False)
    op.execute(FILL)
    with op.batch_alter_table('project_totals', schema=None) as batch_op:
        batch_op.drop_column('revenue_cents')
        batch_op.drop_column('successful_payments')


def downgrade() -> None:
    with op.batch_alter_table('project_totals', schema=None) as batch_op:
        batch_op.add_column(sa.Column('successful_payments', sa.BigInteger(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('revenue_cents', sa.BigInteger(), nullable=False, server_default='0'))
    op.execute(FILL_BACK.format(column='successful_payments', sum='COUNT(*)'))
    op.execute(FILL_BACK.format(column='revenue_cents', sum='SUM(amount_cents)'))
    with op.batch_alter_table('project_totals', schema=None) as batch_op:
        batch_op.alter_column('successful_payments', server_default=None)
        batch_op.alter_column('revenue_cents', server_default=None)

    op.drop_table('project_revenues')
