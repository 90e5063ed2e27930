"""PostgreSQL as a warehouse: one connection that only reads, over one unchanging snapshot."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import conninfo, sql

from boardpack.connections import QueryError, Table
from boardpack.errors import WorkspaceError
from boardpack.sql_dialects import POSTGRES, Dialect

#: Seconds to wait for a server, where the connection string does not say.
PATIENCE = "10"

#: PostgreSQL's name of a type -> DuckDB's; any other is shown as it is.
_TYPES = {
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "numeric": "DECIMAL",
    "float4": "FLOAT",
    "float8": "DOUBLE",
    "text": "VARCHAR",
    "varchar": "VARCHAR",
    "bpchar": "VARCHAR",
    "name": "VARCHAR",
    "uuid": "UUID",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "time": "TIME",
}
_TABLES = """\
SELECT n.nspname, c.relname, pg_catalog.pg_table_is_visible(c.oid)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema'
  AND n.nspname NOT LIKE 'pg\\_%'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
ORDER BY 1, 2"""


def connect(where: str, variable: str | None, file: Path) -> Postgres:
    """Connect by a connection string without a password.

    The password is that of the environment variable ``variable``, or what libpq finds itself:
    ``PGPASSWORD``, a password file, a service. Raises `WorkspaceError`.
    """
    try:
        given = {k: str(v) for k, v in conninfo.conninfo_to_dict(where).items() if v is not None}
    except psycopg.ProgrammingError:
        raise WorkspaceError(
            "warehouse: postgres: is no connection string.",
            file=file,
            hint="write it as postgresql://reader@db.example:5432/analytics",
        ) from None
    if given.get("password"):
        raise WorkspaceError(
            "warehouse: postgres: holds a password.",
            file=file,
            hint="take it out and set PGPASSWORD, or name a variable of the environment with"
            " password_variable:",
        )
    if variable is not None:
        if not os.environ.get(variable):
            raise WorkspaceError(
                f"the environment variable {variable}, which holds the warehouse's password, is"
                " not set.",
                file=file,
            )
        given["password"] = os.environ[variable]
    given.setdefault("connect_timeout", PATIENCE)
    given.setdefault("application_name", "boardpack")
    secrets = [given.get("password", ""), os.environ.get("PGPASSWORD", "")]
    try:
        con = psycopg.connect(conninfo.make_conninfo(**given))
        con.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        con.read_only = True
        # Compiling statements this wide takes longer than running them.
        con.execute("SET SESSION TIME ZONE 'UTC'; SET jit = off")
        con.commit()
    except psycopg.Error as error:
        place = " ".join(
            f"{name}={given[name]}"
            for name in ("host", "port", "dbname", "user")
            if given.get(name)
        )
        raise WorkspaceError(
            f"PostgreSQL cannot be reached ({place or 'no host named'}):"
            f" {_one_line(error, secrets)}",
            file=file,
            hint="is the server up, and does `psql` reach it with the same settings? The password"
            " is that of PGPASSWORD, or of the variable that password_variable: names",
        ) from None
    return Postgres(con, secrets)


class Postgres:
    """An open connection in which every statement sees the same rows, until it is closed."""

    dialect: Dialect = POSTGRES

    def __init__(self, con: psycopg.Connection[Any], secrets: list[str]) -> None:
        self._con = con
        self._secrets = secrets

    def tables(self) -> Mapping[str, Table]:
        """Every table that may be read; of equal names the one on the search path counts."""
        places: dict[str, list[tuple[bool, str]]] = {}
        for schema, name, visible in self.rows(_TABLES):
            native = sql.Identifier(schema, name).as_string(self._con)
            places.setdefault(name, []).append((visible, native))
        found = {}
        for name, entries in places.items():
            seen = [native for visible, native in entries if visible] or [n for _, n in entries]
            broken = "" if len(seen) == 1 else f"it is in several schemas, as {seen}"
            found[name] = Table(seen[0], broken)
        return found

    def columns(self, native: str) -> Mapping[str, str]:
        """The columns of a table or sub-select, with their types in DuckDB's words."""
        cursor = self._send(f"SELECT * FROM {native} AS t LIMIT 0")
        found = {}
        for column in cursor.description or ():
            info = self._con.adapters.types.get(column.type_code)
            name = _TYPES.get(info.name) if info is not None else self._enumeration(column)
            if name == "DECIMAL" and column.precision is not None:
                name = f"DECIMAL({column.precision},{column.scale or 0})"
            found[column.name] = name or column.type_display
        return found

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement; its decimals as floats."""
        return [_plain(row) for row in self._send(statement).fetchall()]

    def table(
        self, statement: str, parameters: Mapping[str, Any] | None = None
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The names of the columns of a statement, and its rows; parameters as ``%(name)s``."""
        if parameters is not None:
            # Written into the text: the server could not tell the type of a parameter alone.
            statement = psycopg.ClientCursor(self._con).mogrify(statement, dict(parameters))
        cursor = self._send(statement)
        names = [column.name for column in cursor.description or ()]
        return names, [_plain(row) for row in cursor.fetchall()]

    def digest(self, statement: str) -> str:
        """How many rows, and the sum of a hash of each."""
        ((count, total),) = self._send(
            f"SELECT count(*), sum(hashtextextended(CAST(t AS TEXT), 0)) FROM ({statement}) AS t"
        ).fetchall()
        return f"{count}:{total}"

    def close(self) -> None:
        """End the snapshot and the connection."""
        self._con.close()

    def _enumeration(self, column: psycopg.Column) -> str | None:
        found = self.rows(
            f"SELECT typtype = 'e' FROM pg_catalog.pg_type WHERE oid = {column.type_code}"
        )
        return "ENUM" if found == [(True,)] else None

    def _send(self, statement: str) -> psycopg.Cursor[Any]:
        try:
            # As bytes, so that a % in it is no place for a parameter.
            return self._con.execute(statement.encode())
        except psycopg.Error as error:
            # What failed takes its transaction with it; the next statement begins another.
            if not self._con.closed:
                self._con.rollback()
            raise QueryError(_one_line(error, self._secrets)) from None


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(float(v) if isinstance(v, Decimal) else v for v in row)


def _one_line(error: psycopg.Error, secrets: list[str]) -> str:
    """The message without the statement it belongs to, and without a password, wherever it is."""
    text = (error.diag.message_primary or str(error)).strip() or type(error).__name__
    text = " ".join(line.strip() for line in text.splitlines()[:3])
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text
