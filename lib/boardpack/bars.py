"""Rows of bars: a name to the left, the drawing, what it says in a column to the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boardpack.notation import bar
from boardpack.plots import (
    Board,
    Channel,
    Layer,
    Row,
    Size,
    layer,
    lookup,
    named,
    raw,
    text_width,
    wrapped,
)
from boardpack.theme import palette

#: Pixels of a row.
HEIGHT = {"full": 26.0, "half": 29.0}
#: How much of a row last year's bar and the figure's own take.
_BAND, _OWN = 0.74, 0.42


def board(
    size: Size, names: Sequence[str], texts: Sequence[str], *, top: float = 4, least: float = 0
) -> Board:
    """The board of so many rows, with room for their names and for what stands beside them."""
    longest = 190.0 if size == "full" else 96.0
    left = min(max(text_width(name) for name in names), longest) + 10
    right = max((text_width(text) for text in texts), default=0.0) + 14
    return Board(size, max(HEIGHT[size] * len(names), least), left, right, 8, top)


def rows_axis(keys: Sequence[str], names: Sequence[str], on: Board) -> Channel:
    """The names of the rows; ``keys`` tell apart two of the same name."""
    lines = [wrapped(name, on.left - 8, 2) for name in names]
    return {
        "field": "row",
        "type": "ordinal",
        "sort": list(keys),
        "scale": {"domain": list(keys), "paddingInner": 0.1, "paddingOuter": 0.05},
        "axis": {
            "labelExpr": lookup(keys, lines),
            "labelColor": palette().ink,
            "grid": False,
            "labelLimit": 0,
        },
    }


def texts(rows: Sequence[Row], y: Channel, color: str = "") -> Layer:
    """What the rows say, in one column to the right of the bars; ``color`` names a field."""
    # By an expression: a page may draw the chart wider than it was planned.
    found = layer(
        rows,
        {"type": "text", "align": "left", "baseline": "middle"},
        x={"value": {"expr": "width + 8"}},
        y=y,
        text=named(),
    )
    if color:
        found["encoding"]["color"] = raw(color)
    return found


def actual(rows: Sequence[Row], x: Channel, y: Channel, *, is_open: bool = False) -> Layer:
    """The bars of this period: solid, dashed in outline while they may change."""
    return layer(rows, {**bar("actual", is_open=is_open), "height": {"band": _OWN}}, x=x, y=y)


def last_year(rows: Sequence[Row], x: Channel, y: Channel) -> Layer:
    """Those of the year before: lighter, and wider, so that they are seen behind."""
    return layer(rows, {**bar("last_year"), "height": {"band": _BAND}}, x=x, y=y)


def goals(rows: Sequence[Row], x: Channel, y: Channel, height: float) -> Layer:
    """Targets: a stroke across each bar, in a row of so many pixels."""
    mark = {"type": "tick", "color": palette().ink, "thickness": 2.5, "opacity": 1,
            "orient": "vertical", "size": 0.84 * height}  # fmt: skip
    return layer(rows, mark, x=x, y=y)


def over_first(rows: Sequence[Row], x: Channel, y: Channel, height: float, **mark: Any) -> Layer:
    """A word above the first row that says what a mark stands for; rows have ``text``."""
    look = {"type": "text", "dy": -height / 2 - 5, "fontSize": 11, "color": palette().muted}
    return layer(rows[:1], {**look, **mark}, x=x, y=y, text=named())
