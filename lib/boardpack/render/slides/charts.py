"""Native charts: the figures of a `Plot`, editable, in the notation of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml import etree
from pptx.enum.chart import XL_CHART_TYPE

from boardpack.render.slides.datasheets import Data
from boardpack.render.slides.drawing import Ink, Look, describe, emu, qn
from boardpack.render.slides.measures import LEAST_SIZE, Box, Ruler
from boardpack.render.slides.pieces import Run, clean
from boardpack.render.slides.series import Drawn, drawn, ends_of, needs_legend, short_years

_TYPES = {
    "lines": XL_CHART_TYPE.LINE_MARKERS,
    "columns": XL_CHART_TYPE.COLUMN_CLUSTERED,
    "stack": XL_CHART_TYPE.COLUMN_STACKED,
    "bridge": XL_CHART_TYPE.COLUMN_STACKED,
    "bars": XL_CHART_TYPE.BAR_CLUSTERED,
}
_LINE = LEAST_SIZE * 1.25
_EDGE = 6.0


@dataclass(frozen=True)
class _Frame:
    """Where in its chart a drawing stands, and the ends of its axis."""

    x: float
    y: float
    width: float
    height: float
    low: float
    high: float
    #: whether there is room for the names of its ends alone
    ends_only: bool = False


@dataclass(frozen=True)
class Painter:
    """Draws the charts of one presentation; ``day`` is the date of their data sheets."""

    ink: Ink
    ruler: Ruler
    day: datetime

    def draw(self, slide: Any, plot: Mapping[str, Any], box: Box, alt: str, name: str) -> Any:
        """A native chart of a plot that is no panels; ``plot`` is what ``charts.json`` holds."""
        kind = plot["kind"]
        categories = [clean(str(category)) for category in plot["categories"]]
        series = drawn(plot, self.ink.colors)
        legend = kind in ("stack", "columns", "bars") and needs_legend(kind, series)
        frame = self._frame(kind, categories, series, box, legend, plot.get("ends"))
        shown = short_years(categories) if kind != "bars" else categories
        chart_data = Data(self.day)
        chart_data.categories = shown
        for one in series:
            chart_data.add_series(clean(one.name), one.values)  # type: ignore[no-untyped-call]
        held = slide.shapes.add_chart(_TYPES[kind], *emu(box), chart_data)
        held.name = name
        describe(held, alt)
        self._dress(held.chart, kind, shown, series, frame, box, legend)
        if frame.ends_only:
            self._ends(slide, categories, frame, box)
        return held

    def _frame(
        self,
        kind: str,
        categories: Sequence[str],
        series: Sequence[Drawn],
        box: Box,
        legend: bool,
        ends: Sequence[float] | None,
    ) -> _Frame:
        figures = [v for s in series for v in s.values if v is not None] or [0.0]
        below = 24.0 if legend else 0.0
        if kind == "bars":
            left = max(self.ruler.width(c, LEAST_SIZE) for c in categories) + 14
            left = min(left, 0.4 * box.width)
            width = box.width - left - _EDGE
            low, high = min(0.0, *figures), max(0.0, *figures)
            for s in series:
                for i, text in s.labels.items():
                    room = (self.ruler.width(text, LEAST_SIZE) + 12) / width
                    high = max(high, (s.values[i] or 0.0) / max(0.2, 1 - room))
            return _Frame(left, 4, width, box.height - 8 - below, low, high or 1.0)
        right = _EDGE
        slot = (box.width - 2 * _EDGE) / len(categories)
        if kind == "lines":
            end = len(categories) - 1
            texts = [s.labels[end] for s in series if end in s.labels]
            widest = max((self.ruler.width(t, LEAST_SIZE, True) for t in texts), default=0.0)
            right = max(_EDGE, widest + 14 - slot / 2)
        slot = (box.width - _EDGE - right) / len(categories)
        names = short_years(categories) if kind == "lines" else categories
        words = [word for name in names for word in name.split()]
        ends_only = kind == "lines" and slot < 3 + max(
            (self.ruler.width(word, LEAST_SIZE) for word in words), default=0.0
        )
        wraps = [self.ruler.lines(name, LEAST_SIZE, slot - 4) for name in names]
        under = (1 if ends_only else min(3, max(wraps))) * _LINE + 8 + below
        top = 8.0 if kind == "lines" else 22.0
        height = max(40.0, box.height - under - top)
        low, high = ends_of(kind, series, figures)
        if ends and ends[0] <= min(figures) and max(figures) <= ends[1]:
            low, high = ends
        return _Frame(_EDGE, top, box.width - _EDGE - right, height, low, high, ends_only)

    def _dress(
        self, chart: Any, kind: str, categories: Sequence[str], series: Sequence[Drawn],
        frame: _Frame, box: Box, legend: bool,
    ) -> None:  # fmt: skip
        chart.has_title = False
        chart.has_legend = False
        chart.font.size = int(LEAST_SIZE * 12700)
        root = chart._chartSpace
        area = root.find(f".//{qn('c:plotArea')}")
        _layout(area, frame, box)
        self._axes(area, kind, categories, frame)
        for element, one in zip(area.iter(qn("c:ser")), series, strict=True):
            self._style(element, kind, one)
            self._labels(element, kind, one, series, frame, box, len(categories))
        group = next(child for child in area if child.tag in (qn("c:barChart"), qn("c:lineChart")))
        if kind != "lines":
            _gaps(group, kind, series)
        nets = [i for i, one in enumerate(series) if kind == "stack" and one.role == "balance"]
        if nets:
            self._as_line(group, nets)
        if legend:
            self._legend(root.find(qn("c:chart")), series)
        # The chart stands on the slide: it has no paper and no frame of its own.
        space = etree.Element(qn("c:spPr"))
        etree.SubElement(space, qn("a:noFill"))
        etree.SubElement(etree.SubElement(space, qn("a:ln")), qn("a:noFill"))
        root.find(qn("c:chart")).addnext(space)
        for old in root.findall(qn("c:roundedCorners")):
            root.remove(old)
        first = root.find(qn("c:date1904"))
        first.addnext(etree.Element(qn("c:roundedCorners"), val="0"))

    def _axes(self, area: Any, kind: str, categories: Sequence[str], frame: _Frame) -> None:
        values, names = area.find(qn("c:valAx")), area.find(qn("c:catAx"))
        for axis, is_names in ((values, False), (names, True)):
            for tag in ("c:majorGridlines", "c:minorGridlines", "c:title", "c:txPr", "c:spPr"):
                for old in axis.findall(qn(tag)):
                    axis.remove(old)
            _set(axis, "c:delete", "0" if is_names else "1")
            _set(axis, "c:majorTickMark", "none")
            _set(axis, "c:minorTickMark", "none")
            if is_names:
                _set(axis, "c:tickLblPos", "none" if frame.ends_only else "low")
                line = etree.Element(qn("c:spPr"))
                line.append(self.ink.outline("faint", 1))
                at = axis.find(qn("c:tickLblPos"))
                at.addnext(line)
                color = "ink" if kind in ("bars", "bridge") else "muted"
                line.addnext(self._text_style("c:txPr", color))
        scaling = values.find(qn("c:scaling"))
        for old in list(scaling):
            scaling.remove(old)
        etree.SubElement(scaling, qn("c:orientation"), val="minMax")
        etree.SubElement(scaling, qn("c:max"), val=repr(frame.high))
        etree.SubElement(scaling, qn("c:min"), val=repr(frame.low))
        if kind == "bars":
            _set(names.find(qn("c:scaling")), "c:orientation", "maxMin")
        skip = etree.Element(qn("c:tickLblSkip"), val="1")
        names.find(qn("c:noMultiLvlLbl")).addprevious(skip)

    def _ends(self, slide: Any, categories: Sequence[str], frame: _Frame, box: Box) -> None:
        """The first and the last category below a chart that has no room for more."""
        slot = frame.width / len(categories)
        for text, at, align in (
            (categories[0], frame.x + slot / 2 - 4, "l"),
            (categories[-1], frame.x + frame.width - slot / 2, "ctr"),
        ):
            width = self.ruler.width(text, LEAST_SIZE) + 12
            x = box.x + (at if align == "l" else at - width / 2)
            x = min(x, box.x + box.width - width)
            place = Box(x, box.y + frame.y + frame.height + 3, width, _LINE)
            look = Look(LEAST_SIZE, "muted", align=align)
            self.ink.text_box(slide, place, [self.ink.paragraph((Run(text),), look)], name="Period")

    def _text_style(self, tag: str, color: str) -> Any:
        style = etree.Element(qn(tag))
        etree.SubElement(style, qn("a:bodyPr"), rot="0", vert="horz")
        etree.SubElement(style, qn("a:lstStyle"))
        p = etree.SubElement(style, qn("a:p"))
        properties = etree.SubElement(etree.SubElement(p, qn("a:pPr")), qn("a:defRPr"))
        properties.set("sz", str(round(LEAST_SIZE * 100)))
        properties.append(self.ink.fill(color))
        etree.SubElement(p, qn("a:endParaRPr"), lang=self.ink.language)
        return style

    def _style(self, element: Any, kind: str, one: Drawn) -> None:
        for tag in ("c:spPr", "c:marker", "c:dLbls", "c:smooth"):
            for old in element.findall(qn(tag)):
                element.remove(old)
        style = etree.Element(qn("c:spPr"))
        after = element.find(qn("c:tx"))
        after.addnext(style)
        if kind == "lines":
            width, dash = {
                "target": (1.25, "dash"), "last_year": (1.75, ""), "forecast": (2.25, "sysDash"),
            }.get(one.role, (2.5, ""))  # fmt: skip
            line = self.ink.outline(one.color, width, dash)
            line.set("cap", "rnd")
            etree.SubElement(line, qn("a:round"))
            style.append(line)
            marker = etree.Element(qn("c:marker"))
            etree.SubElement(marker, qn("c:symbol"), val="none")
            style.addnext(marker)
            self._end_points(element, marker, one)
            etree.SubElement(element, qn("c:smooth"), val="0")
            return
        if one.role == "hidden":
            etree.SubElement(style, qn("a:noFill"))
            etree.SubElement(etree.SubElement(style, qn("a:ln")), qn("a:noFill"))
        elif one.role == "target":
            etree.SubElement(style, qn("a:noFill"))
            style.append(self.ink.outline(one.color, 1.5))
        elif one.role == "forecast":
            pattern = etree.SubElement(style, qn("a:pattFill"), prst="wdUpDiag")
            for tag, color in (("a:fgClr", one.color), ("a:bgClr", "paper")):
                etree.SubElement(pattern, qn(tag)).append(self.ink.fill(color)[0])
        else:
            style.append(self.ink.fill(one.color))
        invert = element.find(qn("c:invertIfNegative"))
        if invert is None:
            invert = etree.Element(qn("c:invertIfNegative"))
            style.addnext(invert)
        invert.set("val", "0")
        last = invert
        for i, hue in sorted(one.hues.items()):
            point = etree.Element(qn("c:dPt"))
            etree.SubElement(point, qn("c:idx"), val=str(i))
            etree.SubElement(point, qn("c:invertIfNegative"), val="0")
            etree.SubElement(point, qn("c:bubble3D"), val="0")
            etree.SubElement(point, qn("c:spPr")).append(self.ink.fill(hue))
            last.addnext(point)
            last = point

    def _end_points(self, element: Any, marker: Any, one: Drawn) -> None:
        """A dot at the figure that is named, and at one that has no neighbour to be joined with."""
        known = [i for i, v in enumerate(one.values) if v is not None]
        alone = [i for i in known if i - 1 not in known and i + 1 not in known]
        named = set(one.labels) if one.role in ("actual", "member", "forecast") else set()
        dots = set(alone) | named
        last = marker
        for i in sorted(dots & set(known)):
            point = etree.Element(qn("c:dPt"))
            etree.SubElement(point, qn("c:idx"), val=str(i))
            dot = etree.SubElement(point, qn("c:marker"))
            shape = "dash" if one.role == "target" else "circle"
            etree.SubElement(dot, qn("c:symbol"), val=shape)
            etree.SubElement(dot, qn("c:size"), val="12" if shape == "dash" else "7")
            look = etree.SubElement(dot, qn("c:spPr"))
            look.append(self.ink.fill(one.color))
            look.append(self.ink.outline("paper" if shape == "circle" else one.color, 1))
            etree.SubElement(point, qn("c:bubble3D"), val="0")
            last.addnext(point)
            last = point

    def _labels(
        self, element: Any, kind: str, one: Drawn, series: Sequence[Drawn], frame: _Frame,
        box: Box, count: int,
    ) -> None:  # fmt: skip
        labels = etree.Element(qn("c:dLbls"))
        element.find(qn("c:cat")).addprevious(labels)
        shifts = _spread(series, frame, count - 1) if kind == "lines" else {}
        for i, text in sorted(one.labels.items()):
            moved = shifts.get(one.name, 0.0) if i == count - 1 else 0.0
            place = one.place if kind != "lines" or i == count - 1 else "t"
            # The colour of last year's line is too light to be read.
            own = "muted" if one.role == "last_year" else one.color
            color = one.label_colors.get(i) or (own if kind == "lines" else "ink")
            bold = one.role in ("actual", "member", "balance", "forecast") and kind != "bars"
            labels.append(self._label(i, text, place, color, bold, moved / box.height))
        for tag in ("LegendKey", "Val", "CatName", "SerName", "Percent", "BubbleSize"):
            etree.SubElement(labels, qn(f"c:show{tag}"), val="0")

    def _label(
        self, index: int, text: str, place: str, color: str, bold: bool, shift: float
    ) -> Any:
        label = etree.Element(qn("c:dLbl"))
        etree.SubElement(label, qn("c:idx"), val=str(index))
        layout = etree.SubElement(label, qn("c:layout"))
        if shift:
            manual = etree.SubElement(layout, qn("c:manualLayout"))
            etree.SubElement(manual, qn("c:x"), val="0")
            etree.SubElement(manual, qn("c:y"), val=f"{shift:.5f}")
        rich = etree.SubElement(etree.SubElement(label, qn("c:tx")), qn("c:rich"))
        etree.SubElement(rich, qn("a:bodyPr"), wrap="none", lIns="38100", tIns="19050",
                         rIns="38100", bIns="19050", anchor="ctr")  # fmt: skip
        etree.SubElement(rich, qn("a:lstStyle"))
        p = etree.SubElement(rich, qn("a:p"))
        size = str(round(LEAST_SIZE * 100))
        etree.SubElement(etree.SubElement(p, qn("a:pPr")), qn("a:defRPr"), sz=size)
        r = etree.SubElement(p, qn("a:r"))
        properties = etree.SubElement(r, qn("a:rPr"), lang=self.ink.language, sz=size)
        properties.set("b", "1" if bold else "0")
        properties.append(self.ink.fill(color))
        etree.SubElement(r, qn("a:t")).text = clean(text)
        look = etree.SubElement(label, qn("c:spPr"))
        etree.SubElement(look, qn("a:noFill"))
        etree.SubElement(etree.SubElement(look, qn("a:ln")), qn("a:noFill"))
        etree.SubElement(label, qn("c:dLblPos"), val=place)
        for tag in ("LegendKey", "Val", "CatName", "SerName", "Percent", "BubbleSize"):
            etree.SubElement(label, qn(f"c:show{tag}"), val="1" if tag == "Val" else "0")
        return label

    def _as_line(self, group: Any, which: Sequence[int]) -> None:
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
            style.append(self.ink.outline("ink", 1.5))
            element.find(qn("c:tx")).addnext(style)
            marker = etree.Element(qn("c:marker"))
            etree.SubElement(marker, qn("c:symbol"), val="circle")
            etree.SubElement(marker, qn("c:size"), val="6")
            look = etree.SubElement(marker, qn("c:spPr"))
            look.append(self.ink.fill("ink"))
            style.addnext(marker)
            for place in element.iter(qn("c:dLblPos")):
                place.set("val", "t")
            etree.SubElement(element, qn("c:smooth"), val="0")
            line.append(element)
        etree.SubElement(line, qn("c:marker"), val="1")
        for axis in group.findall(qn("c:axId")):
            etree.SubElement(line, qn("c:axId"), val=axis.get("val"))
        group.addnext(line)

    def _legend(self, chart: Any, series: Sequence[Drawn]) -> None:
        legend = etree.Element(qn("c:legend"))
        etree.SubElement(legend, qn("c:legendPos"), val="b")
        for i, one in enumerate(series):
            if one.role == "hidden":
                entry = etree.SubElement(legend, qn("c:legendEntry"))
                etree.SubElement(entry, qn("c:idx"), val=str(i))
                etree.SubElement(entry, qn("c:delete"), val="1")
        etree.SubElement(legend, qn("c:overlay"), val="0")
        legend.append(self._text_style("c:txPr", "ink"))
        chart.find(qn("c:plotArea")).addnext(legend)


def _spread(series: Sequence[Drawn], frame: _Frame, end: int) -> dict[str, float]:
    """By how many points the labels at the end move down, so that none lies on another."""
    scale = frame.height / (frame.high - frame.low)
    found = [
        (one.name, (frame.high - (one.values[end] or 0.0)) * scale)
        for one in series
        if end in one.labels
    ]
    found.sort(key=lambda pair: pair[1])
    places = [place for _, place in found]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + _LINE)
    floor = frame.height + _LINE / 2
    for i in reversed(range(len(places))):
        places[i] = min(places[i], floor)
        floor = places[i] - _LINE
    return {
        name: moved - place
        for (name, place), moved in zip(found, places, strict=True)
        if abs(moved - place) > 0.5
    }


def _gaps(group: Any, kind: str, series: Sequence[Drawn]) -> None:
    stacked = kind in ("stack", "bridge")
    outlined = any(one.role == "target" for one in series)
    overlap = "100" if stacked or (kind == "bars" and outlined) else "0"
    for tag in ("c:gapWidth", "c:overlap"):
        for old in group.findall(qn(tag)):
            group.remove(old)
    first = group.find(qn("c:axId"))
    gap = {"bridge": "45", "stack": "60"}.get(kind, "55")
    first.addprevious(etree.Element(qn("c:gapWidth"), val=gap))
    first.addprevious(etree.Element(qn("c:overlap"), val=overlap))


def _layout(area: Any, frame: _Frame, box: Box) -> None:
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


def _set(parent: Any, tag: str, value: str) -> None:
    element = parent.find(qn(tag))
    if element is None:
        raise AssertionError(f"a chart of python-pptx has no {tag}")
    element.set("val", value)
