"""Dialects: how a text file is written, and the SELECT that reads it as it is written.

DuckDB's sniffer finds the separator; whether there is a header, and whether lines that the sniffer
would skip are rows, is looked at here, so that no row is lost without a word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from boardpack.sql_texts import quoted, quoted_text

#: Where a separator is a run of blanks, a line is read whole; this character is in no text.
_NEVER = "\\x1f"


@dataclass(frozen=True)
class Dialect:
    """How a text file is written; ``delimiter`` is "" where runs of blanks part the fields."""

    delimiter: str
    quote: str = '"'
    skip: int = 0
    header: bool = True
    encoding: str = "utf-8"


class Unfit(Exception):
    """A file that is not used: the reason, what to do, and the line where it is one line."""

    def __init__(self, reason: str, hint: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.hint, self.line = reason, hint, line


def select_text(dialect: Dialect, names: Sequence[str], given: str, repeated: bool) -> str:
    """SQL for the rows of ``given``, a quoted path or a list of them, every column as text.

    ``repeated`` leaves out lines that are the header once more.
    """
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


def dialect_of(con: duckdb.DuckDBPyConnection, path: Path, encoding: str) -> Dialect:
    """Separator, quote and lines above the table; `Unfit` when the lines are no table.

    Whether the first line is a header is not said yet; see `is_header`.
    """
    try:
        row = con.execute(
            "SELECT Delimiter, Quote, SkipRows, len(Columns) FROM"
            f" sniff_csv({quoted_text(str(path))}, encoding = '{encoding}')"
        ).fetchone()
    except duckdb.Error as error:
        raise unreadable(error) from None
    assert row is not None
    delimiter, quote, skip, width = row
    quote = quote if len(quote) == 1 else '"'
    lines = first_lines(path, encoding, skip + 200)
    if width == 1:
        named = _uneven(lines)
        if named:
            raise named
        fields = {len(line.split()) for line in lines if line.strip()}
        if len(fields) != 1 or fields == {1}:
            raise Unfit(
                "it is no table: no separator parts its lines into columns",
                "a table has one row a line, its fields parted by comma, semicolon or tab",
            )
        return Dialect("", "", 0, True, encoding)
    skipped = [line for line in lines[:skip] if line.strip()]
    if any(line.count(delimiter) for line in skipped):
        odd = next(i for i, line in enumerate(lines, 1) if line.count(delimiter) == width - 1)
        raise Unfit(
            f"its lines differ in their number of fields: line {odd} has {width}, line"
            f" {lines.index(skipped[-1]) + 1} has {skipped[-1].count(delimiter) + 1}",
            "mend that line, or put quotes around a field that holds the separator",
            odd,
        )
    return Dialect(delimiter, quote, skip, True, encoding)


def _uneven(lines: Sequence[str]) -> Unfit | None:
    """The error for a table of which some lines have more or fewer fields than the first."""
    filled = [(i, line) for i, line in enumerate(lines, 1) if line.strip()]
    for delimiter in ",;\t|":
        counts = [line.count(delimiter) for _, line in filled]
        usual = max(set(counts), key=counts.count) if counts else 0
        if usual and len(counts) > 2 and counts.count(usual) >= 0.8 * len(counts):
            line, text = next(pair for pair, n in zip(filled, counts, strict=True) if n != usual)
            return Unfit(
                f"line {line} has {text.count(delimiter) + 1} fields, the others have {usual + 1}",
                "mend that line, or put quotes around a field that holds the separator",
                line,
            )
    return None


def first_lines(path: Path, encoding: str, most: int) -> list[str]:
    """The first lines of a text file, without their ends."""
    found = []
    with path.open(encoding=encoding, errors="replace") as file:
        for line in file:
            found.append(line.rstrip("\r\n"))
            if len(found) == most:
                break
    return found


def first_rows(
    con: duckdb.DuckDBPyConnection, path: Path, dialect: Dialect, most: int
) -> list[tuple[str, ...]]:
    """The first rows, the header among them, as text."""
    if not dialect.delimiter:
        lines = first_lines(path, dialect.encoding, most)
        return [tuple(line.split()) for line in lines if line.strip()]
    quote = quoted_text(dialect.quote)
    try:
        rows = con.execute(
            f"SELECT * FROM read_csv({quoted_text(str(path))}, header = false, all_varchar = true,"
            f" delim = {_escaped(dialect.delimiter)}, quote = {quote}, escape = {quote},"
            f" skip = {dialect.skip}, encoding = '{dialect.encoding}') LIMIT {most}"
        ).fetchall()
    except duckdb.Error as error:
        raise unreadable(error) from None
    return [tuple("" if cell is None else str(cell) for cell in row) for row in rows]


def is_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
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


def unreadable(error: duckdb.Error) -> Unfit:
    """What DuckDB says of a file that it cannot read, with the line."""
    match = re.search(r"CSV Error on Line: (\d+)", str(error))
    line = int(match.group(1)) if match else None
    fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", str(error))
    if fields and line:
        return Unfit(
            f"line {line} has {fields.group(2)} fields, the others have {fields.group(1)}",
            "mend that line, or put quotes around a field that holds the separator",
            line,
        )
    return Unfit(
        f"it cannot be read as a table ({first_line(error)})",
        "mend the file, or export it again",
        line,
    )


def first_line(error: Exception) -> str:
    """The first line of an error, without its full stop."""
    return str(error).strip().splitlines()[0].rstrip(".")
