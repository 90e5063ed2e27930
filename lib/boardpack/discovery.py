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

from boardpack.errors import SourceError, UserError
from boardpack.textfiles import Encoding, encoding_of, no_text

_PARQUET = (".parquet", ".pq")
_DUCKDB = (".duckdb", ".ddb", ".db")
#: Where a separator is a run of blanks, a line is read whole; this character is in no text.
_NEVER = "\\x1f"
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
class Dialect:
    """How a text file is written; ``delimiter`` is "" where runs of blanks part the fields."""

    delimiter: str
    quote: str = '"'
    skip: int = 0
    header: bool = True
    encoding: str = "utf-8"


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
        return _select_text(self.dialect, self.names, given, self.repeated_headers > 0)


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


class _Unfit(Exception):
    def __init__(self, reason: str, hint: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.hint, self.line = reason, hint, line


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
            if path.stat().st_size == 0:
                raise _Unfit("the file is empty", "export it again, or leave it out")
            if suffix in _DUCKDB or _is_duckdb(path):
                tables += _duckdb_tables(con, path, number)
            elif suffix in _PARQUET:
                tables.append(_parquet(con, path))
            else:
                tables.append(_text_table(con, path, scratch))
        except _Unfit as error:
            refused.append(Refused(path.name, error.reason, error.hint, error.line))
        except OSError as error:
            hint = "give the person who runs this the right to read it"
            refused.append(Refused(path.name, f"it cannot be read ({error.strerror})", hint))
    loaded: list[Table] = []
    for table in _named(_grouped(tables)):
        try:
            _load(con, table, scratch)
            loaded.append(table)
        except _Unfit as error:
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


def quoted(name: str) -> str:
    """A column or table as SQL takes it, whatever its name holds."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """A text as SQL takes it."""
    return "'" + text.replace("'", "''") + "'"


def _columns(names: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name in names:
        found[sql_name(name, found)] = None
    return tuple(found)


def _select_text(dialect: Dialect, names: Sequence[str], given: str, repeated: bool) -> str:
    encoding = "" if dialect.encoding == "utf-8" else f", encoding = '{dialect.encoding}'"
    skip = f", skip = {dialect.skip}" if dialect.skip else ""
    header = str(dialect.header).lower()
    if dialect.delimiter:
        types = ", ".join(f"{quoted_text(name)}: 'VARCHAR'" for name in names)
        sql = (
            f"SELECT * FROM read_csv({given}, auto_detect = false, header = {header}{skip},\n"
            f"  delim = {_escaped(dialect.delimiter)}, quote = {quoted_text(dialect.quote)},"
            f" escape = {quoted_text(dialect.quote)}{encoding},\n  columns = {{{types}}})"
        )
    else:
        fields = ", ".join(f"fields[{i}] AS {quoted(name)}" for i, name in enumerate(names, 1))
        sql = (
            f"SELECT {fields}\nFROM (\n"
            "  SELECT regexp_extract_all(line, '\\S+') AS fields\n"
            f"  FROM read_csv({given}, auto_detect = false, header = {header}{skip},\n"
            f"    delim = '{_NEVER}', quote = '', escape = ''{encoding},"
            " columns = {'line': 'VARCHAR'})\n)\nWHERE len(fields) > 0"
        )
    if repeated:
        same = " AND ".join(f"{quoted(name)} = {quoted_text(name)}" for name in names)
        sql += f"\n{'WHERE' if dialect.delimiter else '  AND'} ({same}) IS NOT TRUE"
    return sql


def _escaped(delimiter: str) -> str:
    return "'\\t'" if delimiter == "\t" else quoted_text(delimiter)


def _text_table(con: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> Table:
    unfit = no_text(path)
    if unfit:
        raise _Unfit(*unfit)
    encoding = encoding_of(path)
    notes: tuple[str, ...] = (encoding.note,) if encoding.note else ()
    readable = path
    if encoding.recode:
        readable = scratch / f"{path.stem}.utf8.csv"
        _recode(path, readable, encoding)
    dialect = _dialect(con, readable, encoding.duckdb)
    head = _head(con, readable, dialect, 200)
    if not head:
        raise _Unfit("it holds no row", "export it again, or leave it out")
    first, rest = head[0], head[1:]
    is_header = _is_header(first, rest)
    if is_header and not rest:
        raise _Unfit("it has a header and no row", "export it again with its rows")
    # The header is row 0 of what is left after the preamble.
    dialect = replace(dialect, header=is_header)
    # A name is one line of plain text: what it means in SQL or YAML is for nobody to find out.
    names = [" ".join(_UNSEEN.sub(" ", cell).split()) for cell in first] if is_header else []
    names = [name or f"column{i}" for i, name in enumerate(names or [""] * len(first), 1)]
    columns = _columns(names)
    if len(set(names)) < len(names):
        names = list(columns)
    if not is_header:
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


def _dialect(con: duckdb.DuckDBPyConnection, path: Path, encoding: str) -> Dialect:
    try:
        row = con.execute(
            "SELECT Delimiter, Quote, SkipRows, len(Columns) FROM"
            f" sniff_csv({quoted_text(str(path))}, encoding = '{encoding}')"
        ).fetchone()
    except duckdb.Error as error:
        raise _broken(error) from None
    assert row is not None
    delimiter, quote, skip, width = row
    quote = quote if len(quote) == 1 else '"'
    lines = _lines(path, encoding, skip + 200)
    if width == 1:
        named = _uneven(lines)
        if named:
            raise named
        fields = {len(line.split()) for line in lines if line.strip()}
        if len(fields) != 1 or fields == {1}:
            raise _Unfit(
                "it is no table: no separator parts its lines into columns",
                "a table has one row a line, its fields parted by comma, semicolon or tab",
            )
        return Dialect("", "", 0, True, encoding)
    skipped = [line for line in lines[:skip] if line.strip()]
    if any(line.count(delimiter) for line in skipped):
        odd = next(i for i, line in enumerate(lines, 1) if line.count(delimiter) == width - 1)
        raise _Unfit(
            f"its lines differ in their number of fields: line {odd} has {width}, line"
            f" {lines.index(skipped[-1]) + 1} has {skipped[-1].count(delimiter) + 1}",
            "mend that line, or put quotes around a field that holds the separator",
            odd,
        )
    return Dialect(delimiter, quote, skip, True, encoding)


def _uneven(lines: Sequence[str]) -> _Unfit | None:
    """The error for a table of which some lines have more or fewer fields than the first."""
    filled = [(i, line) for i, line in enumerate(lines, 1) if line.strip()]
    for delimiter in ",;\t|":
        counts = [line.count(delimiter) for _, line in filled]
        usual = max(set(counts), key=counts.count) if counts else 0
        if usual and len(counts) > 2 and counts.count(usual) >= 0.8 * len(counts):
            line, text = next(pair for pair, n in zip(filled, counts, strict=True) if n != usual)
            return _Unfit(
                f"line {line} has {text.count(delimiter) + 1} fields, the others have {usual + 1}",
                "mend that line, or put quotes around a field that holds the separator",
                line,
            )
    return None


def _lines(path: Path, encoding: str, most: int) -> list[str]:
    found = []
    with path.open(encoding=encoding, errors="replace") as file:
        for line in file:
            found.append(line.rstrip("\r\n"))
            if len(found) == most:
                break
    return found


def _head(
    con: duckdb.DuckDBPyConnection, path: Path, dialect: Dialect, most: int
) -> list[tuple[str, ...]]:
    if not dialect.delimiter:
        lines = _lines(path, dialect.encoding, most)
        return [tuple(line.split()) for line in lines if line.strip()]
    quote = quoted_text(dialect.quote)
    try:
        rows = con.execute(
            f"SELECT * FROM read_csv({quoted_text(str(path))}, header = false, all_varchar = true,"
            f" delim = {_escaped(dialect.delimiter)}, quote = {quote}, escape = {quote},"
            f" skip = {dialect.skip}, encoding = '{dialect.encoding}') LIMIT {most}"
        ).fetchall()
    except duckdb.Error as error:
        raise _broken(error) from None
    return [tuple("" if cell is None else str(cell) for cell in row) for row in rows]


def _is_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Words that are all different, above cells that are figures or unlike them."""
    if len(set(first)) < len(first) or any(_is_figure(cell) for cell in first):
        return False
    if not rest or tuple(first) in {tuple(row) for row in rest}:
        return True
    for i, name in enumerate(first):
        below = [row[i] for row in rest if i < len(row) and row[i].strip()]
        if sum(map(_is_figure, below)) > 0.5 * len(below) > 0:
            return True
        if len(set(below)) < 0.5 * len(below) and name not in below:
            return True
    return all(re.fullmatch(r"[^\W\d][\w .()/#%-]*", name.strip() or "?") for name in first)


def _is_figure(cell: str) -> bool:
    return bool(re.fullmatch(r"[\W]*\d[\d\s.,:/T+-]*[Z%€$£]?[\W]*", cell.strip()))


def _parquet(con: duckdb.DuckDBPyConnection, path: Path) -> Table:
    try:
        rows = con.execute(
            f"DESCRIBE SELECT * FROM read_parquet({quoted_text(str(path))})"
        ).fetchall()
    except duckdb.Error as error:
        raise _Unfit(f"it is no Parquet file ({_first(error)})", "export it again") from None
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
        raise _Unfit(
            f"it cannot be opened as a DuckDB file ({_first(error)})",
            "close the program that writes it, or export its tables as Parquet",
        ) from None
    rows = con.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? UNION ALL"
        " SELECT schema_name, view_name FROM duckdb_views()"
        " WHERE database_name = ? AND NOT internal ORDER BY ALL",
        [catalog, catalog],
    ).fetchall()
    if not rows:
        raise _Unfit("it holds no table", "name another file")
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
        raise _broken(error) from None
    if row is None or row[0] == 0:
        raise _Unfit("it has no row", "an empty table is never read as zero; leave it out")


