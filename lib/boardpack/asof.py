"""A source as it was known by the end of one day: the select that every engine makes of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from boardpack.connections import Table
from boardpack.errors import SourceError
from boardpack.sources import Column, Mapped, Source
from boardpack.zones import literal

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_NUMBERS = (*_WHOLE, "HUGEINT", "DECIMAL", "DOUBLE", "FLOAT")
#: Declared type -> the DuckDB types that can be read as it without loss.
_READABLE = {
    "string": (*_WHOLE, "HUGEINT", "VARCHAR", "ENUM", "UUID", "UINTEGER", "UBIGINT"),
    "int": (*_WHOLE, "UTINYINT", "USMALLINT", "UINTEGER"),
    "bigint": (*_WHOLE, "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    "decimal": _NUMBERS,
    "double": _NUMBERS,
    "bool": ("BOOLEAN",),
    "date": ("DATE",),
    "timestamp": ("TIMESTAMP", *(f"TIMESTAMP{x}" for x in ("_S", "_MS", "_NS", " WITH TIME ZONE"))),
    "time": ("TIME",),
}


def base(
    source: Source,
    mapped: Mapped | None,
    tables: Mapping[str, Table],
    read_file: Callable[[Mapped], str],
) -> str | None:
    """What holds the rows of a source, in its engine's own words; None when nothing does.

    ``read_file`` is for a mapping to a data file. Raises `SourceError` for a table that is not
    there or cannot be read.
    """
    if mapped is None:
        return table(source, source.id, tables, source.file, None) if source.id in tables else None
    if mapped.path is not None:
        return read_file(mapped)
    if mapped.table is not None:
        if mapped.table not in tables:
            raise SourceError(
                f"source {source.id!r} is mapped to table {mapped.table!r}, which is not there.",
                file=mapped.file,
                line=mapped.line,
                hint=f"tables are: {', '.join(sorted(tables)) or 'none'}",
            )
        return table(source, mapped.table, tables, mapped.file, mapped.line)
    # On lines of its own: a comment may end the select.
    return f"(\n{str(mapped.sql).strip().rstrip(';')}\n)"


def select(
    source: Source,
    base: str,
    found: Mapping[str, str],
    as_of: date,
    zone: ZoneInfo,
    file: Path,
    line: int | None,
) -> str:
    """SQL for the declared columns of ``base``, and its rows known by the end of the as-of day.

    ``found`` are the columns that the table has, with their types in DuckDB's words. Raises
    `SourceError` for a column that is missing or of a type that cannot be read as the declared one.
    """
    end = as_of + timedelta(days=1)
    known = [
        f'("{name}" < {literal(source.columns[name], end, zone)} OR "{name}" IS NULL)'
        for name in dict.fromkeys(filter(None, (source.time, source.recorded_at)))
    ]
    where = f" WHERE {' AND '.join(known)}" if known else ""
    return f"SELECT * FROM {_declared(source, base, found, end, zone, file, line)}{where}"


def later(
    source: Source,
    base: str,
    found: Mapping[str, str],
    as_of: date,
    zone: ZoneInfo,
    file: Path,
    line: int | None,
) -> str | None:
    """SQL for the rows that were recorded by the as-of and lie after it, which a slice leaves out.

    None for a table that does not say when its rows were recorded.
    """
    time, recorded_at = source.time, source.recorded_at
    if time is None or recorded_at is None or recorded_at not in found or time == recorded_at:
        return None
    end = as_of + timedelta(days=1)
    return (
        f"(SELECT * FROM {_declared(source, base, found, end, zone, file, line)}"
        f' WHERE "{time}" >= {literal(source.columns[time], end, zone)}'
        f' AND "{recorded_at}" < {literal(source.columns[recorded_at], end, zone)})'
    )


def _declared(
    source: Source,
    base: str,
    found: Mapping[str, str],
    end: date,
    zone: ZoneInfo,
    file: Path,
    line: int | None,
) -> str:
    columns = [
        _column(source, column, found, end, zone, file, line) for column in source.columns.values()
    ]
    return f"(SELECT {', '.join(columns)} FROM {base} AS b) AS t"


def readable(column: Column, actual: str) -> bool:
    """Whether a table's type, in DuckDB's words, can be read as the declared one without loss."""
    return actual.partition("(")[0] in _READABLE[column.type] and not actual.endswith("]")


def _column(
    source: Source,
    column: Column,
    found: Mapping[str, str],
    end: date,
    zone: ZoneInfo,
    file: Path,
    line: int | None,
) -> str:
    if column.name not in found:
        if not column.optional:
            near = [name for name in found if name.lower() == column.name]
            raise SourceError(
                f"source {source.id!r} lacks the column {column.name!r} ({column.type}).",
                file=file,
                line=line,
                hint=f"found: {', '.join(near or found)}",
                wrong="columns",
                columns=found,
            )
        return f'CAST(NULL AS {column.sql_type}) AS "{column.name}"'
    actual = found[column.name]
    if not readable(column, actual):
        raise SourceError(
            f"column {column.name!r} of source {source.id!r} is {actual}, expected {column.type}.",
            file=file,
            line=line,
            hint=f"convert it in the mapping's sql, e.g. CAST({column.name} AS {column.sql_type})",
            wrong="columns",
            columns=found,
        )
    value = f'b."{column.name}"'
    if actual == "TIMESTAMP WITH TIME ZONE":
        value = f"({value} AT TIME ZONE 'UTC')"
    elif not _fits(column, actual):
        value = f"CAST({value} AS {column.sql_type})"
    if column.happens:
        value = f"CASE WHEN {value} < {literal(column, end, zone)} THEN {value} END"
    return f'{value} AS "{column.name}"'


def _fits(column: Column, actual: str) -> bool:
    """Whether a column is read as it is: any decimal or double is a number with its own digits."""
    if column.type in ("decimal", "double"):
        return actual.startswith(("DECIMAL", "DOUBLE"))
    return actual == column.sql_type


def table(source: Source, name: str, raw: Mapping[str, Table], file: Path, line: int | None) -> str:
    """The full name of a table; `SourceError` for one that cannot be read."""
    if raw[name].broken:
        raise SourceError(
            f"source {source.id!r} cannot be read from table {name!r}: {raw[name].broken}",
            file=file,
            line=line,
            hint="map the source to another table, or to a select with sql:",
        )
    return raw[name].native


def no_rows(source: Source, file: Path, line: int | None) -> SourceError:
    """The error for a table that is there and empty."""
    return SourceError(
        f"source {source.id!r} has no rows.",
        file=file,
        line=line,
        hint="an empty table is never read as zero; leave the source unconnected instead",
        wrong="rows",
    )
