"""Charts of KPIs through time: each verb reads frozen values and returns one block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from boardpack import cautions, notation
from boardpack.blocks import Block, Chart, Plot, Series, Shown
from boardpack.formats import Formatter, member_name
from boardpack.markup import Line, numbers, plain
from boardpack.periods import Period
from boardpack.plots import (
    Board,
    Channel,
    Label,
    Layer,
    Row,
    Scale,
    Size,
    at_end,
    beside,
    category,
    cell,
    goal_cell,
    in_currency,
    layer,
    nothing,
    text_of,
    tips,
    x_axis,
)
from boardpack.readings import (
    Range,
    Reading,
    explanation,
    is_outside,
    member_readings,
    message,
    normal_ranges,
    read,
)
from boardpack.theme import legible, palette, styled
from boardpack.values import Target, Value, Values

if TYPE_CHECKING:
    import altair as alt

_OPEN = ("provisional", "maturing")
#: A target beyond this multiple of every figure is named above the drawing and not drawn.
_FAR = 3.0


@dataclass(frozen=True)
class History:
    """A KPI's figures through time; beside each last year's, its target and what was normal."""

    periods: tuple[Period, ...]
    actual: tuple[Value, ...]
    year_ago: tuple[Value, ...]
    goals: tuple[Target | None, ...]
    normal: tuple[Range | None, ...]

    @property
    def target(self) -> tuple[float | None, ...]:
        """The targets that are one figure; a range has no line."""
        return tuple(
            goal.value if goal is not None and not isinstance(goal.value, tuple) else None
            for goal in self.goals
        )

    @property
    def seen_target(self) -> tuple[float | None, ...]:
        """The same, save for one so far off that the figures would be a flat line beside it."""
        figures = [abs(value.value) for value in self.actual if value.value is not None]
        goals = [abs(goal) for goal in self.target if goal is not None]
        if goals and min(goals) > _FAR * max(figures):
            return (None,) * len(self.target)
        return self.target

    @property
    def this_year(self) -> list[float]:
        """The figures and their targets."""
        figures = (*(value.value for value in self.actual), *self.seen_target)
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

    def unusual(self, formatter: Formatter) -> list[Value]:
        """The figures that lie outside of what was to be expected by those before."""
        return [
            value
            for value, normal in zip(self.actual, self.normal, strict=True)
            # A part of a period is no measure of what is normal of a whole one.
            if value.status != "provisional" and is_outside(formatter, value, normal)
        ]


def history(
    values: Values,
    kpi: str,
    last: int | None = None,
    dims: str = "",
    periods: Sequence[Period] = (),
) -> History | None:
    """The last periods (or these) from the first figure on; None when there is none at all."""
    if not values.is_available(kpi):
        return None
    if periods:
        series = [values.value(kpi, period, dims) for period in periods]
    else:
        series = values.series(kpi, last, dims)
    first = next((i for i, value in enumerate(series) if value.value is not None), None)
    if first is None:
        return None
    kept = tuple(series[first:])
    shown = tuple(value.period for value in kept)
    ago = [values.value(kpi, period.year_ago(), dims) for period in shown]
    if shown[-1] == values.period:
        ago[-1] = values.comparisons(kpi, dims)[1]
    return History(
        periods=shown,
        actual=kept,
        year_ago=tuple(ago),
        goals=tuple(values.target(kpi, period, dims) for period in shown),
        normal=normal_ranges(values, kpi, shown, dims),
    )


def trend(
    values: Values, kpi: str, last: int | None = None, *, size: Size = "full", dims: str = ""
) -> Block:
    """A KPI through time beside last year and its target, with its message above.

    A band shows where each figure was to be expected by those before it, a ring those outside.
    ``size`` is ``full`` for the width of the page, ``half`` for one of two charts side by side;
    ``dims`` names a member, such as ``segment=smb``. A KPI without any figure says why.
    """
    told = history(values, kpi, last, dims)
    if told is None:
        return nothing(values, [kpi])
    reading = read(values, kpi, dims)
    formatter = reading.formatter
    figures = told.figures + _reach(told)
    scale = Scale.fitting(formatter, kpi, figures, zero=starts_at_zero(reading, told.figures))
    place = _free_place(told, scale, size)
    labels = [
        label.fitted(size) for label in _end_labels(reading, told, size, scale, place is None)
    ]
    board = Board(
        size=size,
        height=190 if size == "full" else 150,
        left=scale.room,
        right=max(label.width for label in labels) + 14,
    )
    x = x_axis(formatter, told.periods, board.width)
    layers = lines(formatter, told, x, scale, with_normal=True)
    layers += beside(scale, labels, board.height, x, told.periods[-1].label)
    if place is not None:
        layers.append(notation.name_of_band(place, x, scale))
    said, course = message(reading), _course(reading, told)
    return Chart(
        title=plain(said),
        alt=f"{plain(said)}. {plain(course)}" + in_currency(values, [kpi]),
        spec=board.spec(layers),
        columns=("Period", "Actual", "Year before", "Target", "Normal range")[: _columns(told)],
        rows=tuple(row[: _columns(told)] for row in _cells(formatter, told)),
        numbers=(
            *numbers(said),
            *numbers(course),
            *(shown for label in labels for shown in label.numbers),
        ),
        plot=_with_band(plot(reading, told, size), told, scale, formatter),
    )


def by_member(
    values: Values, kpi: str, dimension: str, last: int | None = None, *, size: Size = "full"
) -> Block:
    """A KPI through time, one line a member, each named at its end."""
    found = [
        (member, told)
        for member, _ in member_readings(values, kpi, dimension)
        if (told := history(values, kpi, last, f"{dimension}={member}")) is not None
    ]
    if not found:
        return nothing(values, [kpi], "" if not values.is_available(kpi) else _unsplit(dimension))
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
        labels.append(Label(text, value, legible(color), True, numbers((figure,))).fitted(size))
    board = Board(
        size=size,
        # As tall as the names at its end need.
        height=max(190 if size == "full" else 150, 16 * len(labels)),
        left=scale.room,
        right=max(label.width for label in labels) + 14,
    )
    periods = max((told.periods for _, told in found), key=len)
    x = x_axis(formatter, periods, board.width)
    layers = []
    for i, ((_, told), color) in enumerate(zip(found, colors, strict=True)):
        # Colours come again after six: then the line is dashed.
        dash = {"strokeDash": [6, 2]} if i >= 6 else {}
        layers.append(notation.line(points(told.actual), x, scale, "member", color=color, **dash))
    layers += beside(scale, labels, board.height, x, periods[-1].label, gap=8)
    said = explanation(values, kpi, dimension) or (f"{reading.name} by {dimension}",)
    ends = ", ".join(
        f"{plain((formatter.figure(told.latest),))} {member_name(member)}" for member, told in found
    )
    return Chart(
        title=plain(said) + cautions.caption(values, [kpi]),
        alt=f"Lines of {reading.name} by {dimension} from {formatter.period(periods[0])} to"
        f" {formatter.period(periods[-1])}; they end at {ends}." + in_currency(values, [kpi]),
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


def _reach(told: History) -> list[float]:
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


def _free_place(told: History, scale: Scale, size: Size) -> Row | None:
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


def _end_labels(
    reading: Reading, told: History, size: Size, scale: Scale, with_normal: bool
) -> list[Label]:
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


def _columns(told: History) -> int:
    """How many columns its table has: what is normal is told where it is known."""
    return 5 if any(told.normal) else 4


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


def plot(reading: Reading, told: History, size: Size, *, with_last_year: bool = True) -> Plot:
    """The figures of the drawing and what it writes at its end."""
    formatter, n = reading.formatter, len(told.periods)
    latest, ago = told.latest, told.year_ago[-1]
    labels = [""] * n
    labels[told.periods.index(latest.period)] = plain((formatter.figure(latest),))
    still_open = tuple(i for i, value in enumerate(told.actual) if value.status in _OPEN)
    figures = tuple(value.value for value in told.actual)
    series = [Series("Actual", "actual", figures, tuple(labels), still_open)]
    if with_last_year and any(value.value is not None for value in told.year_ago):
        text = plain((formatter.figure(ago),)) if ago.value is not None and size == "full" else ""
        figures = tuple(value.value for value in told.year_ago)
        series.append(Series("Year before", "last_year", figures, at_end(text, n)))
    if any(goal is not None for goal in told.target):
        text = plain(reading.aim[1:]) if told.target[-1] is not None else ""
        series.append(Series("Target", "target", told.target, at_end(text, n)))
    categories = tuple(category(formatter, period) for period in told.periods)
    return Plot("lines", categories, tuple(series), reading.name)


def _with_band(found: Plot, told: History, scale: Scale, formatter: Formatter) -> Plot:
    """The same with its axis, what was to be expected, and what lies outside of it."""
    ringed = [value.period for value in told.unusual(formatter)]
    unusual = tuple(told.periods.index(period) for period in ringed)
    own, *others = found.series
    normal = tuple((one.low, one.high) if one else None for one in told.normal)
    return replace(
        found,
        series=(replace(own, unusual=unusual), *others),
        ends=(scale.low, scale.high),
        normal=normal if any(normal) else (),
    )


def _course(reading: Reading, told: History) -> Line:
    """How the line runs, for those who do not see it."""
    figure, period = reading.formatter.figure, reading.formatter.period
    seen = [value for value in told.actual if value.value is not None]
    low = min(seen, key=lambda value: value.value or 0.0)
    high = max(seen, key=lambda value: value.value or 0.0)
    ends = (seen[0], seen[-1])

    def at(value: Value) -> Line:
        return (figure(value), f" in {period(value.period)}")

    said: Line = ("The line runs from ", *at(seen[0]), " to ", *at(seen[-1]))
    if len(seen) == 1:
        said = ("A single point: ", *at(seen[0]))
    said += ("; lowest ", *at(low)) if low not in ends else ()
    said += ("; highest ", *at(high)) if high not in ends else ()
    ago = told.year_ago[-1]
    if ago.value is not None:
        then = f"in {period(ago.period)}" if ago.period.cut else "a year before the end"
        said += (f"; {then} it was ", figure(ago))
    return (*said, *_surprises(reading, told), ".")


def _surprises(reading: Reading, told: History) -> Line:
    """Which figures lay outside of their normal range."""
    formatter = reading.formatter
    if not any(told.normal):
        return ()
    found = told.unusual(formatter)
    if not found:
        judged = [p for p, normal in zip(told.periods, told.normal, strict=True) if normal]
        since = formatter.period(judged[0])
        if len(judged) == 1:
            return (f"; the figure of {since} is within its normal range",)
        if judged[0] != told.periods[0]:
            return (f"; every figure since {since} is within its normal range",)
        return ("; every figure is within its normal range",)
    said: Line = ("; outside the normal range: ",)
    for i, value in enumerate(found):
        joined = ", " if i else ""
        said += (joined, formatter.figure(value), f" in {formatter.period(value.period)}")
    return said


def _unsplit(dimension: str) -> str:
    return f"it cannot be split by {dimension}"
