"""The as-of slice: the company's tables as they were known by the end of one day.

They are in DuckDB, or in an engine that `connections` reaches; the planner writes DuckDB's SQL for
both, and what another engine is sent is translated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from boardpack import asof, elsewhere, embedded
from boardpack.connections import Connection, QueryError
from boardpack.embedded import first_line
from boardpack.errors import DefinitionError, RunError, SourceError
from boardpack.sources import Source, Sources
from boardpack.sql_dialects import Dialect
from boardpack.sql_forms import Untranslatable
from boardpack.translation import Relation, quoted, translate
from boardpack.workspace import Workspace
from boardpack.zones import local_day


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
            raise RunError(first_line(error)) from None

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
            embedded.fill(self.con, self.declared[source], rows)
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
        raw = embedded.attach(con, workspace, keep_on=broken is not None)
        absent: dict[str, frozenset[str]] = {}
        columns: dict[str, dict[str, str]] = {}
        own: list[str] = []
        later: dict[str, str] = {}
        for name in sorted(wanted):
            source = declared[name]
            mapped = declared.mappings.get(name)
            try:
                base = asof.base(
                    source, mapped, raw, lambda m: embedded.reader(workspace, str(m.path))
                )
                if base is None and name in declared.own:
                    base = embedded.fill(con, source, declared.own[name](as_of))
                    own.append(name)
                if base is None:
                    continue
                found, after = embedded.create_view(
                    con, source, base, as_of, workspace.zone, mapped
                )
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
                    f"row {dict(entry)} cannot stand in {name!r}: {first_line(error)}"
                ) from None
        _, ahead = embedded.create_view(con, source, f'given."{name}"', as_of, zone, None)
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
