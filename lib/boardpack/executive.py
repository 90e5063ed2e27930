"""The executive summary: key metrics, what to do about them, what may go wrong, who decides.

Everything is written by rule from the frozen figures, the targets and the definitions; nothing is
judged that has no target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from boardpack import cautions
from boardpack.blocks import Text
from boardpack.formats import count, number
from boardpack.markup import (
    Box,
    Bullets,
    Column,
    Line,
    Name,
    NoValue,
    Number,
    Paragraph,
    Piece,
    Span,
    Strong,
    Table,
    text,
)
from boardpack.readings import Reading, against_target, message, read
from boardpack.table_titles import titled
from boardpack.tables import change, so_far
from boardpack.urgency import (
    crossing,
    gravity,
    is_slipping,
    missed_in_a_row,
    needs_decision,
    worse_in_a_row,
)
from boardpack.values import Value, Values

Baseline = Literal["year", "before"]

#: A row of worse steps this long is told, whatever the target.
_LONG = 3


def key_metrics(values: Values, kpis: Sequence[str], *, against: Baseline = "year") -> Text:
    """A row a KPI: figure, change against its baseline, target, and a tick only where it is met.

    ``against`` says what the baseline is: the same period a year before, or the period before.
    """
    readings = _readings(values, kpis)
    if not readings:
        return Text("")
    columns = (
        Column("KPI", 30),
        Column(" ".join(readings[0].formatter.tick(values.period)).strip(), 16, "right"),
        Column(f"vs {_baseline_name(readings[0], against)}", 18, "right"),
        Column("Target", 14, "right"),
        Column("Met", 10),
    )
    rows = tuple(_metric(reading, against) for reading in readings)
    noted = cautions.note(values, [reading.facts.id for reading in readings])
    return text(Box("scorecard", (Table(columns, rows),)), *noted)


def recommendation(values: Values, kpis: Sequence[str]) -> Text:
    """One sentence on how these KPIs stand together, and what follows from it."""
    readings = _readings(values, kpis)
    judged = [r for r in readings if r.standing in ("met", "missed")]
    if not judged:
        return text(Paragraph(("No target is set for these KPIs: nothing can be recommended.",)))
    missed = sorted((r for r in judged if r.standing == "missed"), key=gravity)
    met = len(judged) - len(missed)
    counted: Line = (count(values, met), " of ", count(values, len(judged)), " targets met")
    if not missed:
        said: Line = ("In good shape: ", *counted, ". Hold the course.")
    elif met * 2 >= len(judged):
        said = ("Mostly on target: ", *counted, ". ", *_mend(missed))
    else:
        said = ("Off target: ", *counted, ". ", *_mend(missed))
    return text(Box("lead", (Paragraph(said),)))


def priority_actions(values: Values, kpis: Sequence[str], *, most: int = 3) -> Text:
    """What to do first: the action that its definition names for each KPI that stands worst."""
    readings = [r for r in _readings(values, kpis) if r.standing == "missed" and r.facts.actions]
    chosen = sorted(readings, key=gravity)[:most]
    if not chosen:
        return text(Paragraph(("No target is missed: no action has priority.",)))
    return text(Bullets(tuple(_action(reading) for reading in chosen)))


def concerns(values: Values, kpis: Sequence[str], *, most: int = 4) -> Text:
    """What may go wrong next: targets about to be missed, long slides, a season that is coming."""
    readings = _readings(values, kpis)
    found = [
        *(line for r in readings if (line := _slipping(r))),
        *(line for r in readings if (line := _sliding(r))),
        *(line for r in readings if (line := _season(r))),
    ]
    if not found:
        return text(Paragraph(("No target of these KPIs is about to be missed.",)))
    return text(Bullets(tuple(found[:most])))


def decisions(values: Values, kpis: Sequence[str], *, most: int = 3) -> Text:
    """What needs a decision, and whose: targets missed for long that the pace does not reach."""
    readings = [r for r in _readings(values, kpis) if needs_decision(r)]
    # The order of ``kpis`` is kept among equals: a report lists what it cares for first.
    ranked = sorted(readings, key=gravity)
    chosen, left = ranked[:most], ranked[most:]
    if not chosen:
        said = "Nothing needs a decision: no target is missed for long, or by an unusual move."
        return text(Paragraph((said,)))
    boxes: list[Piece] = [Box("decision", (Paragraph(_decision(reading)),)) for reading in chosen]
    if left:
        boxes.append(Box("note", (Paragraph(("Also to decide: ", *_names(left), ".")),)))
    return text(*boxes)


def messages(values: Values, groups: Mapping[str, Sequence[str]]) -> Text:
    """One short text for each group of readers: how its KPIs stand, the best and the worst news."""
    items = []
    for group, kpis in groups.items():
        readings = _readings(values, kpis)
        known = [r for r in readings if r.now.value is not None]
        if known:
            items.append((Strong((group,)), ": ", *_news(known)))
    return text(Bullets(tuple(items))) if items else Text("")


def outlook(values: Values, kpis: Sequence[str]) -> Text:
    """What the next period asks for: its target, the step that takes, the step at today's pace."""
    following = values.period.shift(1)
    readings = [
        r
        for r in _readings(values, kpis)
        if r.now.value is not None and values.target(r.facts.id, following) is not None
    ]
    if not readings:
        return Text("")
    formatter = readings[0].formatter
    columns = (
        Column("KPI", 28),
        Column(" ".join(formatter.tick(values.period)).strip(), 14, "right"),
        Column(f"Target {' '.join(formatter.tick(following)).strip()}", 16, "right"),
        Column("Step it takes", 14, "right"),
        Column("Mean step lately", 14, "right"),
        Column("Step a year ago", 14, "right"),
    )
    rows = tuple(_ahead(reading) for reading in readings)
    return text(
        *titled(_coming(values, readings, formatter.period(following))),
        Box("scorecard", (Table(columns, rows),)),
    )


