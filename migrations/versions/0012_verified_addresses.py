"""Verified addresses, an outbox of mails, invitations, second factors.

Users that stand already count as verified, and so do those that the former release still makes.

Revision: 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
MOMENT = sa.DateTime(timezone=True)
ALONE = sa.text('project_id IS NULL')
PROVEN_ALONE = sa.text('project_id IS NULL AND is_email_verified')
ROLES = "role IN ('owner', 'admin', 'member')"


def upgrade() -> None:
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.add_column(
            sa.Column('is_email_verified', sa.Boolean(), nullable=False, server_default=sa.true())
        )
        batch_op.drop_index('uq_users_email_alone')
        batch_op.create_index(
            'uq_users_email_alone', ['email'], unique=True,
            postgresql_where=PROVEN_ALONE, sqlite_where=PROVEN_ALONE,
        )
    _create_outbox()
    _create_invitations()
    _create_second_factors()


def _create_outbox() -> None:
    op.create_table(
        'outgoing_mails',
        sa.Column('id', BIG, nullable=False),
        sa.Column('kind', sa.String(40), nullable=False),
        sa.Column('recipient', sa.String(254), nullable=False),
        sa.Column('user_id', sa.BigInteger(), nullable=True),
        sa.Column('project_id', sa.String(36), nullable=True),
        sa.Column('invitation_id', sa.BigInteger(), nullable=True),
        sa.Column('state', sa.String(10), nullable=False),
        sa.Column('last_error', sa.String(500), nullable=True),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('tries', sa.Integer(), nullable=False),
        sa.Column('throttled', sa.Integer(), nullable=False),
        sa.Column('fence', sa.Integer(), nullable=False),
        sa.Column('due_at', MOMENT, nullable=False),
        sa.Column('leased_until', MOMENT, nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_outgoing_mails')),
    )
    op.create_index('ix_outgoing_mails_due', 'outgoing_mails', ['state', 'due_at'])


def _create_invitations() -> None:
    op.create_table(
        'invitations',
        sa.Column('id', BIG, nullable=False),
        sa.Column('workspace_id', BIG, nullable=False),
        sa.Column('inviter_id', BIG, nullable=False),
        sa.Column('email', sa.String(254), nullable=False),
        sa.Column('role', sa.String(10), nullable=False),
        sa.Column('state', sa.String(10), nullable=False),
        sa.Column('expires_at', MOMENT, nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('updated_at', MOMENT, nullable=False),
        sa.CheckConstraint(ROLES, name=op.f('ck_invitations_role')),
        sa.ForeignKeyConstraint(
            ['workspace_id'], ['workspaces.id'], name=op.f('fk_invitations_workspace_id_workspaces')
        ),
        sa.ForeignKeyConstraint(
            ['inviter_id'], ['users.id'], name=op.f('fk_invitations_inviter_id_users')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_invitations')),
    )
    op.create_index('ix_invitations_workspace', 'invitations', ['workspace_id', 'state', 'id'])


def _create_second_factors() -> None:
    op.create_table(
        'second_factors',
        sa.Column('id', BIG, nullable=False),
        sa.Column('user_id', BIG, nullable=False),
        sa.Column('secret', sa.Text(), nullable=True),
        sa.Column('is_enabled', sa.Boolean(), nullable=False),
        sa.Column('last_step', sa.BigInteger(), nullable=False),
        sa.Column('recovery_hashes', sa.JSON(), nullable=False),
        sa.Column('failures', sa.Integer(), nullable=False),
        sa.Column('retry_at', MOMENT, nullable=True),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('updated_at', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ['user_id'], ['users.id'], name=op.f('fk_second_factors_user_id_users')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_second_factors')),
        sa.UniqueConstraint('user_id', name=op.f('uq_second_factors_user_id')),
    )


def downgrade() -> None:
    op.drop_table('second_factors')
    op.drop_table('invitations')
    op.drop_table('outgoing_mails')
    # The former index knows no unproven accounts: of an address one keeps it, the proven first.
    op.execute("""
        UPDATE users SET is_active = false, email = 'released-' || uuid || '@released.invalid'
        WHERE project_id IS NULL AND NOT is_email_verified AND EXISTS (
            SELECT 1 FROM users AS other
            WHERE other.email = users.email AND other.project_id IS NULL
            AND (other.is_email_verified OR other.id < users.id)
        )
    """)
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.drop_index('uq_users_email_alone')
        batch_op.create_index(
            'uq_users_email_alone', ['email'], unique=True,
            postgresql_where=ALONE, sqlite_where=ALONE,
        )
        batch_op.drop_column('is_email_verified')
