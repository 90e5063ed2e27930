"""Scorecards: what one company wants of its KPIs, target by period, and who owns each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

from boardpack.engine.catalogue import Catalogue
from boardpack.engine.composites import check_weights
from boardpack.errors import UnknownNameError, WorkspaceError
from boardpack.objectives import (
    BRANCHES,
    Bands,
    Benchmark,
    Category,
    Criterion,
    Item,
    Milestone,
    NorthStar,
    Objectives,
    Risk,
    Stage,
    Target,
    most_specific,
)
from boardpack.periods import Period
from boardpack.scorecard_entries import (
    CriterionEntry,
    GoalEntry,
    ItemEntry,
    ScorecardEntry,
    StageEntry,
    TargetEntry,
    age_of,
)
from boardpack.workspace import Workspace
from boardpack.yamlfile import Document, parse


@dataclass(frozen=True)
class Scorecard:
    """The goals of one company; targets of different companies are never merged."""

    id: str
    title: str
    currency: str
    goals: Mapping[str, GoalEntry]
    start: date | None
    objectives: Objectives = field(default_factory=Objectives)

    def owner(self, kpi: str) -> str:
        """Who answers for the KPI, or "" when the scorecard names nobody."""
        return self.goals[kpi].owner if kpi in self.goals else ""

    def targets(self, kpi: str, periods: Iterable[Period], dims: str = "") -> dict[str, Target]:
        """The target of each period that has one, by period label.

        Of a member, such as ``dims="segment=smb"``, from the most specific row that has one for the
        period; what is wanted of the total is not wanted of its parts.
        """
        goal = self.goals.get(kpi)
        if goal is None:
            return {}
        rows: dict[str, GoalEntry | TargetEntry] = {"": goal, **goal.members}
        found = {}
        for period in periods:
            if period.grain not in goal.grains or period.cut:
                continue
            for row in most_specific(rows, dims):
                value, comparator = self._value(row, period), row.comparator or goal.comparator
                if value is not None and comparator is not None:
                    found[period.label] = Target(value, comparator)
                    break
        return found

    def member_targets(self, kpi: str, periods: Iterable[Period]) -> dict[str, dict[str, Target]]:
        """The targets of the parts of a KPI by member, ``segment=*`` for all without their own."""
        asked = list(periods)
        goal = self.goals.get(kpi)
        return {dims: self.targets(kpi, asked, dims) for dims in (goal.members if goal else ())}

    def milestones(self, kpi: str, period: Period) -> tuple[Milestone, ...]:
        """What the path of a KPI leads over, the earliest first; ``period`` brings the calendar."""
        goal = self.goals.get(kpi)
        ages = (goal.path or goal.steps or {}) if goal else {}
        if self.start is None:
            return ()
        found = []
        for name, value in ages.items():
            unit, age = age_of(name)
            if unit == "day":
                day = self.start + timedelta(days=age)
            else:
                number = period.calendar.month_number(self.start) + age - 1
                day = period.calendar.month_start(number + 1) - timedelta(days=1)
            found.append(Milestone(day.isoformat(), value, name))
        return tuple(sorted(found, key=lambda milestone: milestone.day))

    def benchmark(self, kpi: str) -> Benchmark | None:
        """What others reach."""
        entry = self.goals[kpi].benchmark if kpi in self.goals else None
        return Benchmark(entry.value, entry.source) if entry else None

    def _value(
        self, row: GoalEntry | TargetEntry, period: Period
    ) -> float | tuple[float, float] | None:
        if row.value is not None:
            return row.value
        ages = row.path or row.steps or {}
        if not ages or self.start is None:  # `load` refuses the one without the other
            return None
        unit, _ = age_of(next(iter(ages)))
        milestones = sorted((age_of(name)[1], value) for name, value in ages.items())
        age = age_at(self.start, period, unit)
        past = [(n, value) for n, value in milestones if n <= age]
        if not past:
            return None
        ahead = [(n, value) for n, value in milestones if n > age]
        (n0, low) = past[-1]
        if row.steps is not None or not ahead:
            return low
        (n1, high) = ahead[0]
        return low + (high - low) * (age - n0) / (n1 - n0)


def age_at(start: date, period: Period, unit: str) -> int:
    """How old a plan is when a period ends: its month, counted from 1, or the days since.

    A quarter is measured by its last month, a week or day by the month it ends in. Months are those
    of the company's calendar.

    >>> age_at(date(2023, 1, 1), Period.parse("2025-Q4"), "month")
    36
    >>> age_at(date(2023, 1, 1), Period.parse("2023-01"), "day")
    30
    """
    if unit == "day":
        return (period.last_day - start).days
    number = period.calendar.month_number
    return number(period.last_day) - number(start) + 1


def load(workspace: Workspace, catalogue: Catalogue) -> Scorecard | None:
    """The workspace's scorecard, checked against the catalogue; None when it names none."""
    settings = workspace.settings
    wanted = settings.scorecard
    if wanted is None:
        return None
    config = workspace.root / "boardpack.yml"
    known = []
    found: tuple[ScorecardEntry, Document] | None = None
    for document, own in workspace.documents("scorecards"):
        entry = parse(document, ScorecardEntry)
        if entry.scorecard in known and not (own and entry.replaces == entry.scorecard):
            raise document.error(
                f"scorecard {entry.scorecard!r} is already there.",
                ("scorecard",),
                hint=f"write `replaces: {entry.scorecard}`",
            )
        known.append(entry.scorecard)
        if entry.scorecard == wanted:
            found = entry, document
    if found is None:
        raise UnknownNameError.near("scorecard", wanted, known, file=config)
    entry, document = found
    check(entry, document, catalogue)
    if entry.currency != settings.currency:
        raise WorkspaceError(
            f"scorecard {wanted!r} is in {entry.currency}, the workspace in {settings.currency}.",
            file=config,
            hint="targets are not converted; use a scorecard in the workspace's currency",
        )
    dated = next((kpi for kpi, goal in entry.kpis.items() if _is_dated(goal)), None)
    if dated is not None and settings.start is None:
        raise WorkspaceError(
            f"the targets of scorecard {wanted!r} count months from the workspace's start,"
            f" which is not given (as for {dated!r}).",
            file=config,
            hint="write start: 2023-01-01, the first day of month 1 of the plan",
        )
    if entry.stages and settings.start is None:
        raise WorkspaceError(
            f"the stages of scorecard {wanted!r} count from the workspace's start, which is not"
            " given.",
            file=config,
            hint="write start: 2023-01-01, the first day of month 1 of the plan",
        )
    objectives = objectives_of(entry, catalogue, settings.start)
    return Scorecard(
        entry.scorecard, entry.title, entry.currency, entry.kpis, settings.start, objectives
    )


