"""Discovery: the tables in a person's files, and how each of them is read.

A text file is opened as it is written: DuckDB's sniffer finds separator and header, the encoding is
detected, and every column is taken as text, so that nothing is converted before it was looked at.
"""

from __future__ import annotations

import codecs
import glob
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import duckdb

from boardpack.dialects import (
    Dialect,
    Unfit,
    dialect_of,
    first_line,
    first_rows,
    is_header,
    select_text,
    unreadable,
)
from boardpack.errors import SourceError, UserError
from boardpack.sql_texts import quoted, quoted_text
from boardpack.textfiles import Encoding, encoding_of, no_text

_PARQUET = (".parquet", ".pq")
_DUCKDB = (".duckdb", ".ddb", ".db")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
#: Names that SQL keeps for itself.
_RESERVED = frozenset(
    word
    for line in (
        "all and any as asc both by case cast check column create default desc distinct else end",
        "except false for foreign from group having in into is join lateral leading like limit not",
        "null offset on only or order primary references select some table then to trailing true",
        "union unique using when where window with",
    )
    for word in line.split()
)


@dataclass(frozen=True)
class Table:
    """A table that was found: ``names`` are its columns as written, ``columns`` as SQL has them."""

    name: str
    origin: str
    kind: Literal["text", "parquet", "duckdb"]
    files: tuple[Path, ...]
    names: tuple[str, ...]
    columns: tuple[str, ...]
    dialect: Dialect | None = None
    relation: str = ""
    repeated_headers: int = 0
    notes: tuple[str, ...] = ()
    #: what the file is to be written again as, where DuckDB cannot read its encoding
    recode: str = ""

    def select(self, paths: Sequence[str]) -> str:
        """SQL for its rows, read from ``paths``; a text file's columns are text."""
        if self.kind == "duckdb":
            return f"SELECT * FROM {self.relation}"
        listed = ", ".join(quoted_text(path) for path in paths)
        given = listed if len(paths) == 1 else f"[{listed}]"
        if self.kind == "parquet":
            return f"SELECT * FROM read_parquet({given})"
        assert self.dialect is not None
        return select_text(self.dialect, self.names, given, self.repeated_headers > 0)


@dataclass(frozen=True)
class Refused:
    """A file or table that is not used: what is the matter, and what to do."""

    origin: str
    reason: str
    hint: str
    line: int | None = None


@dataclass(frozen=True)
class Found:
    """Everything that the patterns led to."""

    tables: tuple[Table, ...]
    refused: tuple[Refused, ...]


def expand(patterns: Iterable[str]) -> list[Path]:
    """The files that patterns such as ``data/*.csv`` name; a folder stands for the files in it.

    `UserError` for a pattern that names nothing.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            files = [p for p in sorted(path.iterdir()) if p.is_file() and p.name[0] != "."]
            if not files:
                raise UserError(
                    f"the folder {pattern} is empty.",
                    hint="put CSV, Parquet or DuckDB files into it",
                )
        else:
            files = [Path(p) for p in sorted(glob.glob(pattern, recursive=True))]
            files = [p for p in files if p.is_file()]
            if not files:
                folder = path.parent if str(path.parent) else Path(".")
                there = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
                raise UserError(
                    f"no file matches {pattern}.",
                    hint=f"in {folder} are: {', '.join(there[:8]) or 'no files'}"
                    if folder.is_dir()
                    else f"there is no folder {folder}",
                )
        found.update(dict.fromkeys(path.resolve() for path in files))
    return list(found)


def discover(con: duckdb.DuckDBPyConnection, files: Sequence[Path], scratch: Path) -> Found:
    """Open every file, and load each table into ``con`` under its own name.

    ``scratch`` is a folder for text files that have to be written again as UTF-8 to be read.
    """
    tables: list[Table] = []
    refused: list[Refused] = []
    for number, path in enumerate(files):
        try:
            suffix = path.suffix.lower()
            if any(letter in path.name for letter in "*?[]{}"):
                raise Unfit("its name holds a sign that stands for several files", "rename it")
            if path.stat().st_size == 0:
                raise Unfit("the file is empty", "export it again, or leave it out")
            if suffix in _DUCKDB or _is_duckdb(path):
                tables += _duckdb_tables(con, path, number)
            elif suffix in _PARQUET:
                tables.append(_parquet(con, path))
            else:
                tables.append(_text_table(con, path, scratch))
        except Unfit as error:
            refused.append(Refused(path.name, error.reason, error.hint, error.line))
        except OSError as error:
            hint = "give the person who runs this the right to read it"
            refused.append(Refused(path.name, f"it cannot be read ({error.strerror})", hint))
    loaded: list[Table] = []
    for table in _named(_grouped(tables)):
        try:
            _load(con, table, scratch)
            loaded.append(table)
        except Unfit as error:
            refused.append(Refused(table.origin, error.reason, error.hint, error.line))
    return Found(tuple(loaded), tuple(refused))


def readable_paths(table: Table, scratch: Path) -> list[str]:
    """Where a table's rows can be read now: its files, or the copies that are UTF-8."""
    if table.recode:
        return [str(scratch / f"{path.stem}.utf8.csv") for path in table.files]
    return [str(path) for path in table.files]


