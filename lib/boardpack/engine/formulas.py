"""Formulas: from the measures of a frame to the KPIs, as a graph, in DuckDB."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boardpack.engine import goals
from boardpack.engine.catalogue import BUILT_IN, Catalogue
from boardpack.engine.definitions import Kpi
from boardpack.engine.functions import COUNTING, Goal
from boardpack.engine.plans import Plan, rolls_up
from boardpack.engine.shifts import Shift
from boardpack.errors import RunError
from boardpack.warehouse import Slice


def derive(catalogue: Catalogue, slice_: Slice, planned: Plan, frame: pd.DataFrame) -> pd.DataFrame:
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
            if any(rolls_up(kpi, period) for kpi in level for period in planned.periods):
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


def _roll_up(planned: Plan, frame: pd.DataFrame, kpi: Kpi) -> pd.DataFrame:
    """For ``each: month``: a quarter is its months' numerators over their denominators, summed."""
    outer = [p for p, period in enumerate(planned.periods) if rolls_up(kpi, period)]
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
