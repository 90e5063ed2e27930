"""Native charts: the figures of a `Plot`, editable, in the notation of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from lxml import etree
from pptx.chart.data import CategoryChartData
from pptx.chart.xlsx import CategoryWorkbookWriter
from pptx.enum.chart import XL_CHART_TYPE
from xlsxwriter import Workbook

from boardpack.render.slides.drawing import Ink, Look, describe, emu, qn
from boardpack.render.slides.measures import LEAST_SIZE, Box, Ruler
from boardpack.render.slides.pieces import Run, clean
from boardpack.theme import mix

_TYPES = {
    "lines": XL_CHART_TYPE.LINE_MARKERS,
    "columns": XL_CHART_TYPE.COLUMN_CLUSTERED,
    "stack": XL_CHART_TYPE.COLUMN_STACKED,
    "bridge": XL_CHART_TYPE.COLUMN_STACKED,
    "bars": XL_CHART_TYPE.BAR_CLUSTERED,
}
_LINE = LEAST_SIZE * 1.25
_EDGE = 6.0
#: An axis in a figure of this length or more starts at zero where the least is below this share.
_FLAT = 0.5
#: Series that only carry others; a reader of the data sheet is told so by their names.
_BASE, _ABOVE = "Base (not shown)", "Labels (not shown)"
_MEMBERS = ("accent", "ink", "last_year", "muted", "target")


@dataclass(frozen=True)
class _Series:
    """A series as it is drawn: ``labels`` by the index of the figure they stand at."""

    name: str
    role: str
    values: tuple[float | None, ...]
    labels: dict[int, str] = field(default_factory=dict)
    color: str = "accent"
    #: where its labels are put beside the figure: r, t, outEnd, inBase, ctr
    place: str = "r"
    label_colors: dict[int, str] = field(default_factory=dict)
    hues: dict[int, str] = field(default_factory=dict)


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


class _Sheet(CategoryWorkbookWriter):
    """The data sheet behind a chart: texts stay texts, and equal data are equal bytes."""

    def __init__(self, data: CategoryChartData, day: datetime) -> None:
        super().__init__(data)  # type: ignore[no-untyped-call]
        self._day = day

    def _open_worksheet(self, xlsx_file: Any) -> Any:
        from contextlib import contextmanager

        @contextmanager
        def opened() -> Any:
            # A name that begins with = is somebody's name, not a formula to be run.
            options = {
                "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
                "strings_to_numbers": False, "nan_inf_to_errors": True,
            }  # fmt: skip
            workbook = Workbook(xlsx_file, options)
            workbook.set_properties({"created": self._day})
            yield workbook, workbook.add_worksheet()
            workbook.close()

        return opened()


class _Data(CategoryChartData):
    """Chart data that write their sheet by `_Sheet`."""

    def __init__(self, day: datetime) -> None:
        super().__init__(number_format="General")  # type: ignore[no-untyped-call]
        self._writer = _Sheet(self, day)

    @property
    def _workbook_writer(self) -> _Sheet:
        return self._writer


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
        series = _series(plot)
        if kind == "bridge":
            series = _bridge(categories, series)
        if kind == "stack":
            series = _stack(series, self.ink.colors)
        if kind == "bars":
            series = _bars(series, self.ink.colors)
        if kind == "columns":
            series = [replace(s, place="outEnd") for s in series]
        legend = kind in ("stack", "columns", "bars") and _needs_legend(kind, series)
        frame = self._frame(kind, categories, series, box, legend, plot.get("ends"))
        shown = _short_years(categories) if kind != "bars" else categories
        chart_data = _Data(self.day)
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
        series: Sequence[_Series],
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
        names = _short_years(categories) if kind == "lines" else categories
        words = [word for name in names for word in name.split()]
        ends_only = kind == "lines" and slot < 3 + max(
            (self.ruler.width(word, LEAST_SIZE) for word in words), default=0.0
        )
        wraps = [self.ruler.lines(name, LEAST_SIZE, slot - 4) for name in names]
        under = (1 if ends_only else min(3, max(wraps))) * _LINE + 8 + below
        top = 8.0 if kind == "lines" else 22.0
        height = max(40.0, box.height - under - top)
        low, high = _ends(kind, series, figures)
        if ends and ends[0] <= min(figures) and max(figures) <= ends[1]:
            low, high = ends
        return _Frame(_EDGE, top, box.width - _EDGE - right, height, low, high, ends_only)

    def _dress(
        self, chart: Any, kind: str, categories: Sequence[str], series: Sequence[_Series],
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

    def _style(self, element: Any, kind: str, one: _Series) -> None:
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

    def _end_points(self, element: Any, marker: Any, one: _Series) -> None:
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
        self, element: Any, kind: str, one: _Series, series: Sequence[_Series], frame: _Frame,
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

    def _legend(self, chart: Any, series: Sequence[_Series]) -> None:
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


def _series(plot: Mapping[str, Any]) -> list[_Series]:
    """The series in the order they are drawn: what stands back first."""
    found = []
    members = 0
    for entry in plot["series"]:
        role = entry["role"]
        color = {"last_year": "last_year", "target": "target", "gain": "good", "loss": "bad",
                 "balance": "accent"}.get(role, "accent")  # fmt: skip
        if role == "member":
            color = _MEMBERS[members % len(_MEMBERS)]
            members += 1
        # What is infinite or no number cannot stand in a data sheet.
        values = tuple(
            float(v) if v is not None and math.isfinite(v) else None for v in entry["values"]
        )
        labels = {i: text for i, text in enumerate(entry.get("labels") or ()) if text}
        labels = {i: text for i, text in labels.items() if values[i] is not None}
        found.append(_Series(str(entry["name"]), role, values, labels, color))
    if plot["kind"] == "lines":
        found = [_named_at_end(one) for one in found]
        order = {"target": 0, "last_year": 1, "member": 2, "forecast": 3}
        found.sort(key=lambda one: order.get(one.role, 4))
    return found


def _named_at_end(one: _Series) -> _Series:
    """A line says at its end what it is; the figures of this year say so by standing out."""
    known = [i for i, v in enumerate(one.values) if v is not None]
    if not known or one.role == "actual":
        return one
    end = known[-1]
    name = one.name if one.role == "member" else one.name[:1].lower() + one.name[1:]
    said = f"{one.labels.get(end, '')} {name}".strip()
    return replace(one, labels={**one.labels, end: said})


def _bridge(categories: Sequence[str], series: Sequence[_Series]) -> list[_Series]:
    """Bars that stand on what went before, by a base that is not seen, and room for their labels.

    A bar that crosses zero is drawn in two parts.
    """
    count, level = len(categories), 0.0
    base: list[float | None] = [None] * count
    parts = {one.role: [None] * count for one in series}
    under = {one.role: [None] * count for one in series}
    tops: list[float] = [0.0] * count
    ends: list[float] = []
    levels: list[float] = []
    for i in range(count):
        for one in series:
            amount = one.values[i]
            if amount is None:
                continue
            start, end = (0.0, amount) if one.role == "balance" else (level, level + amount)
            level = end
            low, high = min(start, end), max(start, end)
            levels.append(end)
            ends += [low, high]
            tops[i] = max(high, 0.0) if low < 0 < high or low >= 0 else low
            if low < 0 < high:
                parts[one.role][i], under[one.role][i] = high, low  # type: ignore[call-overload]
            else:
                base[i] = low if low >= 0 else high
                parts[one.role][i] = high - low if low >= 0 else low - high  # type: ignore[call-overload]
    found = [_Series(_BASE, "hidden", tuple(base), color="paper")]
    texts: dict[int, str] = {}
    colors: dict[int, str] = {}
    floor = _floor(levels)
    for one in series:
        # A balance whose bar is cut says so where the page does.
        cut = {i: "≈" for i in one.labels} if one.role == "balance" and floor else {}
        found.append(
            replace(
                one, values=tuple(parts[one.role]), labels=cut, place="inBase",
                label_colors=dict.fromkeys(cut, "paper"),
            )
        )  # fmt: skip
        if any(v is not None for v in under[one.role]):
            name = f"{one.name} below zero"
            found.append(replace(one, name=name, values=tuple(under[one.role]), labels={}))
        texts |= one.labels
        hue = {"gain": "good", "loss": "bad"}.get(one.role, "ink")
        colors |= dict.fromkeys(one.labels, hue)
    room = 0.09 * (max(ends) - (floor or min(ends)) or 1.0)
    # Labels of a bar below zero stand on it as well: above the axis, where there is room.
    above_zero = tuple(room if i in texts and tops[i] >= 0 else None for i in range(count))
    below_zero = tuple(-room if i in texts and tops[i] < 0 else None for i in range(count))
    above = {i: text for i, text in texts.items() if tops[i] >= 0}
    found.append(_Series(_ABOVE, "hidden", above_zero, above, "paper", "inBase", colors))
    if any(v is not None for v in below_zero):
        rest = {i: text for i, text in texts.items() if tops[i] < 0}
        found.append(
            _Series(f"{_ABOVE} below", "hidden", below_zero, rest, "paper", "inBase", colors)
        )
    return found


def _floor(levels: Sequence[float]) -> float:
    """Where the bars of a bridge are cut, as the page cuts them; 0 where they start at zero.

    Balances are far larger than what moves them.
    """
    if not levels:
        return 0.0
    spread = max(levels) - min(levels) or abs(levels[0]) * 0.1 or 1.0
    floor = min(levels) - 0.45 * spread
    return floor if floor > 0.3 * max(levels) else 0.0


def _stack(series: Sequence[_Series], colors: Mapping[str, str]) -> list[_Series]:
    """Gains in greens and losses in reds, the first of each the strongest."""
    seen = {"gain": 0, "loss": 0}
    found = []
    for one in series:
        color = one.color
        if one.role in seen:
            color = mix(colors[one.color], colors["paper"], min(0.68, 0.34 * seen[one.role]))
            seen[one.role] += 1
        if one.role == "balance":
            color = "ink"
        found.append(replace(one, color=color, place="ctr"))
    return found


def _bars(series: Sequence[_Series], colors: Mapping[str, str]) -> list[_Series]:
    """Bars with their texts at the end; a missed one stands back, and says so in red."""
    goals = next((one for one in series if one.role == "target"), None)
    found = []
    moved: dict[int, str] = {}
    hues: dict[int, str] = {}
    for one in series:
        labels, inks, own = dict(one.labels), dict[int, str](), dict[int, str]()
        for i, text in one.labels.items():
            if text.endswith("missed"):
                inks[i] = "bad"
                own[i] = mix(colors["accent"], colors["paper"], 0.45)
            if goals is not None and one is not goals:
                goal = goals.values[i]
                if goal is not None and (one.values[i] or 0.0) < goal:
                    moved[i] = labels.pop(i)
                    hues |= {i: inks[i]} if i in inks else {}
        found.append(replace(one, labels=labels, place="outEnd", label_colors=inks, hues=own))
    return [
        replace(one, labels={**one.labels, **moved}, label_colors={**one.label_colors, **hues})
        if one.role == "target"
        else one
        for one in found
    ]


def _needs_legend(kind: str, series: Sequence[_Series]) -> bool:
    seen = [one for one in series if one.role != "hidden"]
    # The texts of bars say what was wanted.
    said = kind == "bars" and {one.role for one in seen} <= {"actual", "target"}
    return len(seen) > 1 and not said


def _ends(kind: str, series: Sequence[_Series], figures: Sequence[float]) -> tuple[float, float]:
    if kind in ("stack", "bridge"):
        part_of = [s for s in series if not (kind == "stack" and s.role == "balance")]
        columns = [[s.values[i] or 0.0 for s in part_of] for i in range(len(series[0].values))]
        highs = [sum(v for v in column if v > 0) for column in columns]
        lows = [sum(v for v in column if v < 0) for column in columns]
        high, low = max(highs, default=0.0), min(lows, default=0.0)
        if kind == "bridge":
            base = [v for v in series[0].values if v is not None]
            tops = [highs[i] - (part_of[-1].values[i] or 0.0) for i in range(len(highs))]
            low = low or _floor([*base, *(top for top in tops if top)])
        return low, high or 1.0
    low, high = min(figures), max(figures)
    if kind == "columns" or low < 0 < high or low < _FLAT * high:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
    air = 0.06 * (high - low)
    return (low - air if low else low), (high + air if high else high)


def _spread(series: Sequence[_Series], frame: _Frame, end: int) -> dict[str, float]:
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


def _short_years(categories: Sequence[str]) -> list[str]:
    """``Dec 2024, Jan 2025, Feb, Mar``: a year is said where it begins and at the end.

    >>> _short_years(["Nov 2024", "Dec 2024", "Jan 2025", "Feb 2025", "Mar 2025"])
    ['Nov 2024', 'Dec', 'Jan 2025', 'Feb', 'Mar 2025']
    """
    found, before = [], ""
    for i, category in enumerate(categories):
        name, _, year = category.rpartition(" ")
        is_year = len(year) == 4 and year.isdecimal() and bool(name)
        same = is_year and year == before and i != len(categories) - 1
        found.append(name if same else category)
        before = year if is_year else ""
    return found


def _gaps(group: Any, kind: str, series: Sequence[_Series]) -> None:
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
