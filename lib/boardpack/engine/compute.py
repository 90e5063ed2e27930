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

from boardpack.engine import exactness, goals
from boardpack.engine.catalogue import BUILT_IN, Catalogue, Kpi, Measure
from boardpack.engine.estimates import ESTIMATES, PARTS
from boardpack.engine.functions import COUNTING, Goal
from boardpack.engine.histogram import percentile
from boardpack.engine.intervals import limits
from boardpack.engine.marts import NONE, Marts
from boardpack.engine.shifts import Shift
from boardpack.engine.statements import UNKNOWN, Statement, plan
from boardpack.engine.windows import Window
from boardpack.errors import RunError
from boardpack.periods import Period
from boardpack.sources import resolve
from boardpack.values import COLUMNS, INTERVAL
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
    marts: Marts = NONE,
) -> Plan:
    """Plan the KPIs and what they depend on, for all periods and members of ``by``.

    ``marts`` stand in for rows where that changes no figure.
    """
    names = list(dict.fromkeys(kpis))
    missing = {
        kpi: reason
        for kpi in (part.id for part in catalogue.order(names))
        if (reason := unavailable(catalogue, slice_, kpi))
    }
    ordered = [
        kpi
        for kpi in catalogue.order(k for k in names if k not in missing)
        if kpi.id not in missing
    ]
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
    common = tuple(dict.fromkeys([*periods, *inner]))
    earlier = _earlier(ordered, names, common)
    statements = plan(slice_, measures, common, by, earlier, marts) if measures else []
    all_periods = tuple(dict.fromkeys([*common, *sorted(set().union(*earlier.values()))]))
    return Plan(
        tuple(ordered), missing, measures, all_periods, len(periods), tuple(by), tuple(statements)
    )


def _earlier(
    ordered: Sequence[Kpi], wanted: Iterable[str], common: Sequence[Period]
) -> dict[Measure, set[Period]]:
    """The periods before ``common`` that measures are needed in: for growth, for change."""
    needed: dict[str, set[Period]] = {kpi: set(common) for kpi in wanted}
    if any(goal.what in COUNTING for kpi in ordered for goal in kpi.formula.goals):
        needed = {kpi.id: set(common) for kpi in ordered}
    found: dict[Measure, set[Period]] = {}
    for kpi in reversed(ordered):
        own = needed.setdefault(kpi.id, set())
        if kpi.each is not None:
            for period in [period for period in own if _rolls_up(kpi, period)]:
                own.update(period.within(kpi.each))
        uses = [(name, own) for name in (*kpi.measures, *kpi.inputs)]
        for name, shift in kpi.formula.shifts:
            uses.append((name, {then for p in own if (then := shift.before(p)) is not None}))
        for name, periods in uses:
            if name in kpi.measures:
                found.setdefault(kpi.measures[name], set()).update(periods.difference(common))
            elif name not in BUILT_IN:
                needed.setdefault(name, set()).update(periods)
    return found


def unavailable(catalogue: Catalogue, slice_: Slice, kpi: str) -> str:
    """Why a KPI has no values here; "" when it has.

    A table or a column is not connected, or the scorecard lacks what its formula names.
    """
    sources = catalogue.source_ids(kpi, counted=False)
    lacking = sorted({t for source in sources for t in slice_.missing(source)})
    if not lacking:
        lacking = sorted(f"{t}.{c}" for t, c in catalogue.needs(kpi) if c in slice_.lacks(t))
    if lacking:
        return f"not connected: {', '.join(lacking)}"
    return catalogue.lacks_goal(kpi)


def compute(
    catalogue: Catalogue,
    slice_: Slice,
    kpis: Iterable[str],
    periods: Sequence[Period],
    by: Sequence[str] = (),
    *,
    covered: bool = False,
    marts: Marts = NONE,
) -> pd.DataFrame:
    """Every KPI × period × (total and members of ``by``), one row each.

    Columns are `values.COLUMNS` and `values.INTERVAL`.

    ``covered`` takes the data as complete: a window that begins before the first row is then zero
    and not "before the data". KPIs whose sources are not connected have no rows; see `unavailable`.
    """
    wanted = list(dict.fromkeys(kpis))
    planned = make_plan(catalogue, slice_, wanted, periods, by, marts)
    frame, members = _gather(slice_, planned)
    uncovered = {} if covered else _uncovered(catalogue, slice_, planned)
    for column, of_column in groupby(sorted(uncovered), key=itemgetter(0)):
        frame.loc[frame["p"].isin([p for _, p in of_column]), column] = np.nan
    frame = _derive(catalogue, slice_, planned, frame)
    return _long(catalogue, slice_, planned, frame, wanted, uncovered, members)


