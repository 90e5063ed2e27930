"""The chart of weekly reviews: six weeks beside twelve months, last year and plan as lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boardpack.blocks import Block, Chart, Plot, Shown
from boardpack.formats import Formatter, number
from boardpack.histories import History, history
from boardpack.lines import goal_label, lines, plot, starts_at_zero
from boardpack.markup import numbers, plain
from boardpack.periods import Period, beside_weeks
from boardpack.plots import (
    Channel,
    Label,
    Layer,
    Row,
    Scale,
    beside,
    cell,
    finished,
    fitted,
    goal_cell,
    in_currency,
    layer,
    named,
    nothing,
    text_width,
    x_axis,
)
from boardpack.readings import Reading, message, read
from boardpack.theme import WIDTHS, palette
from boardpack.values import Value, Values

_WEEKS = 6
_HEIGHT, _EDGE = 150, 8
#: Pixels from the drawing to the figures beneath.
_BENEATH = 64
#: The share of the drawing that the weeks take; twelve months need more than six weeks.
_LEFT = 0.38


@dataclass(frozen=True)
class _Figure:
    """One of the figures beneath: what it is, how it is written, how it stands to last year."""

    name: str
    text: str
    note: str = ""
    color: str = ""
    shown: tuple[Shown, ...] = ()


def six_twelve(values: Values, kpi: str, *, dims: str = "") -> Block:
    """The last six weeks beside the last twelve closed months, for a report about a week.

    Last year and the target are lines on both sides; each side has one scale. Beneath stand the
    last week, its change against the week before and the year before, and where they were computed
    the figures of month, quarter and year to date. What is not there is said in its place.
    """
    week = values.period
    if week.grain != "week":
        return nothing(values, [kpi], "six weeks beside twelve months are for a report of a week")
    weeks = history(values, kpi, _WEEKS, dims)
    closed, to_date = beside_weeks(week)
    months = history(values, kpi, dims=dims, periods=closed)
    if weeks is None:
        return nothing(values, [kpi])
    reading = read(values, kpi, dims)
    figures = _figures(reading, to_date)
    spec, written = _spec(reading, weeks, months, figures)
    said = message(reading)
    sides = [side for side in (weeks, months) if side is not None]
    return Chart(
        title=plain(said),
        alt=f"{plain(said)}. The last six weeks"
        + (" beside the last twelve months" if months else " without months beside them")
        + ", each with the year before and the target. "
        + "; ".join(_told(figure) for figure in figures)
        + "."
        + in_currency(values, [kpi]),
        spec=spec,
        columns=("Period", "Actual", "Year before", "Target"),
        rows=tuple(
            (
                reading.formatter.period(value.period),
                cell(reading.formatter, value),
                cell(reading.formatter, ago),
                goal_cell(reading.formatter, value, goal),
            )
            for side in sides
            for value, ago, goal in zip(side.actual, side.year_ago, side.goals, strict=True)
        ),
        numbers=(
            *numbers(said),
            *(shown for figure in figures for shown in figure.shown),
            *(shown for v in written for shown in numbers((reading.formatter.figure(v),))),
            *(shown for label in _labels(reading, sides[-1]) for shown in label.numbers),
        ),
        plot=Plot("panels", panels=tuple(_side_plot(reading, side) for side in sides)),
    )


def _known(side: History) -> list[Value]:
    return [value for value in side.actual if value.value is not None]


def _figures(reading: Reading, to_date: Sequence[Period]) -> list[_Figure]:
    """What stands beneath: the week, its changes, and what there is to date."""
    formatter, values, now = reading.formatter, reading.formatter.values, reading.now
    figure = formatter.figure(now)
    found = [_Figure(formatter.tick(now.period)[0], plain((figure,)), shown=numbers((figure,)))]
    for other in (reading.before, reading.year_ago):
        within, year = formatter.tick(other.period)
        name = f"vs {within}" + (f" {year}" if other is reading.year_ago else "")
        change = reading.change_from(other)
        shown: tuple[Shown, ...] = (number(now, change, "change").shown,) if change else ()
        found.append(
            _Figure(name, change or "—", color=_color(reading.verdict_on(other)), shown=shown)
        )
    told = [values.value(now.kpi, period, now.dims) for period in to_date]
    if len({value.value for value in (now, *told)}) == 1:
        # A balance is the same however long the period that it ends.
        return found
    for value in told:
        if value.value is None:
            continue
        period = value.period
        ago = values.value(now.kpi, period.year_ago().first(period.cut), now.dims)
        figure, change = formatter.figure(value), ""
        if ago.value is not None:
            change = formatter.change(now.kpi, value.value, ago.value)
        year = formatter.tick(ago.period.ending("year"))[0]
        shown = numbers((figure,)) + ((number(value, change, "change").shown,) if change else ())
        verdict = ""
        if ago.value is not None and reading.facts.direction != "range":
            moved = formatter.moved(now.kpi, value.value, ago.value)
            better = (moved > 0) == (reading.facts.direction == "higher")
            verdict = ("better" if better else "worse") if moved else ""
        found.append(
            _Figure(
                f"{period.grain.capitalize()} to date", plain((figure,)),
                f"{change} vs {year}" if change else "",
                _color(verdict), shown,
            )
        )  # fmt: skip
    return found


def _color(verdict: str) -> str:
    look = palette()
    return {"better": look.good, "worse": look.bad}.get(verdict, look.ink)


def _told(figure: _Figure) -> str:
    note = f" ({figure.note})" if figure.note else ""
    return f"{figure.name} {figure.text}{note}"


def _labels(reading: Reading, side: History, scale: Scale | None = None) -> list[Label]:
    """What the lines are called, at the end of the right side."""
    look, formatter = palette(), reading.formatter
    latest = side.latest
    assert latest.value is not None
    labels = [Label("this year", latest.value, look.accent, True)]
    ago = side.year_ago[-1]
    if ago.value is not None:
        labels.append(Label("year before", ago.value, look.muted))
    goal, target = side.target[-1], side.goals[-1]
    if goal is not None and target is not None:
        text = formatter.target(latest.kpi, target)
        shown = number(side.actual[-1], text, "target").shown
        told = f"target {text}"
        labels.append(
            goal_label(told, goal, scale, (shown,))
            if scale
            else Label(told, goal, look.target, numbers=(shown,))
        )
    return [label.fitted("half") for label in labels]


def _spec(
    reading: Reading, weeks: History, months: History | None, figures: Sequence[_Figure]
) -> tuple[dict[str, object], list[Value]]:
    """The drawing, and the figures that it writes at their points."""
    formatter, kpi = reading.formatter, reading.facts.id
    sides = [side for side in (weeks, months) if side is not None]
    scales = [
        Scale.fitting(formatter, kpi, side.figures, zero=starts_at_zero(reading, side.figures))
        for side in sides
    ]
    labels = _labels(reading, months or weeks, scales[-1])
    right = max(label.width for label in labels) + 14
    gap = scales[-1].room + 26
    room = WIDTHS["full"] - 2 * _EDGE - scales[0].room - right - (gap if months else 0)
    widths = [room * _LEFT, room * (1 - _LEFT)] if months else [room]
    panels: list[Layer] = []
    written: list[Value] = []
    heads = ("Last six weeks", "Last twelve months")
    for side, scale, width, head in zip(sides, scales, widths, heads, strict=False):
        x = x_axis(formatter, side.periods, width)
        layers = lines(formatter, side, x, scale)
        named_here = _named(formatter, side, width)
        written += named_here
        layers += _points(formatter, side, x, scale, named_here)
        layers.append(_heading(head))
        if side is sides[-1]:
            layers += beside(scale, labels, _HEIGHT, x, side.periods[-1].label)
        panels.append({"layer": layers, "width": width, "height": _HEIGHT})
    parts = [figures[:3], figures[3:]] if months else [figures]
    # A panel is declared as wide as the one above it; its texts may use what is free beside it.
    free = [gap - 8, right - 8] if months else [right - 8]
    beneath = [
        {"layer": _beneath(part, width + more, 8 - scales[0].room), "width": width, "height": 40}
        for part, width, more in zip(parts, widths, free, strict=True)
        if part
    ]
    spec = {
        "concat": [*panels, *beneath],
        "columns": 2 if months else 1,
        "bounds": "flush",
        "spacing": {"row": _BENEATH, "column": gap},
        "padding": _EDGE,
    }
    return finished(spec), written


def _named(formatter: Formatter, side: History, width: float) -> list[Value]:
    """The figures that are written at their points: as many as there is room for, from the end."""
    known = _known(side)
    widest = max(text_width(plain((formatter.figure(v),)), 10.5) for v in known) + 4
    every = max(1, -int(-widest * len(side.periods) // width))
    last = len(side.periods) - 1
    places = {period.label: i for i, period in enumerate(side.periods)}
    return [v for v in known if (last - places[v.period.label]) % every == 0]


def _points(
    formatter: Formatter, side: History, x: Channel, scale: Scale, written: Sequence[Value]
) -> list[Layer]:
    """The points of the line, and the figures of some above them, of a valley below it."""
    known = _known(side)
    high: list[Row] = []
    low: list[Row] = []
    for value in written:
        text = plain((formatter.figure(value),))
        row = {"period": value.period.label, "value": value.value, "text": text}
        (low if _is_valley(known, value) else high).append(row)
    mark = {"type": "text", "fontSize": 10.5, "color": palette().ink}
    dots = {"type": "point", "size": 22, "opacity": 1, "filled": True, "color": palette().accent}
    points = [{"period": v.period.label, "value": v.value} for v in known[:-1]]
    return [
        layer(points, dots, x=x, y=scale.y()),
        *(
            layer(rows, {**mark, "dy": dy}, x=x, y=scale.y(), text=named())
            for rows, dy in ((high, -11), (low, 13))
            if rows
        ),
    ]


def _is_valley(series: Sequence[Value], value: Value) -> bool:
    """Whether the line comes down to a figure and leaves it upwards: its text stands below."""
    i = series.index(value)
    around = [series[j].value or 0.0 for j in (i - 1, i + 1) if 0 <= j < len(series)]
    return len(around) == 2 and all(other > (value.value or 0.0) for other in around)


def _heading(text: str) -> Layer:
    look = {"type": "text", "align": "left", "baseline": "bottom", "fontWeight": 600,
            "color": palette().muted}  # fmt: skip
    return layer([{"text": text}], look, x={"value": 0}, y={"value": -12}, text=named())


def _beneath(figures: Sequence[_Figure], width: float, start: float) -> list[Layer]:
    """The figures in columns: what it is, the figure, and against last year."""
    slot, look = width / len(figures), palette()
    layers = []
    for i, figure in enumerate(figures):
        color = figure.color or look.ink
        note = figure.note
        for text, y, size, weight, tone in (
            (figure.name, 0, 11, 400, look.muted),
            (figure.text, 18, _size(figure.text, slot - 6), 600, look.ink if note else color),
            (note, 36, 11, 400, color),
        ):
            if text:
                mark = {"type": "text", "align": "left", "baseline": "middle", "fontSize": size,
                        "fontWeight": weight, "color": tone, "clip": False}  # fmt: skip
                row = {"text": fitted(text, slot - 6, size)}
                at = {"value": start + i * slot}, {"value": y}
                layers.append(layer([row], mark, x=at[0], y=at[1], text=named()))
    return layers


def _size(text: str, width: float) -> float:
    """The size of a figure's text: smaller where a word stands in its place."""
    return 15 if text_width(text, 15) <= width else 12


def _side_plot(reading: Reading, side: History) -> Plot:
    """The figures of one side, all written."""
    found = plot(reading, side, "half")
    name = "Last six weeks" if side.periods[-1].grain == "week" else "Last twelve months"
    return Plot(found.kind, found.categories, found.series, f"{reading.name}: {name.lower()}")
