"""The notation of native charts: strokes, fills and points of each kind of figure.

It is that of the page: actual figures solid, last year's lighter, targets dashed or outlined, what
is forecast hatched, what may still change dashed and hollow, a ring around what was not to be
expected, and a band where figures were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lxml import etree

from boardpack.brand import mixed
from boardpack.render.slides.drawing import Ink, qn
from boardpack.render.slides.series import BAND, Drawn

#: Width in points and dash of the line of a role.
_LINES = {"target": (1.25, "dash"), "last_year": (1.75, ""), "forecast": (2.25, "sysDash")}
_OWN = (2.5, "")
#: The dash of what may still change, and how far its filling goes towards paper.
_OPEN, _PALE = "sysDash", 0.72


def style(ink: Ink, element: Any, kind: str, one: Drawn) -> None:
    """Give a series its look: that of its kind of figure, the same in every drawing."""
    for tag in ("c:spPr", "c:marker", "c:dLbls", "c:smooth"):
        for old in element.findall(qn(tag)):
            element.remove(old)
    look = etree.Element(qn("c:spPr"))
    after = element.find(qn("c:tx"))
    after.addnext(look)
    if kind == "lines":
        look.append(_stroke(ink, one.color, *_LINES.get(one.role, _OWN)))
        marker = etree.Element(qn("c:marker"))
        etree.SubElement(marker, qn("c:symbol"), val="none")
        look.addnext(marker)
        _points(ink, element, marker, one)
        etree.SubElement(element, qn("c:smooth"), val="0")
        return
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
    invert = element.find(qn("c:invertIfNegative"))
    if invert is None:
        invert = etree.Element(qn("c:invertIfNegative"))
        look.addnext(invert)
    invert.set("val", "0")
    last = invert
    for i, hue in sorted(one.hues.items()):
        point = etree.Element(qn("c:dPt"))
        etree.SubElement(point, qn("c:idx"), val=str(i))
        etree.SubElement(point, qn("c:invertIfNegative"), val="0")
        etree.SubElement(point, qn("c:bubble3D"), val="0")
        etree.SubElement(point, qn("c:spPr")).append(ink.fill(hue))
        last.addnext(point)
        last = point


def as_line(ink: Ink, group: Any, which: Sequence[int]) -> None:
    """Series of a stack that are no part of it: drawn as a line over the columns."""
    line = etree.Element(qn("c:lineChart"))
    etree.SubElement(line, qn("c:grouping"), val="standard")
    etree.SubElement(line, qn("c:varyColors"), val="0")
    series = group.findall(qn("c:ser"))
    for i in which:
        element = series[i]
        for tag in ("c:invertIfNegative", "c:dPt", "c:spPr"):
            for old in element.findall(qn(tag)):
                element.remove(old)
        style = etree.Element(qn("c:spPr"))
        look.append(ink.outline("ink", 1.5))
        element.find(qn("c:tx")).addnext(style)
        marker = etree.Element(qn("c:marker"))
        etree.SubElement(marker, qn("c:symbol"), val="circle")
        etree.SubElement(marker, qn("c:size"), val="6")
        look = etree.SubElement(marker, qn("c:spPr"))
        look.append(ink.fill("ink"))
        look.addnext(marker)
        for place in element.iter(qn("c:dLblPos")):
            place.set("val", "t")
        etree.SubElement(element, qn("c:smooth"), val="0")
        line.append(element)
    etree.SubElement(line, qn("c:marker"), val="1")
    for axis in group.findall(qn("c:axId")):
        etree.SubElement(line, qn("c:axId"), val=axis.get("val"))
    group.addnext(line)


