"""Scorecards: what one company wants of its KPIs, target by period, and who owns each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from boardpack.engine.catalogue import Catalogue
from boardpack.engine.composites import check_weights
from boardpack.engine.goals import Wanted
from boardpack.errors import UnknownNameError, WorkspaceError
from boardpack.periods import GRAINS, Grain, Period
from boardpack.values import Target
from boardpack.workspace import Workspace
from boardpack.yamlfile import Strict, parse

Cadence = Literal["daily", "weekly", "monthly", "quarterly"]


class GoalEntry(Wanted):
    """What is wanted of one KPI, by whom and how often it is looked at.

    ``baseline``, ``thresholds`` and ``weights`` are figures that formulas may name.
    """

    owner: str = ""
    cadence: Cadence = "monthly"
    path: dict[str, float] | None = None
    steps: dict[str, float] | None = None
    grains: list[Grain] = Field(default_factory=lambda: list(GRAINS))

    @model_validator(mode="after")
    def _complete(self) -> GoalEntry:
        given = [x for x in (self.value, self.path, self.steps) if x is not None]
        if len(given) > 1:
            raise ValueError("give one of value:, path: and steps:")
        if given and self.comparator is None:
            raise ValueError("a target needs a comparator: >=, >, <=, < or between")
        for months in (self.path, self.steps):
            for month in months or ():
                _number(month)
        return self


class ScorecardEntry(Strict):
    """A file of ``scorecards/``."""

    scorecard: str
    replaces: str | None = None
    title: str
    currency: str
    notes: str = ""
    kpis: dict[str, GoalEntry]


@dataclass(frozen=True)
class Scorecard:
    """The goals of one company; targets of different companies are never merged."""

    id: str
    title: str
    currency: str
    goals: Mapping[str, GoalEntry]
    start: date | None

    def owner(self, kpi: str) -> str:
        """Who answers for the KPI, or "" when the scorecard names nobody."""
        return self.goals[kpi].owner if kpi in self.goals else ""

    def targets(self, kpi: str, periods: Iterable[Period]) -> dict[str, Target]:
        """The target of each period that has one, by period label."""
        goal = self.goals.get(kpi)
        if goal is None or goal.comparator is None:
            return {}
        found = {}
        for period in periods:
            value = self._value(goal, period)
            if value is not None and period.grain in goal.grains and not period.cut:
                found[period.label] = Target(value, goal.comparator)
        return found

    def _value(self, goal: GoalEntry, period: Period) -> float | tuple[float, float] | None:
        if goal.value is not None:
            return goal.value
        milestones = sorted((_number(k), v) for k, v in (goal.path or goal.steps or {}).items())
        if not milestones or self.start is None:  # `load` refuses the one without the other
            return None
        month = _months_since(self.start, period)
        past = [(n, value) for n, value in milestones if n <= month]
        if not past:
            return None
        ahead = [(n, value) for n, value in milestones if n > month]
        (n0, low) = past[-1]
        if goal.steps is not None or not ahead:
            return low
        (n1, high) = ahead[0]
        return low + (high - low) * (month - n0) / (n1 - n0)


def load(workspace: Workspace, catalogue: Catalogue) -> Scorecard | None:
    """The workspace's scorecard, checked against the catalogue; None when it names none."""
    settings = workspace.settings
    wanted = settings.scorecard
    if wanted is None:
        return None
    config = workspace.root / "boardpack.yml"
    known = []
    found = None
    for document, own in workspace.documents("scorecards"):
        entry = parse(document, ScorecardEntry)
        if entry.scorecard in known and not (own and entry.replaces == entry.scorecard):
            raise document.error(
                f"scorecard {entry.scorecard!r} is already there.",
                ("scorecard",),
                hint=f"write `replaces: {entry.scorecard}`",
            )
        known.append(entry.scorecard)
        if entry.scorecard != wanted:
            continue
        for kpi, goal in entry.kpis.items():
            if kpi not in catalogue.kpis:
                raise UnknownNameError.near(
                    "KPI", kpi, catalogue.kpis,
                    file=document.path, line=document.line(("kpis", kpi)),
                )  # fmt: skip
            if goal.weights:
                check_weights(
                    kpi, goal.weights, catalogue[kpi].weights, document, ("kpis", kpi, "weights")
                )
        if entry.currency != settings.currency:
            raise WorkspaceError(
                f"scorecard {wanted!r} is in {entry.currency}, the workspace in"
                f" {settings.currency}.",
                file=config,
                hint="targets are not converted; use a scorecard in the workspace's currency",
            )
        found = entry
    if found is None:
        raise UnknownNameError.near("scorecard", wanted, known, file=config)
    dated = next((kpi for kpi, g in found.kpis.items() if g.path or g.steps), None)
    if dated is not None and settings.start is None:
        raise WorkspaceError(
            f"the targets of scorecard {wanted!r} count months from the workspace's start,"
            f" which is not given (as for {dated!r}).",
            file=config,
            hint="write start: 2023-01-01, the first day of month 1 of the plan",
        )
    return Scorecard(found.scorecard, found.title, found.currency, found.kpis, settings.start)


def _number(month: str) -> int:
    match = re.fullmatch(r"month (\d+)", month)
    if match is None:
        raise ValueError(f"{month!r} is no month of the plan; write it as month 12")
    return int(match.group(1))


def _months_since(start: date, period: Period) -> int:
    """The month of the plan in which the period ends, counted from 1.

    A quarter is measured by its last month, a week or day by the month it ends in. Months are those
    of the company's calendar.
    """
    number = period.calendar.month_number
    return number(period.last_day) - number(start) + 1
