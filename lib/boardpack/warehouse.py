"""The as-of slice: the company's tables as they were known by the end of one day.

They are in DuckDB, or in an engine that `connections` reaches; the planner writes DuckDB's SQL for
both, and what another engine is sent is translated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb

from boardpack import asof, elsewhere
from boardpack.asof import literal
from boardpack.connections import Connection, QueryError, Table
from boardpack.errors import DefinitionError, RunError, SourceError, WorkspaceError
from boardpack.sources import Mapped, Source, Sources
from boardpack.sql_dialects import Dialect
from boardpack.translation import Relation, Untranslatable, quoted, translate
from boardpack.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Slice", "Span", "data_span", "described", "literal", "local_day", "open_slice",
    "slice_of_rows",
]  # fmt: skip


@dataclass(frozen=True)
class Span:
    """The first and last day that a source has rows for, in the company's calendar."""

    first: date
    last: date


@dataclass(frozen=True)
class Slice:
    """Open tables in which every connected source is a view ``slice.<source>``.

    The views hold exactly the declared columns, and only rows whose time and ``recorded_at`` lie
    before the end of the as-of day; moments that happen later (``happens: true``) read as null.
    ``con`` is the embedded DuckDB: it has the tables too, unless ``elsewhere`` has them.
    """

    con: duckdb.DuckDBPyConnection
    as_of: date
    zone: ZoneInfo
    declared: Sources
    sources: tuple[str, ...]
    #: the optional columns that a connected table does not have, and reads as null
    absent: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: the engine that holds the tables, where it is not DuckDB
    elsewhere: Connection | None = None
    #: what the views are there
    relations: Mapping[str, Relation] = field(default_factory=dict)
    #: the sources that Boardpack filled itself, since the workspace has no table for them
    own: tuple[str, ...] = ()
    #: the columns that the table of each connected source has, with their types
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: SQL for the rows of a source that were recorded by the as-of and lie after it
    later: Mapping[str, str] = field(default_factory=dict)

    @property
    def dialect(self) -> Dialect | None:
        """The dialect of the engine that holds the tables; None for DuckDB."""
        return None if self.elsewhere is None else self.elsewhere.dialect

    def sent(self, sql: str, *, approximate: bool = False) -> str:
        """What the engine is sent for a statement in DuckDB's SQL over the views.

        Raises `DefinitionError` for one that its dialect cannot say exactly.
        """
        if self.elsewhere is None:
            return sql
        try:
            return translate(sql, self.elsewhere.dialect, self.relations, approximate=approximate)
        except Untranslatable as error:
            raise DefinitionError(
                f"a statement cannot be said exactly in {self.elsewhere.dialect.title}: {error}."
            ) from None

    def rows(self, sql: str, *, approximate: bool = False) -> list[tuple[Any, ...]]:
        """The rows of a statement in DuckDB's SQL over the views, from the engine that has them.

        Raises `RunError` with the engine's own words.
        """
        try:
            if self.elsewhere is None:
                return self.con.execute(sql).fetchall()
            return self.elsewhere.rows(self.sent(sql, approximate=approximate))
        except (duckdb.Error, QueryError) as error:
            raise RunError(_first_line(error)) from None

    def relation(self, source: str) -> str:
        """The SQL name of a connected source."""
        return f'slice."{self.declared[source].placed_of or source}"'

    def ahead(self, source: str) -> str | None:
        """SQL for the rows of a source that were recorded by the as-of and lie after it.

        They are in no view. None where nothing says when rows were recorded.
        """
        return self.later.get(source)

    def missing(self, source: str) -> tuple[str, ...]:
        """The tables that ``source`` needs and the workspace has not connected."""
        needed = self.declared.tables(source, optional=False)
        return tuple(table for table in needed if table not in self.sources)

    def lacks(self, source: str) -> frozenset[str]:
        """The optional columns that the table of a connected source does not have."""
        return self.absent.get(source, frozenset())

    def fingerprints(self, sources: Iterable[str]) -> dict[str, str]:
        """A hash of the rows of each source: equal for equal rows, whatever their order."""
        found = {}
        for source in sources:
            found[source] = fingerprint(self.declared[source], self._digest(source))
        return found

    def _digest(self, source: str) -> object:
        relation = self.relation(source)
        if self.elsewhere is not None:
            return self.elsewhere.digest(self.sent(f"SELECT * FROM {relation} AS t"))
        return self.con.execute(
            f"SELECT count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM {relation} t"
        ).fetchone()

    def refill(self, source: str) -> None:
        """Fill a source of Boardpack's own again, with what is known by now."""
        rows = self.declared.own[source](self.as_of)
        if self.elsewhere is None:
            _fill(self.con, self.declared[source], rows)
            return
        assert isinstance(self.relations, dict)
        self.relations[source] = elsewhere.own_relation(
            self.elsewhere, self.declared[source], rows, self.as_of, self.zone
        )

    def spans(self, sources: Iterable[str]) -> dict[str, Span]:
        """The days each source has rows for; a source without time or rows is left out."""
        wanted = [s for s in sources if self.declared[s].time and s in self.sources]
        if not wanted:
            return {}
        parts = []
        for source in wanted:
            # The day of the first moment, and not the first day: an engine that keeps the extremes
            # of each column knows them without looking at a row.
            table = self.declared[source]
            first, last = (local_day(table, self.zone, edge) for edge in ("first", "last"))
            parts.append(
                f"SELECT '{source}', {first}, {last} FROM (SELECT min(\"{table.time}\") AS first,"
                f' max("{table.time}") AS last FROM {self.relation(source)}) AS t'
            )
        rows = self.rows(" UNION ALL ".join(parts))
        return {name: Span(first, last) for name, first, last in rows if first is not None}

    def reach(self, sources: Iterable[str]) -> dict[str, Span]:
        """The days that the company's own data reach over; see `spans`.

        What Boardpack fills itself does not say that: it only counts where nothing else is named.
        """
        found = self.spans(sources)
        return {name: span for name, span in found.items() if name not in self.own} or found

    def close(self) -> None:
        """Let go of the warehouse."""
        self.con.close()
        if self.elsewhere is not None:
            self.elsewhere.close()


