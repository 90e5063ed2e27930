"""Definitions made wrong on purpose: a comparison turned, a window moved, a denominator changed.

Those of a panel's columns say ``month moved by 0, -1``, which is no form of a definition: who runs
them lets `window_of_panel` and `point_of_panel` read what panels say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import sqlglot
from sqlglot import exp

from boardpack.engine.catalogue import Catalogue
from boardpack.engine.definitions import Kpi, Measure
from boardpack.engine.windows import Point, Window, parse_point, parse_window
from boardpack.periods import Period
from boardpack.source_entries import PanelColumnEntry

Kind = Literal["comparison", "condition", "window", "denominator"]

_TURNED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.LTE, exp.GTE: exp.LT, exp.LT: exp.GTE, exp.LTE: exp.GT,
    exp.EQ: exp.NEQ, exp.NEQ: exp.EQ,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A catalogue in which one definition is wrong, and what was done to it."""

    kpi: str
    kind: Kind
    what: str
    catalogue: Catalogue


@dataclass(frozen=True)
class Moved(Window):
    """A window with its edges moved by days."""

    first: int = 0
    last: int = 0

    def days(self, period: Period) -> tuple[date | None, date]:
        low, high = super().days(period)
        moved = None if low is None else low + timedelta(days=self.first)
        return moved, high + timedelta(days=self.last)


@dataclass(frozen=True)
class MovedPoint(Point):
    """A point moved by days."""

    by: int = 0

    def day(self, period: Period) -> date:
        return super().day(period) + timedelta(days=self.by)


_MOVED = re.compile(r"(.+) moved by (-?\d+)(?:, (-?\d+))?")


def window_of_panel(text: str) -> Window:
    """What a panel's window says; beside the forms of definitions also ``month moved by 0, -1``."""
    found = _MOVED.fullmatch(text)
    if found is None:
        return parse_window(text)
    window = parse_window(found[1])
    return Moved(window.kind, window.n, window.unit, int(found[2]), int(found[3]))


def point_of_panel(text: str) -> Point:
    """What a panel's point says; beside the forms of definitions also ``period_end moved by 1``."""
    found = _MOVED.fullmatch(text)
    if found is None:
        return parse_point(text)
    point = parse_point(found[1])
    return MovedPoint(point.edge, point.n, point.unit, int(found[2]))


def mutants(catalogue: Catalogue, name: str) -> Iterator[Mutant]:
    """Every mutant of one definition; those of its inputs are theirs."""
    kpi = catalogue[name]
    # What only the interval takes is in no value, which is what definition tests look at.
    beside = set(kpi.interval.names if kpi.interval else ()) - set(kpi.formula.names)
    for measure_name, measure in kpi.measures.items():
        if measure_name in beside:
            continue
        for kind, what, wrong in _of_measure(catalogue, measure):
            measures = {**kpi.measures, measure_name: wrong}
            named = f"{measure_name}: {what}"
            yield _mutant(catalogue, replace(kpi, measures=measures), kind, named)
    yield from _of_panels(catalogue, kpi)
    read = kpi.formula
    if read.denominator is not None:
        value = f"CAST({read.scale} AS DOUBLE) * ({read.numerator}) / (({read.denominator}) + 1)"
        changed = replace(read, value=value, denominator=f"({read.denominator}) + 1")
        yield _mutant(catalogue, replace(kpi, formula=changed), "denominator", "one more")


def _mutant(catalogue: Catalogue, wrong: Kpi, kind: Kind, what: str) -> Mutant:
    return Mutant(
        wrong.id, kind, what, replace(catalogue, kpis={**catalogue.kpis, wrong.id: wrong})
    )


