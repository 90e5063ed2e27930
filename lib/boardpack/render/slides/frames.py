"""Where a drawing stands within its chart, and the ends of its axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from boardpack.render.slides.drawing import qn
from boardpack.render.slides.measures import LEAST_SIZE, LINE, Box, Ruler
from boardpack.render.slides.series import Drawn, ends_of, short_years

_EDGE = 6.0
#: Below a drawing whose colours are explained.
_LEGEND = 24.0


@dataclass(frozen=True)
class Frame:
    """Where in its chart a drawing stands, and the ends of its axis."""

    x: float
    y: float
    width: float
    height: float
    low: float
    high: float
    #: whether there is room for the names of its ends alone
    ends_only: bool = False


def frame_of(
    ruler: Ruler,
    kind: str,
    categories: Sequence[str],
    series: Sequence[Drawn],
    box: Box,
    legend: bool,
    ends: Sequence[float] | None,
) -> Frame:
    """The frame of a chart in a box: with room for its labels, its categories and its legend."""
    # What stands behind the lines has no part in the axis: a wide band would press them flat.
    seen = [s for s in series if kind != "lines" or s.role not in ("band", "hidden")]
    figures = [v for s in seen for v in s.values if v is not None] or [0.0]
    below = _LEGEND if legend else 0.0
    if kind == "bars":
        left = max(ruler.width(c, LEAST_SIZE) for c in categories) + 14
        left = min(left, 0.4 * box.width)
        width = box.width - left - _EDGE
        low, high = min(0.0, *figures), max(0.0, *figures)
        for s in series:
            for i, text in s.labels.items():
                room = (ruler.width(text, LEAST_SIZE) + 12) / width
                high = max(high, (s.values[i] or 0.0) / max(0.2, 1 - room))
        return Frame(left, 4, width, box.height - 8 - below, low, high or 1.0)
    right = _EDGE
    slot = (box.width - 2 * _EDGE) / len(categories)
    if kind == "lines":
        end = len(categories) - 1
        texts = [s.labels[end] for s in series if end in s.labels]
        widest = max((ruler.width(t, LEAST_SIZE, True) for t in texts), default=0.0)
        right = max(_EDGE, widest + 14 - slot / 2)
    slot = (box.width - _EDGE - right) / len(categories)
    names = short_years(categories) if kind == "lines" else categories
    words = [word for name in names for word in name.split()]
    ends_only = kind == "lines" and slot < 3 + max(
        (ruler.width(word, LEAST_SIZE) for word in words), default=0.0
    )
    wraps = [ruler.lines(name, LEAST_SIZE, slot - 4) for name in names]
    under = (1 if ends_only else min(3, max(wraps))) * LINE + 8 + below
    top = 8.0 if kind == "lines" else 22.0
    height = max(40.0, box.height - under - top)
    low, high = ends_of(kind, series, figures)
    if ends and ends[0] <= min(figures) and max(figures) <= ends[1]:
        low, high = ends
    return Frame(_EDGE, top, box.width - _EDGE - right, height, low, high, ends_only)


def lay_out(area: Any, frame: Frame, box: Box) -> None:
    """Put the drawing of a chart of this box where its frame says."""
    old = area.find(qn("c:layout"))
    if old is not None:
        area.remove(old)
    layout = etree.Element(qn("c:layout"))
    manual = etree.SubElement(layout, qn("c:manualLayout"))
    etree.SubElement(manual, qn("c:layoutTarget"), val="inner")
    etree.SubElement(manual, qn("c:xMode"), val="edge")
    etree.SubElement(manual, qn("c:yMode"), val="edge")
    places = (
        ("x", frame.x / box.width), ("y", frame.y / box.height),
        ("w", frame.width / box.width), ("h", frame.height / box.height),
    )  # fmt: skip
    for tag, share in places:
        etree.SubElement(manual, qn(f"c:{tag}"), val=f"{share:.5f}")
    area.insert(0, layout)
