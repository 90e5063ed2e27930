"""Objectives: what a company wants of its KPIs, as facts that a report freezes with its values.

A target of a KPI, the milestones it leads over, the North Star above all of them, the stages of a
company with their criteria, the risks it watches. `boardpack.scorecards` reads them from a file;
whoever shows them has only these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, TypeVar

Comparator = Literal[">=", ">", "<=", "<", "between"]

Branch = Literal["input", "output", "health"]

#: The branches below a North Star, in the order of a page.
BRANCHES: tuple[Branch, ...] = ("input", "output", "health")

Row = TypeVar("Row")


@dataclass(frozen=True)
class Target:
    """What the company wants of a KPI in one period; ``value`` is a pair for ``between``."""

    value: float | tuple[float, float]
    comparator: Comparator

    def met_by(self, value: float) -> bool:
        """Whether ``value`` meets the target."""
        if isinstance(self.value, tuple):
            return self.value[0] <= value <= self.value[1]
        if self.comparator == ">":
            return value > self.value
        if self.comparator == "<":
            return value < self.value
        return value <= self.value if self.comparator == "<=" else value >= self.value

    def reached_by(self, value: float) -> float:
        """How much of it ``value`` reaches, in percent, by its direction; at most 100.

        Of a floor value / target, of a limit target / value, of a range the nearer end; 100 once
        the target is reached. A limit of nothing is reached or it is not at all.

        >>> [Target(2, "<").reached_by(churn) for churn in (1.5, 2.5, 4)]
        [100.0, 80.0, 50.0]
        >>> Target(0, "<=").reached_by(1), Target((15, 20), "between").reached_by(12)
        (0.0, 80.0)
        """
        if isinstance(self.value, tuple):
            low, high = self.value
            nearer = Target(low, ">=") if value < low else Target(high, "<=")
            return nearer.reached_by(value)
        goal = self.value
        is_limit = self.comparator in ("<", "<=")
        if value == goal or (value < goal) == is_limit:
            return 100.0
        part, whole = (goal, value) if is_limit else (value, goal)
        if whole <= 0:
            # Below zero a share means nothing: what was to be -5 and is -10 lacks as much again.
            return max(0.0, 100.0 - 100.0 * abs(value - goal) / abs(goal)) if goal else 0.0
        return max(0.0, 100.0 * part / whole)

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Target:
        """Read what ``dataclasses.asdict`` made of it."""
        value = entry["value"]
        return cls(tuple(value) if isinstance(value, list) else value, entry["comparator"])


@dataclass(frozen=True)
class Milestone:
    """What a path of targets asks for by the end of a day; ``name`` as the plan says it."""

    day: str
    value: float
    name: str


@dataclass(frozen=True)
class Benchmark:
    """What others reach, and who says so; ``value`` is a pair where it is a range."""

    value: float | tuple[float, float]
    source: str

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Benchmark:
        """Read what ``dataclasses.asdict`` made of it."""
        value = entry["value"]
        return cls(tuple(value) if isinstance(value, list) else value, entry["source"])


@dataclass(frozen=True)
class NorthStar:
    """The KPIs that all others serve, the first first, and the factors of those that are products.

    ``branches`` has every other KPI of the scorecard, in its order.
    """

    kpis: tuple[str, ...]
    factors: dict[str, tuple[str, ...]] = field(default_factory=dict)
    branches: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Criterion:
    """What one KPI, or a member of it, must read."""

    kpi: str
    target: Target
    dims: str = ""


@dataclass(frozen=True)
class Item:
    """One line of a stage: met when all its parts are.

    ``says`` is its own wording, "" where the KPI and its target say it. ``lacks`` is why it, or a
    part of it, cannot be measured.
    """

    says: str
    parts: tuple[Criterion, ...] = ()
    lacks: str = ""
    priority: str = ""


@dataclass(frozen=True)
class Category:
    """The lines of a stage under one heading, such as Customer."""

    name: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Stage:
    """A stretch of a company's age and what it is to reach in it.

    Months count from 1, ``first`` and ``last`` belong to it. Days count from 0, and the day
    ``last`` is the first of the next stage. ``last`` is None for a stage without end.
    """

    name: str
    unit: Literal["month", "day"]
    first: int
    last: int | None
    categories: tuple[Category, ...]
    aim: str = ""

    def holds(self, age: int) -> bool:
        """Whether a company of this age, in the stage's unit, is in it.

        >>> Stage("Setup", "day", 0, 30, ()).holds(30), Stage("Fit", "month", 1, 12, ()).holds(12)
        (False, True)
        """
        if self.last is None:
            return age >= self.first
        return self.first <= age < self.last + (self.unit == "month")


@dataclass(frozen=True)
class Risk:
    """An early warning: it fires when the figure lies beyond the limit, as ``comparator`` says.

    The figure is the KPI itself, or with ``measure`` ``change`` its change in percent against the
    mean of the ``against`` periods before. ``grain`` is the period it looks at where that is not
    the report's, ``consecutive`` how many of them in a row must lie beyond.
    """

    name: str
    kpi: str
    family: Literal["leading", "financial", "market"]
    severity: Literal["critical", "high", "warning", "info"]
    comparator: Literal[">=", ">", "<=", "<"]
    limit: float
    owner: str = ""
    measure: Literal["value", "change"] = "value"
    against: int = 1
    grain: str = ""
    consecutive: int = 1
    window: str = ""
    lacks: str = ""

    def fires_at(self, figure: float) -> bool:
        """Whether a figure lies beyond the limit; what is equal to it counts as stated.

        >>> Risk("", "nps", "leading", "warning", "<", 45).fires_at(45)
        False
        """
        return Target(self.limit, self.comparator).met_by(figure)


@dataclass(frozen=True)
class Bands:
    """From how much of its target on, in percent, a KPI is on track, or at risk; else off track."""

    on_track: float = 90.0
    at_risk: float = 70.0


@dataclass(frozen=True)
class Objectives:
    """Everything that a scorecard wants beyond a target for each KPI.

    ``start`` is the first day of the plan, "" where none is given; ``kickoffs`` are the first days
    of the members of the dimension ``by`` where each has an age of its own.
    """

    scorecard: str = ""
    title: str = ""
    start: str = ""
    north_star: NorthStar | None = None
    stages: tuple[Stage, ...] = ()
    risks: tuple[Risk, ...] = ()
    bands: Bands = Bands()
    by: str = ""
    kickoffs: dict[str, str] = field(default_factory=dict)

    @property
    def first_day(self) -> date | None:
        """The first day of the plan."""
        return date.fromisoformat(self.start) if self.start else None

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Objectives:
        """Read what ``dataclasses.asdict`` made of it."""
        star = entry["north_star"]
        north_star = star and NorthStar(
            tuple(star["kpis"]),
            {kpi: tuple(of) for kpi, of in star["factors"].items()},
            {branch: tuple(kpis) for branch, kpis in star["branches"].items()},
        )
        return cls(
            **{
                **entry,
                "north_star": north_star,
                "stages": tuple(_stage(stage) for stage in entry["stages"]),
                "risks": tuple(Risk(**risk) for risk in entry["risks"]),
                "bands": Bands(**entry["bands"]),
            }
        )


def most_specific(rows: Mapping[str, Row], dims: str) -> list[Row]:
    """The rows that speak of a member, the most specific first.

    A row of the member itself comes before one of every member, written ``segment=*``. What is
    wanted of the total says nothing of its parts.

    >>> most_specific({"": 5, "segment=*": 80, "segment=smb": 15}, "segment=smb")
    [15, 80]
    >>> most_specific({"": 5, "segment=smb": 15}, "segment=enterprise")
    []
    """
    names = [dims]
    if dims:
        names.append(",".join(f"{pair.partition('=')[0]}=*" for pair in dims.split(",")))
    return [rows[name] for name in names if name in rows]


def _stage(entry: Mapping[str, Any]) -> Stage:
    categories = tuple(
        Category(found["name"], tuple(_item(item) for item in found["items"]))
        for found in entry["categories"]
    )
    return Stage(**{**entry, "categories": categories})


def _item(entry: Mapping[str, Any]) -> Item:
    parts = tuple(
        Criterion(part["kpi"], Target.from_dict(part["target"]), part["dims"])
        for part in entry["parts"]
    )
    return Item(**{**entry, "parts": parts})
