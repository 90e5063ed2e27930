"""How what is too much for a slide is parted: rows of tables, cards, passages, definitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from boardpack.render.slides.measures import (
    BODY,
    BODY_WIDTH,
    CELL_Y,
    GAP,
    GLOSSARY_SIZE,
    LEAST_SIZE,
    TABLE_SIZE,
    Ruler,
)
from boardpack.render.slides.pieces import (
    Alert,
    Cards,
    Entry,
    Glossary,
    Heading,
    Line,
    Piece,
    Sheet,
    Words,
    spans,
)

TEXT_SIZE = 14.0
#: Cards that fill a slide.
_CARDS = 8
#: A table is written as large as it may without more slides.
_SIZES = (16.0, 15.0, 14.0, 13.0, LEAST_SIZE, TABLE_SIZE)
#: Rather than break its figures a wide one is written smaller.
_WIDE = 10.0
#: Between the two columns of definitions, and below each of them.
COLUMN_GAP, ENTRY_GAP = 28.0, 4.5

Rows = tuple[tuple[Line, ...], ...]


@dataclass(frozen=True)
class Pages:
    """Parts what is too much for one slide, as the ruler measures it."""

    ruler: Ruler

    def height(self, pieces: Sequence[Piece]) -> float:
        """How high pieces are below one another, each as small as it may be."""
        heights = [self.height_of(piece) for piece in pieces]
        return sum(heights) + GAP * max(0, len(heights) - 1)

    def height_of(self, piece: Piece) -> float:
        """How high a piece is at its least; 0 of what takes what is left."""
        if isinstance(piece, Sheet):
            return self.sheet_height(piece, TABLE_SIZE)
        return height_of(piece, self.ruler)

    def sheet_height(self, sheet: Sheet, size: float) -> float:
        """How high a table is across a slide."""
        head, rows = self.ruler.rows(sheet, self.ruler.widths(sheet, BODY_WIDTH, size), size)
        return head + sum(rows)

    def of(self, body: Sequence[Piece], visual: Piece | None) -> list[tuple[Piece, ...]]:
        """What stands on each slide; ``visual`` is the piece that may be parted."""
        others = [piece for piece in body if piece is not visual]
        if isinstance(visual, Glossary):
            return self._columns(visual)
        if visual is None or (isinstance(visual, Sheet) and any(
            isinstance(piece, Sheet) for piece in others
        )):  # fmt: skip
            return self._sized(self._words(body))
        if isinstance(visual, Sheet):
            at = list(body).index(visual)
            above, below = list(body[:at]), list(body[at + 1 :])
            parts = self._tables(visual, self.height(above), self.height(below))
            chunks: list[tuple[Piece, ...]] = [(*above, part) for part in parts]
            chunks[-1] = (*chunks[-1], *below)
            return chunks
        if isinstance(visual, Cards) and len(visual.cards) > _CARDS:
            count = math.ceil(len(visual.cards) / _CARDS)
            each = math.ceil(len(visual.cards) / count)
            starts = range(0, len(visual.cards), each)
            chunks = [(replace(visual, cards=visual.cards[i : i + each]),) for i in starts]
            chunks[-1] = (*chunks[-1], *others)
            return chunks
        return self._sized([tuple(body)])

    def _sized(self, chunks: Sequence[tuple[Piece, ...]]) -> list[tuple[Piece, ...]]:
        """The same with the tables as small as they were measured, unless there is room."""
        found = []
        for chunk in chunks:
            sheets = [piece for piece in chunk if isinstance(piece, Sheet)]
            drawn = any(not isinstance(p, Sheet | Words | Alert | Heading) for p in chunk)
            size = TABLE_SIZE
            if sheets and not drawn:
                rest = self.height([p for p in chunk if not isinstance(p, Sheet)])
                room = BODY.height - rest - GAP * len(sheets)
                size = next(
                    (
                        size for size in _SIZES
                        if sum(self.sheet_height(sheet, size) for sheet in sheets) <= room
                        and all(self._is_calm(sheet, size) for sheet in sheets)
                    ),
                    TABLE_SIZE,
                )  # fmt: skip
            found.append(tuple(replace(p, size=size) if isinstance(p, Sheet) else p for p in chunk))
        return found

    def _tables(self, sheet: Sheet, above: float, below: float) -> list[Sheet]:
        """The table of each slide, at the largest size that does not need more slides."""
        room = BODY.height - (above + GAP if above else 0.0)
        after = below + GAP if below else 0.0
        least = self._split(sheet, room, after, TABLE_SIZE)
        for size in (*_SIZES, _WIDE):
            pages = self._split(sheet, room, after, size)
            if len(pages) == len(least) and self._is_calm(sheet, size):
                break
        if len(pages) == 1:
            return [replace(sheet, size=max(size, self._ample(sheet, room - after)))]
        # Its columns stand where they stood on the slide before.
        widths = self.ruler.widths(sheet, BODY_WIDTH, size)
        columns = tuple(
            replace(column, share=width)
            for column, width in zip(sheet.columns, widths, strict=True)
        )
        return [replace(sheet, columns=columns, rows=page, size=size) for page in pages]

    def _ample(self, sheet: Sheet, room: float) -> float:
        """The size at which a small table is read with ease, though its names take more lines."""
        sizes = (size for size in _SIZES if size <= TEXT_SIZE)
        return next(
            (
                size for size in sizes
                if self.sheet_height(sheet, size) <= 0.8 * room
                and self.ruler.has_room(sheet, BODY_WIDTH, size)
            ),
            0.0,
        )  # fmt: skip

    def _is_calm(self, sheet: Sheet, size: float) -> bool:
        """Whether no figure is broken at this size, and no more lines are than at the least."""
        if not self.ruler.has_room(sheet, BODY_WIDTH, size):
            return False
        return self._lines(sheet, size) <= self._lines(sheet, TABLE_SIZE) + 0.1

    def _lines(self, sheet: Sheet, size: float) -> float:
        """How many lines the rows of a table have."""
        _, rows = self.ruler.rows(sheet, self.ruler.widths(sheet, BODY_WIDTH, size), size)
        return sum(row - CELL_Y for row in rows) / size

    def _split(self, sheet: Sheet, room: float, after: float, size: float) -> list[Rows]:
        """Rows in even parts, since a last slide with a single row reads like a mistake.

        A heading within the table is not parted from its first row.
        """
        widths = self.ruler.widths(sheet, BODY_WIDTH, size)
        head, heights = self.ruler.rows(sheet, widths, size)
        if head + sum(heights) + after <= room or not heights:
            return [sheet.rows]
        for count in range(2, len(heights)):
            goal = min(room - head, sum(heights) / count + max(heights))
            pages, used = [list[tuple[Line, ...]]()], 0.0
            for i, (row, height) in enumerate(zip(sheet.rows, heights, strict=True)):
                follows = heights[i + 1] if spans(row) and i + 1 < len(heights) else 0.0
                if pages[-1] and used + height + follows > goal:
                    pages.append([])
                    used = 0.0
                pages[-1].append(row)
                used += height
            if len(pages) <= count and used + head + after <= room:
                return [tuple(page) for page in pages]
        return [(row,) for row in sheet.rows]

    def _words(self, body: Sequence[Piece]) -> list[tuple[Piece, ...]]:
        """Words on as many slides as they need at a size that can be read."""
        parts: list[list[Piece]] = [[]]
        used = 0.0
        for piece in body:
            parted = [piece]
            if isinstance(piece, Words | Alert) and self.height_of(piece) > BODY.height - used:
                parted = [replace(piece, lines=(line,)) for line in piece.lines]
            for i, one in enumerate(parted):
                height = self.height_of(one)
                if parts[-1] and used + height > BODY.height:
                    parts.append([])
                    used = 0.0
                before = parts[-1][-1] if parts[-1] else None
                if i and isinstance(before, Words | Alert) and isinstance(one, Words | Alert):
                    parts[-1][-1] = replace(before, lines=(*before.lines, *one.lines))
                else:
                    parts[-1].append(one)
                used += height + GAP
        return [tuple(part) for part in parts if part]

    def _columns(self, glossary: Glossary) -> list[tuple[Piece, ...]]:
        """Definitions in two columns a slide, even over the slides that they need."""
        heights = [entry_height(entry, self.ruler) for entry in glossary.entries]
        columns = _filled(glossary.entries, heights, BODY.height)
        count = 2 * math.ceil(len(columns) / 2)
        goal = sum(heights) / count
        kept = columns
        while goal < BODY.height:
            even = _filled(glossary.entries, heights, goal)
            if len(even) <= count:
                kept = even
                break
            goal += ENTRY_GAP
        return [
            tuple(Glossary(tuple(column)) for column in kept[i : i + 2])
            for i in range(0, len(kept), 2)
        ]


def entry_height(entry: Entry, ruler: Ruler) -> float:
    """How high a definition is in one of two columns, with the space below it."""
    width = (BODY_WIDTH - COLUMN_GAP) / 2
    lines = [line for line in (entry.name, entry.text) if line]
    return sum(ruler.height(line, GLOSSARY_SIZE, width) for line in lines) + ENTRY_GAP


def height_of(piece: Piece, ruler: Ruler, size: float = TEXT_SIZE) -> float:
    """How high words, a warning or a heading are across a slide; 0 of what takes what is left."""
    if isinstance(piece, Heading):
        return size * 1.25
    if isinstance(piece, Alert):
        return ruler.words(Words("text", piece.lines), size, BODY_WIDTH - 24) + size + 22
    if not isinstance(piece, Words):
        return 0.0
    if piece.kind == "remark":
        return ruler.words(piece, LEAST_SIZE, BODY_WIDTH - 16) + 16
    return ruler.words(piece, size - 2 if piece.kind == "note" else size, BODY_WIDTH)


def text_size(body: Sequence[Piece], ruler: Ruler) -> float:
    """How large words are written: where nothing else stands on a slide, as large as they fit."""
    if not all(isinstance(piece, Words | Heading | Alert) for piece in body):
        return TEXT_SIZE
    sizes = (18.0, 17.0, 16.0, 15.0)
    room = BODY.height - GAP * len(body)
    return next(
        (s for s in sizes if sum(height_of(piece, ruler, s) for piece in body) <= room), TEXT_SIZE
    )


def _filled(entries: Sequence[Entry], heights: Sequence[float], room: float) -> list[list[Entry]]:
    columns: list[list[Entry]] = [[]]
    used = 0.0
    for entry, height in zip(entries, heights, strict=True):
        if columns[-1] and used + height > room:
            columns.append([])
            used = 0.0
        columns[-1].append(entry)
        used += height
    return columns
