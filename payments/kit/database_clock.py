"""The database's clock, for moments that several hosts compare: leases and due times.

Hosts disagree by some tenths of a second, now and then by a minute. A row that is due by the clock
of one must not be early by the clock of another, nor its lease lapsed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from payments.kit import clock

MOMENT = sa.DateTime(timezone=True)


def _read_replaced() -> datetime | None:
    return clock.now() if clock.is_replaced() else None


class DatabaseNow(FunctionElement[datetime]):
    """The moment at which a statement runs, as a default of columns.

    PostgreSQL reads its own clock, SQLite is asked by one host and takes that one's. A clock that a
    test has replaced outranks both.
    https://www.postgresql.org/docs/current/functions-datetime.html#FUNCTIONS-DATETIME-CURRENT
    """

    type = MOMENT
    inherit_cache = True

    def __init__(self) -> None:
        # Read when a statement is executed, not when it is compiled.
        ours = sa.bindparam("now", callable_=clock.now, type_=MOMENT, unique=True)
        replaced = sa.bindparam("replaced", callable_=_read_replaced, type_=MOMENT, unique=True)
        super().__init__(ours, replaced)


@compiles(DatabaseNow)
def _compile_on_one_host(element: DatabaseNow, compiler: SQLCompiler, **options: Any) -> str:
    ours, _ = element.clauses
    return str(compiler.process(ours, **options))


@compiles(DatabaseNow, "postgresql")
def _compile_on_a_server(element: DatabaseNow, compiler: SQLCompiler, **options: Any) -> str:
    _, replaced = element.clauses
    return f"COALESCE({compiler.process(replaced, **options)}, statement_timestamp())"


def read_clock(*, of_server: bool) -> Any:
    """Return the present moment for a statement: SQL of the server's clock, or our own clock's."""
    if of_server and not clock.is_replaced():
        return sa.func.statement_timestamp(type_=MOMENT)
    return clock.now()
