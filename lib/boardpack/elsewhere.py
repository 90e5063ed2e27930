"""Tables that an engine other than the embedded DuckDB has: PostgreSQL or Spark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from zoneinfo import ZoneInfo

from boardpack import asof
from boardpack.connections import Connection, QueryError, Table
from boardpack.errors import SourceError, WorkspaceError
from boardpack.sources import Mapped, Source, Sources
from boardpack.sql_dialects import Dialect
from boardpack.sql_kinds import of_type
from boardpack.translation import Relation, quoted, translate
from boardpack.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

#: What a select over a table calls it, until `translation` puts the table in its place.
_RAW = 'raw."{}"'


def connect(workspace: Workspace) -> Connection:
    """Connect to the PostgreSQL or Spark that ``boardpack.yml`` names.

    Raises `WorkspaceError` when it cannot be reached or what it takes is not installed.
    """
    settings = workspace.settings.warehouse
    file = workspace.root / "boardpack.yml"
    try:
        if settings.postgres is not None:
            from boardpack import postgres

            return postgres.connect(settings.postgres, settings.password_variable, file)
        from boardpack import spark

        return spark.connect(str(settings.spark), workspace.root, file)
    except ModuleNotFoundError as error:
        extra = "postgres" if settings.postgres is not None else "spark"
        if (error.name or "").partition(".")[0] not in ("psycopg", "pyspark"):
            raise
        raise WorkspaceError(
            f"a warehouse of {extra} takes a package that is not installed: {error.name}.",
            file=file,
            hint=f"pip install 'boardpack[{extra}]'",
        ) from None


def views(
    connection: Connection,
    workspace: Workspace,
    declared: Sources,
    as_of: date,
    wanted: Iterable[str],
    *,
    broken: dict[str, SourceError] | None = None,
) -> tuple[dict[str, Relation], dict[str, frozenset[str]], dict[str, Relation]]:
    """What the wanted sources are in an engine, and the optional columns that each lacks.

    Beside them the rows of each source that were recorded by the as-of and lie after it.
    A source that is not connected is in neither. Raises `SourceError` for a table that is empty,
    lacks a column or has one of a wrong type; the connection is then closed. With ``broken`` such
    an error stands there instead.
    """
    relations: dict[str, Relation] = {}
    absent: dict[str, frozenset[str]] = {}
    later: dict[str, Relation] = {}
    try:
        tables = connection.tables()
        for name in sorted(set(wanted)):
            source, mapped = declared[name], declared.mappings.get(name)
            try:
                found = _view(connection, source, mapped, tables, as_of, workspace.zone)
            except SourceError as error:
                if broken is None:
                    raise
                broken[name] = error
                continue
            if found is not None:
                relations[name], ahead = found
                absent[name] = frozenset(source.columns) - set(relations[name].columns)
                if ahead is not None:
                    later[name] = ahead
    except BaseException:
        connection.close()
        raise
    return relations, absent, later


def _view(
    connection: Connection,
    source: Source,
    mapped: Mapped | None,
    tables: Mapping[str, Table],
    as_of: date,
    zone: ZoneInfo,
) -> tuple[Relation, Relation | None] | None:
    native = asof.base(source, mapped, tables, partial(_no_file, connection))
    if native is None:
        return None
    file, line = (mapped.file, mapped.line) if mapped else (source.file, None)
    try:
        found = connection.columns(native)
        filled = connection.rows(f"SELECT 1 FROM {native} AS t LIMIT 1")
    except QueryError as error:
        raise SourceError(
            f"source {source.id!r} cannot be read: {error}", file=file, line=line
        ) from None
    if not filled:
        raise asof.no_rows(source, file, line)
    relation = relation_of(source, native, found, as_of, zone, file, line)
    ahead = asof.later(source, _RAW.format(source.id), found, as_of, zone, file, line)
    return relation, None if ahead is None else replace(relation, select=ahead[1:-1])


def own_relation(
    connection: Connection, source: Source, rows: pd.DataFrame, as_of: date, zone: ZoneInfo
) -> Relation:
    """What stands for a source of Boardpack's own: its rows, written into each statement."""
    types = {c.name: c.sql_type for c in source.columns.values() if c.name in rows}
    casts = ", ".join(f'CAST(v."{name}" AS {type_}) AS "{name}"' for name, type_ in types.items())
    head = translate(f"SELECT {casts} FROM v", connection.dialect).rpartition("FROM")[0]
    cells = rows[list(types)].astype(object).where(rows[list(types)].notna(), None)
    written = [
        f"({', '.join(_literal(value, connection.dialect) for value in row)})"
        for row in cells.itertuples(index=False)
    ] or [f"({', '.join(['NULL'] * len(types))})"]
    names = ", ".join(quoted(name, connection.dialect) for name in types)
    where = "" if len(rows) else " WHERE FALSE"
    native = f"({head}FROM (VALUES {', '.join(written)}) AS v({names}){where})"
    return relation_of(source, native, types, as_of, zone, source.file)


def _literal(value: object, dialect: Dialect) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value).upper()
    text = str(value).replace("'", "''")
    return f"'{text}'" if dialect.name != "spark" else "'" + _for_spark(str(value)) + "'"


def _for_spark(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def prepared(
    connection: Connection, declared: Sources, relations: Mapping[str, Relation]
) -> dict[str, Relation]:
    """The same relations with their selects in the engine's own words already.

    Where many statements are sent, each is then translated without what it stands on.
    """
    found = {}
    for name, relation in relations.items():
        native = translate(
            f'SELECT * FROM slice."{name}" AS t', connection.dialect, {name: relation}
        )
        kinds = {c.name: of_type(c.sql_type) for c in declared[relation.name].columns.values()}
        select = f"SELECT * FROM {_RAW.format(relation.name)}"
        found[name] = Relation(select, relation.name, f"({native}) AS r", kinds)
    return found


def relation_of(
    source: Source,
    native: str,
    found: Mapping[str, str],
    as_of: date,
    zone: ZoneInfo,
    file: Path,
    line: int | None = None,
) -> Relation:
    """What stands for the view of a source in another engine's statements.

    ``found`` are the columns of the table ``native``, with their types in DuckDB's words.
    """
    select = asof.select(source, _RAW.format(source.id), found, as_of, zone, file, line)
    kinds = {name: of_type(type_) for name, type_ in found.items()}
    return Relation(select, source.id, native, kinds)


def _no_file(connection: Connection, mapped: Mapped) -> NoReturn:
    raise SourceError(
        f"source {mapped.source!r} is mapped to a file, which {connection.dialect.title} does not"
        " read.",
        file=mapped.file,
        line=mapped.line,
        hint="load the file into the warehouse, and name its table with table:",
    )
