"""Risks: the early warnings of a scorecard, whether each fires, since when and how it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from boardpack.blocks import Text
from boardpack.formats import MINUS, Formatter, count, number
from boardpack.markup import Box, Column, Line, NoValue, Paragraph, Piece, Span, Strong, Table, text
from boardpack.objectives import Risk, Target
from boardpack.periods import GRAINS, Grain, Period
from boardpack.readings import Reading, read
from boardpack.table_titles import titled
from boardpack.tables import change
from boardpack.values import Value, Values

State = Literal["ok", "breached", "not measurable"]

_FAMILIES = {
    "leading": "Leading indicators", "financial": "Financial risks", "market": "Market risks",
}  # fmt: skip
_SIGNS = {">=": "≥", ">": ">", "<=": "≤", "<": "<"}


@dataclass(frozen=True)
class RiskResult:
    """One row of the register.

    ``figure`` is what was held against the limit: the KPI's value, or its change in percent;
    ``value`` is the KPI's own of the same period. ``first`` is the earliest period of the frozen
    history in which it fired, ``since`` where the run of breaches began that still lasts.
    """

    risk: Risk
    state: State
    figure: float | None = None
    value: Value | None = None
    reason: str = ""
    first: Period | None = None
    since: Period | None = None
    reading: Reading | None = None


def register(values: Values) -> list[RiskResult]:
    """Every early warning of the scorecard in the report's period, in its order."""
    objectives = values.report.objectives
    return [_result(values, risk) for risk in (objectives.risks if objectives else ())]


def risks(values: Values) -> Text:
    """The risk register: figure, limit, state, trend, first breach and owner, by family.

    What fires is named above it. Empty for a scorecard without risks.
    """
    found = register(values)
    if not found:
        return Text("")
    columns = (
        Column("Early warning", 30),
        Column("Figure", 12, "right"),
        Column("Fires at", 14, "right"),
        Column("State", 12),
        Column("Trend", 10, "right"),
        Column("First breach", 13),
        Column("Owner", 12),
    )
    rows: list[tuple[Line, ...]] = []
    for family, heading in _FAMILIES.items():
        of = [result for result in found if result.risk.family == family]
        if of:
            rows.append(((Strong((heading,)),), *[()] * (len(columns) - 1)))
            rows += [_row(values, result) for result in of]
    pieces: list[Piece] = [
        *titled(_title(values, found)),
        Box("scorecard", (Table(columns, tuple(rows)),)),
    ]
    why = [f"{_name(values, r)}: {r.reason}" for r in found if r.state == "not measurable"]
    if why:
        pieces.append(Box("note", (Paragraph((f"Not measurable — {'; '.join(why)}.",)),)))
    return text(*pieces)


def figure_of(values: Values, risk: Risk, period: Period) -> tuple[float | None, str]:
    """What is held against the limit in a period, or why there is nothing to hold."""
    now, reason = _level(values, risk.kpi, period)
    if now is None or risk.measure == "value":
        return now, reason
    before = [_level(values, risk.kpi, period.shift(-n))[0] for n in range(1, risk.against + 1)]
    known = [value for value in before if value is not None]
    if len(known) < risk.against:
        return None, f"too few {period.grain}s before it to compare with"
    base = sum(known) / len(known)
    if base <= 0:
        return None, "what it is compared with is not above zero"
    # Rounded where doubles end: a fall from 50 to 40 is exactly the 20 % that it is.
    return round(100 * (now - base) / base, 9), ""


def _level(values: Values, kpi: str, period: Period) -> tuple[float | None, str]:
    """A KPI's figure in a period of the report's grain, or of a coarser one pooled from these."""
    if period.grain == values.period.grain:
        value = values.value(kpi, period)
        return value.value, value.reason or value.status.replace("_", " ")
    parts = [values.value(kpi, part) for part in period.within(values.period.grain)]
    if any(part.value is None for part in parts):
        return None, f"not every {values.period.grain} of {period.label} has a figure"
    if values.kpi(kpi).additive:
        return sum(part.value or 0.0 for part in parts), ""
    above, below = ([getattr(p, n) for p in parts] for n in ("numerator", "denominator"))
    if any(n is None for n in (*above, *below)) or not sum(below):
        return None, f"a {period.grain} is no mean of its {values.period.grain}s"
    # A ratio of a longer period is that of the sums, in the unit of the KPI.
    scale = next((p.value * p.denominator / p.numerator for p in parts if p.numerator), 1.0)  # type: ignore[operator]
    return scale * sum(above) / sum(below), ""