def check(entry: ScorecardEntry, document: Document, catalogue: Catalogue) -> None:
    """`DefinitionError` or `UnknownNameError` for what cannot be with the catalogue as it is."""
    for kpi, goal in entry.kpis.items():
        _known(kpi, catalogue, document, ("kpis", kpi))
        if goal.weights:
            check_weights(
                kpi, goal.weights, catalogue[kpi].weights, document, ("kpis", kpi, "weights")
            )
    _check_tree(entry, document)
    for i, stage in enumerate(entry.stages):
        for name, items in stage.categories.items():
            for j, item in enumerate(items):
                for part in item.parts:
                    if part.kpi and not (item.not_measurable or part.not_measurable):
                        key = ("stages", i, "categories", name, j)
                        _known(part.kpi, catalogue, document, key)
    _check_ages(entry.stages, document)
    for i, risk in enumerate(entry.risks):
        for kpi in risk.kpis if not risk.not_measurable else ():
            _known(kpi, catalogue, document, ("risks", i, "kpis"))


def _check_tree(entry: ScorecardEntry, document: Document) -> None:
    """Every KPI stands under one branch of the North Star, or is one."""
    star = entry.north_star
    if star is None:
        return
    named = {*star.kpis, *star.factors, *(kpi for of in star.factors.values() for kpi in of)}
    for kpi in sorted(named - set(entry.kpis)):
        raise UnknownNameError.near(
            "KPI of the scorecard", kpi, entry.kpis,
            file=document.path, line=document.line(("north_star",)),
        )  # fmt: skip
    for kpi, goal in entry.kpis.items():
        if kpi in star.kpis and goal.branch is not None:
            raise document.error(
                f"{kpi!r} is the North Star and stands under no branch of it.",
                ("kpis", kpi, "branch"),
                hint="leave branch: out",
            )
        if kpi not in star.kpis and goal.branch is None:
            raise document.error(
                f"{kpi!r} stands under no branch of the North Star.",
                ("kpis", kpi),
                hint=f"write branch: with {', '.join(BRANCHES[:-1])} or {BRANCHES[-1]}",
            )


