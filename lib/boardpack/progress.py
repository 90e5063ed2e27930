"""Progress: how far a KPI is to its target, how that is called, and what pace would get it there.

Pure functions over a reading and its target. A tick goes by `Target.met_by` alone: 8 % growth where
10 % was wanted is not met, however near it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from boardpack.formats import number
from boardpack.markup import Line
from boardpack.objectives import Bands, Target
from boardpack.periods import Period
from boardpack.readings import Reading

Status = Literal["on track", "at risk", "off track", "no target", "no value"]
Nearness = Literal["on target", "near target", "below target", "no target", "no value"]

#: So many steps back tell the present pace, and a goal further ahead than this is out of sight.
STEPS = 3
_PATIENCE = 60


def progress(target: Target, value: float) -> float:
    """How much of the target is reached, in percent; see `Target.reached_by`.

    >>> progress(Target(2, "<"), 4)
    50.0
    """
    return target.reached_by(value)


def status(reading: Reading, bands: Bands | None = None) -> Status:
    """``on track`` from 90 % of the target on, ``at risk`` from 70 %, else ``off track``.

    The bands are those of the scorecard unless others are given. Of a target that is met it is
    ``on track``; one that is not met may be, too.
    """
    if reading.now.value is None:
        return "no value"
    if reading.target is None:
        return "no target"
    known = bands or bands_of(reading)
    share = progress(reading.target, reading.now.value)
    if share >= known.on_track:
        return "on track"
    return "at risk" if share >= known.at_risk else "off track"


def nearness(reading: Reading, near: float = 95.0) -> Nearness:
    """The three words of a target matrix: ``on target`` is met, ``near target`` lacks a little."""
    if reading.now.value is None:
        return "no value"
    if reading.target is None:
        return "no target"
    if reading.target.met_by(reading.now.value):
        return "on target"
    return "near target" if progress(reading.target, reading.now.value) >= near else "below target"


def bands_of(reading: Reading) -> Bands:
    """The bands of the scorecard that the report was made with."""
    objectives = reading.formatter.values.report.objectives
    return objectives.bands if objectives else Bands()


@dataclass(frozen=True)
class Pace:
    """What it takes a KPI to reach a goal, and what it does.

    ``needs`` is the step a period from now until ``due``, ``goes`` the mean of its last steps, and
    ``reached`` the period in which these lead there, None where they do not within sight.
    """

    goal: float
    due: Period | None
    needs: float | None
    goes: float | None
    reached: Period | None

    @property
    def is_enough(self) -> bool | None:
        """Whether the present pace leads there in time; None where nothing is due or known."""
        if self.due is None or self.goes is None:
            return None
        return self.reached is not None and self.reached <= self.due


def mean_step(reading: Reading) -> float | None:
    """The mean step of the last periods, in the unit of the KPI; None after too short a past."""
    now = reading.now.value
    if now is None or len(reading.earlier) < STEPS:
        return None
    return (now - reading.earlier[-STEPS]) / STEPS


def pace(reading: Reading) -> Pace | None:
    """The pace to the next milestone of a KPI's path, or to its target where that has no path.

    None where there is nothing ahead: no target, no figure, an open period, a range, or a target
    that is met and no milestone behind it.
    """
    now, target = reading.now.value, reading.target
    if now is None or reading.is_open or reading.now.dims:
        return None
    period = reading.now.period
    goal, due = _ahead(reading)
    if goal is None:
        if target is None or isinstance(target.value, tuple) or target.met_by(now):
            return None
        goal = target.value
    wanted = Target(goal, target.comparator if target else _side(reading))
    if wanted.met_by(now):
        return None
    left = _periods_between(period, due) if due else 0
    needs = (goal - now) / left if left else None
    goes = mean_step(reading)
    reached = None
    if goes and (goal - now) / goes > 0:
        steps = (goal - now) / goes
        whole = max(1, int(steps) + (steps > int(steps)))
        if whole <= _PATIENCE:
            reached = period.shift(whole)
    return Pace(goal, due, needs, goes, reached)


def pace_words(reading: Reading) -> Line:
    """The pace as the end of a sentence; empty where there is none to tell.

    ``needs $40K more a month to reach $2M by December 2025; at the present pace that is reached in
    March 2026``.
    """
    found = pace(reading)
    if found is None:
        return ()
    write, kpi = reading.formatter.short, reading.facts.id
    grain = reading.now.period.grain
    written = reading.formatter.target(kpi, Target(found.goal, ">="))
    goal = number(reading.now, written, "milestone" if found.due else "target")
    line: Line = ()
    if found.needs is not None and found.due is not None:
        step = number(reading.now, write(kpi, abs(found.needs)), "pace")
        more = "more" if found.needs > 0 else "less"
        by = reading.formatter.period(found.due)
        line = ("needs ", step, f" {more} a {grain} to reach ", goal, f" by {by}")
    if found.goes is None:
        return line
    at = "at the present pace"
    told: Line
    if found.reached is None:
        told = (f"{at} it does not get there",)
        if not line:
            told = (f"{at} it does not reach ", goal)
    else:
        when = reading.formatter.period(found.reached)
        told = (f"{at} it gets there in {when}",)
        if not line:
            told = (f"{at} it reaches ", goal, f" in {when}")
    return (*line, "; ", *told) if line else told


def _ahead(reading: Reading) -> tuple[float | None, Period | None]:
    """The next milestone after the reading's period, and the period that it falls in."""
    period = reading.now.period
    for milestone in reading.facts.milestones:
        day = date.fromisoformat(milestone.day)
        if day > period.last_day:
            due = Period.containing(day, period.grain, period.calendar)
            # A milestone within a longer period that is not its end is due with the period.
            return milestone.value, due
    return None, None


def _periods_between(one: Period, other: Period) -> int:
    count = 0
    while one < other and count < 600:
        one, count = one.shift(1), count + 1
    return count


def _side(reading: Reading) -> Literal[">=", "<="]:
    return "<=" if reading.facts.direction == "lower" else ">="
