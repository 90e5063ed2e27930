"""The drawing board of charts: fixed sizes, axes with few ticks, labels that do not collide."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from boardpack.blocks import Shown, Text
from boardpack.formats import DASH, Formatter, number
from boardpack.markup import Box, Paragraph, text
from boardpack.objectives import Target
from boardpack.periods import Period
from boardpack.theme import FONT_SIZE, WIDTHS, styled
from boardpack.values import Value, Values

Size = Literal["full", "half"]

#: A layer or a channel of a Vega-Lite spec. Written as they are: to build them from objects that
#: validate themselves took longer than to draw them.
Layer = dict[str, Any]
Channel = dict[str, Any]
Row = dict[str, Any]

#: Least distance in pixels between two labels that stand above one another.
LINE = 15

#: Pixels below which a drawing between its texts says nothing.
_LEAST = 190

#: Pixels that a text to the right of a drawing may take; a longer one ends in an ellipsis.
_LONGEST = {"full": 250.0, "half": 160.0}

_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

_NARROW = frozenset("il.,:;'|!()[] fjrt-1")
_WIDE = frozenset("mwMW%@—")


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """About how many pixels a text takes, generously: room is made before anything is drawn."""
    return size * sum(_em(c) for c in text)


def _em(c: str) -> float:
    if c in _NARROW:
        return 0.34
    if c > "\u024f":
        if unicodedata.combining(c):
            return 0.0
        # Signs of Chinese, Japanese and Korean and emoji fill a square; others a font has to lend.
        return 1.4 if unicodedata.east_asian_width(c) in "WF" else 0.7 if c > "\u2e00" else 0.62
    return 0.86 if c in _WIDE else 0.62 if c.isupper() else 0.54


def fitted(text: str, width: float, size: float = FONT_SIZE) -> str:
    """A text on one line, ended by … where its place is too narrow for it.

    >>> fitted("Monthly recurring revenue", 90)
    'Monthly recurr…'
    """
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


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

    def fitted(self, size: Size) -> Label:
        """The label, cut where it would take the room of the drawing."""
        return replace(self, text=fitted(self.text, _LONGEST[size]))


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
        while len(marks) < 2:
            # One tick alone gives no measure.
            step /= 2
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
            marks = tuple(round(i * step, 10) for i in range(first, last + 1))
        texts = tuple(formatter.axis(kpi, mark, step) for mark in marks)
        return cls(low, high, marks, texts)

    @property
    def domain(self) -> Channel:
        """The two ends, for channels without an axis."""
        return {"domain": [self.low, self.high], "zero": False, "nice": False}

    def y(self, field: str = "value") -> Channel:
        """The vertical channel of a field, with this axis."""
        axis = {"values": list(self.ticks), "labelExpr": lookup(self.ticks, self.texts)}
        return {"field": field, "type": "quantitative", "scale": self.domain, "axis": axis}

    @property
    def room(self) -> float:
        """Pixels that the texts of the ticks need."""
        return max((text_width(text) for text in self.texts), default=0.0) + 8

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


def layer(rows: Sequence[Row], mark: dict[str, Any], **channels: Channel) -> Layer:
    """A layer of a chart whose data stand inside the spec."""
    return {"data": {"values": list(rows)}, "mark": mark, "encoding": channels}


def named(field: str = "text") -> Channel:
    """The channel of a field that holds words."""
    return {"field": field, "type": "nominal"}


def raw(field: str = "color") -> Channel:
    """The channel of a field that holds colours themselves."""
    return {"field": field, "type": "nominal", "scale": None, "legend": None}


def tips(*fields: str) -> list[Channel]:
    """What a chart on a screen says of the mark that is pointed at."""
    return [named(field) for field in fields]


def x_axis(
    formatter: Formatter, periods: Sequence[Period], width: float, *, edges: float = 0.3
) -> Channel:
    """The time axis: each period's short name, the year below the first of each year."""
    ticks = [formatter.tick(period) for period in periods]
    slot = max(text_width(name) for name, _ in ticks) + 3
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
    return {
        "field": "period",
        "type": "ordinal",
        "sort": names,
        "scale": {"domain": names, "padding": edges},
        "axis": {"labelExpr": lookup(names, texts), "labelOverlap": False},
    }


