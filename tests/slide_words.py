"""What a reader reads on slides, as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pptx import Presentation

#: Placeholders that say the same on every slide: the foot and the number of the slide.
_EVERYWHERE = (11, 12)


def words_of_slides(path: Path, without: Iterable[str] = ()) -> str:
    """Texts, tables and the labels of charts, but for slides whose titles begin so.

    Which of how many slides a table stands on is no figure, nor is the number of a slide.
    """
    skipped = tuple(without)
    lines: list[str] = []
    for slide in Presentation(str(path)).slides:
        title = slide.shapes.title.text_frame.text
        if not (skipped and title.startswith(skipped)):
            lines += _words(slide)
    return "\n".join(lines)


def _words(slide: Any) -> Iterator[str]:
    for shape in slide.shapes:
        if shape.is_placeholder and shape.placeholder_format.idx in _EVERYWHERE:
            continue
        if shape.has_chart:
            yield from (t.text or "" for t in shape.chart._chartSpace.iter("{*}t"))
            for plot in shape.chart.plots:
                yield from plot.categories
        elif shape.has_table:
            for row in shape.table.rows:
                yield from (cell.text_frame.text for cell in row.cells)
        elif shape.has_text_frame:
            yield from shape.text_frame.text.replace("\v", "\n").splitlines()