#: Aggregates that are zero, and not unknown, where there are no rows.
_ZERO = ("sum", "count", "distinct", "rolling")

#: Source -> the (dimension, member) pairs it has, by the number of the dimension.
_Members = dict[str, set[tuple[int, str]]]


def _gather(slice_: Slice, planned: Plan) -> tuple[pd.DataFrame, _Members]:
    """One row a period and member, one column a measure; what has no rows counts as zero."""
    found: dict[str, dict[tuple[int, int, str], float]] = {}
    members: _Members = {}
    index = {period: p for p, period in enumerate(planned.periods)}
    waits: dict[str, dict[tuple[int, int, str], list[float]]] = {
        f"{name}__{part}": {}
        for measure, name in planned.measures.items()
        if measure.aggregate.kind == "estimate"
        for part in PARTS
    }
    for sent in planned.statements:
        statement, rows = _sent(slice_, planned, sent)
        several = [waits.get(name) for name in statement.columns]
        columns = [found.setdefault(name, {}) for name in statement.columns]
        own = members.setdefault(statement.source, set())
        number = [index[period] for period in statement.periods]
        for p, dim, member, *values in rows:
            own.add((dim, member))
            for cells_of, lists, value in zip(columns, several, values, strict=True):
                if value is not None:
                    if lists is not None:
                        lists.setdefault((number[p], dim, member), []).append(value)
                    else:
                        cells_of[number[p], dim, member] = value
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
    known = slice_.as_of + timedelta(days=1)
    period_days = _days(slice_, Window("period"), planned.periods)
    month_days = _days(slice_, Window("month"), planned.periods)
    # The holidays of a country take a while to load: only who counts business days needs them.
    worked = any("business_days" in kpi.formula.names for kpi in planned.kpis)
    business_days = [
        float(p.calendar.business_days(p.start, min(p.end, known))) if worked else np.nan
        for p in planned.periods
    ]
    frame: dict[str, object] = {
        "p": [p for p, _, _ in keys],
        "dim": [dim for _, dim, _ in keys],
        "member": [member for _, _, member in keys],
        "period_days": [period_days[p] for p, _, _ in keys],
        "month_days": [month_days[p] for p, _, _ in keys],
        "business_days": [business_days[p] for p, _, _ in keys],
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
        elif measure.aggregate.kind == "estimate":
            tables = [waits[f"{name}__{part}"] for part in PARTS]
            estimate = ESTIMATES[measure.aggregate.estimate].of
            frame[name] = np.array(
                [
                    estimate(*(np.array(table[key]) for table in tables))
                    if key in tables[0]
                    else np.nan
                    for key in keys
                ]
            )
        elif measure.aggregate.kind in _ZERO and not measure.known_only:
            frame[name] = column(name, 0.0)
        else:
            frame[name] = column(name)
    return pd.DataFrame(frame), members


def _days(slice_: Slice, window: Window, periods: Sequence[Period]) -> list[float]:
    """How many days of each period's window are over: a mean a day divides by no day to come."""
    known = slice_.as_of + timedelta(days=1)
    spans = [window.days(period) for period in periods]
    return [float(max((min(high, known) - low).days, 0)) for low, high in spans if low]


def _sent(
    slice_: Slice, planned: Plan, statement: Statement
) -> tuple[Statement, list[tuple[Any, ...]]]:
    """A statement and its rows; where a mart went away meanwhile, the one that does without it."""
    if statement.stored:
        try:
            return statement, slice_.con.execute(statement.sql).fetchall()
        except duckdb.Error:
            mine = {m: name for m, name in planned.measures.items() if m.source == statement.source}
            (statement,) = plan(slice_, mine, statement.periods, planned.by)
    return statement, _rows(slice_, statement)


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
            if low is not None and measure.aggregate.days:
                low -= timedelta(days=measure.aggregate.days - 1)
            if span is None:
                found[name, p] = f"{base} has no rows"
            elif high <= span.first or (
                low is not None and low < period.calendar.floor(span.first, "month")
            ):
                found[name, p] = f"before the data: {base} begins on {span.first}"
    return found


def _derive(
    catalogue: Catalogue, slice_: Slice, planned: Plan, frame: pd.DataFrame
) -> pd.DataFrame:
    """Formulas, one SELECT a level of the graph, in DuckDB on the small frame."""
    names = {name: name for name in BUILT_IN}
    waiting: list[dict[str, str]] = []
    with slice_.con.cursor() as con:
        for level in _levels(catalogue, planned.kpis):
            columns = {}
            if any(kpi.formula.shifts or kpi.formula.goals for kpi in level):
                frame = _evaluated(con, planned, frame, waiting)
                waiting = []
                frame = _shifted(planned, frame, level, names)
                frame = _with_goals(catalogue, planned, frame, level)
            for kpi in level:
                local = {**names, **{m: planned.measures[kpi.measures[m]] for m in kpi.measures}}
                local |= {
                    f"{name}@{shift.suffix}": f"{local[name]}@{shift.suffix}"
                    for name, shift in kpi.formula.shifts
                }
                local |= {goal.column: _column_of(kpi, goal) for goal in kpi.formula.goals}
                columns[kpi.id] = _selected(kpi, local)
            names |= {kpi.id: f"k_{kpi.id}" for kpi in level}
            waiting.append(columns)
            if any(_rolls_up(kpi, period) for kpi in level for period in planned.periods):
                frame = _evaluated(con, planned, frame, waiting)
                waiting = []
                for kpi in level:
                    frame = _roll_up(planned, frame, kpi)
        return _evaluated(con, planned, frame, waiting)


def _shifted(
    planned: Plan, frame: pd.DataFrame, level: Sequence[Kpi], names: Mapping[str, str]
) -> pd.DataFrame:
    """The frame with a column for each figure that formulas of this level want of before."""
    wanted: dict[str, tuple[str, Shift]] = {}
    for kpi in level:
        local = {**names, **{m: planned.measures[kpi.measures[m]] for m in kpi.measures}}
        wanted |= {
            f"{local[name]}@{shift.suffix}": (local[name], shift)
            for name, shift in kpi.formula.shifts
        }
    made = {}
    for name, (column, shift) in wanted.items():
        if name not in frame:
            now = frame[column].to_numpy(dtype=float).reshape(len(planned.periods), -1)
            then = np.full_like(now, np.nan)
            for p, before in enumerate(_before(planned, shift)):
                if before is not None:
                    then[p] = now[before]
            made[name] = then.reshape(-1)
    return frame.assign(**made)


def _with_goals(
    catalogue: Catalogue, planned: Plan, frame: pd.DataFrame, level: Sequence[Kpi]
) -> pd.DataFrame:
    """The frame with a column for each target, threshold or weight that this level names."""
    cells = len(frame) // len(planned.periods)
    made = {}
    for kpi in level:
        for goal in kpi.formula.goals:
            if goal.what == "weight":
                weights = catalogue.weights(kpi.id)
                found = np.full(len(frame), weights[goal.kpi] / sum(weights.values()))
            elif goal.what == "met":
                found = _met(catalogue, planned, frame, goal.kpi)
            elif goal.what in COUNTING:
                names = [name for name in catalogue.counted(kpi) if f"k_{name}" in frame]
                judged = [_met(catalogue, planned, frame, name) for name in names]
                counted = np.array([np.full(len(frame), np.nan), *judged])
                found = np.nansum(counted, axis=0)
                if goal.what == "with_target":
                    found = np.sum(~np.isnan(counted), axis=0).astype(float)
            else:
                assert catalogue.goals is not None
                found = goals.figures(catalogue.goals, goal, planned.periods).repeat(cells)
            made[_column_of(kpi, goal)] = found
    return frame.assign(**made)


def _met(catalogue: Catalogue, planned: Plan, frame: pd.DataFrame, kpi: str) -> NDArray[np.float64]:
    """Whether each figure of a KPI meets its target: 1, 0, or NaN where there is none to meet."""
    assert catalogue.goals is not None
    values = frame[f"k_{kpi}"].to_numpy(dtype=float).reshape((len(planned.periods), -1))
    found = goals.met(catalogue.goals, kpi, planned.periods, values)
    for p, period in enumerate(planned.periods):
        if period.grain not in catalogue[kpi].grains:
            found[p] = np.nan
    return found.reshape(-1)


def _column_of(kpi: Kpi, goal: Goal) -> str:
    """A weight is a KPI's own; what is wanted of one is the same for all."""
    return f"{kpi.id}$weight${goal.kpi}" if goal.what == "weight" else goal.column


def _before(planned: Plan, shift: Shift) -> list[int | None]:
    """The number of the period so far before each; None where it is not there."""
    index = {period: p for p, period in enumerate(planned.periods)}
    then = [shift.before(period) for period in planned.periods]
    return [None if period is None else index.get(period) for period in then]


def _levels(catalogue: Catalogue, kpis: Sequence[Kpi]) -> Iterator[list[Kpi]]:
    """The KPIs that rest on nothing, those that rest on them alone, and so on."""
    done: set[str] = set()
    here = {kpi.id for kpi in kpis}
    rests_on = {k.id: {*k.inputs, *here.intersection(catalogue.counted(k))} for k in kpis}
    while len(done) < len(kpis):
        level = [k for k in kpis if k.id not in done and done.issuperset(rests_on[k.id])]
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
    return re.sub(r'"([a-z][a-z0-9_@$]*)"', lambda match: f'"{names[match.group(1)]}"', sql)


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
        within = planned.periods[p].within(kpi.each or "month")
        if not all(month in index for month in within):
            # There for the sake of another KPI, which looks back further.
            value[p] = top[p] = bottom[p] = np.nan
            continue
        inner = [index[month] for month in within]
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
    values_of |= {str(column): frame[column].to_numpy() for column in frame if "$" in str(column)}
    # A cut period is of no grain that others are of: who adds up months does not count it twice.
    named_periods = [
        (p.label, p.start, p.end, f"{p.grain}_to_date" if p.cut else p.grain)
        for p in planned.periods
    ]
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
        low, high = absent, absent
        if kpi.interval is not None:
            beside = {
                name: values_of[planned.measures[kpi.measures[name]]] for name in kpi.interval.names
            }
            low, high = limits(kpi.interval, numerators, denominators, kpi.formula.scale, beside)
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
                    low[row], high[row],
                )
            )  # fmt: skip
    long = pd.DataFrame(rows, columns=[*COLUMNS, *INTERVAL])
    return long.astype(dict.fromkeys(("value", "numerator", "denominator", *INTERVAL), float))


