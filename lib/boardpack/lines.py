"""The lines of a history: what stands back, the figures before it, the labels at their ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from boardpack import cautions, notation
from boardpack.blocks import Plot, Series, Shown
from boardpack.formats import Formatter
from boardpack.histories import History
from boardpack.markup import numbers, plain
from boardpack.plots import (
    Channel,
    Label,
    Layer,
    Row,
    Scale,
    Size,
    at_end,
    category,
    cell,
    goal_cell,
    layer,
    text_of,
    tips,
)
from boardpack.readings import Range, Reading
from boardpack.theme import palette
from boardpack.values import Value


def starts_at_zero(reading: Reading, figures: Sequence[float]) -> bool:
    """Amounts that vary much start at zero; a rate near 100 would be a flat line there."""
    low, high = min(figures), max(figures)
    return low < (0.7 if reading.facts.unit in ("currency", "count") else 0.4) * high


def points(series: Sequence[Value]) -> list[Row]:
    """The rows of a line."""
    return [{"period": value.period.label, "value": value.value} for value in series]


def lines(
    formatter: Formatter,
    told: History,
    x: Channel,
    scale: Scale,
    *,
    with_normal: bool = False,
    with_last_year: bool = True,
) -> list[Layer]:
    """What is normal, target and last year stand back, behind the figures of this year."""
    layers = []
    if with_normal:
        layers += _normal(told, x, scale)
    if any(goal is not None for goal in told.seen_target):
        rows = [
            {"period": period.label, "value": goal}
            for period, goal in zip(told.periods, told.seen_target, strict=True)
        ]
        layers.append(notation.line(rows, x, scale, "target"))
        if told.target[:-1].count(None) == len(told.target) - 1:
            layers.append(notation.goal_stroke(rows[-1], x, scale))
    if with_last_year and any(value.value is not None for value in told.year_ago):
        rows = [
            {"period": period.label, "value": value.value}
            for period, value in zip(told.periods, told.year_ago, strict=True)
        ]
        layers.append(notation.line(rows, x, scale, "last_year"))
    layers += _actual(formatter, told, x, scale)
    if with_normal and (found := told.unusual(formatter)):
        layers.append(notation.outside(points(found), x, scale))
    return layers


def _normal(told: History, x: Channel, scale: Scale) -> list[Layer]:
    rows = [
        {"period": period.label, "value": normal.low, "high": normal.high}
        for period, normal in zip(told.periods, told.normal, strict=True)
        if normal is not None
    ]
    return [notation.band(rows, x, scale)] if rows else []


def reach(told: History) -> list[float]:
    """How far the axis must go to show what is normal, within reason."""
    low, high = min(told.figures), max(told.figures)
    air = 0.25 * (high - low)
    ends = [end for normal in told.normal if normal for end in (normal.low, normal.high)]
    return [min(max(end, low - air if low < 0 else max(low - air, 0)), high + air) for end in ends]


def _actual(formatter: Formatter, told: History, x: Channel, scale: Scale) -> list[Layer]:
    """This year's line and the point at its end, dashed and hollow while they may change."""
    start = told.first_open
    rows = _tips(formatter, told)
    plain_rows = points(told.actual)
    layers = [notation.line(plain_rows[:start], x, scale, "actual")]
    if 0 < start < len(rows):
        rest = plain_rows[start - 1 :]
        layers.append(notation.line(rest, x, scale, "actual", strokeDash=notation.OPEN))
    hover = {"type": "point", "opacity": 0, "size": 300}
    shown = tips("Period", "Actual", "Year before", "Target")
    layers.append({**layer(rows, hover, x=x, y=scale.y()), "name": "hover"})
    layers[-1]["encoding"]["tooltip"] = shown
    is_doubtful = bool(cautions.word(formatter.values, told.actual[-1].kpi))
    ends = [row for row in plain_rows[start:] if row["value"] is not None]
    if not ends:
        last = [next(row for row in reversed(plain_rows) if row["value"] is not None)]
        return [
            *layers,
            *(notation.end(r, x, scale, is_open=False, is_doubtful=is_doubtful) for r in last),
        ]
    return [
        *layers,
        *(notation.end(r, x, scale, is_open=True, is_doubtful=is_doubtful) for r in ends),
    ]


def free_place(told: History, scale: Scale, size: Size) -> Row | None:
    """Where the band can be named without touching a line; None where there is no such place."""
    pixel = (scale.high - scale.low) / (190 if size == "full" else 150)
    slots = 2 if size == "full" else 5
    lines = [
        [value.value for value in told.actual], [value.value for value in told.year_ago],
        list(told.seen_target),
    ]  # fmt: skip
    found: list[tuple[float, Row]] = []
    for i in range(len(told.periods) - slots):
        span = [normal for normal in told.normal[i : i + slots + 1] if normal is not None]
        if len(span) <= slots:
            continue
        for edge, side in (
            (max(normal.high for normal in span), 1), (min(normal.low for normal in span), -1),
        ):  # fmt: skip
            middle = edge + side * 9 * pixel
            if not scale.low + 8 * pixel <= middle <= scale.high - 8 * pixel:
                continue
            room = min(_clearance(line[i : i + slots + 1], middle) for line in lines) / pixel
            row = {"period": told.periods[i].label, "value": middle, "text": "normal range"}
            found.append((room, row))
    if not found:
        return None
    room, best = max(found, key=lambda pair: pair[0])
    return best if room >= 13 else None


