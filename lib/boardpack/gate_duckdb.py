"""The slice's open DuckDB connection as SQLAlchemy wants a database, for Great Expectations alone.

Great Expectations reads the rows of a result after the connection went back to its pool, where
DuckDB has dropped them; here a cursor keeps its rows. The connection is lent: nothing closes it,
and nothing begins a transaction that somebody else would find open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.pool import StaticPool


class LentConnection:
    """A DuckDB connection to use and not to close; ``statements`` is the SQL sent so far."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.statements: list[str] = []

    def cursor(self) -> _Cursor:
        """A cursor of its own rows."""
        return _Cursor(self)

    def commit(self) -> None:
        """Nothing was begun."""

    def rollback(self) -> None:
        """Nothing was begun."""

    def close(self) -> None:
        """It goes back as it came."""


class _Cursor:
    rowcount = -1
    arraysize = 1

    def __init__(self, connection: LentConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._connection.statements.append(sql)
        con = self._connection.con.execute(sql, list(parameters))
        self.description = con.description
        self._rows = con.fetchall() if self.description else []

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
    Error = duckdb.Error


class _Dialect(PGDialect):
    """DuckDB reads PostgreSQL's SQL, save what Great Expectations asks of PostgreSQL by its name.

    With that name it would send ``~``, which in DuckDB matches the whole text and not a part of it.
    """

    name = "duckdb"
    supports_statement_cache = False


def engine_on(connection: LentConnection) -> Engine:
    """An SQLAlchemy engine whose only connection is this one."""
    lent: Any = connection
    dialect: Any = _Dialect
    return Engine(StaticPool(lambda: lent), dialect(dbapi=_Driver), make_url("duckdb://"))
