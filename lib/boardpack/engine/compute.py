"""Computing KPIs: the statements are sent, formulas follow as a graph, every cell gets a status."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boardpack.engine import exactness
from boardpack.engine.catalogue import BUILT_IN, Catalogue, Kpi, Measure
from boardpack.engine.histogram import percentile
from boardpack.engine.statements import UNKNOWN, Statement, plan
from boardpack.engine.windows import Window
from boardpack.errors import RunError
from boardpack.periods import Period
from boardpack.sources import resolve
from boardpack.values import COLUMNS
from boardpack.warehouse import Slice


@dataclass(frozen=True)
class Plan:
    """What would run: the statements, and what their columns mean."""

    kpis: tuple[Kpi, ...]
    not_available: Mapping[str, str]
    measures: Mapping[Measure, str]
    periods: tuple[Period, ...]
    requested: int
    by: tuple[str, ...]
    statements: tuple[Statement, ...]


def make_plan(
    catalogue: Catalogue,
    slice_: Slice,
    kpis: Iterable[str],
    periods: Sequence[Period],
    by: Sequence[str] = (),
) -> Plan:
    """Plan the KPIs and what they depend on, for all periods and members of ``by``."""
    names = list(dict.fromkeys(kpis))
    missing = {
        kpi: reason
        for kpi in (part.id for part in catalogue.order(names))
        if (reason := unavailable(catalogue, slice_, kpi))
    }
    ordered = catalogue.order(kpi for kpi in names if kpi not in missing)
    if slice_.dialect is not None:
        exactness.check(catalogue.sources, ordered, slice_.dialect)
    measures: dict[Measure, str] = {}
    for kpi in ordered:
        for measure in kpi.measures.values():
            measures.setdefault(measure, f"m{len(measures)}")
    inner = [
        month
        for kpi in ordered
        if kpi.each is not None
        for period in periods
        if _rolls_up(kpi, period)
        for month in period.within(kpi.each)
    ]
    all_periods = tuple(dict.fromkeys([*periods, *inner]))
    statements = plan(slice_, measures, all_periods, by) if measures else []
    return Plan(
        tuple(ordered), missing, measures, all_periods, len(periods), tuple(by), tuple(statements)
    )


def unavailable(catalogue: Catalogue, slice_: Slice, kpi: str) -> str:
    """Why a KPI has no values here: what is not connected, a table or a column; "" when it has."""
    lacking = sorted({t for source in catalogue.source_ids(kpi) for t in slice_.missing(source)})
    if not lacking:
        lacking = sorted(f"{t}.{c}" for t, c in catalogue.needs(kpi) if c in slice_.lacks(t))
    return f"not connected: {', '.join(lacking)}" if lacking else ""


def compute(
    catalogue: Catalogue,
    slice_: Slice,
    kpis: Iterable[str],
    periods: Sequence[Period],
    by: Sequence[str] = (),
    *,
    covered: bool = False,
) -> pd.DataFrame:
    """Every KPI × period × (total and members of ``by``), one row each, as `values.COLUMNS`.

    ``covered`` takes the data as complete: a window that begins before the first row is then zero
    and not "before the data". KPIs whose sources are not connected have no rows; see `unavailable`.
    """
    wanted = list(dict.fromkeys(kpis))
    planned = make_plan(catalogue, slice_, wanted, periods, by)
    frame, members = _gather(slice_, planned)
    uncovered = {} if covered else _uncovered(catalogue, slice_, planned)
    for column, of_column in groupby(sorted(uncovered), key=itemgetter(0)):
        frame.loc[frame["p"].isin([p for _, p in of_column]), column] = np.nan
    frame = _derive(slice_, planned, frame)
    return _long(catalogue, slice_, planned, frame, wanted, uncovered, members)


#: Source -> the (dimension, member) pairs it has, by the number of the dimension.
_Members = dict[str, set[tuple[int, str]]]


def _gather(slice_: Slice, planned: Plan) -> tuple[pd.DataFrame, _Members]:
    """One row a period and member, one column a measure; what has no rows counts as zero."""
    found: dict[str, dict[tuple[int, int, str], float]] = {}
    members: _Members = {}
    for statement in planned.statements:
        columns = [found.setdefault(name, {}) for name in statement.columns]
        own = members.setdefault(statement.source, set())
        for p, dim, member, *values in _rows(slice_, statement):
            own.add((dim, member))
            for cells_of, value in zip(columns, values, strict=True):
                if value is not None:
                    cells_of[p, dim, member] = value
        for dim, name in enumerate(planned.by):
            seen = {member for d, member in own if d == dim} - {UNKNOWN}
            declared = _declared_members(slice_, statement.source, name)
            if not seen:
                own.discard((dim, UNKNOWN))
            elif seen & declared:
                # A table with words of its own does not have the declared members at all.
                own |= {(dim, member) for member in declared}
    cells = [(-1, ""), *sorted({cell for own in members.values() for cell in own if cell[0] >= 0})]
    keys = [(p, dim, member) for p in range(len(planned.periods)) for dim, member in cells]
    period_days = _days(slice_, Window("period"), planned.periods)
    month_days = _days(slice_, Window("month"), planned.periods)
    frame: dict[str, object] = {
        "p": [p for p, _, _ in keys],
        "dim": [dim for _, dim, _ in keys],
        "member": [member for _, _, member in keys],
        "period_days": [period_days[p] for p, _, _ in keys],
        "month_days": [month_days[p] for p, _, _ in keys],
    }

    def column(name: str, empty: float = np.nan) -> NDArray[np.float64]:
        return np.array([found[name].get(key, empty) for key in keys])

    for measure, name in planned.measures.items():
        if measure.aggregate.kind == "histogram_percentile":
            histogram = slice_.declared[measure.source].histogram
            assert histogram is not None
            assert measure.aggregate.quantile is not None
            frame[name] = percentile(
                np.column_stack([column(f"{name}__{bound}") for bound in histogram.bounds]),
                column(f"{name}__total"),
                list(histogram.bounds.values()),
                measure.aggregate.quantile,
            )
        elif measure.aggregate.kind in ("sum", "count", "distinct") and not measure.known_only:
            frame[name] = column(name, 0.0)
        else:
            frame[name] = column(name)
    return pd.DataFrame(frame), members


def _days(slice_: Slice, window: Window, periods: Sequence[Period]) -> list[float]:
    """How many days of each period's window are over: a mean a day divides by no day to come."""
    known = slice_.as_of + timedelta(days=1)
    spans = [window.days(period) for period in periods]
    return [float(max((min(high, known) - low).days, 0)) for low, high in spans if low]


