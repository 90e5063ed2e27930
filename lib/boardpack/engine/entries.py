"""What stands in a file of ``kpis/``: a KPI with its measures and tests, an identity."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Literal

from pydantic import Field, field_validator

from boardpack.calendarfile import CalendarEntry
from boardpack.engine.goals import Wanted
from boardpack.periods import GRAINS, Grain
from boardpack.yamlfile import Strict

Unit = Literal[
    "currency", "percent", "ratio", "count", "score",
    "milliseconds", "seconds", "minutes", "hours", "days", "months", "gigabytes", "mbps", "rank",
]  # fmt: skip
Direction = Literal["higher", "lower", "range"]
NAME = r"^[a-z][a-z0-9_]*$"


class MeasureEntry(Strict):
    """``{source: mrr_movements, window: period, value: sum(amount), where: ...}``."""

    source: str
    value: str
    window: str = "period"
    where: str | None = None
    mature_after: str | None = None
    empty: Literal["zero", "none"] = "zero"


class TestEntry(Strict):
    """Rows in, value out; ``calendar`` is as in ``boardpack.yml``, the plain one if left out."""

    name: str
    period: str
    calendar: CalendarEntry = Field(default_factory=CalendarEntry)
    as_of: date | None = None
    rows: dict[str, list[dict[str, Any]]]
    scorecard: dict[str, Wanted] = Field(default_factory=dict)
    expect: Any

    @field_validator("period", mode="before")
    @classmethod
    def _written(cls, period: Any) -> Any:
        # YAML reads 2025-03-01 as a date and 2025 as a number.
        return str(period) if isinstance(period, (date, int)) else period


class KpiEntry(Strict):
    """One KPI of a file in ``kpis/``."""

    kpi: str = Field(pattern=NAME)
    replaces: str | None = None
    name: str
    definition: str
    category: str
    unit: Unit
    direction: Direction
    owner: str = ""
    additive: bool = False
    dimensions: list[str] = Field(default_factory=list)
    grains: list[Grain] = Field(default_factory=lambda: list(GRAINS))
    each: Grain | None = None
    measures: dict[str, MeasureEntry] = Field(default_factory=dict)
    weights: dict[str, float] = Field(default_factory=dict)
    formula: str | None = None
    interval: str | None = None
    no_value: str | None = None
    #: an engine without an exact form may compute it nearly; the value is marked
    approximate: Literal["allowed"] | None = None
    notes: str = ""
    why: str = ""
    actions: list[str] = Field(default_factory=list)
    risks: list[str] = Field(default_factory=list)
    tests: list[TestEntry] = Field(default_factory=list)

    @field_validator("measures")
    @classmethod
    def _named(cls, measures: dict[str, MeasureEntry]) -> dict[str, MeasureEntry]:
        for name in measures:
            if not re.match(NAME, name):
                raise ValueError(f"{name!r} is not a name of lower-case letters and underscores")
        return measures


class IdentityEntry(Strict):
    """What must agree on every run: ``left`` = ``right`` within ``tolerance``.

    With ``holds: at_least`` the left side may be larger. ``rows`` is the column of all its sources
    by which a break is traced to the rows behind it.
    """

    identity: str = Field(pattern=NAME)
    replaces: str | None = None
    title: str
    left: str
    right: str
    holds: Literal["equal", "at_least"] = "equal"
    rows: str | None = None
    tolerance: float = 0.005
