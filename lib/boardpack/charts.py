"""Charts of KPIs through time: each verb reads frozen values and returns one block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from boardpack import cautions
from boardpack.blocks import Block, Chart, Plot, Series, Shown, Text
from boardpack.formats import Formatter, count, member_name
from boardpack.markup import Line, NoValue, numbers, plain
from boardpack.periods import Period
from boardpack.plots import (
    Board,
    Label,
    Scale,
    Size,
    at_end,
    beside,
    category,
    cell,
    finished,
    goal_cell,
    rows_chart,
    text_of,
    text_width,
    x_axis,
)
from boardpack.readings import Reading, explanation, member_readings, message, read
from boardpack.theme import WIDTHS, legible, palette, styled
from boardpack.values import Target, Value, Values

#: Pixels around a group of panels.
_EDGE = 8
_OPEN = ("provisional", "maturing")


@dataclass(frozen=True)
class _History:
    """A KPI's figures through time and, beside each, last year's and the target."""

    periods: tuple[Period, ...]
    actual: tuple[Value, ...]
    year_ago: tuple[Value, ...]
    goals: tuple[Target | None, ...]

    @property
    def target(self) -> tuple[float | None, ...]:
        """The targets that are one figure; a range has no line."""
        return tuple(
            goal.value if goal is not None and not isinstance(goal.value, tuple) else None
            for goal in self.goals
        )

    @property
    def this_year(self) -> list[float]:
        """The figures and their targets."""
        figures = (*(value.value for value in self.actual), *self.target)
        return [figure for figure in figures if figure is not None]

    @property
    def figures(self) -> list[float]:
        """The same and last year's figures."""
        ago = [value.value for value in self.year_ago if value.value is not None]
        return self.this_year + ago

    @property
    def latest(self) -> Value:
        """The last period that has a figure."""
        return next(value for value in reversed(self.actual) if value.value is not None)

    @property
    def first_open(self) -> int:
        """Where the figures begin that may still change."""
        marks = (i for i, value in enumerate(self.actual) if value.status in _OPEN)
        return next(marks, len(self.actual))


def _history(values: Values, kpi: str, last: int | None, dims: str = "") -> _History | None:
    """The last periods from the first figure on; None when there is no figure at all."""
    if not values.is_available(kpi):
        return None
    series = values.series(kpi, last, dims)
    first = next((i for i, value in enumerate(series) if value.value is not None), None)
    if first is None:
        return None
    kept = tuple(series[first:])
    return _History(
        periods=tuple(value.period for value in kept),
        actual=kept,
        year_ago=(
            *(values.value(kpi, value.period.year_ago(), dims) for value in kept[:-1]),
            values.comparisons(kpi, dims)[1],
        ),
        goals=tuple(None if dims else values.target(kpi, value.period) for value in kept),
    )


def trend(
    values: Values, kpi: str, last: int | None = None, *, size: Size = "full", dims: str = ""
) -> Block:
    """A KPI through time beside last year and its target, with its message above.

    ``size`` is ``full`` for the width of the page, ``half`` for one of two charts side by side;
    ``dims`` names a member, such as ``segment=smb``. A KPI without any figure gives an empty text.
    """
    told = _history(values, kpi, last, dims)
    if told is None:
        return Text("")
    reading = read(values, kpi, dims)
    formatter = reading.formatter
    scale = Scale.fitting(formatter, kpi, told.figures, zero=_starts_at_zero(reading, told.figures))
    labels = _end_labels(reading, told, size)
    board = Board(
        size=size,
        height=190 if size == "full" else 150,
        left=scale.room,
        right=max(label.width for label in labels) + 14,
    )
    x = x_axis(formatter, told.periods, board.width)
    layers = _lines(told, x, scale)
    layers += _actual(formatter, told, x, scale)
    layers += beside(scale, labels, board.height, x, told.periods[-1].label)
    said, course = message(reading), _course(reading, told)
    return Chart(
        title=plain(said),
        alt=f"{plain(said)}. {plain(course)}",
        spec=board.spec(layers),
        columns=("Period", "Actual", "Year before", "Target"),
        rows=tuple(_cells(formatter, told)),
        numbers=(
            *numbers(said),
            *numbers(course),
            *(shown for label in labels for shown in label.numbers),
        ),
        plot=_plot(reading, told, size),
    )


