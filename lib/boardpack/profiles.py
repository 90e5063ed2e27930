"""Profiles: what each column of a table holds, and the SQL that reads it as that.

Text is tried as date, moment, number and yes or no on a sample; the reading that fits is then held
against every row, and what it does not fit is counted and named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import duckdb

from boardpack.discovery import Table
from boardpack.sql_texts import quoted, quoted_text

Kind = Literal["text", "integer", "decimal", "date", "timestamp", "bool"]
#: Rows that are looked at to find a reading.
SAMPLE = 5000
#: Values of it that every reading is tried on.
_TRIED = 1000
#: The share of the sample that a reading has to fit.
_FITS = 0.97
#: Distinct values up to which a column is an enumeration.
_FEW = 24
_NOTHING = ("na", "n/a", "null", "none", "nan", "-", "--", "#n/a", "\\n", "unknown", "k.a.", "?")
_DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y",
    "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y",
    "%B %d, %Y",
)  # fmt: skip
_TIMES = ("%H:%M:%S", "%H:%M", "%I:%M %p", "%I:%M:%S %p")
_PAIRS = (
    ("yes", "no"), ("true", "false"), ("y", "n"), ("t", "f"), ("ja", "nein"), ("oui", "non"),
    ("sí", "no"), ("si", "no"),
)  # fmt: skip
_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "EUR": "EUR", "USD": "USD",
          "GBP": "GBP", "CHF": "CHF"}  # fmt: skip


@dataclass(frozen=True)
class Profile:
    """One column: its ``sql`` reads it as ``kind``; counts are over all rows."""

    name: str
    raw: str
    kind: Kind
    sql: str
    rows: int
    nulls: int
    distinct: int
    low: Any = None
    high: Any = None
    examples: tuple[str, ...] = ()
    #: every value with its rows, of a column that has few
    values: tuple[tuple[str, int], ...] = ()
    negative: int = 0
    fractions: bool = False
    blanks: int = 0
    currency: str = ""
    has_zone: bool = False
    notes: tuple[str, ...] = ()
    #: what only a person can say
    question: str = ""

    @property
    def is_unique(self) -> bool:
        """Whether no value is missing or repeated."""
        return self.nulls == 0 and self.distinct == self.rows

    @property
    def is_number(self) -> bool:
        """Whether it can be summed."""
        return self.kind in ("integer", "decimal")

    @property
    def is_time(self) -> bool:
        """Whether it says when."""
        return self.kind in ("date", "timestamp")


@dataclass(frozen=True)
class _Reading:
    kind: Kind
    sql: str
    #: SQL that is null for what does not fit
    attempt: str
    note: str = ""
    rank: int = 0


def profile(con: duckdb.DuckDBPyConnection, table: Table, zone: str) -> list[Profile]:
    """The profiles of a loaded table's columns; ``zone`` is that of moments that name none."""
    relation = quoted(table.name)
    described = con.execute(f"DESCRIBE {relation}").fetchall()
    rows = _one(con, f"SELECT count(*) FROM {relation}")[0]
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE sample_rows AS SELECT * FROM {relation}"
        f" USING SAMPLE reservoir({SAMPLE} ROWS) REPEATABLE (7)"
    )
    found = []
    for (raw, type_, *_), name in zip(described, table.columns, strict=True):
        if type_ == "VARCHAR":
            found.append(_of_text(con, relation, raw, name, rows, zone))
        else:
            found.append(_of_type(con, relation, raw, name, rows, type_, zone))
    return found


def _of_type(
    con: duckdb.DuckDBPyConnection, relation: str, raw: str, name: str, rows: int, type_: str,
    zone: str,
) -> Profile:  # fmt: skip
    column = quoted(raw)
    kind, sql, has_zone = _typed(type_, column, zone)
    found = Profile(name, raw, kind, sql, rows, 0, 0, has_zone=has_zone)
    return _measured(con, relation, found)