def _rows(slice_: Slice, statement: Statement) -> list[tuple[Any, ...]]:
    try:
        # What may not be computed nearly was refused when it was planned.
        return slice_.rows(statement.sql, approximate=True)
    except RunError as error:
        raise RunError(
            f"the statement for source {statement.source!r} failed: {error.message}"
        ) from None


def _declared_members(slice_: Slice, source_id: str, dimension: str) -> set[str]:
    """The members that an enumeration names, so that one without rows still has its zero."""
    source = slice_.declared[source_id]
    base = slice_.declared[source.derived_from] if source.derived_from else source
    if dimension not in base.dimensions:
        return set()
    return set(resolve(slice_.declared, base, base.dimensions[dimension]).values)


def _uncovered(catalogue: Catalogue, slice_: Slice, planned: Plan) -> dict[tuple[str, int], str]:
    """Cells of measures whose window begins before the data does: they have no value, not zero."""
    bases = {
        measure: catalogue.sources[measure.source].derived_from or measure.source
        for measure in planned.measures
    }
    spans = slice_.spans(dict.fromkeys(bases.values()))
    found = {}
    for measure, name in planned.measures.items():
        base = bases[measure]
        if catalogue.sources[base].time is None:
            # A table without a time of its own (users) does not say when it begins.
            continue
        span = spans.get(base)
        for p, period in enumerate(planned.periods):
            low, high = measure.window.days(period)
            if span is None:
                found[name, p] = f"{base} has no rows"
            elif high <= span.first or (low is not None and low < span.first.replace(day=1)):
                found[name, p] = f"before the data: {base} begins on {span.first}"
    return found


def _derive(slice_: Slice, planned: Plan, frame: pd.DataFrame) -> pd.DataFrame:
    """Formulas, one SELECT a level of the graph, in DuckDB on the small frame."""
    names = {name: name for name in BUILT_IN}
    waiting: list[dict[str, str]] = []
    with slice_.con.cursor() as con:
        for level in _levels(planned.kpis):
            columns = {}
            for kpi in level:
                local = {**names, **{m: planned.measures[kpi.measures[m]] for m in kpi.measures}}
                columns[kpi.id] = _selected(kpi, local)
            names |= {kpi.id: f"k_{kpi.id}" for kpi in level}
            waiting.append(columns)
            if any(_rolls_up(kpi, period) for kpi in level for period in planned.periods):
                frame = _evaluated(con, planned, frame, waiting)
                waiting = []
                for kpi in level:
                    frame = _roll_up(planned, frame, kpi)
        return _evaluated(con, planned, frame, waiting)


