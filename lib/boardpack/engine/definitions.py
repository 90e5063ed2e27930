"""Definitions: a KPI, its measures and an identity, once read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from boardpack.engine.entries import Direction, MeasureEntry, TestEntry, Unit
from boardpack.engine.expressions import Formula, Measured
from boardpack.engine.intervals import Interval
from boardpack.engine.windows import Window
from boardpack.periods import GRAINS, Grain
from boardpack.yamlfile import Place

#: What every formula may name beside measures and KPIs: the days of the period and of window month,
#: and those of the period that are worked on; of an open one those up to the as-of.
BUILT_IN = ("period_days", "month_days", "business_days")


@dataclass(frozen=True)
class Measure:
    """An aggregate over one source in one window; equal ones of several KPIs are computed once."""

    source: str
    aggregate: Measured
    window: Window
    where: str | None = None
    mature_days: int = 0
    #: the columns it reads, as written: ``amount``, ``account.segment``
    columns: tuple[str, ...] = ()
    #: a sum without rows is unknown, and not zero: the rows of a snapshot may not be there yet
    known_only: bool = False
    #: those of them that the table must have
    needed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Kpi:
    """A definition: measures over sources and a formula over them and over other KPIs."""

    id: str
    name: str
    definition: str
    category: str
    unit: Unit
    direction: Direction
    file: Path
    line: int | None
    place: Place = field(compare=False, repr=False)
    formula: Formula
    formula_text: str
    measures: Mapping[str, Measure] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    owner: str = ""
    additive: bool = False
    dimensions: tuple[str, ...] = ()
    grains: tuple[Grain, ...] = GRAINS
    each: Grain | None = None
    no_value: str = ""
    notes: str = ""
    tests: tuple[TestEntry, ...] = ()
    text: str = ""
    #: between which figures the answer of all would lie
    interval: Interval | None = None
    #: what it weighs, and how much each counts of 100 unless the scorecard says otherwise
    weights: Mapping[str, float] = field(default_factory=dict)
    #: its measures as they stand in the file
    written: Mapping[str, MeasureEntry] = field(default_factory=dict)
    #: why it matters, what moves it, and what can be misread in it, for whoever asks
    why: str = ""
    actions: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    #: whether an engine without an exact form may compute it nearly
    approximate: bool = False


@dataclass(frozen=True)
class Identity:
    """A sum that must agree, in every period and member; see `IdentityEntry`."""

    id: str
    title: str
    left: Formula
    right: Formula
    tolerance: float
    at_least: bool = False
    rows: str | None = None

    @property
    def kpis(self) -> tuple[str, ...]:
        """The KPIs on both sides."""
        return tuple(dict.fromkeys((*self.left.names, *self.right.names)))

    def is_broken(self, left: float, right: float) -> bool:
        """Whether the two sides are further apart than they may be."""
        return right - left > self.tolerance or (
            not self.at_least and left - right > self.tolerance
        )