def _typed(type_: str, column: str, zone: str) -> tuple[Kind, str, bool]:
    if type_ in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
                 "UINTEGER", "UBIGINT"):  # fmt: skip
        return "integer", column, False
    if type_.startswith(("DECIMAL", "DOUBLE", "FLOAT")):
        return "decimal", column, False
    if type_ == "DATE":
        return "date", column, False
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return "timestamp", f"{column} AT TIME ZONE 'UTC'", True
    if type_.startswith("TIMESTAMP"):
        return "timestamp", _to_utc(f"CAST({column} AS TIMESTAMP)", zone), False
    if type_ == "BOOLEAN":
        return "bool", column, False
    return "text", f"CAST({column} AS VARCHAR)", False


def _to_utc(sql: str, zone: str) -> str:
    if zone == "UTC":
        return sql
    return f"({sql} AT TIME ZONE {quoted_text(zone)}) AT TIME ZONE 'UTC'"


def _of_text(
    con: duckdb.DuckDBPyConnection, relation: str, raw: str, name: str, rows: int, zone: str
) -> Profile:
    column = quoted(raw)
    words = ", ".join(quoted_text(word) for word in _NOTHING)
    blanks, void = _one(
        con,
        f"SELECT count(*) FILTER (trim({column}) = ''),"
        f" list(DISTINCT trim({column})) FILTER (lower(trim({column})) IN ({words}))"
        f" FROM {relation}",
    )
    value, notes = f"nullif(trim({column}), '')", []
    void = sorted(void or ())
    if void:
        listed = ", ".join(quoted_text(word) for word in void)
        stripped = f"CASE WHEN trim({column}) NOT IN ('', {listed}) THEN trim({column}) END"
    reading = _best(con, stripped if void else value, raw, zone)
    if void and reading.kind != "text":
        value = stripped
        notes.append(f"{' and '.join(void)} read as nothing")
    if blanks:
        notes.append(f"{blanks} blank values read as nothing")
    bad, example = 0, None
    if reading.kind != "text":
        bad, example = _one(
            con,
            f"SELECT count(*), any_value({column}) FROM {relation}"
            f" WHERE {value} IS NOT NULL AND {reading.attempt} IS NULL",
        )
    if bad > (1 - _FITS) * rows:
        reading, bad = _text(value), 0
    sql = reading.attempt if bad else reading.sql
    question = ""
    if bad:
        question = (
            f"{bad} values are no {reading.kind} and read as nothing, such as {str(example)!r}"
        )
    if reading.note:
        notes.append(reading.note)
    found = Profile(
        name, raw, reading.kind, sql, rows, 0, 0, blanks=blanks, notes=tuple(notes),
        question=question, currency=_currency(con, column) if reading.kind != "text" else "",
        has_zone=reading.kind == "timestamp" and "TIMESTAMPTZ" in sql,
    )  # fmt: skip
    return _measured(con, relation, found)


def _text(value: str) -> _Reading:
    return _Reading("text", value, value)


def _best(con: duckdb.DuckDBPyConnection, value: str, raw: str, zone: str) -> _Reading:
    """The first reading that fits the sample; text when none does."""
    readings = _readings(value, zone)
    digits = _one(con, f"SELECT count(*) FILTER (regexp_matches({value}, '\\d')) FROM sample_rows")
    if not digits[0]:
        readings = [reading for reading in readings if reading.kind == "bool"]
    counts = _one(
        con,
        "SELECT count(v), "
        + ", ".join(f"count({r.attempt.replace(value, 'v')})" for r in readings)
        + f" FROM (SELECT {value} AS v FROM sample_rows WHERE {value} IS NOT NULL LIMIT {_TRIED})",
    )
    total, fits = counts[0], counts[1:]
    if not total:
        return _text(value)
    good = [r for r, n in zip(readings, fits, strict=True) if n >= _FITS * total]
    if not good:
        return _text(value)
    day_first = [r for r in good if r.rank and r.kind in ("date", "timestamp")]
    if len(day_first) > 1 and good[0].rank:
        return _day_or_month(con, day_first, raw)
    chosen = good[0]
    if chosen.kind == "decimal" and len(good) > 1 and good[1].kind == "decimal" and good[1].rank:
        commas = _one(
            con,
            f"SELECT count(*) FROM (SELECT {value} AS v FROM sample_rows)"
            " WHERE v LIKE '%.%' AND NOT regexp_matches(v, '\\.\\d{3}$')",
        )
        if commas[0] == 0:
            chosen = replace(
                chosen, note="read with a decimal point; if the points part thousands, say so here"
            )
    return chosen


