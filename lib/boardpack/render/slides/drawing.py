"""The XML of text and colour on a slide, which python-pptx leaves to be written for many cases."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from lxml import etree
from pptx.oxml.ns import qn as _qn
from pptx.util import Length, Pt

from boardpack.render.scheme import heat_steps
from boardpack.render.slides.measures import LEAST_SIZE, Box
from boardpack.render.slides.pieces import Line, Run, clean

#: Names of the palette as colours of the theme: who changes the theme changes every slide.
THEME = {
    "ink": "dk1", "paper": "lt1", "muted": "dk2", "wash": "lt2", "accent": "accent1",
    "last_year": "accent2", "target": "accent3", "good": "accent4", "bad": "accent5",
    "warn": "accent6",
}  # fmt: skip
_SCHEME = {**THEME, "ink": "tx1", "paper": "bg1", "muted": "tx2", "wash": "bg2"}

#: The colour of what a role says; those that are not here are ink.
ROLE_COLORS = {
    "good": "good", "met": "good", "bad": "bad", "missed": "bad", "warn": "warn",
    "muted": "muted", "card-label": "muted", "no-value": "muted", "source-note": "muted",
    "label": "muted", "remark-by": "muted", "formula": "muted",
}  # fmt: skip
_BOLD = frozenset({"met", "missed", "strong", "card-name", "card-value", "remark-head"})

qn = cache(_qn)


@dataclass(frozen=True)
class Look:
    """How a paragraph is written: size in points, a colour of the palette, side and list."""

    size: float = LEAST_SIZE
    color: str = "ink"
    bold: bool = False
    align: str = "l"
    bullet: bool = False
    after: float = 0.0


@dataclass(frozen=True)
class Ink:
    """The colours of a brand and the language of the texts, which every drawing needs."""

    colors: dict[str, str]
    language: str

    def fill(self, color: str) -> Any:
        """``a:solidFill`` of a colour of the palette, or of an ``#RRGGBB``."""
        fill = etree.Element(qn("a:solidFill"))
        if color in _SCHEME:
            etree.SubElement(fill, qn("a:schemeClr"), val=_SCHEME[color])
        else:
            hue = self.colors.get(color, color)
            etree.SubElement(fill, qn("a:srgbClr"), val=hue.lstrip("#").upper())
        return fill

    def heat(self, step: int) -> dict[str, str]:
        """The ``fill`` of a cell of a heatmap and the ``ink`` of what stands in it."""
        steps = heat_steps(self.colors)
        return steps[min(step, len(steps) - 1)]

    def outline(self, color: str, width: float, dash: str = "", tag: str = "a:ln") -> Any:
        """A line of a colour and width in points; ``dash`` as DrawingML names it."""
        line = etree.Element(qn(tag), w=str(int(Pt(width))))
        line.append(self.fill(color))
        if dash:
            etree.SubElement(line, qn("a:prstDash"), val=dash)
        return line

    def paragraph(self, line: Line, look: Look, link: str = "") -> Any:
        """``a:p`` of a line of runs; ``link`` is a relationship to go to."""
        text = "".join(run.text for run in line)
        p = etree.Element(qn("a:p"))
        properties = etree.SubElement(p, qn("a:pPr"))
        align = look.align
        if _is_right_to_left(text):
            properties.set("rtl", "1")
            align = {"l": "r", "r": "l"}.get(align, align)
        properties.set("algn", align)
        if look.bullet:
            properties.set("marL", str(int(Pt(16))))
            properties.set("indent", str(-int(Pt(16))))
        if look.after:
            after = etree.SubElement(properties, qn("a:spcAft"))
            etree.SubElement(after, qn("a:spcPts"), val=str(round(look.after * 100)))
        if look.bullet:
            etree.SubElement(properties, qn("a:buFont"), typeface="Arial")
            etree.SubElement(properties, qn("a:buChar"), char="•")
        else:
            etree.SubElement(properties, qn("a:buNone"))
        for run in line:
            if run.text:
                p.append(self._run(run, look, link))
        end = etree.SubElement(p, qn("a:endParaRPr"), lang=self.language)
        end.set("sz", str(round(look.size * 100)))
        return p

    def _run(self, run: Run, look: Look, link: str) -> Any:
        r = etree.Element(qn("a:r"))
        properties = etree.SubElement(r, qn("a:rPr"), lang=self.language)
        properties.set("sz", str(round(look.size * 100)))
        if look.bold or run.bold or run.role in _BOLD:
            properties.set("b", "1")
        properties.set("dirty", "0")
        properties.append(self.fill(ROLE_COLORS.get(run.role, look.color)))
        # Said on each run: in a table and in a text box not every program asks the theme.
        etree.SubElement(properties, qn("a:latin"), typeface="+mn-lt")
        if link:
            click = etree.SubElement(properties, qn("a:hlinkClick"))
            click.set(qn("r:id"), link)
            click.set("action", "ppaction://hlinksldjump")
        etree.SubElement(r, qn("a:t")).text = clean(run.text)
        return r

    def write(self, frame: Any, paragraphs: Iterable[Any], anchor: str = "t") -> None:
        """Put paragraphs into a text frame instead of what it holds."""
        body = frame._txBody
        for old in body.findall(qn("a:p")):
            body.remove(old)
        for paragraph in paragraphs:
            body.append(paragraph)
        if body.find(qn("a:p")) is None:
            etree.SubElement(body, qn("a:p"))
        properties = body.find(qn("a:bodyPr"))
        properties.set("anchor", anchor)

    def text_box(
        self, slide: Any, box: Box, paragraphs: Iterable[Any], *, anchor: str = "t",
        fill: str = "", edge: str = "", inset: float = 0.0, name: str = "",
    ) -> Any:  # fmt: skip
        """A box of text, filled and outlined in colours of the palette."""
        shape = slide.shapes.add_textbox(*emu(box))
        if name:
            shape.name = name
        frame = shape.text_frame
        frame.word_wrap = True
        self.write(frame, paragraphs, anchor)
        properties = frame._txBody.find(qn("a:bodyPr"))
        for side in ("lIns", "rIns", "tIns", "bIns"):
            properties.set(side, str(int(Pt(inset))))
        shape_properties = shape._element.spPr
        for old in shape_properties.findall(qn("a:noFill")):
            shape_properties.remove(old)
        shape_properties.append(self.fill(fill) if fill else etree.Element(qn("a:noFill")))
        if edge:
            shape_properties.append(self.outline(edge, 1))
        return shape

    def bar(self, slide: Any, box: Box, color: str) -> Any:
        """A plain filled rectangle that only decorates: a screen reader passes over it."""
        shape = slide.shapes.add_shape(1, *emu(box))
        shape.name = "Rule"
        properties = shape._element.spPr
        properties.append(self.fill(color))
        line = etree.SubElement(properties, qn("a:ln"))
        etree.SubElement(line, qn("a:noFill"))
        style = shape._element.find(qn("p:style"))
        if style is not None:
            shape._element.remove(style)
        describe(shape, "", decorative=True)
        return shape


def describe(shape: Any, text: str, *, decorative: bool = False) -> None:
    """The words that stand for a shape where it cannot be seen."""
    properties = shape._element.xpath(".//p:cNvPr")[0]
    properties.set("descr", clean(text))
    if decorative:
        extensions = etree.SubElement(properties, qn("a:extLst"))
        extension = etree.SubElement(
            extensions, qn("a:ext"), uri="{C183D7F6-B498-43B3-948B-1728B52AA6E4}"
        )
        space = "http://schemas.microsoft.com/office/drawing/2017/decorative"
        mark = etree.SubElement(extension, f"{{{space}}}decorative", nsmap={"adec": space})
        mark.set("val", "1")


def emu(box: Box) -> tuple[Length, Length, Length, Length]:
    """A box as python-pptx wants it."""
    return Pt(box.x), Pt(box.y), Pt(box.width), Pt(box.height)


def _is_right_to_left(text: str) -> bool:
    for character in text:
        side = unicodedata.bidirectional(character)
        if side in ("R", "AL"):
            return True
        if side == "L":
            return False
    return False
