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
from boardpack.render.slides.frames import Frame, frame_of, lay_out
from boardpack.render.slides.labels import write_labels
from boardpack.render.slides.measures import LEAST_SIZE, LINE, Box, Ruler
from boardpack.render.slides.pieces import Run, clean
from boardpack.render.slides.series import Drawn, drawn, needs_legend, short_years
from boardpack.render.slides.strokes import as_band, as_line, style

_TYPES = {
    "lines": XL_CHART_TYPE.LINE_MARKERS,
    "columns": XL_CHART_TYPE.COLUMN_CLUSTERED,
    "stack": XL_CHART_TYPE.COLUMN_STACKED,
    "bridge": XL_CHART_TYPE.COLUMN_STACKED,
    "bars": XL_CHART_TYPE.BAR_CLUSTERED,
}
#: Series of a line chart that stand behind its lines.
_BEHIND = ("band", "hidden")


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
        legend = needs_legend(kind, series)
        frame = frame_of(self.ruler, kind, categories, series, box, legend, plot.get("ends"))
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

    def _dress(
        self, chart: Any, kind: str, categories: Sequence[str], series: Sequence[Drawn],
        frame: Frame, box: Box, legend: bool,
    ) -> None:  # fmt: skip
        chart.has_title = False
        chart.has_legend = False
        chart.font.size = int(LEAST_SIZE * 12700)
        root = chart._chartSpace
        area = root.find(f".//{qn('c:plotArea')}")
        lay_out(area, frame, box)
        self._axes(area, kind, categories, frame)
        for element, one in zip(area.iter(qn("c:ser")), series, strict=True):
            style(self.ink, element, kind, one)
            if one.role != "band":
                write_labels(self.ink, element, kind, one, series, frame, box, len(categories))
        group = next(child for child in area if child.tag in (qn("c:barChart"), qn("c:lineChart")))
        if kind != "lines":
            _gaps(group, kind, series)
        nets = [i for i, one in enumerate(series) if kind == "stack" and one.role == "balance"]
        if nets:
            as_line(self.ink, group, nets)
        bands = [i for i, one in enumerate(series) if kind == "lines" and one.role in _BEHIND]
        if bands:
            as_band(group, bands)
        if legend:
            self._legend(root.find(qn("c:chart")), kind, series)
        # The chart stands on the slide: it has no paper and no frame of its own.
        space = etree.Element(qn("c:spPr"))
        etree.SubElement(space, qn("a:noFill"))
        etree.SubElement(etree.SubElement(space, qn("a:ln")), qn("a:noFill"))
        root.find(qn("c:chart")).addnext(space)
        for old in root.findall(qn("c:roundedCorners")):
            root.remove(old)
        first = root.find(qn("c:date1904"))
        first.addnext(etree.Element(qn("c:roundedCorners"), val="0"))

    def _axes(self, area: Any, kind: str, categories: Sequence[str], frame: Frame) -> None:
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

    def _ends(self, slide: Any, categories: Sequence[str], frame: Frame, box: Box) -> None:
        """The first and the last category below a chart that has no room for more."""
        slot = frame.width / len(categories)
        for text, at, align in (
            (categories[0], frame.x + slot / 2 - 4, "l"),
            (categories[-1], frame.x + frame.width - slot / 2, "ctr"),
        ):
            width = self.ruler.width(text, LEAST_SIZE) + 12
            x = box.x + (at if align == "l" else at - width / 2)
            x = min(x, box.x + box.width - width)
            place = Box(x, box.y + frame.y + frame.height + 3, width, LINE)
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

    def _legend(self, chart: Any, kind: str, series: Sequence[Drawn]) -> None:
        legend = etree.Element(qn("c:legend"))
        band = next((one for one in series if one.role == "band"), None)
        etree.SubElement(legend, qn("c:legendPos"), val="b")
        for i, one in enumerate(series):
            if one.role == "hidden" or (kind == "lines" and one is not band):
                entry = etree.SubElement(legend, qn("c:legendEntry"))
                etree.SubElement(entry, qn("c:idx"), val=str(i))
                etree.SubElement(entry, qn("c:delete"), val="1")
        etree.SubElement(legend, qn("c:overlay"), val="0")
        legend.append(self._text_style("c:txPr", "ink"))
        chart.find(qn("c:plotArea")).addnext(legend)


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


def _set(parent: Any, tag: str, value: str) -> None:
    element = parent.find(qn(tag))
    if element is None:
        raise AssertionError(f"a chart of python-pptx has no {tag}")
    element.set("val", value)
