"""Readings: what a KPI says in one period, against the past, its target and its normal range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Literal

from boardpack.cautions import word
from boardpack.facts import KpiFacts
from boardpack.formats import Formatter, member_name, number
from boardpack.markup import Line, Number
from boardpack.objectives import Target
from boardpack.periods import Period
from boardpack.values import Value, Values

Standing = Literal["met", "missed", "no target", "no value"]

#: Fewer earlier figures than this say nothing about what is normal.
_ENOUGH = 6


@dataclass(frozen=True)
class Range:
    """Where the next figure of a series is expected when nothing has changed."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a figure is within normal variation."""
        return self.low <= value <= self.high


def normal_range(earlier: Sequence[float]) -> Range | None:
    """The natural limits of a series: mean ± 2.66 × mean moving range.

    A series that drifts (its net move exceeds what its noise explains) is judged by its steps: the
    last figure plus the natural limits of the step, so that steady growth is not news every month.
    None when there are too few figures to tell.

    >>> limits = normal_range([10, 12, 11, 9, 10, 11])
    >>> round(limits.low, 2), round(limits.high, 2)
    (6.78, 14.22)
    """
    if len(earlier) < _ENOUGH:
        return None
    level = _limits(earlier)
    steps = [after - before for before, after in pairwise(earlier)]
    noise = 2.66 * sum(abs(step) for step in steps) / len(steps)
    # By the middle of three at either end: one figure that stands out is no drift.
    if abs(median(earlier[-3:]) - median(earlier[:3])) <= noise:
        return level
    step = _limits(steps)
    return Range(earlier[-1] + step.low, earlier[-1] + step.high)


def seasonal_range(earlier: Sequence[float], season: int) -> Range | None:
    """The same for a series whose figures differ by their place in a season, as weekdays do.

    What varies naturally is the step from one season to the next, so the figure a season ago plus
    the limits of that step.

    >>> limits = seasonal_range([5, 9, 6, 10, 5, 9, 6, 10], 2)
    >>> (round(limits.low, 2), round(limits.high, 2))
    (4.21, 8.46)
    """
    steps = [after - before for before, after in zip(earlier, earlier[season:], strict=False)]
    if len(steps) < _ENOUGH:
        return None
    step = _limits(steps)
    return Range(earlier[-season] + step.low, earlier[-season] + step.high)


def normal_ranges(
    values: Values, kpi: str, periods: Sequence[Period], dims: str = ""
) -> tuple[Range | None, ...]:
    """Where each of these figures was to be expected by those before it, as `read` has it of one.

    None for a period that has too few before it to tell.
    """
    found = []
    for period in periods:
        before = period.last(period.look_back)[:-1]
        earlier = [values.value(kpi, at, dims).value for at in before]
        found.append(_normal(earlier, _season(period)))
    return tuple(found)


def is_outside(formatter: Formatter, value: Value, normal: Range | None) -> bool:
    """Whether a figure lies outside of what was normal, and a reader can see that it does."""
    if value.value is None or normal is None or normal.holds(value.value):
        return False
    # A figure that reads like the end of its range would not be believed to lie outside.
    figure, *ends = (
        formatter.short(value.kpi, number) for number in (value.value, normal.low, normal.high)
    )
    return figure not in ends


def _season(period: Period) -> int:
    """After how many periods figures are alike again: weekdays differ."""
    return 7 if period.grain == "day" else 1


def _normal(earlier: Sequence[float | None], season: int) -> Range | None:
    known = [value for value in earlier if value is not None]
    if season == 1:
        return normal_range(known)
    return seasonal_range(known, season) if len(known) == len(earlier) else None


def _limits(series: Sequence[float]) -> Range:
    mean = sum(series) / len(series)
    moves = [abs(after - before) for before, after in pairwise(series)]
    reach = 2.66 * sum(moves) / len(moves)
    return Range(mean - reach, mean + reach)


