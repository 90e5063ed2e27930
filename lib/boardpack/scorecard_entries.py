"""The entries of a scorecard's file: what stands under each key, checked as far as it can be alone.

`boardpack.scorecards` checks them against the catalogue and reads them into facts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from boardpack.engine.goals import Wanted
from boardpack.objectives import Branch, Comparator
from boardpack.periods import GRAINS, Grain
from boardpack.yamlfile import Strict

Cadence = Literal["daily", "weekly", "monthly", "quarterly"]

_PAIR = r"[a-z][a-z0-9_]*=[^=,]+"


class TargetEntry(Strict):
    """A target of a member: ``{comparator: "<", value: 15}``; its path counts as that of a KPI."""

    comparator: Comparator | None = None
    value: float | tuple[float, float] | None = None
    path: dict[str, float] | None = None
    steps: dict[str, float] | None = None

    @model_validator(mode="after")
    def _complete(self) -> TargetEntry:
        _one_target(self.value, self.path, self.steps)
        if self.value is None and not self.path and not self.steps:
            raise ValueError("give one of value:, path: and steps:")
        return self


class BenchmarkEntry(Strict):
    """What others reach, and who says so."""

    value: float | tuple[float, float]
    source: str


class GoalEntry(Wanted):
    """What is wanted of one KPI, by whom and how often it is looked at.

    ``baseline``, ``thresholds`` and ``weights`` are figures that formulas may name. ``members`` has
    the targets of its parts by ``segment=smb``, or ``segment=*`` for each that has no own. ``due``
    is the day by which a target that is the same in every period is to be reached.
    """

    owner: str = ""
    cadence: Cadence = "monthly"
    branch: Branch | None = None
    path: dict[str, float] | None = None
    steps: dict[str, float] | None = None
    grains: list[Grain] = Field(default_factory=lambda: list(GRAINS))
    members: dict[str, TargetEntry] = Field(default_factory=dict)
    stretch: float | None = None
    due: date | None = None
    benchmark: BenchmarkEntry | None = None

    @model_validator(mode="after")
    def _complete(self) -> GoalEntry:
        _one_target(self.value, self.path, self.steps)
        if (self.path or self.steps) and self.comparator is None:
            raise ValueError("a target needs a comparator: >=, >, <=, < or between")
        for dims, row in self.members.items():
            if re.fullmatch(f"{_PAIR}(,{_PAIR})*", dims) is None:
                raise ValueError(f"{dims!r} names no member; write it as segment=smb")
            comparator = row.comparator or self.comparator
            if comparator is None:
                raise ValueError(f"the target of {dims} needs a comparator: >=, >, <=, <, between")
            if isinstance(row.value, tuple) != (comparator == "between"):
                raise ValueError("between goes with a pair of values, and only with one")
        return self

    @property
    def has_target(self) -> bool:
        """Whether anything is wanted of the KPI as a whole."""
        return self.value is not None or bool(self.path or self.steps)


class NorthStarEntry(Strict):
    """The KPIs that all others serve, the first first; ``factors`` of those that are products."""

    kpis: list[str] = Field(min_length=1)
    factors: dict[str, list[str]] = Field(default_factory=dict)


class CriterionEntry(Strict):
    """What one KPI, or its member ``of``, must read; ``not_measurable`` is why none can say it.

    That counts while the catalogue lacks the KPI; a criterion may then name one that is not there
    yet.
    """

    kpi: str | None = None
    comparator: Comparator | None = None
    value: float | tuple[float, float] | None = None
    of: str = Field(default="", pattern=f"^({_PAIR})?$")
    not_measurable: str = ""

    @model_validator(mode="after")
    def _whole(self) -> CriterionEntry:
        given = [x is not None for x in (self.kpi, self.comparator, self.value)]
        if any(given) and not all(given):
            raise ValueError("a criterion has a kpi:, a comparator: and a value:")
        if self.value is not None and isinstance(self.value, tuple) != (
            self.comparator == "between"
        ):
            raise ValueError("between goes with a pair of values, and only with one")
        return self


class ItemEntry(CriterionEntry):
    """One line of a stage: a criterion, or ``all`` of several."""

    says: str = ""
    all: list[CriterionEntry] = Field(default_factory=list)
    priority: Literal["high", "medium", "low"] | None = None

    @model_validator(mode="after")
    def _says_what(self) -> ItemEntry:
        if self.kpi and self.all:
            raise ValueError("give a kpi: or all: of several criteria, not both")
        if any(part.kpi is None and not part.not_measurable for part in self.all):
            raise ValueError("each of all: has a kpi:, a comparator: and a value:")
        if self.not_measurable and not self.says:
            raise ValueError("what may not be measurable says: what is wanted")
        if not self.kpi and not self.all and not self.not_measurable:
            raise ValueError("what has no kpi: says what is wanted, and why it is not_measurable:")
        return self

    @property
    def parts(self) -> list[CriterionEntry]:
        """Its criteria."""
        return list(self.all) or ([self] if self.kpi else [])


class StageEntry(Strict):
    """A stretch of the company's age, in months or days, and what it is to reach in it.

    ``months: [1, 12]`` are both in it; ``days: [0, 30]`` ends before day 30, ``days: [90]`` never.
    """

    stage: str
    aim: str = ""
    months: list[int] | None = Field(default=None, min_length=1, max_length=2)
    days: list[int] | None = Field(default=None, min_length=1, max_length=2)
    categories: dict[str, list[ItemEntry]]

    @model_validator(mode="after")
    def _one_age(self) -> StageEntry:
        if (self.months is None) == (self.days is None):
            raise ValueError("give months: or days: of its age, such as months: [1, 12]")
        span = self.months or self.days or []
        least = 1 if self.months else 0
        if span[0] < least or (len(span) == 2 and span[1] < span[0] + 1 - least):
            raise ValueError(f"an age counts from {least}, and ends after it begins")
        return self


class RiskEntry(Strict):
    """An early warning: it fires at ``comparator`` and ``value``; see `boardpack.objectives.Risk`.

    ``kpis`` makes one of each of several KPIs. ``not_measurable`` counts while the catalogue lacks
    the KPI.
    """

    risk: str
    kpis: list[str] = Field(min_length=1)
    family: Literal["leading", "financial", "market"]
    severity: Literal["critical", "high", "warning", "info"] | None = None
    comparator: Literal[">=", ">", "<=", "<"]
    value: float
    owner: str = ""
    measure: Literal["value", "change"] = "value"
    against: int = Field(default=1, ge=1, le=12)
    grain: Grain | None = None
    consecutive: int = Field(default=1, ge=1, le=12)
    window: str = ""
    not_measurable: str = ""


class BandsEntry(Strict):
    """From how many percent of a target on a KPI is on track, or at risk."""

    on_track: float = 90.0
    at_risk: float = 70.0

    @model_validator(mode="after")
    def _in_order(self) -> BandsEntry:
        if not 0 < self.at_risk < self.on_track <= 100:
            raise ValueError("at_risk: lies below on_track:, both between 0 and 100")
        return self


class EngagementsEntry(Strict):
    """Members that have an age of their own: their dimension, and the first day of each."""

    dimension: str
    kickoffs: dict[str, date] = Field(default_factory=dict)


class ScorecardEntry(Strict):
    """A file of ``scorecards/``."""

    scorecard: str
    replaces: str | None = None
    title: str
    currency: str
    notes: str = ""
    bands: BandsEntry = Field(default_factory=BandsEntry)
    north_star: NorthStarEntry | None = None
    stages_by: EngagementsEntry | None = None
    stages: list[StageEntry] = Field(default_factory=list)
    risks: list[RiskEntry] = Field(default_factory=list)
    kpis: dict[str, GoalEntry]


def age_of(name: str) -> tuple[Literal["month", "day"], int]:
    """An age as a path writes it: ``month 12`` of the plan, ``day 30`` since its first.

    >>> age_of("day 90")
    ('day', 90)
    """
    match = re.fullmatch(r"(month|day) (\d+)", name)
    if match is None:
        raise ValueError(f"{name!r} is no month of the plan; write it as month 12, or day 30")
    return ("month" if match[1] == "month" else "day"), int(match[2])


def _one_target(
    value: object, path: Mapping[str, float] | None, steps: Mapping[str, float] | None
) -> None:
    if sum(x is not None for x in (value, path, steps)) > 1:
        raise ValueError("give one of value:, path: and steps:")
    for ages in (path, steps):
        if len({age_of(name)[0] for name in ages or ()}) > 1:
            raise ValueError("one path counts in months or in days, not in both")
