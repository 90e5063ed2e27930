"""A KPI's figures through time, with what stands beside each: last year, target, normal range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boardpack.formats import Formatter
from boardpack.objectives import Target
from boardpack.periods import Period
from boardpack.readings import Range, is_outside, normal_ranges
from boardpack.values import Value, Values

#: A target beyond this multiple of every figure is named above the drawing and not drawn.
_FAR = 3.0


@dataclass(frozen=True)
class History:
    """A KPI's figures through time; beside each last year's, its target and what was normal."""

    periods: tuple[Period, ...]
    actual: tuple[Value, ...]
    year_ago: tuple[Value, ...]
    goals: tuple[Target | None, ...]
    normal: tuple[Range | None, ...]

    @property
    def target(self) -> tuple[float | None, ...]:
        """The targets that are one figure; a range has no line."""
        return tuple(
            goal.value if goal is not None and not isinstance(goal.value, tuple) else None
            for goal in self.goals
        )

    @property
    def seen_target(self) -> tuple[float | None, ...]:
        """The same, save for one so far off that the figures would be a flat line beside it."""
        figures = [abs(value.value) for value in self.actual if value.value is not None]
        goals = [abs(goal) for goal in self.target if goal is not None]
        if goals and min(goals) > _FAR * max(figures):
            return (None,) * len(self.target)
        return self.target

    @property
    def this_year(self) -> list[float]:
        """The figures and their targets."""
        figures = (*(value.value for value in self.actual), *self.seen_target)
        return [figure for figure in figures if figure is not None]

    @property
    def figures(self) -> list[float]:
        """The same and last year's figures."""
        ago = [value.value for value in self.year_ago if value.value is not None]
        return self.this_year + ago

    @property
    def latest(self) -> Value:
        """The last period that has a figure."""
        return next(value for value in reversed(self.actual) if value.value is not None)

    @property
    def first_open(self) -> int:
        """Where the figures begin that may still change."""
        marks = (i for i, value in enumerate(self.actual) if value.is_open)
        return next(marks, len(self.actual))

    def unusual(self, formatter: Formatter) -> list[Value]:
        """The figures that lie outside of what was to be expected by those before."""
        return [
            value
            for value, normal in zip(self.actual, self.normal, strict=True)
            # A part of a period is no measure of what is normal of a whole one.
            if value.status != "provisional" and is_outside(formatter, value, normal)
        ]


def history(
    values: Values,
    kpi: str,
    last: int | None = None,
    dims: str = "",
    periods: Sequence[Period] = (),
) -> History | None:
    """The last periods (or these) from the first figure on; None when there is none at all."""
    if not values.is_available(kpi):
        return None
    if periods:
        series = [values.value(kpi, period, dims) for period in periods]
    else:
        series = values.series(kpi, last, dims)
    first = next((i for i, value in enumerate(series) if value.value is not None), None)
    if first is None:
        return None
    kept = tuple(series[first:])
    shown = tuple(value.period for value in kept)
    ago = [values.value(kpi, period.year_ago(), dims) for period in shown]
    if shown[-1] == values.period:
        ago[-1] = values.comparisons(kpi, dims)[1]
    return History(
        periods=shown,
        actual=kept,
        year_ago=tuple(ago),
        goals=tuple(values.target(kpi, period, dims) for period in shown),
        normal=normal_ranges(values, kpi, shown, dims),
    )
