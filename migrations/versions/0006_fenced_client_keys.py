"""Client keys: a fence for each claim, a random reference for each request.

Rows that stand already, and those that the former release writes meanwhile, keep no reference:
they go by the name that release gave them, which their charges and refunds hold.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('idempotent_requests', schema=None) as batch_op:
        batch_op.add_column(sa.Column('fence', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('reference', sa.String(length=32), nullable=True))
        batch_op.create_unique_constraint(batch_op.f('uq_idempotent_requests_reference'), ['reference'])


def downgrade() -> None:
    with op.batch_alter_table('idempotent_requests', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_idempotent_requests_reference'), type_='unique')
        batch_op.drop_column('reference')
        batch_op.drop_column('fence')