def fingerprint(source: Source, row: object) -> str:
    """The hash of a source of which ``row`` is the number of rows and the sum of their hashes."""
    text = f"{source.id}:{row}:{sorted(source.columns)}"
    return hashlib.sha256(text.encode()).hexdigest()


def open_slice(
    workspace: Workspace,
    declared: Sources,
    as_of: date,
    only: Iterable[str] | None = None,
    *,
    broken: dict[str, SourceError] | None = None,
) -> Slice:
    """Open the workspace's tables as of the end of a day.

    ``only`` names the sources wanted (all by default). Raises `WorkspaceError` for a warehouse that
    is not there and `SourceError` for a table that is empty, lacks a column or has one of a wrong
    type, with the mapping's file and line. With ``broken`` such a source is not in the slice, and
    its error stands there instead.
    """
    wanted = {name for source in (only or declared.declared) for name in declared.tables(source)}
    if workspace.settings.warehouse.elsewhere:
        connection = elsewhere.connect(workspace)
        relations, lacking, ahead = elsewhere.views(
            connection, workspace, declared, as_of, wanted, broken=broken
        )
        ours = [
            n
            for n in sorted(wanted)
            if n in declared.own and n not in {*relations, *(broken or ())}
        ]
        for name in ours:
            relations[name] = elsewhere.own_relation(
                connection, declared[name], declared.own[name](as_of), as_of, workspace.zone
            )
            lacking[name] = frozenset(declared[name].columns) - set(relations[name].columns)
        known = {
            name: {column: str(kind) for column, kind in relation.columns.items()}
            for name, relation in relations.items()
        }
        named = {name: f'slice."{name} ahead"' for name in ahead}
        relations |= {f"{name} ahead": relation for name, relation in ahead.items()}
        return Slice(
            duckdb.connect(), as_of, workspace.zone, declared, tuple(sorted(lacking)), lacking,
            connection, relations, own=tuple(ours), columns=known, later=named,
        )  # fmt: skip
    con = duckdb.connect()
    try:
        raw = _attach(con, workspace, keep_on=broken is not None)
        absent: dict[str, frozenset[str]] = {}
        columns: dict[str, dict[str, str]] = {}
        own: list[str] = []
        later: dict[str, str] = {}
        for name in sorted(wanted):
            source = declared[name]
            mapped = declared.mappings.get(name)
            try:
                base = asof.base(source, mapped, raw, lambda m: _reader(workspace, str(m.path)))
                if base is None and name in declared.own:
                    base = _fill(con, source, declared.own[name](as_of))
                    own.append(name)
                if base is None:
                    continue
                found, after = _create_view(con, source, base, as_of, workspace.zone, mapped)
            except SourceError as error:
                if broken is None:
                    raise
                broken[name] = error
                continue
            columns[name] = found
            absent[name] = frozenset(source.columns) - set(found)
            if after is not None:
                later[name] = after
    except BaseException:
        con.close()
        raise
    return Slice(
        con, as_of, workspace.zone, declared, tuple(absent), absent, own=tuple(own),
        columns=columns, later=later,
    )  # fmt: skip