def _check_ages(stages: list[StageEntry], document: Document) -> None:
    """Stages follow each other, in one unit."""
    for i, (one, other) in enumerate(pairwise(stages), start=1):
        before, after = one.months or one.days or [], other.months or other.days or []
        if (one.months is None) != (other.months is None):
            raise document.error("stages count in months or in days, not in both.", ("stages", i))
        if len(before) < 2 or after[0] < before[1] + (one.months is not None):
            raise document.error(
                f"stage {other.stage!r} begins before {one.stage!r} has ended.", ("stages", i)
            )


def _known(kpi: str, catalogue: Catalogue, document: Document, key: tuple[str | int, ...]) -> None:
    if kpi not in catalogue.kpis:
        raise UnknownNameError.near(
            "KPI", kpi, catalogue.kpis, file=document.path, line=document.line(key)
        )


def _is_dated(goal: GoalEntry) -> bool:
    rows: list[GoalEntry | TargetEntry] = [goal, *goal.members.values()]
    return any(row.path or row.steps for row in rows)


def objectives_of(entry: ScorecardEntry, catalogue: Catalogue, start: date | None) -> Objectives:
    """What a scorecard that `check` has passed wants beyond a target for each KPI, as facts."""
    star, by = entry.north_star, entry.stages_by
    return Objectives(
        scorecard=entry.scorecard,
        title=entry.title,
        start=start.isoformat() if start else "",
        north_star=NorthStar(
            tuple(star.kpis),
            {kpi: tuple(of) for kpi, of in star.factors.items()},
            {
                branch: tuple(kpi for kpi, goal in entry.kpis.items() if goal.branch == branch)
                for branch in BRANCHES
            },
        )
        if star
        else None,
        stages=tuple(_stage(stage, catalogue) for stage in entry.stages),
        risks=_risks(entry, catalogue),
        bands=Bands(entry.bands.on_track, entry.bands.at_risk),
        by=by.dimension if by else "",
        kickoffs={name: day.isoformat() for name, day in by.kickoffs.items()} if by else {},
    )


def _stage(entry: StageEntry, catalogue: Catalogue) -> Stage:
    span = entry.months or entry.days or [0]
    categories = tuple(
        Category(name, tuple(_item(item, catalogue) for item in items))
        for name, items in entry.categories.items()
    )
    last = span[1] if len(span) == 2 else None
    unit: Literal["month", "day"] = "month" if entry.months else "day"
    return Stage(entry.stage, unit, span[0], last, categories, entry.aim)


def _item(entry: ItemEntry, catalogue: Catalogue) -> Item:
    # What a KPI of the catalogue can tell is measured, whatever was lacking before it was there.
    parts = [part for part in entry.parts if part.kpi in catalogue.kpis]
    blind = [part for part in entry.parts if part.kpi not in catalogue.kpis]
    whys = [part.not_measurable or entry.not_measurable for part in blind]
    if not entry.parts:
        whys = [entry.not_measurable]
    lacks = "; ".join(dict.fromkeys(whys))
    return Item(entry.says, tuple(map(_criterion, parts)), lacks, entry.priority or "")


def _criterion(entry: CriterionEntry) -> Criterion:
    assert entry.kpi is not None
    assert entry.value is not None
    assert entry.comparator is not None
    return Criterion(entry.kpi, Target(entry.value, entry.comparator), entry.of)


def _risks(entry: ScorecardEntry, catalogue: Catalogue) -> tuple[Risk, ...]:
    """One a KPI; who owns it and how grave it is follow from KPI and family where unsaid."""
    found = []
    for risk in entry.risks:
        for kpi in risk.kpis:
            known = catalogue.kpis.get(kpi)
            goal = entry.kpis.get(kpi)
            owner = risk.owner or (goal.owner if goal else "") or (known.owner if known else "")
            found.append(
                Risk(
                    name=risk.risk,
                    kpi=kpi,
                    family=risk.family,
                    severity=risk.severity
                    or ("critical" if risk.family == "financial" else "warning"),
                    comparator=risk.comparator,
                    limit=risk.value,
                    owner=owner,
                    measure=risk.measure,
                    against=risk.against,
                    grain=risk.grain or "",
                    consecutive=risk.consecutive,
                    window=risk.window,
                    lacks="" if known else risk.not_measurable,
                )
            )
    return tuple(found)