def _readings(values: Values, kpis: Sequence[str]) -> list[Reading]:
    return [read(values, kpi) for kpi in kpis if values.is_available(kpi)]


def _other(reading: Reading, against: Baseline) -> Value:
    return reading.year_ago if against == "year" else reading.before


def _baseline_name(reading: Reading, against: Baseline) -> str:
    return " ".join(reading.formatter.tick(_other(reading, against).period)).strip()


def _metric(reading: Reading, against: Baseline) -> tuple[Line, ...]:
    other, values = _other(reading, against), reading.formatter.values
    moved = (
        0
        if reading.now.value is None or other.value is None
        else reading.formatter.moved(reading.facts.id, reading.now.value, other.value)
    )
    arrow = {1: "▲ ", -1: "▼ ", 0: ""}[moved]
    return (
        (Name(reading.facts.id, reading.name), *cautions.mark(values, reading.facts.id)),
        (reading.formatter.figure(reading.now), *so_far(reading)),
        (arrow, *change(reading, other)),
        (reading.goal,) if reading.goal else (Span("muted", ("none",)),),
        _tick(reading),
    )


def _tick(reading: Reading) -> Line:
    if reading.standing == "met":
        return (Span("met", ("✓ met",)),)
    if reading.standing == "missed":
        return (Span("missed", ("missed",)),)
    if reading.standing == "no value":
        return (NoValue(reading.now.reason or "no value"),)
    return (Span("muted", ("no\u00a0target",)),)


def _names(readings: Sequence[Reading]) -> Line:
    return (", ".join(reading.name for reading in readings),)


def _mend(missed: Sequence[Reading]) -> Line:
    first = missed[0]
    line: Line = ("First to mend: ", Strong((first.name,)), *_standing(first))
    others = missed[1:3]
    if others:
        line = (*line, "; then ", *_names(others))
    return (*line, ".")


def _standing(reading: Reading) -> Line:
    return (" at ", reading.formatter.figure(reading.now), *against_target(reading))


def _action(reading: Reading) -> Line:
    owner = f" {reading.facts.owner}." if reading.facts.owner else ""
    action = reading.facts.actions[0].rstrip(".")
    return (Strong((f"{action}.",)), f" {reading.name}", *_standing(reading), ".", owner)


def _slipping(reading: Reading) -> Line:
    found = crossing(reading)
    if not is_slipping(reading) or found is None or found.periods is None:
        return ()
    grain = reading.now.period.grain
    return (
        *_named(message(reading), reading),
        f"; at the pace of the last three {grain}s it is missed in about ",
        *_in_time(reading, found.periods),
        ".",
    )


def _sliding(reading: Reading) -> Line:
    row = worse_in_a_row(reading)
    if row < _LONG or is_slipping(reading):
        return ()
    verb = "fell" if reading.facts.direction == "higher" else "rose"
    grain = reading.now.period.grain
    return (
        Strong((reading.name,)), f" {verb} for ", _counted(reading, row),
        f" {grain}s in a row, to ", reading.formatter.figure(reading.now),
        *against_target(reading), ".",
    )  # fmt: skip


