"""Listings: rows that a report names one by one, such as open actions, as a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pandas as pd

from boardpack.blocks import Shown, Text
from boardpack.errors import UserError
from boardpack.facts import Finding, concerning
from boardpack.formats import Formatter, member_name
from boardpack.listed import FOLDER, Listed, ListedColumn
from boardpack.markup import (
    Box,
    Column,
    Inline,
    Line,
    NoValue,
    Number,
    Paragraph,
    Piece,
    Span,
    Strong,
    Table,
    text,
)
from boardpack.periods import parse_day
from boardpack.table_titles import titled
from boardpack.values import Values

#: No page shows more rows than this, whatever is asked for: all are in the file.
MOST = 200

_FIGURES = ("number", "percent", "currency")
_SHARES = {
    "text": 24,
    "status": 14,
    "kpi": 22,
    "date": 16,
    "number": 11,
    "percent": 11,
    "currency": 14,
}
#: From here on nobody reads the part after the point.
_LARGE = 1000
#: A number within a text, as a reader would find it.
_DIGITS = re.compile(r"\d+(?:[.,:]\d+)*")


def listing(values: Values, name: str, *, most: int = 0) -> Text:
    """The rows of a listing as a table, in the listing's order, a heading a group.

    Its title counts them, and those that need attention.

    At most ``most`` rows, by default as many as the listing says and never more than 200; what is
    left out is counted, and all rows are in ``listings/NAME.csv`` of the edition. Without rows a
    sentence says so; nothing where its tables are not connected. Each number is a `Shown` without
    a KPI whose member is ``listing/row/column``. Raises `UnknownNameError` for a listing that the
    notebook does not name, and `UserError` for ``most`` below 0.

        bp.listing(values, "open_actions", most=12)
    """
    if most < 0:
        raise UserError(f"most={most} shows no rows.", hint="leave it out to see as many as usual")
    found = values.listing(name)
    if found.reason:
        return Text("")
    formatter = Formatter(values)
    if found.frame.empty:
        return text(Paragraph((_nothing(formatter, found),)), *_caution(values, found))
    shown = found.frame.head(min(most or found.limit, MOST))
    table = Box(
        "scorecard", (Table(_columns(found, shown), tuple(_rows(formatter, found, shown))),)
    )
    return text(
        *titled(_title(formatter, found)), table, *_rest(formatter, found, len(shown)),
        *_caution(values, found),
    )  # fmt: skip


def _nothing(formatter: Formatter, found: Listed) -> str:
    """``No open actions as of December 31, 2025.``"""
    title = found.title if found.title[:2].isupper() else found.title[:1].lower() + found.title[1:]
    values = formatter.values
    if found.window in ("to_date", "opening"):
        return f"No {title} as of {formatter.day(parse_day(values.report.as_of))}."
    return f"No {title} in {formatter.period(values.period)}."


def _title(formatter: Formatter, found: Listed) -> Line:
    """How many rows there are, and how many of them need attention by each status.

    ``Open actions: 177; overdue: 41``; a status whose words have no colour is not counted.
    """
    line: Line = (f"{found.title}: ", _count(formatter, found, len(found.frame), "rows"))
    for column in found.columns:
        for mood in ("bad", "warn"):
            for word in (word for word, is_of in column.moods.items() if is_of == mood):
                if many := int((found.frame[column.name] == word).sum()):
                    what = f"{column.name}={word}"
                    said = _text(formatter, found, "rows", what, member_name(word).lower())
                    line = (*line, "; ", *said, ": ", _count(formatter, found, many, what))
    return line


def _columns(found: Listed, shown: pd.DataFrame) -> tuple[Column, ...]:
    """Columns as wide as what stands in them, within the bounds of their kinds."""
    columns = []
    for column in found.columns:
        longest = max((len(str(v)) for v in shown[column.name] if v is not None), default=0)
        usual = _SHARES[column.kind]
        share = min(max(longest, usual // 2), 40) if column.kind == "text" else usual
        columns.append(Column(column.head, share, "right" if column.kind in _FIGURES else "left"))
    return tuple(columns)


def _rows(formatter: Formatter, found: Listed, shown: pd.DataFrame) -> Iterator[tuple[Line, ...]]:
    """The rows, under a heading where their group begins."""
    heading: object = None
    decimals = {column.name: _decimals(column, shown) for column in found.columns}
    for row in shown.to_dict("records"):
        group = row["group"]
        if group is not None and group != heading:
            heading = group
            said = _text(formatter, found, row["row"], "group", member_name(str(group)))
            yield ((Strong(said),), *[()] * (len(found.columns) - 1))
        yield tuple(
            _cell(formatter, found, column, row, decimals.get(column.name, 0))
            for column in found.columns
        )


def _decimals(column: ListedColumn, shown: pd.DataFrame) -> int:
    """As many as the whole column needs, so that its figures stand below each other."""
    if column.kind not in _FIGURES:
        return 0
    known = shown[column.name].dropna().abs()
    if (known == known.round()).all() or known.min() >= _LARGE:
        return 0
    return 2 if column.kind == "currency" else 1


def _cell(
    formatter: Formatter, found: Listed, column: ListedColumn, row: dict[Any, Any], decimals: int
) -> Line:
    value = row[column.name]
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return (NoValue("nothing is recorded"),)
    if column.kind in _FIGURES:
        written = formatter.cell(column.kind, float(value), decimals)
        return (_number(formatter, found, row["row"], column.name, written),)
    if column.kind == "date":
        day = value.date() if isinstance(value, datetime) else value
        return (formatter.short_day(day) if isinstance(day, date) else str(day),)
    word = str(value)
    said = column.names.get(word, word)
    if column.kind == "status":
        said = member_name(word)
        said = said[:1].upper() + said[1:]
    line = _text(formatter, found, row["row"], column.name, said)
    mood = column.moods.get(word)
    return (Span(mood, line),) if mood else line


def _text(formatter: Formatter, found: Listed, row: str, column: str, said: str) -> Line:
    """A text of the data; the numbers within it are numbers of the page like all others."""
    line: list[Inline] = []
    at = 0
    for match in _DIGITS.finditer(said):
        line += [said[at : match.start()]] if match.start() > at else []
        line.append(_number(formatter, found, row, column, match[0]))
        at = match.end()
    return (*line, said[at:]) if at < len(said) or not line else tuple(line)


def _number(formatter: Formatter, found: Listed, row: str, column: str, written: str) -> Number:
    period = formatter.values.period.label
    return Number(Shown("", period, f"{found.id}/{row}/{column}", written, "cell"))


def _count(formatter: Formatter, found: Listed, n: int, what: str) -> Number:
    """How many of its rows are of a kind."""
    written = formatter.cell("number", n)
    return Number(Shown("", formatter.values.period.label, f"{found.id}/{what}", written, "count"))


def _rest(formatter: Formatter, found: Listed, shown: int) -> tuple[Piece, ...]:
    """How many rows are left out, and where all of them are."""
    total = len(found.frame)
    if shown == total:
        return ()
    told: Line = (
        _count(formatter, found, shown, "shown"), " of ", _count(formatter, found, total, "rows"),
        f" shown; all of them are in {FOLDER}/{found.id}.csv.",
    )  # fmt: skip
    return (Box("note", (Paragraph(told),)),)


def _caution(values: Values, found: Listed) -> tuple[Piece, ...]:
    """The note below it: which checks of its tables did not pass."""
    failed: tuple[Finding, ...] = concerning(values.report.findings, "", found.tables)
    if not failed:
        return ()
    said = "; ".join(f"{one.source}, {one.sentence}" for one in failed)
    word = "Data failed" if any(one.leads_to == "hold" for one in failed) else "Data warning"
    return (Box("note", (Paragraph((f"{word} — {said}.",)),)),)