def _states(
    catalogue: Catalogue, kpi: Kpi, periods: Sequence[Period], end: date
) -> list[tuple[str, str]]:
    """Status and reason of each period that has a value; ``end`` is the day after the as-of.

    An open period is provisional, a cohort that may still change is maturing.
    """
    mature = max(
        (
            measure.mature_days
            for part in catalogue.order([kpi.id], counted=False)
            for measure in part.measures.values()
        ),
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
    cells = len(values[kpi.id]) // len(planned.periods)
    for name, shift in kpi.formula.shifts:
        period, before = planned.periods[p], shift.before(planned.periods[p])
        if before is None:
            return f"no {period.grain} lies {shift} before a {period.grain}"
        then = planned.periods.index(before)
        there = row + (then - p) * cells
        if name in kpi.measures:
            if reason := uncovered.get((planned.measures[kpi.measures[name]], then)):
                return reason
        elif name in known and np.isnan(values[name][there]):
            reason = _why_none(planned, known, known[name], then, there, values, uncovered)
            return f"in {before}: {reason}"
    for goal in kpi.formula.goals:
        column = values.get(goal.column)
        if column is not None and np.isnan(column[row]):
            return f"no target of {goal.kpi} in {planned.periods[p]}"
    for measure in kpi.measures.values():
        if measure.known_only and np.isnan(values[planned.measures[measure]][row]):
            return f"{measure.source} has no row for it yet"
    if kpi.no_value:
        return kpi.no_value
    denominator = kpi.formula.denominator
    if denominator is not None and kpi.formula.shifts:
        return f"nothing to grow from {kpi.formula.shifts[0][1]} before"
    if denominator is not None:
        return f"nothing to divide by: {denominator.replace(chr(34), '')} is zero"
    return "no rows in the period"
