"""Computing KPIs: the statements are sent, formulas follow as a graph, every cell gets a status."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boardpack.engine import exactness
from boardpack.engine.borrowing import UNKNOWN
from boardpack.engine.catalogue import Catalogue
from boardpack.engine.definitions import Kpi
from boardpack.engine.estimates import ESTIMATES, PARTS
from boardpack.engine.formulas import Columns, derive
from boardpack.engine.histogram import percentile
from boardpack.engine.intervals import limits
from boardpack.engine.marts import NONE, Marts
from boardpack.engine.plans import Plan, make_plan
from boardpack.engine.statements import Statement, plan
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
    for column, p in uncovered:
        frame[column][frame["p"] == p] = np.nan
    derived = derive(catalogue, slice_, planned, frame)
    return _long(catalogue, slice_, planned, derived, wanted, uncovered, members)


#: Aggregates that are zero, and not unknown, where there are no rows.
_ZERO = ("sum", "count", "distinct", "rolling")

#: Source -> the (dimension, member) pairs it has, by the number of the dimension.
_Members = dict[str, set[tuple[int, str]]]


def _gather(slice_: Slice, planned: Plan) -> tuple[dict[str, NDArray[Any]], _Members]:
    """One row a period and member, one column a measure; what has no rows counts as zero."""
    sent = [_sent(slice_, planned, statement) for statement in planned.statements]
    members = _members(slice_, planned, sent)
    cells = [(-1, ""), *sorted({cell for own in members.values() for cell in own if cell[0] >= 0})]
    found, waits = _placed(planned, sent, cells)
    frame = _calendar(slice_, planned, cells)

    def column(name: str, empty: float = np.nan) -> NDArray[np.float64]:
        values, known = found[name]
        return np.where(known, values, empty)

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
            frame[name] = np.full(len(frame["p"]), np.nan)
            for row in tables[0]:
                frame[name][row] = estimate(*(np.array(table[row]) for table in tables))
        elif measure.aggregate.kind in _ZERO and not measure.known_only:
            frame[name] = column(name, 0.0)
        else:
            frame[name] = column(name)
    return frame, members


#: A statement that was sent, and the rows that came back.
_Sent = tuple[Statement, list[tuple[Any, ...]]]


def _members(slice_: Slice, planned: Plan, sent: Sequence[_Sent]) -> _Members:
    """The members that each source has rows of, and those that its dimensions declare."""
    members: _Members = {}
    for statement, rows in sent:
        own = members.setdefault(statement.source, set())
        own.update((dim, member) for _, dim, member, *_ in rows)
        for dim, name in enumerate(planned.by):
            seen = {member for d, member in own if d == dim} - {UNKNOWN}
            declared = _declared_members(slice_, statement.source, name)
            if not seen:
                own.discard((dim, UNKNOWN))
            elif seen & declared:
                # A table with words of its own does not have the declared members at all.
                own |= {(dim, member) for member in declared}
    return members


def _placed(
    planned: Plan, sent: Sequence[_Sent], cells: Sequence[tuple[int, str]]
) -> tuple[
    dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]], dict[str, dict[int, list[float]]]
]:
    """Every column of the statements, each value at the row of its period and cell.

    A column is its values and whether they are known; of an estimate all values of a row.
    """
    index = {period: p for p, period in enumerate(planned.periods)}
    place = {cell: i for i, cell in enumerate(cells)}
    size = len(planned.periods) * len(cells)
    found = {}
    waits: dict[str, dict[int, list[float]]] = {
        f"{name}__{part}": {}
        for measure, name in planned.measures.items()
        if measure.aggregate.kind == "estimate"
        for part in PARTS
    }
    for statement, rows in sent:
        first = [index[period] * len(cells) for period in statement.periods]
        kept = [row for row in rows if row[1:3] in place]
        at = np.array([first[p] + place[dim, member] for p, dim, member, *_ in kept], dtype=int)
        columns = list(zip(*kept, strict=True))[3:] or [()] * len(statement.columns)
        for name, column in zip(statement.columns, columns, strict=True):
            given = np.array([value is not None for value in column], dtype=bool)
            if name in waits:
                for row, value in zip(at[given], itertools.compress(column, given), strict=True):
                    waits[name].setdefault(row, []).append(value)
                continue
            values, known = np.zeros(size), np.zeros(size, dtype=bool)
            values[at[given]] = np.array(column, dtype=float)[given]
            known[at[given]] = True
            found[name] = (values, known)
    return found, waits


def _calendar(
    slice_: Slice, planned: Plan, cells: Sequence[tuple[int, str]]
) -> dict[str, NDArray[Any]]:
    """The columns that say which period and cell a row is, and the days that formulas may name."""
    known = slice_.as_of + timedelta(days=1)
    # The holidays of a country take a while to load: only who counts business days needs them.
    worked = any("business_days" in kpi.formula.names for kpi in planned.kpis)
    business_days = [
        float(p.calendar.business_days(p.start, min(p.end, known))) if worked else np.nan
        for p in planned.periods
    ]
    periods = len(planned.periods)
    return {
        "p": np.repeat(np.arange(periods), len(cells)),
        "dim": np.tile([dim for dim, _ in cells], periods),
        "member": np.tile(np.array([member for _, member in cells], dtype=object), periods),
        "period_days": np.repeat(_days(slice_, Window("period"), planned.periods), len(cells)),
        "month_days": np.repeat(_days(slice_, Window("month"), planned.periods), len(cells)),
        "business_days": np.repeat(business_days, len(cells)),
    }


def _days(slice_: Slice, window: Window, periods: Sequence[Period]) -> list[float]:
    """How many days of each period's window are over: a mean a day divides by no day to come."""
    known = slice_.as_of + timedelta(days=1)
    spans = [window.days(period) for period in periods]
    return [float(max((min(high, known) - low).days, 0)) for low, high in spans if low]