def sql_name(text: str, taken: Mapping[str, object] | None = None) -> str:
    """A name in lower case, letters, digits and underscores, that is not taken.

    >>> sql_name("Größe (cm)"), sql_name("customerID"), sql_name("2024"), sql_name("order")
    ('groesse_cm', 'customer_id', 'c2024', 'order_')
    """
    for letter, pair in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("Ä", "Ae"),
                         ("Ö", "Oe"), ("Ü", "Ue")):  # fmt: skip
        text = text.replace(letter, pair)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_") or "unnamed"
    if name[0].isdigit():
        name = "c" + name
    if name in _RESERVED:
        name += "_"
    base, number = name, 2
    while taken is not None and name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def _columns(names: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name in names:
        found[sql_name(name, found)] = None
    return tuple(found)


def _text_table(con: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> Table:
    unfit = no_text(path)
    if unfit:
        raise Unfit(*unfit)
    encoding = encoding_of(path)
    notes: tuple[str, ...] = (encoding.note,) if encoding.note else ()
    readable = path
    if encoding.recode:
        readable = scratch / f"{path.stem}.utf8.csv"
        _recode(path, readable, encoding)
    dialect = dialect_of(con, readable, encoding.duckdb)
    head = first_rows(con, readable, dialect, 200)
    if not head:
        raise Unfit("it holds no row", "export it again, or leave it out")
    first, rest = head[0], head[1:]
    named = is_header(first, rest)
    if named and not rest:
        raise Unfit("it has a header and no row", "export it again with its rows")
    # The header is row 0 of what is left after the preamble.
    dialect = replace(dialect, header=named)
    # A name is one line of plain text: what it means in SQL or YAML is for nobody to find out.
    names = [" ".join(_UNSEEN.sub(" ", cell).split()) for cell in first] if named else []
    names = [name or f"column{i}" for i, name in enumerate(names or [""] * len(first), 1)]
    columns = _columns(names)
    if len(set(names)) < len(names):
        names = list(columns)
    if not named:
        notes += ("it has no header: its columns are told by what they hold",)
    if dialect.skip:
        notes += (f"the {dialect.skip} lines above the header are left out",)
    return Table(
        "", path.name, "text", (path,), tuple(names), columns, dialect,
        notes=notes, recode=encoding.recode,
    )  # fmt: skip


def _recode(path: Path, target: Path, encoding: Encoding) -> None:
    with (
        codecs.open(str(path), encoding=encoding.recode) as source,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        while chunk := source.read(1 << 20):
            out.write(chunk)


def _parquet(con: duckdb.DuckDBPyConnection, path: Path) -> Table:
    try:
        rows = con.execute(
            f"DESCRIBE SELECT * FROM read_parquet({quoted_text(str(path))})"
        ).fetchall()
    except duckdb.Error as error:
        raise Unfit(f"it is no Parquet file ({first_line(error)})", "export it again") from None
    names = tuple(row[0] for row in rows)
    return Table("", path.name, "parquet", (path,), names, _columns(names))


def _is_duckdb(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(12)[8:] == b"DUCK"


def _duckdb_tables(con: duckdb.DuckDBPyConnection, path: Path, number: int) -> list[Table]:
    catalog = f"file_{number}"
    try:
        con.execute(f"ATTACH {quoted_text(str(path))} AS {catalog} (READ_ONLY)")
    except duckdb.Error as error:
        raise Unfit(
            f"it cannot be opened as a DuckDB file ({first_line(error)})",
            "close the program that writes it, or export its tables as Parquet",
        ) from None
    rows = con.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? UNION ALL"
        " SELECT schema_name, view_name FROM duckdb_views()"
        " WHERE database_name = ? AND NOT internal ORDER BY ALL",
        [catalog, catalog],
    ).fetchall()
    if not rows:
        raise Unfit("it holds no table", "name another file")
    found = []
    for schema, table in rows:
        relation = f"{catalog}.{quoted(schema)}.{quoted(table)}"
        described = con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        names = tuple(row[0] for row in described)
        found.append(
            Table(
                table, f"{path.name}: {table}", "duckdb", (path,), names, _columns(names),
                relation=relation,
            )
        )  # fmt: skip
    return found


def _grouped(tables: Sequence[Table]) -> list[Table]:
    """Files with the same columns whose names differ in digits alone are parts of one table."""
    found: dict[object, Table] = {}
    for table in tables:
        key: object = (table.kind, table.files, table.relation)
        stem = re.sub(r"[\W\d_]+", "", table.files[0].stem)
        if table.kind != "duckdb" and re.search(r"\d", table.files[0].stem):
            key = (
                table.kind,
                stem,
                table.names,
                table.dialect,
                table.recode,
                table.files[0].parent,
            )
        if key in found:
            first = found[key]
            files = (*first.files, *table.files)
            origin = f"{first.files[0].name} and {len(files) - 1} more"
            found[key] = replace(first, files=files, origin=origin)
        else:
            found[key] = table
    return list(found.values())


def _named(tables: Sequence[Table]) -> list[Table]:
    taken: dict[str, None] = {}
    named = []
    for table in tables:
        stem = table.name or re.sub(r"[\W\d_]+$", "", table.files[0].stem) or table.files[0].stem
        name = sql_name(stem, taken)
        taken[name] = None
        named.append(replace(table, name=name))
    return named


def _load(con: duckdb.DuckDBPyConnection, table: Table, scratch: Path) -> None:
    paths = readable_paths(table, scratch)
    sql = table.select(paths)
    try:
        if table.dialect and not table.dialect.delimiter:
            _refuse_uneven(con, table, paths)
        con.execute(f"CREATE OR REPLACE TABLE {quoted(table.name)} AS {sql}")
        row = con.execute(f"SELECT count(*) FROM {quoted(table.name)}").fetchone()
    except duckdb.Error as error:
        raise unreadable(error) from None
    if row is None or row[0] == 0:
        raise Unfit("it has no row", "an empty table is never read as zero; leave it out")


def _refuse_uneven(con: duckdb.DuckDBPyConnection, table: Table, paths: Sequence[str]) -> None:
    """Blanks part the fields: a line with more of them than the others would lose its last."""
    sql = table.select(paths).replace("SELECT ", "SELECT len(fields) AS width, fields, ", 1)
    row = con.execute(
        f"SELECT width, array_to_string(fields, ' ') FROM ({sql}) WHERE width <> {len(table.names)}"
    ).fetchone()
    if row is not None:
        raise Unfit(
            f"the line {row[1]!r} has {row[0]} fields, the others have {len(table.names)}",
            "mend that line, or export the file with commas between the fields",
        )


def drop_repeated_headers(con: duckdb.DuckDBPyConnection, table: Table) -> Table:
    """The same table, without lines that repeat its header in the middle of the file."""
    if table.kind != "text" or table.dialect is None or not table.dialect.header:
        return table
    same = " AND ".join(f"trim({quoted(n)}) = {quoted_text(n)}" for n in table.names)
    row = con.execute(f"SELECT count(*) FROM {quoted(table.name)} WHERE {same}").fetchone()
    if row is None or row[0] == 0:
        return table
    con.execute(f"DELETE FROM {quoted(table.name)} WHERE {same}")
    again = f"the header stands {row[0]} more time{'s' if row[0] > 1 else ''} in the file;"
    return replace(
        table, repeated_headers=row[0], notes=(*table.notes, f"{again} those lines are left out")
    )


def source_error(refused: Sequence[Refused]) -> SourceError:
    """The error when nothing at all can be used: the first thing wrong, with what to do."""
    first = refused[0]
    return SourceError(f"{first.reason}.", file=first.origin, line=first.line, hint=first.hint)
