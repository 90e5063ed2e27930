"""Native tables: a header row, figures to the right, met and missed in their colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lxml import etree
from pptx.util import Pt

from boardpack.render.slides.drawing import Ink, Look, describe, emu, qn
from boardpack.render.slides.measures import CELL_X, CELL_Y, Box, Ruler
from boardpack.render.slides.pieces import Line, Run, Sheet, is_by_hand, spans

#: The style without lines and fills, of which every program has its own copy.
_PLAIN = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"
#: How much of its size a row may be higher than its text needs, where there is room.
_MOST_AIR = 0.7


def draw_table(
    slide: Any, sheet: Sheet, box: Box, ink: Ink, ruler: Ruler, name: str, alt: str,
    spare: float = 0.0,
) -> float:  # fmt: skip
    """Draw a sheet into a box and return how high it came out, in points.

    Of the room that is to ``spare`` each row takes a part.
    """
    widths = ruler.widths(sheet, box.width, sheet.size)
    head, heights = ruler.rows(sheet, widths, sheet.size)
    more = min(_MOST_AIR * sheet.size, spare / (len(heights) + 1))
    heights = [height + more for height in heights]
    total = head + sum(heights)
    held = slide.shapes.add_table(
        len(sheet.rows) + 1, len(sheet.columns), *emu(Box(box.x, box.y, box.width, total))
    )
    held.name = name
    describe(held, alt)
    table = held.table
    _plain(table)
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Pt(width)
    for row, height in zip(table.rows, (head, *heights), strict=True):
        row.height = Pt(height)
    heads = tuple((Run(column.head),) for column in sheet.columns)
    _row(table, 0, heads, sheet, ink, is_head=True)
    for i, row in enumerate(sheet.rows, start=1):
        _row(table, i, row, sheet, ink)
        if spans(row):
            table.cell(i, 0).merge(table.cell(i, len(sheet.columns) - 1))
    return total


def _plain(table: Any) -> None:
    properties = table._tbl.tblPr
    for flag in list(properties.attrib):
        del properties.attrib[flag]
    properties.set("firstRow", "1")
    for old in list(properties):
        properties.remove(old)
    etree.SubElement(properties, qn("a:tableStyleId")).text = _PLAIN


def _row(
    table: Any, index: int, cells: Sequence[Line], sheet: Sheet, ink: Ink, *, is_head: bool = False
) -> None:
    heading = not is_head and spans(cells)
    for j, (line, column) in enumerate(zip(cells, sheet.columns, strict=True)):
        align = {"right": "r", "center": "ctr"}.get(column.align, "l")
        look = Look(sheet.size, "muted" if is_head else "ink", bold=is_head, align=align)
        cell = table.cell(index, j)
        steps = [run.heat for run in line if run.heat >= 0]
        heat = ink.heat(steps[0]) if steps else None
        if heat:
            # On a dark cell the colour of a judgement could not be read: its sign says it.
            look = replace(look, color=heat["ink"])
            line = tuple(replace(run, role="") for run in line)
        ink.write(cell.text_frame, [ink.paragraph(line, look)])
        properties = cell._tc.get_or_add_tcPr()
        sides = {"marL": 0.0 if j == 0 else CELL_X / 2, "marR": CELL_X / 2,
                 "marT": CELL_Y / 2, "marB": CELL_Y / 2}  # fmt: skip
        for side, inset in sides.items():
            properties.set(side, str(int(Pt(inset))))
        by_hand = not is_head and is_by_hand(cells)
        properties.set("anchor", "b" if is_head or by_hand else "ctr")
        rule = ink.outline("muted" if is_head else "faint", 1.25 if is_head else 0.75, tag="a:lnB")
        properties.append(rule)
        if heat:
            properties.append(ink.fill(heat["fill"]))
        elif heading:
            properties.append(ink.fill("wash"))
        else:
            etree.SubElement(properties, qn("a:noFill"))
