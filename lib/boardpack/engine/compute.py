"""Computing KPIs: the statements are sent, formulas follow as a graph, every cell gets a status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boardpack.engine import exactness
from boardpack.engine.catalogue import Catalogue
from boardpack.engine.definitions import Kpi
from boardpack.engine.estimates import ESTIMATES, PARTS
from boardpack.engine.formulas import derive
from boardpack.engine.histogram import percentile
from boardpack.engine.intervals import limits
from boardpack.engine.marts import NONE, Marts
from boardpack.engine.plans import Plan, make_plan
from boardpack.engine.statements import UNKNOWN, Statement, plan
from boardpack.engine.windows import Window
from boardpack.errors import RunError
from boardpack.periods import Period
from boardpack.sources import resolve
from boardpack.values import COLUMNS, INTERVAL
from boardpack.warehouse import Slice


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
    frame = derive(catalogue, slice_, planned, frame)
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