def _day_or_month(
    con: duckdb.DuckDBPyConnection, readings: Sequence[_Reading], raw: str
) -> _Reading:
    """Both orders fit: the one that spreads the days less; days then lie close together."""
    spread = [
        (_one(con, f"SELECT max(d)::DATE - min(d)::DATE FROM (SELECT {r.attempt} AS d"
                   " FROM sample_rows)")[0], i)
        for i, r in enumerate(readings)
    ]  # fmt: skip
    chosen = readings[min(spread)[1]]
    order = "day first" if "%d" in chosen.sql.split("%m")[0] else "month first"
    return replace(chosen, note=f"every {raw} fits day/month and month/day; read {order}")


def _readings(value: str, zone: str) -> list[_Reading]:
    """Everything that text is tried as, the likeliest first."""
    found = []
    for yes, no in _PAIRS:
        pair = f"lower({value}) IN ('{yes}', '{no}')"
        sql = f"lower({value}) = '{yes}'"
        found.append(_Reading("bool", sql, f"CASE WHEN {pair} THEN {sql} END"))
    for form in _DATES:
        # Eight digits may be any number: only those of a century that reports speak of are a day.
        shape = "(19|20)\\d{6}" if form == "%Y%m%d" else _shape(form)
        rank = 1 if re.search(r"%[dm][/-]%[dm]", form) else 0
        attempt = (
            f"CASE WHEN regexp_full_match({value}, '{shape}')"
            f" THEN CAST(try_strptime({value}, '{form}') AS DATE) END"
        )
        found.append(
            _Reading("date", f"CAST(strptime({value}, '{form}') AS DATE)", attempt, rank=rank)
        )
        for time in _TIMES:
            both = f"{form} {time}"
            moment = f"try_strptime({value}, '{both}')"
            found.append(
                _Reading("timestamp", _to_utc(f"strptime({value}, '{both}')", zone),
                         _to_utc(moment, zone), rank=rank)
            )  # fmt: skip
    iso = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?"
    found.append(
        _Reading("timestamp", _to_utc(f"CAST({value} AS TIMESTAMP)", zone),
                 f"CASE WHEN regexp_full_match({value}, '{iso}')"
                 f" THEN {_to_utc(f'TRY_CAST({value} AS TIMESTAMP)', zone)} END")
    )  # fmt: skip
    found.append(
        _Reading("timestamp", f"CAST({value} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'",
                 f"CASE WHEN regexp_full_match({value}, '{iso} ?(Z|UTC|[+-]\\d\\d(:?\\d\\d)?)')"
                 f" THEN TRY_CAST({value} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END")
    )  # fmt: skip
    # Offsets as 0100 or after a blank, which a cast does not take.
    offset = f"regexp_replace({value}, ' ?([+-]\\d\\d):?(\\d\\d)$', '\\1:\\2')"
    found.append(
        _Reading(
            "timestamp",
            f"CAST({offset} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'",
            f"CASE WHEN regexp_full_match({value}, '{iso} ?[+-]\\d\\d:?\\d\\d')"
            f" THEN TRY_CAST({offset} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END",
        )
    )
    whole = f"CASE WHEN regexp_full_match({value}, '[+-]?(0|[1-9]\\d{{0,17}})')"
    found.append(
        _Reading("integer", f"CAST({value} AS BIGINT)", f"{whole} THEN CAST({value} AS BIGINT) END")
    )
    plain = f"CASE WHEN regexp_full_match({value}, '[+-]?(0|[1-9]\\d*)?(\\.\\d+)?([eE][+-]?\\d+)?')"
    found.append(
        _Reading("decimal", f"CAST({value} AS DECIMAL(18, 4))",
                 f"{plain} THEN TRY_CAST({value} AS DECIMAL(18, 4)) END")
    )  # fmt: skip
    sign = "(?:[$€£¥]|EUR|USD|GBP|CHF)?"
    for thousand, point, rank in ((",", ".", 0), (".", ",", 1)):
        digits = rf"(\d{{1,3}}([{thousand} ''’]\d{{3}})+|0|[1-9]\d*)([{point}]\d+)?"
        shape = rf"\(?[+-]?\s*{sign}\s*[+-]?{digits}\s*{sign}\)?-?"
        kept = f"regexp_replace({value}, '[^0-9{point}]', '', 'g')"
        if point == ",":
            kept = f"replace({kept}, ',', '.')"
        minus = f"CASE WHEN regexp_matches({value}, '[(-]') THEN -1 ELSE 1 END"
        number = f"{minus} * CAST({kept} AS DECIMAL(18, 4))"
        note = "decimal comma" if point == "," else ""
        found.append(
            _Reading("decimal", number,
                     f"CASE WHEN regexp_full_match({value}, '{shape}') THEN {number} END",
                     note, rank)
        )  # fmt: skip
    return found


