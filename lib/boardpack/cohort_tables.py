"""Cohorts: what became of the customers won in one month, and of the users new in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

from boardpack.blocks import Text
from boardpack.errors import UserError
from boardpack.feature_cohorts import features, scaled
from boardpack.formats import Formatter, count, number
from boardpack.markup import (
    Box,
    Bullets,
    Column,
    Inline,
    Line,
    NoValue,
    Number,
    Paragraph,
    Piece,
    Span,
    Strong,
    Table,
    text,
)
from boardpack.periods import Period
from boardpack.plots import nothing
from boardpack.values import Value, Values

#: The KPI that has the cohorts of each age, in months after the one in which they were won.
RETENTION: Mapping[int, str] = {
    0: "cohort_retention_rate_m0", 1: "cohort_retention_rate_m1", 3: "cohort_retention_rate_m3",
    6: "cohort_retention_rate_m6", 12: "cohort_retention_rate",
}  # fmt: skip
PER_CUSTOMER: Mapping[int, str] = {
    0: "cohort_revenue_per_customer_m0", 1: "cohort_revenue_per_customer_m1",
    3: "cohort_revenue_per_customer_m3", 6: "cohort_revenue_per_customer_m6",
    12: "cohort_revenue_per_customer",
}  # fmt: skip
PER_SURVIVOR: Mapping[int, str] = {
    0: "cohort_revenue_per_survivor_m0", 1: "cohort_revenue_per_survivor_m1",
    3: "cohort_revenue_per_survivor_m3", 6: "cohort_revenue_per_survivor_m6",
    12: "cohort_revenue_per_survivor",
}  # fmt: skip
#: MRR of a cohort after twelve months against that of its first.
NET_RETENTION = "cohort_net_revenue_retention"
#: How many of the newest cohorts a direction is read off, and how few show none.
_RECENT, _FEWEST = 4, 3

About = Literal["retention", "revenue", "features"]


def cohorts(
    values: Values,
    about: About = "retention",
    *,
    per: Literal["customer", "survivor"] = "customer",
    last: int = 13,
    cumulative: bool = False,
    cohort: str = "",
) -> Text:
    """A table of cohorts, with what its figures say below it, written by rule.

    ``retention`` and ``revenue`` have the last ``last`` months' customers in rows, newest last, and
    ages of 0, 1, 3, 6 and 12 months in columns, empty where that month is not over. ``revenue`` is
    per customer won or per ``survivor``, with net revenue retention, the last closed cell against
    month 0. ``features`` has one month's new users: the share of them that use each feature in
    weeks 1, 4, 12, 24 and 52, or with ``cumulative`` have used it by then; ``cohort`` is the month,
    by default a year before the report's. Each cell is a figure of its KPI in the period in which
    the cohort had that age. Where the KPIs are not available, as in a report of another period than
    a month, it says so. Raises `UnknownNameError` for KPIs that the notebook
    does not name and `UserError` for another table than these.

        bp.cohorts(values, "revenue", per="survivor")
    """
    if about == "features":
        return features(values, cohort, cumulative=cumulative)
    ages = {"retention": RETENTION, "revenue": PER_CUSTOMER}.get(about)
    if ages is None or per not in ("customer", "survivor"):
        raise UserError(
            f"there is no table of cohorts about {about!r} per {per!r}.",
            hint="about is retention, revenue or features; per is customer or survivor",
        )
    if about == "revenue" and per == "survivor":
        ages = PER_SURVIVOR
    if lacking := [kpi for kpi in ages.values() if not values.is_available(kpi)]:
        return nothing(values, lacking[:1])
    triangle = _Triangle(values, ages, tuple(values.period.last(last)))
    lines = _of_retention(triangle) if about == "retention" else _of_revenue(triangle)
    said = tuple(lines)
    pieces: list[Piece] = [Box("triangle", (_table(triangle, with_nrr=about == "revenue"),))]
    pieces += [Bullets(said)] if said else []
    return text(*pieces, *_legend(triangle, about))


@dataclass(frozen=True)
class _Triangle:
    """Cohorts, oldest first, by their age; see `cell`."""

    values: Values
    ages: Mapping[int, str]
    cohorts: tuple[Period, ...]

    def cell(self, cohort: Period, age: int) -> Value | None:
        """The figure of a cohort at an age, None where that month is not over."""
        at = cohort.shift(age)
        open_ = at == self.values.period and self.values.report.status == "provisional"
        if at.start > self.values.period.start or open_:
            return None
        return self.values.value(self.ages[age], at)

    def closed(self, age: int) -> list[tuple[Period, Value]]:
        """The cohorts that have this age behind them, and a figure at it."""
        cells = ((cohort, self.cell(cohort, age)) for cohort in self.cohorts)
        return [(c, cell) for c, cell in cells if cell is not None and cell.value is not None]

    def newest(self, cohort: Period) -> tuple[int, Value] | None:
        """The oldest age that a cohort has reached, and its figure there."""
        found = [(age, self.cell(cohort, age)) for age in self.ages]
        cells = [(age, c) for age, c in found if c is not None and c.value is not None]
        return cells[-1] if cells else None

    def retained(self, cohort: Period) -> Number | None:
        """Net revenue retention: the last closed cell against month 0."""
        start, newest = self.cell(cohort, 0), self.newest(cohort)
        if start is None or not start.value or newest is None or not newest[0]:
            return None
        age, cell = newest
        formatter = Formatter(self.values)
        whole = self.values.kpis.get(NET_RETENTION)
        if age == max(self.ages) and whole is not None and self.ages is PER_CUSTOMER:
            return _figure(formatter, self.values.value(NET_RETENTION, cell.period))
        # As many decimals as the KPI of twelve months has, where the table shows it too.
        points = 100 * (cell.value or 0.0) / start.value
        write = formatter.percentage if whole is None else partial(formatter.full, NET_RETENTION)
        return number(cell, write(points), "share")


def _figure(formatter: Formatter, value: Value) -> Number | None:
    written = formatter.figure(value, full=True)
    return written if isinstance(written, Number) else None


def _table(triangle: _Triangle, *, with_nrr: bool) -> Table:
    formatter = Formatter(triangle.values)
    columns = [Column("Cohort", 14), Column("Customers", 12, "right")]
    columns += [Column(f"Month {age}", 12, "right") for age in triangle.ages]
    columns += [Column("NRR", 12, "right")] if with_nrr else []
    shade = _shades(triangle, relative=with_nrr)
    rows: list[tuple[Line, ...]] = []
    for cohort in triangle.cohorts:
        start = triangle.cell(cohort, 0)
        cells: list[Line] = [(_name(formatter, cohort),), _size(formatter, start)]
        for age in triangle.ages:
            cells.append(_cell(triangle, formatter, cohort, age, shade.get((cohort, age))))
        if with_nrr:
            retained = triangle.retained(cohort)
            cells.append(() if retained is None else (Strong((retained,)),))
        rows.append(tuple(cells))
    if goals := _goals(triangle, formatter, with_nrr=with_nrr):
        rows.append(tuple((Strong(cell),) if cell else () for cell in (("Target",), (), *goals)))
    return Table(tuple(columns), tuple(rows))


def _cell(
    triangle: _Triangle, formatter: Formatter, cohort: Period, age: int, shade: int | None
) -> Line:
    value = triangle.cell(cohort, age)
    if value is None:
        return ()
    if value.value is None:
        return (NoValue(value.reason),)
    parts: list[Inline] = [formatter.figure(value, full=True)]
    target = triangle.values.target(value.kpi)
    if target is not None and not target.met_by(value.value):
        parts += ["\u00a0", Span("missed", ("▼",), title="below the target")]
    return tuple(parts) if shade is None else (Span(f"heat-{shade}", tuple(parts)),)


def _size(formatter: Formatter, start: Value | None) -> Line:
    """How many customers a cohort began with, or is left with where the figure is per survivor."""
    if start is None or start.denominator is None:
        return ()
    written = formatter.cell("number", start.denominator)
    return (number(start, written, "count"),)


def _shades(triangle: _Triangle, *, relative: bool) -> dict[tuple[Period, int], int]:
    """How dark each cell after month 0 is: one scale for the table, of revenue against month 0."""
    found: dict[tuple[Period, int], float] = {}
    for cohort in triangle.cohorts:
        start = triangle.cell(cohort, 0)
        for age in triangle.ages:
            cell = triangle.cell(cohort, age)
            if not age or cell is None or cell.value is None:
                continue
            base = start.value if relative and start is not None and start.value else 1.0
            found[cohort, age] = cell.value / base
    return scaled(found)


def _goals(triangle: _Triangle, formatter: Formatter, *, with_nrr: bool) -> list[Line]:
    """The row of targets; none where no age has one."""
    kpis = [*triangle.ages.values()]
    if with_nrr and NET_RETENTION in triangle.values.kpis and triangle.ages is PER_CUSTOMER:
        kpis.append(NET_RETENTION)
    cells: list[Line] = []
    for kpi in kpis:
        target = triangle.values.target(kpi)
        if target is None:
            cells.append(())
            continue
        written = formatter.target(kpi, target, full=True)
        cells.append((number(triangle.values.value(kpi), written, "target"),))
    if not any(cells):
        return []
    return [*cells, *[()] * (len(triangle.ages) + with_nrr - len(cells))]


def _name(formatter: Formatter, cohort: Period) -> str:
    return " ".join(formatter.tick(cohort)).strip()


def _of_retention(triangle: _Triangle) -> Iterator[Line]:
    """Of months 1, 3 and 6: where the newest cohorts go, and how many met the target."""
    for age in (1, 3, 6):
        line = _course(triangle, age)
        if not line:
            continue
        met = _met(triangle, age)
        head: Line = (Strong(("Month ", count(triangle.values, age))), " ")
        yield (*head, *line, *((";", *met) if met else ()), ".")


def _of_revenue(triangle: _Triangle) -> Iterator[Line]:
    """How cohorts start, whether they grow after month 3, and what is left after a year."""
    values = triangle.values
    start = _course(triangle, 0)
    if start:
        yield (Strong(("At the start",)), " revenue per customer ", *start, ".")
    both = [
        (cell.value or 0.0) > (early.value or 0.0)
        for cohort, cell in triangle.closed(6)
        if (early := triangle.cell(cohort, 3)) is not None
    ]
    if both:
        yield (
            Strong(("After month ", count(values, 3))), " revenue per customer rose until month ",
            count(values, 6), " in ", count(values, sum(both)), " of ", count(values, len(both)),
            " cohorts.",
        )  # fmt: skip
    target = values.target(NET_RETENTION) if NET_RETENTION in values.kpis else None
    if target is None or triangle.ages is not PER_CUSTOMER:
        return
    whole = [values.value(NET_RETENTION, cell.period) for _, cell in triangle.closed(12)]
    closed = [value for value in whole if value.value is not None]
    if closed:
        met = sum(target.met_by(value.value or 0.0) for value in closed)
        goal = Formatter(values).target(NET_RETENTION, target, full=True)
        yield (
            Strong(("Net revenue retention",)), " was at its target of ",
            number(closed[-1], goal, "target"), " after ", count(values, 12), " months in ",
            count(values, met), " of ", count(values, len(closed)), " cohorts.",
        )  # fmt: skip


def _course(triangle: _Triangle, age: int) -> Line:
    """From which to which figure the newest closed cohorts rise or fall; else how far they vary."""
    recent = triangle.closed(age)[-_RECENT:]
    if len(recent) < _FEWEST:
        return ()
    formatter = Formatter(triangle.values)
    figures = [cell.value or 0.0 for _, cell in recent]
    rises = all(after > before for before, after in pairwise(figures))
    falls = all(after < before for before, after in pairwise(figures))
    (first, then), (newest, now) = recent[0], recent[-1]
    went, low, high = "rises with each of" if rises else "falls with each of", "from", "to"
    if not (rises or falls):
        ranked = sorted(recent, key=lambda pair: pair[1].value or 0.0)
        (first, then), (newest, now) = ranked[0], ranked[-1]
        went, low, high = "varies over", "between", "and"
    return (
        f"{went} the newest cohorts, {low} ", formatter.figure(then, full=True),
        f" ({_name(formatter, first)}) {high} ", formatter.figure(now, full=True),
        f" ({_name(formatter, newest)})",
    )  # fmt: skip


def _met(triangle: _Triangle, age: int) -> Line:
    values, closed = triangle.values, triangle.closed(age)
    target = values.target(triangle.ages[age])
    if target is None:
        return ()
    met = sum(target.met_by(cell.value or 0.0) for _, cell in closed)
    goal = Formatter(values).target(triangle.ages[age], target, full=True)
    return (
        " ", count(values, met), " of ", count(values, len(closed)), " cohorts met ",
        number(closed[-1][1], goal, "target"),
    )  # fmt: skip


def _legend(triangle: _Triangle, about: About) -> tuple[Piece, ...]:
    said = ["Customers won in the month in each row; a cell is empty until its month is over."]
    if triangle.ages is PER_SURVIVOR:
        said = [
            "Customers of the month in each row that are still in force share the revenue;"
            " a cell is empty until its month is over."
        ]
    if about == "revenue":
        said.append("NRR is the last closed cell against the first.")
    if any(triangle.values.target(kpi) for kpi in triangle.ages.values()):
        said.append("▼ marks what is below its target.")
    return (Box("note", (Paragraph((" ".join(said),)),)),)
