"""Rules for targets: each has an owner, a date and a baseline, and stretches without breaking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from boardpack.formats import Formatter
from boardpack.readings import read
from boardpack.scorecards import Scorecard
from boardpack.target_proposals import STRETCH, lift, trailing_value
from boardpack.values import Values

Rule = Literal["owner", "date", "baseline", "stretch", "member"]


@dataclass(frozen=True)
class Flag:
    """A rule that a target does not keep to, in words of one line."""

    kpi: str
    rule: Rule
    says: str


def flags(values: Values, card: Scorecard, dimensions: Mapping[str, Sequence[str]]) -> list[Flag]:
    """What is to be said of the targets of a scorecard in the period of ``values``.

    ``dimensions`` are those that each KPI can be split by: a target of a member beyond them is
    never compared with anything. A KPI without a target is not flagged.
    """
    found: list[Flag] = []
    for kpi, goal in card.goals.items():
        if not goal.has_target and not goal.members:
            continue
        if kpi in values.kpis and not values.kpi(kpi).owner:
            found.append(Flag(kpi, "owner", "nobody owns it"))
        if goal.value is not None and goal.due is None:
            says = "no day by which it is to be reached (due:, path: or steps:)"
            found.append(Flag(kpi, "date", says))
        if goal.has_target and goal.baseline is None:
            found.append(Flag(kpi, "baseline", "no baseline that it starts from"))
        if kpi in values.kpis and (says := stretch(values, kpi)):
            found.append(Flag(kpi, "stretch", says))
        for dims in goal.members:
            names = [pair.partition("=")[0] for pair in dims.split(",")]
            if kpi in dimensions and (other := set(names) - set(dimensions[kpi])):
                says = f"{dims}: the KPI cannot be split by {', '.join(sorted(other))}"
                found.append(Flag(kpi, "member", says))
    return found


def stretch(values: Values, kpi: str) -> str:
    """Why the target lies outside 10 to 20 % beyond the trailing value; "" when it does not.

    Without a trailing value, and of a range, there is nothing to say.
    """
    reading = read(values, kpi)
    target, trailing = reading.target, trailing_value(reading)
    if target is None or trailing is None:
        return ""
    gain = lift(target, trailing, reading.facts.unit)
    low, high = STRETCH
    if gain is None or low <= gain <= high:
        return ""
    formatter = Formatter(values)
    goal, was = formatter.target(kpi, target), formatter.full(kpi, trailing)
    if gain <= 0:
        return f"{goal} is reached by the trailing value of {was}"
    size = formatter.percentage(gain)
    side = "less" if gain < low else "more"
    return f"{goal} is {size} beyond the trailing value of {was}, {side} than 10 to 20%"
