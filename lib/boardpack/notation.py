"""The notation of charts: what each kind of figure looks like, the same in every drawing.

After the standards for business charts (IBCS): actual figures are solid, last year's lighter, what
was planned is an outline (columns) or a thin dashed line, what is forecast is hatched. What may
still change is dashed and hollow. Each can be told from the others without its colour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from boardpack.blocks import Role
from boardpack.plots import Channel, Layer, Row, Scale, layer, named, raw
from boardpack.theme import Palette, palette

#: Widths of lines in pixels, and their dashes.
_LINES: dict[Role, dict[str, Any]] = {
    "actual": {"strokeWidth": 2.6},
    "last_year": {"strokeWidth": 1.8},
    "target": {"strokeWidth": 1.3, "strokeDash": [5, 3]},
    "forecast": {"strokeWidth": 2.2, "strokeDash": [1.5, 3], "strokeCap": "round"},
    "member": {"strokeWidth": 2.2},
}
#: The dash of a line, and of an outline, that may still change.
OPEN = [3, 3]
#: Pixels from one stroke of a hatching to the next.
_HATCH = 6.0


def color_of(role: Role, look: Palette | None = None) -> str:
    """The colour of a role."""
    look = look or palette()
    return {
        "actual": look.accent, "forecast": look.accent, "balance": look.accent,
        "member": look.accent, "last_year": look.last_year, "target": look.target,
        "gain": look.good, "loss": look.bad,
    }[role]  # fmt: skip


def line(rows: Sequence[Row], x: Channel, scale: Scale, role: Role, **mark: Any) -> Layer:
    """A line of one kind of figure; ``mark`` is what it has besides."""
    look = {"type": "line", "strokeJoin": "round", "color": color_of(role), **_LINES[role]}
    return layer(rows, {**look, **mark}, x=x, y=scale.y())


def bar(role: Role, *, is_open: bool = False, height: float = 100.0) -> dict[str, Any]:
    """The mark of a column or bar of one kind of figure; ``height`` in pixels is for hatching."""
    look, color = palette(), color_of(role)
    if role == "target":
        return {"type": "bar", "fill": look.paper, "stroke": color, "strokeWidth": 1.3}
    if role == "forecast":
        fill = hatching(color, look.paper, height)
        return {"type": "bar", "fill": fill, "stroke": color, "strokeWidth": 1}
    if is_open:
        edge = {"stroke": color, "strokeWidth": 1.3, "strokeDash": OPEN}
        return {"type": "bar", "fill": look.open, **edge}
    return {"type": "bar", "color": color}


def hatching(color: str, paper: str, height: float) -> dict[str, Any]:
    """A filling of slanted strokes for a column of so many pixels.

    >>> [stop["offset"] for stop in hatching("#000000", "#FFFFFF", 12)["stops"][:3]]
    [0.0, 0.125, 0.125]
    """
    strokes = max(math.ceil(2 * height / _HATCH), 2)
    stops = []
    for i in range(strokes):
        for part, shade in ((0.0, color), (0.5, color), (0.5, paper), (1.0, paper)):
            stops.append({"offset": round((i + part) / strokes, 4), "color": shade})
    return {"gradient": "linear", "x1": 0, "y1": 0, "x2": 0.5, "y2": 1, "stops": stops}


def end(row: Row, x: Channel, scale: Scale, *, is_open: bool, is_doubtful: bool) -> Layer:
    """The last figure of a line: hollow while it may change, a diamond where its data failed."""
    look = palette()
    fill, stroke = (look.paper, look.accent) if is_open else (look.accent, look.paper)
    mark = {
        "type": "point", "size": 90 if is_doubtful else 60, "opacity": 1, "fill": fill,
        "stroke": stroke, "strokeWidth": 2, "shape": "diamond" if is_doubtful else "circle",
    }  # fmt: skip
    return layer([row], mark, x=x, y=scale.y())


def goal_stroke(row: Row, x: Channel, scale: Scale) -> Layer:
    """A target of one period alone: a stroke, since it has no line."""
    mark = {"type": "point", "shape": "stroke", "size": 260, "opacity": 1,
            "color": color_of("target"), "strokeWidth": 1.6}  # fmt: skip
    return layer([row], mark, x=x, y=scale.y())


def band(rows: Sequence[Row], x: Channel, scale: Scale) -> Layer:
    """Where figures were to be expected, behind all else; rows have ``value`` and ``high``."""
    # Cut here and not by the drawing: a clip has a name that differs from drawing to drawing.
    within = [
        {
            **row,
            "value": min(max(row["value"], scale.low), scale.high),
            "high": min(max(row["high"], scale.low), scale.high),
        }
        for row in rows
    ]
    mark: dict[str, Any] = {"type": "area", "color": palette().band, "opacity": 1}
    if len(within) == 1:
        # An area of one period would not be seen.
        mark = {"type": "rule", "color": palette().band, "strokeWidth": 12}
    return layer(within, mark, x=x, y=scale.y(), y2={"field": "high"})


def name_of_band(row: Row, x: Channel, scale: Scale) -> Layer:
    """The word for the band, at a place where it touches no line."""
    mark = {"type": "text", "align": "left", "baseline": "middle", "fontSize": 11,
            "color": palette().muted}  # fmt: skip
    return layer([row], mark, x=x, y=scale.y(), text=named())


def outside(rows: Sequence[Row], x: Channel, scale: Scale) -> Layer:
    """A ring around each figure that lies outside of what was to be expected."""
    mark = {"type": "point", "size": 170, "opacity": 1, "filled": False,
            "color": palette().ink, "strokeWidth": 1.5}  # fmt: skip
    return layer(rows, mark, x=x, y=scale.y())


def rule(value: float, scale: Scale) -> Layer:
    """A line across the drawing, such as at zero."""
    mark = {"type": "rule", "color": palette().muted, "strokeWidth": 1}
    y = {"datum": value, "type": "quantitative", "scale": scale.domain}
    return layer([{}], mark, y=y)


def coloured(rows: Sequence[Row], mark: dict[str, Any], **channels: Channel) -> Layer:
    """Marks that have their colour in the field ``color``."""
    return layer(rows, mark, color=raw(), **channels)
