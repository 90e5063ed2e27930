"""Flows in SQL: what a window adds up over rows in buckets, or counts and ranks among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from boardpack.engine.definitions import Measure
from boardpack.engine.marts import Marts, Reader, flow_need
from boardpack.engine.rolling import lead, rolling
from boardpack.engine.rows import DAYS, rows, stored_rows
from boardpack.engine.selects import Part, Unit, again, first, fold, grouping, labels, percentile
from boardpack.engine.spines import Spine
from boardpack.engine.waiting import waits
from boardpack.engine.windows import Buckets
from boardpack.periods import Period
from boardpack.sources import Source
from boardpack.warehouse import Slice


def flows(
    slice_: Slice,
    source: Source,
    measures: Mapping[Measure, str],
    periods: Sequence[Period],
    by: Sequence[str],
    split: Sequence[str],
    marts: Marts,
) -> list[Part]:
    """The parts that read rows, and those that read each of the marts that stand in for them."""
    found: dict[Reader | None, dict[Measure, str]] = {}
    reasons: dict[str, None] = {}
    for measure, name in measures.items():
        need = flow_need(slice_.declared, measure, split) if marts.ready else marts.otherwise
        answer = marts.reader(need, [day for p in periods for day in measure.window.days(p)])
        if isinstance(answer, str):
            reasons[answer] = None
        reader = None if isinstance(answer, str) else answer
        found.setdefault(reader, {})[measure] = name
    if len(found) > 1 and _looks_at(found.values(), periods) != _looks_at([measures], periods):
        # A member that is there between two windows alone would be lost.
        found, reasons = {None: dict(measures)}, {"its windows leave a gap": None}
    parts = []
    for number, (reader, mine) in enumerate(found.items()):
        suffix = f"_{number}" if reader else ""
        reads = str(reader) if reader else f"rows of {source.id}: {'; '.join(reasons)}"
        parts += [
            replace(part, reads=(reads,))
            for part in _read(slice_, source, mine, periods, by, split, reader, suffix)
        ]
    return parts


def _looks_at(
    groups: Iterable[Mapping[Measure, str]], periods: Sequence[Period]
) -> list[tuple[date, date]]:
    """The days that the SELECTs for these measures look at, as stretches apart from each other."""
    hulls = []
    for measures in groups:
        additive, distinct, percentiles = _kinds(measures)
        for group in filter(None, (additive, *distinct.values(), *percentiles.values())):
            for period in periods:
                days = [measure.window.days(period) for measure in group]
                low = min(first or date.min for first, _ in days)
                hulls.append((low, max(after for _, after in days)))
    stretches: list[tuple[date, date]] = []
    for low, high in sorted(hulls):
        if stretches and low <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], max(high, stretches[-1][1]))
        else:
            stretches.append((low, high))
    return stretches


_Groups = dict[tuple[str, str | None], dict[Measure, str]]


def _kinds(measures: Mapping[Measure, str]) -> tuple[dict[Measure, str], _Groups, _Groups]:
    """The measures that add up, and those of each kind of distinct values and of percentiles."""
    additive: dict[Measure, str] = {}
    distinct: _Groups = {}
    percentiles: _Groups = {}
    for measure, name in measures.items():
        key = (str(measure.aggregate.argument), measure.where)
        if measure.aggregate.kind == "distinct":
            distinct.setdefault(key, {})[measure] = name
        elif measure.aggregate.kind == "percentile":
            percentiles.setdefault(key, {})[measure] = name
        elif measure.aggregate.kind not in ("rolling", "estimate"):
            additive[measure] = name
    return additive, distinct, percentiles


def _read(
    slice_: Slice,
    source: Source,
    measures: Mapping[Measure, str],
    periods: Sequence[Period],
    by: Sequence[str],
    split: Sequence[str],
    reader: Reader | None,
    suffix: str,
) -> list[Part]:
    """The parts over the rows of a source, or over a mart of it."""
    windows = list(dict.fromkeys(measure.window for measure in measures))
    edges = [day for period in periods for w in windows for day in w.days(period)]
    buckets = Buckets.of([*edges, *lead(measures, periods)])
    spine = Spine.of(windows, periods, buckets, f"spine{suffix}")
    open_start = any(window.kind in ("to_date", "opening") for window in windows)
    parts = []
    for prorated in (False, True):
        mine = {m: name for m, name in measures.items() if m.aggregate.prorated == prorated}
        if not mine:
            continue
        table = f"{'shares' if prorated else 'rows'}{suffix}"
        additive, distinct, percentiles = _kinds(mine)
        daily = {m: name for m, name in mine.items() if m.aggregate.kind == "rolling"}
        estimates = {m: name for m, name in mine.items() if m.aggregate.kind == "estimate"}
        if reader:
            body = _stored(slice_, source, mine, split, buckets, reader, open_start)
        else:
            used = {column for measure in mine for column in measure.columns}
            body = rows(
                slice_, source, used, split, buckets, open_start=open_start, prorated=prorated,
                others=split,
            )  # fmt: skip
        head = ((spine.name, spine.sql), (table, body))
        how = _Adding(source, reader, prorated)
        parts += _parts(head, spine, table, additive, distinct, by, split, how, suffix)
        parts += _percentiles(head, spine, table, percentiles, by, split)
        parts += rolling(head, daily, periods, by, split, slice_.as_of)
        for index, (measure, name) in enumerate(estimates.items()):
            joined = partial(spine.joined, used=[spine.of_window[measure.window]])
            parts.append(
                waits(head, index, measure, name, joined, by, split, slice_.as_of, slice_.zone)
            )
    return parts


@dataclass(frozen=True)
class _Adding:
    """How the row stage is added up: rows one by one, or what a mart has added up already."""

    source: Source
    reader: Reader | None
    prorated: bool

    def made(self, unit: Unit) -> str:
        """SQL for a unit."""
        if self.reader and not self.source.distinct_of:
            return self.reader.made(unit)
        if self.reader and self.reader.grain == "month":
            return self.reader.days
        # Of distinct days a mart by day has one row each, as the row stage has.
        return first(unit, prorated=self.prorated)

    def met(self, where: str | None) -> str | None:
        """SQL for a condition."""
        if self.reader and not self.source.distinct_of:
            return self.reader.condition(where)
        return where


def _stored(
    slice_: Slice,
    source: Source,
    measures: Mapping[Measure, str],
    split: Sequence[str],
    buckets: Buckets,
    reader: Reader,
    open_start: bool,
) -> str:
    """The row stage over a mart."""
    relation = reader.relation(buckets, open_start=open_start)
    condition = None
    columns = list(source.entity)
    if source.distinct_of:
        condition = reader.only(source, slice_.declared)
        columns += [DAYS] if reader.grain == "month" else []
    else:
        for measure in measures:
            need = flow_need(slice_.declared, measure, split)
            assert not isinstance(need, str)
            columns += [reader.mart.design.column(unit) for unit in sorted(need.units, key=repr)]
            if measure.aggregate.kind == "distinct":
                columns.append(str(measure.aggregate.argument).strip('"'))
    return stored_rows(
        slice_, source, relation, columns, split, buckets, open_start=open_start,
        condition=condition,
    )  # fmt: skip


def _parts(
    head: tuple[tuple[str, str], ...],
    spine: Spine,
    table: str,
    additive: Mapping[Measure, str],
    distinct: Mapping[tuple[str, str | None], Mapping[Measure, str]],
    by: Sequence[str],
    split: Sequence[str],
    how: _Adding,
    suffix: str,
) -> list[Part]:
    """A SELECT for what adds up over buckets, and one for each kind of distinct values."""
    dims = "".join(f', "{d}"' for d in split)
    units: dict[Unit, str] = {}
    for measure in additive:
        units.setdefault(_unit(measure), f"u{len(units)}")
    made = "".join(f", {how.made(unit)} AS {name}" for unit, name in units.items())
    by_bucket = f"SELECT bucket{dims}{made} FROM {table} GROUP BY bucket{dims}"
    parts = []
    for index, ((argument, where), group) in enumerate(distinct.items()):
        name = f"distinct{index}{suffix}"
        met = how.met(where)
        condition = f" WHERE {met}" if met else ""
        body = f"SELECT DISTINCT bucket{dims}, {argument} AS x FROM {table}{condition}"
        if index == 0 and units and not where:
            # Rows are read once: what adds up is added up beside each value, then once more.
            body = (
                f"SELECT bucket{dims}, {argument} AS x{made} FROM {table}"
                f" GROUP BY bucket{dims}, {argument}"
            )
            folded = "".join(f", {again(unit[0], u)} AS {u}" for unit, u in units.items())
            by_bucket = f"SELECT bucket{dims}{folded} FROM {name} GROUP BY bucket{dims}"
            head = (*head, (name, body))
        parts.append(_distinct((*head, (name, body)), spine, name, group, by, split))
    if additive:
        cells = f"{table}_by_bucket"
        used = spine.used(additive)
        columns = {}
        for measure, column in additive.items():
            unit = units[_unit(measure)]
            given = spine.given(spine.of_window[measure.window], used, f"b.{unit}")
            columns[column] = f"CAST({fold(measure.aggregate.kind)}({given}) AS DOUBLE)"
        parts.append(
            _part((*head, (cells, by_bucket)), spine.joined(cells, used), columns, by, split)
        )
    return parts


def _part(
    ctes: tuple[tuple[str, str], ...],
    joined: str,
    columns: dict[str, str],
    by: Sequence[str],
    split: Sequence[str],
) -> Part:
    """What is read of buckets that are joined to the periods, grouped by the members."""
    return Part(ctes, labels("b", by, split), columns, f"{joined}\n{grouping('b', split)}")


def _unit(measure: Measure) -> Unit:
    return measure.aggregate.kind, measure.aggregate.argument, measure.where


def _distinct(
    ctes: tuple[tuple[str, str], ...],
    spine: Spine,
    table: str,
    measures: Mapping[Measure, str],
    by: Sequence[str],
    split: Sequence[str],
) -> Part:
    """Distinct counts cannot be added up over buckets: the distinct values are kept instead."""
    used = spine.used(measures)
    columns = {}
    for measure, column in measures.items():
        number = spine.of_window[measure.window]
        # One bucket, one member: no value comes twice.
        apart = not split and len(used) == 1 and spine.single(number)
        counted = "b.x" if apart else f"DISTINCT {spine.given(number, used, 'b.x')}"
        columns[column] = f"CAST(COUNT({counted}) AS DOUBLE)"
    return _part(ctes, spine.joined(table, used), columns, by, split)


def _percentiles(
    head: tuple[tuple[str, str], ...],
    spine: Spine,
    table: str,
    percentiles: Mapping[tuple[str, str | None], Mapping[Measure, str]],
    by: Sequence[str],
    split: Sequence[str],
) -> list[Part]:
    """A SELECT for each kind of values: no percentile follows from those of buckets or members."""
    dims = "".join(f', "{d}"' for d in split)
    parts = []
    for index, ((argument, where), measures) in enumerate(percentiles.items()):
        name = f"values{index}"
        condition = f"({argument}) IS NOT NULL" + (f" AND ({where})" if where else "")
        body = f"SELECT bucket{dims}, {argument} AS x FROM {table} WHERE {condition}"
        used = spine.used(measures)
        columns = {}
        for measure, column in measures.items():
            assert measure.aggregate.quantile is not None
            given = spine.given(spine.of_window[measure.window], used, "b.x")
            columns[column] = percentile(given, measure.aggregate.quantile)
        parts.append(_part((*head, (name, body)), spine.joined(name, used), columns, by, split))
    return parts
