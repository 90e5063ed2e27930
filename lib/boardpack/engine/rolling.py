"""Distinct counts of every day: who was there on it or in the days before, summed over a window.

Whoever is there on a day stays so for n days, or until the day on which they are there again:
stretches that do not overlap. The days that a window shares with them are the sum of its daily
counts, exactly, and no row is repeated for the days that it counts on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from boardpack.engine.definitions import Measure
from boardpack.engine.selects import Part
from boardpack.periods import Period

#: What is counted, and among which rows, both SQL; for how many days it counts.
_Key = tuple[str, str | None, int]


def lead(measures: Mapping[Measure, str], periods: Sequence[Period]) -> list[date]:
    """The day from which rows matter, before the first window begins; none without such a measure.

    An edge for the buckets of the statement, so that its rows reach back so far.
    """
    days = [
        low - timedelta(days=measure.aggregate.days - 1)
        for measure in measures
        if measure.aggregate.kind == "rolling"
        for period in periods
        if (low := measure.window.days(period)[0]) is not None
    ]
    return [min(days)] if days else []


def rolling(
    head: tuple[tuple[str, str], ...],
    measures: Mapping[Measure, str],
    periods: Sequence[Period],
    by: Sequence[str],
    split: Sequence[str],
    as_of: date,
) -> list[Part]:
    """A SELECT for each kind of stretches; ``head`` ends with the table ``rows``, a row a day."""
    groups: dict[_Key, dict[Measure, str]] = {}
    for measure, name in measures.items():
        found = measure.aggregate
        key = (str(found.argument), measure.where, found.days)
        groups.setdefault(key, {})[measure] = name
    return [
        _part(head, index, key, group, periods, by, split, as_of)
        for index, (key, group) in enumerate(groups.items())
    ]


def _part(
    head: tuple[tuple[str, str], ...],
    index: int,
    key: _Key,
    measures: Mapping[Measure, str],
    periods: Sequence[Period],
    by: Sequence[str],
    split: Sequence[str],
    as_of: date,
) -> Part:
    windows = list(dict.fromkeys(measure.window for measure in measures))
    stretches, days = f"stretches{index}", f"days{index}"
    columns = {}
    for measure, column in measures.items():
        i = windows.index(measure.window)
        shared = f"LEAST(b.hi, s.hi{i}) - GREATEST(b.lo, s.lo{i})"
        if len(windows) > 1:
            shared = f"GREATEST({shared}, 0)"
        columns[column] = f"CAST(SUM(b.n * ({shared})) AS DOUBLE)"
    low, high = (
        f"{function}({', '.join(f's.{edge}{i}' for i in range(len(windows)))})"
        if len(windows) > 1
        else f"s.{edge}0"
        for function, edge in (("LEAST", "lo"), ("GREATEST", "hi"))
    )
    known = as_of + timedelta(days=1)
    rows = []
    for p, period in enumerate(periods):
        spans = [window.days(period) for window in windows]
        edges = [f"DATE '{day}'" for lo, hi in spans for day in (lo, min(hi, known))]
        rows.append(f"({p}, {', '.join(edges)})")
    names = ", ".join(f"lo{i}, hi{i}" for i in range(len(windows)))
    spine = f"SELECT * FROM (VALUES {', '.join(rows)}) AS v(p, {names})"
    return Part(
        (*head, (stretches, _stretches(key, by, split)), (days, spine)),
        "s.p, b.dim, b.member",
        columns,
        f"FROM {days} AS s JOIN {stretches} AS b ON b.lo < {high} AND b.hi > {low}"
        "\nGROUP BY s.p, b.dim, b.member",
    )


def _stretches(key: _Key, by: Sequence[str], split: Sequence[str]) -> str:
    """From ``lo`` up to ``hi``: how many are there, in all and in each member.

    Whoever goes from one member to another is there once in all, so that each has its own.
    """
    argument, where, n = key
    condition = f" WHERE {where}" if where else ""
    cells = [("-1", "''", ""), *((str(list(by).index(d)), f'"{d}"', f', "{d}"') for d in split)]
    selects = [
        f"SELECT {dim} AS dim, {member} AS member, day AS lo, LEAST(day + {n}, LEAD(day, 1,"
        f" DATE '9999-12-31') OVER (PARTITION BY {argument}{also} ORDER BY day)) AS hi"
        f" FROM rows{condition}"
        for dim, member, also in cells
    ]
    together = "\nUNION ALL\n".join(selects)
    return (
        f"SELECT dim, member, lo, hi, COUNT(*) AS n FROM (\n{together}\n) AS each_day"
        " WHERE hi > lo GROUP BY dim, member, lo, hi"
    )
