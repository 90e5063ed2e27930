"""How far figures are from what they are set against, and what a page writes of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from boardpack.blocks import Shown
from boardpack.formats import MINUS, member_name, number
from boardpack.markup import plain
from boardpack.readings import Reading, member_readings, read
from boardpack.values import Values

Base = Literal["before", "year_ago", "target"]
BASES: tuple[Base, ...] = ("year_ago", "target")
#: The least share of the largest figure that a bar beside it can still be seen at.
_LEAST = 0.03
#: What a page calls what a figure is set against.
NAMES: dict[Base, str] = {"before": "period before", "year_ago": "year before", "target": "target"}


@dataclass(frozen=True)
class Delta:
    """How far a figure is from what it is set against, and what a page writes of it."""

    amount: float
    percent: float | None
    absolute: Shown | str
    relative: Shown | str
    verdict: Literal["better", "worse", ""]


@dataclass(frozen=True)
class Entry:
    """One row: a KPI or a member, with what it is set against."""

    name: str
    reading: Reading
    deltas: dict[Base, Delta]


def entries_of(
    values: Values, kpis: Sequence[str], dimension: str, against: Sequence[Base]
) -> list[Entry]:
    """A row a KPI, or a member of the first by ``dimension``; none without a figure."""
    if dimension:
        found = [(member_name(m), r) for m, r in member_readings(values, kpis[0], dimension)]
    else:
        known = [read(values, kpi) for kpi in kpis if values.is_available(kpi)]
        found = [(reading.name, reading) for reading in known]
    return [
        Entry(name, r, {b: d for b in against if (d := _delta(r, b)) is not None})
        for name, r in found
        if r.now.value is not None
    ]


def _delta(reading: Reading, base: Base) -> Delta | None:
    now, formatter = reading.now, reading.formatter
    goal = base_of(reading, base)
    if now.value is None or goal is None:
        return None
    kpi, amount = reading.facts.id, now.value - goal
    what = "gap" if base == "target" else "change"
    # Of a rate the points are the percentages: percent of a percentage would be read as points.
    is_rate = reading.facts.unit == "percent"
    percent = 100 * amount / goal if goal > 0 and not is_rate else None
    if not formatter.moved(kpi, now.value, goal):
        verdict: Literal["better", "worse", ""] = "better" if _is_met(reading, base) else ""
        return Delta(amount, percent, "same", "", verdict)
    sign = "+" if amount > 0 else MINUS
    size = (
        formatter.distance(kpi, now.value, goal) if is_rate else formatter.short(kpi, abs(amount))
    )
    absolute = number(now, sign + size, what).shown
    relative: Shown | str = ""
    if percent is not None:
        relative = number(now, sign + formatter.percentage(abs(percent)), what).shown
    return Delta(amount, percent, absolute, relative, _verdict(reading, base))


def base_of(reading: Reading, base: Base) -> float | None:
    """The figure that one is set against; none of a target that is a range."""
    if base == "target":
        goal = reading.target
        return None if goal is None or isinstance(goal.value, tuple) else goal.value
    return (reading.year_ago if base == "year_ago" else reading.before).value


def _verdict(reading: Reading, base: Base) -> Literal["better", "worse", ""]:
    if base == "target":
        return "better" if _is_met(reading, base) else "worse"
    return reading.verdict_on(reading.year_ago if base == "year_ago" else reading.before)


def _is_met(reading: Reading, base: Base) -> bool:
    return base == "target" and reading.standing == "met"


def comparable(entries: Sequence[Entry]) -> bool:
    """Whether all figures are of one unit and may stand on one scale."""
    if len({entry.reading.facts.id for entry in entries}) == 1:
        return True
    units = {entry.reading.facts.unit for entry in entries}
    sizes = [abs(entry.reading.now.value or 0.0) for entry in entries]
    # A score and a ratio are measured each in its own way; what is too small is not seen.
    return (
        len(units) == 1
        and units.isdisjoint({"ratio", "score"})
        and min(sizes) > (_LEAST * max(sizes))
    )


def figure_of(entry: Entry) -> str:
    """The figure of a row as text."""
    return plain((entry.reading.formatter.figure(entry.reading.now),))