def trends(
    values: Values, kpis: Sequence[str], last: int | None = None, *, columns: int = 3
) -> Block:
    """Several KPIs through time, each in a small panel with its own scale and target.

    KPIs without any figure are left out; when none is left the block is empty.
    """
    told = {kpi: found for kpi in kpis if (found := _history(values, kpi, last)) is not None}
    if not told:
        return Text("")
    readings = {kpi: read(values, kpi) for kpi in told}
    formatter = Formatter(values)
    scales = {
        kpi: Scale.fitting(
            formatter, kpi, found.this_year, ticks=2,
            zero=_starts_at_zero(readings[kpi], found.this_year),
        )
        for kpi, found in told.items()
    }  # fmt: skip
    left = max(scale.room for scale in scales.values())
    columns = min(columns, len(told))
    gap = left + 18
    width = (WIDTHS["full"] - left - gap * (columns - 1) - 2 * _EDGE) / columns
    panels = [
        _panel(readings[kpi], found, scales[kpi], width, 8 - left) for kpi, found in told.items()
    ]
    chart = alt.concat(
        *panels, columns=columns, bounds="flush", spacing={"row": 88, "column": gap}
    ).properties(padding=_EDGE)
    said = _standing(list(readings.values()))
    # The message of one of them says it of that one already.
    others = [kpi for kpi, reading in readings.items() if message(reading) != said]
    return Chart(
        title=plain(said) + cautions.caption(values, others),
        alt="Small charts, one a KPI. "
        + " ".join(plain(message(reading)) + "." for reading in readings.values()),
        spec=finished(chart),
        columns=("Period", *(values.kpi(kpi).name for kpi in told)),
        rows=tuple(
            (
                formatter.period(period),
                *(cell(formatter, values.value(kpi, period)) for kpi in told),
            )
            for period in values.period.last(last or values.period.look_back)
        ),
        numbers=(
            *numbers(said),
            *(shown for reading in readings.values() for shown in numbers(message(reading))),
            *(
                shown
                for kpi, found in told.items()
                for shown in numbers((formatter.figure(found.latest), *readings[kpi].aim))
            ),
        ),
        plot=Plot(
            "panels",
            panels=tuple(_plot(readings[kpi], _only_target(told[kpi]), "full") for kpi in told),
        ),
    )


def by_member(
    values: Values, kpi: str, dimension: str, last: int | None = None, *, size: Size = "full"
) -> Block:
    """A KPI through time, one line a member, each named at its end."""
    found = [
        (member, told)
        for member, _ in member_readings(values, kpi, dimension)
        if (told := _history(values, kpi, last, f"{dimension}={member}")) is not None
    ]
    if not found:
        return Text("")
    formatter = Formatter(values)
    reading = read(values, kpi)
    figures = [v.value for _, told in found for v in told.actual if v.value is not None]
    zero = values.kpi(kpi).additive or min(figures) < 0.4 * max(figures)
    scale = Scale.fitting(formatter, kpi, figures, zero=zero)
    colors = palette().members(len(found))
    labels = []
    for (member, told), color in zip(found, colors, strict=True):
        figure = formatter.figure(told.latest)
        text = f"{plain((figure,))} {member_name(member)}"
        value = told.latest.value or 0.0
        labels.append(Label(text, value, legible(color), True, numbers((figure,))))
    board = Board(
        size=size,
        height=190 if size == "full" else 150,
        left=scale.room,
        right=max(label.width for label in labels) + 14,
    )
    periods = max((told.periods for _, told in found), key=len)
    x = x_axis(formatter, periods, board.width)
    layers = []
    for (_, told), color in zip(found, colors, strict=True):
        layers.append(_line(_points(told.actual), x, scale, color=color, strokeWidth=2.2))
    layers += beside(scale, labels, board.height, x, periods[-1].label, gap=8)
    said = explanation(values, kpi, dimension) or (f"{reading.name} by {dimension}",)
    ends = ", ".join(label.text for label in labels)
    return Chart(
        title=plain(said) + cautions.caption(values, [kpi]),
        alt=f"Lines of {reading.name} by {dimension} from {formatter.period(periods[0])} to"
        f" {formatter.period(periods[-1])}; they end at {ends}.",
        spec=board.spec(layers),
        columns=("Period", *(member_name(member) for member, _ in found)),
        rows=tuple(
            (
                formatter.period(period),
                *(
                    cell(formatter, values.value(kpi, period, f"{dimension}={member}"))
                    for member, _ in found
                ),
            )
            for period in periods
        ),
        numbers=(*numbers(said), *(shown for label in labels for shown in label.numbers)),
        plot=Plot(
            "lines",
            tuple(category(formatter, period) for period in periods),
            tuple(
                Series(
                    member_name(member),
                    "member",
                    tuple(
                        values.value(kpi, period, f"{dimension}={member}").value
                        for period in periods
                    ),
                    at_end(plain((formatter.figure(told.latest),)), len(periods)),
                )
                for member, told in found
            ),
            reading.name,
        ),
    )


