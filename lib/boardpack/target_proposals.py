"""Proposals: targets for the period ahead, each with what it follows from, for somebody to approve.

Performance comes first (the trailing value against the target), then what others reach, then the
plan; what is proposed lies 10 to 20 % better than the trailing value. Pure functions of frozen
values: a report and the file of `boardpack scorecard propose` say the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from boardpack.blocks import Text
from boardpack.formats import Formatter, count, number
from boardpack.markup import Box, Column, Line, NoValue, Paragraph, Span, Strong, Table, text
from boardpack.objectives import Benchmark, Target
from boardpack.progress import Status, status
from boardpack.readings import Reading, read
from boardpack.values import Values

Action = Literal["keep", "raise", "ease", "set"]

#: A target stretches when it is so many percent better than the trailing value.
STRETCH = (10.0, 20.0)
#: How many periods tell the trailing value: about a quarter of a year, and one that is longer.
_TRAILING = {"day": 28, "week": 13, "month": 3, "quarter": 1, "year": 1}

_WORDS = {"keep": "keep", "raise": "raise", "ease": "step", "set": "set"}


@dataclass(frozen=True)
class Proposal:
    """What is proposed for one KPI in the period ahead.

    ``planned`` is the target that the scorecard has for it already, ``trailing`` the mean of the
    last periods, ``proposed`` the target to approve, None where there is nothing to propose from.
    ``raise`` and ``ease`` change what is planned, ``set`` gives a target where none is.
    """

    kpi: str
    owner: str
    period: str
    actual: float | None
    target: Target | None
    planned: Target | None
    status: Status
    trailing: float | None
    benchmark: Benchmark | None
    action: Action
    proposed: Target | None
    rationale: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the file and for JSON."""

        def figures(value: float | tuple[float, float] | None) -> Any:
            if isinstance(value, tuple):
                return [figures(end) for end in value]
            if value is None:
                return None
            # Ten digits are the same from run to run, whatever order rows were added up in.
            rounded = float(f"{value:.10g}")
            return int(rounded) if rounded.is_integer() else rounded

        def wanted(target: Target | None) -> Any:
            return target and {"comparator": target.comparator, "value": figures(target.value)}

        return {
            "kpi": self.kpi,
            "owner": self.owner,
            "actual": figures(self.actual),
            "trailing": figures(self.trailing),
            "target": wanted(self.target),
            "status": self.status,
            "benchmark": self.benchmark
            and {"value": figures(self.benchmark.value), "source": self.benchmark.source},
            "planned": wanted(self.planned),
            "action": self.action,
            "proposed": wanted(self.proposed),
            "rationale": self.rationale,
        }


def propose(values: Values, kpis: Iterable[str] | None = None) -> list[Proposal]:
    """What is proposed for the period after the report's, in the order given.

    By default for every KPI of the report that has a target or a benchmark. A range stays as it is.
    """
    names = list(kpis) if kpis is not None else list(values.kpis)
    found = []
    for kpi in names:
        facts = values.kpi(kpi)
        ahead = facts.targets.get(values.period.shift(1).label)
        if values.target(kpi) is None and ahead is None and facts.benchmark is None:
            continue
        found.append(_propose(read(values, kpi), ahead))
    return found


def proposals(values: Values, kpis: Iterable[str] | None = None) -> Text:
    """A row a KPI: actual against target and benchmark, what is proposed for the period ahead, why.

    Changes come first. Nothing of it is in force before somebody approves it. Empty when no KPI of
    the report has a target or a benchmark.
    """
    found = propose(values, kpis)
    if not found:
        return Text("")
    formatter, ahead = Formatter(values), values.period.shift(1)
    compared = any(proposal.benchmark for proposal in found)
    columns = (
        Column("KPI", 20),
        Column(" ".join(formatter.tick(values.period)).strip(), 11, "right"),
        Column("Target", 11, "right"),
        *([Column("Benchmark", 11, "right")] if compared else []),
        Column(f"Proposed for {' '.join(formatter.tick(ahead)).strip()}", 14, "right"),
        Column("Why", 33),
    )
    changes = [proposal for proposal in found if proposal.action != "keep"]
    kept = [proposal for proposal in found if proposal.action == "keep"]
    rows = tuple(_row(values, proposal, compared) for proposal in (*changes, *kept))
    lead: Line = (
        Strong((count(values, len(changes)), " of ", count(values, len(found)))),
        f" targets would change for {formatter.period(ahead)}. None is in force before it is"
        " approved.",
    )
    return text(Paragraph(lead), Box("scorecard", (Table(columns, rows),)))


def trailing_value(reading: Reading) -> float | None:
    """What a target is set against: the mean of the last quarter of a year up to the period.

    Of a quarter or a year its own figure; None where the period has none.
    """
    now = reading.now.value
    if now is None:
        return None
    before = _TRAILING[reading.now.period.grain] - 1
    known = [*(reading.earlier[-before:] if before else ()), now]
    return sum(known) / len(known)


