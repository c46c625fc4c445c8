"""Names that are unique at Stripe: an installation id, a random reference for every row.

New columns carry defaults in the database: the former release may still write meanwhile, and what
it writes is marked as legacy.

Revision: 0004, after 0003.
"""

from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

TABLES = ('workspaces', 'charges', 'refunds')
RANDOM = {
    'postgresql': "replace(gen_random_uuid()::text, '-', '')",
    'sqlite': '(lower(hex(randomblob(16))))',
}


def upgrade() -> None:
    random = sa.text(RANDOM[op.get_bind().dialect.name])
    installation = op.create_table('installation',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('installation_id', sa.String(length=32), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_installation_one_row')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_installation'))
    )
    op.bulk_insert(installation, [
        {'id': 1, 'installation_id': uuid4().hex, 'created_at': datetime.now(UTC)},
    ])
    for table in TABLES:
        # SQLite adds no column with a default that is computed, hence the copy of the table.
        with op.batch_alter_table(table, recreate='auto') as batch:
            batch.add_column(sa.Column('reference', sa.String(length=32), server_default=random,
                                       nullable=False))
            batch.add_column(sa.Column('legacy_metadata', sa.Boolean(), server_default=sa.true(),
                                       nullable=False))
            batch.create_unique_constraint(op.f(f'uq_{table}_reference'), ['reference'])
            if table == 'workspaces':
                batch.add_column(sa.Column('former_stripe_customer_id', sa.String(length=255)))
            else:
                batch.add_column(sa.Column('attention_code', sa.String(length=40)))
                batch.alter_column('error_code', type_=sa.String(length=100),
                                   existing_type=sa.String(length=60))
            if table == 'charges':
                batch.add_column(sa.Column('stripe_customer_id', sa.String(length=255)))
                batch.alter_column('decline_code', type_=sa.String(length=100),
                                   existing_type=sa.String(length=60))
    unclosed = sa.text("status = 'failed' AND uncertain")
    op.create_index('ix_charges_unclosed', 'charges', ['id'],
                    postgresql_where=unclosed, sqlite_where=unclosed)
    op.create_table('stripe_anomalies',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('stripe_id', sa.String(length=255), nullable=False),
    sa.Column('workspace_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('charge_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('status', sa.String(length=40), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=True),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('found_by', sa.String(length=80), nullable=False),
    sa.Column('found_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('resolved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('resolution', sa.String(length=20), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'],
                            name=op.f('fk_stripe_anomalies_workspace_id_workspaces')),
    sa.ForeignKeyConstraint(['charge_id'], ['charges.id'],
                            name=op.f('fk_stripe_anomalies_charge_id_charges')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stripe_anomalies')),
    sa.UniqueConstraint('kind', 'stripe_id', name=op.f('uq_stripe_anomalies_kind_stripe_id'))
    )
    for column in ('stripe_id', 'workspace_id', 'charge_id'):
        op.create_index(op.f(f'ix_stripe_anomalies_{column}'), 'stripe_anomalies', [column])
    unresolved = sa.text('resolved_at IS NULL')
    op.create_index('ix_stripe_anomalies_unresolved', 'stripe_anomalies', ['kind'],
                    postgresql_where=unresolved, sqlite_where=unresolved)
    fill_new_columns()


def fill_new_columns() -> None:
    """Write what the rows so far are known by."""
    # A charge that Stripe has never heard of goes the new way.
    op.execute("UPDATE charges SET legacy_metadata = false"
               " WHERE status = 'pending' AND first_called_at IS NULL")
    op.execute("UPDATE refunds SET legacy_metadata = false"
               " WHERE status = 'pending' AND first_called_at IS NULL")
    op.execute("UPDATE charges SET stripe_customer_id = (SELECT w.stripe_customer_id"
               " FROM workspaces w WHERE w.id = charges.workspace_id)")
    # What we gave up without Stripe's word is no refusal of Stripe's.
    for table, stripe_id in (('charges', 'stripe_payment_intent_id'),
                             ('refunds', 'stripe_refund_id')):
        op.execute(f"UPDATE {table} SET status = 'abandoned' WHERE status = 'failed'"
                   f" AND error_code = 'expired' AND {stripe_id} IS NULL")


def downgrade() -> None:
    for table in ('charges', 'refunds'):
        op.execute(f"UPDATE {table} SET status = 'failed' WHERE status = 'abandoned'")
    op.drop_table('stripe_anomalies')
    op.drop_index('ix_charges_unclosed', table_name='charges')
    for table in TABLES:
        with op.batch_alter_table(table, recreate='auto') as batch:
            batch.drop_constraint(op.f(f'uq_{table}_reference'), type_='unique')
            batch.drop_column('reference')
            batch.drop_column('legacy_metadata')
            if table == 'workspaces':
                batch.drop_column('former_stripe_customer_id')
            else:
                batch.drop_column('attention_code')
            if table == 'charges':
                batch.drop_column('stripe_customer_id')
    op.drop_table('installation')