def chart(drawing: alt.TopLevelMixin, *, title: str, alt_text: str) -> Chart:
    """An Altair chart of one's own, in the look of the report.

    ``title`` is its message and ``alt_text`` stands for it where it cannot be seen; both are
    required, since a report refuses a picture without words.
    """
    return Chart(title=title, alt=alt_text, spec=styled(drawing.to_dict()))


def _starts_at_zero(reading: Reading, figures: Sequence[float]) -> bool:
    """Amounts that vary much start at zero; a rate near 100 would be a flat line there."""
    low, high = min(figures), max(figures)
    return low < (0.7 if reading.facts.unit in ("currency", "count") else 0.4) * high


def _end_labels(reading: Reading, told: _History, size: Size) -> list[Label]:
    look, formatter = palette(), reading.formatter
    latest = told.latest
    figure = formatter.figure(latest)
    assert latest.value is not None
    note = " so far" if latest.status in _OPEN else ""
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
        labels.append(Label(plain(aim), goal, look.target, numbers=numbers(aim)))
    return labels


def _points(series: Sequence[Value]) -> list[dict[str, Any]]:
    return [{"period": value.period.label, "value": value.value} for value in series]


def _line(rows: list[dict[str, Any]], x: alt.X, scale: Scale, **mark: Any) -> alt.Chart:
    line: alt.Chart = rows_chart(rows).mark_line(strokeJoin="round", **mark)
    return line.encode(x, scale.y())


def _lines(told: _History, x: alt.X, scale: Scale) -> list[alt.Chart]:
    """Target and last year: they stand back, behind the figures of this year."""
    look, layers = palette(), []
    if any(goal is not None for goal in told.target):
        rows = [
            {"period": period.label, "value": goal}
            for period, goal in zip(told.periods, told.target, strict=True)
        ]
        layers.append(_line(rows, x, scale, color=look.target, strokeWidth=1.3, strokeDash=[5, 3]))
        if told.target[:-1].count(None) == len(told.target) - 1:
            # A target of this period alone has no line: a stroke shows where it is.
            stroke = rows_chart(rows[-1:]).mark_point(
                shape="stroke", size=260, color=look.target, strokeWidth=1.6, opacity=1
            )
            layers.append(stroke.encode(x, scale.y()))
    if any(value.value is not None for value in told.year_ago):
        rows = [
            {"period": period.label, "value": value.value}
            for period, value in zip(told.periods, told.year_ago, strict=True)
        ]
        layers.append(_line(rows, x, scale, color=look.last_year, strokeWidth=1.8))
    return layers


def _actual(formatter: Formatter, told: _History, x: alt.X, scale: Scale) -> list[alt.Chart]:
    """This year's line and the point at its end, dashed and hollow while they may change."""
    look, start = palette(), told.first_open
    rows = _tips(formatter, told)
    layers = [_line(rows[:start], x, scale, color=look.accent, strokeWidth=2.6)]
    if 0 < start < len(rows):
        rest = rows[start - 1 :]
        layers.append(_line(rest, x, scale, color=look.accent, strokeWidth=2.6, strokeDash=[3, 3]))
    tips = [alt.Tooltip(f"{name}:N") for name in ("Period", "Actual", "Year before", "Target")]
    targets = rows_chart(rows).mark_point(opacity=0, size=300)
    layers.append(targets.encode(x, scale.y(), tooltip=tips))
    ends = [row for row in rows[start:] if row["value"] is not None]
    fill, stroke = look.paper, look.accent
    if not ends:
        ends = [next(row for row in reversed(rows) if row["value"] is not None)]
        fill, stroke = look.accent, look.paper
    dots = rows_chart(ends).mark_point(size=60, opacity=1, fill=fill, stroke=stroke, strokeWidth=2)
    return [*layers, dots.encode(x, scale.y())]


def _cells(formatter: Formatter, told: _History) -> list[tuple[str | Shown, ...]]:
    return [
        (
            formatter.period(value.period),
            cell(formatter, value),
            cell(formatter, ago),
            goal_cell(formatter, value, goal),
        )
        for value, ago, goal in zip(told.actual, told.year_ago, told.goals, strict=True)
    ]


def _tips(formatter: Formatter, told: _History) -> list[dict[str, Any]]:
    rows = []
    for value, ago, cells in zip(told.actual, told.year_ago, _cells(formatter, told), strict=True):
        period, *texts = (text_of(shown) for shown in cells)
        if ago.period.cut:
            texts[1] += f" (first {ago.period.cut} days)"
        tips = dict(zip(("Actual", "Year before", "Target"), texts, strict=True))
        row = {"period": value.period.label, "value": value.value, "Period": period}
        rows.append({**row, **tips})
    return rows


