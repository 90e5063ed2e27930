"""How much room text takes on a slide, in points: 13.33 by 7.5 inches are 960 by 540 of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from boardpack.brand import Brand
from boardpack.render.slides.pieces import Cards, Line, Sheet, Words, is_by_hand, plain, spans

WIDTH, HEIGHT = 960.0, 540.0
MARGIN = 44.0
#: Where the body of a slide is: below its title, above its foot.
TOP, BOTTOM = 104.0, 500.0
BODY_WIDTH = WIDTH - 2 * MARGIN

TITLE_SIZE = 22.0
#: No text of a slide's body is smaller.
LEAST_SIZE = 12.0
#: Nor that of a table, unless its figures would be broken; what is looked up may be smaller still.
TABLE_SIZE, GLOSSARY_SIZE = 11.0, 10.0
LEADING = 1.2
#: From one line of the labels of a chart to the next.
LINE = LEAST_SIZE * 1.25

#: Between pieces of a slide, from top to bottom.
GAP = 14.0
#: A reader without the brand's font sees a wider one, and its bold is wider still: there is room.
_SUBSTITUTE, _SUBSTITUTE_BOLD = 1.23, 1.35
#: Insets of a cell, left and right together, and above and below.
CELL_X, CELL_Y = 11.0, 5.0
#: Within cards, and between them.
CARD_INSET, CARD_GAP = 9.0, 14.0
#: A row that is to be written in by hand.
_BY_HAND = 64.0


@dataclass(frozen=True)
class Box:
    """A place on a slide, in points."""

    x: float
    y: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    def split(self, n: int, gap: float = 24.0) -> list[Box]:
        """So many equal boxes side by side."""
        width = (self.width - gap * (n - 1)) / n
        return [Box(self.x + i * (width + gap), self.y, width, self.height) for i in range(n)]

    def grid(self, n: int, columns: int, gap: float) -> list[Box]:
        """``n`` boxes in rows of ``columns``, as high as there is room for."""
        rows = math.ceil(n / columns)
        height = (self.height - gap * (rows - 1)) / rows
        return [
            box
            for row in range(rows)
            for box in Box(self.x, self.y + row * (height + gap), self.width, height).split(
                columns, gap
            )
        ][:n]


BODY = Box(MARGIN, TOP, BODY_WIDTH, BOTTOM - TOP)


@dataclass(frozen=True)
class Ruler:
    """Measures text in the brand's font."""

    regular: Path
    bold: Path

    @classmethod
    def of(cls, brand: Brand) -> Ruler:
        """The ruler of a brand."""

        def nearest(weight: int) -> Path:
            upright = [font for font in brand.fonts if font.style == "normal"] or brand.fonts
            return min(upright, key=lambda font: abs(font.weight - weight)).path

        return cls(nearest(400), nearest(600))

    def width(self, text: str, size: float, bold: bool = False) -> float:
        """How wide a text is on one line."""
        font, wider = (self.bold, _SUBSTITUTE_BOLD) if bold else (self.regular, _SUBSTITUTE)
        return _width(str(font), text) * size * wider

    def lines(self, text: str, size: float, width: float, bold: bool = False) -> int:
        """On how many lines a text stands in a box of this width."""
        lines, used = 1, 0.0
        space = self.width(" ", size, bold)
        for word in text.split():
            wide = self.width(word, size, bold)
            if used and used + space + wide > width:
                lines, used = lines + 1, 0.0
            # A word that is wider than its line is broken within.
            whole = math.floor(wide / width) if wide > width else 0
            lines, used = lines + whole, (used + space if used else 0.0) + wide - whole * width
        return lines

    def height(self, line: Line, size: float, width: float) -> float:
        """How high a line is once it is wrapped."""
        bold = bool(line) and all(run.bold for run in line if run.text.strip())
        return self.lines(plain(line), size, width, bold) * size * LEADING

    def words(self, words: Words, size: float, width: float) -> float:
        """How high a passage is, with the space below each of its lines."""
        indent = 16.0 if words.kind == "bullets" else 0.0
        gap = size * (0.55 if words.kind == "bullets" else 0.35)
        return sum(self.height(line, size, width - indent) + gap for line in words.lines)

    def cards(self, cards: Cards, width: float) -> float:
        """How high cards are, all alike, in as many rows as they need."""
        columns = columns_of(cards)
        inner = (width - CARD_GAP * (columns - 1)) / columns - 2 * CARD_INSET
        one = max(
            sum(self.height(line, card_size(line)[0], inner) + card_size(line)[1] for line in card)
            for card in cards.cards
        )
        rows = math.ceil(len(cards.cards) / columns)
        return rows * (one + 2 * CARD_INSET) + (rows - 1) * CARD_GAP

    def rows(self, sheet: Sheet, widths: Sequence[float], size: float) -> tuple[float, list[float]]:
        """How high the head of a sheet is, and each of its rows."""
        head = max(
            (
                self.lines(column.head, size, width - CELL_X, True)
                for column, width in zip(sheet.columns, widths, strict=True)
            ),
            default=1,
        )
        heights = []
        for row in sheet.rows:
            if spans(row) or is_by_hand(row):
                heights.append(_BY_HAND if is_by_hand(row) else size * LEADING + CELL_Y)
                continue
            tallest = max(
                self.height(cell, size, width - CELL_X)
                for cell, width in zip(row, widths, strict=True)
            )
            heights.append(max(tallest, size * LEADING) + CELL_Y)
        return head * size * LEADING + CELL_Y, heights

    def widths(self, sheet: Sheet, width: float, size: float) -> list[float]:
        """Column widths that fill ``width``: what the report says, but no figure broken."""
        least = self._least(sheet, width, size)
        shares = [column.share for column in sheet.columns]
        if not all(shares):
            shares = [min(long, 0.5 * width) for long in self._longest(sheet, size)]
        wanted = [width * share / sum(shares) for share in shares]
        short = [max(0.0, low - want) for low, want in zip(least, wanted, strict=True)]
        spare = [max(0.0, want - low) for low, want in zip(least, wanted, strict=True)]
        if not sum(short) or not sum(spare):
            return wanted
        # What is too narrow takes from what has room.
        give = min(1.0, sum(short) / sum(spare))
        found = [want + low - more * give
                 for want, low, more in zip(wanted, short, spare, strict=True)]  # fmt: skip
        return [part * width / sum(found) for part in found]

    def has_room(self, sheet: Sheet, width: float, size: float) -> bool:
        """Whether every figure and word of a sheet stands on one line."""
        return sum(self._least(sheet, width, size)) <= width

    def _least(self, sheet: Sheet, width: float, size: float) -> list[float]:
        found = []
        has_figures = any(column.align == "right" for column in sheet.columns)
        for i, column in enumerate(sheet.columns):
            cells = [plain(row[i]) for row in sheet.rows if not spans(row)]
            words = [word for cell in (*cells, column.head) for word in cell.split()]
            # A figure stays on one line, and so does a word.
            tight = [*words, *(cells if column.align == "right" else [])]
            most = max((self.width(text, size, True) for text in tight), default=0.0)
            if i == 0 and has_figures:
                # A name is read at once where it stands on one line.
                longest = max((self.width(text, size) for text in cells), default=0.0)
                most = max(most, min(longest, 0.3 * width))
            found.append(min(most, 0.4 * width) + CELL_X + 1)
        return found

    def _longest(self, sheet: Sheet, size: float) -> list[float]:
        found = []
        for i, column in enumerate(sheet.columns):
            cells = [plain(row[i]) for row in sheet.rows if not spans(row)]
            empty = bool(sheet.rows) and not any(cells)
            written = [self.width(text, size) for text in (column.head, *cells)]
            found.append(max(110.0 if empty else 20.0, *written))
        return found


def columns_of(cards: Cards) -> int:
    """Into how many columns cards are laid."""
    count = len(cards.cards)
    columns = min(max(cards.columns, 1), count, 4)
    return 2 if count == 4 and columns == 3 else columns


def card_size(line: Line) -> tuple[float, float]:
    """The size of a line of a card, and the space below it."""
    roles = {run.role for run in line if run.text.strip()}
    if "card-name" in roles:
        return 14.0, 0.0
    return (26.0, 2.0) if "card-value" in roles else (LEAST_SIZE, 2.0)


@lru_cache(maxsize=1 << 14)
def _width(font: str, text: str) -> float:
    return float(_font(font).getlength(text)) / 100


@lru_cache(maxsize=8)
def _font(path: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, 100, layout_engine=ImageFont.Layout.BASIC)
