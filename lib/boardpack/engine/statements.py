"""The planner: one SQL statement a source, for all its measures × periods × members.

Rows are read once, sorted into the buckets between neighbouring window edges (`windows.Buckets`)
and aggregated; every window of every period is then a range of buckets. Nothing here
truncates dates or converts zones: edges are literals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from boardpack.engine.catalogue import Measure, column_sql, dimensions
from boardpack.engine.expressions import Measured, aggregate, scalar
from boardpack.engine.windows import Buckets, Window, parse_point, parse_window
from boardpack.periods import Period
from boardpack.sources import Source, Sources
from boardpack.warehouse import Slice, literal, local_day

UNKNOWN = "(unknown)"


@dataclass(frozen=True)
class Statement:
    """SQL for one source.

    Its rows are ``p`` (index of the period), ``dim`` (index into ``by``, -1 for the total),
    ``member`` and a column for each of ``columns``; one cell may come in several rows.
    """

    source: str
    sql: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """One SELECT of the final union: what it computes, and the CTEs before it."""

    ctes: tuple[tuple[str, str], ...]
    select: str
    columns: dict[str, str]
    tail: str


def plan(
    slice_: Slice, measures: dict[Measure, str], periods: Sequence[Period], by: Sequence[str]
) -> list[Statement]:
    """The statements for these measures; ``measures`` gives each its column name.

    A histogram percentile becomes the merged counts below it: columns ``<name>__total`` and
    ``<name>__<bound column>``.
    """
    by_source: dict[str, dict[Measure, str]] = {}
    for measure, name in measures.items():
        by_source.setdefault(measure.source, {}).update(_expand(slice_.declared, measure, name))
    return [
        _statement(slice_, slice_.declared[source], found, periods, by)
        for source, found in by_source.items()
    ]


def _expand(sources: Sources, measure: Measure, name: str) -> dict[Measure, str]:
    if measure.aggregate.kind != "histogram_percentile":
        return {measure: name}
    histogram = sources[measure.source].histogram
    assert histogram is not None
    parts = {"total": histogram.total, **{bound: bound for bound in histogram.bounds}}
    return {
        Measure(
            measure.source,
            Measured("sum", f'"{column}"'),
            measure.window,
            measure.where,
            columns=tuple(sorted({*measure.columns, column})),
        ): f"{name}__{part}"
        for part, column in parts.items()
    }


def _statement(
    slice_: Slice,
    source: Source,
    measures: dict[Measure, str],
    periods: Sequence[Period],
    by: Sequence[str],
) -> Statement:
    split = [d for d in by if d in dimensions(slice_.declared, source.id)]
    if source.panel_of:
        parts = [_panel(slice_, source, measures, periods, by, split)]
    else:
        parts = _flows(slice_, source, measures, periods, by, split)
    columns = tuple(dict.fromkeys(name for part in parts for name in part.columns))
    ctes: dict[str, str] = {}
    selects = []
    for part in parts:
        ctes.update(part.ctes)
        values = ", ".join(
            f'{part.columns.get(name, "CAST(NULL AS DOUBLE)")} AS "{name}"' for name in columns
        )
        selects.append(f"SELECT {part.select}, {values}\n{part.tail}")
    text = ",\n".join(f"{name} AS (\n{body}\n)" for name, body in ctes.items())
    return Statement(source.id, f"WITH {text}\n" + "\nUNION ALL\n".join(selects), columns)


def _flows(
    slice_: Slice,
    source: Source,
    measures: dict[Measure, str],
    periods: Sequence[Period],
    by: Sequence[str],
    split: list[str],
) -> list[_Part]:
    windows = list(dict.fromkeys(measure.window for measure in measures))
    edges = [day for period in periods for window in windows for day in window.days(period)]
    buckets = Buckets.of(edges)
    spine = _spine(periods, windows, buckets)
    parts = []
    for prorated in (False, True):
        additive = {
            m: name
            for m, name in measures.items()
            if m.aggregate.kind != "distinct" and m.aggregate.prorated == prorated
        }
        distinct = {
            m: name
            for m, name in measures.items()
            if m.aggregate.kind == "distinct" and not prorated
        }
        if not additive and not distinct:
            continue
        rows_name = "shares" if prorated else "rows"
        used = {c for m in (*additive, *distinct) for c in m.columns}
        open_start = any(w.kind in ("to_date", "opening") for w in windows)
        body = _rows(slice_, source, used, split, buckets, open_start, prorated)
        head = (("spine", spine), (rows_name, body))
        if additive:
            parts.append(_additive(head, rows_name, additive, windows, by, split, prorated))
        groups: dict[tuple[str, str | None], dict[Measure, str]] = {}
        for m, name in distinct.items():
            groups.setdefault((str(m.aggregate.argument), m.where), {})[m] = name
        for index, ((argument, where), group) in enumerate(groups.items()):
            parts.append(
                _distinct(head, rows_name, f"distinct{index}", argument, where, group,
                          windows, by, split)
            )  # fmt: skip
    return parts


def _additive(
    head: tuple[tuple[str, str], ...],
    rows: str,
    measures: dict[Measure, str],
    windows: list[Window],
    by: Sequence[str],
    split: list[str],
    prorated: bool,
) -> _Part:
    """Sums, counts, minima and maxima: aggregated a bucket first, then over ranges of buckets."""
    units: dict[tuple[str, str | None, str | None], str] = {}
    columns: dict[str, str] = {}
    for measure, name in measures.items():
        kind, argument = measure.aggregate.kind, measure.aggregate.argument
        unit = units.setdefault((kind, argument, measure.where), f"u{len(units)}")
        number = windows.index(measure.window)
        outer = {"min": "MIN", "max": "MAX"}.get(kind, "SUM")
        columns[name] = (
            f"CAST({outer}(CASE WHEN b.bucket >= s.lo{number} AND b.bucket < s.hi{number}"
            f" THEN b.{unit} END) AS DOUBLE)"
        )
    inner = ", ".join(
        f"{_inner(kind, argument, where, prorated)} AS {unit}"
        for (kind, argument, where), unit in units.items()
    )
    dims = "".join(f', "{d}"' for d in split)
    cells = f"{rows}_by_bucket"
    body = f"SELECT bucket{dims}, {inner} FROM {rows} GROUP BY bucket{dims}"
    used = sorted({windows.index(measure.window) for measure in measures})
    return _Part(
        (*head, (cells, body)),
        _labels("b", by, split),
        columns,
        f"FROM spine AS s JOIN {cells} AS b ON {_within('b', used)}\n{_grouping('b', split)}",
    )


def _inner(kind: str, argument: str | None, where: str | None, prorated: bool) -> str:
    if kind == "count":
        counted = "1" if argument is None else argument
        if where is None:
            return "COUNT(*)" if argument is None else f"COUNT({argument})"
        return f"COUNT(CASE WHEN {where} THEN {counted} END)"
    value = f"CAST({argument} AS DOUBLE) * share" if prorated else str(argument)
    if where is not None:
        value = f"CASE WHEN {where} THEN {value} END"
    return f"{kind.upper()}({value})"


def _distinct(
    head: tuple[tuple[str, str], ...],
    rows: str,
    name: str,
    argument: str,
    where: str | None,
    measures: dict[Measure, str],
    windows: list[Window],
    by: Sequence[str],
    split: list[str],
) -> _Part:
    """Distinct counts cannot be added up over buckets: the distinct values are kept instead."""
    dims = "".join(f', "{d}"' for d in split)
    condition = f" WHERE {where}" if where else ""
    body = f"SELECT DISTINCT bucket{dims}, {argument} AS x FROM {rows}{condition}"
    used = sorted({windows.index(measure.window) for measure in measures})
    columns = {}
    for measure, column in measures.items():
        number = windows.index(measure.window)
        value = "b.x"
        if len(used) > 1:
            value = f"CASE WHEN b.bucket >= s.lo{number} AND b.bucket < s.hi{number} THEN b.x END"
        columns[column] = f"CAST(COUNT(DISTINCT {value}) AS DOUBLE)"
    return _Part(
        (*head, (name, body)),
        _labels("b", by, split),
        columns,
        f"FROM spine AS s JOIN {name} AS b ON {_within('b', used)}\n{_grouping('b', split)}",
    )


def _panel(
    slice_: Slice,
    source: Source,
    measures: dict[Measure, str],
    periods: Sequence[Period],
    by: Sequence[str],
    split: list[str],
) -> _Part:
    """One row an entity and period, made of its buckets; measures then count and sum those rows."""
    base = slice_.declared[str(source.panel_of)]
    wanted = sorted({column for measure in measures for column in measure.columns})
    windows: list[Window] = []
    ranges: dict[str, list[tuple[date | None, date]]] = {}
    for column in wanted:
        entry = source.panel[column]
        if entry.at is not None:
            point = parse_point(entry.at)
            ranges[column] = [(None, point.day(period)) for period in periods]
        else:
            window = parse_window(str(entry.window))
            windows.append(window)
            ranges[column] = [window.days(period) for period in periods]
    # A panel row is there while its entity has any row before the period's end.
    ranges[""] = [(None, period.end) for period in periods]
    buckets = Buckets.of(day for days in ranges.values() for pair in days for day in pair)
    spine_rows = []
    for index in range(len(periods)):
        cells = [str(index)]
        for column in wanted:
            low, high = ranges[column][index]
            cells += [str(buckets.number(low)), str(buckets.number(high))]
        cells.append(str(buckets.number(ranges[""][index][1])))
        spine_rows.append(f"({', '.join(cells)})")
    names = ["p", *(f"{edge}{i}" for i in range(len(wanted)) for edge in ("lo", "hi")), "hi"]
    spine = f"SELECT * FROM (VALUES {', '.join(spine_rows)}) AS v({', '.join(names)})"

    used: set[str] = set(source.entity)

    def column_of_base(name: str) -> str:
        used.add(name)
        return column_sql(slice_.declared, base, name)

    units: dict[tuple[str, str | None, str | None], str] = {}
    panel_columns = []
    for number, column in enumerate(wanted):
        entry = source.panel[column]
        measured = aggregate(entry.value, column_of_base)
        where = None if entry.where is None else scalar(entry.where, column_of_base)
        unit = units.setdefault((measured.kind, measured.argument, where), f"u{len(units)}")
        inside = f"CASE WHEN c.bucket >= s.lo{number} AND c.bucket < s.hi{number} THEN c.{unit} END"
        if measured.kind in ("min", "max"):
            panel_columns.append(f'{measured.kind.upper()}({inside}) AS "{column}"')
        else:
            panel_columns.append(f'COALESCE(SUM({inside}), 0) AS "{column}"')
    condition = None if source.where is None else scalar(source.where, column_of_base)
    rows = _rows(slice_, base, used, split, buckets, True, False, condition)
    dims = "".join(f', "{d}"' for d in split)
    entity = ", ".join(column_sql(slice_.declared, base, name) for name in source.entity)
    inner = "".join(
        f", {_inner(kind, argument, where, False)} AS {unit}"
        for (kind, argument, where), unit in units.items()
    )
    cells_sql = f"SELECT {entity}{dims}, bucket{inner} FROM rows GROUP BY {entity}{dims}, bucket"
    panel = (
        f"SELECT s.p, {entity}{dims}, {', '.join(panel_columns)}\n"
        f"FROM spine AS s JOIN cells AS c ON c.bucket < s.hi\nGROUP BY s.p, {entity}{dims}"
    )
    columns = {}
    for measure, name in measures.items():
        kind, argument = measure.aggregate.kind, measure.aggregate.argument
        if kind == "distinct":
            value = (
                argument
                if measure.where is None
                else f"CASE WHEN {measure.where} THEN {argument} END"
            )
            columns[name] = f"CAST(COUNT(DISTINCT {value}) AS DOUBLE)"
        else:
            columns[name] = f"CAST({_inner(kind, argument, measure.where, False)} AS DOUBLE)"
    return _Part(
        (("spine", spine), ("rows", rows), ("cells", cells_sql), ("panel", panel)),
        _labels("s", by, split),
        columns,
        f"FROM panel AS s\n{_grouping('s', split)}",
    )


def _rows(
    slice_: Slice,
    source: Source,
    used: Iterable[str],
    split: Sequence[str],
    buckets: Buckets,
    open_start: bool,
    prorated: bool,
    condition: str | None = None,
) -> str:
    """The rows of the slice that any window looks at, with borrowed columns and their bucket."""
    sources = slice_.declared
    table = sources[source.distinct_of] if source.distinct_of else source
    assert table.time is not None
    needed: set[str] = set()

    def outer(name: str) -> str:
        needed.add(name)
        alias, _, column = name.rpartition(".")
        return f'{_quoted(alias) if alias else "t"}."{column}"'

    selected = []
    for name in sorted(set(used)):
        if source.distinct_of and name == "day":
            continue
        selected.append(f"{outer(name)} AS {column_sql(sources, table, name)}")
    if source.distinct_of:
        selected = [f'{outer(name)} AS "{name}"' for name in source.entity]
        selected.append(f'{local_day(table, slice_.zone)} AS "day"')
    for dimension in split:
        value = outer(table.dimensions[dimension])
        selected.append(f"COALESCE(CAST({value} AS VARCHAR), '{UNKNOWN}') AS \"{dimension}\"")
    conditions = []
    time = f't."{table.time}"'
    if prorated:
        end = f't."{table.time_end}"'
        selected += ["e.bucket", f"CAST(LEAST({end} + 1, e.hi) - GREATEST({time}, e.lo) AS DOUBLE)"
                     f" / ({end} + 1 - {time}) AS share"]  # fmt: skip
    else:
        selected.append(f"{_bucket(slice_, table, time, buckets)} AS bucket")
        conditions.append(
            f"{time} < {literal(table.columns[table.time], buckets.last, slice_.zone)}"
        )
        if not open_start:
            first = literal(table.columns[table.time], buckets.first, slice_.zone)
            conditions.append(f"{time} >= {first}")
    if table.exclude:
        conditions.append(f"NOT COALESCE({scalar(table.exclude, outer)}, FALSE)")
    if source.distinct_of and source.where:
        conditions.append(f"({scalar(source.where, outer)})")
    joins = _joins(slice_, table, needed)
    if prorated:
        stretches = ", ".join(
            f"({i + 1}, DATE '{low}', DATE '{high}')"
            for i, (low, high) in enumerate(zip(buckets.edges, buckets.edges[1:], strict=False))
        )
        joins = (
            f"\nJOIN (VALUES {stretches}) AS e(bucket, lo, hi)"
            f" ON {time} < e.hi AND {end} >= e.lo{joins}"
        )
    keyword = "SELECT DISTINCT" if source.distinct_of else "SELECT"
    where = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
    body = f"{keyword} {', '.join(selected)}\nFROM {slice_.relation(table.id)} AS t{joins}{where}"
    return f"SELECT * FROM (\n{body}\n) AS kept WHERE {condition}" if condition else body


def _joins(slice_: Slice, table: Source, needed: set[str]) -> str:
    """The joins that the needed columns come from, those they go through first."""
    order: list[str] = []

    def add(name: str) -> None:
        alias = name.rpartition(".")[0]
        if alias and alias not in order:
            add(table.joins[alias].on)
            order.append(alias)

    for name in sorted(needed):
        add(name)
    text = ""
    for alias in order:
        join = table.joins[alias]
        via, _, column = join.on.rpartition(".")
        key = slice_.declared[join.source].key[0]
        text += (
            f"\nLEFT JOIN {slice_.relation(join.source)} AS {_quoted(alias)}"
            f' ON {_quoted(alias)}."{key}" = {_quoted(via) if via else "t"}."{column}"'
        )
    return text


def _bucket(slice_: Slice, table: Source, time: str, buckets: Buckets) -> str:
    """A balanced CASE: a row meets as many comparisons as the edges have binary digits."""
    column = table.columns[str(table.time)]
    edges = [literal(column, day, slice_.zone) for day in buckets.edges]

    def tree(low: int, high: int) -> str:
        if low == high:
            return str(low)
        middle = (low + high) // 2
        return (
            f"CASE WHEN {time} < {edges[middle]} THEN {tree(low, middle)}"
            f" ELSE {tree(middle + 1, high)} END"
        )

    return tree(0, len(edges))


def _spine(periods: Sequence[Period], windows: Sequence[Window], buckets: Buckets) -> str:
    rows = []
    for index, period in enumerate(periods):
        cells = [str(index)]
        for window in windows:
            low, high = window.days(period)
            cells += [str(buckets.number(low)), str(buckets.number(high))]
        rows.append(f"({', '.join(cells)})")
    names = ["p", *(f"{edge}{i}" for i in range(len(windows)) for edge in ("lo", "hi"))]
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS v({', '.join(names)})"


def _within(alias: str, windows: Sequence[int]) -> str:
    low = ", ".join(f"s.lo{i}" for i in windows)
    high = ", ".join(f"s.hi{i}" for i in windows)
    if len(windows) > 1:
        low, high = f"LEAST({low})", f"GREATEST({high})"
    return f"{alias}.bucket >= {low} AND {alias}.bucket < {high}"


def _labels(alias: str, by: Sequence[str], split: Sequence[str]) -> str:
    if not split:
        return "s.p, -1 AS dim, '' AS member"
    cases = " ".join(f'WHEN GROUPING({alias}."{d}") = 0 THEN {list(by).index(d)}' for d in split)
    members = " ".join(f'WHEN GROUPING({alias}."{d}") = 0 THEN {alias}."{d}"' for d in split)
    return f"s.p, CASE {cases} ELSE -1 END AS dim, CASE {members} ELSE '' END AS member"


def _grouping(alias: str, split: Sequence[str]) -> str:
    sets = ["(s.p)", *(f'(s.p, {alias}."{d}")' for d in split)]
    return f"GROUP BY GROUPING SETS ({', '.join(sets)})"


def _quoted(name: str) -> str:
    return f'"{name}"'