def _shape(form: str) -> str:
    """A regular expression for the text of a date, so that nothing is half read.

    >>> _shape("%d.%m.%Y")
    '\\\\d{1,2}\\\\.\\\\d{1,2}\\\\.\\\\d{4}'
    """
    parts = {"%Y": r"\d{4}", "%y": r"\d{2}", "%m": r"\d{1,2}", "%d": r"\d{1,2}",
             "%b": r"[A-Za-z]{3}", "%B": r"[A-Za-z]{3,9}", ".": r"\."}  # fmt: skip
    return "".join(parts.get(p, p) for p in re.findall(r"%.|.", form))


def _measured(con: duckdb.DuckDBPyConnection, relation: str, found: Profile) -> Profile:
    low = high = "NULL"
    negative, fractions = "0", "false"
    if found.kind != "bool":
        low, high = "min(v)", "max(v)"
    if found.is_number:
        negative, fractions = "count(*) FILTER (v < 0)", "coalesce(bool_or(v <> trunc(v)), false)"
    row = _one(
        con,
        f"SELECT count(*) - count(v), count(DISTINCT v), {low}, {high}, {negative}, {fractions}"
        f" FROM (SELECT {found.sql} AS v FROM {relation})",
    )
    nulls, distinct, least, most, minus, has_fractions = row
    examples = con.execute(
        f"SELECT DISTINCT CAST(v AS VARCHAR) FROM (SELECT {found.sql} AS v FROM sample_rows"
        " LIMIT 200) WHERE v IS NOT NULL LIMIT 3"
    ).fetchall()
    values: Sequence[tuple[str, int]] = ()
    if distinct <= _FEW and found.kind in ("text", "bool", "integer"):
        values = con.execute(
            f"SELECT CAST(v AS VARCHAR), count(*) FROM (SELECT {found.sql} AS v FROM {relation})"
            " WHERE v IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()
    return replace(
        found, nulls=nulls, distinct=distinct, low=least, high=most, negative=minus,
        fractions=bool(has_fractions), examples=tuple(row[0] for row in examples),
        values=tuple(values),
    )  # fmt: skip


def _currency(con: duckdb.DuckDBPyConnection, column: str) -> str:
    signs = "[$€£¥]|EUR|USD|GBP|CHF"
    row = _one(
        con,
        f"SELECT any_value(regexp_extract({column}, '{signs}')) FROM sample_rows"
        f" WHERE regexp_matches({column}, '{signs}')",
    )
    return _SIGNS.get(row[0] or "", "")


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = con.execute(sql).fetchone()
    assert row is not None
    return row
