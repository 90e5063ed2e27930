"""Charts of KPIs through time: each verb reads frozen values and returns one block."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from boardpack import cautions, notation
from boardpack.blocks import Block, Chart, Plot, Series
from boardpack.formats import Formatter, member_name
from boardpack.histories import History, history
from boardpack.lines import (
    end_labels,
    free_place,
    lines,
    plot,
    points,
    reach,
    starts_at_zero,
    table,
)
from boardpack.markup import Line, numbers, plain
from boardpack.plots import (
    Board,
    Label,
    Scale,
    Size,
    at_end,
    beside,
    category,
    cell,
    in_currency,
    nothing,
    x_axis,
)
from boardpack.readings import Reading, explanation, member_readings, message, read
from boardpack.theme import legible, palette, styled
from boardpack.values import Value, Values

if TYPE_CHECKING:
    import altair as alt


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
    figures = told.figures + reach(told)
    scale = Scale.fitting(formatter, kpi, figures, zero=starts_at_zero(reading, told.figures))
    place = free_place(told, scale, size)
    labels = [label.fitted(size) for label in end_labels(reading, told, size, scale, place is None)]
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
    columns, rows = table(formatter, told)
    return Chart(
        title=plain(said),
        alt=f"{plain(said)}. {plain(course)}" + in_currency(values, [kpi]),
        spec=board.spec(layers),
        columns=columns,
        rows=rows,
        numbers=(
            *numbers(said),
            *numbers(course),
            *(shown for label in labels for shown in label.numbers),
        ),
        plot=replace(plot(reading, told, size, with_normal=True), ends=(scale.low, scale.high)),
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