def _clearance(line: Sequence[float | None], level: float) -> float:
    """How far a line stays from a level; 0 where it crosses it between two points."""
    pairs = [(a, b) for a, b in pairwise(line) if a is not None and b is not None]
    if any(min(pair) <= level <= max(pair) for pair in pairs):
        return 0.0
    return min((abs(value - level) for value in line if value is not None), default=math.inf)


def end_labels(
    reading: Reading, told: History, size: Size, scale: Scale, with_normal: bool
) -> list[Label]:
    """What each line is, beside its end."""
    look, formatter = palette(), reading.formatter
    latest = told.latest
    figure = formatter.figure(latest)
    assert latest.value is not None
    note = " so far" if latest.is_open else ""
    if latest.period != told.periods[-1]:
        note = f" in {formatter.tick(latest.period)[0]}"
    labels = [Label(plain((figure,)) + note, latest.value, look.accent, True, numbers((figure,)))]
    ago = told.year_ago[-1]
    if ago.value is not None:
        before = formatter.figure(ago)
        # A chart of half the page keeps its width for the line; the colour says enough there.
        name = "year before" + (f", first {ago.period.cut} days" if ago.period.cut else "")
        text, shown = f"{plain((before,))} {name}", numbers((before,))
        if size == "half":
            text, shown = name, ()
        labels.append(Label(text, ago.value, look.muted, numbers=shown))
    goal = told.target[-1]
    aim = reading.aim
    if goal is not None and aim:
        labels.append(goal_label(plain(aim), goal, scale, numbers(aim)))
    normal = told.normal[-1]
    if with_normal and normal is not None:
        labels.append(Label("normal range", (normal.low + normal.high) / 2, look.muted))
    return labels


def goal_label(text: str, goal: float, scale: Scale, shown: tuple[Shown, ...]) -> Label:
    """The name of a target at its height; an arrow where it lies beyond the drawing."""
    if scale.low <= goal <= scale.high:
        return Label(text, goal, palette().target, numbers=shown)
    end = scale.high if goal > scale.high else scale.low
    return Label(
        f"{text} {'↑' if end == scale.high else '↓'}", end, palette().target, numbers=shown
    )


def table(
    formatter: Formatter, told: History
) -> tuple[tuple[str, ...], tuple[tuple[str | Shown, ...], ...]]:
    """Columns and rows of the table behind a drawing; what is normal where that is known."""
    width = 5 if any(told.normal) else 4
    columns = ("Period", "Actual", "Year before", "Target", "Normal range")[:width]
    return columns, tuple(row[:width] for row in _cells(formatter, told))


def _cells(formatter: Formatter, told: History) -> list[tuple[str | Shown, ...]]:
    return [
        (
            formatter.period(value.period),
            cell(formatter, value),
            cell(formatter, ago),
            goal_cell(formatter, value, goal),
            _range_cell(formatter, value, normal),
        )
        for value, ago, goal, normal in zip(
            told.actual, told.year_ago, told.goals, told.normal, strict=True
        )
    ]


def _range_cell(formatter: Formatter, value: Value, normal: Range | None) -> str | Shown:
    if normal is None:
        return "—"
    low, high = (formatter.full(value.kpi, end) for end in (normal.low, normal.high))
    return Shown(value.kpi, value.period.label, value.dims, f"{low} – {high}", "limit")


def _tips(formatter: Formatter, told: History) -> list[Row]:
    rows = []
    for value, ago, cells in zip(told.actual, told.year_ago, _cells(formatter, told), strict=True):
        period, *texts = (text_of(shown) for shown in cells[:4])
        if ago.period.cut:
            texts[1] += f" (first {ago.period.cut} days)"
        said = dict(zip(("Actual", "Year before", "Target"), texts, strict=True))
        row = {"period": value.period.label, "value": value.value, "Period": period}
        rows.append({**row, **said})
    return rows


def plot(
    reading: Reading,
    told: History,
    size: Size,
    *,
    with_last_year: bool = True,
    with_normal: bool = False,
) -> Plot:
    """The figures of the drawing and what it writes at its end."""
    formatter, n = reading.formatter, len(told.periods)
    latest, ago = told.latest, told.year_ago[-1]
    labels = [""] * n
    labels[told.periods.index(latest.period)] = plain((formatter.figure(latest),))
    figures = tuple(value.value for value in told.actual)
    unusual = [value.period for value in told.unusual(formatter)] if with_normal else []
    own = Series(
        "Actual",
        "actual",
        figures,
        tuple(labels),
        still_open=tuple(range(told.first_open, n)),
        unusual=tuple(told.periods.index(period) for period in unusual),
    )
    series = [own]
    if with_last_year and any(value.value is not None for value in told.year_ago):
        text = plain((formatter.figure(ago),)) if ago.value is not None and size == "full" else ""
        figures = tuple(value.value for value in told.year_ago)
        series.append(Series("Year before", "last_year", figures, at_end(text, n)))
    if any(goal is not None for goal in told.target):
        text = plain(reading.aim[1:]) if told.target[-1] is not None else ""
        series.append(Series("Target", "target", told.target, at_end(text, n)))
    categories = tuple(category(formatter, period) for period in told.periods)
    normal = tuple((one.low, one.high) if one else None for one in told.normal)
    if not (with_normal and any(normal)):
        normal = ()
    return Plot("lines", categories, tuple(series), reading.name, normal=normal)
