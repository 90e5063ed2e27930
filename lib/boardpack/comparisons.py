"""Charts that set figures of one period side by side: members, targets, stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from boardpack import cautions
from boardpack.blocks import Block, Chart, Plot, Series, Shown, Text
from boardpack.formats import Formatter, count, member_name, number
from boardpack.markup import Line, numbers, plain
from boardpack.plots import (
    Board,
    Size,
    cell,
    goal_cell,
    lookup,
    rows_chart,
    text_width,
    wrapped,
)
from boardpack.readings import Reading, explanation, member_readings, read
from boardpack.theme import mix, palette
from boardpack.values import Value, Values

_ROW = 24.0
#: A bar beyond this multiple of its target is cut there: the page is about the target.
_FURTHEST = 1.6


def ranking(values: Values, kpi: str, dimension: str, *, size: Size = "full") -> Block:
    """The members of a dimension, the largest first; a mark shows each a year before."""
    found = member_readings(values, kpi, dimension)
    if not found:
        return Text("")
    formatter, look, name = Formatter(values), palette(), values.kpi(kpi).name
    rows: list[dict[str, Any]] = []
    shown: list[Shown] = []
    for member, reading in found:
        figure, change = formatter.figure(reading.now), reading.change_from(reading.year_ago)
        text = plain((figure,)) + (f", {change}" if change else "")
        rows.append(
            {
                "row": member_name(member),
                "value": reading.now.value or 0.0,
                "ago": reading.year_ago.value,
                "text": text,
                "color": look.last_year if member == "(unknown)" else look.accent,
            }
        )
        shown += numbers((figure,))
        if change:
            shown.append(number(reading.now, change, "change").shown)
    has_ago = any(row["ago"] is not None for row in rows)
    ago_at = found[0][1].year_ago.period
    board = _board(
        size, [row["row"] for row in rows], [row["text"] for row in rows], len(rows),
        top=18 if has_ago else 4,
    )  # fmt: skip
    ends = [end for row in rows for end in (row["value"], row["ago"] or 0.0, 0.0)]
    scale = alt.Scale(domain=[min(ends), max(ends)], nice=False)
    x = alt.X("value:Q", scale=scale, axis=None)
    data, y = rows_chart(rows), _rows_axis([row["row"] for row in rows], board)
    layers = [data.mark_bar().encode(x, y, alt.Color("color:N", scale=None, legend=None))]
    if has_ago:
        ago = alt.X("ago:Q", scale=scale, axis=None)
        mark = data.mark_tick(color=look.ink, thickness=2, size=16, opacity=1)
        layers.append(mark.encode(ago, y))
        when = " ".join(formatter.tick(ago_at)).strip()
        name_it = rows_chart(rows[:1]).mark_text(text=when, dy=-17, fontSize=11, color=look.muted)
        layers.append(name_it.encode(ago, y))
    layers.append(_texts(data, y))
    said = explanation(values, kpi, dimension) or (f"{name} by {dimension}",)
    listed = ", ".join(f"{row['row']} {row['text']}" for row in rows)
    then = formatter.period(ago_at) if ago_at.cut else "the year before"
    note = f"; a mark shows {then}, the change is against it" if has_ago else ""
    return Chart(
        title=plain(said) + cautions.caption(values, [kpi]),
        alt=f"Bars of {name} by {dimension} in {formatter.period(values.period)}{note}: {listed}.",
        spec=board.spec(layers),
        columns=(
            dimension.replace("_", " ").capitalize(),
            name,
            " ".join(formatter.tick(ago_at)).strip() if ago_at.cut else "Year before",
        ),
        rows=tuple(
            (member_name(m), cell(formatter, r.now), cell(formatter, r.year_ago)) for m, r in found
        ),
        numbers=(*numbers(said), *shown),
        plot=_plot(
            name,
            rows,
            Series("Year before", "last_year", tuple(row["ago"] for row in rows))
            if has_ago
            else None,
        ),
    )


def bullet(values: Values, kpis: Sequence[str], *, size: Size = "full") -> Block:
    """Each KPI as a share of its target, and in words whether the target is met.

    KPIs without a figure, or whose target is a range or zero, are left out.
    """
    readings = [r for kpi in kpis if values.is_available(kpi) and _share(r := read(values, kpi))]
    if not readings:
        return Text("")
    formatter, look = Formatter(values), palette()
    rows: list[dict[str, Any]] = []
    shown: list[Shown] = []
    for reading in readings:
        figure = formatter.figure(reading.now)
        share, is_met = _share(reading), reading.standing == "met"
        rows.append(
            {
                "row": reading.name,
                "value": min(share, _FURTHEST),
                "text": f"{plain((figure,))}, {plain(reading.aim)}: {reading.standing}",
                "color": look.accent if is_met else mix(look.accent, look.paper, 0.5),
                "ink": look.ink if is_met else look.bad,
            }
        )
        shown += numbers((figure, *reading.aim))
    board = _board(
        size, [row["row"] for row in rows], [row["text"] for row in rows], len(rows), top=18
    )
    scale = alt.Scale(domain=[0, max(1.05, *(row["value"] for row in rows))], nice=False)
    data, y = rows_chart(rows), _rows_axis([row["row"] for row in rows], board)
    bars = data.mark_bar().encode(
        alt.X("value:Q", scale=scale, axis=None), y, alt.Color("color:N", scale=None, legend=None)
    )
    goal_at = alt.XDatum(1, scale=scale, axis=None)
    line = data.mark_tick(color=look.ink, thickness=2.5, size=20, opacity=1)
    name_it = rows_chart(rows[:1]).mark_text(text="target", dy=-17, fontSize=11, color=look.muted)
    met = sum(reading.standing == "met" for reading in readings)
    said: Line = (
        count(values, met), " of ", count(values, len(readings)),
        f" targets met in {formatter.period(values.period)}",
    )  # fmt: skip
    return Chart(
        title=plain(said) + cautions.caption(values, [reading.facts.id for reading in readings]),
        alt="Bars against targets: "
        + "; ".join(
            f"{reading.name} {row['text']}" for reading, row in zip(readings, rows, strict=True)
        )
        + ".",
        spec=board.spec(
            [
                bars,
                line.encode(goal_at, y),
                name_it.encode(goal_at, y),
                _texts(data, y, "ink"),
            ]
        ),
        columns=("KPI", "Actual", "Target", "Status"),
        rows=tuple(
            (
                reading.name,
                cell(formatter, reading.now),
                goal_cell(formatter, reading.now, reading.target),
                reading.standing,
            )
            for reading in readings
        ),
        numbers=(*numbers(said), *shown),
        plot=Plot(
            "bars",
            tuple(reading.name for reading in readings),
            (
                Series(
                    "Share of the target in percent",
                    "actual",
                    tuple(100 * _share(reading) for reading in readings),
                    tuple(row["text"] for row in rows),
                ),
                Series("Target", "target", (100.0,) * len(rows)),
            ),
        ),
    )


def funnel(values: Values, kpis: Sequence[str], *, size: Size = "full") -> Block:
    """Stages one below the other, each with its count and its share of the stage before.

    Stages are counted in the same period; they are not one cohort followed through.
    """
    stages = [values.value(kpi) for kpi in kpis if values.is_available(kpi)]
    stages = [stage for stage in stages if stage.value is not None]
    if not stages or not stages[0].value:
        return Text("")
    formatter, look = Formatter(values), palette()
    tones = palette().members(1) * len(stages)
    rows: list[dict[str, Any]] = []
    shown: list[Shown] = []
    for i, stage in enumerate(stages):
        figure = formatter.figure(stage)
        text = plain((figure,))
        shown += numbers((figure,))
        rate = _rate(formatter, stages[i - 1], stage) if i else None
        if rate:
            text += f", {rate} of {values.kpi(stages[i - 1].kpi).name}"
            shown.append(number(stage, rate, "share").shown)
        rows.append(
            {
                "row": values.kpi(stage.kpi).name,
                "value": stage.value,
                "text": text,
                "color": mix(tones[i], look.paper, 0.0 if i == len(stages) - 1 else 0.35),
            }
        )
    board = _board(size, [row["row"] for row in rows], [row["text"] for row in rows], len(rows))
    x = alt.X("value:Q", scale=alt.Scale(domain=[0, stages[0].value], nice=False), axis=None)
    data, y = rows_chart(rows), _rows_axis([row["row"] for row in rows], board)
    bars = data.mark_bar().encode(x, y, alt.Color("color:N", scale=None, legend=None))
    last, first = values.kpi(stages[-1].kpi).name, values.kpi(stages[0].kpi).name
    whole = _rate(formatter, stages[0], stages[-1])
    if whole and len(stages) > 1:
        shown.append(number(stages[-1], whole, "share").shown)
    listed = "; ".join(f"{row['row']} {row['text']}" for row in rows)
    return Chart(
        title=(
            f"{first} to {last}: {whole} in {formatter.period(values.period)}"
            if whole and len(stages) > 1
            else first
        )
        + cautions.caption(values, [stage.kpi for stage in stages]),
        alt=f"Bars of the stages in {formatter.period(values.period)}: {listed}.",
        spec=board.spec([bars, _texts(data, y)]),
        columns=("Stage", "Count"),
        rows=tuple((values.kpi(s.kpi).name, cell(formatter, s)) for s in stages),
        numbers=tuple(shown),
        plot=_plot("", rows),
    )


def _plot(title: str, rows: Sequence[dict[str, Any]], *more: Series | None) -> Plot:
    """The bars with what is written beside them, and the series that they are set against."""
    actual = Series(
        "Actual", "actual", tuple(row["value"] for row in rows), tuple(row["text"] for row in rows)
    )
    series = (actual, *(other for other in more if other is not None))
    return Plot("bars", tuple(row["row"] for row in rows), series, title)


def _rate(formatter: Formatter, before: Value, after: Value) -> str:
    if not before.value or after.value is None:
        return ""
    return formatter.percentage(100 * after.value / before.value)


def _share(reading: Reading) -> float:
    """The figure as a share of its target; 0 when there is none to draw."""
    if reading.target is None or reading.now.value is None:
        return 0.0
    goal = reading.target.value
    if isinstance(goal, tuple) or goal <= 0 or reading.now.value <= 0:
        return 0.0
    return reading.now.value / goal


def _board(
    size: Size, names: Sequence[str], texts: Sequence[str], rows: int, top: float = 4
) -> Board:
    longest = 190.0 if size == "full" else 96.0
    left = min(max(text_width(name) for name in names), longest) + 10
    right = max(text_width(text) for text in texts) + 14
    return Board(size, _ROW * rows if size == "full" else 28.0 * rows, left, right, 8, top)


def _rows_axis(names: Sequence[str], board: Board) -> alt.Y:
    lines = [wrapped(name, board.left - 8) for name in names]
    axis = alt.Axis(
        labelExpr=lookup(names, lines), labelColor=palette().ink, grid=False, labelLimit=0
    )
    return alt.Y(
        "row:N", sort=list(names), scale=alt.Scale(paddingInner=0.38, paddingOuter=0.15), axis=axis
    )


def _texts(data: alt.Chart, y: alt.Y, color: str = "") -> alt.Chart:
    """What the rows say, in one column to the right of the bars; ``color`` names a field."""
    # By an expression: a page may draw the chart wider than it was planned.
    mark = data.mark_text(align="left", baseline="middle")
    chart: alt.Chart = mark.encode(alt.XValue(alt.ExprRef("width + 8")), y, alt.Text("text:N"))
    if color:
        chart = chart.encode(alt.Color(f"{color}:N", scale=None, legend=None))
    return chart
