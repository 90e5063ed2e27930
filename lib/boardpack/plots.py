"""The drawing board of charts: fixed sizes, axes with few ticks, labels that do not collide."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

from boardpack.blocks import Shown
from boardpack.formats import DASH, Formatter, number
from boardpack.periods import Period
from boardpack.theme import FONT_SIZE, WIDTHS, styled
from boardpack.values import Target, Value

Size = Literal["full", "half"]

#: Least distance in pixels between two labels that stand above one another.
LINE = 15

#: Pixels below which a drawing between its texts says nothing.
_LEAST = 190

_NARROW = frozenset("il.,:;'|!()[] fjrt-1")
_WIDE = frozenset("mwMW%@—")


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """About how many pixels a text takes, generously: room is made before anything is drawn."""
    ems = (
        0.34 if c in _NARROW else 0.86 if c in _WIDE else 0.62 if c.isupper() else 0.54
        for c in text
    )  # fmt: skip
    return size * sum(ems)


@dataclass(frozen=True)
class Label:
    """A text that stands beside a figure; ``numbers`` are those it writes."""

    text: str
    value: float
    color: str
    bold: bool = False
    numbers: tuple[Shown, ...] = ()

    @property
    def width(self) -> float:
        """About how many pixels it takes."""
        return text_width(self.text) * (1.06 if self.bold else 1.0)


@dataclass(frozen=True)
class Scale:
    """A value axis: its ends, its ticks and what is written at them."""

    low: float
    high: float
    ticks: tuple[float, ...]
    texts: tuple[str, ...]

    @classmethod
    def fitting(
        cls, formatter: Formatter, kpi: str, figures: Sequence[float], *, zero: bool, ticks: int = 4
    ) -> Scale:
        """The axis for these figures; with ``zero`` it starts there, as bars and amounts must."""
        low, high = min(figures), max(figures)
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        if high == low:
            low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
        step = _nice((high - low) / ticks)
        # The axis ends just beyond the figures: an axis that runs on to a round number wastes the
        # page.
        air = 0.04 * (high - low)
        low, high = (low - air if low else low), (high + air if high else high)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        marks = tuple(round(i * step, 10) for i in range(first, last + 1))
        texts = tuple(formatter.axis(kpi, mark, step) for mark in marks)
        return cls(low, high, marks, texts)

    @property
    def domain(self) -> alt.Scale:
        """The two ends, for channels without an axis."""
        return alt.Scale(domain=[self.low, self.high], zero=False, nice=False)

    def y(self, field: str = "value") -> alt.Y:
        """The vertical channel of a field, with this axis."""
        axis = alt.Axis(values=list(self.ticks), labelExpr=lookup(self.ticks, self.texts))
        return alt.Y(f"{field}:Q", scale=self.domain, axis=axis)

    @property
    def room(self) -> float:
        """Pixels that the texts of the ticks need."""
        return max(text_width(text) for text in self.texts) + 8

    def spread(self, labels: Sequence[Label], height: float) -> list[tuple[Label, float]]:
        """The labels, each with the value at which to write it, so that none lies on another."""
        pixel = (self.high - self.low) / height
        order = sorted(labels, key=lambda label: label.value)
        places = [(label.value - self.low) / pixel for label in order]
        for i in range(1, len(places)):
            places[i] = max(places[i], places[i - 1] + LINE)
        ceiling = height
        for i in reversed(range(len(places))):
            places[i] = min(places[i], ceiling)
            ceiling = places[i] - LINE
        return [
            (label, self.low + place * pixel) for label, place in zip(order, places, strict=True)
        ]


def x_axis(
    formatter: Formatter, periods: Sequence[Period], width: float, *, edges: float = 0.3
) -> alt.X:
    """The time axis: each period's short name, the year below the first of each year."""
    ticks = [formatter.tick(period) for period in periods]
    slot = max(text_width(name) for name, _ in ticks) + 6
    every = max(1, math.ceil(slot * len(periods) / width))
    # Counted from the end, so that the period of the report is always named.
    kept = [i for i in range(len(periods)) if (len(periods) - 1 - i) % every == 0]
    texts: list[Any] = [""] * len(periods)
    year_before = ""
    step = width * every / len(periods)
    for i in kept:
        name, year = ticks[i]
        texts[i] = [name, year] if year != year_before else [name, ""]
        # Two years side by side may be too wide for their places: the first is then left out.
        if i >= every and texts[i][1] and step < text_width(year) + 4:
            texts[i - every] = [ticks[i - every][0], ""]
        year_before = year
    names = [period.label for period in periods]
    axis = alt.Axis(labelExpr=lookup(names, texts), labelOverlap=False)
    return alt.X("period:O", sort=names, scale=alt.Scale(padding=edges), axis=axis)


