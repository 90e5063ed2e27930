"""Charts that set figures of one period side by side: members, targets, stages."""

from __future__ import annotations

from collections.abc import Sequence

from boardpack import bars, cautions
from boardpack.blocks import Block, Chart, Plot, Series, Shown
from boardpack.formats import Formatter, count, member_name, number
from boardpack.markup import Line, numbers, plain
from boardpack.plots import Channel, Row, Size, cell, goal_cell, in_currency, nothing
from boardpack.readings import Reading, explanation, member_readings, read
from boardpack.theme import palette
from boardpack.values import Value, Values

#: A bar beyond this multiple of its target is cut there: the page is about the target.
_FURTHEST = 1.6


def ranking(values: Values, kpi: str, dimension: str, *, size: Size = "full") -> Block:
    """The members of a dimension, the largest first; a lighter bar shows each a year before."""
    found = member_readings(values, kpi, dimension)
    if not found:
        why = f"it cannot be split by {dimension}" if values.is_available(kpi) else ""
        return nothing(values, [kpi], why)
    formatter, name = Formatter(values), values.kpi(kpi).name
    rows: list[Row] = []
    shown: list[Shown] = []
    for member, reading in found:
        figure, change = formatter.figure(reading.now), reading.change_from(reading.year_ago)
        text = plain((figure,)) + (f", {change}" if change else "")
        rows.append(
            {
                "row": member,
                "name": member_name(member),
                "value": reading.now.value or 0.0,
                "ago": reading.year_ago.value,
                "text": text,
            }
        )
        shown += numbers((figure,))
        if change:
            shown.append(number(reading.now, change, "change").shown)
    has_ago = any(row["ago"] is not None for row in rows)
    ago_at = found[0][1].year_ago.period
    names = [row["name"] for row in rows]
    on = bars.board(size, names, [row["text"] for row in rows], top=18 if has_ago else 4)
    ends = [end for row in rows for end in (row["value"], row["ago"] or 0.0, 0.0)]
    x, y = _amount("value", ends), bars.rows_axis([row["row"] for row in rows], names, on)
    is_open = any(reading.is_open for _, reading in found)
    layers = [bars.actual(rows, x, y, is_open=is_open), bars.texts(rows, y)]
    if has_ago:
        ago = _amount("ago", ends)
        when = " ".join(formatter.tick(ago_at)).strip()
        first = [{**rows[0], "text": f"lighter: {when}"}]
        layers.insert(0, bars.last_year(rows, ago, y))
        layers.append(bars.over_first(first, {"value": 0}, y, bars.HEIGHT[size], align="left"))
    said = explanation(values, kpi, dimension) or (f"{name} by {dimension}",)
    listed = ", ".join(f"{row['name']} {row['text']}" for row in rows)
    then = formatter.period(ago_at) if ago_at.cut else "the year before"
    note = f"; a lighter bar shows {then}, the change is against it" if has_ago else ""
    return Chart(
        title=plain(said) + cautions.caption(values, [kpi]),
        alt=f"Bars of {name} by {dimension} in {formatter.period(values.period)}{note}: {listed}."
        + in_currency(values, [kpi]),
        spec=on.spec(layers),
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

    A lighter bar shows the year before. KPIs without a figure, or whose target is a range or zero,
    are left out; where none is left the block says why.
    """
    readings = [r for kpi in kpis if values.is_available(kpi) and _share(r := read(values, kpi))]
    if not readings:
        return nothing(values, kpis, "none has a figure and a target to draw it against")
    formatter, look = Formatter(values), palette()
    rows: list[Row] = []
    shown: list[Shown] = []
    for reading in readings:
        figure = formatter.figure(reading.now)
        is_met = reading.standing == "met"
        rows.append(
            {
                "row": reading.facts.id,
                "name": reading.name,
                "value": min(_share(reading), _FURTHEST),
                "ago": min(_share(reading, reading.year_ago), _FURTHEST) or None,
                "goal": 1.0,
                "text": f"{plain((figure,))}, {plain(reading.aim)}: {reading.standing}",
                "ink": look.ink if is_met else look.bad,
            }
        )
        shown += numbers((figure, *reading.aim))
    names = [row["name"] for row in rows]
    on = bars.board(size, names, [row["text"] for row in rows], top=18)
    ends = [0.0, 1.05, *(end for row in rows for end in (row["value"], row["ago"] or 0.0))]
    x, goal = _amount("value", ends), _amount("goal", ends)
    y = bars.rows_axis([row["row"] for row in rows], names, on)
    layers = [
        bars.last_year(rows, _amount("ago", ends), y),
        *(
            bars.actual([row], x, y, is_open=reading.is_open)
            for row, reading in zip(rows, readings, strict=True)
        ),
        bars.goals(rows, goal, y, bars.HEIGHT[size]),
        bars.over_first([{**rows[0], "text": "target"}], goal, y, bars.HEIGHT[size]),
        bars.texts(rows, y, "ink"),
    ]
    if any(row["ago"] for row in rows):
        first = [{**rows[0], "text": "lighter: year before"}]
        layers.append(bars.over_first(first, {"value": 0}, y, bars.HEIGHT[size], align="left"))
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
        spec=on.spec(layers),
        columns=("KPI", "Actual", "Year before", "Target", "Status"),
        rows=tuple(
            (
                reading.name,
                cell(formatter, reading.now),
                cell(formatter, reading.year_ago),
                goal_cell(formatter, reading.now, reading.target),
                reading.standing,
            )
            for reading in readings
        ),
        numbers=(*numbers(said), *shown),
        plot=Plot(
            "bars",
            tuple(names),
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

    A lighter bar shows the year before. Stages are counted in the same period; they are not one
    cohort followed through.
    """
    known = [
        kpi for kpi in kpis if values.is_available(kpi) and values.value(kpi).value is not None
    ]
    stages = [values.value(kpi) for kpi in known]
    if not stages or not stages[0].value:
        return nothing(values, kpis, "its first stage is empty" if stages else "")
    formatter = Formatter(values)
    rows: list[Row] = []
    shown: list[Shown] = []
    for i, stage in enumerate(stages):
        figure, ago = formatter.figure(stage), values.comparisons(stage.kpi)[1]
        text = plain((figure,))
        shown += numbers((figure,))
        rate = _rate(formatter, stages[i - 1], stage) if i else None
        if rate:
            text += f", {rate} of {values.kpi(stages[i - 1].kpi).name}"
            shown.append(number(stage, rate, "share").shown)
        rows.append(
            {
                "row": stage.kpi,
                "name": values.kpi(stage.kpi).name,
                "value": stage.value,
                "ago": ago.value,
                "text": text,
            }
        )
    names, has_ago = [row["name"] for row in rows], any(row["ago"] for row in rows)
    on = bars.board(size, names, [row["text"] for row in rows], top=18 if has_ago else 4)
    ends = [end for row in rows for end in (row["value"], row["ago"] or 0.0, 0.0)]
    y = bars.rows_axis([row["row"] for row in rows], names, on)
    is_open = any(stage.is_open for stage in stages)
    layers = [
        bars.last_year(rows, _amount("ago", ends), y),
        bars.actual(rows, _amount("value", ends), y, is_open=is_open),
        bars.texts(rows, y),
    ]
    if has_ago:
        ago_at = values.comparisons(stages[0].kpi)[1].period
        when = " ".join(formatter.tick(ago_at)).strip()
        first = [{**rows[0], "text": f"lighter: {when}"}]
        layers.append(bars.over_first(first, {"value": 0}, y, bars.HEIGHT[size], align="left"))
    first_name, last_name = names[0], names[-1]
    whole = _rate(formatter, stages[0], stages[-1])
    said: Line = (first_name,)
    if whole and len(stages) > 1:
        share = number(stages[-1], whole, "share")
        said = (f"{first_name} to {last_name}: ", share, f" in {formatter.period(values.period)}")
    listed = "; ".join(f"{row['name']} {row['text']}" for row in rows)
    return Chart(
        title=plain(said) + cautions.caption(values, known),
        alt=f"Bars of the stages in {formatter.period(values.period)}: {listed}.",
        spec=on.spec(layers),
        columns=("Stage", "Count", "Year before"),
        rows=tuple(
            (
                values.kpi(s.kpi).name,
                cell(formatter, s),
                cell(formatter, values.comparisons(s.kpi)[1]),
            )
            for s in stages
        ),
        numbers=(*numbers(said), *shown),
        plot=_plot(
            "",
            rows,
            Series("Year before", "last_year", tuple(row["ago"] for row in rows))
            if has_ago
            else None,
        ),
    )


def _plot(title: str, rows: Sequence[Row], *more: Series | None) -> Plot:
    """The bars with what is written beside them, and the series that they are set against."""
    actual = Series(
        "Actual", "actual", tuple(row["value"] for row in rows), tuple(row["text"] for row in rows)
    )
    series = (actual, *(other for other in more if other is not None))
    return Plot("bars", tuple(row["name"] for row in rows), series, title)


def _amount(field: str, ends: Sequence[float]) -> Channel:
    """The horizontal channel of a field on the scale of all bars."""
    low, high = min(ends), max(ends)
    domain = [low, high if high > low else low + 1]
    return {"field": field, "type": "quantitative", "axis": None,
            "scale": {"domain": domain, "nice": False}}  # fmt: skip


def _rate(formatter: Formatter, before: Value, after: Value) -> str:
    if not before.value or after.value is None:
        return ""
    return formatter.percentage(100 * after.value / before.value)


def _share(reading: Reading, value: Value | None = None) -> float:
    """The figure (or another of the KPI) as a share of its target; 0 with none to draw."""
    figure = (value or reading.now).value
    if reading.target is None or figure is None:
        return 0.0
    goal = reading.target.value
    if isinstance(goal, tuple) or goal <= 0 or figure <= 0:
        return 0.0
    return figure / goal
