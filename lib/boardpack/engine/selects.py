"""What the SELECTs of a statement are made of: aggregates in two steps, labels and groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: An aggregate over rows: its kind, argument and condition, the latter two as SQL.
Unit = tuple[str, str | None, str | None]


@dataclass(frozen=True)
class Part:
    """One SELECT of the final union: what it computes, and the CTEs before it."""

    ctes: tuple[tuple[str, str], ...]
    select: str
    columns: dict[str, str]
    tail: str
    #: what it reads, for a person: rows, and why, or which mart
    reads: tuple[str, ...] = ()


def first(unit: Unit, *, prorated: bool = False) -> str:
    """SQL that aggregates rows.

    >>> first(("sum", '"amount"', "kind = 'new'"))
    'SUM(CASE WHEN kind = \\'new\\' THEN "amount" END)'
    """
    kind, argument, where = unit
    if kind == "distinct":
        return f"COUNT(DISTINCT {argument if where is None else _given(where, str(argument))})"
    if kind == "count":
        if where is None:
            return "COUNT(*)" if argument is None else f"COUNT({argument})"
        return f"COUNT({_given(where, argument or '1')})"
    value = f"CAST({argument} AS DOUBLE) * share" if prorated else str(argument)
    return f"{kind.upper()}({value if where is None else _given(where, value)})"


def percentile(argument: str, quantile: float, where: str | None = None) -> str:
    """SQL for the exact percentile of rows, between two values in proportion.

    >>> percentile('"hours"', 0.5)
    'QUANTILE_CONT(CAST("hours" AS DOUBLE), 0.5)'
    """
    value = argument if where is None else _given(where, argument)
    return f"QUANTILE_CONT(CAST({value} AS DOUBLE), {quantile})"


def again(kind: str, value: str) -> str:
    """SQL that aggregates what `first` made of parts: ``value`` is its column or an expression."""
    made = f"{fold(kind)}({value})"
    # The sum of whole numbers would be of a wider type, which costs more to add up.
    return f"CAST({made} AS BIGINT)" if kind == "count" else made


def fold(kind: str) -> str:
    """The function that makes one of the aggregates of parts."""
    return {"min": "MIN", "max": "MAX"}.get(kind, "SUM")


def labels(alias: str, by: Sequence[str], split: Sequence[str]) -> str:
    """The first three columns of every statement: period, dimension and member."""
    if not split:
        return "s.p, -1 AS dim, '' AS member"
    cases = " ".join(f'WHEN GROUPING({alias}."{d}") = 0 THEN {list(by).index(d)}' for d in split)
    members = " ".join(f'WHEN GROUPING({alias}."{d}") = 0 THEN {alias}."{d}"' for d in split)
    return f"s.p, CASE {cases} ELSE -1 END AS dim, CASE {members} ELSE '' END AS member"


def grouping(alias: str, split: Sequence[str]) -> str:
    """Groups for the total and for the members of each dimension."""
    sets = ["(s.p)", *(f'(s.p, {alias}."{d}")' for d in split)]
    return f"GROUP BY GROUPING SETS ({', '.join(sets)})"


def values(columns: Sequence[str], rows: Sequence[Sequence[int]]) -> str:
    """A small table written out.

    >>> values(["p", "hi"], [[0, 3], [1, 4]])
    'SELECT * FROM (VALUES (0, 3), (1, 4)) AS v(p, hi)'
    """
    written = ", ".join(f"({', '.join(map(str, row))})" for row in rows)
    return f"SELECT * FROM (VALUES {written}) AS v({', '.join(columns)})"


def _given(where: str, value: str) -> str:
    return f"CASE WHEN {where} THEN {value} END"