def _levels(kpis: Sequence[Kpi]) -> Iterator[list[Kpi]]:
    """The KPIs that rest on nothing, those that rest on them alone, and so on."""
    done: set[str] = set()
    while len(done) < len(kpis):
        level = [k for k in kpis if k.id not in done and done.issuperset(k.inputs)]
        yield level
        done.update(kpi.id for kpi in level)


def _evaluated(
    con: duckdb.DuckDBPyConnection,
    planned: Plan,
    frame: pd.DataFrame,
    levels: Sequence[Mapping[str, str]],
) -> pd.DataFrame:
    """The frame with the columns of these levels, each selected from the one before it."""
    con.register("frame", frame)
    tables = ["frame"]
    for columns in levels:
        tables.append(f"(SELECT *, {', '.join(columns.values())} FROM {tables[-1]})")
    try:
        return con.execute(f"SELECT * FROM {tables[-1]}").df()
    except duckdb.Error:
        raise _broken(con, planned, levels, tables) from None
    finally:
        con.unregister("frame")


def _broken(
    con: duckdb.DuckDBPyConnection,
    planned: Plan,
    levels: Sequence[Mapping[str, str]],
    tables: Sequence[str],
) -> RunError:
    """The error for formulas that failed together: which of them it is, found one by one."""
    kpis = {kpi.id: kpi for kpi in planned.kpis}
    for columns, table in zip(levels, tables, strict=False):
        for name, column in columns.items():
            try:
                con.execute(f"SELECT {column} FROM {table}").fetchall()
            except duckdb.Error as error:
                return RunError(
                    f"the formula of {name!r} failed: {str(error).splitlines()[0]}",
                    file=kpis[name].file,
                    line=kpis[name].line,
                )
    return RunError(f"the formulas of {', '.join(kpis)} failed together.")


def _selected(kpi: Kpi, names: Mapping[str, str]) -> str:
    formula = kpi.formula
    selected = [f'CAST({named(formula.value, names)} AS DOUBLE) AS "k_{kpi.id}"']
    if formula.numerator is not None and formula.denominator is not None:
        selected.append(f'CAST({named(formula.numerator, names)} AS DOUBLE) AS "n_{kpi.id}"')
        selected.append(f'CAST({named(formula.denominator, names)} AS DOUBLE) AS "d_{kpi.id}"')
    return ", ".join(selected)


def named(sql: str, names: Mapping[str, str]) -> str:
    """A formula's SQL with its names replaced by columns of a frame."""
    return re.sub(r'"([a-z][a-z0-9_]*)"', lambda match: f'"{names[match.group(1)]}"', sql)


def _rolls_up(kpi: Kpi, period: Period) -> bool:
    """Whether this period's value is made of the finer periods inside it."""
    order = ("day", "week", "month", "quarter", "year")
    return kpi.each is not None and order.index(period.grain) > order.index(kpi.each)


def _roll_up(planned: Plan, frame: pd.DataFrame, kpi: Kpi) -> pd.DataFrame:
    """For ``each: month``: a quarter is its months' numerators over their denominators, summed."""
    outer = [p for p, period in enumerate(planned.periods) if _rolls_up(kpi, period)]
    if not outer:
        return frame
    index = {period: p for p, period in enumerate(planned.periods)}
    # A period has the same cells as every other, in the same order.
    shape = (len(planned.periods), -1)
    names = [f"{part}_{kpi.id}" for part in ("k", "n", "d")]
    value, top, bottom = (
        frame[name].to_numpy(dtype=float, copy=True).reshape(shape) for name in names
    )
    for p in outer:
        inner = [index[month] for month in planned.periods[p].within(kpi.each or "month")]
        top[p], bottom[p] = top[inner].sum(axis=0), bottom[inner].sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            value[p] = np.where(bottom[p] == 0, np.nan, kpi.formula.scale * top[p] / bottom[p])
    rolled = zip(names, (value, top, bottom), strict=True)
    return frame.assign(**{name: found.reshape(-1) for name, found in rolled})


