"""Stages: which one the company is in by its age, and what of it is met, from frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from boardpack.blocks import Text
from boardpack.formats import Formatter, count, member_name, number
from boardpack.markup import (
    Box,
    Column,
    Line,
    NoValue,
    Paragraph,
    Piece,
    Span,
    Strong,
    Table,
    text,
)
from boardpack.objectives import Category, Criterion, Item, Objectives, Stage, Target
from boardpack.periods import Period
from boardpack.values import Value, Values

State = Literal["met", "not met", "not measurable"]

_ROLES = {"met": "met", "not met": "missed", "not measurable": "muted"}
_SIDES = {">=": "at least ", ">": "above ", "<=": "at most ", "<": "below ", "between": ""}
_PRIORITIES = ("high", "medium", "low", "")


@dataclass(frozen=True)
class PartResult:
    """One criterion and the figure behind it; ``reason`` says why there is none."""

    criterion: Criterion
    state: State
    value: Value | None = None
    reason: str = ""


@dataclass(frozen=True)
class ItemResult:
    """One line of a stage: met when all its parts are, not met when one is not."""

    item: Item
    state: State
    parts: tuple[PartResult, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it, or a part of it, is not measurable."""
        found = [part.reason for part in self.parts if part.reason]
        return tuple(dict.fromkeys([*found, *([self.item.lacks] if self.item.lacks else [])]))


@dataclass(frozen=True)
class CategoryResult:
    """A category is met when all its lines are, and not met when one is not."""

    name: str
    state: State
    items: tuple[ItemResult, ...]


@dataclass(frozen=True)
class StageResult:
    """A stage at a period: of the company, or of the member ``dims`` with an age of its own."""

    stage: Stage
    age: int
    is_current: bool
    categories: tuple[CategoryResult, ...]
    dims: str = ""

    @property
    def items(self) -> tuple[ItemResult, ...]:
        """The lines of all categories; by priority where they have one."""
        found = [item for category in self.categories for item in category.items]
        return tuple(sorted(found, key=lambda result: _PRIORITIES.index(result.item.priority)))

    def count(self, state: State) -> int:
        """How many lines are in a state."""
        return sum(item.state == state for item in self.items)


def age_in(stage: Stage, start: date, period: Period) -> int:
    """The age at the end of a period in the unit of a stage: months from 1, days from 0.

    >>> age_in(Stage("Fit", "month", 1, 12, ()), date(2023, 1, 1), Period.parse("2023-12"))
    12
    >>> age_in(Stage("Setup", "day", 0, 30, ()), date(2023, 1, 1), Period.parse("2023-01-31"))
    30
    """
    if stage.unit == "day":
        return (period.last_day - start).days
    number_of = period.calendar.month_number
    return number_of(period.last_day) - number_of(start) + 1


def current(stages: Sequence[Stage], start: date, period: Period) -> Stage | None:
    """The stage that a company which began on ``start`` is in when a period ends.

    None before the first and after the last.
    """
    return next((s for s in stages if s.holds(age_in(s, start, period))), None)


def results(values: Values, *, every: bool = False) -> list[StageResult]:
    """What is met of the stage that the report's period ends in; with ``every`` of each stage.

    Where members have an age of their own, of each member that has a first day; else of the
    company. After the last stage it is the last; before the first, or without stages, nothing.
    """
    objectives = values.report.objectives
    if objectives is None or not objectives.stages:
        return []
    found: list[StageResult] = []
    for dims, start in _starts(values, objectives):
        ages = [age_in(stage, start, values.period) for stage in objectives.stages]
        now = current(objectives.stages, start, values.period)
        begun = [s for s, age in zip(objectives.stages, ages, strict=True) if age >= s.first]
        if not begun:
            continue
        shown = objectives.stages if every else (now or begun[-1],)
        found += [
            StageResult(
                stage,
                age_in(stage, start, values.period),
                stage == now,
                tuple(_category(values, category, dims) for category in stage.categories),
                dims,
            )
            for stage in shown
        ]
    return found


def stages(values: Values, *, every: bool = False) -> Text:
    """The stage that the company is in, a row a criterion: figure, what is wanted, met or not.

    Counts stand above, a category says whether all of it is met, and what is not measurable says
    why below. ``every`` shows each stage of the plan. Empty for a scorecard without stages.
    """
    pieces: list[Piece] = []
    for result in results(values, every=every):
        pieces += _pieces(values, result)
    return text(*pieces) if pieces else Text("")


def judge(values: Values, criterion: Criterion, dims: str = "") -> PartResult:
    """Whether a criterion is met in the report's period, or why that cannot be told."""
    at = dims or criterion.dims
    if criterion.kpi not in values.kpis:
        return PartResult(
            criterion, "not measurable", reason=f"{criterion.kpi}: not in this report"
        )
    if dims and not values.members(criterion.kpi, dims.partition("=")[0]):
        name, by = values.kpi(criterion.kpi).name, dims.partition("=")[0]
        reason = f"{name}: not split by {by}"
        return PartResult(criterion, "not measurable", reason=reason)
    value = values.value(criterion.kpi, dims=at)
    if value.value is None:
        why = value.reason or value.status.replace("_", " ")
        name = values.kpi(criterion.kpi).name
        return PartResult(criterion, "not measurable", value, f"{name}: {why}")
    return PartResult(
        criterion, "met" if criterion.target.met_by(value.value) else "not met", value
    )