def described(slice_: Slice, dialect: Dialect) -> dict[str, Relation]:
    """The views of a slice as another engine would have them, to show what it would be sent.

    Every source is a table of its own name with the declared types, less what this one lacks.
    """
    return {
        name: elsewhere.relation_of(
            slice_.declared[name],
            quoted(name, dialect),
            {
                column.name: column.sql_type
                for column in slice_.declared[name].columns.values()
                if column.name not in slice_.lacks(name)
            },
            slice_.as_of,
            slice_.zone,
            slice_.declared[name].file,
        )
        for name in slice_.sources
    }


def slice_of_rows(
    declared: Sources,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    as_of: date,
    zone: ZoneInfo,
) -> Slice:
    """A slice of a few given rows: for definition tests.

    A column that a row leaves out is null; ``recorded_at`` is then the row's own time.
    """
    con = duckdb.connect()
    con.execute("CREATE SCHEMA slice; CREATE SCHEMA given")
    later: dict[str, str] = {}
    for name, entries in rows.items():
        source = declared[name]
        columns = ", ".join(f'"{c.name}" {c.sql_type}' for c in source.columns.values())
        con.execute(f'CREATE TABLE given."{name}" ({columns})')
        for entry in entries:
            filled = {column: _utc(value) for column, value in entry.items()}
            if source.recorded_at and source.time and source.recorded_at not in filled:
                filled[source.recorded_at] = filled.get(source.time)
            names = ", ".join(f'"{column}"' for column in filled)
            marks = ", ".join("?" for _ in filled)
            try:
                con.execute(
                    f'INSERT INTO given."{name}" ({names}) VALUES ({marks})', list(filled.values())
                )
            except duckdb.Error as error:
                con.close()
                raise SourceError(
                    f"row {dict(entry)} cannot stand in {name!r}: {_first_line(error)}"
                ) from None
        _, ahead = _create_view(con, source, f'given."{name}"', as_of, zone, None)
        if ahead is not None:
            later[name] = ahead
    return Slice(con, as_of, zone, declared, tuple(rows), later=later)


