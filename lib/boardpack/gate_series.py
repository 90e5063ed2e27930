"""The past of a source by day, for all checks of its history in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np

from boardpack.engine.borrowing import at_event
from boardpack.gate_history import Numbers
from boardpack.sources import Source
from boardpack.warehouse import Slice
from boardpack.zones import literal, local_day

#: Days of the past that are read: three years, and what comes before the first of their blocks.
PAST = 3 * 366 + 70
#: How late a row may be recorded and still be in time.
LATE = "INTERVAL '1' DAY"
#: Members beyond these many together are one: an identifier is no member.
MEMBERS = 40
EMPTY = "(empty)"
OTHERS = "(others)"

Kind = Literal["rows", "mean", "share"]


@dataclass(frozen=True)
class Wanted:
    """One thing to be counted by day of ``over``: rows, sums of a column, or rows by member.

    ``column`` is one of the source; for a mean also ``hour of COLUMN``, for a share a dimension
    that it borrows along a join, ``late COLUMN`` or ``filled COLUMN``.
    """

    over: str
    kind: Kind
    column: str = ""


@dataclass(frozen=True)
class Past:
    """What was counted: ``days`` from ``first`` to the as-of, none left out."""

    first: date
    days: Numbers
    sums: Numbers = field(default_factory=lambda: np.empty(0))
    members: Mapping[str, Numbers] = field(default_factory=dict)


def read(slice_: Slice, source: Source, over: str, wanted: Iterable[Wanted]) -> dict[Wanted, Past]:
    """All that is wanted of one source over one column of time; empty where it has no rows."""
    asked = tuple(dict.fromkeys(w for w in wanted if w.over == over))
    means = [w for w in asked if w.kind == "mean"]
    shares = [w for w in asked if w.kind == "share"]
    rows = slice_.rows(_statement(slice_, source, over, means, shares))
    if not rows:
        return {}
    first = min(row[0] for row in rows)
    length = (slice_.as_of - first).days + 1
    days = np.zeros(length)
    known = {w: np.zeros(length) for w in means}
    counted = {w: np.zeros(length) for w in means}
    members: dict[Wanted, dict[str, Numbers]] = {w: {} for w in shares}
    by_mask = {_mask(len(shares), i): (i, members[w]) for i, w in enumerate(shares)}
    places = {first + timedelta(days=at): at for at in range(length)}
    width = 2 + len(shares)
    for row in rows:
        at = places[row[0]]
        if row[1] not in by_mask:
            days[at] = row[width]
            for i, w in enumerate(means, start=1):
                known[w][at], counted[w][at] = row[width + 2 * i - 1] or 0, row[width + 2 * i]
            continue
        i, counts = by_mask[row[1]]
        name = EMPTY if row[2 + i] is None else str(row[2 + i])
        if name not in counts:
            counts[name] = np.zeros(length)
        counts[name][at] = row[width]
    found = {w: Past(first, days) for w in asked if w.kind == "rows"}
    found |= {w: Past(first, counted[w], sums=known[w]) for w in means}
    found |= {w: Past(first, days, members=_largest(members[w])) for w in shares}
    return found


def _statement(
    slice_: Slice, source: Source, over: str, means: list[Wanted], shares: list[Wanted]
) -> str:
    joins: dict[str, str] = {}
    keys = [f"{_member(slice_, source, w.column, joins)} AS k{i}" for i, w in enumerate(shares)]
    numbers = [f"{_number(w.column)} AS x{i}" for i, w in enumerate(means)]
    since = literal(source.columns[over], slice_.as_of - timedelta(days=PAST), slice_.zone)
    end = literal(source.columns[over], slice_.as_of + timedelta(days=1), slice_.zone)
    day = local_day(replace(source, time=over), slice_.zone)
    inner = (
        f"SELECT {', '.join([f'{day} AS day', *keys, *numbers])} FROM {slice_.relation(source.id)}"
        f" AS t{''.join(joins.values())}"
        f' WHERE t."{over}" >= {since} AND t."{over}" < {end}'
    )
    names = [f"k{i}" for i in range(len(shares))]
    sets = ", ".join(["(day)", *(f"(day, {name})" for name in names)])
    which = f"GROUPING({', '.join(names)})" if names else "0"
    sums = [f"sum(x{i}), count(x{i})" for i in range(len(means))]
    return (
        f"SELECT {', '.join(['day', which, *names, 'count(*)', *sums])} FROM ({inner}) AS d"
        f" GROUP BY GROUPING SETS ({sets})"
    )


def _number(column: str) -> str:
    what, _, name = column.rpartition(" ")
    if what == "hour of":
        return f'(extract(hour FROM t."{name}") + extract(minute FROM t."{name}") / 60.0)'
    return f'CAST(t."{name}" AS DOUBLE)'


def _mask(shares: int, own: int | None) -> int:
    """What GROUPING says: a bit for each key that a row is not grouped by, the first highest."""
    everything = (1 << shares) - 1
    return everything if own is None else everything & ~(1 << (shares - 1 - own))


def _member(slice_: Slice, source: Source, column: str, joins: dict[str, str]) -> str:
    what, _, name = column.rpartition(" ")
    if what == "late":
        late = f't."{source.recorded_at}" > t."{name}" + {LATE}'
        return f"CASE WHEN {late} THEN 'late' ELSE 'in time' END"
    if what == "filled":
        return f"CASE WHEN t.\"{name}\" IS NULL THEN 'empty' ELSE 'filled' END"
    if column in source.columns:
        return f'CAST(t."{column}" AS VARCHAR)'
    return f"CAST({_borrowed(slice_, source, source.dimensions[column], joins)} AS VARCHAR)"


def _borrowed(slice_: Slice, source: Source, column: str, joins: dict[str, str]) -> str:
    """A column of the source or, as ``join.column``, of one joined to it, maybe by way of more."""
    join, _, name = column.rpartition(".")
    if not join:
        return f't."{name}"'
    if join not in joins:
        to = source.joins[join]
        if to.at_event:
            joins[join] = at_event(slice_, source, join, to)
            return f'"{join}"."{name}"'
        own = _borrowed(slice_, source, to.on, joins)
        key = slice_.declared[to.source].key[0]
        relation = slice_.relation(to.source)
        joins[join] = f' LEFT JOIN {relation} AS "{join}" ON "{join}"."{key}" = {own}'
    return f'"{join}"."{name}"'


def _largest(members: dict[str, Numbers]) -> dict[str, Numbers]:
    ordered: list[Any] = sorted(members, key=lambda name: -float(members[name].sum()))
    kept = {name: members[name] for name in ordered[:MEMBERS]}
    rest = [members[name] for name in ordered[MEMBERS:]]
    return {**kept, OTHERS: np.sum(rest, axis=0)} if rest else kept