def _long(
    catalogue: Catalogue,
    slice_: Slice,
    planned: Plan,
    frame: pd.DataFrame,
    wanted: Sequence[str],
    uncovered: Mapping[tuple[str, int], str],
    members: _Members,
) -> pd.DataFrame:
    end = slice_.as_of + timedelta(days=1)
    absent = np.full(len(frame), np.nan)
    dims = np.where(
        frame["dim"] < 0,
        "",
        np.array([*planned.by, ""], dtype=object)[frame["dim"].to_numpy()] + "=" + frame["member"],
    )
    known = {kpi.id: kpi for kpi in planned.kpis}
    values_of = {name: frame[f"k_{name}"].to_numpy() for name in known}
    values_of |= {column: frame[column].to_numpy() for column in planned.measures.values()}
    named_periods = [(p.label, p.start, p.end, p.grain) for p in planned.periods]
    p_of, dim_of, member_of = (frame[name].to_numpy() for name in ("p", "dim", "member"))
    rows: list[tuple[object, ...]] = []
    for kpi in (known[name] for name in wanted if name in known):
        # Its members are those of its own sources, whatever else is computed beside it.
        own = {cell for name in catalogue.source_ids(kpi.id) for cell in members.get(name, ())}
        allowed = {(-1, "")} | {
            (i, m) for i, m in own if i >= 0 and planned.by[i] in kpi.dimensions
        }
        grains = {p for p in range(planned.requested) if planned.periods[p].grain in kpi.grains}
        values = values_of[kpi.id]
        ratio = kpi.formula.denominator is not None
        numerators = frame[f"n_{kpi.id}"].to_numpy() if ratio else absent
        denominators = frame[f"d_{kpi.id}"].to_numpy() if ratio else absent
        states = _states(catalogue, kpi, planned.periods[: planned.requested], end)
        if near := exactness.approximation(catalogue, kpi.id, slice_.dialect):
            states = [_marked(state, near) for state in states]
        for row, (p, *cell) in enumerate(zip(p_of, dim_of, member_of, strict=True)):
            if p not in grains or tuple(cell) not in allowed:
                continue
            status, reason = states[p]
            if np.isnan(values[row]):
                status = "no_value"
                reason = _why_none(planned, known, kpi, p, row, values_of, uncovered)
            rows.append(
                (
                    kpi.id, *named_periods[p], dims[row],
                    values[row], numerators[row], denominators[row], kpi.unit, status, reason,
                )
            )  # fmt: skip
    long = pd.DataFrame(rows, columns=list(COLUMNS))
    return long.astype({"value": float, "numerator": float, "denominator": float})


def _states(
    catalogue: Catalogue, kpi: Kpi, periods: Sequence[Period], end: date
) -> list[tuple[str, str]]:
    """Status and reason of each period that has a value; ``end`` is the day after the as-of.

    An open period is provisional, a cohort that may still change is maturing.
    """
    mature = max(
        (m.mature_days for part in catalogue.order([kpi.id]) for m in part.measures.values()),
        default=0,
    )
    found = []
    for period in periods:
        done = period.end + timedelta(days=mature)
        if period.end > end:
            found.append(("provisional", f"open: the period ends on {period.last_day}"))
        elif done > end:
            found.append(("maturing", f"mature on {done}"))
        else:
            found.append(("final", ""))
    return found


def _marked(state: tuple[str, str], near: str) -> tuple[str, str]:
    """The state of a value that is only nearly exact; that its period is open weighs more."""
    status, reason = state
    return ("approximate" if status == "final" else status, "; ".join(filter(None, (reason, near))))


def _why_none(
    planned: Plan,
    known: Mapping[str, Kpi],
    kpi: Kpi,
    p: int,
    row: int,
    values: Mapping[str, NDArray[np.float64]],
    uncovered: Mapping[tuple[str, int], str],
) -> str:
    for measure in kpi.measures.values():
        reason = uncovered.get((planned.measures[measure], p))
        if reason:
            return reason
    for name in kpi.inputs:
        if np.isnan(values[name][row]):
            return _why_none(planned, known, known[name], p, row, values, uncovered)
    for measure in kpi.measures.values():
        if measure.known_only and np.isnan(values[planned.measures[measure]][row]):
            return f"{measure.source} has no row for it yet"
    if kpi.no_value:
        return kpi.no_value
    denominator = kpi.formula.denominator
    if denominator is not None:
        return f"nothing to divide by: {denominator.replace(chr(34), '')} is zero"
    return "no rows in the period"
