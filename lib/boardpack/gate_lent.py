"""The slice's open connection as SQLAlchemy wants a database, for Great Expectations alone.

Great Expectations reads the rows of a result after the connection went back to its pool, where
DuckDB has dropped them; here a cursor keeps its rows. The connection is lent: nothing closes it,
and nothing begins a transaction that somebody else would find open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import duckdb
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.pool import StaticPool

from boardpack.connections import QueryError

if TYPE_CHECKING:
    from boardpack.postgres import Postgres


class LentConnection:
    """A DuckDB connection to use and not to close; ``statements`` is the SQL sent so far."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.statements: list[str] = []

    def read(self, sql: str, parameters: Any = ()) -> tuple[list[str], list[Any]]:
        """The names of the columns of a statement, and its rows."""
        self.statements.append(sql)
        con = self.con.execute(sql, list(parameters))
        return [column[0] for column in con.description or ()], con.fetchall()

    def cursor(self) -> _Cursor:
        """A cursor of its own rows."""
        return _Cursor(self)

    def commit(self) -> None:
        """Nothing was begun."""

    def rollback(self) -> None:
        """Nothing was begun."""

    def close(self) -> None:
        """It goes back as it came."""


class LentPostgres(LentConnection):
    """The same of a connection to PostgreSQL."""

    def __init__(self, postgres: Postgres) -> None:
        self.postgres = postgres
        self.statements = []

    def read(self, sql: str, parameters: Any = None) -> tuple[list[str], list[Any]]:
        """The names of the columns of a statement, and its rows."""
        self.statements.append(sql)
        return self.postgres.table(sql, parameters)


class _Cursor:
    rowcount = -1
    arraysize = 1

    def __init__(self, connection: LentConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        names, self._rows = self._connection.read(sql, parameters)
        self.description = [(name, *[None] * 6) for name in names]

    def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[Any]:
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[Any]:
        return self.fetchmany(len(self._rows))

    def close(self) -> None:
        pass


class _Driver:
    paramstyle = "qmark"
    Error: Any = duckdb.Error


class _DriverOfPostgres:
    paramstyle = "pyformat"
    Error: Any = QueryError


class _Dialect(PGDialect):
    """DuckDB and PostgreSQL alike, save what Great Expectations asks of PostgreSQL by its name.

    With that name it would send ``~``, which in DuckDB matches the whole text and not a part of it,
    and either engine would be asked in another way.
    """

    name = "duckdb"
    supports_statement_cache = False


def engine_on(connection: LentConnection) -> Engine:
    """An SQLAlchemy engine whose only connection is this one."""
    lent: Any = connection
    dialect: Any = _Dialect
    driver = _DriverOfPostgres if isinstance(connection, LentPostgres) else _Driver
    return Engine(StaticPool(lambda: lent), dialect(dbapi=driver), make_url("duckdb://"))
