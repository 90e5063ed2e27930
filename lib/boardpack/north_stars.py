"""The North Star: the KPI, or the few, that all others serve, above its three branches."""

from __future__ import annotations

from collections.abc import Sequence

from boardpack import cautions
from boardpack.blocks import Text
from boardpack.formats import Formatter, count
from boardpack.markup import Box, Line, Paragraph, Piece, Span, Strong, text
from boardpack.objectives import BRANCHES
from boardpack.progress import pace_words, status
from boardpack.readings import Reading, read
from boardpack.sparklines import picture
from boardpack.tables import change
from boardpack.values import Values

_NAMES = {"input": "Input", "output": "Output", "health": "Health"}
_MEANS = {"input": "leading", "output": "lagging", "health": "guardrails"}
_ROLES = {"on track": "good", "at risk": "warn", "off track": "bad"}


def north_star(values: Values, kpis: Sequence[str] | None = None, *, most: int = 6) -> Text:
    """The North Star with its factors above its three branches: input, output and health KPIs.

    Each KPI has its figure, its change, its target, whether that is met and how far it is. Of each
    branch the report's KPIs are shown, those with a target first and at most ``most``; the rest is
    counted. ``kpis`` chooses them instead. Empty for a scorecard without a North Star.
    """
    objectives = values.report.objectives
    tree = objectives.north_star if objectives else None
    if tree is None:
        return Text("")
    here = [kpi for kpi in tree.kpis if kpi in values.kpis and values.is_available(kpi)]
    if not here:
        return Text("")
    factors = {kpi for of in tree.factors.values() for kpi in of}
    stars = [part for kpi in here for part in _star(values, kpi, tree.factors.get(kpi, ()))]
    below = {b: [k for k in tree.branches.get(b, ()) if k not in factors] for b in BRANCHES}
    branches = [_branch(values, b, members, kpis, most) for b, members in below.items()]
    root = Box("tree", (Box("node", (*stars, *branches)),))
    shown = [*here, *(kpi for of in tree.branches.values() for kpi in of if kpi in values.kpis)]
    return text(root, *cautions.note(values, shown))


def _star(values: Values, kpi: str, factors: Sequence[str]) -> list[Piece]:
    reading = read(values, kpi)
    parts: list[Piece] = [
        Paragraph((Span("card-name", (reading.name,)),)),
        Paragraph((Span("card-value", (reading.formatter.figure(reading.now),)), *_mark(reading))),
    ]
    # As wide as the page, and low.
    course = picture(values, kpi, size=(620, 30), shown_width="100%")
    if course:
        parts.append(Paragraph((course,)))
    line = _joined([_trend(reading), _target(reading), pace_words(reading)])
    parts.append(Paragraph(line))
    known = [k for k in factors if k in values.kpis and values.is_available(k)]
    if known:
        parts.append(Paragraph(_product(values, known)))
    return parts


def _product(values: Values, factors: Sequence[str]) -> Line:
    """``= Monthly active users 12.3K × Dashboards per user 7.2``."""
    line: Line = ()
    for kpi in factors:
        value = values.value(kpi)
        sign = " × " if line else "= "
        line = (*line, f"{sign}{values.kpi(kpi).name} ", Formatter(values).figure(value))
    return line


def _branch(
    values: Values, branch: str, members: Sequence[str], kpis: Sequence[str] | None, most: int
) -> Box:
    here = [kpi for kpi in members if kpi in values.kpis and values.is_available(kpi)]
    chosen = [kpi for kpi in here if kpis is None or kpi in kpis]
    if kpis is None:
        chosen = sorted(chosen, key=lambda kpi: values.target(kpi) is None)[:most]
        chosen.sort(key=here.index)
    readings = [read(values, kpi) for kpi in chosen]
    judged = [r for r in readings if r.standing in ("met", "missed")]
    head: Line = (Span("card-name", (f"{_NAMES[branch]}: {_MEANS[branch]}",)),)
    parts: list[Piece] = [Paragraph(head)]
    about: Line = ()
    if judged:
        met = sum(r.standing == "met" for r in judged)
        about = (count(values, met), " of ", count(values, len(judged)), " targets met")
    more = len(here) - len(chosen)
    if more and kpis is None:
        about = (*about, *(("; ",) if about else ()), count(values, more), " more in this report")
    if not readings:
        about = ("No KPI of this report.",)
    if about:
        parts.append(Paragraph((Span("card-label", about),)))
    parts += [_node(reading) for reading in readings]
    return Box("node", tuple(parts))


def _node(reading: Reading) -> Box:
    """One KPI: its name and figure, below these how it moved and how it stands."""
    figure = reading.formatter.figure(reading.now)
    head: Line = (f"{reading.name} ", Strong((figure,)), *_mark(reading))
    lines = [_trend(reading), _target(reading)]
    below = [Paragraph((Span("card-note", line),)) for line in lines if line]
    return Box("node", (Paragraph(head), *below))


def _target(reading: Reading) -> Line:
    if reading.goal is None or reading.now.value is None:
        return (Span("card-label", ("no target",)),) if reading.goal is None else ()
    word = status(reading)
    met = Span("met", ("✓ met",)) if reading.standing == "met" else Span("missed", ("missed",))
    said: Line = (Span("card-label", ("target ",)), reading.goal, " ", met)
    if reading.standing == "missed":
        said = (*said, ", ", Span(_ROLES[word], (word,)))
    return said


def _trend(reading: Reading) -> Line:
    if reading.before.value is None or reading.now.value is None:
        return ()
    than = " ".join(reading.formatter.tick(reading.before.period)).strip()
    return (*change(reading, reading.before), Span("card-label", (f" vs {than}",)))


def _mark(reading: Reading) -> Line:
    so_far: Line = (" ", Span("warn", (reading.mark,))) if reading.mark else ()
    return (*so_far, *cautions.mark(reading.formatter.values, reading.facts.id))


def _joined(lines: Sequence[Line]) -> Line:
    found: Line = ()
    for line in lines:
        if line:
            found = (*found, *(("; ",) if found else ()), *line)
    return found