def _sent(slice_: Slice, planned: Plan, statement: Statement) -> _Sent:
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
    windows = {measure.window: None for measure in planned.measures}
    days = {window: [window.days(period) for period in planned.periods] for window in windows}
    found = {}
    for measure, name in planned.measures.items():
        base = bases[measure]
        if catalogue.sources[base].time is None:
            # A table without a time of its own (users) does not say when it begins.
            continue
        span = spans.get(base)
        for p, (period, (low, high)) in enumerate(
            zip(planned.periods, days[measure.window], strict=True)
        ):
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
    frame: Columns,
    wanted: Sequence[str],
    uncovered: Mapping[tuple[str, int], str],
    members: _Members,
) -> pd.DataFrame:
    end = slice_.as_of + timedelta(days=1)
    absent = np.full(len(frame["p"]), np.nan)
    # Every period has the same cells in the same order.
    size = len(absent) // len(planned.periods)
    cells = [*zip(frame["dim"][:size].tolist(), frame["member"][:size], strict=True)]
    dims = ["" if dim < 0 else f"{planned.by[dim]}={member}" for dim, member in cells]
    known = {kpi.id: kpi for kpi in planned.kpis}
    values_of = {name: frame[f"k_{name}"] for name in known}
    values_of |= {column: frame[column] for column in planned.measures.values()}
    values_of |= {column: frame[column] for column in frame if "$" in column}
    # A cut period is of no grain that others are of: who adds up months does not count it twice.
    named_periods = [
        (p.label, p.start, p.end, f"{p.grain}_to_date" if p.cut else p.grain)
        for p in planned.periods
    ]
    rows: list[tuple[object, ...]] = []
    for kpi in (known[name] for name in wanted if name in known):
        # Its members are those of its own sources, whatever else is computed beside it.
        own = {cell for name in catalogue.source_ids(kpi.id) for cell in members.get(name, ())}
        allowed = {(-1, "")} | {
            (i, m) for i, m in own if i >= 0 and planned.by[i] in kpi.dimensions
        }
        shown = [i for i, cell in enumerate(cells) if cell in allowed]
        values = values_of[kpi.id]
        ratio = kpi.formula.denominator is not None
        numerators = frame[f"n_{kpi.id}"] if ratio else absent
        denominators = frame[f"d_{kpi.id}"] if ratio else absent
        low, high = absent, absent
        if kpi.interval is not None:
            beside = {
                name: values_of[planned.measures[kpi.measures[name]]] for name in kpi.interval.names
            }
            low, high = limits(kpi.interval, numerators, denominators, kpi.formula.scale, beside)
        states = _states(catalogue, kpi, planned.periods[: planned.requested], end)
        if near := exactness.approximation(catalogue, kpi.id, slice_.dialect):
            states = [_marked(state, near) for state in states]
        grains = [p for p in range(planned.requested) if planned.periods[p].grain in kpi.grains]
        for p, cell in itertools.product(grains, shown):
            row = p * size + cell
            status, reason = states[p]
            if np.isnan(values[row]):
                status = "no_value"
                reason = _why_none(planned, known, kpi, p, row, values_of, uncovered)
            rows.append(
                (
                    kpi.id, *named_periods[p], dims[cell],
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
