"""Keys that are destroyed, stored bytes that are counted, a timeline that is only added to.

Keys of configurations and projects that were switched off before get the grace of a week from now.

Revision: 0011, after 0010.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

DOOMED = sa.text('destroy_at IS NOT NULL')
FORMER = sa.text('former_webhook_secret IS NOT NULL')
SWITCHED_OFF = """
UPDATE stripe_credentials SET destroy_at = :due
WHERE project_id IN (SELECT project_id FROM stripe_configs WHERE NOT is_active)
    OR project_id IN (SELECT id FROM projects WHERE NOT is_active)
"""
COUNT = """
INSERT INTO event_storage (owner, part, bytes)
SELECT owner, 0, SUM({size}) FROM webhook_events WHERE payload IS NOT NULL GROUP BY owner
"""
SIZE = {'sqlite': 'LENGTH(CAST(payload AS BLOB))', 'postgresql': 'OCTET_LENGTH(payload)'}

# Nothing younger than a day before the least TIMELINE_RETENTION_DAYS is ever deleted: the clocks of
# service and database may differ.
MESSAGE = 'the timeline is append-only'
SQLITE = (
    f"""
    CREATE TRIGGER timeline_refuse_update BEFORE UPDATE ON timeline
    BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
    """,
    f"""
    CREATE TRIGGER timeline_refuse_delete BEFORE DELETE ON timeline
    WHEN OLD.at > strftime('%Y-%m-%d %H:%M:%S', 'now', '-30 days')
    BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
    """,
)
SQLITE_BACK = ('DROP TRIGGER timeline_refuse_update', 'DROP TRIGGER timeline_refuse_delete')
POSTGRESQL = (
    f"""
    CREATE FUNCTION refuse_timeline_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF current_setting('payments.pruning', true) = 'on'
                AND OLD.at <= statement_timestamp() - interval '30 days'
            THEN
                RETURN OLD;
            END IF;
        END IF;
        RAISE EXCEPTION '{MESSAGE}';
    END $$
    """,
    """
    CREATE TRIGGER timeline_refuse_change BEFORE UPDATE OR DELETE ON timeline
    FOR EACH ROW EXECUTE FUNCTION refuse_timeline_change()
    """,
    """
    CREATE TRIGGER timeline_refuse_truncate BEFORE TRUNCATE ON timeline
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_timeline_change()
    """,
)
POSTGRESQL_BACK = (
    'DROP TRIGGER timeline_refuse_truncate ON timeline',
    'DROP TRIGGER timeline_refuse_change ON timeline',
    'DROP FUNCTION refuse_timeline_change()',
)


def _name_database() -> str:
    return op.get_bind().dialect.name


def upgrade() -> None:
    with op.batch_alter_table('stripe_credentials', schema=None) as batch_op:
        batch_op.add_column(sa.Column('destroy_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(
            'ix_stripe_credentials_destroy', ['destroy_at'], unique=False,
            postgresql_where=DOOMED, sqlite_where=DOOMED,
        )
        batch_op.create_index(
            'ix_stripe_credentials_former', ['former_until'], unique=False,
            postgresql_where=FORMER, sqlite_where=FORMER,
        )
    due = sa.bindparam('due', datetime.now(UTC) + timedelta(days=7), sa.DateTime(timezone=True))
    op.execute(sa.text(SWITCHED_OFF).bindparams(due))
    op.create_table('event_storage',
    sa.Column('owner', sa.String(length=36), nullable=False),
    sa.Column('part', sa.SmallInteger(), nullable=False),
    sa.Column('bytes', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('owner', 'part', name=op.f('pk_event_storage'))
    )
    op.execute(COUNT.format(size=SIZE[_name_database()]))
    for statement in SQLITE if _name_database() == 'sqlite' else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    for statement in SQLITE_BACK if _name_database() == 'sqlite' else POSTGRESQL_BACK:
        op.execute(statement)
    op.drop_table('event_storage')
    with op.batch_alter_table('stripe_credentials', schema=None) as batch_op:
        batch_op.drop_index('ix_stripe_credentials_former', sqlite_where=FORMER, postgresql_where=FORMER)
        batch_op.drop_index('ix_stripe_credentials_destroy', sqlite_where=DOOMED, postgresql_where=DOOMED)
        batch_op.drop_column('destroy_at')