def _of_measure(catalogue: Catalogue, measure: Measure) -> Iterator[tuple[Kind, str, Measure]]:
    if measure.where is not None:
        yield "condition", f"without {measure.where}", replace(measure, where=None)
        for what, text in _turned(measure.where):
            yield "comparison", what, replace(measure, where=text)
    if measure.aggregate.argument is not None:
        for what, text in _turned(measure.aggregate.argument):
            changed = replace(measure.aggregate, argument=text)
            yield "comparison", what, replace(measure, aggregate=changed)
    if not catalogue.sources[measure.source].panel_of:
        window = measure.window
        for first, last in _moves(window):
            moved = Moved(window.kind, window.n, window.unit, first, last)
            yield (
                "window",
                f"{window.kind} moved by {first}, {last}",
                replace(measure, window=moved),
            )


def _moves(window: Window) -> Iterator[tuple[int, int]]:
    """Days by which its first and its last edge are moved, one at a time."""
    for first, last in ((0, -1), (0, 1), (-1, 0), (1, 0)):
        if last or window.days(Period.parse("2025-03"))[0] is not None:
            yield first, last


def _of_panels(catalogue: Catalogue, kpi: Kpi) -> Iterator[Mutant]:
    """Panels whose columns are wrong, as far as the measures of one definition use them."""
    used: dict[str, dict[str, PanelColumnEntry]] = {}
    for measure in kpi.measures.values():
        panel = catalogue.sources[measure.source].panel
        columns = {name: panel[name] for name in measure.columns if name in panel}
        used.setdefault(measure.source, {}).update(columns)
    for source_id, columns in used.items():
        source = catalogue.sources[source_id]
        for kind, what, changed in _of_columns(columns):
            wrong = replace(source, panel={**source.panel, **changed})
            declared = {**catalogue.sources.declared, source_id: wrong}
            sources = replace(catalogue.sources, declared=declared)
            yield Mutant(kpi.id, kind, f"{source_id}: {what}", replace(catalogue, sources=sources))


def _of_columns(
    columns: Mapping[str, PanelColumnEntry],
) -> Iterator[tuple[Kind, str, dict[str, PanelColumnEntry]]]:
    windows: dict[str, list[str]] = {}
    for name, entry in columns.items():
        if entry.where is not None:
            without = {name: entry.model_copy(update={"where": None})}
            yield "condition", f"{name} without {entry.where}", without
            for what, text in _turned(entry.where):
                turned = {name: entry.model_copy(update={"where": text})}
                yield "comparison", f"{name} {what}", turned
        if entry.window is not None:
            windows.setdefault(entry.window, []).append(name)
        if entry.at is not None:
            point = parse_point(entry.at)
            earlier = f"period_{point.edge} - {point.n + 1} {point.unit}s"
            later = () if point == Point("end") else (f"{entry.at} moved by 1",)
            for at in (earlier, f"{entry.at} moved by -1", *later):
                moved = {name: entry.model_copy(update={"at": at})}
                yield "window", f"{name} at {at}", moved
    # Columns of one window are moved together: there is one window to be wrong about. None is moved
    # beyond the end of the period: a panel has no rows from there on, whatever a column says.
    for text, names in windows.items():
        for first, last in _moves(parse_window(text)):
            if last > 0:
                continue
            window = f"{text} moved by {first}, {last}"
            changed = {name: columns[name].model_copy(update={"window": window}) for name in names}
            yield "window", f"{', '.join(names)} over {window}", changed


def _turned(sql: str) -> Iterator[tuple[str, str]]:
    """The condition with each of its comparisons turned, one at a time."""
    count = sum(1 for node in sqlglot.parse_one(sql, read="duckdb").walk() if _turns(node))
    for number in range(count):
        tree = sqlglot.parse_one(f"SELECT {sql}", read="duckdb")
        node = [node for node in tree.walk() if _turns(node)][number]
        before = node.sql("duckdb")
        if type(node) in _TURNED:
            other: exp.Expr = _TURNED[type(node)](
                this=node.this.copy(), expression=node.expression.copy()
            )
        else:
            other = exp.Not(this=exp.Paren(this=node.copy()))
        node.replace(other)
        yield f"{before} -> {other.sql('duckdb')}", tree.expressions[0].sql("duckdb")


def _turns(node: exp.Expr) -> bool:
    return type(node) in _TURNED or isinstance(node, (exp.In, exp.Is, exp.Between))
