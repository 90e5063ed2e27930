"""What is written at the figures of a native chart, none of it upon another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lxml import etree

from boardpack.render.slides.drawing import Ink, qn
from boardpack.render.slides.frames import Frame
from boardpack.render.slides.measures import LEAST_SIZE, LINE, Box
from boardpack.render.slides.pieces import clean
from boardpack.render.slides.series import Drawn


def write_labels(
    ink: Ink, element: Any, kind: str, one: Drawn, series: Sequence[Drawn], frame: Frame,
    box: Box, count: int,
) -> None:  # fmt: skip
    """Write the labels of a series, at its end below one another."""
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
        labels.append(_label(ink, i, text, place, color, bold, moved / box.height))
    for tag in ("LegendKey", "Val", "CatName", "SerName", "Percent", "BubbleSize"):
        etree.SubElement(labels, qn(f"c:show{tag}"), val="0")


def _label(
    ink: Ink, index: int, text: str, place: str, color: str, bold: bool, shift: float
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
    properties = etree.SubElement(r, qn("a:rPr"), lang=ink.language, sz=size)
    properties.set("b", "1" if bold else "0")
    properties.append(ink.fill(color))
    etree.SubElement(r, qn("a:t")).text = clean(text)
    look = etree.SubElement(label, qn("c:spPr"))
    etree.SubElement(look, qn("a:noFill"))
    etree.SubElement(etree.SubElement(look, qn("a:ln")), qn("a:noFill"))
    etree.SubElement(label, qn("c:dLblPos"), val=place)
    for tag in ("LegendKey", "Val", "CatName", "SerName", "Percent", "BubbleSize"):
        etree.SubElement(label, qn(f"c:show{tag}"), val="1" if tag == "Val" else "0")
    return label


def _spread(series: Sequence[Drawn], frame: Frame, end: int) -> dict[str, float]:
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
        places[i] = max(places[i], places[i - 1] + LINE)
    floor = frame.height + LINE / 2
    for i in reversed(range(len(places))):
        places[i] = min(places[i], floor)
        floor = places[i] - LINE
    return {
        name: moved - place
        for (name, place), moved in zip(found, places, strict=True)
        if abs(moved - place) > 0.5
    }