def stretched(trailing: float, comparator: str, unit: str) -> tuple[float, float]:
    """The targets that lie 10 and 20 % better than a trailing value, the nearer first.

    A percentage has a ceiling: where a tenth more would pass it, a tenth of what lacks is closed.

    >>> stretched(50, ">=", "count"), stretched(50, "<", "days")
    ((55.0, 60.0), (45.0, 40.0))
    >>> stretched(99.5, ">=", "percent")
    (99.55, 99.6)
    """
    is_limit = comparator in ("<", "<=")
    near, far = (percent / 100 * abs(trailing) for percent in STRETCH)
    if unit == "percent" and not is_limit and trailing + far > 100 >= trailing:
        near, far = (percent / 100 * (100 - trailing) for percent in STRETCH)
    side = -1 if is_limit else 1
    return round(trailing + side * near, 9), round(trailing + side * far, 9)


def lift(target: Target, trailing: float, unit: str) -> float | None:
    """How many percent better than the trailing value a target is; below 0 when it is worse.

    Of a percentage near its ceiling, how many percent of what lacks. None of a range, or against
    nothing.

    >>> lift(Target(60, ">="), 50, "count"), lift(Target(60, "<"), 50, "days")
    (20.0, -20.0)
    """
    if isinstance(target.value, tuple) or trailing == 0:
        return None
    gain = target.value - trailing
    base = abs(trailing)
    if target.comparator in ("<", "<="):
        gain = -gain
    elif unit == "percent" and trailing * (1 + STRETCH[1] / 100) > 100 >= trailing:
        base = 100 - trailing
    return round(100 * gain / base, 9) if base else None


def _propose(reading: Reading, ahead: Target | None) -> Proposal:
    facts, now = reading.facts, reading.now.value
    trailing = trailing_value(reading)
    planned = ahead or reading.target
    action, proposed, why = _judged(reading, planned, trailing)
    return Proposal(
        kpi=facts.id,
        owner=facts.owner,
        period=reading.now.period.shift(1).label,
        actual=now,
        target=reading.target,
        planned=planned,
        status=status(reading),
        trailing=trailing,
        benchmark=facts.benchmark,
        action=action,
        proposed=proposed,
        rationale=why,
    )


def _judged(
    reading: Reading, planned: Target | None, trailing: float | None
) -> tuple[Action, Target | None, str]:
    unit, benchmark = reading.facts.unit, reading.facts.benchmark
    others = _floor(benchmark)
    if planned is None:
        if others is None or benchmark is None:
            return "keep", None, "no target and no benchmark to take one from"
        side: Literal["<=", ">="] = "<=" if reading.facts.direction == "lower" else ">="
        return "set", Target(others, side), f"no target yet: the benchmark ({benchmark.source})"
    if trailing is None:
        return "keep", planned, f"no figure to judge it by: {reading.now.reason or 'no value'}"
    if reading.is_open:
        return "keep", planned, "the period is not over"
    gain = lift(planned, trailing, unit)
    if gain is None:
        return "keep", planned, "a range, or nothing to compare it with"
    near, far = stretched(trailing, planned.comparator, unit)
    low, high = STRETCH
    if low <= gain <= high:
        return "keep", planned, "it lies a tenth to a fifth beyond the trailing value"
    if gain < low:
        value = _tidy(near)
        lead = "reached" if gain <= 0 else "within reach"
        why = f"{lead}: a tenth beyond the trailing value"
        if others is not None and _is_between(others, near, far):
            value, why = others, f"{lead}: the benchmark lies a tenth to a fifth beyond it"
        most = reading.facts.stretch
        if most is not None and _is_harder(value, Target(most, planned.comparator)):
            value = most
        if not _is_harder(value, planned):
            return "keep", planned, "no figure beyond it is left to ask for"
        return "raise", Target(value, planned.comparator), why
    why = "out of reach in one period: a fifth beyond the trailing value as a step towards it"
    return "ease", Target(_tidy(far), planned.comparator), why


def _floor(benchmark: Benchmark | None) -> float | None:
    if benchmark is None:
        return None
    return benchmark.value[0] if isinstance(benchmark.value, tuple) else benchmark.value


def _is_between(value: float, one: float, other: float) -> bool:
    return min(one, other) <= value <= max(one, other)


def _is_harder(value: float, planned: Target) -> bool:
    if isinstance(planned.value, tuple):
        return False
    return value < planned.value if planned.comparator in ("<", "<=") else value > planned.value


def _tidy(value: float) -> float:
    """Three digits are as exact as a target is meant; near a ceiling what lacks has two."""
    if 90 < value < 100:
        return round(value, 2)
    return float(f"{value:.3g}")


def _row(values: Values, proposal: Proposal, compared: bool) -> tuple[Line, ...]:
    formatter, kpi = Formatter(values), proposal.kpi
    value = values.value(kpi)

    def wanted(target: Target | None, what: str) -> Line:
        if target is None:
            return (NoValue("none set"),)
        return (number(value, formatter.target(kpi, target), what),)

    benchmark: Line = ()
    if proposal.benchmark is not None:
        of = proposal.benchmark.value
        as_target = Target(of, "between" if isinstance(of, tuple) else ">=")
        benchmark = (number(value, formatter.target(kpi, as_target), "benchmark"),)
    proposed: Line = (Span("muted", (_WORDS[proposal.action],)), " ")
    proposed = (*proposed, *wanted(proposal.proposed, "proposed"))
    if proposal.action != "keep":
        proposed = (Strong(proposed),)
    name: Line = (values.kpi(kpi).name, " ", Span("muted", (proposal.owner or "no owner",)))
    return (
        name,
        (formatter.figure(value),),
        wanted(proposal.target, "target"),
        *([benchmark] if compared else []),
        proposed,
        (proposal.rationale,),
    )