def beside(
    scale: Scale, labels: Sequence[Label], height: float, x: Channel, at: str, *, gap: float = 10
) -> list[Layer]:
    """The labels to the right of the position ``at``, none on another."""
    layers = []
    for bold in (False, True):
        rows = [
            {"period": at, "value": place, "text": label.text, "color": label.color}
            for label, place in scale.spread(labels, height)
            if label.bold == bold
        ]
        if rows:
            mark = {"type": "text", "align": "left", "dx": gap, "clip": False,
                    "fontWeight": 700 if bold else 400}  # fmt: skip
            layers.append(layer(rows, mark, x=x, y=scale.y(), text=named(), color=raw()))
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


def in_currency(values: Values, kpis: Sequence[str]) -> str:
    """The end of an alternative text: in which currency its amounts are."""
    if any(values.kpi(kpi).unit == "currency" for kpi in kpis):
        return f" Amounts are in {values.report.currency}."
    return ""


def nothing(values: Values, kpis: Sequence[str], reason: str = "") -> Text:
    """What stands in the place of a chart that has nothing to draw, and why it has not.

    Empty where no KPI was asked for.
    """
    if not kpis:
        return Text("")
    formatter, names = Formatter(values), [values.kpi(kpi).name for kpi in kpis]
    reasons = {kpi: reason or _reason(values, kpi) for kpi in kpis}
    if len(set(reasons.values())) == 1:
        of, why = ", ".join(names), next(iter(reasons.values()))
    else:
        of = "these KPIs"
        why = "; ".join(f"{name}: {reasons[kpi]}" for kpi, name in zip(kpis, names, strict=True))
    return text(Box("note", (Paragraph((f"No figures of {of} for {formatter.period(values.period)}:"
                                        f" {why}.",)),)))  # fmt: skip


def _reason(values: Values, kpi: str) -> str:
    value = values.value(kpi)
    if value.value is not None:
        return "there is nothing to set it against"
    return value.reason or value.status.replace("_", " ")


def wrapped(text: str, width: float, lines: int = 3) -> list[str]:
    """A label on as many lines as its place needs, no more than ``lines``."""
    found: list[str] = []
    for word in text.split():
        if found and text_width(f"{found[-1]} {word}") <= width:
            found[-1] += f" {word}"
        else:
            found.append(word)
    if len(found) > lines:
        found = [*found[: lines - 1], " ".join(found[lines - 1 :])]
    # The width of a text is an estimate, and a generous one.
    return [fitted(line, 1.1 * width) for line in found]


def finished(spec: dict[str, Any]) -> dict[str, Any]:
    """A Vega-Lite spec in the look of the report."""
    # Tests validate every chart against the schema; a run saves the time.
    return styled({"$schema": _SCHEMA, **spec})


@dataclass(frozen=True)
class Board:
    """What a chart is drawn on: as wide as the page wants, margins for its texts included."""

    size: Size
    height: float
    left: float
    right: float
    bottom: float = 38
    top: float = 12
    #: its texts stand within the drawing, which a narrow page must not squeeze at all
    whole: bool = False

    @property
    def width(self) -> float:
        """What the margins leave for the drawing."""
        return max(WIDTHS[self.size] - self.left - self.right, 60)

    def spec(self, layers: Sequence[Layer]) -> dict[str, Any]:
        """The Vega-Lite spec of these layers, with nothing that depends on measured text."""
        return finished(
            {
                "width": self.width,
                "height": self.height,
                "autosize": {"type": "none"},
                "padding": {
                    "left": self.left, "right": self.right, "top": self.top, "bottom": self.bottom,
                },
                # A narrower page shows the whole chart smaller, not its drawing squeezed to
                # nothing.
                "usermeta": {
                    "least": WIDTHS[self.size]
                    if self.whole
                    else round(self.left + self.right + _LEAST)
                },
                "layer": list(layers),
            }
        )  # fmt: skip


def lookup(keys: Sequence[Any], texts: Sequence[Any]) -> str:
    """A Vega expression for the text of an axis value: Python's formatter writes every label.

    A text may be a list of lines.
    """
    return f"{json.dumps(list(texts))}[indexof({json.dumps(list(keys))}, datum.value)]"


def _nice(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * base for base in (1, 2, 2.5, 5, 10) if power * base >= step * 0.8)
