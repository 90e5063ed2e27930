"""Panels in SQL: one row an entity and period, made of its buckets, which measures then sum."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

import duckdb

from boardpack.engine.borrowing import Borrowed, borrowed
from boardpack.engine.columns import column_sql
from boardpack.engine.definitions import Measure
from boardpack.engine.expressions import aggregate, scalar
from boardpack.engine.marts import Marts, panel_need
from boardpack.engine.rows import own_rows, rows, stored_rows
from boardpack.engine.selects import (
    Part,
    Unit,
    again,
    first,
    fold,
    grouping,
    labels,
    percentile,
    values,
)
from boardpack.engine.windows import Buckets, parse_point, parse_window
from boardpack.periods import Period
from boardpack.sources import Source
from boardpack.warehouse import Slice


@dataclass(frozen=True)
class _Column:
    """A column of the panel: a unit over a range of buckets, ``[low, high)`` for each period."""

    name: str
    kind: str
    unit: str
    ranges: tuple[tuple[int, int], ...]

    def written(self, value: str) -> str:
        """What has no rows is zero, except a minimum or maximum."""
        kept = value if self.kind in ("min", "max") else f"COALESCE({value}, 0)"
        return f'{kept} AS "{self.name}"'


def panel(
    slice_: Slice,
    source: Source,
    measures: Mapping[Measure, str],
    periods: Sequence[Period],
    by: Sequence[str],
    split: Sequence[str],
    marts: Marts,
) -> Part:
    """The SELECT for measures over a panel; a row is there once its entity has any row."""
    wanted = sorted({column for measure in measures for column in measure.columns})
    days = {column: _days(source, column, periods) for column in wanted}
    buckets = Buckets.of(
        [*(day for pairs in days.values() for pair in pairs for day in pair),
         *(period.end for period in periods)]
    )  # fmt: skip
    ends = [buckets.number(period.end) for period in periods]
    bases = {str(source.panel_of): _Base(slice_, source, str(source.panel_of))}
    whole = not all(_blind_to_empty(source, measure) for measure in measures)
    columns = []
    count = 0
    for name in wanted:
        entry = source.panel[name]
        of = entry.of or str(source.panel_of)
        base = bases.setdefault(of, _Base(slice_, source, of))
        measured = aggregate(entry.value, base.column)
        where = None if entry.where is None else scalar(entry.where, base.column)
        unit = base.units.setdefault((measured.kind, measured.argument, where), f"u{count}")
        count += unit == f"u{count}"
        ranges = tuple((buckets.number(low), buckets.number(high)) for low, high in days[name])
        columns.append(_Column(name, measured.kind, unit, ranges))
        base.reaches_back |= any(low == 0 for low, _ in ranges)
    giving = {name: base for name, base in bases.items() if base.units}
    if len(giving) > 1 and not whole:
        # What gives no column says who was there, and whoever was there alone changes nothing.
        bases = giving
    keys = [f'"{name}"' for name in (*source.entity, *split)]
    ctes = []
    for number, base in enumerate(bases.values()):
        base.reaches_back |= whole
        ctes += base.cells(split, buckets, str(number) if len(bases) > 1 else "", marts)
    if len(bases) > 1:
        ctes.append(("parts", _together(list(bases.values()), split, count)))
        ctes.append(("cells", _merged(columns, keys)))
    if _carries(columns, ends):
        ctes += _carried(columns, ends, keys, len(buckets.edges) + 1)
    elif all(column.kind == "count" for column in columns):
        ctes += _counted(columns, ends, keys, len(buckets.edges) + 1)
    else:
        ctes += _fanned(columns, ends, keys)
    return Part(
        tuple(ctes),
        labels("s", by, split),
        {name: f"CAST({_measured(measure)} AS DOUBLE)" for measure, name in measures.items()},
        f"FROM panel AS s\n{grouping('s', split)}",
        tuple(base.reads for base in bases.values()),
    )


def _blind_to_empty(source: Source, measure: Measure) -> bool:
    """Whether a row of the panel in which nothing happened changes nothing, so may be left out."""
    kind, argument = measure.aggregate.kind, measure.aggregate.argument
    if kind not in ("sum", "count") or measure.known_only:
        return False
    kinds = {name: aggregate(source.panel[name].value, str).kind for name in measure.columns}
    empty = ", ".join(
        f'{"NULL" if made in ("min", "max") else "0"} AS "{name}"' for name, made in kinds.items()
    )
    added = argument if kind == "sum" else "1"
    return _is_false(
        f"SELECT coalesce({measure.where or 'true'}, false) AND coalesce({added}, 0) <> 0"
        f" FROM (SELECT {empty or '0 AS nothing'}) AS empty"
    )


@lru_cache(maxsize=4096)
def _is_false(sql: str) -> bool:
    """What a statement over constants says, asked once."""
    return _constants(os.getpid()).execute(sql).fetchone() == (False,)


@lru_cache(maxsize=1)
def _constants(_process: int) -> duckdb.DuckDBPyConnection:
    """An empty database: to open one takes longer than to ask it, and a fork may not use it."""
    atexit.register(_constants.cache_clear)
    return duckdb.connect()


def _measured(measure: Measure) -> str:
    """An aggregate over the rows of the panel, which hold whole entities."""
    found = measure.aggregate
    if found.quantile is not None:
        return percentile(str(found.argument), found.quantile, measure.where)
    return first((found.kind, found.argument, measure.where))


def _days(source: Source, column: str, periods: Sequence[Period]) -> list[tuple[date | None, date]]:
    entry = source.panel[column]
    if entry.at is not None:
        point = parse_point(entry.at)
        return [(None, point.day(period)) for period in periods]
    window = parse_window(str(entry.window))
    return [window.days(period) for period in periods]


@dataclass
class _Base:
    """One of the sources of a panel, and what the panel's columns take from it."""

    slice_: Slice
    panel: Source
    name: str
    units: dict[Unit, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    #: whether rows before every window count: for a balance, or for an entity that rests since
    reaches_back: bool = False
    #: what it reads, for a person
    reads: str = ""

    @property
    def source(self) -> Source:
        return self.slice_.declared[self.name]

    @property
    def entity(self) -> str:
        """The column that names the entity of the panel."""
        return self.panel.also.get(self.name, self.panel.entity[0])

    def column(self, name: str) -> str:
        self.used.add(name)
        return column_sql(self.slice_.declared, self.source, name)

    def cells(
        self, split: Sequence[str], buckets: Buckets, suffix: str, marts: Marts
    ) -> list[tuple[str, str]]:
        """CTEs that end in ``cells``: a row an entity, member and bucket."""
        need = panel_need(self.slice_.declared, self.panel, self.name, self.used, self.units, split)
        reader = marts.reader(need, buckets.edges)
        if not isinstance(reader, str):
            self.reads = str(reader)
            others = borrowed(self.slice_, self.source, split)
            relation = reader.relation(buckets, open_start=self.reaches_back)
            columns = [self.entity, *others.keys, *map(reader.mart.design.column, self.units)]
            body = stored_rows(
                self.slice_, self.source, relation, columns, (), buckets,
                open_start=self.reaches_back, borrow=False,
            )  # fmt: skip
            late = _late(others, f'"{self.entity}"', self.units, suffix, reader.made)
            return [(f"rows{suffix}", body), *late]
        self.reads = f"rows of {self.name}: {reader}"
        where = self.panel.where if self.name == self.panel.panel_of else None
        condition = None if where is None else scalar(where, self.column)
        entity = self.column(self.entity)
        others = borrowed(self.slice_, self.source, split)
        table, cells = f"rows{suffix}", f"cells{suffix}"
        # A time that is borrowed itself has to meet its table before rows are sorted into buckets.
        later = (
            others.joins
            and not others.at_event
            and not any("." in name for name in (*self.used, str(self.source.time)))
        )
        if later:
            used = {*self.used, *others.keys}
            body = own_rows(
                self.slice_, self.source, used, buckets, condition, open_start=self.reaches_back
            )
            return [(table, body), *_late(others, entity, self.units, suffix)]
        body = rows(
            self.slice_, self.source, self.used, split, buckets, open_start=self.reaches_back,
            condition=condition,
        )  # fmt: skip
        keys = [entity, *(f'"{d}"' for d in split)]
        return [(table, body), (cells, _cells(table, keys, self.units))]


def _together(bases: Sequence[_Base], split: Sequence[str], count: int) -> str:
    """The cells of several sources under one entity, each with the units it has."""
    selects = []
    for number, base in enumerate(bases):
        own = set(base.units.values())
        units = "".join(f", {f'u{i}' if f'u{i}' in own else 'NULL'} AS u{i}" for i in range(count))
        dims = "".join(f', "{d}"' for d in split)
        entity = f'"{base.entity}" AS "{base.panel.entity[0]}"'
        selects.append(f"SELECT {entity}{dims}, bucket{units} FROM cells{number}")
    return "\nUNION ALL\n".join(selects)


def _merged(columns: Sequence[_Column], keys: Sequence[str]) -> str:
    """One cell an entity, member and bucket of the parts that several sources brought."""
    kinds = {column.unit: column.kind for column in columns}
    made = "".join(f", {again(kind, unit)} AS {unit}" for unit, kind in kinds.items())
    by = ", ".join([*keys, "bucket"])
    return f"SELECT {by}{made} FROM parts GROUP BY {by}"


def _cells(
    table: str,
    keys: Sequence[str],
    units: Mapping[Unit, str],
    made_of: Callable[[Unit], str] = first,
) -> str:
    """A row an entity, member and bucket."""
    made = "".join(f", {made_of(unit)} AS {name}" for unit, name in units.items())
    by = ", ".join([*keys, "bucket"])
    return f"SELECT {by}{made} FROM {table} GROUP BY {by}"


def _late(
    others: Borrowed,
    entity: str,
    units: Mapping[Unit, str],
    suffix: str,
    made_of: Callable[[Unit], str] = first,
) -> list[tuple[str, str]]:
    """Cells that meet what is borrowed only when they are few."""
    own = [entity, *(f'"{name}"' for name in others.keys if f'"{name}"' != entity)]
    shown = [f"t.{entity}", *others.dimensions, "t.bucket"]
    made = "".join(f", {again(unit[0], f't.{name}')} AS {name}" for unit, name in units.items())
    where = f"\nWHERE {' AND '.join(others.conditions)}" if others.conditions else ""
    places = ", ".join(str(place) for place in range(1, len(shown) + 1))
    return [
        (f"own_cells{suffix}", _cells(f"rows{suffix}", own, units, made_of)),
        (
            f"cells{suffix}",
            f"SELECT {', '.join(shown)}{made}\nFROM own_cells{suffix} AS t{others.joins}{where}"
            f"\nGROUP BY {places}",
        ),
    ]


def _fanned(
    columns: Sequence[_Column], ends: Sequence[int], keys: Sequence[str]
) -> list[tuple[str, str]]:
    """The panel by giving every cell to every period that begins after it."""
    spine = values(
        ["p", *(f"{edge}{i}" for i in range(len(columns)) for edge in ("lo", "hi")), "hi"],
        [[p, *(n for c in columns for n in c.ranges[p]), end] for p, end in enumerate(ends)],
    )
    made = "".join(
        ", " + column.written(
            again(
                column.kind,
                f"CASE WHEN c.bucket >= s.lo{i} AND c.bucket < s.hi{i} THEN c.{column.unit} END",
            )
        )
        for i, column in enumerate(columns)
    )  # fmt: skip
    by = ", ".join(["s.p", *keys])
    return [
        ("spine", spine),
        (
            "panel",
            f"SELECT {by}{made}\nFROM spine AS s JOIN cells AS c ON c.bucket < s.hi\nGROUP BY {by}",
        ),
    ]


def _counted(
    columns: Sequence[_Column], ends: Sequence[int], keys: Sequence[str], after: int
) -> list[tuple[str, str]]:
    """The panel from running counts: what a range holds is the count at its end less that before.

    A row for each stretch in which an entity's counts stand still, met once for each edge of a
    period's ranges; giving every cell to every later period would be many times as much.
    """
    edges = list(
        dict.fromkeys(
            [
                tuple(ends),
                *(tuple(pair[end] for pair in c.ranges) for c in columns for end in (0, 1)),
            ]
        )
    )
    units = list(dict.fromkeys(column.unit for column in columns))
    by = ", ".join(keys)
    # A sum of whole numbers would be of a wider type, which costs far more to add up.
    running = "".join(f", SUM(CAST({unit} AS DOUBLE)) OVER entity AS {unit}" for unit in units)

    def at(edge: tuple[int, ...], unit: str) -> str:
        return f"COALESCE(e{edges.index(edge)}.{unit}, 0)" if any(edge) else "0"

    made = ""
    for column in columns:
        low, high = (tuple(pair[end] for pair in column.ranges) for end in (0, 1))
        counted = f"{at(high, column.unit)} - {at(low, column.unit)}"
        made += f', CAST({counted} AS BIGINT) AS "{column.name}"'
    joins = "".join(
        f"\nLEFT JOIN stretches AS e{i} ON {_same(f'e{i}', keys)}"
        f" AND e{i}.bucket < s.e{i} AND e{i}.following >= s.e{i}"
        for i, edge in enumerate(edges)
        if i and any(edge)
    )
    rows_ = [[p, *(edge[p] for edge in edges)] for p in range(len(ends))]
    return [
        ("spine", values(["p", *(f"e{i}" for i in range(len(edges)))], rows_)),
        (
            "stretches",
            f"SELECT {by}, bucket, LEAD(bucket, 1, {after}) OVER entity AS following{running}"
            f"\nFROM cells\nWINDOW entity AS (PARTITION BY {by} ORDER BY bucket)",
        ),
        (
            "panel",
            f"SELECT s.p, {', '.join(f'e0.{key}' for key in keys)}{made}\nFROM spine AS s"
            f" JOIN stretches AS e0 ON e0.bucket < s.e0 AND e0.following >= s.e0{joins}",
        ),
    ]


def _same(alias: str, keys: Sequence[str]) -> str:
    return " AND ".join(f"{alias}.{key} = e0.{key}" for key in keys)


def _to_date(ends: Sequence[int]) -> tuple[tuple[int, int], ...]:
    return tuple((0, end) for end in ends)


def _carries(columns: Sequence[_Column], ends: Sequence[int]) -> bool:
    """Whether every column looks at all buckets up to the period's end, or at the last alone."""
    allowed = (_to_date(ends), tuple((end - 1, end) for end in ends))
    return all(column.ranges in allowed for column in columns)


def _carried(
    columns: Sequence[_Column], ends: Sequence[int], keys: Sequence[str], after: int
) -> list[tuple[str, str]]:
    """The panel by carrying an entity's last cell forward: a row each, and none to group again.

    ``after`` is a bucket that no period reaches.
    """
    running = {c.unit: c.kind for c in columns if c.ranges == _to_date(ends)}
    sums = "".join(
        f", {fold(kind)}({unit}) OVER entity AS r{unit}" for unit, kind in running.items()
    )
    made = "".join(
        ", " + column.written(
            f"c.r{column.unit}"
            if column.ranges == _to_date(ends)
            else f"CASE WHEN c.bucket = s.hi - 1 THEN c.{column.unit} END"
        )
        for column in columns
    )  # fmt: skip
    return [
        ("spine", values(["p", "hi"], list(enumerate(ends)))),
        (
            "carried",
            f"SELECT *, LEAD(bucket, 1, {after}) OVER entity AS following{sums}\nFROM cells"
            f"\nWINDOW entity AS (PARTITION BY {', '.join(keys)} ORDER BY bucket)",
        ),
        (
            "panel",
            f"SELECT s.p, {', '.join(keys)}{made}\nFROM spine AS s JOIN carried AS c"
            " ON c.bucket < s.hi AND c.following >= s.hi",
        ),
    ]
