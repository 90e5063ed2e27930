"""What a source holds, counted where it is: what a drafted suite is made from.

No value of a column marked ``pii`` is read, only how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from boardpack.sources import Column, Source
from boardpack.sql_texts import quoted_text
from boardpack.warehouse import Slice
from boardpack.zones import local_day

#: Values of a text column that are read, the most frequent first.
VALUES = 300
#: Columns whose pairs are compared.
_PAIRED = 6
#: Rows that sums of columns are looked for in.
_SAMPLE = 4000
#: How many rows, and what share of them, have to agree.
_LEAST, _NEARLY = 50, 0.98
#: Blank rows that are read to see what they have in common.
_BLANK = 500
#: How near 0 a number that is measured comes: what is farther leaves a gap.
_GAP, _SMALL = 0.005, 0.5
Numbers = np.ndarray[Any, np.dtype[np.float64]]

_NUMBERS = ("int", "bigint", "decimal", "double")
_TIMES = ("date", "timestamp")
#: What stands for an unknown moment or number in systems that cannot leave one empty.
_NO_DAY = ("0001-01-01", "1899-12-30", "1900-01-01", "1970-01-01", "2099-12-31", "9999-12-31")
_NO_NUMBER = (-1, -9, -99, -999, -9999, 9999, 99999, 999999, 9999999, 99999999)


@dataclass(frozen=True)
class ColumnFacts:
    """What a column of the slice holds; ``usual`` is as far from 0 as 99 of 100 other values."""

    column: Column
    rows: int
    nulls: int
    low: Any = None
    high: Any = None
    usual: float = 0.0
    zeros: int = 0
    negatives: int = 0
    #: whether no number has a fraction, as counts and scores have none
    is_whole: bool = False
    #: whether the smallest number that is not 0 lies far from it
    has_gap: bool = False
    #: of a text column, the most frequent first
    values: tuple[tuple[str, int], ...] = ()
    #: a value that stands for nothing, and its rows
    placeholders: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        """Its name."""
        return self.column.name

    @property
    def known(self) -> int:
        """Rows in which it is not null."""
        return self.rows - self.nulls

    @property
    def is_number(self) -> bool:
        """Whether it can be summed."""
        return self.column.type in _NUMBERS

    @property
    def is_time(self) -> bool:
        """Whether it says when."""
        return self.column.type in _TIMES

    @property
    def is_constant(self) -> bool:
        """Whether all known rows have the same."""
        return not self.column.pii and self.known > 0 and self.low == self.high

    @property
    def is_complete(self) -> bool:
        """Whether ``values`` are all that there are."""
        return 0 < len(self.values) < VALUES

    @property
    def is_unique(self) -> bool:
        """Whether no value of a text column is repeated."""
        return bool(self.values) and self.values[0][1] == 1


@dataclass(frozen=True)
class Order:
    """Two columns of time: rows that have both, in which the first is later, and in which equal."""

    first: str
    then: str
    both: int
    wrong: int
    equal: int


@dataclass(frozen=True)
class Sum:
    """Two columns whose sum (``+``) or product (``*``) is a third."""

    left: str
    sign: str
    right: str
    total: str


@dataclass(frozen=True)
class SourceFacts:
    """What a source holds as of a day."""

    rows: int
    columns: Mapping[str, ColumnFacts]
    orders: tuple[Order, ...] = ()
    sums: tuple[Sum, ...] = ()
    #: days without a row between the first and the last, longest of all, and days with one
    longest_gap: int = 0
    days: int = 0
    #: of columns that are blank in few rows: what these have in common, such as ``tenure is 0``
    blanks: Mapping[str, str] = field(default_factory=dict)


def read(slice_: Slice, source: Source) -> SourceFacts:
    """Count what a connected source holds; a few statements, each over its rows once."""
    lacks = slice_.lacks(source.id)
    relation = slice_.relation(source.id)
    columns = _columns(
        slice_, relation, [c for c in source.columns.values() if c.name not in lacks]
    )
    rows = next(iter(columns.values())).rows
    gap, days = _rhythm(slice_, source)
    return SourceFacts(
        rows,
        columns,
        _orders(slice_, relation, source, columns),
        _sums(slice_, relation, columns),
        gap,
        days,
        _blanks(slice_, relation, source, columns),
    )


def counted(slice_: Slice, query: str, batch: str) -> int:
    """How many rows a query of a suite finds: ``batch`` takes the place of ``{batch}``."""
    return int(slice_.rows(f"SELECT count(*) FROM ({query.format(batch=batch)}) AS found")[0][0])


def _columns(slice_: Slice, relation: str, columns: Sequence[Column]) -> dict[str, ColumnFacts]:
    asked = ["count(*)"]
    places: dict[str, tuple[int, list[str]]] = {}
    for column in columns:
        name = f't."{column.name}"'
        parts = {"known": f"count({name})"}
        if not column.pii and column.type not in ("bool", "time"):
            parts |= {"low": f"min({name})", "high": f"max({name})"}
        if column.type in _NUMBERS and not column.pii:
            number = f"CAST({name} AS DOUBLE)"
            parts |= {
                "usual": f"quantile_cont(CASE WHEN {name} <> 0 THEN abs({number}) END, 0.99)",
                "least": f"min(CASE WHEN {name} <> 0 THEN abs({number}) END)",
                "whole": f"min(CASE WHEN {number} = floor({number}) THEN 1 ELSE 0 END)",
                "zeros": f"sum(CASE WHEN {name} = 0 THEN 1 ELSE 0 END)",
                "negatives": f"sum(CASE WHEN {name} < 0 THEN 1 ELSE 0 END)",
            }
            held = [f"sum(CASE WHEN {name} = {v} THEN 1 ELSE 0 END)" for v in _NO_NUMBER]
            parts |= dict(zip(map(str, _NO_NUMBER), held, strict=True))
        if column.type in _TIMES and not column.pii:
            day = f"CAST({name} AS DATE)"
            held = [f"sum(CASE WHEN {day} = DATE '{v}' THEN 1 ELSE 0 END)" for v in _NO_DAY]
            parts |= dict(zip(_NO_DAY, held, strict=True))
        places[column.name] = (len(asked), list(parts))
        asked += parts.values()
    (row,) = slice_.rows(f"SELECT {', '.join(asked)} FROM {relation} AS t")
    found = {}
    for column in columns:
        at, names = places[column.name]
        told: dict[str, Any] = dict(zip(names, row[at : at + len(names)], strict=True))
        found[column.name] = ColumnFacts(
            column, row[0], row[0] - told["known"], told.get("low"), told.get("high"),
            float(told.get("usual") or 0), int(told.get("zeros") or 0),
            int(told.get("negatives") or 0), told.get("whole") == 1,
            float(told.get("least") or 0) > max(_GAP * float(told.get("usual") or 0), _SMALL),
            _values(slice_, relation, column), _placeholders(told),
        )  # fmt: skip
    return found


def _placeholders(held: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """Those that stand at an end of what the column holds, apart from all other values."""
    low, high = (_plain(held.get(end)) for end in ("low", "high"))
    found = []
    for name in _NO_DAY:
        if held.get(name) and name in (low, high):
            found.append((name, int(held[name])))
    for number in _NO_NUMBER:
        rows = int(held.get(str(number)) or 0)
        if not rows or float(number) not in (low, high):
            continue
        if rows == held["negatives"] if number < 0 else number >= 10 * (held["usual"] or 0):
            found.append((str(number), rows))
    return tuple(found)


def _plain(end: Any) -> Any:
    """A moment as its day, a day as text, a number as a float."""
    if isinstance(end, date):
        return str(end.date() if isinstance(end, datetime) else end)
    return float(end) if isinstance(end, int | float | Decimal) else end


def _values(slice_: Slice, relation: str, column: Column) -> tuple[tuple[str, int], ...]:
    if column.type != "string" or column.pii:
        return ()
    rows = slice_.rows(
        f'SELECT t."{column.name}", count(*) AS n FROM {relation} AS t'
        f' WHERE t."{column.name}" IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {VALUES}'
    )
    return tuple((str(value), int(n)) for value, n in rows)


def _rhythm(slice_: Slice, source: Source) -> tuple[int, int]:
    """The longest run of days without a row within two years, and the days with one."""
    if source.time is None:
        return 0, 0
    since = slice_.as_of - timedelta(days=2 * 366)
    day = local_day(source, slice_.zone)
    rows = slice_.rows(f"SELECT DISTINCT {day} AS day FROM {slice_.relation(source.id)} AS t")
    days = sorted(day for (day,) in rows if day is not None)
    recent = [day for day in days if day >= since] or days
    gaps = [(later - day).days for day, later in pairwise(recent)]
    return max(gaps, default=0), len(recent)


def _orders(
    slice_: Slice, relation: str, source: Source, columns: Mapping[str, ColumnFacts]
) -> tuple[Order, ...]:
    times = [c for c in columns.values() if c.is_time and c.known and not c.column.pii]
    # The time of a row comes first: with many columns its pairs are those that matter.
    times.sort(key=lambda c: c.name != source.time)
    pairs = list(combinations([c.name for c in times[:_PAIRED]], 2))
    if not pairs:
        return ()
    asked = []
    for a, b in pairs:
        left, right = (_moment(columns[name], columns[other]) for name, other in ((a, b), (b, a)))
        asked += [
            f"sum(CASE WHEN {left} IS NOT NULL AND {right} IS NOT NULL THEN 1 ELSE 0 END)",
            f"sum(CASE WHEN {left} > {right} THEN 1 ELSE 0 END)",
            f"sum(CASE WHEN {left} = {right} THEN 1 ELSE 0 END)",
        ]
    (row,) = slice_.rows(f"SELECT {', '.join(asked)} FROM {relation} AS t")
    found = []
    for i, (a, b) in enumerate(pairs):
        both, later, equal = (int(n or 0) for n in row[3 * i : 3 * i + 3])
        found.append(Order(a, b, both, later, equal))
        found.append(Order(b, a, both, both - later - equal, equal))
    return tuple(found)


def _moment(facts: ColumnFacts, other: ColumnFacts) -> str:
    """A day beside a moment counts as day: which hour of it is not known."""
    name = f't."{facts.name}"'
    return f"CAST({name} AS DATE)" if facts.column.type != other.column.type else name


def _sums(slice_: Slice, relation: str, columns: Mapping[str, ColumnFacts]) -> tuple[Sum, ...]:
    """Products of two columns and sums of two that are a third, in nearly every row looked at."""
    numbers = [
        c.name for c in columns.values()
        if c.is_number and not c.column.pii and not c.is_constant and c.known >= _LEAST
    ][:8]  # fmt: skip
    if len(numbers) < 3:
        return ()
    listed = ", ".join(f'CAST(t."{name}" AS DOUBLE)' for name in numbers)
    rows = slice_.rows(f"SELECT {listed} FROM {relation} AS t LIMIT {_SAMPLE}")
    held = np.array(rows, dtype=float).T
    found = []
    for c in range(len(numbers)):
        for a, b in combinations([i for i in range(len(numbers)) if i != c], 2):
            told = ~np.isnan(held[c]) & np.nan_to_num(held[a] * held[b] != 0).astype(bool)
            left, right, total = (held[i][told] for i in (a, b, c))
            if len(total) < _LEAST or len(np.unique(left + right)) < 10:
                continue
            if _agree(left + right, total, 0.0):
                found.append(Sum(numbers[a], "+", numbers[b], numbers[c]))
            elif _agree(left * right, total, 0.001) and (left != 1).any() and (right != 1).any():
                found.append(Sum(numbers[a], "*", numbers[b], numbers[c]))
    return tuple(found)


def _agree(numbers: Numbers, totals: Numbers, share: float) -> bool:
    """Whether they are the same to the cent, and to a share of them, in nearly all rows."""
    same = np.abs(numbers - totals) <= 0.011 + share * np.abs(totals)
    return bool(same.mean() >= _NEARLY)


def _blanks(
    slice_: Slice, relation: str, source: Source, columns: Mapping[str, ColumnFacts]
) -> dict[str, str]:
    """Of columns that are blank in few rows, the value of another that just these rows have."""
    found = {}
    few = [c for c in columns.values() if 0 < c.nulls <= min(_BLANK, 0.2 * c.rows)]
    others = [c for c in columns.values() if not c.column.pii and c.name not in source.key]
    for facts in few[:4]:
        beside = [c for c in others if c.name != facts.name and not c.is_constant]
        if not beside:
            continue
        asked = ", ".join(f'min(t."{c.name}"), max(t."{c.name}"), count(t."{c.name}")'
                          for c in beside if c.column.type != "bool")  # fmt: skip
        beside = [c for c in beside if c.column.type != "bool"]
        if not asked:
            continue
        (row,) = slice_.rows(f'SELECT {asked} FROM {relation} AS t WHERE t."{facts.name}" IS NULL')
        for i, other in enumerate(beside):
            low, high, known = row[3 * i : 3 * i + 3]
            if low is None or low != high or known != facts.nulls:
                continue
            (all_of,) = slice_.rows(
                f'SELECT count(*) FROM {relation} AS t WHERE CAST(t."{other.name}" AS VARCHAR)'
                f" = {quoted_text(str(low))}"
            )[0]
            if all_of == facts.nulls:
                found[facts.name] = f"{other.name} is {low}"
                break
    return found