def _result(values: Values, risk: Risk) -> RiskResult:
    if risk.lacks:
        return RiskResult(risk, "not measurable", reason=risk.lacks)
    if risk.kpi not in values.kpis:
        return RiskResult(risk, "not measurable", reason="not in this report")
    if not values.is_available(risk.kpi):
        reason = values.value(risk.kpi).reason or "it has no value"
        return RiskResult(risk, "not measurable", reason=reason)
    period = _looked_at(values, risk)
    if period is None:
        reason = f"watched by {risk.grain}, which a report of a {values.period.grain} does not see"
        return RiskResult(risk, "not measurable", reason=reason)
    back = 2 * values.period.look_back
    seen = [(p, *figure_of(values, risk, p)) for p in period.last(back)]
    fired = [
        i + 1 >= risk.consecutive
        and all(
            figure is not None and risk.fires_at(figure)
            for _, figure, _ in seen[i + 1 - risk.consecutive : i + 1]
        )
        for i in range(len(seen))
    ]
    _, figure, reason = seen[-1]
    reading = read(values, risk.kpi)
    own = period.grain == values.period.grain
    unit = values.kpi(risk.kpi).unit
    now = values.value(risk.kpi) if own else Value(risk.kpi, period, "", None, unit, "no_value")
    if figure is None:
        return RiskResult(risk, "not measurable", None, now, reason, reading=reading)
    first = next((p for (p, _, _), fires in zip(seen, fired, strict=True) if fires), None)
    since = None
    for (p, _, _), fires in zip(reversed(seen), reversed(fired), strict=True):
        if not fires:
            break
        since = p
    state: State = "breached" if fired[-1] else "ok"
    return RiskResult(risk, state, figure, now, "", first, since, reading)


def _looked_at(values: Values, risk: Risk) -> Period | None:
    """The last period of the risk's own grain that the report's has ended; None for a finer one."""
    period = values.period
    grain: Grain = next((g for g in GRAINS if g == risk.grain), period.grain)
    if GRAINS.index(grain) < GRAINS.index(period.grain):
        return None
    if grain == period.grain:
        return period
    whole = Period.containing(period.start, grain, period.calendar)
    return whole if whole.end <= period.end else whole.shift(-1)


def _row(values: Values, result: RiskResult) -> tuple[Line, ...]:
    risk = result.risk
    about = " · ".join(filter(None, (risk.severity, risk.window)))
    name: Line = (_name(values, result), " ", Span("muted", (about,)))
    trend: Line = ("",)
    if result.reading is not None:
        trend = change(result.reading, result.reading.before)
    day = Formatter(values).short_day(result.first.last_day) if result.first else ""
    since: Line = (day,)
    if result.since is not None and result.since != result.first:
        since = (
            day,
            " ",
            Span("muted", (f"now since {Formatter(values).short_day(result.since.last_day)}",)),
        )
    figure, limit = _written(values, result)
    return (name, figure, limit, _state(result), trend, since, (risk.owner,))


def _written(values: Values, result: RiskResult) -> tuple[Line, Line]:
    """The figure and its limit, in the unit of the KPI or as a change in percent."""
    risk, formatter = result.risk, Formatter(values)
    if risk.kpi not in values.kpis:
        return (NoValue(result.reason),), ("",)
    value = result.value or values.value(risk.kpi)
    if risk.measure == "change":
        limit = f"{_SIGNS[risk.comparator]}\u00a0{_signed(formatter, risk.limit)}"
        shown: Line = (NoValue(result.reason),)
        if result.figure is not None:
            shown = (number(value, _signed(formatter, result.figure), "change"),)
        return shown, (number(value, limit, "limit"),)
    written = formatter.target(risk.kpi, Target(risk.limit, risk.comparator))
    # A target says "at least" by saying nothing; a limit must say on which side it fires.
    if risk.comparator == ">=":
        written = f"≥\u00a0{written}"
    limit_cell: Line = (number(value, written, "limit"),)
    if result.figure is None:
        return (NoValue(result.reason),), limit_cell
    what = "value" if value.period == values.period else "pooled"
    return (number(value, formatter.short(risk.kpi, result.figure), what),), limit_cell


def _state(result: RiskResult) -> Line:
    role = {"ok": "good", "breached": "bad", "not measurable": "muted"}[result.state]
    sign = "▲ " if result.state == "breached" else ""
    said: Line = (Span(role, (sign + result.state,)),)
    reading = result.reading
    if reading is not None and reading.mark and result.state != "not measurable":
        said = (*said, " ", Span("warn", (reading.mark,)))
    return said


def _title(values: Values, found: Sequence[RiskResult]) -> Line:
    fired = [result for result in found if result.state == "breached"]
    blind = sum(result.state == "not measurable" for result in found)
    line: Line = (
        count(values, len(fired)), " of ", count(values, len(found)), " early warnings breached",
    )  # fmt: skip
    if fired:
        line = (*line, ": ", ", ".join(_name(values, result) for result in fired))
    if blind:
        line = (*line, "; ", count(values, blind), " not measurable")
    return line


def _name(values: Values, result: RiskResult) -> str:
    """The risk by its name, and its KPI where one name stands for several."""
    risk, objectives = result.risk, values.report.objectives
    shared = [r for r in (objectives.risks if objectives else ()) if r.name == risk.name]
    if len(shared) < 2:
        return risk.name
    known = values.kpis.get(risk.kpi)
    return f"{risk.name}: {known.name if known else risk.kpi.replace('_', ' ')}"


def _signed(formatter: Formatter, points: float) -> str:
    sign = "+" if points > 0 else MINUS if points < 0 else ""
    return sign + formatter.percentage(abs(points))
