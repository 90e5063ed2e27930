"""Urgency: which readings matter most, for how long a target is missed, where the pace leads."""

from __future__ import annotations

from dataclasses import dataclass

from boardpack.objectives import Target
from boardpack.progress import STEPS, mean_step
from boardpack.readings import Reading
from boardpack.values import Value

#: A pace that takes longer than this many periods is no way to a target.
PATIENCE = 24
#: A target that the pace leads out of within so many periods is at risk.
_SOON = 6


@dataclass(frozen=True)
class Crossing:
    """When the mean step of the last periods leads a figure over its target.

    ``step`` is in the unit of the KPI, a period. ``periods`` says in how many of them the target is
    met or, where it is met today, missed; None when never, or too late to say.
    """

    step: float
    periods: float | None


def gravity(reading: Reading) -> int:
    """How far in front a reading belongs, 0 first.

    Off target and beyond normal variation, worse beyond it, better beyond it, off target, no
    figure, the rest.
    """
    if reading.standing == "no value":
        return 4
    missed, worse = reading.standing == "missed", reading.verdict_on(reading.before) == "worse"
    if reading.is_unusual:
        return 0 if missed else 1 if worse else 2
    return 3 if missed else 5


def crossing(reading: Reading) -> Crossing | None:
    """When a figure crosses its target at the present pace; None where there is no saying.

    That is of an open period, of a day, of a target that is a range, of too short a past.
    """
    target, now = reading.target, reading.now.value
    if target is None or isinstance(target.value, tuple) or now is None or reading.is_open:
        return None
    step = mean_step(reading)
    if reading.now.period.grain == "day" or step is None:
        return None
    away = target.value - now
    periods = away / step if step else None
    if periods is not None and not 0 < periods <= PATIENCE:
        periods = None
    return Crossing(step, periods)


def missed_in_a_row(reading: Reading) -> int:
    """For how many periods up to this one the target of each was missed."""
    if reading.standing != "missed":
        return 0
    values, kpi = reading.formatter.values, reading.facts.id
    row = 0
    for value in reversed(values.series(kpi)):
        target = values.target(kpi, value.period)
        if not _is_missed(value, target):
            break
        row += 1
    return row


def needs_decision(reading: Reading) -> bool:
    """Whether somebody has to decide: the target is missed for long, or by a move out of range,
    and the pace leads nowhere near it."""
    if reading.standing != "missed" or reading.is_open:
        return False
    lasts = missed_in_a_row(reading) >= STEPS
    worse = reading.is_unusual and reading.verdict_on(reading.before) == "worse"
    found = crossing(reading)
    comes_back = found is not None and found.periods is not None and found.periods <= STEPS
    return (lasts or worse) and not comes_back


def is_slipping(reading: Reading) -> bool:
    """Whether a target is met that the pace leads out of soon."""
    found = crossing(reading)
    return (
        reading.standing == "met"
        and found is not None
        and found.periods is not None
        and found.periods <= _SOON
        and reading.verdict_on(reading.before) == "worse"
    )


def worse_in_a_row(reading: Reading) -> int:
    """For how many steps up to this period the figure has gone the wrong way."""
    now = reading.now.value
    if now is None or reading.is_open or reading.facts.direction == "range":
        return 0
    sign = 1 if reading.facts.direction == "higher" else -1
    figures = [*reading.earlier, now]
    row = 0
    for before, after in zip(reversed(figures[:-1]), reversed(figures), strict=False):
        if sign * (after - before) >= 0:
            break
        row += 1
    return row


def _is_missed(value: Value, target: Target | None) -> bool:
    return value.value is not None and target is not None and not target.met_by(value.value)