def beside(
    scale: Scale, labels: Sequence[Label], height: float, x: alt.X, at: str, *, gap: float = 10
) -> list[alt.Chart]:
    """The labels to the right of the position ``at``, none on another."""
    layers = []
    for bold in (False, True):
        rows = [
            {"period": at, "value": place, "text": label.text, "color": label.color}
            for label, place in scale.spread(labels, height)
            if label.bold == bold
        ]
        if rows:
            mark = rows_chart(rows).mark_text(
                align="left", dx=gap, fontWeight=700 if bold else 400, clip=False
            )
            color = alt.Color("color:N", scale=None, legend=None)
            layers.append(mark.encode(x, scale.y(), alt.Text("text:N"), color))
    return layers


def cell(formatter: Formatter, value: Value) -> str | Shown:
    """A figure in the table behind a chart, in full; a dash where there is none."""
    if value.value is None:
        return DASH
    return number(value, formatter.full(value.kpi, value.value)).shown


def goal_cell(formatter: Formatter, value: Value, target: Target | None) -> str | Shown:
    """The target of a figure in the table behind a chart; a dash where there is none."""
    if target is None:
        return DASH
    return number(value, formatter.target(value.kpi, target, full=True), "target").shown


def text_of(shown: str | Shown) -> str:
    """What a cell says."""
    return shown.text if isinstance(shown, Shown) else shown


def category(formatter: Formatter, period: Period) -> str:
    """A period on the axis of a plot: ``Dec 2025``."""
    return " ".join(filter(None, formatter.tick(period)))


def at_end(text: str, n: int) -> tuple[str, ...]:
    """The labels of a series of ``n`` figures whose last one alone is written."""
    return (*[""] * (n - 1), text)


def wrapped(text: str, width: float) -> list[str]:
    """A label on as many lines as its place needs."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def rows_chart(rows: Sequence[dict[str, Any]]) -> alt.Chart:
    """A chart whose data stand inside the spec."""
    return alt.Chart(alt.Data(values=list(rows)))


def finished(drawing: alt.TopLevelMixin) -> dict[str, Any]:
    """The Vega-Lite spec of a chart, in the look of the report."""
    # Tests validate every chart against the schema; a run saves the time.
    return styled(drawing.to_dict(validate=False))


@dataclass(frozen=True)
class Board:
    """What a chart is drawn on: as wide as the page wants, margins for its texts included."""

    size: Size
    height: float
    left: float
    right: float
    bottom: float = 38
    top: float = 12

    @property
    def width(self) -> float:
        """What the margins leave for the drawing."""
        return WIDTHS[self.size] - self.left - self.right

    def spec(self, layers: Sequence[alt.Chart]) -> dict[str, Any]:
        """The Vega-Lite spec of these layers, with nothing that depends on measured text."""
        chart = alt.layer(*layers).properties(
            width=self.width,
            height=self.height,
            autosize=alt.AutoSizeParams(type="none"),
            padding={
                "left": self.left, "right": self.right, "top": self.top, "bottom": self.bottom
            },
            # A narrower page shows the whole chart smaller, not its drawing squeezed to nothing.
            usermeta={"least": round(self.left + self.right + _LEAST)},
        )  # fmt: skip
        return finished(chart)


def lookup(keys: Sequence[Any], texts: Sequence[Any]) -> str:
    """A Vega expression for the text of an axis value: Python's formatter writes every label.

    A text may be a list of lines.
    """
    return f"{json.dumps(list(texts))}[indexof({json.dumps(list(keys))}, datum.value)]"


def _nice(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * base for base in (1, 2, 2.5, 5, 10) if power * base >= step * 0.8)
