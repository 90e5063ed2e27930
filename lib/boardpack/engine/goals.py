"""Goals: what a scorecard says of KPIs, as figures that formulas may name.

`boardpack.scorecards.Scorecard` is one; a definition test brings its own, so that it says the same
whatever the workspace wants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from boardpack.engine.functions import COUNTING, Goal
from boardpack.objectives import Comparator, Target
from boardpack.periods import Period
from boardpack.yamlfile import Strict


class Wanted(Strict):
    """What is wanted of one KPI, and where it stood or turns: ``{comparator: ">=", value: 50}``."""

    comparator: Comparator | None = None
    value: float | tuple[float, float] | None = None
    baseline: float | None = None
    thresholds: dict[str, float] = Field(default_factory=dict)
    weights: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _pair(self) -> Wanted:
        if self.value is not None and self.comparator is None:
            raise ValueError("a target needs a comparator: >=, >, <=, < or between")
        if isinstance(self.value, tuple) != (self.comparator == "between"):
            raise ValueError("between goes with a pair of values, and only with one")
        return self


class Goals(Protocol):
    """What the engine asks of a scorecard."""

    @property
    def goals(self) -> Mapping[str, Wanted]:
        """What is wanted of each KPI it names."""

    def targets(self, kpi: str, periods: Iterable[Period]) -> dict[str, Target]:
        """The target of each period that has one, by period label."""


@dataclass(frozen=True)
class GivenGoals:
    """The goals of a definition test: the same in every period."""

    goals: Mapping[str, Wanted]

    def targets(self, kpi: str, periods: Iterable[Period]) -> dict[str, Target]:
        """See `Goals.targets`."""
        found = self.goals.get(kpi)
        if found is None or found.value is None or found.comparator is None:
            return {}
        return {period.label: Target(found.value, found.comparator) for period in periods}


def lacks(goals: Goals | None, goal: Goal) -> str:
    """Why a figure of the scorecard is not there; "" when it is, at least in some period."""
    if goal.what == "weight":
        return ""
    if goals is None:
        return f"{goal} needs a scorecard, and the workspace names none"
    if goal.what in COUNTING:
        return ""
    wanted = goals.goals.get(goal.kpi)
    if goal.what == "threshold" and (wanted is None or goal.name not in wanted.thresholds):
        return f"the scorecard has no threshold {goal.name!r} of {goal.kpi}"
    if goal.what == "baseline" and (wanted is None or wanted.baseline is None):
        return f"the scorecard has no baseline of {goal.kpi}"
    if goal.what in ("target", "met") and (wanted is None or wanted.comparator is None):
        return f"the scorecard has no target of {goal.kpi}"
    if goal.what == "target" and wanted is not None and wanted.comparator == "between":
        return f"the target of {goal.kpi} is a range and no number"
    return ""


def figures(goals: Goals, goal: Goal, periods: Sequence[Period]) -> NDArray[np.float64]:
    """A target, baseline or threshold in each period; NaN where there is none."""
    wanted = goals.goals[goal.kpi]
    if goal.what == "baseline":
        return np.full(len(periods), wanted.baseline, dtype=float)
    if goal.what == "threshold":
        return np.full(len(periods), wanted.thresholds[goal.name], dtype=float)
    targets = goals.targets(goal.kpi, periods)
    found = [targets[p.label].value if p.label in targets else np.nan for p in periods]
    return np.array(found, dtype=float)


def met(
    goals: Goals,
    kpi: str,
    periods: Sequence[Period],
    values: NDArray[np.float64],
    *,
    partly: bool = False,
) -> NDArray[np.float64]:
    """1 where a figure meets its target, 0 where not; NaN without the one or the other.

    With ``partly`` the share of the target that is reached, where it is not met. ``values`` is
    periods × cells, and so is what comes back.
    """
    targets = goals.targets(kpi, periods)
    found = np.full_like(values, np.nan)
    for p, period in enumerate(periods):
        target = targets.get(period.label)
        if target is not None:
            found[p] = [
                np.nan
                if np.isnan(value)
                else target.reached_by(value) / 100
                if partly
                else float(target.met_by(value))
                for value in values[p]
            ]
    return found