@dataclass(frozen=True)
class Reading:
    """One KPI in the period of the report, with everything that it is set against."""

    formatter: Formatter
    facts: KpiFacts
    now: Value
    #: what it is read against; of an open period as many of their days as it has had
    before: Value
    year_ago: Value
    target: Target | None
    #: the figures before, oldest first
    earlier: tuple[float, ...]
    #: where this period's figure was to be expected
    normal: Range | None

    @property
    def name(self) -> str:
        """The name of the KPI."""
        return self.facts.name

    @property
    def standing(self) -> Standing:
        """Whether the target of this period is met."""
        if self.now.value is None:
            return "no value"
        if self.target is None:
            return "no target"
        return "met" if self.target.met_by(self.now.value) else "missed"

    @property
    def moved(self) -> Literal[-1, 0, 1] | None:
        """Which way it went since the period before, as a reader sees it; None when unknown."""
        if self.now.value is None or self.before.value is None:
            return None
        return self.formatter.moved(self.facts.id, self.now.value, self.before.value)

    @property
    def is_unusual(self) -> bool:
        """Whether it moved further than it normally does."""
        # What is normal was learnt from whole periods, and says nothing of a part.
        if self.before.period.cut or not self.moved:
            return False
        return is_outside(self.formatter, self.now, self.normal)

    @property
    def is_open(self) -> bool:
        """Whether the figure may still change because its period or cohort is not over."""
        return self.now.is_open

    @property
    def mark(self) -> str:
        """What stands beside the figure in a word: that it may still change, or is a near one."""
        marks = ("so\u00a0far" * self.is_open, "approximate" * self.now.is_approximate)
        return ", ".join(filter(None, marks))

    def verdict_on(self, other: Value) -> Literal["better", "worse", ""]:
        """Whether this period's figure is better than ``other`` by the direction of the KPI."""
        if self.now.value is None or other.value is None or self.facts.direction == "range":
            return ""
        moved = self.formatter.moved(self.facts.id, self.now.value, other.value)
        if not moved:
            return ""
        return "better" if (moved > 0) == (self.facts.direction == "higher") else "worse"

    @property
    def goal(self) -> Number | None:
        """The target of this period as it is written."""
        if self.target is None:
            return None
        return number(self.now, self.formatter.target(self.facts.id, self.target), "target")

    @property
    def aim(self) -> Line:
        """The target with its side: ``target $2M``, ``limit 2%``; empty without one."""
        if self.target is None:
            return ()
        figure = self.formatter.target(self.facts.id, replace(self.target, comparator=">="))
        side = "limit " if self.target.comparator in ("<", "<=") else "target "
        return (side, number(self.now, figure, "target"))

    def change_from(self, other: Value) -> str:
        """The change against ``other`` as text, empty when one of the two has no value."""
        if self.now.value is None or other.value is None:
            return ""
        return self.formatter.change(self.facts.id, self.now.value, other.value)

    @property
    def gap(self) -> tuple[str, str]:
        """How far from the target and on which side: ``("4.0%", "below")``, ``("", "on")``."""
        if self.now.value is None or self.target is None:
            return "", ""
        goal = _nearest(self.target, self.now.value)
        if self.now.value == goal:
            return "", "on"
        side = "above" if self.now.value > goal else "below"
        return self.formatter.distance(self.facts.id, self.now.value, goal), side


def message(reading: Reading) -> Line:
    """What one KPI says in one line: where it went, where it is, how that stands to the target.

    It never says "rose" or "fell" of a figure that reads the same as before.
    """
    now, formatter = reading.now, reading.formatter
    figure = formatter.figure(now)
    if now.value is None:
        reason = now.reason or now.status.replace("_", " ")
        return (f"{reading.name} has no value for {formatter.period(now.period)}: {reason}",)
    so_far = f" {reading.mark}".replace("\u00a0", " ") if reading.mark else ""
    if caution := word(formatter.values, reading.facts.id):
        so_far += f" ({caution})"
    # Of an open period it goes without saying no more.
    than = (
        f" against {formatter.period(reading.before.period)}" if reading.before.period.cut else ""
    )
    said: Line
    if reading.moved and reading.before.value is not None:
        verb = "rose" if reading.moved > 0 else "fell"
        size = number(now, reading.change_from(reading.before)[1:], "change")
        said = (f"{reading.name} {verb} ", size, " to ", figure, so_far + than)
    elif reading.moved == 0:
        said = (f"{reading.name} was unchanged at ", figure, so_far + than)
    else:
        said = (f"{reading.name} stands at ", figure, so_far)
    return (*said, *against_target(reading))


