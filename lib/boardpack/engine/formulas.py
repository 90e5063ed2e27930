"""Formulas: from the measures of a frame to the KPIs, as a graph, in DuckDB."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from boardpack.engine import goals
from boardpack.engine.catalogue import Catalogue
from boardpack.engine.definitions import BUILT_IN, Kpi
from boardpack.engine.functions import COUNTING, Goal
from boardpack.engine.plans import Plan, rolls_up
from boardpack.engine.shifts import Shift
from boardpack.errors import RunError
from boardpack.warehouse import Slice

#: Columns by name, with a row a period and cell: every period has the same cells in the same order.
Columns = Mapping[str, NDArray[Any]]


def derive(catalogue: Catalogue, slice_: Slice, planned: Plan, frame: Columns) -> Columns:
    """Formulas, one SELECT a level of the graph, in DuckDB on the small frame.

    ``frame`` has ``p`` and a column for each measure and for each of `BUILT_IN`; what comes back
    has ``k_``, ``n_`` and ``d_`` of each KPI besides: its value, its numerator and denominator.
    """
    names = {name: name for name in BUILT_IN}
    with slice_.con.cursor() as con:
        for level in _levels(catalogue, planned.kpis):
            frame = {**frame, **_shifted(planned, frame, level, names)}
            frame = {**frame, **_goals(catalogue, planned, frame, level)}
            columns = {}
            for kpi in level:
                local = {**names, **{m: planned.measures[kpi.measures[m]] for m in kpi.measures}}
                local |= {
                    f"{name}@{shift.suffix}": f"{local[name]}@{shift.suffix}"
                    for name, shift in kpi.formula.shifts
                }
                local |= {goal.column: _column_of(kpi, goal) for goal in kpi.formula.goals}
                columns[kpi.id] = _selected(kpi, local)
            frame = {**frame, **_evaluated(con, planned, frame, columns)}
            for kpi in level:
                frame = {**frame, **_rolled_up(planned, frame, kpi)}
            names |= {kpi.id: f"k_{kpi.id}" for kpi in level}
    return frame


def _shifted(
    planned: Plan, frame: Columns, level: Sequence[Kpi], names: Mapping[str, str]
) -> Columns:
    """A column for each figure that formulas of this level want of before."""
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
            now = frame[column].reshape(len(planned.periods), -1)
            then = np.full_like(now, np.nan)
            for p, before in enumerate(_before(planned, shift)):
                if before is not None:
                    then[p] = now[before]
            made[name] = then.reshape(-1)
    return made


def _goals(catalogue: Catalogue, planned: Plan, frame: Columns, level: Sequence[Kpi]) -> Columns:
    """A column for each target, threshold or weight that this level names."""
    rows = len(frame["p"])
    made: dict[str, NDArray[np.float64]] = {}
    for kpi in level:
        for goal in kpi.formula.goals:
            if goal.what == "weight":
                weights = catalogue.weights(kpi.id)
                found = np.full(rows, weights[goal.kpi] / sum(weights.values()))
            elif goal.what == "met":
                found = _met(catalogue, planned, frame, goal.kpi)
            elif goal.what in COUNTING:
                names = [name for name in catalogue.counted(kpi) if f"k_{name}" in frame]
                partly = goal.what == "progress"
                judged = [_met(catalogue, planned, frame, name, partly=partly) for name in names]
                counted = np.array([np.full(rows, np.nan), *judged])
                found = np.nansum(counted, axis=0)
                if goal.what == "with_target":
                    found = np.sum(~np.isnan(counted), axis=0).astype(float)
            else:
                assert catalogue.goals is not None
                figures = goals.figures(catalogue.goals, goal, planned.periods)
                found = figures.repeat(rows // len(planned.periods))
            made[_column_of(kpi, goal)] = found
    return made


def _met(
    catalogue: Catalogue, planned: Plan, frame: Columns, kpi: str, *, partly: bool = False
) -> NDArray[np.float64]:
    """Whether each figure of a KPI meets its target: 1, 0, or NaN where there is none to meet.

    With ``partly`` how much of it is reached.
    """
    assert catalogue.goals is not None
    values = frame[f"k_{kpi}"].reshape((len(planned.periods), -1))
    found = goals.met(catalogue.goals, kpi, planned.periods, values, partly=partly)
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
    con: duckdb.DuckDBPyConnection, planned: Plan, frame: Columns, columns: Mapping[str, str]
) -> Columns:
    """The columns that a level's KPIs select from those before it."""
    selected = ", ".join(columns.values())
    # To be given a table costs by the column, and few levels need more than a few.
    read = {"p", *re.findall(r'"([^"]+)"', selected)}
    con.register("frame", {name: column for name, column in frame.items() if name in read})
    try:
        found = con.execute(f"SELECT {selected} FROM frame").fetchnumpy()
    except duckdb.Error:
        raise _broken(con, planned, columns) from None
    finally:
        con.unregister("frame")
    return {name: np.ma.filled(column, np.nan) for name, column in found.items()}


def _broken(con: duckdb.DuckDBPyConnection, planned: Plan, columns: Mapping[str, str]) -> RunError:
    """The error for formulas that failed together: which of them it is, found one by one."""
    kpis = {kpi.id: kpi for kpi in planned.kpis}
    for name, column in columns.items():
        try:
            con.execute(f"SELECT {column} FROM frame").fetchall()
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


def _rolled_up(planned: Plan, frame: Columns, kpi: Kpi) -> Columns:
    """For ``each: month``: a quarter is its months' numerators over their denominators, summed."""
    outer = [p for p, period in enumerate(planned.periods) if rolls_up(kpi, period)]
    if not outer:
        return {}
    index = {period: p for p, period in enumerate(planned.periods)}
    # A period has the same cells as every other, in the same order.
    shape = (len(planned.periods), -1)
    names = [f"{part}_{kpi.id}" for part in ("k", "n", "d")]
    value, top, bottom = (frame[name].copy().reshape(shape) for name in names)
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
    return {
        name: found.reshape(-1) for name, found in zip(names, (value, top, bottom), strict=True)
    }