def _season(reading: Reading) -> Line:
    """That the figure fell, or rose to the worse, in the period that comes next, a year ago."""
    values, kpi, period = reading.formatter.values, reading.facts.id, reading.now.period
    then, after = (values.value(kpi, p) for p in (period.year_ago(), period.shift(1).year_ago()))
    normal = reading.normal
    if then.value is None or after.value is None or normal is None or period.grain == "day":
        return ()
    sign = 1 if reading.facts.direction == "higher" else -1
    step = after.value - then.value
    if reading.facts.direction == "range" or sign * step >= 0:
        return ()
    # Less than what varies from period to period anyway is no season.
    if abs(step) < (normal.high - normal.low) / 2:
        return ()
    verb = "fell" if step < 0 else "rose"
    distance = reading.formatter.distance(kpi, after.value, then.value)
    when = reading.formatter.period(period.shift(1))
    return (
        Strong((reading.name,)), f" {verb} ", number(after, distance, "change"),
        f" in {reading.formatter.period(after.period)}; {when} may bring the same.",
    )  # fmt: skip


def _decision(reading: Reading) -> Line:
    owner = f" ({reading.facts.owner})" if reading.facts.owner else ""
    row = missed_in_a_row(reading)
    grain = reading.now.period.grain
    line: Line = (Strong((f"{reading.name}{owner}",)), *_standing(reading))
    if row > 1:
        line = (*line, ", missed ", _counted(reading, row), f" {grain}s in a row")
    found = crossing(reading)
    if found is not None and found.periods is not None:
        line = (
            *line, f"; at the pace of the last three {grain}s still about ",
            *_in_time(reading, found.periods), " away",
        )  # fmt: skip
    elif found is not None:
        line = (*line, f"; the pace of the last three {grain}s does not lead there")
    line = (*line, ". ")
    if reading.facts.actions:
        action = reading.facts.actions[0].rstrip(".")
        return (*line, f"To decide: {action[:1].lower()}{action[1:]}, or set another target.")
    return (*line, "To decide: what is done about it, or another target.")


def _news(readings: Sequence[Reading]) -> Line:
    values = readings[0].formatter.values
    judged = [r for r in readings if r.standing in ("met", "missed")]
    line: Line = ()
    if judged:
        met = sum(r.standing == "met" for r in judged)
        line = (count(values, met), " of ", count(values, len(judged)), " targets met. ")
    worst = min(readings, key=gravity)
    good = [
        r
        for r in readings
        if r is not worst and r.standing != "missed" and r.verdict_on(r.before) == "better"
    ]
    if good:
        line = (*line, *message(good[0]), ". ")
    return (*line, *message(worst), ".")


def _coming(values: Values, readings: Sequence[Reading], when: str) -> Line:
    """How many targets of the next period stand already, and how many more the pace reaches."""
    there = more = 0
    for reading in readings:
        kpi, now = reading.facts.id, reading.now.value or 0.0
        goal, pace = values.target(kpi, reading.now.period.shift(1)), crossing(reading)
        assert goal is not None
        if goal.met_by(now):
            there += 1
        elif pace is not None and goal.met_by(now + pace.step):
            more += 1
    told: Line = (
        count(values, there), " of ", count(values, len(readings)),
        f" targets of {when} are met already; ",
    )  # fmt: skip
    further: Line = (count(values, more), " more") if more else ("no more",)
    return (*told, *further, " at the present pace")


def _ahead(reading: Reading) -> tuple[Line, ...]:
    values, kpi, period = reading.formatter.values, reading.facts.id, reading.now.period
    now = reading.now.value or 0.0
    goal = values.target(kpi, period.shift(1))
    assert goal is not None
    aim = goal.value
    lately = crossing(reading)
    ago, after = (values.value(kpi, p) for p in (period.year_ago(), period.shift(1).year_ago()))
    last = None if ago.value is None or after.value is None else after.value - ago.value
    takes: Line = (NoValue("the target is a range"),)
    if not isinstance(aim, tuple):
        is_there = goal.met_by(now)
        takes = (
            (Span("muted", ("none",)),)
            if is_there
            else (number(reading.now, reading.formatter.step(kpi, aim - now), "gap"),)
        )
    return (
        (Name(kpi, reading.name),),
        (reading.formatter.figure(reading.now),),
        (number(reading.now, reading.formatter.target(kpi, goal), "target"),),
        takes,
        _step(reading.now, None if lately is None else lately.step, reading),
        _step(after, last, reading),
    )


def _step(value: Value, step: float | None, reading: Reading) -> Line:
    if step is None:
        return (NoValue("too short a past"),)
    return (number(value, reading.formatter.step(reading.facts.id, step), "change"),)


def _named(line: Line, reading: Reading) -> Line:
    """A message whose first words, the name, stand out."""
    first, *rest = line
    assert isinstance(first, str)
    return (Strong((reading.name,)), first[len(reading.name) :], *rest)


def _counted(reading: Reading, n: int) -> Number:
    return number(reading.now, str(n), "count")


def _in_time(reading: Reading, periods: float) -> Line:
    whole = max(1, round(periods))
    grain = reading.now.period.grain
    return (_counted(reading, whole), f" {grain}" + ("" if whole == 1 else "s"))