def against_target(reading: Reading) -> Line:
    """The end of a message: ``, 4.0% below the target of $2M``; empty without a target."""
    target = reading.target
    if target is None or reading.now.value is None:
        return ()
    kind, goal = reading.aim
    distance, side = reading.gap
    if isinstance(target.value, tuple) and reading.standing == "met":
        return (f", within the {kind}of ", goal)
    if not distance:
        return (f", on the {kind}of ", goal)
    return (", ", number(reading.now, distance, "gap"), f" {side} the {kind}of ", goal)


def read(values: Values, kpi: str, dims: str = "") -> Reading:
    """Read one KPI, or one member of it, in the period of the report."""
    period = values.period
    found = [value.value for value in values.series(kpi, None, dims)[:-1]]
    before, year_ago = values.comparisons(kpi, dims)
    return Reading(
        formatter=Formatter(values),
        facts=values.kpi(kpi),
        now=values.value(kpi, period, dims),
        before=before,
        year_ago=year_ago,
        target=values.target(kpi, None, dims),
        earlier=tuple(value for value in found if value is not None),
        normal=_normal(found, _season(period)),
    )


def member_readings(values: Values, kpi: str, dimension: str) -> list[tuple[str, Reading]]:
    """Each member that has a figure now or had one before, with its reading; the largest first."""
    found = [(m, read(values, kpi, f"{dimension}={m}")) for m in values.members(kpi, dimension)]
    kept = [(m, r) for m, r in found if r.now.value or r.before.value or r.year_ago.value]
    return sorted(kept, key=lambda pair: (pair[0] == "(unknown)", -(pair[1].now.value or 0.0)))


def explanation(values: Values, kpi: str, dimension: str) -> Line:
    """Which member explains most of a movement; for a rate, where it is lowest and highest.

    Empty when there is nothing to compare.
    """
    total, members = read(values, kpi), member_readings(values, kpi, dimension)
    if total.now.value is None or len(members) < 2:
        return ()
    if total.facts.additive:
        return _largest_part(total, members)
    ranked = sorted((r.now.value, member, r) for member, r in members if r.now.value is not None)
    if len(ranked) < 2 or not total.formatter.moved(kpi, ranked[-1][0], ranked[0][0]):
        return ()
    (_, lowest, low), (_, highest, high) = ranked[0], ranked[-1]
    figure = total.formatter.figure
    return (
        f"{total.name} is highest in {member_name(highest)} at ", figure(high.now),
        f" and lowest in {member_name(lowest)} at ", figure(low.now),
    )  # fmt: skip


def _largest_part(total: Reading, members: list[tuple[str, Reading]]) -> Line:
    if not total.moved or total.now.value is None or total.before.value is None:
        return ()
    moved = total.now.value - total.before.value
    parts = [((r.now.value or 0.0) - (r.before.value or 0.0), member, r) for member, r in members]
    part, member, reading = max(parts, key=lambda found: found[0] / moved)
    write = total.formatter.short
    verb = "rose" if moved > 0 else "fell"
    whole = number(total.now, write(total.facts.id, abs(moved)), "change")
    own = number(reading.now, write(total.facts.id, abs(part)), "change")
    name = member_name(member)
    if part / moved > 1:
        return (
            f"{total.name} {verb} by ", whole, f": {name} {verb} by ", own,
            ", the others together went the other way",
        )  # fmt: skip
    return (f"{name} explains ", own, " of the ", whole, f" by which {total.name} {verb}")


def _nearest(target: Target, value: float) -> float:
    if not isinstance(target.value, tuple):
        return target.value
    low, high = target.value
    return low if value < low else high if value > high else value