def _plot(reading: Reading, told: _History, size: Size) -> Plot:
    """The figures of the drawing and what it writes at its end."""
    formatter, n = reading.formatter, len(told.periods)
    latest, ago = told.latest, told.year_ago[-1]
    labels = [""] * n
    labels[told.periods.index(latest.period)] = plain((formatter.figure(latest),))
    series = [
        Series("Actual", "actual", tuple(value.value for value in told.actual), tuple(labels))
    ]
    if any(value.value is not None for value in told.year_ago):
        text = plain((formatter.figure(ago),)) if ago.value is not None and size == "full" else ""
        figures = tuple(value.value for value in told.year_ago)
        series.append(Series("Year before", "last_year", figures, at_end(text, n)))
    if any(goal is not None for goal in told.target):
        text = plain(reading.aim[1:]) if told.target[-1] is not None else ""
        series.append(Series("Target", "target", told.target, at_end(text, n)))
    categories = tuple(category(formatter, period) for period in told.periods)
    return Plot("lines", categories, tuple(series), reading.name)


def _panel(
    reading: Reading, told: _History, scale: Scale, width: float, dx: float
) -> alt.LayerChart | alt.FacetChart:
    formatter, look = reading.formatter, palette()
    x = x_axis(formatter, told.periods, width)
    layers = _actual(formatter, told, x, scale)
    if any(goal is not None for goal in told.target):
        layers = [*_lines(_only_target(told), x, scale), *layers]
    figure = plain((formatter.figure(told.latest),))
    standing = f", {plain(reading.aim)}: {reading.standing}" if reading.aim else ""
    if isinstance(formatter.figure(reading.now), NoValue):
        standing = f" in {formatter.tick(told.latest.period)[0]}"
    heads = [
        _heading(_fitted(reading.name, width), dx, -26).mark_text(
            align="left", baseline="bottom", fontSize=13, fontWeight=600
        ),
        _heading(figure + standing, dx, -10).mark_text(
            align="left", baseline="bottom", color=look.muted
        ),
    ]
    return alt.layer(*layers, *heads).properties(width=width, height=84)


def _heading(text: str, x: float, y: float) -> alt.Chart:
    # At a fixed place: a title of Vega's stands higher where a point touches the upper edge.
    heading: alt.Chart = rows_chart([{"text": text}]).encode(
        alt.XValue(x), alt.YValue(y), alt.Text("text:N")
    )
    return heading


def _only_target(told: _History) -> _History:
    nothing = tuple(Value(v.kpi, v.period, v.dims, None, v.unit, "no_value") for v in told.actual)
    return _History(told.periods, told.actual, nothing, told.goals)


def _fitted(text: str, width: float) -> str:
    """A panel's heading on one line, ended by … where the panel is too narrow."""
    if text_width(text, 13) <= width + 30:
        return text
    while text and text_width(text + "…", 13) > width + 30:
        text = text[:-1]
    return text.rstrip() + "…"


def _standing(readings: list[Reading]) -> Line:
    """How many of these KPIs meet their target, as the message of a group of charts."""
    judged = [reading for reading in readings if reading.standing in ("met", "missed")]
    missed = [reading.name for reading in judged if reading.standing == "missed"]
    if len(judged) < 2:
        return message(judged[0] if judged else readings[0])
    if not missed:
        return ("All targets met: " + ", ".join(reading.name for reading in judged),)
    values = readings[0].formatter.values
    met, of = (count(values, n) for n in (len(judged) - len(missed), len(judged)))
    return (met, " of ", of, " targets met; missed: " + ", ".join(missed))


def _course(reading: Reading, told: _History) -> Line:
    """How the line runs, for those who do not see it."""
    figure, period = reading.formatter.figure, reading.formatter.period
    seen = [value for value in told.actual if value.value is not None]
    low = min(seen, key=lambda value: value.value or 0.0)
    high = max(seen, key=lambda value: value.value or 0.0)
    ends = (seen[0], seen[-1])

    def at(value: Value) -> Line:
        return (figure(value), f" in {period(value.period)}")

    said: Line = ("The line runs from ", *at(seen[0]), " to ", *at(seen[-1]))
    said += ("; lowest ", *at(low)) if low not in ends else ()
    said += ("; highest ", *at(high)) if high not in ends else ()
    ago = told.year_ago[-1]
    if ago.value is not None:
        then = f"in {period(ago.period)}" if ago.period.cut else "a year before the end"
        said += (f"; {then} it was ", figure(ago))
    return (*said, ".")