def _refuse_uneven(con: duckdb.DuckDBPyConnection, table: Table, paths: Sequence[str]) -> None:
    """Blanks part the fields: a line with more of them than the others would lose its last."""
    sql = table.select(paths).replace("SELECT ", "SELECT len(fields) AS width, fields, ", 1)
    row = con.execute(
        f"SELECT width, array_to_string(fields, ' ') FROM ({sql}) WHERE width <> {len(table.names)}"
    ).fetchone()
    if row is not None:
        raise _Unfit(
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


def _broken(error: duckdb.Error) -> _Unfit:
    match = re.search(r"CSV Error on Line: (\d+)", str(error))
    line = int(match.group(1)) if match else None
    fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", str(error))
    if fields and line:
        return _Unfit(
            f"line {line} has {fields.group(2)} fields, the others have {fields.group(1)}",
            "mend that line, or put quotes around a field that holds the separator",
            line,
        )
    return _Unfit(
        f"it cannot be read as a table ({_first(error)})", "mend the file, or export it again", line
    )


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")


def source_error(refused: Sequence[Refused]) -> SourceError:
    """The error when nothing at all can be used: the first thing wrong, with what to do."""
    first = refused[0]
    return SourceError(f"{first.reason}.", file=first.origin, line=first.line, hint=first.hint)
