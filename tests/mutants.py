"""Definitions made wrong on purpose: a comparison turned, a window moved, a denominator changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import sqlglot
from sqlglot import exp

from boardpack.engine.catalogue import Catalogue, Kpi, Measure
from boardpack.engine.windows import Window
from boardpack.periods import Period

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


def mutants(catalogue: Catalogue, name: str) -> Iterator[Mutant]:
    """Every mutant of one definition; those of its inputs are theirs."""
    kpi = catalogue[name]
    for measure_name, measure in kpi.measures.items():
        for kind, what, wrong in _of_measure(catalogue, measure):
            measures = {**kpi.measures, measure_name: wrong}
            yield _mutant(catalogue, replace(kpi, measures=measures), kind, what)
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
        for first, last in ((0, -1), (0, 1), (-1, 0), (1, 0)):
            if first and window.days(Period.parse("2025-03"))[0] is None:
                continue
            moved = Moved(window.kind, window.n, window.unit, first, last)
            yield (
                "window",
                f"{window.kind} moved by {first}, {last}",
                replace(measure, window=moved),
            )


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
