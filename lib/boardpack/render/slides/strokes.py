"""The notation of native charts: strokes, fills and points of each kind of figure.

It is that of the page: actual figures solid, last year's lighter, targets dashed or outlined, what
is forecast hatched, what may still change dashed and hollow, a ring around what was not to be
expected, and a band where figures were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lxml import etree

from boardpack.brand import mixed
from boardpack.render.slides.drawing import Ink, qn
from boardpack.render.slides.series import Drawn

#: Width in points and dash of the line of a role.
_LINES = {"target": (1.25, "dash"), "last_year": (1.75, ""), "forecast": (2.25, "sysDash")}
_OWN = (2.5, "")
#: The dash of what may still change, and how far its filling goes towards paper.
_OPEN, _PALE = "sysDash", 0.72


def style(ink: Ink, element: Any, kind: str, one: Drawn) -> None:
    """Give a series its look: that of its kind of figure, the same in every drawing."""
    for tag in ("c:spPr", "c:marker", "c:dPt", "c:dLbls", "c:smooth", "c:invertIfNegative"):
        for old in element.findall(qn(tag)):
            element.remove(old)
    look = etree.Element(qn("c:spPr"))
    element.find(qn("c:tx")).addnext(look)
    if kind == "lines" and one.role not in ("band", "hidden"):
        look.append(_line(ink, one.color, *_LINES.get(one.role, _OWN)))
        marker = etree.Element(qn("c:marker"))
        etree.SubElement(marker, qn("c:symbol"), val="none")
        look.addnext(marker)
        _in_order(marker, _points(ink, one))
        etree.SubElement(element, qn("c:smooth"), val="0")
        return
    _fill(ink, look, one)
    invert = etree.Element(qn("c:invertIfNegative"), val="0")
    look.addnext(invert)
    _in_order(invert, _bars(ink, one))


def _fill(ink: Ink, look: Any, one: Drawn) -> None:
    if one.role == "hidden":
        etree.SubElement(look, qn("a:noFill"))
        etree.SubElement(etree.SubElement(look, qn("a:ln")), qn("a:noFill"))
    elif one.role == "target":
        etree.SubElement(look, qn("a:noFill"))
        look.append(ink.outline(one.color, 1.5))
    elif one.role == "forecast":
        pattern = etree.SubElement(look, qn("a:pattFill"), prst="wdUpDiag")
        for tag, color in (("a:fgClr", one.color), ("a:bgClr", "paper")):
            etree.SubElement(pattern, qn(tag)).append(ink.fill(color)[0])
    else:
        look.append(ink.fill(one.color))
        if one.role == "band":
            # Its steps stand side by side without a seam.
            etree.SubElement(etree.SubElement(look, qn("a:ln")), qn("a:noFill"))


def _bars(ink: Ink, one: Drawn) -> Iterator[Any]:
    """Columns and bars that differ from their series: by their colour, or while they may change."""
    for i in sorted({*one.hues, *one.still_open}):
        hue = one.hues.get(i, one.color)
        point = _point(i, bars=True)
        look = etree.SubElement(point, qn("c:spPr"))
        if i in one.still_open:
            full = ink.colors.get(hue, hue)
            look.append(ink.fill(mixed(full, ink.colors["paper"], _PALE)))
            look.append(ink.outline(hue, 1.25, _OPEN))
        else:
            look.append(ink.fill(hue))
        yield point


def _points(ink: Ink, one: Drawn) -> Iterator[Any]:
    """Points of a line that are seen: a dot at the figure that is named and at one that has no
    neighbour to be joined with, hollow while it may change; a ring around what is unusual.
    """
    known = [i for i, v in enumerate(one.values) if v is not None]
    alone = {i for i in known if i - 1 not in known and i + 1 not in known}
    named = set(one.labels) if one.role in ("actual", "member", "forecast") else set()
    still_open, unusual = set(one.still_open), set(one.unusual)
    for i in sorted((alone | named | still_open | unusual) & set(known)):
        point = _point(i)
        dot = etree.SubElement(point, qn("c:marker"))
        is_dot = i in alone | named | still_open
        stroke = one.role == "target"
        etree.SubElement(dot, qn("c:symbol"), val="dash" if stroke else "circle")
        size = "12" if stroke else "10" if i in unusual else "7"
        etree.SubElement(dot, qn("c:size"), val=size)
        look = etree.SubElement(dot, qn("c:spPr"))
        if i in still_open:
            look.append(ink.fill("paper"))
            look.append(ink.outline("ink" if i in unusual else one.color, 1.75))
        elif i in unusual:
            look.append(ink.fill(one.color) if is_dot else etree.Element(qn("a:noFill")))
            look.append(ink.outline("ink", 1.5))
        else:
            look.append(ink.fill(one.color))
            look.append(ink.outline(one.color if stroke else "paper", 1))
        etree.SubElement(point, qn("c:bubble3D"), val="0")
        if i in still_open:
            # The part of the line that leads to it.
            own = etree.SubElement(point, qn("c:spPr"))
            own.append(_line(ink, one.color, _LINES.get(one.role, _OWN)[0], _OPEN))
        yield point


def _point(index: int, *, bars: bool = False) -> Any:
    point = etree.Element(qn("c:dPt"))
    etree.SubElement(point, qn("c:idx"), val=str(index))
    if bars:
        etree.SubElement(point, qn("c:invertIfNegative"), val="0")
        etree.SubElement(point, qn("c:bubble3D"), val="0")
    return point


def _line(ink: Ink, color: str, width: float, dash: str) -> Any:
    line = ink.outline(color, width, dash)
    line.set("cap", "rnd")
    etree.SubElement(line, qn("a:round"))
    return line


def _in_order(after: Any, elements: Iterator[Any]) -> None:
    for element in elements:
        after.addnext(element)
        after = element


def as_line(ink: Ink, group: Any, which: Sequence[int]) -> None:
    """Draw series of a stack that are no part of it, such as its net, as a line over it."""
    line = _group("c:lineChart", group)
    series = group.findall(qn("c:ser"))
    for i in which:
        element = series[i]
        for tag in ("c:invertIfNegative", "c:dPt", "c:spPr"):
            for old in element.findall(qn(tag)):
                element.remove(old)
        look = etree.Element(qn("c:spPr"))
        look.append(ink.outline("ink", 1.5))
        element.find(qn("c:tx")).addnext(look)
        marker = etree.Element(qn("c:marker"))
        etree.SubElement(marker, qn("c:symbol"), val="circle")
        etree.SubElement(marker, qn("c:size"), val="6")
        etree.SubElement(marker, qn("c:spPr")).append(ink.fill("ink"))
        look.addnext(marker)
        for place in element.iter(qn("c:dLblPos")):
            place.set("val", "t")
        etree.SubElement(element, qn("c:smooth"), val="0")
        line.find(qn("c:axId")).addprevious(element)
    line.find(qn("c:axId")).addprevious(etree.Element(qn("c:marker"), val="1"))
    group.addnext(line)


def as_band(group: Any, which: Sequence[int]) -> None:
    """Draw series of a line chart as columns without gaps behind the lines: a band in steps."""
    bars = _group("c:barChart", group)
    series = group.findall(qn("c:ser"))
    first = bars.find(qn("c:axId"))
    for i in which:
        first.addprevious(series[i])
    first.addprevious(etree.Element(qn("c:gapWidth"), val="0"))
    first.addprevious(etree.Element(qn("c:overlap"), val="100"))
    group.addprevious(bars)


def _group(tag: str, group: Any) -> Any:
    """Another group of series upon the same axes."""
    found = etree.Element(qn(tag))
    if tag == "c:barChart":
        etree.SubElement(found, qn("c:barDir"), val="col")
        etree.SubElement(found, qn("c:grouping"), val="stacked")
    else:
        etree.SubElement(found, qn("c:grouping"), val="standard")
    etree.SubElement(found, qn("c:varyColors"), val="0")
    for axis in group.findall(qn("c:axId")):
        etree.SubElement(found, qn("c:axId"), val=axis.get("val"))
    return found