def _starts(values: Values, objectives: Objectives) -> list[tuple[str, date]]:
    if objectives.by and objectives.kickoffs:
        days = sorted(objectives.kickoffs.items(), key=lambda pair: (pair[1], pair[0]))
        return [(f"{objectives.by}={name}", date.fromisoformat(day)) for name, day in days]
    return [("", objectives.first_day)] if objectives.first_day else []


def _category(values: Values, category: Category, dims: str) -> CategoryResult:
    items = tuple(_item(values, item, dims) for item in category.items)
    return CategoryResult(category.name, _together(item.state for item in items), items)


def _item(values: Values, item: Item, dims: str) -> ItemResult:
    parts = tuple(judge(values, part, dims) for part in item.parts)
    states: list[State] = [part.state for part in parts]
    if item.lacks:
        states.append("not measurable")
    return ItemResult(item, _together(states), parts)


def _together(states: Iterable[State]) -> State:
    known = set(states)
    return (
        "not met" if "not met" in known
        else "not measurable" if "not measurable" in known or not known
        else "met"
    )  # fmt: skip


def _pieces(values: Values, result: StageResult) -> list[Piece]:
    ranked = any(item.item.priority for item in result.items)
    columns = (
        Column("Priority" if ranked else "Category", 14),
        Column("Wanted", 40),
        Column("Figure", 24, "right"),
        Column("Status", 16),
    )
    rows: list[tuple[Line, ...]] = []
    if ranked:
        rows = [_row(values, item, (item.item.priority.capitalize(),)) for item in result.items]
    else:
        for category in result.categories:
            lead: Line = (Strong((category.name,)),)
            if len(category.items) > 1:
                rows.append((lead, (), (), _state(category.state)))
                lead = ()
            rows += [_row(values, item, lead) for item in category.items]
    why = [f"{_wording(values, i)}: {'; '.join(i.reasons)}" for i in result.items if i.reasons]
    pieces: list[Piece] = [
        Paragraph(_lead(values, result)),
        Box("scorecard", (Table(columns, tuple(rows)),)),
    ]
    if why:
        pieces.append(Box("note", (Paragraph((f"Not measurable — {'; '.join(why)}.",)),)))
    return pieces


def _lead(values: Values, result: StageResult) -> Line:
    stage = result.stage
    whose: Line = ()
    if result.dims:
        by, _, member = result.dims.partition("=")
        whose = (f"{member_name(by)} {member_name(member)}, ",)
    unit = "month" if stage.unit == "month" else "day"
    ends: Line = (" on",) if stage.last is None else (" to ", count(values, stage.last))
    span: Line = (f", {unit}s ", count(values, stage.first), *ends)
    age: Line = (f"; {unit} ", count(values, result.age))
    if not result.is_current and stage.last is not None and result.age >= stage.first:
        age = (*age, ", this stage is over")
    total = len(result.items)
    said: Line = (
        Strong((count(values, result.count("met")), " of ", count(values, total), " met")),
        ", ",
        count(values, result.count("not met")),
        " not met, ",
        count(values, result.count("not measurable")),
        " not measurable",
    )
    aim: Line = (f" {stage.aim}",) if stage.aim else ()
    return (*whose, Strong((stage.name,)), *span, *age, ": ", *said, ".", *aim)


def _row(values: Values, result: ItemResult, lead: Line) -> tuple[Line, ...]:
    formatter = Formatter(values)
    figures: Line = ()
    for part in result.parts:
        name: Line = ()
        if len(result.parts) > 1:
            name = (Span("muted", (f"{_part_name(values, part.criterion)} ",)),)
        shown = formatter.figure(part.value) if part.value else NoValue(part.reason)
        figures = (*figures, *(("; ",) if figures else ()), *name, shown)
    if not result.parts:
        figures = (NoValue(result.item.lacks),)
    return (lead, _wanted(values, result.item), figures, _state(result.state))


def _wanted(values: Values, item: Item) -> Line:
    """What is wanted, in the words of the scorecard and in figures where these say more."""
    line: Line = ()
    for part in item.parts:
        line = (*line, *((", ",) if line else ()), *criterion_words(values, part))
    if not item.says:
        return line
    return (item.says, *((" ", Span("muted", ("(", *line, ")"))) if line else ()))


def criterion_words(values: Values, criterion: Criterion) -> Line:
    """``NPS above 50``, ``ARR at least $2M``."""
    name, goal = _part_name(values, criterion), criterion.target
    if criterion.kpi not in values.kpis:
        return (name,)
    plain_goal = Target(goal.value, goal.comparator if goal.comparator == "between" else ">=")
    written = Formatter(values).target(criterion.kpi, plain_goal)
    value = Value(
        criterion.kpi, values.period, criterion.dims, None, values.kpi(criterion.kpi).unit, "final"
    )
    return (f"{name} {_SIDES[goal.comparator]}", number(value, written, "criterion"))


def _part_name(values: Values, criterion: Criterion) -> str:
    known = values.kpis.get(criterion.kpi)
    name = known.name if known else criterion.kpi.replace("_", " ")
    member = criterion.dims.partition("=")[2]
    return f"{name}, {member_name(member)}," if member else name


def _wording(values: Values, result: ItemResult) -> str:
    item = result.item
    return item.says or " and ".join(_part_name(values, part) for part in item.parts)


def _state(state: State) -> Line:
    # The sign says it to those who do not see the colour.
    sign = {"met": "✓ ", "not met": "", "not measurable": ""}[state]
    return (Span(_ROLES[state], (sign + state,)),)
