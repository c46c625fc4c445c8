"""Subscriptions: add-ons, whether there was a trial, why a row ended; trials by project.

Rows that stand already tell of a trial only while it runs; the daily comparison sets the others.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('subscriptions', schema=None) as batch_op:
        batch_op.add_column(sa.Column('add_ons', sa.JSON(), nullable=False, server_default='[]'))
        batch_op.add_column(sa.Column('had_trial', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('ended_reason', sa.String(length=40), nullable=True))
    op.execute("UPDATE subscriptions SET had_trial = true WHERE status = 'trialing'")
    with op.batch_alter_table('stripe_configs', schema=None) as batch_op:
        batch_op.add_column(
            sa.Column('allow_repeat_trials', sa.Boolean(), nullable=False, server_default=sa.false())
        )


def downgrade() -> None:
    with op.batch_alter_table('stripe_configs', schema=None) as batch_op:
        batch_op.drop_column('allow_repeat_trials')
    with op.batch_alter_table('subscriptions', schema=None) as batch_op:
        batch_op.drop_column('ended_reason')
        batch_op.drop_column('had_trial')
        batch_op.drop_column('add_ons')
