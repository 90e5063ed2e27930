"""The tables of a workspace in the embedded DuckDB: its file, data files, views and our own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import duckdb

from boardpack import asof
from boardpack.connections import Table
from boardpack.errors import SourceError, WorkspaceError
from boardpack.sources import Mapped, Source
from boardpack.sql_texts import quoted, quoted_text
from boardpack.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


def attach(
    con: duckdb.DuckDBPyConnection, workspace: Workspace, *, keep_on: bool = False
) -> dict[str, Table]:
    """Make every raw table of the workspace readable by its own name.

    With ``keep_on`` one that cannot be read is told when a source wants it.
    """
    con.execute("CREATE SCHEMA slice; CREATE SCHEMA raw; SET search_path = 'raw,main'")
    # A select of a mapping means the same whatever the machine's own zone.
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    con.execute(f"SET file_search_path = {quoted_text(str(workspace.root))}")
    settings = workspace.settings.warehouse
    config = workspace.root / "boardpack.yml"
    names: dict[str, Table] = {}
    if settings.duckdb is not None:
        path = workspace.inside(settings.duckdb, "the warehouse")
        if not path.is_file():
            raise WorkspaceError(
                f"the warehouse {settings.duckdb} is not there.",
                file=config,
                hint="`boardpack demo` makes the demo company's; or name your own DuckDB file",
            )
        try:
            con.execute(f"ATTACH {quoted_text(str(path))} AS warehouse (READ_ONLY)")
        except duckdb.Error as error:
            raise WorkspaceError(
                f"the warehouse {settings.duckdb} cannot be opened: {first_line(error)}",
                file=config,
            ) from None
        rows = con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'warehouse'"
            " UNION ALL SELECT schema_name, view_name FROM duckdb_views()"
            " WHERE database_name = 'warehouse' AND NOT internal"
        ).fetchall()
        places: dict[str, list[str]] = {}
        for schema, table in sorted(rows):
            places.setdefault(table, []).append(f"warehouse.{quoted(schema)}.{quoted(table)}")
        for table, found in places.items():
            broken = "" if len(found) == 1 else f"it is in several schemas, as {found}"
            try:
                if not broken:
                    con.execute(f"CREATE VIEW raw.{quoted(table)} AS SELECT * FROM {found[0]}")
            except duckdb.Error as error:
                broken = first_line(error)
            # A view of a view is bound twice by every statement.
            names[table] = Table(found[0], broken)
    made: list[tuple[str, Callable[[], str]]] = [
        (name, partial(_of_file, workspace, name, relative))
        for name, relative in settings.files.items()
    ]
    made += [
        (name, partial(str, f'CREATE TABLE raw."{name}" AS {sql}'))
        for name, sql in settings.views.items()
    ]
    for name, statement in made:
        native = f"raw.{quoted(name)}"
        try:
            _make(con, statement(), config, name)
            names[name] = Table(native)
        except SourceError as error:
            if not keep_on:
                raise
            names[name] = Table(native, error.message)
    return names


def _of_file(workspace: Workspace, name: str, relative: str) -> str:
    kind = "VIEW" if relative.endswith(".parquet") else "TABLE"
    return f'CREATE {kind} raw."{name}" AS SELECT * FROM {reader(workspace, relative)}'


def reader(workspace: Workspace, relative: str) -> str:
    """What reads a data file of the workspace; `SourceError` where there is nothing to read."""
    path = workspace.inside(relative, "the data file")
    if not path.is_file():
        raise SourceError(
            f"the data file {relative} is not there.", file=workspace.root / "boardpack.yml"
        )
    if path.stat().st_size == 0:
        raise SourceError(f"the data file {relative} is empty.", file=path)
    if path.suffix == ".parquet":
        return f"read_parquet({quoted_text(str(path))})"
    return f"read_csv({quoted_text(str(path))})"


def _make(con: duckdb.DuckDBPyConnection, sql: str, file: Path, what: str) -> None:
    try:
        con.execute(sql)
    except duckdb.Error as error:
        raise SourceError(
            f"table {what!r} cannot be read: {first_line(error)}", file=file
        ) from None


def fill(con: duckdb.DuckDBPyConnection, source: Source, rows: pd.DataFrame) -> str:
    """Make the table of a source of Boardpack's own, or make it anew; returns its name."""
    table = f"own.{quoted(source.id)}"
    columns = ", ".join(
        f'CAST("{c.name}" AS {c.sql_type}) AS "{c.name}"'
        for c in source.columns.values()
        if c.name in rows
    )
    # A cursor of its own: rows that somebody has not fetched to the end stay theirs.
    with con.cursor() as cursor:
        cursor.register("own_rows", rows)
        cursor.execute("CREATE SCHEMA IF NOT EXISTS own")
        cursor.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {columns} FROM own_rows")
        cursor.unregister("own_rows")
    return table


def create_view(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    base: str,
    as_of: date,
    zone: ZoneInfo,
    mapped: Mapped | None,
) -> tuple[dict[str, str], str | None]:
    """Make the view of a source; returns the columns that its table really has, with types.

    Beside them `asof.later`, a select of the rows that lie after the as-of.
    """
    file = mapped.file if mapped else source.file
    line = mapped.line if mapped else None
    try:
        found = {
            row[0]: str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {base}").fetchall()
        }
        empty = con.execute(f"SELECT 1 FROM {base} LIMIT 1").fetchone() is None
    except duckdb.Error as error:
        raise SourceError(
            f"source {source.id!r} cannot be read: {first_line(error)}", file=file, line=line
        ) from None
    if empty and not base.startswith(("given.", "own.")):
        raise asof.no_rows(source, file, line)
    known = asof.select(source, base, found, as_of, zone, file, line)
    con.execute(f'CREATE VIEW slice."{source.id}" AS {known}')
    return found, asof.later(source, base, found, as_of, zone, file, line)


def first_line(error: Exception) -> str:
    """What DuckDB says, without where in the statement."""
    return str(error).strip().splitlines()[0]
