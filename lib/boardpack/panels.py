"""Small charts beside one another: KPIs through time, those of a unit on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from boardpack import cautions
from boardpack.blocks import Block, Chart, Plot
from boardpack.formats import Formatter, count
from boardpack.histories import History, history
from boardpack.lines import lines, plot, starts_at_zero
from boardpack.markup import Line, NoValue, numbers, plain
from boardpack.plots import (
    Layer,
    Scale,
    cell,
    finished,
    fitted,
    in_currency,
    layer,
    named,
    nothing,
    text_width,
    x_axis,
)
from boardpack.readings import Reading, message, read
from boardpack.theme import WIDTHS, palette
from boardpack.values import Values

#: Pixels around a group of panels.
_EDGE = 8
#: The least share of a common scale that the figures of a panel must take to be read there.
_SEEN = 0.3
#: And the least that they must move on it: a line that lies flat says nothing.
_MOVES = 0.08
#: Sizes of the names above panels, all of one group in the same.
_HEAD_SIZES = (13, 12, 11)

Scales = Literal["unit", "own"]


def trends(
    values: Values,
    kpis: Sequence[str],
    last: int | None = None,
    *,
    columns: int = 3,
    scale: Scales = "unit",
) -> Block:
    """Several KPIs through time, each in a small panel with its target.

    KPIs of one unit share a scale, so that their heights may be compared; where their sizes differ
    too much for that each keeps its own, and the title says so. With ``scale="own"`` each has its
    own. KPIs without any figure are left out; when none is left the block says why.
    """
    told = {kpi: found for kpi in kpis if (found := history(values, kpi, last)) is not None}
    if not told:
        return nothing(values, kpis)
    readings = {kpi: read(values, kpi) for kpi in told}
    formatter = readings[next(iter(told))].formatter
    scales, apart = _scales(formatter, readings, told, scale)
    left = max(scale.room for scale in scales.values())
    columns = min(columns, len(told))
    gap = left + 18
    width = (WIDTHS["full"] - left - gap * (columns - 1) - 2 * _EDGE) / columns
    room = width + left + 10
    size = _head_size([reading.name for reading in readings.values()], room)
    panels = [
        _panel(readings[kpi], found, scales[kpi], (width, room), 8 - left, size)
        for kpi, found in told.items()
    ]
    said = _standing(list(readings.values()))
    # The message of one of them says it of that one already.
    others = [kpi for kpi, reading in readings.items() if message(reading) != said]
    differ = " (scales differ)" if apart else ""
    return Chart(
        title=plain(said) + cautions.caption(values, others) + differ,
        alt="Small charts, one a KPI. "
        + " ".join(plain(message(reading)) + "." for reading in readings.values())
        + (" Their scales differ." if apart else "")
        + in_currency(values, list(told)),
        spec=finished(
            {
                "concat": panels,
                "columns": columns,
                "bounds": "flush",
                "spacing": {"row": 88, "column": gap},
                "padding": _EDGE,
            }
        ),
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
            panels=tuple(
                replace(
                    plot(readings[kpi], found, "full", with_last_year=False),
                    ends=(scales[kpi].low, scales[kpi].high),
                )
                for kpi, found in told.items()
            ),
        ),
    )


def _scales(
    formatter: Formatter, readings: Mapping[str, Reading], told: Mapping[str, History], wanted: str
) -> tuple[dict[str, Scale], bool]:
    """The scale of each panel, and whether there are KPIs of one unit that do not share theirs."""
    by_unit: dict[str, list[str]] = {}
    for kpi, reading in readings.items():
        by_unit.setdefault(reading.facts.unit, []).append(kpi)
    scales: dict[str, Scale] = {}
    apart = False
    for group in by_unit.values():
        figures = [figure for kpi in group for figure in told[kpi].this_year]
        unit = readings[group[0]].facts.unit
        zero = unit in ("currency", "count") or any(
            starts_at_zero(readings[kpi], told[kpi].this_year) for kpi in group
        )
        # A score and a ratio are measured each in its own way, whatever they are called.
        alike = unit not in ("ratio", "score")
        if len(group) > 1 and wanted == "unit" and alike and _fit(told, group, figures, zero):
            one = Scale.fitting(formatter, group[0], figures, zero=zero, ticks=2)
            scales |= dict.fromkeys(group, one)
            continue
        apart = apart or (len(group) > 1 and alike)
        for kpi in group:
            own = told[kpi].this_year
            zero = starts_at_zero(readings[kpi], own)
            scales[kpi] = Scale.fitting(formatter, kpi, own, ticks=2, zero=zero)
    return {kpi: scales[kpi] for kpi in told}, apart


def _fit(
    told: Mapping[str, History], group: Sequence[str], figures: Sequence[float], zero: bool
) -> bool:
    """Whether each panel still shows something on the scale of all."""
    ends = (min(figures), max(figures), *([0.0] if zero else []))
    whole = max(ends) - min(ends)
    for kpi in group:
        own = told[kpi].this_year
        reach = (*own, 0.0) if zero else own
        if max(reach) - min(reach) < _SEEN * whole or max(own) - min(own) < _MOVES * whole:
            return False
    return True


def _head_size(names: Sequence[str], room: float) -> float:
    """The largest size in which the longest of these names has room; the smallest has to do."""
    return next(
        (s for s in _HEAD_SIZES if all(text_width(n, s) <= room for n in names)), _HEAD_SIZES[-1]
    )


def _panel(
    reading: Reading, told: History, scale: Scale, wide: tuple[float, float], dx: float, size: float
) -> Layer:
    """One of the charts, ``wide`` for its drawing and for its heading."""
    formatter, look = reading.formatter, palette()
    width, room = wide
    x = x_axis(formatter, told.periods, width)
    figure = plain((formatter.figure(told.latest),))
    standing = f", {plain(reading.aim)}: {reading.standing}" if reading.aim else ""
    if isinstance(formatter.figure(reading.now), NoValue):
        standing = f" in {formatter.tick(told.latest.period)[0]}"
    heads = [
        _heading(fitted(reading.name, room, size), dx, -26, fontSize=size, fontWeight=600),
        _heading(fitted(figure + standing, room), dx, -10, color=look.muted),
    ]
    drawn = lines(formatter, told, x, scale, with_last_year=False)
    return {"layer": [*drawn, *heads], "width": width, "height": 84}


def _heading(text: str, x: float, y: float, **mark: object) -> Layer:
    # At a fixed place: a title of Vega's stands higher where a point touches the upper edge.
    look = {"type": "text", "align": "left", "baseline": "bottom", **mark}
    return layer([{"text": text}], look, x={"value": x}, y={"value": y}, text=named())


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