def _utc(value: Any) -> Any:
    """A moment with a zone as the tables hold it: in UTC and without one."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def data_span(
    workspace: Workspace,
    declared: Sources,
    sources: Iterable[str],
    *,
    broken: dict[str, SourceError] | None = None,
) -> dict[str, Span]:
    """The days that the named sources have rows for, whatever the as-of.

    What Boardpack fills itself does not say how far the company's data reach: it only counts where
    nothing else is named. ``broken`` is that of `open_slice`.
    """
    everything = open_slice(workspace, declared, date(9998, 12, 31), sources, broken=broken)
    try:
        return everything.reach(everything.sources)
    finally:
        everything.close()


def local_day(source: Source, zone: ZoneInfo, column: str = "") -> str:
    """SQL for the company's calendar day of a row of ``t``: a CASE over the zone's offsets.

    Written out so that no engine has to know the zone: equal on every one of them. ``column`` may
    stand in for the one that places a row in time.
    """
    assert source.time is not None
    column = f't."{column or source.time}"'
    if source.time_is_date:
        return column
    changes = _offsets(zone)
    if len(changes) == 1:
        seconds = changes[0][1]
        shifted = column if seconds == 0 else f"{column} + INTERVAL '{seconds}' SECOND"
        return f"CAST({shifted} AS DATE)"
    cases = " ".join(
        f"WHEN {column} < TIMESTAMP '{changes[i + 1][0]}' THEN INTERVAL '{changes[i][1]}' SECOND"
        for i in range(len(changes) - 1)
    )
    last = f"INTERVAL '{changes[-1][1]}' SECOND"
    return f"CAST({column} + CASE {cases} ELSE {last} END AS DATE)"


@lru_cache
def _offsets(zone: ZoneInfo) -> list[tuple[str, int]]:
    """(UTC instant, seconds east of UTC from then on), for the years that tables speak of."""

    def offset(at: datetime) -> int:
        delta = at.astimezone(zone).utcoffset()
        return int(delta.total_seconds()) if delta else 0

    at, end = datetime(1990, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
    found = [(f"{at:%Y-%m-%d %H:%M:%S}", offset(at))]
    while at < end:
        low, at = at, at + timedelta(days=1)
        if offset(at) == found[-1][1]:
            continue
        # Clocks change on a full minute of UTC.
        high = at
        while high - low > timedelta(minutes=1):
            middle = low + (high - low) // timedelta(minutes=2) * timedelta(minutes=1)
            low, high = (middle, high) if offset(middle) == found[-1][1] else (low, middle)
        found.append((f"{high:%Y-%m-%d %H:%M:%S}", offset(at)))
    return found


def _attach(
    con: duckdb.DuckDBPyConnection, workspace: Workspace, *, keep_on: bool = False
) -> dict[str, Table]:
    """Make every raw table of the workspace readable by its own name.

    With ``keep_on`` one that cannot be read is told when a source wants it.
    """
    con.execute("CREATE SCHEMA slice; CREATE SCHEMA raw; SET search_path = 'raw,main'")
    # A select of a mapping means the same whatever the machine's own zone.
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    con.execute(f"SET file_search_path = {_text(str(workspace.root))}")
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
            con.execute(f"ATTACH {_text(str(path))} AS warehouse (READ_ONLY)")
        except duckdb.Error as error:
            raise WorkspaceError(
                f"the warehouse {settings.duckdb} cannot be opened: {_first_line(error)}",
                file=config,
            ) from None
        rows = con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'warehouse'"
            " UNION ALL SELECT schema_name, view_name FROM duckdb_views()"
            " WHERE database_name = 'warehouse' AND NOT internal"
        ).fetchall()
        places: dict[str, list[str]] = {}
        for schema, table in sorted(rows):
            places.setdefault(table, []).append(f"warehouse.{_quoted(schema)}.{_quoted(table)}")
        for table, found in places.items():
            broken = "" if len(found) == 1 else f"it is in several schemas, as {found}"
            try:
                if not broken:
                    con.execute(f"CREATE VIEW raw.{_quoted(table)} AS SELECT * FROM {found[0]}")
            except duckdb.Error as error:
                broken = _first_line(error)
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
        native = f"raw.{_quoted(name)}"
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
    return f'CREATE {kind} raw."{name}" AS SELECT * FROM {_reader(workspace, relative)}'


def _reader(workspace: Workspace, relative: str) -> str:
    path = workspace.inside(relative, "the data file")
    if not path.is_file():
        raise SourceError(
            f"the data file {relative} is not there.", file=workspace.root / "boardpack.yml"
        )
    if path.stat().st_size == 0:
        raise SourceError(f"the data file {relative} is empty.", file=path)
    if path.suffix == ".parquet":
        return f"read_parquet({_text(str(path))})"
    return f"read_csv({_text(str(path))})"


def _make(con: duckdb.DuckDBPyConnection, sql: str, file: Path, what: str) -> None:
    try:
        con.execute(sql)
    except duckdb.Error as error:
        raise SourceError(
            f"table {what!r} cannot be read: {_first_line(error)}", file=file
        ) from None


def _fill(con: duckdb.DuckDBPyConnection, source: Source, rows: pd.DataFrame) -> str:
    """Make the table of a source of Boardpack's own, or make it anew; returns its name."""
    table = f"own.{_quoted(source.id)}"
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


def _create_view(
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
            f"source {source.id!r} cannot be read: {_first_line(error)}", file=file, line=line
        ) from None
    if empty and not base.startswith(("given.", "own.")):
        raise asof.no_rows(source, file, line)
    known = asof.select(source, base, found, as_of, zone, file, line)
    con.execute(f'CREATE VIEW slice."{source.id}" AS {known}')
    return found, asof.later(source, base, found, as_of, zone, file, line)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
